"""How lines look: on a terminal folded at blanks, with the word that says what they are in colour; with -q, fewer."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TextIO

from cv_gdpr.masking import masked
from cv_gdpr.patterns import pattern
from cv_gdpr.platforms.shells import CONTINUES

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
_NARROWEST, _USUAL = 20, 80  # columns
_ONE_LINE = ("export ", "$env:", "# ")  # how a line begins that stays whole: its parts would be commands of their own
_PIP_WORDS = 5  # python -m pip install WHAT
_NAMED = r"(?<![-\w])(project|iteration) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
# What stands in quotes, which begin a word or an option's value, is one word; an apostrophe inside a word is a letter.
_WORD = r"""( *)((?:& )?(?:(?:(?<![^ =(])(?:'[^']*'(?:(?:"'")?'[^']*')*|"[^"]*"))|[^ ])+)"""


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
            self._stream.write(self._laid_out(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts as `write` does."""
        for line in lines:
            self.write(line)

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
            return masked(text) if self._mask else text
        text = with_names(text)
        text = masked(text) if self._mask else text
        columns = width_of(self._stream)
        lines = "\n".join(part for line in text.split("\n") for part in fold(line, columns))
        return paint(lines) if has_colour(self._stream) else lines

    def __getattr__(self, name: str) -> Any:
        if name == "buffer" and self._mask:  # bytes written there would bypass the mask
            raise AttributeError(name)
        return getattr(self._stream, name)


def with_names(text: str) -> str:
    """Return a text in which the ids of projects and iterations stand behind their names, where this run knows them."""
    from cv_gdpr.cli.output import printable
    from cv_gdpr.naming import NAMES

    def named(at: re.Match[str]) -> str:
        kind, identity = at.groups()
        return f'{kind} "{printable(NAMES[identity])}" ({identity})' if identity in NAMES else at[0]

    return re.sub(_NAMED, named, text) if NAMES else text


def has_colour(stream: TextIO) -> bool:
    """Return whether colours may be written: FORCE_COLOR puts none into a pipe or a log, which hold no escapes."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width_of(stream: TextIO) -> int:
    """Return the columns of a terminal; 80 where nobody knows."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return max(_NARROWEST, int(given))
    try:
        # A terminal that was never told its size has 0 columns.
        return max(_NARROWEST, os.get_terminal_size(stream.fileno()).columns or _USUAL)
    except (OSError, ValueError):
        return _USUAL


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

    A command that is longer gets lines of its own, which a shell joins. What else is for pasting into a shell stays one
    line: a variable, a comment. A longer word, such as a path, stays whole too.
    """
    if cells(line) <= columns or line.lstrip().startswith(_ONE_LINE):
        return [line]
    indent = line[: len(line) - len(line.lstrip(" "))]
    words = _words(line.strip(" "))
    if words and _begins_command(words, 0) and (comment := _comment(words)):
        before = line[: line.index(comment)].rstrip()
        return [*fold(before, columns), indent + comment]
    return _filled(_units(words), indent, columns)


def _filled(units: list[list[str]], indent: str, columns: int) -> list[str]:
    """Return units of words as lines, each with as many as it has room for."""
    lines, now = [], indent
    for words in units:
        unit = " ".join(words)
        joined = f"{now}{'' if now.isspace() or not now else ' '}{unit}"
        if cells(joined) <= columns:
            now = joined
            continue
        if now.strip():
            lines.append(now)
        parts = _command_lines(words, f"{indent}  ", columns)
        lines += parts[:-1]
        now = parts[-1]
    return [*lines, now]


def _words(line: str) -> list[str]:
    """Return the words of a line: what stands between quotes is one; further blanks stay before their word."""
    return [f"{blanks[1:]}{word}" for blanks, word in re.findall(_WORD, line)]


def _begins_command(words: list[str], at: int) -> bool:
    program = words[at].removeprefix("& ").strip("(\"'` ").replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    return program == _PROGRAM or words[at + 1 : at + 3] == ["-m", "pip"]


def _comment(words: list[str]) -> str:
    """Return the comment behind a command; empty if it has none."""
    at = next((number for number, word in enumerate(words) if word.lstrip() == "#"), len(words))
    return " ".join(words[at:]).lstrip()


def _units(words: list[str]) -> list[list[str]]:
    """Return words, those of a command together."""
    units: list[list[str]] = []
    is_open = False
    for at, word in enumerate(words):
        if not (is_open and _belongs(units[-1], word)):
            units.append([])
            is_open = _begins_command(words, at)
        units[-1].append(word)
        is_open = is_open and not word.endswith(_ENDS)
    return units


def _belongs(unit: list[str], word: str) -> bool:
    """Return whether a word belongs to a command: its subcommand, an option or its value, a NAME or a path."""
    last = unit[-1]
    if len(unit) == 1 or word.startswith("-") or (last.startswith("--") and "=" not in last):
        return True
    if unit[1] == "-m":
        return len(unit) < _PIP_WORDS + ("-e" in unit)
    if len(unit) == 2:
        from cv_gdpr.table.categories import ROWS

        if word in ROWS:
            return True
    return bool(re.search(r"[A-Z0-9/.=_\\'\"]", word.rstrip(".")))


def _command_lines(words: list[str], indent: str, columns: int) -> list[str]:
    """Return a unit as lines; a command that is too long is broken at blanks, with the mark that joins its lines."""
    unit = " ".join(words).lstrip()
    if len(words) == 1 or cells(indent + unit) <= columns:
        return [indent + unit]
    lines, now = [], indent
    for word in words:
        joined = f"{now}{'' if now.isspace() else ' '}{word}"
        if cells(joined) + 2 > columns and now.strip():
            lines.append(f"{now} {CONTINUES}")
            joined = f"{indent}  {word}"
        now = joined
    return [*lines, now]
