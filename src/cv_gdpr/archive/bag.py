"""THE reader of a finished bag: its documents, its projects, their lists, and which bytes are there."""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

from cv_gdpr.archive.bag_info import ENDPOINT, STARTED, SUMMARY, pairs_in
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.json_files import InvalidContent, content_of, lines_of, value_of
from cv_gdpr.archive.layout import is_regular
from cv_gdpr.archive.names import identity_in
from cv_gdpr.archive.spelling import composed, on_disk
from cv_gdpr.errors import UsageError
from cv_gdpr.links import source_path
from cv_gdpr.verbatim import Json, json_value

WORKSPACE = ""  # the place of what belongs to the project itself
FILES = "files.jsonl"
NOTES = "absent.jsonl"
LISTINGS = "listings.jsonl"
NAMES = "names.json"
"""The names of a project, and of its iterations with something selected, where selectors narrowed the export."""
Held = TypeVar("Held")


class List(NamedTuple):
    """A list in a project's folder: its path there, its name, and the identity of its iteration."""

    file: str
    name: str
    iteration: str = WORKSPACE


class BagProject(NamedTuple):
    """A project as the summary names it: its id, and its folder below data/."""

    id: str
    folder: str

    def where(self, file: str) -> str:
        """Return the path of a file of the project, in the bag."""
        return f"data/{self.folder}/{file}"


class HeldFile(NamedTuple):
    """A file with the bytes of a blob: its SHA-256, and its path in the bag."""

    sha256: str
    path: str


class Bag:
    """A bag's folder. Each method raises OSError for what cannot be read, InvalidContent for what no export writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._decomposed: dict[str, Path] = {}

    def at(self, where: str) -> Path:
        """Return the path of a file or folder of the bag; the file system may have decomposed the names above it."""
        path = self.folder / on_disk(where)
        return path if where.isascii() or path.exists() else self._found(where)

    def _found(self, where: str) -> Path:
        if not where:
            return self.folder
        if where not in self._decomposed:
            above, _, name = where.rpartition("/")
            folder = self._found(above)
            self._decomposed[where] = folder / _spelt_in(folder, name)
        return self._decomposed[where]

    def has(self, where: str) -> bool:
        """Return whether a file is there, and not a link, a pipe or a device in its place."""
        return is_regular(self.at(where))

    def document(self, where: str) -> Json:
        """Return the object in a JSON document."""
        value = value_of(content_of(self.at(where)))
        if isinstance(value, dict):
            return value
        raise InvalidContent("not a JSON object")

    def lines(self, where: str) -> Iterator[bytes]:
        """Yield the lines of a file."""
        return lines_of(self.at(where))

    def records(self, where: str) -> Iterator[Json]:
        """Yield the records of a list as they were sent, every digit of a number included; none without the file."""
        if self.has(where):
            yield from map(json_value, self.lines(where))

    @cached_property
    def summary(self) -> Json:
        """What export.json says."""
        return self.document(f"data/{SUMMARY}")

    @cached_property
    def info(self) -> list[tuple[str, str]]:
        """The lines of bag-info.txt: label and value of each."""
        return pairs_in(content_of(self.folder / "bag-info.txt"))

    @property
    def began(self) -> str:
        """When the export began, as bag-info.txt says; empty if it does not."""
        return next((value for label, value in self.info if label == STARTED), "")

    @property
    def endpoint(self) -> str:
        """The endpoint that the export came from; UsageError unless both of the bag's files name the same one."""
        named = {value for label, value in self.info if label == ENDPOINT}
        endpoint = str(self.summary.get("endpoint"))
        if named != {endpoint}:
            message = f"{self.folder}: export.json and bag-info.txt do not name the same endpoint"
            raise UsageError(message, "cv-gdpr verify tells more")
        return endpoint

    @property
    def rows(self) -> frozenset[str]:
        """The rows of the table that were exported."""
        return frozenset(self.summary["rows"])

    def projects(self) -> Iterator[BagProject]:
        """Yield the projects that the summary names."""
        for project in self.summary["projects"]:
            yield BagProject(project["id"], project["folder"])

    def names(self, project: BagProject) -> dict[str, str]:
        """Return the names of a project and of its iterations, by their ids, as NAMES has them; empty without it."""
        where = project.where(NAMES)
        return _names_in(self.document(where)) if self.has(where) else {}

    def iterations(self, project: BagProject) -> Iterator[tuple[str, str]]:
        """Yield the identity (empty: its name has none) and the name of each iteration's folder, by name."""
        top = self.at(project.where("iterations"))
        for name in sorted(composed(path.name) for path in top.iterdir()) if top.is_dir() else ():
            yield identity_in(name), name

    def lists(self, project: BagProject) -> Iterator[List]:
        """Yield the lists of a project: its own by name, then those of each iteration."""
        for name in self._lists_in(project.where("")):
            yield List(name, name)
        for iteration, folder in self.iterations(project):
            for name in self._lists_in(project.where(f"iterations/{folder}")):
                yield List(f"iterations/{folder}/{name}", name, iteration)

    def _lists_in(self, where: str) -> list[str]:
        return sorted(path.name for path in self.at(where).glob("*.jsonl"))

    def bytes_of(self, project: BagProject) -> "HeldBytes":
        """Return which blobs a project's index names."""
        return HeldBytes(set(self._by_blob(project, lambda _: None)))

    def files_of(self, project: BagProject) -> dict[int, "HeldFile"]:
        """Return the file of each blob that a project's index names, by the blob's key."""
        return self._by_blob(project, lambda entry: HeldFile(entry["sha256"], project.where(entry["path"])))

    def _by_blob(self, project: BagProject, value: Callable[[Json], Held]) -> dict[int, Held]:
        """Return a value for each entry of the index, by its blob; a blob that moved is found in both places."""
        held = {blob_key(one["blob"], one["source"]): value(one) for one in self.records(project.where(FILES))}
        for note in self.records(project.where(NOTES)):
            if "to" in note and (key := blob_key(note["blob"], note["to"])) in held:
                held[blob_key(note["blob"], note["from"])] = held[key]
        return held


def _names_in(document: Json) -> dict[str, str]:
    iterations = document.get("iterations")
    project = {field: value for field, value in document.items() if field != "iterations"}
    entries = [project, *iterations] if isinstance(iterations, list) else []
    if not entries or not all(map(_is_named, entries)):
        raise InvalidContent("not the id and the name of a project and of a list of iterations")
    names = {one["id"]: one["name"] for one in entries}
    if len(names) < len(entries):
        raise InvalidContent("it names an id twice")
    return names


def _is_named(entry: object) -> bool:
    if not isinstance(entry, dict) or entry.keys() != {"id", "name"}:
        return False
    return all(isinstance(value, str) for value in entry.values())


def _spelt_in(folder: Path, name: str) -> str:
    """Return how a folder spells a name: decomposed, if it holds it only like that."""
    if name.isascii() or not folder.is_dir():
        return on_disk(name)
    return next((path.name for path in folder.iterdir() if composed(path.name) == name), on_disk(name))


class HeldBytes:
    """The blobs of a project whose files are there, by the place where they were listed."""

    def __init__(self, keys: set[int]) -> None:
        self._keys = keys

    def has(self, stem: str, uri: str) -> bool:
        """Return whether the bytes of a blob are there."""
        return blob_key(stem, source_path(uri)) in self._keys
