"""Writing files completely or not at all, readable by their owner only, and durable before anything relies on them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from cv_gdpr.archive.durability import sync_file, sync_folder
from cv_gdpr.archive.names import suffix_for
from cv_gdpr.errors import StorageError
from cv_gdpr.platforms.files import KEEPS_MODES, NO_LINK, REPLACES_OPEN_FILES, SYNCS_ALL, reason_of, write_parts
from cv_gdpr.platforms.processes import by_ulimit

if TYPE_CHECKING:  # importing pathlib would slow the start of the download process, which does not need it
    from collections.abc import Callable
    from pathlib import Path

_GATHERED = 1 << 17  # bytes that a file buffers before it writes them
_HEAD = 16  # first bytes kept, enough to recognise the file type
_PARTS = 64  # most chunks for one writev; more are cheaper to join first
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})


def private_folder(path: Path) -> Path:
    """Create a folder, and its parents, that only its owner can enter, and return it."""
    if not path.is_dir():
        private_folder(path.parent)  # mkdir(parents=True) would create these with the default mode
        path.mkdir(mode=0o700, exist_ok=True)
        close_to_others(path)
    return path


def close_to_others(path: Path | str) -> None:
    """Where files have access lists in place of modes, let only its owner use a new one; warn if that is not kept."""
    if KEEPS_MODES:
        return
    from cv_gdpr.platforms import access

    if not access.close_to_others(path):
        import logging

        lacking = "its file system keeps no access list"
        logging.getLogger("cv_gdpr").warning("Warning: others may be able to read %s: %s", path, lacking)


def private_file(path: Path | str) -> BinaryIO:
    """Create a file that only its owner can read, and open it; raise FileExistsError if the name is taken."""
    return os.fdopen(open_new(path), "wb")


def open_new(path: Path | str, mode: int = os.O_WRONLY) -> int:
    """Create a file that only its owner can read, and return its handle; raise FileExistsError if the name is taken.

    Safe in folders where other users may write: it follows no link, not even a dangling one.
    """
    return os.open(path, mode | os.O_CREAT | os.O_EXCL | NO_LINK, 0o600)


def read_all(handle: int) -> bytes:
    """Return the content of an open file, even if its name is gone, and leave its position at the end."""
    os.lseek(handle, 0, os.SEEK_SET)
    parts = []
    while part := os.read(handle, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def is_at(handle: int, path: Path) -> bool:
    """Return whether `path` still names this open file."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


def write_new(path: Path, content: bytes) -> None:
    """Write a file with this content, as `fill_new` does."""
    fill_new(path, lambda handle: write_all(handle, content))


def fill_new(path: Path, fill: Callable[[int], None]) -> None:
    """Write a file that is never visible half written under its name; raise FileExistsError if the name is taken.

    The temporary name is random, so that no other user can prepare it. The final name is a hard link, which, unlike a
    rename, replaces no file that appeared in the meantime. The bytes are durable before the name exists, and the name
    is durable when this returns.
    """
    import secrets

    temporary = path.with_name(f".{tag(path)}-{secrets.token_hex(8)}.part")
    handle = open_new(temporary)
    try:
        try:
            close_to_others(temporary)
            fill(handle)
            sync_file(handle)
            if REPLACES_OPEN_FILES:
                _take_name(temporary, path)
                if not is_at(handle, path):
                    raise OSError(errno.ESTALE, "another process replaced it while it was written", str(path))
        finally:
            os.close(handle)
        if not REPLACES_OPEN_FILES:  # its rename, too, replaces nothing
            temporary.rename(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    sync_folder(path.parent)


def tag(path: Path) -> str:
    """Return a prefix for a file's temporary names; short, since the file's own name may have the maximum length."""
    return f"cv-gdpr-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}"


def _take_name(temporary: Path, final: Path) -> None:
    """Return a file its final name; raise FileExistsError if it is taken."""
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(open_new(final))  # no hard links here: reserve the name with an empty file, then replace that
        temporary.replace(final)


def remove_unfinished(path: Path) -> None:
    """Remove the temporary files that a killed `write_new` of this path left; no other process may be writing it."""
    for left in path.parent.glob(f".{tag(path)}-*.part"):
        if stat.S_ISREG(left.lstat().st_mode):
            left.unlink()


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Write all of the data to a file or a pipe."""
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def _write_parts(handle: int, parts: list[bytes], size: int) -> None:
    written = write_parts(handle, parts)
    if written < size:
        write_all(handle, b"".join(parts)[written:])


def too_many_files() -> StorageError:
    """Return the error for a process that has reached its limit of open files and connections."""
    return StorageError("too many open files", f"raise the limit{by_ulimit('-n')}, or lower --connections")


class storing:  # noqa: N801 - used like contextlib.suppress; a class, since it is entered for each line
    """Turn an OSError about the local disk into a StorageError with a message of one line."""

    __slots__ = ("_what",)

    def __init__(self, what: Path | str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise storage_error(error, self._what) from error


def storage_error(error: OSError, what: Path | str) -> StorageError:
    """Return a StorageError that names the file in the system's error, or else `what`."""
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return too_many_files()
    place = error.filename2 or error.filename or what  # filename2 is the target of a rename
    return StorageError(f"cannot write {place}: {reason_of(error, place)}")


class Received(NamedTuple):
    """A complete file: its path, size in bytes, SHA-256, first 16 bytes, and what is unusual about it (`flag`)."""

    path: str
    size: int
    sha256: str
    head: bytes
    flag: str = ""

    def named(self, stem: str, otherwise: str) -> Received:
        """Rename the file to `stem` with the suffix of its type, or `otherwise` if unknown; raise StorageError."""
        path = stem + suffix_for(self.head, otherwise)
        with storing(path):
            _rename(self.path, path)
        return self._replace(path=path)


def _rename(path: str, final: Path | str) -> None:
    try:
        os.replace(path, final)  # noqa: PTH105 - a Path for each of 100,000 files costs more than the call
    except FileNotFoundError:
        from pathlib import Path

        private_folder(Path(final).parent)
        os.replace(path, final)  # noqa: PTH105


class HashedFile:
    """A file while it is written under a temporary name; its size, SHA-256 and first bytes are known when it is closed.

    Writes are buffered, so that a small file takes one write; the file is created only then.
    """

    def __init__(self, temporary: Path | str) -> None:
        self.temporary = str(temporary)
        self.bytes = 0
        self.head = b""
        self._hash = hashlib.sha256()
        self._handle: int | None = None
        self._closed = False
        self._gathered: list[bytes] = []
        self._waiting = 0

    def write(self, chunk: bytes) -> None:
        """Append a chunk."""
        self._hash.update(chunk)  # now, while the chunk is in the processor's cache
        self._gathered.append(chunk)
        self._waiting += len(chunk)
        if self._waiting >= _GATHERED:
            self._put()

    def _put(self) -> None:
        if self._handle is None:
            self._handle = open_new(self.temporary)
        parts, size = self._gathered, self._waiting
        self._gathered, self._waiting = [], 0
        if len(parts) > _PARTS or (parts and len(parts[0]) < _HEAD):
            parts = [b"".join(parts)]
        if parts and not self.bytes:
            self.head = parts[0][:_HEAD]
        self.bytes += size
        try:
            _write_parts(self._handle, parts, size)
        except BaseException:
            self._close()  # Windows removes no file that is open
            raise

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of what was written."""
        return self._hash.hexdigest()

    def received(self) -> Received:
        """Write the rest, close the file and return its facts."""
        if not self._closed:
            self._put()
        self._close()
        return Received(self.temporary, self.bytes, self.sha256, self.head)

    def _close(self, *, durably: bool = False) -> None:
        self._closed = True
        if self._handle is not None:
            handle, self._handle = self._handle, None
            try:
                if durably:
                    sync_file(handle)
            finally:
                os.close(handle)

    def discard(self) -> None:
        """Close and remove the file."""
        self._gathered.clear()
        self._close()
        with suppress(FileNotFoundError):
            os.unlink(self.temporary)  # noqa: PTH108

    def rename(self, final: Path | str) -> None:
        """Close the file and give it its final name, replacing a file that has it.

        Where no single call makes all files durable, as `make_durable` does on Linux, its bytes are durable already.
        """
        if not self._closed:
            self._put()
        self._close(durably=not SYNCS_ALL)
        _rename(self.temporary, final)


def write_whole(path: Path, text: str, temporary: str) -> str:
    """Write a text file under a temporary name, rename it, and return its SHA-256."""
    file = HashedFile(temporary)
    file.write(text.encode())
    file.rename(path)
    return file.sha256


def write_durably(path: Path, text: str, temporary: str) -> None:
    """Write a text file that is never visible half written under its name, not even after a power failure."""
    with private_file(temporary) as file:
        file.write(text.encode())
        file.flush()
        sync_file(file.fileno())
    os.replace(temporary, path)  # noqa: PTH105
    sync_folder(path.parent)
