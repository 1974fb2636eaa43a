"""The journal of a project's files: a line says that these bytes are durably in the folder, and is written after."""

import hashlib
import heapq
import itertools
import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cv_gdpr.archive.layout import is_regular
from cv_gdpr.archive.writing import make_durable, private_file, private_folder, storing
from cv_gdpr.errors import StorageError
from cv_gdpr.verbatim import json_line

_SORTED = 10_000  # lines at once
_READ = 1 << 18  # bytes of lines at once
_SHA256 = re.compile("[0-9a-f]{64}")
_USUAL = re.compile(  # a line that needs no parser: nearly all are
    r'^{"path":"([!#-[\]-~]*)","blob":"([!#-[\]-~]*)","source":"([!#-[\]-~]*)",'
    r'"bytes":(\d{1,15}),"sha256":"([0-9a-f]{64})"}\n',
    re.ASCII | re.MULTILINE,
)
_DAMAGED = "run the same command again: it fetches what nothing speaks of any more"
_TOGETHER = 1.0  # seconds in which what is fetched is made durable together ...
_MOST = 512  # ... or so many files: what a crash costs is bounded too where much is fetched in a second


class Stored(NamedTuple):
    """A file of the export: its path in the project's folder, where its bytes came from, its size and hash."""

    path: str
    blob: str  # which blob of which item: `images/<id>`, also where the path has more to it
    source: str  # the path of the link that it came from
    bytes: int
    sha256: str

    @property
    def key(self) -> int:
        """What makes it the same blob: of the same item, from the same path."""
        return blob_key(self.blob, self.source)


def read_stored(path: Path) -> Iterator[Stored]:
    """Give the entries of a journal, without lines that are none: what they spoke of is lost."""
    if is_regular(path):
        with path.open("rb") as file:
            while lines := file.readlines(_READ):
                yield from filter(None, _entries(lines))


def read_index(path: Path, sha256: str) -> Iterator[Stored]:
    """Give the entries of a `files.jsonl`; raises StorageError if it is not what was written, or holds anything else.

    The last entry is given before that is known: nothing may be done on the word of one before all were read.
    """
    read = hashlib.sha256()
    with storing(path), path.open("rb") as file:
        while lines := file.readlines(_READ):
            for entry in _entries(lines):
                if entry is None:
                    raise StorageError(f"{path} holds a line that is no entry", _DAMAGED)
                yield entry
            read.update(b"".join(lines))
    if read.hexdigest() != sha256:
        raise StorageError(f"{path} was changed while the export ran", _DAMAGED)


def _entries(lines: list[bytes]) -> Iterator[Stored | None]:
    usual = _USUAL.findall(b"".join(lines).decode("latin-1"))
    if len(usual) == len(lines):  # hence all of them are
        return (Stored(path, blob, source, int(size), sha256) for path, blob, source, size, sha256 in usual)
    return map(_entry, lines)


def _entry(line: bytes) -> Stored | None:
    try:
        entry = Stored(**json.loads(line))
        return entry if _is_sound(entry) else None
    except (ValueError, TypeError, RecursionError):
        return None  # cut off by a crash


def _is_sound(entry: Stored) -> bool:
    """Say whether an entry may have been written here; raises TypeError or ValueError for what cannot be text."""
    "".join((entry.path, entry.blob, entry.source)).encode()
    return type(entry.bytes) is int and entry.bytes >= 0 and _SHA256.fullmatch(entry.sha256) is not None


def blob_key(blob: str, source: str) -> int:
    """Give what makes a blob the same: 64 bits of the item's stem and the path that it came from, for this process."""
    return hash((blob, source))


class Journal:
    """What of a project's bytes is on disk already, and the lines that claim more. Safe from several threads."""

    def __init__(self, path: Path, folder: Path, in_group: Callable[[], None], *, recheck: bool = False) -> None:
        private_folder(path.parent)
        self._path = path
        self._folder = folder
        self._in_group = in_group
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._pending: list[Stored] = []
        self._grouped = time.monotonic()
        self._recheck = recheck
        self._known: dict[int, int] = {}  # key: bytes; there may be hundreds of thousands
        self._rewrite()

    def _is_there(self, entry: Stored) -> bool:
        """Say whether the file still is what its line says: by its size, and if asked for by its bytes."""
        parts = PurePosixPath(entry.path).parts
        if ".." in parts or entry.path.startswith("/"):
            return False
        path = self._folder / entry.path
        try:
            same_size = is_regular(path) and path.stat().st_size == entry.bytes
            return same_size and (not self._recheck or _sha256_of(path) == entry.sha256)
        except (OSError, ValueError):  # not there, or no path at all
            return False

    def _rewrite(self) -> None:
        """Start the file anew with what holds: a torn line in the middle would hide nothing, but confuse a reader.

        The old file stays until the new one is durable: it is all that tells what was fetched before.
        """
        with storing(self._path):
            anew = self._path.with_suffix(".new")
            anew.unlink(missing_ok=True)  # of a run that was killed here
            with private_file(anew) as file:
                for entry in read_stored(self._path):
                    if entry.key not in self._known and self._is_there(entry):
                        self._known[entry.key] = entry.bytes
                        file.write(_line(entry))
            if self._known:
                make_durable(self._path.parent)
            anew.replace(self._path)

    def known(self, key: int) -> int | None:
        """Give the bytes of a blob that an earlier run left on disk, or None."""
        return self._known.get(key)

    @contextmanager
    def lines_of(self, claimed: Set[int]) -> Iterator[Iterable[bytes]]:
        """Give the lines of what is on disk, by their paths, without what an earlier run left that nobody claimed.

        They are sorted in parts that the memory can hold, and what the memory held of them is freed.
        """
        stale = self._known.keys() - claimed
        self._known = {}
        with storing(self._path), ExitStack() as files:
            lines: Iterator[bytes] = files.enter_context(self._path.open("rb"))
            if stale:
                lines = (line for line in lines if (entry := _entry(line)) and entry.key not in stale)
            parts: list[Iterable[bytes]] = [sorted(itertools.islice(lines, _SORTED))]
            while part := sorted(itertools.islice(lines, _SORTED)):
                file = files.enter_context(tempfile.TemporaryFile(dir=self._path.parent))
                file.writelines(part)
                file.seek(0)
                parts.append(file)
            yield heapq.merge(*parts)

    @property
    def entries(self) -> Iterator[Stored]:
        """What is on disk."""
        return (entry for entry in read_stored(self._path) if entry.key in self._known)

    def add(self, entry: Stored) -> None:
        """Note a file that has its name; it is claimed once it is durable, together with others."""
        with self._lock:
            self._pending.append(entry)
            now = time.monotonic()
            due = len(self._pending) >= _MOST or now - self._grouped >= _TOGETHER
            if due:
                self._grouped = now
        if due:
            self._in_group()

    def flush(self) -> None:
        """Make the files that wait durable, then write their lines."""
        with self._flushing:
            with self._lock:  # not for longer: what arrives meanwhile is noted while the disk is waited for
                group, self._pending = self._pending, []
            if group:
                with storing(self._folder):
                    make_durable(self._folder)
                    with self._path.open("ab") as file:
                        file.writelines(map(_line, group))


def _sha256_of(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(entry: Stored) -> bytes:
    """Give what stands for a file in a journal and in `files.jsonl`; lines sorted by their bytes are sorted by path."""
    path, blob, source, size, sha256 = entry
    line = f'{{"path":"{path}","blob":"{blob}","source":"{source}","bytes":{size},"sha256":"{sha256}"}}\n'
    return line.encode() if _USUAL.fullmatch(line) else json_line(entry._asdict())
