"""One project's export: its rows read, their JSON and bytes stored, every listing proved against its counts."""

import hashlib
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from cv_gdpr.archive.folder import Folder, Lines, ProjectFolder
from cv_gdpr.archive.journal import Stored, source_path
from cv_gdpr.archive.names import readable, safe_stem
from cv_gdpr.archive.writing import HashedFile
from cv_gdpr.categories import Category
from cv_gdpr.errors import (
    CvGdprError,
    Interrupted,
    MalformedAnswer,
    NotAuthorised,
    ServiceError,
    StorageError,
    Unreachable,
)
from cv_gdpr.findings import Absence, Blob, Detail, Finding, Item, Json, Tally
from cv_gdpr.inventory import Matches, selected
from cv_gdpr.readers import Project
from cv_gdpr.redact import without_query
from cv_gdpr.service.fetching import Fetcher

STOPS_ALL = (NotAuthorised, MalformedAnswer, Unreachable, Interrupted, StorageError)


@dataclass
class RowCount:
    """What became of one row: items held by the service, items exported whole, bytes written."""

    held: int = 0
    exported: int = 0
    bytes: int = 0

    def add(self, other: "RowCount") -> None:
        """Add another project's count of the same row."""
        self.held += other.held
        self.exported += other.exported
        self.bytes += other.bytes


@dataclass
class ProjectExport:
    """One project's export; its counters may be read while it runs."""

    project: Project
    folder: ProjectFolder
    root: Folder
    rows: Sequence[Category]
    matches: Matches
    fetcher: Fetcher
    state: str = "waiting"
    items: int = 0
    bytes: int = 0
    missing: list[Json] = field(default_factory=list)
    _held: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _row_bytes: Counter[str] = field(default_factory=Counter)
    _lines: dict[str, Lines] = field(default_factory=dict)
    _notes: list[Json] = field(default_factory=list)
    _listings: list[Json] = field(default_factory=list)
    _stored: list[Stored] = field(default_factory=list)
    _claimed: set[str] = field(default_factory=set)
    _stems: set[str] = field(default_factory=set)
    _unread: set[str] = field(default_factory=set)
    _outstanding: int = 0
    _fatal: CvGdprError | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def name(self) -> str:
        """The project's name, for a person."""
        return str(self.project.entry.get("name"))

    def run(self) -> None:
        """Export the project; raises what stops the whole run, notes in `missing` what does not."""
        self.state = "exporting"
        for row in self.rows:
            if row.read_project:
                self._run_row(row)
        self._await_bytes()
        self.folder.finish(self._stored)
        self._write_notes()
        self.state = "incomplete" if self.missing else "done"

    def _run_row(self, row: Category) -> None:
        assert row.read_project  # noqa: S101 - for the type checker
        try:
            with ExitStack() as files:
                for finding in selected(row.read_project(self.project), self.matches):
                    self._accept(finding, files)
        except STOPS_ALL:
            raise
        except ServiceError as error:
            self._unread.add(row.name)
            self._miss(row.name, "", "", error.message)
        finally:
            self._lines.clear()

    def _accept(self, finding: Finding, files: ExitStack) -> None:
        if self._fatal:
            raise self._fatal
        if isinstance(finding, Tally):
            self._prove(finding, files)
        elif isinstance(finding, Absence):
            self._notes.append(_note(finding))
        else:
            self._write(finding, files)
            if isinstance(finding, Item):
                self._held[finding.row].add(finding.id)
                self.items += 1
                for blob in finding.blobs:
                    self._want(finding, blob)

    def _write(self, finding: Item | Detail, files: ExitStack) -> None:
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
        return f"{self.folder.name}/{place}{file}"

    def _prove(self, tally: Tally, files: ExitStack) -> None:
        path = self._path(tally.iteration, tally.file)
        written = self._open(path, files).count
        place = tally.iteration["id"] if tally.iteration else None
        self._listings.append(
            {
                "row": tally.row,
                "iteration": place,
                "file": path.removeprefix(self.folder.name + "/"),
                "countedBefore": tally.before,
                "countedAfter": tally.after,
                "listed": tally.listed,
                "written": written,
            }
        )
        lost = not self.matches.selection and written < tally.listed
        if lost or not tally.agrees:
            reason = (
                f"the service counts {tally.before} before and {tally.after} after, lists {tally.listed}, "
                f"{written} written ({'iteration ' + place if place else 'workspace'})"
            )
            self._miss(tally.row, "", "", reason)

    # --- bytes --------------------------------------------------------------------------------------------------

    def _want(self, item: Item, blob: Blob) -> None:
        source = source_path(blob.uri)
        if not blob.uri:
            self._miss(item.row, item.id, "", "the service gives no link to its bytes")
        if not blob.uri or source in self._claimed:
            return
        self._claimed.add(source)
        stem = safe_stem(blob.stem)
        if stem.casefold() in self._stems:  # the same id with other bytes, as an iteration may keep them
            stem += "." + hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()[:8]
        self._stems.add(stem.casefold())
        known = self.folder.journal.known(blob.uri)
        if known:
            self._have(item.row, known)
            return
        with self._changed:
            self._outstanding += 1
        try:
            self.fetcher.submit(self.project.id, blob.uri, lambda result: self._fetched(item, blob, stem, result))
        except BaseException:
            self._settle()
            raise

    def _have(self, row: str, stored: Stored) -> None:
        with self._changed:
            self._stored.append(stored)
            self._row_bytes[row] += stored.bytes
            self.bytes += stored.bytes

    def _fetched(self, item: Item, blob: Blob, stem: str, result: HashedFile | CvGdprError) -> None:
        """Take what a download came to; runs in the downloads' thread, so that nothing may escape it."""
        try:
            if isinstance(result, (StorageError, Interrupted)):
                self._fatal = result
            elif isinstance(result, CvGdprError):
                self._miss(item.row, item.id, source_path(blob.uri), result.message)
            else:
                source = without_query(blob.uri)
                self._have(item.row, self.folder.keep(result, stem, blob.suffix, source))
        except CvGdprError as error:
            self._fatal = error
        finally:
            self._settle()

    def _settle(self) -> None:
        with self._changed:
            self._outstanding -= 1
            self._changed.notify_all()

    def _await_bytes(self) -> None:
        with self._changed:
            while self._outstanding and not self._fatal:
                self._changed.wait(0.5)
                if self.project.service.stop.is_set():
                    raise Interrupted("interrupted")
        if self._fatal:
            raise self._fatal

    # --- the end ------------------------------------------------------------------------------------------------

    def _miss(self, row: str, identity: str, source: str, reason: str) -> None:
        entry = {"project": self.project.id, "row": row, "id": identity or None, "source": source or None}
        with self._changed:
            self.missing.append(entry | {"reason": reason})

    def _write_notes(self) -> None:
        for name, entries in (("listings.jsonl", self._listings), ("absent.jsonl", self._notes)):
            if entries:
                with self.root.lines(f"{self.folder.name}/{name}") as lines:
                    for entry in entries:
                        lines.write(entry)

    def counts(self) -> dict[str, RowCount]:
        """Give held, exported and bytes of each row; of one whose listing broke off, nothing counts as exported."""
        lost: defaultdict[str, set[str]] = defaultdict(set)
        for entry in self.missing:
            if entry["id"]:
                lost[entry["row"]].add(entry["id"])
        return {
            row.name: RowCount(
                len(self._held[row.name]),
                0 if row.name in self._unread else len(self._held[row.name] - lost[row.name]),
                self._row_bytes[row.name],
            )
            for row in self.rows
        }


def _note(absence: Absence) -> Json:
    iteration = absence.iteration["id"] if absence.iteration else None
    return {"row": absence.row, "iteration": iteration, "id": absence.id, "reason": absence.reason}
