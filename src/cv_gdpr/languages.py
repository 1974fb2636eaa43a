"""The languages of what people receive: reports, cover sheets and certificates.

`language("de")` returns the catalogue of translations, and how German writes dates and numbers. The English texts are
in the code and in the templates, as `_("…")`, `{% trans %}` or `message("…")`; CONTRIBUTING.md says how to add one.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime
    from gettext import NullTranslations

    from jinja2 import Environment
    from jinja2.runtime import Context
    from markupsafe import Markup

LANGUAGES: Final = ("en", "de", "es", "pt", "zh")
DOMAIN: Final = "cv_gdpr"
_STEERING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}  # change the order of other text


class _Customs(NamedTuple):
    """How a language is named in HTML and in Unicode's CLDR, and the order in which it writes a date and a time.

    The patterns are CLDR's, without its conjunctions: those change from one release to the next, and `verify` makes a
    certificate again to compare it, byte by byte.
    """

    tag: str
    locale: str
    day: str
    short_day: str
    time: str = "HH:mm:ss 'UTC'"
    between: str = ", "


_CUSTOMS: Final = {
    "en": _Customs("en", "en_GB", "d MMMM y", "d MMM y"),
    "de": _Customs("de", "de", "d. MMMM y", "dd.MM.y"),
    "es": _Customs("es", "es", "d 'de' MMMM 'de' y", "d/M/y"),
    "pt": _Customs("pt-BR", "pt_BR", "d 'de' MMMM 'de' y", "dd/MM/y"),
    "zh": _Customs("zh-CN", "zh_Hans_CN", "y年M月d日", "y/M/d", between=" "),
}


def message(english: str) -> str:
    """Return a text unchanged: marks it for the catalogues, where it stands before the language is known."""
    return english


def sentence(text: str) -> str:
    """Return a text that begins with a capital; the rest is unchanged."""
    return text[:1].upper() + text[1:]


def tag_of(code: str) -> str:
    """Return the name of a language in HTML (BCP 47)."""
    return _CUSTOMS[code].tag


def shown(text: str) -> str:
    """Return a text with every character escaped that no one sees, or that changes how the text around it is shown."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(letter if _is_plain(letter) else f"\\u{ord(letter):04x}" for letter in text)


def isolated(text: str) -> Markup:
    """Return a text of other people as HTML that leaves the order of the text around it alone.

    Otherwise a name in Arabic or Hebrew moves the digits of an id beside it. Letters of ASCII move nothing.
    """
    from markupsafe import Markup, escape

    written = escape(shown(text))
    return written if text.isascii() else Markup(f"<bdi>{written}</bdi>")  # noqa: S704 - it is escaped


def _is_plain(letter: str) -> bool:
    return letter.isprintable() or (letter in " \n\t\u3000\u00a0\u200d\u200c" and ord(letter) not in _STEERING)


def short(text: str, most: int = 60) -> str:
    """Return the beginning of a text where a page may repeat it; the page of a picture has it in full."""
    return text if len(text) <= most else f"{text[:most]}…"


class Language:
    """A language: its translations, and how it writes dates and numbers. `tag` is its name in HTML (BCP 47)."""

    def __init__(self, code: str, translations: NullTranslations) -> None:
        self.code = code
        self.tag = _CUSTOMS[code].tag
        self.gettext = translations.gettext
        self.ngettext = translations.ngettext
        self._customs = _CUSTOMS[code]

    def date(self, text: str, *, short: bool = False) -> str:
        """Return a date or time in ISO 8601 as the language writes it, times in UTC and to the second.

        Return a text unchanged that is not one: the service may send anything.
        """
        return _written(text, self._customs, short=short)

    @property
    def pattern(self) -> str:
        """How it writes a date and a time, in the letters of Unicode's CLDR; other text is in single quotes."""
        return _with_time(self._customs.day, self._customs)

    @property
    def months(self) -> list[str]:
        """The names of the months within a date."""
        from babel.dates import get_month_names

        return list(get_month_names("wide", locale=self._customs.locale).values())

    def number(self, number: float, *, digits: int = 3) -> str:
        """Return a number with the language's separators, and with at most so many decimals.

        Return one unchanged that has too many digits for that.
        """
        from babel.numbers import format_decimal

        try:
            return format_decimal(round(number, digits), locale=self._customs.locale, decimal_quantization=False)
        except ArithmeticError:
            return str(number)

    def percent(self, share: float, *, digits: int = 1) -> str:
        """Return a share from 0 to 1 in per cent, with at most so many decimals.

        Return a number unchanged that has too many digits for that.
        """
        from babel.numbers import format_percent

        try:
            return format_percent(round(share, digits + 2), locale=self._customs.locale, decimal_quantization=False)
        except ArithmeticError:
            return str(share)


@lru_cache(4096)  # the items of one call share a time
def _written(text: str, customs: _Customs, *, short: bool) -> str:
    from babel.dates import format_datetime

    moment = moment_of(text)
    if moment is None:
        return text
    day = customs.short_day if short else customs.day
    pattern = day if without_time(text) else _with_time(day, customs)
    return format_datetime(moment, pattern, locale=customs.locale)


def _with_time(day: str, customs: _Customs) -> str:
    return f"{day}'{customs.between}'{customs.time}"


def moment_of(text: str) -> datetime | None:
    """Return the moment that a text in ISO 8601 names, in UTC; None if it does not name one."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC, it may be before the year 1 or after 9999
        return None


def without_time(text: str) -> bool:
    """Return whether a text in ISO 8601 names a day without a time."""
    return "T" not in text and " " not in text.strip()


@cache
def language(code: str) -> Language:
    """Return one of LANGUAGES; the English texts are those of the code, and have no catalogue."""
    from gettext import NullTranslations, translation
    from importlib.resources import files

    if code == "en":
        return Language(code, NullTranslations())
    return Language(code, translation(DOMAIN, str(files("cv_gdpr") / "locale"), [code]))


def install(environment: Environment, chosen: Language) -> None:
    """Add to templates `_`, `gettext`, `ngettext`, `{% trans %}`, and the filters `date`, `number` and `percent`.

    A text is a format whose arguments are escaped: `_("%(name)s is gone", name=name)`; a per cent sign in `_()` is
    doubled. In a text with a plural, `%(num)s` is the number as the language writes it; for a block, begin it
    `{% trans num=… %}`. Line breaks and indentation in a block are one blank.
    """
    environment.policies["ext.i18n.trimmed"] = True
    environment.add_extension("jinja2.ext.i18n")
    installing: Any = environment  # the extension adds the method
    installing.install_gettext_callables(chosen.gettext, chosen.ngettext, newstyle=True)
    environment.globals["ngettext"] = _with_number(environment.globals["ngettext"], chosen)
    environment.globals["language"] = chosen
    environment.filters.update(date=chosen.date, number=chosen.number, percent=chosen.percent)


def _with_number(ngettext: Any, chosen: Language) -> Any:
    """Return Jinja's ngettext with `num` as the language writes it."""
    from jinja2 import pass_context

    @pass_context
    def written(context: Context, one: str, many: str, number: int, /, **values: Any) -> Any:
        return ngettext(context, one, many, number, **{"num": chosen.number(number)} | values)

    return written
