"""Output for people: tables without control characters, sizes with units, standard error without credentials."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from cv_gdpr.errors import Lines
from cv_gdpr.masking import masked

if TYPE_CHECKING:
    from msgspec import Struct
    from rich.console import Console

    from cv_gdpr.verbatim import Json


class Masked:
    """A text stream that cuts credentials out of everything written to it: messages, log lines, tracebacks."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text without its credentials; return its length.

        If it cannot be written (a full disk, a closed pipe), the command still runs to its exit code.
        """
        with suppress(OSError):
            self._stream.write(masked(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # bytes written there would bypass the mask
            raise AttributeError(name)
        return getattr(self._stream, name)


def printable(text: str) -> str:
    """Return the text with every unprintable character escaped, since it could control the terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def printable_hint(hint: str) -> str:
    """Return a hint, printable; in a text of our own, its lines stay lines."""
    return "\n".join(map(printable, hint.split("\n"))) if isinstance(hint, Lines) else printable(hint)


def plural(count: int, word: str) -> str:
    """Return a count with its noun: 1 project, 2 projects."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def show_similar(values: Sequence[str]) -> None:
    """Print values similar to those that matched nothing, on a terminal only: they are data of others."""
    import click

    if values and sys.stderr.isatty():
        click.echo(f"Hint: similar: {printable(', '.join(values))}", err=True)


def size(count: int) -> str:
    """Return a number of bytes with its unit (12.3 MB)."""
    from rich.filesize import decimal

    return decimal(count)


def console(*, error: bool = False, piped: int = 160) -> "Console":
    """Return a rich console; without a terminal it has `piped` columns, by default so many that no line is broken."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    # FORCE_COLOR, TTY_COMPATIBLE and the like are ignored: a log or pipe must not contain control characters.
    terminal = stream.isatty()
    return Console(
        stderr=error,
        width=None if terminal else piped,
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


def print_json(document: "Struct | Json") -> None:
    """Print the run's one document as JSON; a second one is left out."""
    import json

    from msgspec import to_builtins

    text = json.dumps(to_builtins(document), indent=2)
    if not _Printed.document:
        _Printed.document = True
        sys.stdout.write(text + "\n")


def print_table(  # noqa: PLR0913 - how it looks
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: set[int],
    error: bool = False,
    piped: int = 160,
) -> None:
    """Print a table; `numbers` are the right-aligned columns, `error` prints to standard error.

    It is as wide as the terminal at most, and without one `piped` columns.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(title)), title_justify="left", box=box.SIMPLE_HEAD, safe_box=True)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index in numbers else "left")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console(error=error, piped=piped).print(table)
