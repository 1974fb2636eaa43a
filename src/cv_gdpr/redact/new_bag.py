"""The new bag while it is written: lists and documents are written, files linked; in a folder that is not a bag yet."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cv_gdpr.archive.closing import close
from cv_gdpr.archive.journal import read_index
from cv_gdpr.archive.placing import Placer
from cv_gdpr.archive.spelling import on_disk
from cv_gdpr.archive.writing import HashedFile, private_folder, storing

_DATA = "data/"


class NewBag:
    """A new folder; each method raises StorageError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._documents: dict[str, tuple[int, str]] = {}  # path below data/: size and hash
        self._indices: list[tuple[str, str]] = []  # project's folder, path of its index
        self._folders: set[Path] = set()
        self._placer = Placer()
        self._numbers = itertools.count()
        with storing(folder):
            private_folder(folder / "data")

    def write(self, where: str, lines: Iterable[bytes]) -> str:
        """Write a file from its lines, and return its SHA-256."""
        file = HashedFile(self._path(where))
        with storing(file.temporary):
            for line in lines:
                file.write(line)
            received = file.received()
        if where.startswith(_DATA):
            self._documents[where.removeprefix(_DATA)] = received.size, received.sha256
        return received.sha256

    def index(self, project: str, where: str, lines: Iterable[bytes]) -> None:
        """Write a project's index; the files that it names count as files of the bag."""
        self.write(where, lines)
        self._indices.append((project, where.removeprefix(_DATA)))

    def link(self, source: Path, where: str) -> None:
        """Link a file of the old bag into this one; copy it where the file system has no links."""
        path = self._path(where)
        with storing(path):
            self._placer.place(source, path)

    def close(self, info: list[tuple[str, str]], more: Mapping[str, str]) -> None:
        """Make the folder a bag; `more` are other tag files, with their hashes."""
        with storing(self.folder):
            close(self.folder, self._payload(), info, self._temporary, more)

    def _path(self, where: str) -> Path:
        path = self.folder / on_disk(where)
        if path.parent not in self._folders:
            with storing(path):
                private_folder(path.parent)
            self._folders.add(path.parent)
        return path

    def _temporary(self) -> str:
        return str(self.folder / f".part-{next(self._numbers)}")

    def _payload(self) -> Iterator[tuple[str, int, str]]:
        for where, (size, sha256) in self._documents.items():
            yield where, size, sha256
        for project, where in self._indices:
            path = self.folder / "data" / on_disk(where)
            for entry in read_index(path, self._documents[where][1]):
                yield f"{project}/{entry.path}", entry.bytes, entry.sha256
