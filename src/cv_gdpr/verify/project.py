"""Checks of one project's folder: its lists and their proofs, its documents, its notes of absence, its file index."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cv_gdpr.archive.bag import FILES, LISTINGS, NOTES, WORKSPACE, BagProject
from cv_gdpr.archive.flags import fits
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.json_files import InvalidContent
from cv_gdpr.archive.layout import File, Holds, Place
from cv_gdpr.archive.names import identity
from cv_gdpr.links import source_path
from cv_gdpr.table.categories import CATEGORIES, ITERATIONS, PROJECTS, Category
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.facts import HELD, INDEX, WANTED, Facts
from cv_gdpr.verify.missing import Missing
from cv_gdpr.verify.result import Verification

_ENTRY = {"path": str, "blob": str, "source": str, "bytes": int, "sha256": str}
_LISTING = {"countedBefore": int, "countedAfter": int, "listed": int, "written": int, "row": str, "file": str}
_NOTE = {"row": str, "id": str}
_MOVED = {"blob": str, "from": str, "to": str}
_LARGEST = 1 << 62  # bytes
_TWICE = "SELECT list, id, count(*) FROM id WHERE kind = ? GROUP BY list, id HAVING count(*) > 1"
_HELD = """SELECT count(*) FROM (SELECT DISTINCT id FROM id WHERE kind = ?
    EXCEPT SELECT id FROM absent WHERE kind = ? AND gone)"""
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


class _Kind(NamedTuple):
    """A file of a row, and the row."""

    row: Category
    file: File

    @property
    def name(self) -> str:
        """What its records are called among the facts: items by their row, details by their file."""
        return self.row.name if self.file.holds is not Holds.DETAILS else self.file.name


_KINDS = [_Kind(row, file) for row in CATEGORIES for file in row.files]
_LISTS = [one for one in _KINDS if one.file.is_list]
_DOCUMENTS = [one for one in _KINDS if not one.file.is_list]
_COUNTED = [one.row.name for one in _LISTS if one.file.holds is Holds.ITEMS]  # whose items are the lines of a list
_OF_ITERATION = [  # rows with a document for each iteration, or a note why there is none
    one for one in _DOCUMENTS if Place.ITERATION in one.file.places and one.row.name != ITERATIONS
]
_WITH_BYTES = [row.name for row in CATEGORIES if row.folders]
_PER_ITERATION = {row.name for row in CATEGORIES if row.per_iteration}
_BY_DOCUMENT = {one.row.name for one in _OF_ITERATION}
_ONCE = [one.name for one in _LISTS if not one.row.per_iteration]


def _unfinished(row: str) -> str:
    """Return what an item of a row is called that has no bytes yet, though its row has."""
    return f"{row} without bytes"


@dataclass
class ProjectCheck:
    """The check of a project that export.json names, by `folder` and `id`; `narrowed` says that selectors were used.

    Only data about iterations is kept in memory; there are few of them, but may be many images.
    """

    result: Verification
    facts: Facts
    folder: str
    id: str
    rows: frozenset[str]
    narrowed: bool
    missing: Missing
    _lists: list[tuple[_Kind, str]] = field(default_factory=list)
    # Iterations that are noted to have no document, by row; and the rows of each note, by iteration.
    _noted: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _noted_places: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _lines: dict[str, int] = field(default_factory=dict)  # of each list that is there
    _counted: Counter[str] = field(default_factory=Counter)
    _moved: dict[tuple[str, str], str] = field(default_factory=dict)  # (blob, listed link): fetched link
    _arrived: set[tuple[str, str]] = field(default_factory=set)  # the keys of `_moved` that a record names

    def check(self) -> Counter[str]:
        """Note all differences; return how many items of each row the folder holds."""
        self._read_index()
        self._read_notes()
        self._check_project_document()
        folders = self._iteration_folders()
        for kind in _LISTS:
            if Place.PROJECT in kind.file.places:
                self._read_list(kind, kind.file.name, WORKSPACE)
        for place, name in folders.items():
            for kind in _LISTS:
                if Place.ITERATION in kind.file.places:
                    self._read_list(kind, f"iterations/{name}/{kind.file.name}", place)
        self.facts.index_ids()
        known = self._check_iterations(folders)
        self._check_noted_places(known)
        documented = {kind.row.name: self._check_documents(kind, folders, known) for kind in _OF_ITERATION}
        self._check_listings(folders, known, documented)
        self._check_ids()
        for kind in _LISTS:
            if kind.file.each:
                self._check_details(kind, folders)
        self._check_blobs()
        for row in _COUNTED:
            ((self._counted[row],),) = self.facts.ask(_HELD, row, row)
        self.facts.forget_project()
        return self._counted

    @property
    def _project(self) -> BagProject:
        return BagProject(self.id, self.folder)

    def _where(self, file: str) -> str:
        return self._project.where(file)

    def _there(self, file: str, row: str) -> bool:
        """Return whether a file exists; note a difference if it does, but its row was not exported."""
        if not self.result.bag.has(self._where(file)):
            return False
        if row not in self.rows:
            self.result.differ(self._where(file), f"belongs to the row {row}, which export.json does not name")
        return True

    def _excused(self, row: str, place: str = WORKSPACE) -> bool:
        """Return whether the export names this part of the row as missing."""
        return self.missing.at(self.id, row, place)

    # --- reading ------------------------------------------------------------------------------------------------

    def _read_index(self) -> None:
        where = self._where(FILES)
        with self.result.noting(where):
            for entry in self.result.records_in(where):
                _typed(entry, _ENTRY)
                path, blob, size = entry["path"], entry["blob"], entry["bytes"]
                if entry.keys() - {"flag"} != _ENTRY.keys() or not 0 <= size < _LARGEST:
                    raise InvalidContent("an entry has unknown fields or an impossible size")
                self._check_flag(entry)
                if not _belongs(path, blob):
                    self.result.differ(where, f"{path} is not a file name for {blob}")
                digest = bytes.fromhex(entry["sha256"])
                self.facts.add("file", _bytes(self._where(path)), 0, INDEX, None, size, digest)
                self.facts.add("blob", blob_key(blob, entry["source"]), HELD, None, _bytes(path))

    def _check_flag(self, entry: Json) -> None:
        flag = entry.get("flag", "")
        if not fits(flag, entry["bytes"]) or (not flag and "flag" in entry):
            what = f"flags {entry['path']} ({entry['bytes']} bytes) as {flag!r}"
            self.result.differ(self._where(FILES), what)
        self.result.flagged += bool(flag)

    def _read_notes(self) -> None:
        where = self._where(NOTES)
        if not self.result.bag.has(where):
            return
        with self.result.noting(where):
            for note in self.result.records_in(where):
                _check_note(note)
                row, named, iteration = note["row"], note["id"], note["iteration"]
                place = identity(iteration) if iteration is not None else WORKSPACE
                self._noted_places[place].add(row)
                if row not in self.rows:
                    self.result.differ(where, f"belongs to the row {row}, which export.json does not name")
                if "to" in note:
                    self._moved[note["blob"], note["from"]] = note["to"]
                    continue
                if row in _PER_ITERATION:
                    named = f"{place}/{named.removeprefix(f'{iteration}/')}"
                if row in _BY_DOCUMENT:
                    if named != iteration:
                        self.result.differ(where, f"notes the {row} of iteration {iteration} under iteration {named}")
                    self._noted[row].add(place)
                    continue
                self.facts.add("absent", row, place, _bytes(named), note.get("gone", False))

    def _read_list(self, kind: _Kind, file: str, place: str) -> None:
        if not self._there(file, kind.row.name):
            return
        where = self._where(file)
        number = len(self._lists)
        self._lists.append((kind, file))
        lines = 0
        with self.result.noting(where):
            for record in self.result.records_in(where):
                lines += 1
                self._note_record(kind, number, place, record)
        self._lines[file] = lines
        if kind.file.holds is Holds.ITEMS:
            self.result.records += lines

    def _note_record(self, kind: _Kind, number: int, place: str, record: Json) -> None:
        add = self.facts.add
        named = _bytes(kind.row.id_in_bag(record, place))
        add("id", kind.name, number, named)
        owner = record.get(kind.file.owner) if kind.file.owner else None
        if isinstance(owner, str) and owner.lower() != self.id.lower():
            self.result.differ(self._where(self._lists[number][1]), f"{record['id']} belongs to project {owner}")
        if kind.file.holds is not Holds.ITEMS:
            return
        blobs = kind.row.blobs_in_bag(record, place)
        for stem, uri in blobs:
            listed = stem, source_path(uri)
            if listed in self._moved:
                self._arrived.add(listed)
            add("blob", blob_key(stem, self._moved.get(listed, listed[1])), WANTED, number, named)
        if kind.row.folders and not blobs:
            add("id", _unfinished(kind.row.name), number, named)

    def _iteration_folders(self) -> dict[str, str]:
        """Return the folder name of each iteration, by the id in that name."""
        folders: dict[str, str] = {}
        with self.result.noting(self._where("iterations")):
            for place, name in self.result.bag.iterations(self._project):
                if not place or place in folders:
                    self.result.differ(
                        self._where(f"iterations/{name}"), "its name has no iteration id, or the id of another folder"
                    )
                else:
                    folders[place] = name
        return folders

    # --- comparing ----------------------------------------------------------------------------------------------

    def _check_project_document(self) -> None:
        where = self._where("project.json")
        if not self._there("project.json", PROJECTS):
            if PROJECTS in self.rows and not self._excused(PROJECTS):
                self.result.differ(where, "missing")
            return
        self._counted[PROJECTS] += 1
        record = self.result.document(where)
        if record is not None and record.get("id") != self.id:
            self.result.differ(where, f"describes project {record.get('id')}, but lies in the folder of {self.id}")

    def _check_iterations(self, folders: dict[str, str]) -> set[str]:
        """Return the ids of all iterations that anything speaks of."""
        listed = {identity(_text(one)) for (one,) in self.facts.ask("SELECT id FROM id WHERE kind = ?", ITERATIONS)}
        for place, name in folders.items():
            self._check_iteration_document(f"iterations/{name}/iteration.json", place)
            if ITERATIONS in self.rows and place not in listed:
                self.result.differ(self._where(f"iterations/{name}"), "iterations.jsonl does not list this iteration")
        for place in sorted(listed - folders.keys()):
            if self._excused(ITERATIONS, place):
                continue
            self.result.differ(self._where("iterations.jsonl"), f"iteration {place} has no folder")
        return listed | folders.keys()

    def _check_noted_places(self, known: set[str]) -> None:
        """Check that the notes of absence name iterations of the export; only their own row lists all iterations."""
        unknown = self._noted_places.keys() - known - {WORKSPACE} if ITERATIONS in self.rows else set()
        for place in sorted(unknown):
            rows = ", ".join(sorted(self._noted_places[place]))
            self.result.differ(self._where(NOTES), f"notes the {rows} of an unknown iteration {place}")

    def _check_iteration_document(self, file: str, place: str) -> None:
        where = self._where(file)
        if not self._there(file, ITERATIONS):
            if ITERATIONS in self.rows and not self._excused(ITERATIONS, place):
                self.result.differ(where, "missing")
            return
        self._counted[ITERATIONS] += 1
        with self.result.noting(where):
            record = self.result.document(where) or {"id": None}
            owner = record.get("projectId")
            if record["id"] is not None and identity(record["id"]) != place:
                self.result.differ(where, f"describes iteration {record['id']}, but lies in the folder of {place}")
            if isinstance(owner, str) and owner.lower() != self.id.lower():
                self.result.differ(where, f"belongs to project {owner}")

    def _check_documents(self, kind: _Kind, folders: dict[str, str], known: set[str]) -> set[str]:
        """Return the iterations that have a row's document; each other one must have a note."""
        row, noted = kind.row.name, self._noted[kind.row.name]
        there: set[str] = set()
        for place, name in folders.items():
            file = f"iterations/{name}/{kind.file.name}"
            if self._there(file, row):
                there.add(place)
                self.result.document(self._where(file))
            elif any(f"iterations/{name}/{one.file.name}" in self._lines for one in _LISTS if one.row == kind.row):
                self.result.differ(self._where(file), "missing")
        self._counted[row] += len(there)
        for place in sorted(known if row in self.rows else ()):
            if (place in there) == (place in noted) and not (place not in there and self._excused(row, place)):
                how = "both exported and noted as absent" if place in noted else "neither exported nor noted as absent"
                self.result.differ(self._where(NOTES), f"{row} of iteration {place} is {how}")
        return there

    def _check_listings(self, folders: dict[str, str], known: set[str], documented: dict[str, set[str]]) -> None:
        """Check that each list which an export proves has its proof, and each proof its list."""
        proofs = self._proofs()
        for kind in _LISTS:
            row = kind.row.name
            if not kind.file.counted or row not in self.rows:
                continue
            for place in sorted(documented.get(row, {WORKSPACE, *known})):
                file = f"iterations/{folders.get(place, place)}/{kind.file.name}" if place else kind.file.name
                if (row, place) in proofs:
                    self._prove(proofs.pop((row, place)), file)
                elif self._excused(row, place):
                    continue
                else:
                    self.result.differ(self._where(LISTINGS), f"has no proof of {file}")
                if file not in self._lines:
                    self.result.differ(self._where(file), "missing")
        for row, place in proofs:
            unknown = f"{row} of {f'iteration {place}' if place else 'the workspace'}"
            self.result.differ(self._where(LISTINGS), f"proves {unknown}, a list that the export does not hold")

    def _proofs(self) -> dict[tuple[str, str], Json]:
        where = self._where(LISTINGS)
        proofs: dict[tuple[str, str], Json] = {}
        if self.result.bag.has(where):
            with self.result.noting(where):
                for one in self.result.records_in(where):
                    _typed(one, _LISTING)
                    place = identity(one["iteration"]) if one["iteration"] else WORKSPACE
                    if (one["row"], place) in proofs:
                        self.result.differ(where, f"proves {one['row']} in {one['file']} twice")
                    proofs[one["row"], place] = one
        return proofs

    def _prove(self, proof: Json, file: str) -> None:
        where = self._where(LISTINGS)
        before, after, listed, written = (
            proof[name] for name in ("countedBefore", "countedAfter", "listed", "written")
        )
        if proof["file"] != file:
            self.result.differ(where, f"names {proof['file']} instead of {file}")
        excused = self._excused(proof["row"], identity(proof["iteration"]) if proof["iteration"] else WORKSPACE)
        if not before == after == listed and not excused:
            self.result.differ(where, f"{file}: counted {before} before and {after} after, listed {listed}")
        most = listed + proof.get("listedOnlyBefore", 0)
        if (written > most or (written < most and not self.narrowed)) and not excused:
            self.result.differ(where, f"{file}: {listed} listed, {written} written")
        if self._lines.get(file, 0) != written:
            what = f"holds {self._lines.get(file, 0)} records, but listings.jsonl says {written} were written"
            self.result.differ(self._where(file), what)

    def _check_ids(self) -> None:
        for blob, source in self._moved.keys() - self._arrived:
            self.result.differ(self._where(NOTES), f"says that {blob} moved from {source}, which is in no record")
        for kind in _ONCE:
            for number, named, times in self.facts.ask(_TWICE, kind):
                self.result.differ(self._where(self._lists[number][1]), f"lists {_text(named)} {times} times")
        for kind, named in self.facts.ask(_NOT_LISTED):
            self.result.differ(self._where(NOTES), f"notes {kind} {_text(named)}, which is in no list")
        for row in _WITH_BYTES:
            for (named,) in self.facts.ask(_WITHOUT_NOTE, _unfinished(row), row):
                self.result.differ(self._where(NOTES), f"does not note that {_text(named)} has no bytes")
            for (named,) in self.facts.ask(_NOTE_BUT_BYTES, row, _unfinished(row)):
                self.result.differ(self._where(NOTES), f"notes {_text(named)}, which has bytes")

    def _check_details(self, kind: _Kind, folders: dict[str, str]) -> None:
        """Check that each item of a list has its detail, or a note that it was gone when it was asked for."""
        row = kind.row.name
        listing = next(one.file.name for one in _LISTS if one.row == kind.row and one.file.holds is Holds.ITEMS)
        for place, prefix in {WORKSPACE: "", **{one: f"iterations/{name}/" for one, name in folders.items()}}.items():
            items, details = self._number(f"{prefix}{listing}"), self._number(f"{prefix}{kind.file.name}")
            where = self._where(f"{prefix}{kind.file.name}")
            if not self.narrowed:  # selectors may pick a renamed one in only one of the lists
                for (named,) in self.facts.ask(_ITEM_WITHOUT_DETAIL, row, items, row, place, details):
                    if self._excused(row, place) or self.missing.item(self.id, row, _text(named)):
                        continue
                    self.result.differ(where, f"does not hold {row[:-1]} {_text(named)}, which {listing} lists")
                for (named,) in self.facts.ask(_DETAIL_WITHOUT_ITEM, details, items):
                    self.result.differ(where, f"holds {row[:-1]} {_text(named)}, which is not in {listing}")
            for (named,) in self.facts.ask(_ITEM_BOTH_WAYS, details, row, place):
                self.result.differ(where, f"holds {row[:-1]} {_text(named)}, which absent.jsonl notes as gone")

    def _number(self, file: str) -> int:
        return next((number for number, (_, name) in enumerate(self._lists) if name == file), -1)

    def _check_blobs(self) -> None:
        for wanted, held, number, named, path in self.facts.odd_blobs():
            if held > 1:
                what = f"has {held} entries for the bytes of {_text(path or b'')}"
                self.result.differ(self._where(FILES), what)
            if not wanted:
                self.result.differ(self._where(_text(path or b"")), "no record names this file")
            elif not held and number is not None:
                kind, file = self._lists[number]
                excused = self.missing.item(self.id, kind.row.name, _text(named or b""))
                if not excused and not list(self.facts.ask(_GONE, kind.row.name, named)):
                    self.result.differ(self._where(file), f"{kind.row.name} {_text(named or b'')} has no file")


def _typed(record: Json, fields: dict[str, type[Any]]) -> None:
    """Raise InvalidContent unless a record has these fields, of these types."""
    for name, kind in fields.items():
        if type(record.get(name)) is not kind:
            raise InvalidContent(f"{name} is missing in a record, or has the wrong type")


def _check_note(note: Json) -> None:
    """Raise InvalidContent for a note of absence that no export writes."""
    _typed(note, _NOTE | (_MOVED if "to" in note else {}))
    if not isinstance(note["iteration"], str | None) or type(note.get("gone", False)) is not bool:
        raise InvalidContent("a note of absence of another form")


def _belongs(path: str, blob: str) -> bool:
    """Return whether `path` is a file name for `blob`: its stem, perhaps with eight hex digits that make it unique."""
    stem, dot, _ = path.rpartition(".")
    more = stem.removeprefix(blob)
    return bool(dot) and stem.startswith(blob) and (not more or (len(more) == 9 and more[0] == "."))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogatepass")
