"""The journal of a project's files (files.jsonl): a line for each file, written once that file is durable."""

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
from pathlib import Path
from typing import NamedTuple

from cv_gdpr.archive.durability import make_durable
from cv_gdpr.archive.layout import is_regular
from cv_gdpr.archive.spelling import on_disk
from cv_gdpr.archive.writing import private_file, private_folder, storing
from cv_gdpr.errors import StorageError
from cv_gdpr.platforms.names import leads_out
from cv_gdpr.verbatim import json_line

_SORTED = 10_000  # lines sorted at once
_READ = 1 << 18  # bytes of lines read at once
_OPTIONAL = frozenset({"flag", "reused"})
_SHA256 = re.compile("[0-9a-f]{64}")
_USUAL = re.compile(  # matches nearly every line, and is faster than a JSON parser
    r'^{"path":"([!#-[\]-~]*)","blob":"([!#-[\]-~]*)","source":"([!#-[\]-~]*)",'
    r'"bytes":(\d{1,15}),"sha256":"([0-9a-f]{64})"(?:,"flag":"([a-z0-9, ]+)")?(?:,"reused":"([0-9TZ:-]{20})")?}\n',
    re.ASCII | re.MULTILINE,
)
_DAMAGED = "run the same command again: it fetches files without a journal entry"
_TOGETHER = 1.0  # seconds: files that arrive within this time are made durable together ...
_MOST = 512  # ... but no more than this many, so that a crash loses few files even at a high rate


class Stored(NamedTuple):
    """A file of the export: its path in the project's folder, the origin of its bytes, its size and hash."""

    path: str
    blob: str  # the blob and its item, as `images/<id>`; `path` may have a suffix added to it
    source: str  # the path of the link that the bytes came from
    bytes: int
    sha256: str
    flag: str = ""  # what is unusual about it: `flags.py`
    reused: str = ""  # when the earlier export began from which it was taken

    @property
    def key(self) -> int:
        """The blob's identity: its item and the path of its link."""
        return blob_key(self.blob, self.source)


class Reused(NamedTuple):
    """How many files were taken from an earlier export, and their bytes."""

    files: int = 0
    bytes: int = 0

    def more(self, size: int, files: int = 1) -> "Reused":
        """Return this and more files of `size` bytes."""
        return Reused(self.files + files, self.bytes + size)


def read_stored(path: Path) -> Iterator[Stored]:
    """Yield the entries of a journal, skipping damaged lines: their files are fetched again."""
    if is_regular(path):
        with path.open("rb") as file:
            while lines := file.readlines(_READ):
                yield from filter(None, entries_of(lines))


def read_index(path: Path, sha256: str) -> Iterator[Stored]:
    """Yield the entries of a `files.jsonl`; raise StorageError if it was changed or a line is not an entry.

    The hash is checked at the end: act on no entry before.
    """
    read = hashlib.sha256()
    with storing(path), path.open("rb") as file:
        while lines := file.readlines(_READ):
            for entry in entries_of(lines):
                if entry is None:
                    raise StorageError(f"{path} holds a damaged line", _DAMAGED)
                yield entry
            read.update(b"".join(lines))
    if read.hexdigest() != sha256:
        raise StorageError(f"{path} was changed while the export ran", _DAMAGED)


def entries_of(lines: list[bytes]) -> Iterator[Stored | None]:
    """Yield the entry of each line, None for a damaged one."""
    usual = _USUAL.findall(b"".join(lines).decode("latin-1"))
    if len(usual) == len(lines):  # every line matched
        return (Stored(path, blob, source, int(size), *rest) for path, blob, source, size, *rest in usual)
    return map(_entry, lines)


def _entry(line: bytes) -> Stored | None:
    try:
        entry = Stored(**json.loads(line))
        return entry if _is_sound(entry) else None
    except (ValueError, TypeError, RecursionError):
        return None  # cut off by a crash


def _is_sound(entry: Stored) -> bool:
    """Return whether the fields of an entry are valid; raise TypeError or ValueError if its texts are not text."""
    "".join((entry.path, entry.blob, entry.source)).encode()
    sized = type(entry.bytes) is int and entry.bytes >= 0
    told = isinstance(entry.flag, str) and isinstance(entry.reused, str)
    return sized and told and _SHA256.fullmatch(entry.sha256) is not None


def blob_key(blob: str, source: str) -> int:
    """Return the identity of a blob: a 64-bit hash of its item and its link's path, valid in this process only."""
    return hash((blob, source))


class Journal:
    """The files of a project that are already on disk, and those waiting to be recorded. Safe for several threads."""

    def __init__(self, path: Path, folder: Path, in_group: Callable[[], None], *, recheck: bool = False) -> None:
        private_folder(path.parent)
        self._path = path
        self._folder = folder
        self._in_group = in_group
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._pending: list[Stored] = []
        self._grouped = time.monotonic()
        self._recheck = recheck
        self._known: dict[int, int] = {}  # blob key: bytes; integers, as there may be hundreds of thousands
        self._rewrite()

    def _is_there(self, entry: Stored) -> bool:
        """Return whether the file still has the size in its entry and, with `recheck`, the hash."""
        if leads_out(entry.path):
            return False
        path = self._folder / entry.path
        try:
            same_size = is_regular(path) and path.stat().st_size == entry.bytes
            return same_size and (not self._recheck or _sha256_of(path) == entry.sha256)
        except (OSError, ValueError):  # missing, or not a valid path
            return False

    def _rewrite(self) -> None:
        """Replace the journal by one with only the entries whose files are still there, without torn lines.

        The old journal stays until the new one is durable: without it, everything would be fetched again.
        """
        with storing(self._path):
            new = self._path.with_suffix(".new")
            new.unlink(missing_ok=True)  # left by a run that was killed here
            with private_file(new) as file:
                for entry in read_stored(self._path):
                    if entry.key not in self._known and self._is_there(entry):
                        self._known[entry.key] = entry.bytes
                        file.write(_line(entry))
            if self._known:
                make_durable(self._path.parent, [new])
            new.replace(self._path)

    def known(self, key: int) -> int | None:
        """Return the size in bytes of a blob that an earlier run stored, or None if none did."""
        return self._known.get(key)

    @contextmanager
    def lines_of(self, claimed: Set[int]) -> Iterator[Iterable[bytes]]:
        """Return the journal's lines sorted by path, without files of earlier runs whose keys are not in `claimed`.

        The lines are sorted in parts that fit into memory. Frees what the journal kept in memory.
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
        """The files that earlier runs stored."""
        return (entry for entry in read_stored(self._path) if entry.key in self._known)

    def add(self, entry: Stored) -> None:
        """Queue a file that has its final name; its line is written once it is durable, together with others."""
        with self._lock:
            self._pending.append(entry)
            now = time.monotonic()
            due = len(self._pending) >= _MOST or now - self._grouped >= _TOGETHER
            if due:
                self._grouped = now
        if due:
            self._in_group()

    def flush(self) -> None:
        """Make the queued files durable, then write their lines."""
        with self._flushing:
            with self._lock:  # released before the slow disk writes, so that `add` does not wait for them
                group, self._pending = self._pending, []
            if group:
                with storing(self._folder):
                    make_durable(self._folder, (self._folder / on_disk(entry.path) for entry in group))
                    with self._path.open("ab") as file:
                        file.writelines(map(_line, group))


def _sha256_of(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(entry: Stored) -> bytes:
    """Return the line of a file in a journal and in `files.jsonl`; the path comes first, so that lines sort by path."""
    path, blob, source, size, sha256, flag, reused = entry
    more = f',"flag":"{flag}"' if flag else ""
    more += f',"reused":"{reused}"' if reused else ""
    line = f'{{"path":"{path}","blob":"{blob}","source":"{source}","bytes":{size},"sha256":"{sha256}"{more}}}\n'
    if _USUAL.fullmatch(line):
        return line.encode()
    return json_line({name: value for name, value in entry._asdict().items() if value or name not in _OPTIONAL})


def noted_among(lines: Iterable[bytes]) -> Iterator[Stored]:
    """Yield the entries of those lines that have a flag, or were taken from an earlier export."""
    for line in lines:
        entry = _entry(line) if b'"flag":' in line or b'"reused":' in line else None
        if entry and (entry.flag or entry.reused):
            yield entry
