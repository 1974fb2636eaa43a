"""What a project's folder in an export says: its index, notes of absence, lists and proofs, read into the facts."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cv_gdpr.archive.bag import FILES, LISTINGS, NOTES, WORKSPACE, BagProject
from cv_gdpr.archive.bag_info import is_moment
from cv_gdpr.archive.flags import fits
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.json_files import InvalidContent
from cv_gdpr.archive.layout import File, Holds, Place
from cv_gdpr.archive.names import identity
from cv_gdpr.links import source_path
from cv_gdpr.table.categories import CATEGORIES, ITERATIONS, Category
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.facts import HELD, INDEX, UNFETCHED, WANTED, Facts
from cv_gdpr.verify.missing import Missing
from cv_gdpr.verify.result import Verification

_ENTRY = {"path": str, "blob": str, "source": str, "bytes": int, "sha256": str}
_LISTING = {"countedBefore": int, "countedAfter": int, "listed": int, "written": int, "row": str, "file": str}
_NOTE = {"row": str, "id": str}
_MOVED = {"blob": str, "from": str, "to": str}
_LARGEST = 1 << 62  # bytes


class Kind(NamedTuple):
    """A file of a row, and the row."""

    row: Category
    file: File

    @property
    def name(self) -> str:
        """What its records are called among the facts: items by their row, details by their file."""
        return self.row.name if self.file.holds is not Holds.DETAILS else self.file.name


_KINDS = [Kind(row, file) for row in CATEGORIES for file in row.files]
LISTS = [one for one in _KINDS if one.file.is_list]
_DOCUMENTS = [one for one in _KINDS if not one.file.is_list]
OF_ITERATION = [  # rows with a document for each iteration, or a note why there is none
    one for one in _DOCUMENTS if Place.ITERATION in one.file.places and one.row.name != ITERATIONS
]
_PER_ITERATION = {row.name for row in CATEGORIES if row.per_iteration}
_BY_DOCUMENT = {one.row.name for one in OF_ITERATION}


def unfinished(row: str) -> str:
    """Return what an item of a row is called that has no bytes yet, though its row has."""
    return f"{row} without bytes"


@dataclass
class ProjectContents:
    """The contents of a project that export.json names, by `folder` and `id`, with the `rows` of the export.

    Items, files and notes go to `facts`. Only data about iterations is kept in memory: there are few of them, but
    may be many images.
    """

    result: Verification
    facts: Facts
    folder: str
    id: str
    rows: frozenset[str]
    missing: Missing
    of_selected: frozenset[str] = frozenset()  # rows whose lists it holds as far as they describe items of `rows`
    lists: list[tuple[Kind, str]] = field(default_factory=list)
    folders: dict[str, str] = field(default_factory=dict)  # of iterations, by the id in their name
    # Iterations that are noted to have no document, by row; and the rows of each note, by iteration.
    noted: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    noted_places: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    lines: dict[str, int] = field(default_factory=dict)  # of each list that is there
    moved: dict[tuple[str, str], str] = field(default_factory=dict)  # (blob, listed link): fetched link
    arrived: set[tuple[str, str]] = field(default_factory=set)  # the keys of `moved` that a record names
    proofs: dict[tuple[str, str], Json] = field(default_factory=dict)  # of lists, by row and place

    def read(self) -> None:
        """Read everything; note in the result what cannot be read, or contradicts itself."""
        self._read_index()
        self._read_notes()
        self._find_iteration_folders()
        for kind in LISTS:
            if Place.PROJECT in kind.file.places:
                self._read_list(kind, kind.file.name, WORKSPACE)
        for place, name in self.folders.items():
            for kind in LISTS:
                if Place.ITERATION in kind.file.places:
                    self._read_list(kind, f"iterations/{name}/{kind.file.name}", place)
        self._read_proofs()
        self.facts.index_ids()

    @property
    def project(self) -> BagProject:
        """The project as the bag names it."""
        return BagProject(self.id, self.folder)

    def where(self, file: str) -> str:
        """Return the path of a file of the project in the bag."""
        return self.project.where(file)

    def may_hold(self, kind: Kind) -> bool:
        """Return whether the export may hold such a file: of its rows, or with what is said of selected items."""
        row = kind.row.name
        return row in self.rows or (row in self.of_selected and kind.file.subject in self.rows)

    def there(self, file: str, row: str, *, may_be: bool = False) -> bool:
        """Return whether a file exists; note a difference if it does, but neither was its row exported nor `may_be`."""
        if not self.result.bag.has(self.where(file)):
            return False
        if row not in self.rows and not may_be:
            self.result.differ(self.where(file), f"belongs to the row {row}, which export.json does not name")
        return True

    def in_place(self, place: str, file: str) -> str:
        """Return the path of a file in the project's folder: of an iteration, or of the workspace."""
        return f"iterations/{self.folders.get(place, place)}/{file}" if place else file

    def number(self, file: str) -> int:
        """Return the number of a list among the facts; -1 if the export does not have it."""
        return next((number for number, (_, name) in enumerate(self.lists) if name == file), -1)

    def _read_index(self) -> None:
        where = self.where(FILES)
        with self.result.noting(where):
            for entry in self.result.records_in(where):
                _typed(entry, _ENTRY)
                path, blob, size = entry["path"], entry["blob"], entry["bytes"]
                if entry.keys() - {"flag", "reused"} != _ENTRY.keys() or not 0 <= size < _LARGEST:
                    raise InvalidContent("an entry has unknown fields or an impossible size")
                self._check_flag(entry)
                self._count_reused(entry)
                if not _belongs(path, blob):
                    self.result.differ(where, f"{path} is not a file name for {blob}")
                digest = bytes.fromhex(entry["sha256"])
                self.facts.add("file", as_bytes(self.where(path)), 0, INDEX, None, size, digest)
                self.facts.add("blob", blob_key(blob, entry["source"]), HELD, None, as_bytes(path))

    def _check_flag(self, entry: Json) -> None:
        flag = entry.get("flag", "")
        if not fits(flag, entry["bytes"]) or (not flag and "flag" in entry):
            what = f"flags {entry['path']} ({entry['bytes']} bytes) as {flag!r}"
            self.result.differ(self.where(FILES), what)
        self.result.flagged += bool(flag)

    def _count_reused(self, entry: Json) -> None:
        if is_moment(entry.get("reused", "")):
            self.result.reused[entry["reused"]] += 1
        elif "reused" in entry:
            what = f"does not say from which export {entry['path']} was reused"
            self.result.differ(self.where(FILES), what)

    def _read_notes(self) -> None:
        where = self.where(NOTES)
        if not self.result.bag.has(where):
            return
        with self.result.noting(where):
            for note in self.result.records_in(where):
                _check_note(note)
                row, named, iteration = note["row"], note["id"], note["iteration"]
                place = identity(iteration) if iteration is not None else WORKSPACE
                self.noted_places[place].add(row)
                if row not in self.rows | self.of_selected:
                    self.result.differ(where, f"belongs to the row {row}, which export.json does not name")
                if "to" in note:
                    self.moved[note["blob"], note["from"]] = note["to"]
                    continue
                if row in _PER_ITERATION:
                    named = f"{place}/{named.removeprefix(f'{iteration}/')}"
                if row in _BY_DOCUMENT:
                    if named != iteration:
                        self.result.differ(where, f"notes the {row} of iteration {iteration} under iteration {named}")
                    self.noted[row].add(place)
                    continue
                self.facts.add("absent", row, place, as_bytes(named), note.get("gone", False))

    def _read_list(self, kind: Kind, file: str, place: str) -> None:
        if not self.there(file, kind.row.name, may_be=self.may_hold(kind)):
            return
        where = self.where(file)
        number = len(self.lists)
        self.lists.append((kind, file))
        lines = 0
        with self.result.noting(where):
            for record in self.result.records_in(where):
                lines += 1
                self._note_record(kind, number, place, record)
        self.lines[file] = lines
        if kind.file.holds is Holds.ITEMS:
            self.result.records += lines

    def _note_record(self, kind: Kind, number: int, place: str, record: Json) -> None:
        add = self.facts.add
        named = as_bytes(kind.row.id_in_bag(record, place))
        add("id", kind.name, number, named)
        owner = record.get(kind.file.owner) if kind.file.owner else None
        if isinstance(owner, str) and owner.lower() != self.id.lower():
            self.result.differ(self.where(self.lists[number][1]), f"{record['id']} belongs to project {owner}")
        if kind.file.holds is not Holds.ITEMS:
            return
        blobs = kind.row.blobs_in_bag(record, place)
        for stem, uri in blobs:
            listed = stem, source_path(uri)
            if listed in self.moved:
                self.arrived.add(listed)
            source = self.moved.get(listed, listed[1])
            unfetched = self.missing.bytes_of(self.id, kind.row.name, as_text(named), source)
            add("blob", blob_key(stem, source), UNFETCHED if unfetched else WANTED, number, named)
        if kind.row.folders and not blobs:
            add("id", unfinished(kind.row.name), number, named)

    def _find_iteration_folders(self) -> None:
        with self.result.noting(self.where("iterations")):
            for place, name in self.result.bag.iterations(self.project):
                if not place or place in self.folders:
                    self.result.differ(
                        self.where(f"iterations/{name}"), "its name has no iteration id, or the id of another folder"
                    )
                else:
                    self.folders[place] = name

    def _read_proofs(self) -> None:
        where = self.where(LISTINGS)
        if self.result.bag.has(where):
            with self.result.noting(where):
                for one in self.result.records_in(where):
                    _typed(one, _LISTING)
                    place = identity(one["iteration"]) if one["iteration"] else WORKSPACE
                    if "trusted" in one:
                        self._note_trusted(one, place)
                    if (one["row"], place) in self.proofs:
                        self.result.differ(where, f"proves {one['row']} in {one['file']} twice")
                    self.proofs[one["row"], place] = one

    def _note_trusted(self, proof: Json, place: str) -> None:
        """Note a list that was not read again; only one of an iteration may be."""
        if not is_moment(proof["trusted"]) or place == WORKSPACE:
            self.result.differ(self.where(LISTINGS), f"calls {proof['file']} trusted, or does not say since when")
            return
        self.result.trusted.add((self.id, proof["iteration"], proof["file"].rpartition("/")[2], proof["trusted"]))


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


def as_bytes(text: str) -> bytes:
    """Return an id or a path as it stands in the facts."""
    return text.encode(errors="surrogatepass")


def as_text(raw: bytes) -> str:
    """Return an id or a path of the facts as text."""
    return raw.decode(errors="surrogatepass")
