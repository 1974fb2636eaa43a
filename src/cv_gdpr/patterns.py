"""Regular expressions that are compiled when they are first used, as every command would wait for them; and lines."""

import re
from typing import Any, AnyStr, cast


class _Pattern:
    """Stands for a pattern, and has each method of it once that was used."""

    def __init__(self, pattern: Any, flags: int) -> None:
        self._made: re.Pattern[Any] | None = None
        self._how = pattern, flags

    def __getattr__(self, name: str) -> Any:
        self._made = self._made or re.compile(*self._how)
        found = getattr(self._made, name)
        setattr(self, name, found)  # the next use does not come here
        return found


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a pattern, not yet compiled; a mistake in it is found at its first use."""
    return cast("re.Pattern[AnyStr]", _Pattern(text, flags))


_END_OF_LINE = pattern(r"\r\n|\r|\n")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, as editors count them.

    `str.splitlines` also ends a line at characters that a name may hold: U+2028, form feeds and others.
    """
    return _END_OF_LINE.split(text)
