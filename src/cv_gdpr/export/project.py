"""The export of one project: read its rows, store their JSON and files, check every listing against its counts."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cv_gdpr.archive.bag import LISTINGS, NAMES, NOTES
from cv_gdpr.archive.folder import Folder, Lines
from cv_gdpr.archive.journal import Reused, Stored
from cv_gdpr.archive.names import readable, text_of
from cv_gdpr.downloads.fetcher import Fetcher
from cv_gdpr.errors import CvGdprError, Forbidden, ServiceError, Stops, Unexpected, may_change, unexpected, without_text
from cv_gdpr.export.blobs import ProjectBytes
from cv_gdpr.export.result import RowCount, missing_entry
from cv_gdpr.export.reuse import Reuse
from cv_gdpr.languages import message
from cv_gdpr.masking import masked
from cv_gdpr.table import shortfalls
from cv_gdpr.table.categories import ITERATIONS, Category, category
from cv_gdpr.table.findings import Absence, Detail, Finding, Item, Tally, Unread, Unready, counts_differ
from cv_gdpr.table.inventory import described, findings_of, predictions_not_searched
from cv_gdpr.table.readers import Project
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Matches
from cv_gdpr.verbatim import Json

_DELETED = message("deleted at the service while it was exported")
_MOVED = message("not at the link in its record: the service stored it again while it was exported")


@dataclass
class ProjectExport:
    """The export of one project; its counters may be read while it runs."""

    project: Project
    root: Folder
    rows: Sequence[Category]
    matches: Matches
    fetcher: Fetcher
    scope: Scope
    reuse: Reuse | None = None
    state: str = "waiting"
    items: int = 0
    missing: list[Json] = field(default_factory=list)
    may_change: bool = False  # something that is missing may come with another try
    allowed: bool = False  # to read anything of it
    refused: Forbidden | None = None
    bug: Unexpected | None = None
    flagged: list[Json] = field(default_factory=list)
    trusted: list[Json] = field(default_factory=list)  # lists of iterations that were not read again
    reused: dict[str, Reused] = field(default_factory=dict)  # by when the earlier export began
    predictions_not_searched: int | None = 0  # None: they could not be counted
    _bytes: ProjectBytes = field(init=False)
    _held: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _counts: dict[str, RowCount] = field(default_factory=dict)
    _row_bytes: Counter[str] = field(default_factory=Counter)
    _lines: dict[str, Lines] = field(default_factory=dict)
    _notes: list[Json] = field(default_factory=list)
    _listings: list[Json] = field(default_factory=list)
    _named: set[str] = field(default_factory=set)  # the project and the iterations of what was written

    def __post_init__(self) -> None:
        self.project.has_taken = self.matches.has_taken
        self._bytes = ProjectBytes(
            self.project, self.root, self.folder_name, self.fetcher, self._miss_bytes, self._reason
        )

    @property
    def name(self) -> str:
        """The project's name, for display."""
        return str(self.project.entry.get("name"))

    @cached_property
    def folder_name(self) -> str:
        """The name of the project's folder below data/."""
        return readable(self.project.entry.get("name"), self.project.id)

    @property
    def there(self) -> int:
        """Files that were there before this run."""
        return self._bytes.there

    @property
    def bytes(self) -> int:
        """Bytes of the files stored so far."""
        return sum(self._bytes.by_row.values())

    def run(self) -> None:
        """Export the project; raise errors that stop the whole run, note all others in `missing`."""
        self.state = "exporting"
        with self._bytes:
            self._look_into_earlier()
            for row in self.rows:
                with self._noting_bugs(row):
                    self._run_row(row)
            self.predictions_not_searched = predictions_not_searched(self.project, self.scope)
            with self._noting_bugs(*self.rows):
                self._finish()
        self._counts = self._count()
        self._held.clear()  # free the memory: a resource may hold a hundred projects
        self.state = "incomplete" if self.missing else "done"

    def _look_into_earlier(self) -> None:
        """Open what earlier exports hold of the project."""
        if self.reuse and self.reuse.bags:
            earlier = self.reuse.of(self.project.id, self.root)
            self._bytes.earlier = earlier
            self.project.trusted = earlier.trusted

    @contextmanager
    def _noting_bugs(self, *rows: Category) -> Iterator[None]:
        """Note these rows as missing where a bug of ours ends the work on them."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - `unexpected` raises all but bugs
            self.bug = unexpected(error)
            for row in rows:
                self._miss(row.name, self.bug.kind if self.matches.selection else self.bug.message)

    def _finish(self) -> None:
        self._bytes.wait()
        self._settle_unlisted(self._bytes.unlisted)
        for (blob, source), (item, listed) in self._bytes.moved.items():
            note = _note(Absence(item.row, item.id, _MOVED, item.iteration))
            self._notes.append(note | {"blob": blob, "from": listed, "to": source})
        self._look_for_new_iterations()
        self._bytes.finish()
        self._note_flagged(self._bytes.folder.flagged)
        self.reused = self._bytes.folder.reused
        self._write_notes()

    def _run_row(self, row: Category) -> None:
        try:
            with ExitStack() as files:
                for finding in findings_of(self.project, row, self.matches):
                    self._accept(finding, files)
                for finding in described(self.project, row, self.matches, (one.name for one in self.rows)):
                    self._accept(finding, files)
        finally:
            self._lines.clear()
        self._bytes.push()

    def _accept(self, finding: Finding, files: ExitStack) -> None:
        self.allowed = self.allowed or not isinstance(finding, Unread)
        if isinstance(finding, Tally):
            self._prove(finding, files)
        elif isinstance(finding, Absence):
            self._notes.append(_note(finding))
        elif isinstance(finding, Unready):
            self._miss(finding.row, finding.reason, identity=finding.id)
        elif isinstance(finding, Unread):
            if isinstance(finding.error, Forbidden):
                self.refused = finding.error
            place = finding.iteration
            where: dict[str, Any] = {"identity": finding.id, "iteration": place, "file": finding.file}
            self._miss(finding.row, self._reason(finding.error), again=may_change(finding.error), **where)
        else:
            self._write(finding, files)
            if isinstance(finding, Item):
                self._held[finding.row].add(finding.id)
                self.items += 1
                for blob in finding.blobs:
                    self._bytes.want(finding, blob)

    def _write(self, finding: Item | Detail, files: ExitStack) -> None:
        if self.matches.selection:
            iteration = finding.iteration["id"] if finding.iteration else finding.record.get("iteration")
            self._named |= {self.project.id, str(iteration)}
        path = self._path(finding.iteration, finding.file)
        if path.endswith(".json"):
            size = self.root.write_json(path, finding.record)
        else:
            size = self._open(path, files).write(finding.record)
        self._row_bytes[finding.row] += size

    def _open(self, path: str, files: ExitStack) -> Lines:
        if path not in self._lines:
            self._lines[path] = files.enter_context(self.root.lines(path))
        return self._lines[path]

    def _path(self, iteration: Json | None, file: str) -> str:
        place = f"iterations/{readable(iteration.get('name'), iteration['id'])}/" if iteration else ""
        return f"{self.folder_name}/{place}{file}"

    def _prove(self, tally: Tally, files: ExitStack) -> None:
        path = self._path(tally.iteration, tally.file)
        written = self._open(path, files).count
        place = tally.iteration["id"] if tally.iteration else None
        proof = {
            "row": tally.row,
            "iteration": place,
            "file": path.removeprefix(self.folder_name + "/"),
            "countedBefore": tally.before,
            "countedAfter": tally.after,
            "listed": tally.listed,
            "written": written,
        }
        if written > tally.listed:  # the list was read several times, and some items were deleted in between
            proof["listedOnlyBefore"] = written - tally.listed
        if tally.trusted:
            proof["trusted"] = tally.trusted
            known = {"iteration": place, "file": tally.file, "read": tally.trusted}
            self.trusted.append({"project": self.project.id, **known})
        self._listings.append(proof)
        lost = not self.matches.selection and written < tally.listed
        if lost or not tally.agrees:
            reason = counts_differ(tally.before, tally.after, tally.listed, written, place)
            self._miss(tally.row, reason, iteration=tally.iteration, file=tally.file)

    # --- the end ------------------------------------------------------------------------------------------------

    def _miss(self, row: str, reason: str, *, again: bool = True, **where: Any) -> None:
        self.may_change = self.may_change or again
        self.missing.append(missing_entry(row, reason, project=self.project.id, **where))

    def _reason(self, error: CvGdprError) -> str:
        """Return why something was not read; who is answered with a narrowed export reads no text about others."""
        return without_text(error) if self.matches.selection and isinstance(error, ServiceError) else error.message

    def _miss_bytes(self, row: str, identity: str, source: str, reason: str, *, again: bool = True) -> None:
        self._miss(row, reason, again=again, identity=identity, source=source)

    def _note_flagged(self, stored: list[Stored]) -> None:
        for one in stored:
            self.flagged.append(
                {"project": self.project.id, "file": f"data/{self.folder_name}/{one.path}", "flag": one.flag}
            )

    def _settle_unlisted(self, unlisted: list[tuple[Item, str]]) -> None:
        """Note items as deleted during the export if a new listing of their row lacks them, the others as missing."""
        for row in dict.fromkeys(item.row for item, _ in unlisted):
            listed, reason = self._listed_now(category(row))
            for item, source in unlisted:
                if item.row != row:
                    continue
                if reason or item.id in listed:
                    why = reason or shortfalls.REFUSED
                    self._miss_bytes(row, item.id, source, why)
                    continue
                self._held[row].discard(item.id)
                self._notes.append(_note(Absence(row, item.id, _DELETED, item.iteration, gone=True)))

    def _listed_now(self, row: Category) -> tuple[set[str], str]:
        """List a row again; return its ids and, if the listing proves nothing, why."""
        listed: set[str] = set()
        unreliable = ""
        try:
            for finding in row.read_project(Project(self.project.service, self.project.entry)):
                if isinstance(finding, Item):
                    listed.add(finding.id)
                elif isinstance(finding, Unread):
                    raise finding.error
                elif isinstance(finding, Tally) and not finding.agrees:
                    unreliable = shortfalls.PRESENCE_UNKNOWN
        except ServiceError as error:
            if error.stops > Stops.LISTING:
                raise
            unreliable = shortfalls.ROW_UNLISTED % {"reason": self._reason(error)}
        return listed, unreliable

    def _look_for_new_iterations(self) -> None:
        """Note as missing any iteration that was trained during the export: images may have moved into it unread."""
        if "iterations" not in vars(self.project):
            return  # no row in scope reads iterations
        known = {iteration["id"] for iteration in self.project.iterations}
        try:
            now = Project(self.project.service, self.project.entry).iterations
        except ServiceError as error:
            if error.stops > Stops.LISTING:
                raise
            self._miss(ITERATIONS, shortfalls.UNLISTED_AT_THE_END % {"reason": self._reason(error)})
            return
        for iteration in now:
            if iteration["id"] not in known:
                reason = shortfalls.NEW_ITERATION % {"iteration": iteration["id"]}
                for row in self.rows:
                    if row.of_iterations:
                        self._miss(row.name, reason, iteration=iteration)

    def _write_notes(self) -> None:
        for name, entries in ((LISTINGS, self._listings), (NOTES, self._notes)):
            if entries:
                with self.root.lines(f"{self.folder_name}/{name}") as lines:
                    for entry in entries:
                        lines.write(entry)
        if self.matches.selection and self._named:
            self.root.write_json(f"{self.folder_name}/{NAMES}", self._names())

    def _names(self) -> Json:
        """Return the names of the project and of the iterations of what was written: no other file may hold them."""
        iterations = [one for one in vars(self.project).get("iterations", ()) if one["id"] in self._named]
        return _name(self.project.entry) | {"iterations": [_name(one) for one in iterations]}

    def counts(self) -> dict[str, RowCount]:
        """Return the counts of each row, once the project is done."""
        return self._counts

    def _count(self) -> dict[str, RowCount]:
        """Return the counts of each row: what was listed, and what of that is whole."""
        lost: defaultdict[str, set[str]] = defaultdict(set)
        for entry in self.missing:
            if entry["id"]:
                lost[entry["row"]].add(entry["id"])
        return {
            row.name: RowCount(
                len(self._held[row.name]),
                len(self._held[row.name] - lost[row.name]),
                self._row_bytes[row.name] + self._bytes.by_row[row.name],
            )
            for row in self.rows
        }


def _name(entry: Json) -> Json:
    return {"id": entry["id"], "name": text_of(entry.get("name"))}


def _note(absence: Absence) -> Json:
    iteration = absence.iteration["id"] if absence.iteration else None
    note = {"row": absence.row, "iteration": iteration, "id": absence.id, "reason": masked(absence.reason)}
    return note | {"gone": True} if absence.gone else note
