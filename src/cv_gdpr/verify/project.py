"""Checks of one project's folder: its lists and their proofs, its documents, its notes of absence, its file index."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.layout import is_regular
from cv_gdpr.archive.names import identity, identity_in, model_stem, safe_stem
from cv_gdpr.archive.reading import Unfit
from cv_gdpr.blobs import blobs_of, export_name
from cv_gdpr.findings import Json
from cv_gdpr.links import source_path
from cv_gdpr.verify.facts import HELD, INDEX, WANTED, Facts
from cv_gdpr.verify.result import Verification

_ROW_OF = {  # the row of each list, by the list's file name
    "iterations": "iterations",
    "tags": "tags",
    "tag-details": "tags",
    "images": "images",
    "predictions": "predictions",
    "exports": "exports",
    "image-performances": "performance",
}
_OF_PROJECT = ("iterations", "tags", "tag-details", "images", "predictions")
_OF_ITERATION = ("tags", "tag-details", "images", "exports", "image-performances")
_OWNER = {"predictions": "project", "iterations": "projectId"}  # the field that names the project
_COUNTED = ("tags", "images", "exports", "predictions")  # rows with one list line for each item
_UNFINISHED = "exports without bytes"
_ENTRY = {"path": str, "blob": str, "source": str, "bytes": int, "sha256": str}
_LISTING = {"countedBefore": int, "countedAfter": int, "listed": int, "written": int, "row": str, "file": str}
_LARGEST = 1 << 62  # bytes
WORKSPACE = ""

_TWICE = f"""SELECT list, id, count(*) FROM id WHERE kind NOT IN ('exports', '{_UNFINISHED}')
    GROUP BY kind, list, id HAVING count(*) > 1"""  # noqa: S608 - a platform's model may be exported again
_HELD = """SELECT count(*) FROM (SELECT DISTINCT id FROM id WHERE kind = ?
    EXCEPT SELECT id FROM absent WHERE kind = ? AND gone)"""
_GONE = "SELECT 1 FROM absent WHERE kind = ? AND id = ? AND gone LIMIT 1"
_NOT_LISTED = """SELECT kind, id FROM absent WHERE kind <> 'performance' AND NOT EXISTS
    (SELECT 1 FROM id WHERE id.kind = absent.kind AND id.id = absent.id)"""
_TAG_WITHOUT_DETAIL = """SELECT id FROM id WHERE kind = 'tags' AND list = ?
    EXCEPT SELECT id FROM absent WHERE kind = 'tags' AND place = ?
    EXCEPT SELECT id FROM id WHERE kind = 'tag-details' AND list = ?"""
_DETAIL_WITHOUT_TAG = """SELECT id FROM id WHERE kind = 'tag-details' AND list = ?
    EXCEPT SELECT id FROM id WHERE kind = 'tags' AND list = ?"""
_TAG_BOTH_WAYS = """SELECT id FROM id WHERE kind = 'tag-details' AND list = ?
    INTERSECT SELECT id FROM absent WHERE kind = 'tags' AND place = ?"""
_WITHOUT_NOTE = f"SELECT id FROM id WHERE kind = '{_UNFINISHED}' EXCEPT SELECT id FROM absent WHERE kind = 'exports'"  # noqa: S608
_NOTE_BUT_BYTES = f"""SELECT id FROM absent WHERE kind = 'exports' AND NOT gone
    EXCEPT SELECT id FROM id WHERE kind = '{_UNFINISHED}'"""  # noqa: S608


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
    _lists: list[str] = field(default_factory=list)
    _lines: dict[str, int] = field(default_factory=dict)  # number of lines in each list
    _counted: Counter[str] = field(default_factory=Counter)
    _moved: dict[tuple[str, str], str] = field(default_factory=dict)  # (blob, listed link): fetched link
    _arrived: set[tuple[str, str]] = field(default_factory=set)  # the keys of `_moved` that a record names

    def check(self) -> Counter[str]:
        """Note all differences; return how many items of each row the folder holds."""
        self._read_index()
        self._read_notes()
        self._check_project_document()
        folders = self._iteration_folders()
        for kind in _OF_PROJECT:
            self._read_list(f"{kind}.jsonl", WORKSPACE)
        for place, name in folders.items():
            for kind in _OF_ITERATION:
                self._read_list(f"iterations/{name}/{kind}.jsonl", place)
        self.facts.index_ids()
        known = self._check_iterations(folders)
        evaluated = self._check_performance(folders, known)
        self._check_listings(folders, known, evaluated)
        self._check_ids()
        self._check_tags(folders)
        self._check_blobs()
        for row in _COUNTED:
            ((self._counted[row],),) = self.facts.ask(_HELD, row, row)
        self.facts.forget_project()
        return self._counted

    def _where(self, file: str) -> str:
        return f"data/{self.folder}/{file}"

    def _there(self, file: str, row: str) -> bool:
        """Return whether a file exists; note a difference if it does, but its row was not exported."""
        if not is_regular(self.result.folder / self._where(file)):
            return False
        if row not in self.rows:
            self.result.differ(self._where(file), f"belongs to the row {row}, which export.json does not name")
        return True

    # --- reading ------------------------------------------------------------------------------------------------

    def _read_index(self) -> None:
        where = self._where("files.jsonl")
        with self.result.noting(where):
            for entry in self.result.records_in(where):
                _typed(entry, _ENTRY)
                path, blob, size = entry["path"], entry["blob"], entry["bytes"]
                if len(entry) != len(_ENTRY) or not 0 <= size < _LARGEST:
                    raise Unfit("an entry has unknown fields or an impossible size")
                if not _belongs(path, blob):
                    self.result.differ(where, f"{path} is not a file name for {blob}")
                digest = bytes.fromhex(entry["sha256"])
                self.facts.add("file", _bytes(self._where(path)), 0, INDEX, None, size, digest)
                self.facts.add("blob", blob_key(blob, entry["source"]), HELD, None, _bytes(path))

    def _read_notes(self) -> None:
        where = self._where("absent.jsonl")
        if not is_regular(self.result.folder / where):
            return
        with self.result.noting(where):
            for note in self.result.records_in(where):
                row, named, iteration = note["row"], note["id"], note["iteration"]
                place = identity(iteration) if iteration else WORKSPACE
                if row not in self.rows:
                    self.result.differ(where, f"belongs to the row {row}, which export.json does not name")
                if "to" in note:
                    self._moved[note["blob"], note["from"]] = note["to"]
                    continue
                if row == "exports":
                    named = f"{place}/{named.removeprefix(f'{iteration}/')}"
                if row == "performance" and named != iteration:
                    self.result.differ(where, f"notes the performance of iteration {iteration} under iteration {named}")
                self.facts.add("absent", str(row), place, _bytes(named), bool(note.get("gone")))

    def _read_list(self, file: str, place: str) -> None:
        kind = file.rpartition("/")[2].removesuffix(".jsonl")
        row = _ROW_OF[kind]
        if not self._there(file, row):
            return
        where = self._where(file)
        number = len(self._lists)
        self._lists.append(file)
        lines = 0
        with self.result.noting(where):
            for record in self.result.records_in(where):
                lines += 1
                self._note_record(kind, number, place, record)
        self._lines[file] = lines
        if kind in _COUNTED:
            self.result.records += lines

    def _note_record(self, kind: str, number: int, place: str, record: Json) -> None:
        add = self.facts.add
        if kind == "exports":
            stem = model_stem(place, name := export_name(record))
            named = _bytes(f"{place}/{name}")
        else:
            stem, named = "", _bytes(record["id"])
        add("id", kind, number, named)
        owner = record.get(_OWNER[kind]) if kind in _OWNER else None
        if isinstance(owner, str) and owner.lower() != self.id.lower():
            self.result.differ(self._where(self._lists[number]), f"{record['id']} belongs to project {owner}")
        blobs = blobs_of(kind, record, stem)
        for blob in blobs:
            place_of = stem or safe_stem(blob.stem), source_path(blob.uri)
            if place_of in self._moved:
                self._arrived.add(place_of)
                place_of = place_of[0], self._moved[place_of]
            add("blob", blob_key(*place_of), WANTED, number, named)
        if kind == "exports" and not blobs:
            add("id", _UNFINISHED, number, named)

    def _iteration_folders(self) -> dict[str, str]:
        """Return the folder name of each iteration, by the id in that name."""
        folders: dict[str, str] = {}
        top = self.result.folder / self._where("iterations")
        with self.result.noting(self._where("iterations")):
            for path in sorted(top.iterdir()) if top.is_dir() else ():
                place = identity_in(path.name)
                if not place or place in folders:
                    why = "its name has no iteration id, or the id of another folder"
                    self.result.differ(self._where(f"iterations/{path.name}"), why)
                else:
                    folders[place] = path.name
        return folders

    # --- comparing ----------------------------------------------------------------------------------------------

    def _check_project_document(self) -> None:
        where = self._where("project.json")
        if not self._there("project.json", "projects"):
            if "projects" in self.rows:
                self.result.differ(where, "missing")
            return
        self._counted["projects"] += 1
        record = self.result.document(where)
        if record is not None and record.get("id") != self.id:
            self.result.differ(where, f"describes project {record.get('id')}, but lies in the folder of {self.id}")

    def _check_iterations(self, folders: dict[str, str]) -> set[str]:
        """Return the ids of all iterations that are listed or have a folder."""
        listed = {identity(_text(one)) for (one,) in self.facts.ask("SELECT id FROM id WHERE kind = 'iterations'")}
        for place, name in folders.items():
            self._check_iteration_document(f"iterations/{name}/iteration.json", place)
            if "iterations" in self.rows and place not in listed:
                self.result.differ(self._where(f"iterations/{name}"), "iterations.jsonl does not list this iteration")
        for place in sorted(listed - folders.keys()):
            self.result.differ(self._where("iterations.jsonl"), f"iteration {place} has no folder")
        return listed | folders.keys()

    def _check_iteration_document(self, file: str, place: str) -> None:
        where = self._where(file)
        if not self._there(file, "iterations"):
            if "iterations" in self.rows:
                self.result.differ(where, "missing")
            return
        self._counted["iterations"] += 1
        with self.result.noting(where):
            record = self.result.document(where) or {"id": None}
            owner = record.get("projectId")
            if record["id"] is not None and identity(record["id"]) != place:
                self.result.differ(where, f"describes iteration {record['id']}, but lies in the folder of {place}")
            if isinstance(owner, str) and owner.lower() != self.id.lower():
                self.result.differ(where, f"belongs to project {owner}")

    def _check_performance(self, folders: dict[str, str], known: set[str]) -> set[str]:
        """Return the iterations whose performance was exported; each other one needs a note of absence."""
        noted = {place for (place,) in self.facts.ask("SELECT place FROM absent WHERE kind = 'performance'")}
        evaluated: set[str] = set()
        for place, name in folders.items():
            file = f"iterations/{name}/performance.json"
            if self._there(file, "performance"):
                evaluated.add(place)
                self.result.document(self._where(file))
            elif f"iterations/{name}/image-performances.jsonl" in self._lines:
                self.result.differ(self._where(file), "missing")
        self._counted["performance"] += len(evaluated)
        for place in sorted(known if "performance" in self.rows else ()):
            if (place in evaluated) == (place in noted):
                how = "both exported and noted as absent" if place in noted else "neither exported nor noted as absent"
                self.result.differ(self._where("absent.jsonl"), f"performance of iteration {place} is {how}")
        return evaluated

    def _check_listings(self, folders: dict[str, str], known: set[str], evaluated: set[str]) -> None:
        """Check that each list that needs a proof has one, and that each proof has its list."""
        proofs = self._proofs()
        required = [("images", place) for place in (WORKSPACE, *sorted(known))] if "images" in self.rows else []
        required += [("performance", place) for place in sorted(evaluated)]
        for row, place in required:
            kind = "images" if row == "images" else "image-performances"
            file = f"iterations/{folders.get(place, place)}/{kind}.jsonl" if place else f"{kind}.jsonl"
            if (row, place) in proofs:
                self._prove(proofs.pop((row, place)), file)
            else:
                self.result.differ(self._where("listings.jsonl"), f"has no proof of {file}")
            if file not in self._lines:
                self.result.differ(self._where(file), "missing")
        for row, place in proofs:
            unknown = f"{row} of {f'iteration {place}' if place else 'the workspace'}"
            self.result.differ(self._where("listings.jsonl"), f"proves {unknown}, a list that the export does not hold")

    def _proofs(self) -> dict[tuple[str, str], Json]:
        where = self._where("listings.jsonl")
        proofs: dict[tuple[str, str], Json] = {}
        if is_regular(self.result.folder / where):
            with self.result.noting(where):
                for one in self.result.records_in(where):
                    _typed(one, _LISTING)
                    place = identity(one["iteration"]) if one["iteration"] else WORKSPACE
                    if (one["row"], place) in proofs:
                        self.result.differ(where, f"proves {one['row']} in {one['file']} twice")
                    proofs[one["row"], place] = one
        return proofs

    def _prove(self, proof: Json, file: str) -> None:
        where = self._where("listings.jsonl")
        before, after, listed, written = (
            proof[name] for name in ("countedBefore", "countedAfter", "listed", "written")
        )
        if proof["file"] != file:
            self.result.differ(where, f"names {proof['file']} instead of {file}")
        if not before == after == listed:
            self.result.differ(where, f"{file}: counted {before} before and {after} after, listed {listed}")
        most = listed + proof.get("listedOnlyBefore", 0)
        if written > most or (written < most and not self.narrowed):
            self.result.differ(where, f"{file}: {listed} listed, {written} written")
        if self._lines.get(file, 0) != written:
            what = f"holds {self._lines.get(file, 0)} records, but listings.jsonl says {written} were written"
            self.result.differ(self._where(file), what)

    def _check_ids(self) -> None:
        for blob, source in self._moved.keys() - self._arrived:
            what = f"says that {blob} moved from {source}, which is in no record"
            self.result.differ(self._where("absent.jsonl"), what)
        for number, named, times in self.facts.ask(_TWICE):
            self.result.differ(self._where(self._lists[number]), f"lists {_text(named)} {times} times")
        for kind, named in self.facts.ask(_NOT_LISTED):
            self.result.differ(self._where("absent.jsonl"), f"notes {kind} {_text(named)}, which is in no list")
        for (named,) in self.facts.ask(_WITHOUT_NOTE):
            self.result.differ(self._where("absent.jsonl"), f"does not note that {_text(named)} has no bytes")
        for (named,) in self.facts.ask(_NOTE_BUT_BYTES):
            self.result.differ(self._where("absent.jsonl"), f"notes {_text(named)}, which has bytes")

    def _check_tags(self, folders: dict[str, str]) -> None:
        for place, prefix in {WORKSPACE: "", **{one: f"iterations/{name}/" for one, name in folders.items()}}.items():
            tags, details = (self._number(f"{prefix}{kind}.jsonl") for kind in ("tags", "tag-details"))
            where = self._where(f"{prefix}tag-details.jsonl")
            if not self.narrowed:  # selectors may pick a tag renamed during the export in only one of the two lists
                for (named,) in self.facts.ask(_TAG_WITHOUT_DETAIL, tags, place, details):
                    self.result.differ(where, f"does not hold tag {_text(named)}")
                for (named,) in self.facts.ask(_DETAIL_WITHOUT_TAG, details, tags):
                    self.result.differ(where, f"holds tag {_text(named)}, which is not in tags.jsonl")
            for (named,) in self.facts.ask(_TAG_BOTH_WAYS, details, place):
                self.result.differ(where, f"holds tag {_text(named)}, which absent.jsonl notes as gone")

    def _number(self, file: str) -> int:
        return self._lists.index(file) if file in self._lines else -1

    def _check_blobs(self) -> None:
        for wanted, held, number, named, path in self.facts.odd_blobs():
            if held > 1:
                what = f"has {held} entries for the bytes of {_text(path or b'')}"
                self.result.differ(self._where("files.jsonl"), what)
            if not wanted:
                self.result.differ(self._where(_text(path or b"")), "no record names this file")
            elif not held and number is not None:
                file = self._lists[number]
                row = _ROW_OF[file.rpartition("/")[2].removesuffix(".jsonl")]
                if not list(self.facts.ask(_GONE, row, named)):
                    self.result.differ(self._where(file), f"{row} {_text(named or b'')} has no file")


def _typed(record: Json, fields: dict[str, type[Any]]) -> None:
    """Raise Unfit unless a record has these fields, of these types."""
    for name, kind in fields.items():
        if type(record.get(name)) is not kind:
            raise Unfit(f"{name} is missing in a record, or has the wrong type")


def _belongs(path: str, blob: str) -> bool:
    """Return whether `path` is a file name for `blob`: its stem, perhaps with eight hex digits that make it unique."""
    stem, dot, _ = path.rpartition(".")
    more = stem.removeprefix(blob)
    return bool(dot) and stem.startswith(blob) and (not more or (len(more) == 9 and more[0] == "."))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogatepass")
