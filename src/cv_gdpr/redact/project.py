"""One project of a bag, without what is gone of it: its lists, documents, notes, proofs, and the index of its files."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from cv_gdpr.archive.bag import FILES, LISTINGS, NAMES, NOTES, WORKSPACE, Bag, BagProject, List
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.json_files import content_of, value_of
from cv_gdpr.archive.layout import File, Holds
from cv_gdpr.archive.names import identity, same_id
from cv_gdpr.links import source_path
from cv_gdpr.redact.gone import Gone, GoneOf
from cv_gdpr.redact.new_bag import NewBag
from cv_gdpr.table.categories import CATEGORIES, EXPORTS, ITERATION_LIST, ITERATIONS, PROJECTS, Category
from cv_gdpr.verbatim import Json, json_line, json_text, json_value
from cv_gdpr.watching import Count

_OWN = frozenset({FILES, NOTES, LISTINGS})


class _Kind(NamedTuple):
    """A list of a row, and the row whose items its records describe."""

    row: Category
    file: File

    @property
    def subject(self) -> str:
        return self.file.subject or self.row.name


_KINDS = {file.name: _Kind(row, file) for row in CATEGORIES for file in row.files}


@dataclass
class ProjectRedaction:
    """Reads a project of a verified bag, and writes what stays into the new one."""

    bag: Bag
    project: BagProject
    everything: Gone
    new: NewBag
    records: dict[tuple[str, str], int] = field(default_factory=dict)  # taken out, by iteration and file that stay
    changed: int = 0  # records that lost a part
    files: int = 0  # taken out
    size: int = 0  # of those, in bytes
    hashes: list[str] = field(default_factory=list)  # of those
    linked_elsewhere: int = 0  # of those: files with another name, so that the bytes stay there
    looked_at: Count = field(default_factory=lambda: Count("records looked at"))
    models_kept: set[str] = field(default_factory=set)  # iterations with an exported model that stays
    _seen: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # row: ids of dropped records
    _kept: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _any_kept: bool = False  # whether a record stays
    _wanted: set[int] = field(default_factory=set)  # keys of the blobs that records name
    _moved: dict[tuple[str, str], str] = field(default_factory=dict)  # (blob, listed link): fetched link
    _arrived: set[tuple[str, str]] = field(default_factory=set)
    _iterations: dict[str, str] = field(default_factory=dict)  # identity: id

    @property
    def gone(self) -> GoneOf:
        """What is gone of it."""
        return self.everything.of(self.project.id)

    @property
    def taken(self) -> dict[str, list[str]]:
        """The ids that were taken out, by row: no list names them any more."""
        found = {row: sorted(ids - self._kept[row]) for row, ids in self._seen.items()}
        if self.gone.whole:
            found[PROJECTS] = [same_id(self.project.id)]
        return {row: ids for row, ids in found.items() if ids}

    @cached_property
    def _gone_iterations(self) -> frozenset[str]:
        """The identities of the iterations that are gone, as the bag's folder names have them."""
        listed = self.project.where(ITERATION_LIST)
        ids = [value_of(line)["iteration"] for line in self._lines_of(LISTINGS)]
        ids += [one["id"] for one in self.bag.records(listed)] if self.bag.has(listed) else []
        gone = (one for one in ids if one is not None and self.gone.holds(ITERATIONS, one))
        return frozenset(map(identity, (*gone, *self.gone.rows.get(ITERATIONS, ()))))

    def id_of(self, place: str) -> str | None:
        """Return the id of an iteration; None for the project itself."""
        return self._iterations.get(place, place) or None

    def run(self) -> None:
        """Write everything that stays; raise OSError, InvalidContent, StorageError."""
        for note in self.bag.records(self.project.where(NOTES)):
            if "to" in note:
                self._moved[note["blob"], note["from"]] = note["to"]
        for one in self.bag.lists(self.project):
            if one.file not in _OWN:
                self._list(one)
        if not self.gone.whole:
            self._documents()
            self._plain(NOTES, self._notes())
            self._plain(LISTINGS, self._listings())
        self._index()

    # --- lists ------------------------------------------------------------------------------------------------------

    def _list(self, one: List) -> None:
        kept = self._records(one, _KINDS[one.name])
        if self.gone.whole or one.iteration in self._gone_iterations:
            for _ in kept:
                pass
        else:
            self.new.write(self.project.where(one.file), kept)

    def _records(self, one: List, kind: _Kind) -> Iterator[bytes]:
        """Yield the lines of a list that stay; note ids and files of all."""
        nothing_stays = self.gone.whole or one.iteration in self._gone_iterations
        for line in self.bag.lines(self.project.where(one.file)):
            self.looked_at.add()
            record = value_of(line)
            named = kind.row.identity(record)
            if kind.row.name == ITERATIONS:
                self._iterations[identity(named)] = named
            if nothing_stays or self.gone.holds(kind.subject, named):
                if not kind.row.per_iteration:
                    self._seen[kind.subject].add(same_id(named))
                if not nothing_stays:
                    place = one.iteration, one.name
                    self.records[place] = self.records.get(place, 0) + 1
                continue
            self._keep(one, kind, record, named)
            yield self._line(line, named)

    def _keep(self, one: List, kind: _Kind, record: Json, named: str) -> None:
        self._any_kept = True
        if not kind.row.per_iteration:
            self._kept[kind.subject].add(same_id(named))
        for stem, uri in kind.row.blobs_in_bag(record, one.iteration) if kind.file.holds is Holds.ITEMS else ():
            listed = stem, source_path(uri)
            if listed in self._moved:
                self._arrived.add(listed)
            self._wanted.add(blob_key(stem, self._moved.get(listed, listed[1])))
            if kind.row.name == EXPORTS:
                self.models_kept.add(one.iteration)

    def _line(self, line: bytes, own: str = "") -> bytes:
        """Return a line as it is, or without the parts that name what is gone."""
        less = self._less(line, own)
        return line if less is None else json_line(less)

    def _less(self, text: bytes, own: str) -> Any:
        """Return the value of a JSON text without the parts that name what is gone; None if it has none."""
        plain = json_text(json_value(text)).encode() if b"\\u00" in text else text  # an escape may spell an id
        named = self.everything.named_in(plain, own)
        if not named:
            return None
        value = json_value(text)
        less = self.everything.without(value, own)
        if less == value:
            return None  # it is named in what a person wrote
        for row, one in named:
            self._seen[row].add(one)
        self.changed += 1
        return less

    # --- documents, notes, proofs -----------------------------------------------------------------------------------

    def _documents(self) -> None:
        for where in self._document_files():
            content = content_of(self.bag.at(where))
            less = self._less(content, self.project.id)
            self.new.write(where, [content] if less is None else [json_text(less, indent=True).encode(), b"\n"])

    def _document_files(self) -> Iterator[str]:
        names, places = self.project.where(NAMES), [WORKSPACE, *(name for _, name in self._folders())]
        files: list[str] = []
        for place in places:
            inside = self.project.where(f"iterations/{place}/" if place else "")
            files += [inside + path.name for path in sorted(self.bag.at(inside.rstrip("/")).glob("*.json"))]
        if files == [names] and not self._any_kept:
            return  # nothing is left to be named
        yield from files

    def _folders(self) -> Iterator[tuple[str, str]]:
        """Yield the iterations' folders that stay."""
        for place, name in self.bag.iterations(self.project):
            if place in self._gone_iterations:
                self._seen[ITERATIONS].add(same_id(self._iterations.get(place, place)))
            else:
                yield place, name

    def _plain(self, name: str, lines: Iterator[bytes]) -> None:
        """Write a file that exists only where it has a line."""
        if held := list(lines):
            self.new.write(self.project.where(name), held)

    def _notes(self) -> Iterator[bytes]:
        for line in self._lines_of(NOTES):
            note = value_of(line)
            left = self._is_left(note["iteration"])
            if "to" in note:
                if (note["blob"], note["from"]) in self._arrived:
                    yield json_line(json_value(line) | {"iteration": None}) if left else line
            elif not left and not self.gone.holds(note["row"], note["id"]):
                yield line

    def _listings(self) -> Iterator[bytes]:
        for line in self._lines_of(LISTINGS):
            if not self._is_left(value_of(line)["iteration"]):
                yield line

    def _is_left(self, iteration: str | None) -> bool:
        return iteration is not None and self.gone.holds(ITERATIONS, iteration)

    def _lines_of(self, name: str) -> Iterator[bytes]:
        where = self.project.where(name)
        return self.bag.lines(where) if self.bag.has(where) else iter(())

    # --- files ------------------------------------------------------------------------------------------------------

    def _index(self) -> None:
        where = self.project.where(FILES)
        if self.gone.whole:
            for _ in self._entries():
                pass
        elif self.bag.has(where):
            self.new.index(self.project.folder, where, self._entries())

    def _entries(self) -> Iterator[bytes]:
        """Yield the lines of the files that stay, and link these; count the others."""
        for line in self._lines_of(FILES):
            entry = value_of(line)
            where = self.project.where(entry["path"])
            if blob_key(entry["blob"], entry["source"]) in self._wanted:
                self.new.link(self.bag.at(where), where)
                yield line
            else:
                self.files += 1
                self.size += entry["bytes"]
                self.hashes.append(entry["sha256"])
                self.linked_elsewhere += os.lstat(self.bag.at(where)).st_nlink > 1
