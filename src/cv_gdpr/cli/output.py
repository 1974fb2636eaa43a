"""Output for people: tables without control characters, sizes with units, standard error without credentials."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, TextIO

import click

from cv_gdpr.cli.screen import cells, width_of
from cv_gdpr.errors import Lines
from cv_gdpr.languages import sentence

if TYPE_CHECKING:
    from msgspec import Struct
    from rich.console import Console

    from cv_gdpr.verbatim import Json


_COLOURS = {
    **dict.fromkeys(("complete", "ok", "deleted", "gone already", "done", "verified"), "green"),
    **dict.fromkeys(("not exported", "warning", "unknown", "not searched", "left", "done in part"), "yellow"),
    **dict.fromkeys(("incomplete", "failed", "residue", "not verified", "still there"), "red"),
}


_SHORT = 24  # columns of what a row begins with, which is not folded
_LIKE_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    """Return the text with every unprintable character escaped, since it could control the terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def csv_cell(value: object) -> object:
    """Return a cell of CSV that a spreadsheet takes for no formula: one that begins like one gets a ' before it.

    Names and metadata come from people who upload pictures. A cell with such a ' of its own gets another, so that
    `without_csv_mark` returns each as it was.
    """
    return f"'{value}" if isinstance(value, str) and value.lstrip("'").startswith(_LIKE_A_FORMULA) else value


def _shown_cell(value: object) -> object:
    return csv_cell(printable(value) if isinstance(value, str) else value)


def without_csv_mark(cell: str) -> str:
    """Return what `csv_cell` was given."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_LIKE_A_FORMULA) else cell


def printable_hint(hint: str) -> str:
    """Return a hint, printable; in a text of our own, its lines stay lines."""
    return "\n".join(map(printable, hint.split("\n"))) if isinstance(hint, Lines) else printable(hint)


def absolute(path: object) -> str:
    """Return a path from the root on: a program reads it in another folder."""
    return os.path.abspath(str(path))  # noqa: PTH100 - a link keeps its own name


def plural(count: int, word: str) -> str:
    """Return a count with its noun: 1 project, 2 projects."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def print_sentences(lines: Iterable[str]) -> None:
    """Print lines to standard error, each with a capital at its beginning."""
    for line in lines:
        click.echo(sentence(line), err=True)


def print_some(lines: Iterable[str], most: int, rest: str = "") -> None:
    """Print the first lines to standard error, and `rest` if there are more."""
    shown = list(islice(lines, most + 1))
    for line in [*shown[:most], *([rest] if rest and len(shown) > most else [])]:
        click.echo(line, err=True)


def show_similar(values: Sequence[str]) -> None:
    """Print values similar to those that matched nothing, on a terminal only: they are data of others."""
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
        width=width_of(stream) if terminal else piped,
        highlight=False,
        force_terminal=terminal,
        force_interactive=terminal and None,
    )


class _Printed:
    """What this run printed, and will print: one document alone, even where something fails after it."""

    document = False
    start = ""
    to_do: ClassVar[list[str]] = []


def expect_document() -> None:
    """Begin a run, which has printed nothing."""
    _Printed.document = False
    _Printed.start = now()
    _Printed.to_do = []


def now() -> str:
    """Return the present time in UTC, as ISO 8601 writes it."""
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def start_of_run() -> str:
    """Return when this run began."""
    return _Printed.start


def _log_is_broken() -> bool:
    if "cv_gdpr.cli.log_file" not in sys.modules:  # loaded by --log-file alone
        return False
    from cv_gdpr.cli.log_file import is_broken

    return is_broken()


def as_text(document: "Struct | Json") -> str:
    """Return a document as JSON, as it is printed and written."""
    from msgspec import to_builtins

    return _text_of(to_builtins(document))


def _text_of(built: "Json") -> str:
    import json

    return json.dumps(built, indent=2) + "\n"


def print_json(document: "Struct | Json") -> None:
    """Print the run's one document as JSON; a second one is left out."""
    from msgspec import to_builtins

    built: Json = to_builtins(document)
    if built.get("exitCode") == 0 and _log_is_broken():
        built["exitCode"] = 3
    if not _Printed.document:
        text = _text_of(built)
        _Printed.document = True
        getattr(sys.stdout, "whole", sys.stdout.write)(text)


def print_csv(lines: Iterable[Iterable[object]]) -> None:
    """Print the run's result as CSV (RFC 4180): all else, such as what a person must do, goes to standard error.

    A file gets each text as it is, a terminal none that could control it.
    """
    import csv
    import io

    cell = _shown_cell if sys.stdout.isatty() else csv_cell
    text = io.StringIO(newline="")
    csv.writer(text).writerows(map(cell, line) for line in lines)
    _Printed.document = True
    getattr(sys.stdout, "whole", sys.stdout.write)(text.getvalue())


def print_table(  # noqa: PLR0913 - how it looks
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: set[int],
    error: bool = False,
    piped: int = 160,
    folds: bool = False,
) -> None:
    """Print a table; `numbers` are the right-aligned columns, `error` prints to standard error.

    It is as wide as the terminal at most, and without one `piped` columns, or as its longest words need; with `folds`
    it is a list then, as on a terminal.
    """
    stream = sys.stderr if error else sys.stdout
    shown = [[printable(cell) for cell in row] for row in rows]
    whole = _SHORT if stream.isatty() or folds else 0
    if not folds:
        piped = max(piped, _narrowest(headings, shown, whole))  # a long path takes no room from the other columns
    columns = width_of(stream) if stream.isatty() else piped
    if title:
        stream.write(f"{printable(title)}\n")
    if (stream.isatty() or folds) and _narrowest(headings, shown, whole) > columns:
        _print_in_two(headings, shown, numbers, columns, stream)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, safe_box=True)
    widths = _widths(headings, shown, columns, whole)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index in numbers else "left", width=widths[index])
    for row in shown:
        table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    console(error=error, piped=piped).print(table)


def _longest(text: str) -> int:
    return max(map(cells, text.split()), default=0)


def _least(headings: Sequence[str], rows: Sequence[Sequence[str]], whole: int) -> list[int]:
    """Return the columns that each cell of a table needs so that no word is broken.

    What rows begin with is not folded at all if it has `whole` columns at most.
    """
    least = [
        max([_longest(heading), *(_longest(row[index]) for row in rows)]) for index, heading in enumerate(headings)
    ]
    first = max([cells(headings[0]), *(cells(row[0]) for row in rows)])
    return [first if first <= whole else least[0], *least[1:]]


def _narrowest(headings: Sequence[str], rows: Sequence[Sequence[str]], whole: int) -> int:
    return sum(_least(headings, rows, whole)) + 3 * len(headings) + 1  # a blank on both sides, and between two


def _widths(headings: Sequence[str], rows: Sequence[Sequence[str]], columns: int, whole: int) -> list[int]:
    """Return the widths of a table's columns: where it is too wide, the widest are folded, but no word is."""
    widths = [max(map(cells, (heading, *(row[index] for row in rows)))) for index, heading in enumerate(headings)]
    least = _least(headings, rows, whole)
    while sum(widths) + 3 * len(headings) + 1 > columns:
        foldable = [index for index, width in enumerate(widths) if width > least[index]]
        if not foldable:
            break
        widths[max(foldable, key=widths.__getitem__)] -= 1
    return widths


def _print_in_two(
    headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: set[int], columns: int, stream: TextIO
) -> None:
    """Print a table that is too wide: below each line, what has no room in it."""
    widths = [max(map(cells, (heading, *(row[index] for row in rows)))) for index, heading in enumerate(headings)]
    padded = [
        [_padded(cell, widths[index], index in numbers) for index, cell in enumerate(row)] for row in (headings, *rows)
    ]
    fitting = [_fitting(row, columns) for row in padded]
    fitting = [min(count, fitting[0]) for count in fitting]  # no column without its heading
    fitting[0] = min(fitting[0], max(fitting[1:], default=1))  # no heading over an empty column
    stream.write("\n")
    for number, row in enumerate((headings, *rows)):
        stream.write(f"{_line(padded[number], fitting[number])}\n")
        if number:
            stream.writelines(f"{line}\n" for line in _below(headings, row, fitting[number], numbers, columns))
    stream.write("\n")


def _line(row: Sequence[str], count: int) -> str:
    return f"  {'  '.join(row[:count])}".rstrip()


def _fitting(row: Sequence[str], columns: int) -> int:
    """Return how many cells, of padded ones, have room in a line; at least the first."""
    last = max((index for index, cell in enumerate(row, 1) if cell.strip()), default=1)
    return next((count for count in range(last, 1, -1) if cells(_line(row, count)) <= columns), 1)


def _below(headings: Sequence[str], row: Sequence[str], fitting: int, numbers: set[int], columns: int) -> Iterator[str]:
    """Yield the other cells with their headings: numbers together, as far as a line has room, each text on its own."""
    now, joins = "", False
    for index in range(fitting, len(row)):
        if not row[index]:
            continue
        part = f"{headings[index]}: {row[index]}"
        joined = f"{now}   {part}"
        if joins and index in numbers and cells(joined) <= columns:
            now = joined
            continue
        if now:
            yield now
        now, joins = f"      {part}", index in numbers
    if now:
        yield now


def _padded(cell: str, width: int, is_number: bool) -> str:
    blanks = " " * (width - cells(cell))
    return blanks + cell if is_number else cell + blanks


def _style(cell: str) -> str:
    """Return the colour of a verdict; of any other cell none."""
    return _COLOURS.get(cell.partition(":")[0], "")


def to_do(lines: Iterable[str]) -> None:
    """Keep what a person must do for the end of the run: one block, below everything else."""
    _Printed.to_do += [line for line in lines if line not in _Printed.to_do]


def print_to_do() -> None:
    """Print all that was kept in this run; beside a document on standard output it stands on standard error."""
    lines, _Printed.to_do = _Printed.to_do, []
    print_what_to_do(lines, error=_Printed.document)


def print_what_to_do(lines: Sequence[str], *, error: bool) -> None:
    """Print what a person must do, at once: a question follows, or the run ends."""
    if lines:
        click.echo("\nWhat to do:", err=error)
    for line in lines:
        click.echo(f"  - {printable(line)}", err=error)
