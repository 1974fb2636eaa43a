"""Checks of one project's folder: its lists and their proofs, its documents, its notes of absence, its file index."""

from collections import Counter
from dataclasses import dataclass, field

from cv_gdpr.archive.bag import FILES, LISTINGS, NOTES, WORKSPACE
from cv_gdpr.archive.layout import Holds
from cv_gdpr.archive.names import identity, same_id
from cv_gdpr.table.categories import CATEGORIES, ITERATION_LIST, ITERATIONS, PROJECTS
from cv_gdpr.table.findings import counts_differ
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.contents import LISTS, OF_ITERATION, Kind, ProjectContents, as_bytes, as_text, unfinished
from cv_gdpr.verify.facts import Facts
from cv_gdpr.verify.missing import Missing
from cv_gdpr.verify.names import check_names
from cv_gdpr.verify.redactions import Redactions
from cv_gdpr.verify.result import Verification

_COUNTED = [one.row.name for one in LISTS if one.file.holds is Holds.ITEMS]  # whose items are the lines of a list
_WITH_BYTES = [row.name for row in CATEGORIES if row.folders]
_ONCE = [one.name for one in LISTS if not one.row.per_iteration]
_TWICE = "SELECT list, id, count(*) FROM id WHERE kind = ? GROUP BY list, id HAVING count(*) > 1"
_HELD = """SELECT count(*) FROM (SELECT DISTINCT id FROM id WHERE kind = ?
    EXCEPT SELECT id FROM absent WHERE kind = ? AND gone)"""
_ALL = "SELECT DISTINCT id FROM id WHERE kind = ?"
_LISTED = "SELECT 1 FROM id WHERE kind = ? AND id = ? LIMIT 1"
_GONE = "SELECT 1 FROM absent WHERE kind = ? AND id = ? AND gone LIMIT 1"
_NOT_LISTED = """SELECT kind, id FROM absent WHERE NOT EXISTS
    (SELECT 1 FROM id WHERE id.kind = absent.kind AND id.id = absent.id)"""
_ITEM_WITHOUT_DETAIL = """SELECT id FROM id WHERE kind = ? AND list = ?
    EXCEPT SELECT id FROM absent WHERE kind = ? AND place = ?
    EXCEPT SELECT id FROM id WHERE list = ?"""
_DETAIL_WITHOUT_ITEM = "SELECT id FROM id WHERE list = ? EXCEPT SELECT id FROM id WHERE list = ?"
_ITEM_BOTH_WAYS = "SELECT id FROM id WHERE list = ? INTERSECT SELECT id FROM absent WHERE kind = ? AND place = ?"
_WITHOUT_NOTE = "SELECT id FROM id WHERE kind = ? EXCEPT SELECT id FROM absent WHERE kind = ?"
_NOTE_BUT_BYTES = "SELECT id FROM absent WHERE kind = ? AND NOT gone EXCEPT SELECT id FROM id WHERE kind = ?"


@dataclass
class ProjectCheck:
    """The check of a project's contents, once they are read; `narrowed` says that selectors were used."""

    contents: ProjectContents
    narrowed: bool
    missing: Missing
    redactions: Redactions = field(default_factory=Redactions)
    held: Counter[str] = field(default_factory=Counter)  # items by row
    lost: Counter[str] = field(default_factory=Counter)  # those of them that are not whole

    def check(self) -> None:
        """Note all differences; count what the folder holds, and what of that is not whole."""
        self._check_project_document()
        check_names(self.contents, self.redactions, narrowed=self.narrowed)
        known = self._check_iterations()
        self._check_noted_places(known)
        documented = {kind.row.name: self._check_documents(kind, known) for kind in OF_ITERATION}
        self._check_listings(known, documented)
        self._check_ids()
        self._check_redacted()
        for kind in LISTS:
            if kind.file.each:
                self._check_details(kind)
        self._check_blobs()
        for row in _COUNTED:
            ((self.held[row],),) = self.facts.ask(_HELD, row, row)
        for row in self.contents.rows:
            self.lost[row] = sum(self._is_held(row, one) for one in self.missing.items(self.contents.id, row))
        self.facts.forget_project()

    def _is_held(self, row: str, named: str) -> bool:
        """Return whether an item counts as held: it is listed, and was not deleted meanwhile."""
        if row not in _COUNTED:
            return True
        return bool(list(self.facts.ask(_LISTED, row, as_bytes(named)))) and not self._is_gone(row, as_bytes(named))

    def _is_gone(self, row: str, named: bytes) -> bool:
        return bool(list(self.facts.ask(_GONE, row, named)))

    @property
    def result(self) -> Verification:
        """Where differences are noted."""
        return self.contents.result

    @property
    def facts(self) -> Facts:
        """The items, files and notes that were read."""
        return self.contents.facts

    def _where(self, file: str) -> str:
        return self.contents.where(file)

    def _unread(self, row: str, place: str, file: str) -> bool:
        """Return whether the export names this file of the row as one that it could not read."""
        return self.missing.unread(self.contents.id, row, place, file)

    def _check_project_document(self) -> None:
        where = self._where("project.json")
        if not self.contents.there("project.json", PROJECTS):
            if PROJECTS in self.contents.rows and not self._unread(PROJECTS, WORKSPACE, "project.json"):
                self.result.differ(where, "missing")
            return
        self.held[PROJECTS] += 1
        record = self.result.document(where)
        if record is not None and record.get("id") != self.contents.id:
            self.result.differ(
                where, f"describes project {record.get('id')}, but lies in the folder of {self.contents.id}"
            )

    def _check_iterations(self) -> set[str]:
        """Return the ids of all iterations that anything speaks of."""
        listed = {identity(as_text(one)) for (one,) in self.facts.ask("SELECT id FROM id WHERE kind = ?", ITERATIONS)}
        all_listed = ITERATIONS in self.contents.rows and not self._unread(ITERATIONS, WORKSPACE, ITERATION_LIST)
        for place, name in self.contents.folders.items():
            self._check_iteration_document(f"iterations/{name}/iteration.json", place)
            if all_listed and place not in listed:
                self.result.differ(self._where(f"iterations/{name}"), "iterations.jsonl does not list this iteration")
        for place in sorted(listed - self.contents.folders.keys()):
            if self._unread(ITERATIONS, place, "iteration.json"):
                continue
            self.result.differ(self._where("iterations.jsonl"), f"iteration {place} has no folder")
        return listed | self.contents.folders.keys()

    def _check_noted_places(self, known: set[str]) -> None:
        """Check that the notes of absence name iterations of the export; only their own row lists all iterations."""
        unknown = self.contents.noted_places.keys() - known - {WORKSPACE} if ITERATIONS in self.contents.rows else set()
        for place in sorted(unknown):
            rows = ", ".join(sorted(self.contents.noted_places[place]))
            self.result.differ(self._where(NOTES), f"notes the {rows} of an unknown iteration {place}")

    def _check_iteration_document(self, file: str, place: str) -> None:
        where = self._where(file)
        if not self.contents.there(file, ITERATIONS):
            if ITERATIONS in self.contents.rows and not self._unread(ITERATIONS, place, "iteration.json"):
                self.result.differ(where, "missing")
            return
        self.held[ITERATIONS] += 1
        with self.result.noting(where):
            record = self.result.document(where) or {"id": None}
            owner = record.get("projectId")
            if record["id"] is not None and identity(record["id"]) != place:
                self.result.differ(where, f"describes iteration {record['id']}, but lies in the folder of {place}")
            if isinstance(owner, str) and owner.lower() != self.contents.id.lower():
                self.result.differ(where, f"belongs to project {owner}")

    def _check_documents(self, kind: Kind, known: set[str]) -> set[str]:
        """Return the iterations that have a row's document; each other one must have a note."""
        row, noted = kind.row.name, self.contents.noted[kind.row.name]
        there: set[str] = set()
        for place, name in self.contents.folders.items():
            file = f"iterations/{name}/{kind.file.name}"
            if self.contents.there(file, row):
                there.add(place)
                self.result.document(self._where(file))
            elif row in self.contents.rows and any(self._has_list(one, place) for one in LISTS if one.row == kind.row):
                self.result.differ(self._where(file), "missing")
        self.held[row] += len(there)
        for place in sorted(known if row in self.contents.rows else ()):
            unread = place not in there and self._unread(row, place, kind.file.name)
            if (place in there) == (place in noted) and not unread:
                how = "both exported and noted as absent" if place in noted else "neither exported nor noted as absent"
                self.result.differ(self._where(NOTES), f"{row} of iteration {place} is {how}")
        return there

    def _has_list(self, kind: Kind, place: str) -> bool:
        return self.contents.in_place(place, kind.file.name) in self.contents.lines

    def _check_listings(self, known: set[str], documented: dict[str, set[str]]) -> None:
        """Check that each list which an export proves has its proof, and each proof its list."""
        proofs = dict(self.contents.proofs)
        for kind in LISTS:
            row = kind.row.name
            if not kind.file.counted or not self.contents.may_hold(kind):
                continue
            whole = row in self.contents.rows
            places = documented.get(row, {WORKSPACE, *known}) if whole else known - self.contents.noted[row]
            for place in sorted(places):
                file = self.contents.in_place(place, kind.file.name)
                if (row, place) in proofs:
                    self._prove(proofs.pop((row, place)), file, kind, place)
                elif self._unread(row, place, kind.file.name):
                    continue
                else:
                    self.result.differ(self._where(LISTINGS), f"has no proof of {file}")
                if file not in self.contents.lines:
                    self.result.differ(self._where(file), "missing")
        for row, place in proofs:
            unknown = f"{row} of {f'iteration {place}' if place else 'the workspace'}"
            self.result.differ(self._where(LISTINGS), f"proves {unknown}, a list that the export does not hold")

    def _prove(self, proof: Json, file: str, kind: Kind, place: str) -> None:
        where = self._where(LISTINGS)
        before, after, listed, written = (
            proof[name] for name in ("countedBefore", "countedAfter", "listed", "written")
        )
        if proof["file"] != file:
            self.result.differ(where, f"names {proof['file']} instead of {file}")
        differs = self.missing.counted(self.contents.id, kind.row.name, place, kind.file.name)
        excused = counts_differ(before, after, listed, written, proof["iteration"]) in differs
        if differs and not excused:
            self.result.differ(where, f"{file}: missing.jsonl gives other numbers")
        if not before == after == listed and not excused:
            self.result.differ(where, f"{file}: counted {before} before and {after} after, listed {listed}")
        most = listed + proof.get("listedOnlyBefore", 0)
        if (written > most or (written < most and not self.narrowed)) and not excused:
            self.result.differ(where, f"{file}: {listed} listed, {written} written")
        taken = self.redactions.taken(self.contents.id, place, kind.file.name)
        if self.contents.lines.get(file, 0) != written - taken:
            what = f"holds {self.contents.lines.get(file, 0)} records, but listings.jsonl says {written} were written"
            what += f", and redactions.jsonl that {taken} of these were taken out" if taken else ""
            self.result.differ(self._where(file), what)

    def _check_ids(self) -> None:
        for blob, source in self.contents.moved.keys() - self.contents.arrived:
            self.result.differ(self._where(NOTES), f"says that {blob} moved from {source}, which is in no record")
        for kind in _ONCE:
            for number, named, times in self.facts.ask(_TWICE, kind):
                self.result.differ(self._where(self.contents.lists[number][1]), f"lists {as_text(named)} {times} times")
        for kind, named in self.facts.ask(_NOT_LISTED):
            self.result.differ(self._where(NOTES), f"notes {kind} {as_text(named)}, which is in no list")
        for row in _WITH_BYTES:
            for (named,) in self.facts.ask(_WITHOUT_NOTE, unfinished(row), row):
                self.result.differ(self._where(NOTES), f"does not note that {as_text(named)} has no bytes")
            for (named,) in self.facts.ask(_NOTE_BUT_BYTES, row, unfinished(row)):
                self.result.differ(self._where(NOTES), f"notes {as_text(named)}, which has bytes")

    def _check_redacted(self) -> None:
        """Check that what was taken out is in no list, and that no list lacks more records than ids were taken out."""
        for kind in LISTS:
            subject = kind.file.subject or kind.row.name
            taken = self.redactions.of(self.contents.id, subject)
            for (named,) in self.facts.ask(_ALL, kind.name) if taken else ():
                if same_id(as_text(named)) in taken:
                    where = self._where(kind.file.name)
                    what = f"holds {as_text(named)}, but redactions.jsonl says that it was taken out"
                    self.result.differ(where, what)
            for place in (WORKSPACE, *self.contents.folders):
                if self.redactions.taken(self.contents.id, place, kind.file.name) > len(taken):
                    where = self._where(self.contents.in_place(place, kind.file.name))
                    self.result.differ(where, "redactions.jsonl takes out more records than ids")

    def _check_details(self, kind: Kind) -> None:
        """Check that each item of a list has its detail, or a note that it was gone when it was asked for."""
        row = kind.row.name
        listing = next(one.file.name for one in LISTS if one.row == kind.row and one.file.holds is Holds.ITEMS)
        for place, prefix in {
            WORKSPACE: "",
            **{one: f"iterations/{name}/" for one, name in self.contents.folders.items()},
        }.items():
            items, details = (
                self.contents.number(f"{prefix}{listing}"),
                self.contents.number(f"{prefix}{kind.file.name}"),
            )
            where = self._where(f"{prefix}{kind.file.name}")
            if not self.narrowed:  # selectors may pick a renamed one in only one of the lists
                for (named,) in self.facts.ask(_ITEM_WITHOUT_DETAIL, row, items, row, place, details):
                    if self.missing.detail(self.contents.id, row, place, kind.file.name, as_text(named)):
                        continue
                    self.result.differ(where, f"does not hold {row[:-1]} {as_text(named)}, which {listing} lists")
                for (named,) in self.facts.ask(_DETAIL_WITHOUT_ITEM, details, items):
                    self.result.differ(where, f"holds {row[:-1]} {as_text(named)}, which is not in {listing}")
            for (named,) in self.facts.ask(_ITEM_BOTH_WAYS, details, row, place):
                self.result.differ(where, f"holds {row[:-1]} {as_text(named)}, which absent.jsonl notes as gone")

    def _check_blobs(self) -> None:
        for wanted, held, unfetched, number, named, path in self.facts.odd_blobs():
            if held > 1:
                what = f"has {held} entries for the bytes of {as_text(path or b'')}"
                self.result.differ(self._where(FILES), what)
            if held and unfetched:
                self.result.differ(
                    self._where(as_text(path or b"")), "exists, but missing.jsonl says that it is missing"
                )
            if not wanted:
                self.result.differ(self._where(as_text(path or b"")), "no record names this file")
            elif not held and number is not None:
                kind, file = self.contents.lists[number]
                if not self._is_gone(kind.row.name, named or b""):
                    self.result.differ(self._where(file), f"{kind.row.name} {as_text(named or b'')} has no file")
