"""How lines look: on a terminal folded at blanks, with the word that says what they are in colour; with -q, fewer."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TextIO

from cv_gdpr.masking import masked
from cv_gdpr.patterns import pattern

_RED, _YELLOW, _GREEN, _BLUE = "31", "33", "32", "36"
_OF_KIND = {
    "Error": _RED,
    "Failed": _RED,
    "Left": _RED,
    "differs": _RED,
    "Warning": _YELLOW,
    "Missing": _YELLOW,
    "Lost": _YELLOW,
    "Not searched": _YELLOW,
    "Not selected": _YELLOW,
    "not complete": _YELLOW,
    "verified": _GREEN,
    "Hint": _BLUE,
    "Note": _BLUE,
    "What to do": _BLUE,
}
_KIND = pattern(f"({'|'.join(_OF_KIND)}):")
_NOT_WITH_QUIET = ("Note: ", "Warning: ")
_PROGRAM = "cv-gdpr"
_ENDS = (",", ";", ":", ")")
_NARROWEST = 20  # columns


class Quiet:
    """Whether this run prints errors only."""

    on = False


class Stream:
    """A text stream for people. `mask`: cut credentials out of everything written to it."""

    before: Callable[[], None] = staticmethod(lambda: None)  # is called before each line: it takes progress away

    def __init__(self, stream: TextIO, *, mask: bool) -> None:
        self._stream = self.below = stream
        self._mask = mask

    def write(self, text: str) -> int:
        """Write a text; return its length.

        If it cannot be masked and written (a full disk, a closed pipe), the command still runs to its exit code.
        """
        if Quiet.on and self._mask and text.startswith(_NOT_WITH_QUIET):
            return len(text)
        if text and self._stream.isatty():
            Stream.before()
        if not self._mask:
            return self._stream.write(self._laid_out(text))
        with suppress(OSError):
            self._stream.write(self._laid_out(masked(text)))
        return len(text)

    def whole(self, text: str) -> None:
        """Write a text as it is: a document for a program."""
        Stream.before()
        self._stream.write(text)

    def flush(self) -> None:
        """Flush the stream."""
        if not self._mask:
            self._stream.flush()
            return
        with suppress(OSError):
            self._stream.flush()

    def _laid_out(self, text: str) -> str:
        if not self._stream.isatty() or "\x1b" in text:
            return text
        columns = width_of(self._stream)
        lines = "\n".join(part for line in text.split("\n") for part in fold(line, columns))
        return paint(lines) if has_colour(self._stream) else lines

    def __getattr__(self, name: str) -> Any:
        if name == "buffer" and self._mask:  # bytes written there would bypass the mask
            raise AttributeError(name)
        return getattr(self._stream, name)


def has_colour(stream: TextIO) -> bool:
    """Return whether colours may be written: FORCE_COLOR puts none into a pipe or a log, which hold no escapes."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width_of(stream: TextIO) -> int:
    """Return the columns of a terminal."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return max(_NARROWEST, int(given))
    try:
        return max(_NARROWEST, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):
        return 80


def paint(text: str) -> str:
    """Return lines with the word in colour that says what they are."""
    return "\n".join(
        f"\x1b[{_OF_KIND[kind[1]]}m{kind[0]}\x1b[0m{line[kind.end() :]}" if (kind := _KIND.match(line)) else line
        for line in text.split("\n")
    )


def cells(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fold(line: str, columns: int) -> list[str]:
    """Return a line as lines of at most so many columns, broken at blanks, and never inside a word or a command.

    A command that is longer gets lines of its own, which a shell joins. A longer word, such as a path, stays whole.
    """
    if cells(line) <= columns:
        return [line]
    indent = line[: len(line) - len(line.lstrip(" "))]
    further = f"{indent}  "
    lines, now = [], indent
    for unit in _units(line.strip(" ").split(" ")):
        joined = f"{now}{'' if now.isspace() or not now else ' '}{unit}"
        if cells(joined) <= columns:
            now = joined
            continue
        if now.strip():
            lines.append(now)
        parts = _command_lines(unit, further, columns)
        lines += parts[:-1]
        now = parts[-1]
    return [*lines, now]


def _units(words: list[str]) -> Iterator[str]:
    """Yield words, those of a command as one."""
    unit: list[str] = []
    for word in words:
        if unit and not _belongs(unit, word):
            yield " ".join(unit)
            unit = []
        unit.append(word)
        if unit[0].lstrip("(\"'`") != _PROGRAM or word.endswith(_ENDS):
            yield " ".join(unit)
            unit = []
    if unit:
        yield " ".join(unit)


def _belongs(unit: list[str], word: str) -> bool:
    """Return whether a word belongs to a command: its subcommand, an option or its value, a NAME or a path."""
    last = unit[-1]
    if len(unit) == 1 or word.startswith("-") or (last.startswith("--") and "=" not in last):
        return True
    if len(unit) == 2:
        from cv_gdpr.table.categories import ROWS

        if word in ROWS:
            return True
    return bool(re.search(r"[A-Z0-9/.=_\\'\"]", word.rstrip(".")))


def _command_lines(unit: str, indent: str, columns: int) -> list[str]:
    """Return a unit as lines; a command that is too long is broken at blanks, with the mark that joins its lines."""
    if not unit.startswith(f"{_PROGRAM} ") or cells(indent + unit) <= columns:
        return [indent + unit]
    lines, now = [], indent
    for word in unit.split(" "):
        joined = f"{now}{'' if now.isspace() else ' '}{word}"
        if cells(joined) + 2 > columns and now.strip():
            lines.append(f"{now} \\")
            joined = f"{indent}  {word}"
        now = joined
    return [*lines, now]
