"""The journal of a project's files: a line says that these bytes are durably in the folder, and is written after."""

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from cv_gdpr.archive.writing import make_durable, private_file, private_folder, storing
from cv_gdpr.redact import without_query

_GROUP = 256  # files made durable together


@dataclass(frozen=True)
class Stored:
    """A file of the export: its path in the project's folder, where its bytes came from, its size and hash."""

    path: str
    source: str  # the URI up to its query
    bytes: int
    sha256: str


def read_stored(path: Path) -> list[Stored]:
    """Give the entries of a journal or of a `files.jsonl`, without lines that are none: what they spoke of is lost."""
    if not path.exists():
        return []
    entries = []
    with path.open("rb") as lines:
        for line in lines:
            try:
                entry = Stored(**json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue  # cut off by a crash
            if all(isinstance(text, str) for text in (entry.path, entry.source, entry.sha256)):
                entries.append(entry)
    return entries


def source_path(uri: str) -> str:
    """Give what identifies a blob whatever host serves it: the path of its URI."""
    bare = without_query(uri)
    return "/" + bare.split("://", 1)[-1].partition("/")[2] if "://" in bare else bare


class Journal:
    """What of a project's bytes is on disk already, and the lines that claim more. Safe from several threads."""

    def __init__(self, path: Path, folder: Path, in_group: Callable[[], None]) -> None:
        private_folder(path.parent)
        self._path = path
        self._folder = folder
        self._in_group = in_group
        self._lock = threading.Lock()
        self._pending: list[Stored] = []
        self._known = {source_path(entry.source): entry for entry in read_stored(path) if self._is_there(entry)}
        self._rewrite()

    def _is_there(self, entry: Stored) -> bool:
        """Say whether the file still is what its line says: all of its bytes are read again."""
        parts = PurePosixPath(entry.path).parts
        if ".." in parts or entry.path.startswith("/"):
            return False
        try:
            with (self._folder / entry.path).open("rb", buffering=0) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256 and file.tell() == entry.bytes
        except (OSError, ValueError):  # not there, or no path at all
            return False

    def _rewrite(self) -> None:
        """Start the file anew with what holds: a torn line in the middle would hide nothing, but confuse a reader."""
        with storing(self._path), private_file(self._path) as file:
            file.writelines(_line(entry) for entry in self._known.values())

    def known(self, uri: str) -> Stored | None:
        """Give the entry of a blob that is on disk, or None."""
        return self._known.get(source_path(uri))

    def add(self, entry: Stored) -> None:
        """Note a file that has its name; it is claimed once it is durable, together with others."""
        with self._lock:
            self._pending.append(entry)
            full = len(self._pending) >= _GROUP
        if full:
            self._in_group()

    def flush(self) -> None:
        """Make the files that wait durable, then write their lines."""
        with self._lock:
            group, self._pending = self._pending, []
            if not group:
                return
            with storing(self._folder):
                make_durable(self._folder)
                with self._path.open("ab") as file:
                    file.writelines(_line(entry) for entry in group)
            self._known.update((source_path(entry.source), entry) for entry in group)


def _line(entry: Stored) -> bytes:
    return json.dumps(asdict(entry), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
