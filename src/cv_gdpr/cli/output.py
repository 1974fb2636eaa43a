"""What a person reads: tables without control characters, sizes with their units, no credentials on standard error."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from cv_gdpr.masking import masked

if TYPE_CHECKING:
    from rich.console import Console

    from cv_gdpr.cli.documents import Document
    from cv_gdpr.verbatim import Json


class Masked:
    """A stream of text through which no credential passes, whoever writes to it: messages, log lines, traces."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text without its credentials; give its length.

        Where nobody can be told anything (a full disk, a reader that went away), the work goes on to its exit code.
        """
        with suppress(OSError):
            self._stream.write(masked(text))
        return len(text)

    def flush(self) -> None:
        """Send on what was written."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # the way around
            raise AttributeError(name)
        return getattr(self._stream, name)


def printable(text: str) -> str:
    """Give text with every character escaped that could steer a terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def plural(count: int, word: str) -> str:
    """Give a count with its word: 1 project, 2 projects."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def size(count: int) -> str:
    """Give bytes as a person writes them (12.3 MB)."""
    from rich.filesize import decimal

    return decimal(count)


def console(*, error: bool = False) -> "Console":
    """Give a rich console; where no terminal is, it is wide enough that no line is broken."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    # Not as FORCE_COLOR, TTY_COMPATIBLE and others may ask for: no log or pipe is to hold control characters.
    terminal = stream.isatty()
    return Console(
        stderr=error,
        width=None if terminal else 160,
        highlight=False,
        force_terminal=terminal,
        force_interactive=terminal and None,
    )


class _Printed:
    """Whether this run printed its document: there is one, even where something fails after it."""

    document = False


def expect_document() -> None:
    """Begin a run, which has printed nothing."""
    _Printed.document = False


def print_json(document: "Document | Json") -> None:
    """Print the run's one document as JSON; a second one is left out."""
    import json

    from msgspec import to_builtins

    text = json.dumps(to_builtins(document), indent=2)
    if not _Printed.document:
        _Printed.document = True
        sys.stdout.write(text + "\n")


def print_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: set[int], error: bool = False
) -> None:
    """Print a table; `numbers` are the columns set to the right, `error` sends it to standard error."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(title)), title_justify="left", box=box.SIMPLE_HEAD, safe_box=True)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index in numbers else "left")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console(error=error).print(table)
