"""The types that check the values of options."""

from typing import TYPE_CHECKING, Any

import click

from cv_gdpr.cli import inputs
from cv_gdpr.languages import LANGUAGES
from cv_gdpr.masking import masked
from cv_gdpr.patterns import lines_of
from cv_gdpr.platforms.names import refused

if TYPE_CHECKING:
    from pathlib import Path


class OnePerLine(click.ParamType[Any]):
    """Text; a variable for a repeatable option holds one value per line, since names may contain blanks."""

    name = "text"

    def split_envvar_value(self, rv: str) -> list[str]:
        """Return the lines that are not blank."""
        return [line for line in lines_of(rv) if line.strip()]


class Words(click.ParamType[str]):
    """Free text of one line, which is kept as it was given."""

    name = "text"
    longest = 200  # characters

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text; fail if it has control characters, such as line breaks, or a credential, or is too long."""
        import unicodedata

        text = str(value)
        if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text):
            self.fail("it holds a line break or another control character", param, ctx)
        if masked(text) != text:
            self.fail("it holds a key or a signature", param, ctx)
        if len(text) > self.longest:
            self.fail(f"it is longer than {self.longest} characters", param, ctx)
        return text


class OneLanguage(click.ParamType[str]):
    """One of the languages that there are translations for; `DE` and `de-AT` are German as well."""

    name = "language"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the code of the language; fail for one that is not there."""
        code = str(value).strip().lower().replace("_", "-").partition("-")[0]
        if code in LANGUAGES:
            return code
        from difflib import get_close_matches

        names = _languages_by_name()
        near = [f"similar: {names[word]}; " for word in get_close_matches(code, names, 1)]
        return self.fail(f"no texts in {value!r}; {''.join(near)}the languages are {', '.join(LANGUAGES)}", param, ctx)


def _languages_by_name() -> dict[str, str]:
    """Return what people may type for a language, with its code."""
    names = {
        "en": ("english", "eng", "gb", "us", "englisch", "inglés"),
        "de": ("german", "deu", "ger", "deutsch", "alemán"),
        "es": ("spanish", "spa", "español", "espanol", "castellano", "spanisch"),
        "pt": ("portuguese", "por", "português", "portugues", "br", "portugiesisch"),
        "zh": ("chinese", "chi", "zho", "cn", "中文", "chinesisch"),
    }
    return {name: code for code, all_names in names.items() for name in (code, *all_names)}


class MetadataPair(OnePerLine):
    """KEY=VALUE, as a pair."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return (key, value); fail unless there is text on both sides of an equals sign."""
        if isinstance(value, tuple):
            return value
        key, equals, rest = str(value).partition("=")
        if not equals or not key.strip() or not rest.strip():
            self.fail("not KEY=VALUE with text on both sides", param, ctx)
        return key, rest


class FromEnvironment(str):
    """A value that comes from a variable: a profile beats it."""

    __slots__ = ()


class OfConnection(click.ParamType[str]):
    """Text that a profile may set too."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value unchanged, of whichever class: it tells where the value comes from."""
        del param, ctx
        text: str = value
        return text


class ChoiceOfConnection(click.Choice[str]):
    """One of several words, which a profile may set too."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word; fail if it is not one of the choices."""
        word = super().convert(value, param, ctx)
        return FromEnvironment(word) if isinstance(value, FromEnvironment) else word


class ImageId(OnePerLine):
    """An image id in its canonical form."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the id in lower case with dashes; fail if it is not a UUID."""
        try:
            return inputs.uuid_of(str(value).strip())
        except ValueError:
            self.fail(f"{value!r} is not an id (32 hexadecimal digits)", param, ctx)


class Rate(click.FloatRange):
    """Calls a second; 0: no limit."""

    def __init__(self) -> None:
        super().__init__(0, 10_000)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the rate; fail for NaN, and for a rate so low that the next call would never come."""
        rate = float(super().convert(value, param, ctx))
        if rate != rate or 0 < rate < 0.001:  # noqa: PLR0124 - NaN differs from itself
            self.fail("not a rate: 0, or at least 0.001", param, ctx)
        return rate


class Shares(click.ParamType[Any]):
    """How many of a hundred images go to training, validation and test: 80/10/10, or 80/20 without test."""

    name = "shares"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return three numbers; fail unless they add up to 100, and training has some."""
        if isinstance(value, tuple):
            return value
        words = str(value).split("/")
        shares = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 4]
        if len(shares) != len(words) or len(words) not in {2, 3} or sum(shares) != 100 or not shares[0]:
            self.fail("not two or three whole numbers that add up to 100, as in 80/10/10", param, ctx)
        return (*shares, 0)[:3]


class FilePath(click.Path):
    """A path as a Path; pathlib is imported on use, so that usage errors stay fast."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Path":
        """Return the path; fail for a name that this system refuses."""
        from pathlib import Path

        path = str(super().convert(value, param, ctx))
        if path != "-" and (why := refused(path)):
            self.fail(why, param, ctx)
        return Path(path)


class Seconds(click.FloatRange):
    """A time in seconds, short enough for the system's timers."""

    def __init__(self, least: float = 0) -> None:
        super().__init__(least, 1e7)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; fail for NaN."""
        seconds = float(super().convert(value, param, ctx))
        if seconds != seconds:  # noqa: PLR0124 - NaN differs from itself
            self.fail("not a number of seconds", param, ctx)
        return seconds


class Moment(click.ParamType[str]):
    """A date or time as ISO 8601 writes it, without an offset in UTC; as a time in UTC, to the second."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the time; fail for a text that is not a date or time."""
        from datetime import UTC, datetime

        try:
            found = datetime.fromisoformat(str(value).strip())
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a date: write 2026-01-31, or 2026-01-31T12:00:00Z", param, ctx)
        return f"{found:%Y-%m-%dT%H:%M:%SZ}" if found.year >= 1000 else self.fail("the year is too early", param, ctx)


class Age(click.ParamType[str]):
    """A number of days, months or years: 90d, 6m, 2y."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the age as it is written; fail for another text, and for one that no date has."""
        text = str(value).strip()
        try:
            inputs.moment_of(text)
        except ValueError:
            self.fail(f"{value!r} is not an age: write 90d, 6m or 2y", param, ctx)
        return text


class Probability(click.FloatRange):
    """A probability from 0 to 1."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the probability; fail for NaN."""
        found = float(super().convert(value, param, ctx))
        if found != found:  # noqa: PLR0124 - NaN differs from itself
            self.fail("not a number from 0 to 1", param, ctx)
        return found
