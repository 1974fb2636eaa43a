"""What `list` shows of its document: tables for a person, and lines of CSV."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cv_gdpr.cli import output
from cv_gdpr.cli.output import plural, print_sentences, print_table, printable, to_do
from cv_gdpr.cli.searching import (
    NO_TAG_NO_METADATA,
    Originals,
    how_to_search,
    not_searched_predictions,
    predictions_in_words,
)
from cv_gdpr.table.categories import PREDICTIONS

if TYPE_CHECKING:
    from cv_gdpr.held.resource import Holdings
    from cv_gdpr.verbatim import Json

_SHOWN = 20  # lists that failed, printed at most; --json has all


_TESTED = "image in a test"
_BY_ID = {"item", _TESTED}  # kinds of lines that a person sees with -v only
_KINDS = {"row": "kind of data"}  # of a line, in words; CSV has the words of the table
_COLUMNS = ("project", "project name", "what", "id", "name", "value", "count", "reason")


class Line(NamedTuple):
    """One thing that is held: its project, what it is, its id, name and value, how many; why more may be held."""

    project: str
    project_name: str
    kind: str
    id: str
    name: str
    value: str
    number: int | None
    reason: str = ""


def lines_of(document: "Json") -> Iterator[Line]:
    """Yield what a document lists, line by line; the `number` is one of images, for a row one of its items."""
    whys = _whys(document)
    verdicts = {row["row"]: row["verdict"] for row in document["rows"]}
    for row in document["rows"]:
        found = {why for (_, name), reasons in whys.items() if name == row["row"] for why in reasons}
        yield Line("", "", "row", "", row["row"], row["verdict"], row["held"], "; ".join(sorted(found)))
    for row, reason in document["notSearched"].items():
        yield Line("", "", "row", "", row, "not searched", None, f"not searched: {reason}")
    for project in document["projects"]:
        for row in dict.fromkeys((*project["rows"], *(name for one, name in whys if one == project["id"]))):
            yield _row_of(project, row, whys.get((project["id"], row), []), verdicts.get(row, "not searched"))
        for rest in _lines_of(project):
            yield Line(project["id"], project["name"], *rest)


def _row_of(project: "Json", row: str, whys: list[str], verdict: str) -> Line:
    """Return the line of a row in a project; `whys`: why it is not complete, if it is not."""
    shown = verdict if whys else ""
    return Line(project["id"], project["name"], "row", "", row, shown, project["rows"].get(row), "; ".join(whys))


def _whys(document: "Json") -> dict[tuple[str | None, str], list[str]]:
    """Return project (None: the resource itself) and row -> why more may be held than was counted."""
    found: defaultdict[tuple[str | None, str], list[str]] = defaultdict(list)
    for one in document["unlisted"]:
        found[one["project"], one["row"]].append(one["reason"])
    for row, words in document["byHand"].items():
        if words not in found[None, row]:
            found[None, row].append(words)
    for project, count in document["predictionsNotSearched"].items():
        found[project, PREDICTIONS].append(f"not searched: {predictions_in_words(count)}: {NO_TAG_NO_METADATA}")
    return found


def _unfound(document: "Json") -> Iterator[Line]:
    """Yield what was asked for and not found or not taken, and what lies outside the resource: lines of CSV alone."""
    for one in document["unmatched"]:
        yield Line("", "", "selector", "", one, "not found", None)
    for one in document["undecided"]:
        yield Line("", "", "selector", "", one, "not found", None, "not everything could be listed")
    for copy, of in document["doubtful"].items():
        yield Line("", "", "not selected", copy, "", "", None, f"it may be a copy of {of}")
    for one in document["copiesOutside"]:
        yield Line(one["project"], "", "copies outside", "", one["setting"], one["address"], None)


def _lines_of(project: "Json") -> Iterator[tuple[str, str, str, str, int | None]]:
    for tag in project["tags"]:
        yield "tag", tag["id"], tag["name"], "", tag["images"]
    for key in project["metadata"]:
        yield "metadata key", "", key["key"], "", key["images"]
        for value in key["values"] or ():
            yield "metadata value", "", key["key"], value["value"], value["images"]
    for one in project["iterations"]:
        yield "iteration", one["id"], one["name"], one["published"] or "", one["images"]
    for row, ids in (project["items"] or {}).items():
        for one in ids:
            yield "item", one, row, "", 1
    for tests in project["tests"] or ():
        yield "images in tests", tests["iteration"], tests["name"], "", len(tests["images"])
        for one in tests["images"]:
            yield _TESTED, one, tests["name"], "", 1


def print_csv(documents: Iterable[tuple[str, "Json"]], *, profiles: bool = False) -> None:
    """Print what documents list as CSV (RFC 4180); `profiles`: each line begins with the name of its profile."""
    headings = [(*(["profile"] if profiles else []), *_COLUMNS)]
    lines = (
        (*([profile] if profiles else []), *line) for profile, document in documents for line in _csv_lines(document)
    )
    output.print_csv(chain(headings, lines))


def _csv_lines(document: "Json") -> Iterator[Line]:
    yield Line("", "", "endpoint", "", "", document["endpoint"], None)
    yield from _times(document)
    yield from lines_of(document)
    yield from _unfound(document)


def _times(document: "Json") -> Iterator[Line]:
    """Yield when a listing began and ended (UTC)."""
    for which in ("start", "end"):
        yield Line("", "", which, "", "", document[which], None)


def print_holdings(document: "Json", title: str, verbose: int) -> None:
    """Print how many items of each row are held, with their tags, metadata and iterations; with -v also the ids."""
    rows = [(one["row"], str(one["held"]), one["verdict"], str(one["calls"])) for one in document["rows"]]
    rows += [(row, "", f"not searched: {reason}", "") for row, reason in document["notSearched"].items()]
    columns = 4 if verbose else 3
    headings = ("row", "held", "verdict", "calls")
    print_table(title, headings[:columns], [row[:columns] for row in rows], numbers={1, 3})
    _print_details(document, verbose)
    if verbose:
        calls = [(name, str(count)) for name, count in sorted(document["calls"].items())]
        print_table("calls sent", ("operation", "calls"), calls, numbers={1})
    to_do([f"{row}: {words}" for row, words in document["byHand"].items()])


def _print_details(document: "Json", verbose: int) -> None:
    """Print the lines about projects that hold something."""
    cells = [
        (line.project_name, _KINDS.get(line.kind, line.kind), _count(line.number), line.name, _value(line), line.id)
        for line in lines_of(document)
        if line.project
        and (line.kind not in _BY_ID or verbose)
        and not (line.kind == "row" and not (line.number or line.value))
    ]
    if cells:
        headings = ("project", "what", "count", "name", "value", "id")
        print_table("by project", headings, cells, numbers={2})


def _value(line: Line) -> str:
    """Return a value in words: that of an iteration is the name that it is published under."""
    return f"published as {line.value}" if line.value and line.kind == "iteration" else line.value


def _count(count: int | None) -> str:
    return "" if count is None else str(count)


def print_shortfall(found: "Holdings") -> None:
    """Print to standard error what could not be listed, searched or found; keep how to search it for the end."""
    unlisted: Sequence[Any] = found.unlisted
    for one in unlisted[:_SHOWN]:
        place = f" of iteration {one.iteration}" if one.iteration else ""
        where = f" of project {one.project}" if one.project else ""
        click.echo(f"Not listed: {one.row}{place}{where}: {printable(one.reason)}", err=True)
    for copy, of in found.doubtful.items():
        click.echo(f"Not selected: {copy} may be a copy of {of}", err=True)
    if found.absent and found.scope.missing_ok and not unlisted:
        click.echo(f"Note: nothing matches {printable(', '.join(found.absent))}", err=True)
    print_sentences(not_searched_predictions(found.predictions_not_searched))
    if error := _error(found):
        click.echo(f"Error: {error}", err=True)


def how_to_search_more(found: "Holdings") -> list[str]:
    """Return how a person searches the stored predictions that nothing searched."""
    copies_from = found.scope.copies.began if found.scope.copies else None
    absent = found.absent and not found.taken
    originals = Originals.NOT_FOUND if absent else Originals.HELD
    return how_to_search(found.predictions_not_searched, copies_from, originals)


def _error(found: "Holdings") -> str:
    """Return why the exit code is not 0, in one line."""
    absent = printable(", ".join(found.absent))
    if found.bug:
        return f"{printable(found.bug.message)}; the other projects were listed"
    if found.unlisted:
        searched = f"; not found in what was listed: {absent}" if absent else ""
        return f"{plural(len(found.unlisted), 'list')} could not be read{searched}"
    if absent and not found.scope.missing_ok:
        return f"nothing matches {absent}"
    if found.doubtful:
        return "done in part: what may be copies was not selected"
    if found.predictions_not_searched:
        count = plural(len(found.predictions_not_searched), "project")
        return f"done in part: the stored predictions of {count} were not searched"
    return ""


def summary(document: Mapping[str, Any]) -> str:
    """Return one line about a document."""
    return ", ".join(f"{one['row']} {one['held']}" for one in document["rows"] if one["held"]) or "nothing held"
