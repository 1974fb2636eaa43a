"""What an export that is not complete says is missing (data/missing.jsonl): these gaps are not differences."""

from collections.abc import Iterator

from cv_gdpr.archive.folder import MISSING
from cv_gdpr.archive.layout import is_regular
from cv_gdpr.archive.names import identity
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.result import Verification

WHERE = f"data/{MISSING}"
_TEXT_OR_NULL = ("project", "iteration", "id", "source")


class Missing:
    """The named gaps: of whole rows, of one iteration's part of a row, of single items; by project id."""

    def __init__(self) -> None:
        self._gaps: set[tuple[str, str, str, str]] = set()
        self.rows: set[str] = set()

    def add(self, entry: Json) -> None:
        """Note an entry; its iteration by its identity."""
        place = identity(entry["iteration"]) if entry["iteration"] else ""
        self._gaps.add((entry["project"] or "", entry["row"], place, entry["id"] or ""))
        self.rows.add(entry["row"])

    def whole(self, project: str, row: str) -> bool:
        """Return whether a project's row could not be read."""
        return (project, row, "", "") in self._gaps

    def at(self, project: str, row: str, place: str) -> bool:
        """Return whether the part of a row at an iteration (empty: the workspace) could not be read."""
        return self.whole(project, row) or (project, row, place, "") in self._gaps

    def item(self, project: str, row: str, named: str) -> bool:
        """Return whether an item, or a part of it, was not exported."""
        return any(gap[:2] == (project, row) and gap[3] == named for gap in self._gaps)


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
    if not missing.rows:
        result.differ(WHERE, "names nothing, although export.json says that the export is not complete")
    return missing


def _entries(result: Verification) -> Iterator[Json]:
    with result.noting(WHERE):
        for entry in result.records_in(WHERE):
            texts = all(entry[name] is None or isinstance(entry[name], str) for name in _TEXT_OR_NULL)
            if not texts or not isinstance(entry["row"], str) or not isinstance(entry["reason"], str):
                raise TypeError("an entry of another form")
            yield entry
