"""What an export that is not complete says is missing (data/missing.jsonl): these gaps are not differences.

A gap excuses exactly what it names: one file of one place, one item of that file, or the bytes at one address.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from cv_gdpr.archive.bag import WORKSPACE
from cv_gdpr.archive.folder import MISSING
from cv_gdpr.archive.layout import is_regular
from cv_gdpr.archive.names import identity
from cv_gdpr.table.categories import ITERATION_LIST, ROWS
from cv_gdpr.table.findings import COUNTS_DIFFER
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.result import Verification

WHERE = f"data/{MISSING}"
_TEXT_OR_NULL = {"project", "iteration", "file", "id", "source"}
_FIELDS = _TEXT_OR_NULL | {"row", "reason"}


class Gap(NamedTuple):
    """What an entry names: project id (empty: the resource), row, identity of the iteration, file, item, address."""

    project: str
    row: str
    place: str = WORKSPACE
    file: str = ""
    id: str = ""
    source: str = ""


class Missing:
    """The named gaps, each with its reasons."""

    def __init__(self) -> None:
        self._gaps: defaultdict[Gap, set[str]] = defaultdict(set)
        self._items: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def add(self, entry: Json) -> None:
        """Note an entry; its iteration by its identity."""
        place = identity(entry["iteration"]) if entry["iteration"] else WORKSPACE
        file, named, source = (entry[name] or "" for name in ("file", "id", "source"))
        project, row = entry["project"] or "", entry["row"]
        self._gaps[Gap(project, row, place, file, named, source)].add(entry["reason"])
        if named:
            self._items[project, row].add(named)

    def unread(self, project: str, row: str, place: str, file: str) -> bool:
        """Return whether what a file holds could not be read: it failed itself, or the list of iterations did."""
        if any(not why.startswith(COUNTS_DIFFER) for why in self._gaps.get(Gap(project, row, place, file), ())):
            return True
        return place != WORKSPACE and self.unread(project, row, WORKSPACE, ITERATION_LIST)

    def counted(self, project: str, row: str, place: str, file: str) -> set[str]:
        """Return what the export says of a listing that was read, but does not agree with its counts."""
        reasons = self._gaps.get(Gap(project, row, place, file), set())
        return {why for why in reasons if why.startswith(COUNTS_DIFFER)}

    def detail(self, project: str, row: str, place: str, file: str, named: str) -> bool:
        """Return whether the record of one item in a file could not be read."""
        return Gap(project, row, place, file, named) in self._gaps

    def bytes_of(self, project: str, row: str, named: str, source: str) -> bool:
        """Return whether the bytes of an item at an address could not be fetched."""
        return Gap(project, row, WORKSPACE, "", named, source) in self._gaps

    def items(self, project: str, row: str) -> set[str]:
        """Return the ids of the items that are not whole."""
        return self._items.get((project, row), set())


def read_missing(result: Verification, summary: Json) -> Missing:
    """Return the gaps that an export names; note a difference where it says that it is complete, or names none."""
    missing, complete = Missing(), summary.get("complete", True) is True
    if is_regular(result.folder / WHERE) == complete:
        result.differ(WHERE, "export.json says that the export is complete" if complete else "missing")
    if complete:
        return missing
    result.incomplete = True
    for entry in _entries(result):
        missing.add(entry)
        result.missing += 1
    if not result.missing:
        result.differ(WHERE, "names nothing, although export.json says that the export is not complete")
    return missing


def _entries(result: Verification) -> Iterator[Json]:
    with result.noting(WHERE):
        for entry in result.records_in(WHERE):
            texts = all(entry[name] is None or isinstance(entry[name], str) for name in _TEXT_OR_NULL)
            known = entry.keys() == _FIELDS and entry["row"] in ROWS
            if not (known and texts and isinstance(entry["reason"], str)):
                raise TypeError("an entry of another form")
            yield entry
