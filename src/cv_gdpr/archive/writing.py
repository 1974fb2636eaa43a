"""Writing so that a file is there whole or not at all, private to its owner, and durable before it is claimed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from cv_gdpr.archive.names import suffix_for
from cv_gdpr.errors import StorageError

if TYPE_CHECKING:  # the process that downloads has no other use for it, and would start later for it
    from pathlib import Path

_GATHERED = 1 << 17  # bytes that a file gathers before they are written
_HEAD = 16  # bytes that tell a file's type
_PARTS = 64  # chunks that are written as they are; to copy more into one is cheaper
SAFELY = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))  # what the system has of it
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})


def private_folder(path: Path) -> Path:
    """Make a folder (and those above it) that its owner alone can enter, and give it."""
    if not path.is_dir():
        private_folder(path.parent)  # mkdir's own `parents` would make those with the usual mode
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def private_file(path: Path | str) -> BinaryIO:
    """Open a new file that its owner alone can read; raises FileExistsError if the name is taken."""
    return os.fdopen(open_new(path), "wb")


def open_new(path: Path | str, mode: int = os.O_WRONLY) -> int:
    """Create a file that its owner alone can read, and give its handle; raises FileExistsError if the name is taken.

    For folders that others may write too: no link is followed, whether it leads somewhere or nowhere.
    """
    return os.open(path, mode | os.O_CREAT | os.O_EXCL | SAFELY, 0o600)


def read_all(handle: int) -> bytes:
    """Give the content of an open file, whatever has its name now; its position is at the end after that."""
    os.lseek(handle, 0, os.SEEK_SET)
    parts = []
    while part := os.read(handle, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def is_at(handle: int, path: Path) -> bool:
    """Say whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


def write_new(path: Path, content: bytes) -> None:
    """Write a file so that its name never stands for less than all of it; raises FileExistsError if it is taken.

    The temporary name is random, so that nobody can have prepared it, and the final name is a hard link: unlike a
    renaming it replaces nothing that appeared meanwhile. The bytes are durable before the name is there, and the name
    when this returns.
    """
    import secrets

    temporary = path.with_name(f".{_tag(path)}-{secrets.token_hex(8)}.part")
    handle = open_new(temporary)
    try:
        try:
            write_all(handle, content)
            os.fsync(handle)
            if os.name == "posix":
                _take_name(temporary, path)
                if not is_at(handle, path):
                    raise OSError(errno.ESTALE, "somebody replaced it while it was written", str(path))
        finally:
            os.close(handle)
        if os.name != "posix":  # on Windows, an open file cannot be renamed, and a renaming replaces nothing
            temporary.rename(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    sync_folder(path.parent)


def _tag(path: Path) -> str:
    """Give what begins the temporary names of a file: short, since a file's name may be as long as can be."""
    return f"cv-gdpr-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}"


def _take_name(temporary: Path, final: Path) -> None:
    """Give a file its final name; raises FileExistsError if something has it."""
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(open_new(final))  # no hard links here: claim the name, then replace what was claimed
        temporary.replace(final)


def remove_unfinished(path: Path) -> None:
    """Remove the temporary files that a killed `write_new` of this path left; whoever calls must be alone with it."""
    for left in path.parent.glob(f".{_tag(path)}-*.part"):
        if stat.S_ISREG(left.lstat().st_mode):
            left.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the files that have them, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Write to a file or a pipe until nothing is left."""
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def _write_parts(handle: int, parts: list[bytes], size: int) -> None:
    written = os.writev(handle, parts)
    if written < size:
        write_all(handle, b"".join(parts)[written:])


def too_many_files() -> StorageError:
    """Give the error for a process that may open no more files or connections."""
    return StorageError("too many open files", "raise the limit (ulimit -n), or lower --connections")


class storing:  # noqa: N801 - used like contextlib's own, and written as a class because it is entered for each line
    """Turn an OSError about the local disk into a StorageError of one line."""

    __slots__ = ("_what",)

    def __init__(self, what: Path | str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise storage_error(error, self._what) from error


def storage_error(error: OSError, what: Path | str) -> StorageError:
    """Give the error of one line for what the operating system said of a file, or else of `what`."""
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return too_many_files()
    place = error.filename2 or error.filename or what  # of a renaming, where it should have led to
    return StorageError(f"cannot write {place}: {error.strerror or error}")


class Received(NamedTuple):
    """A file that is whole: where it lies, its size in bytes, SHA-256 and first 16 bytes."""

    path: str
    size: int
    sha256: str
    head: bytes

    def named(self, stem: str, otherwise: str) -> Received:
        """Rename the file to `stem` and the suffix of its true type, or the other one; raises StorageError."""
        path = stem + suffix_for(self.head, otherwise)
        with storing(path):
            _rename(self.path, path)
        return Received(path, self.size, self.sha256, self.head)


def _rename(path: str, final: Path | str) -> None:
    try:
        os.replace(path, final)  # noqa: PTH105 - a Path for each of 100,000 files costs more than the call
    except FileNotFoundError:
        from pathlib import Path

        private_folder(Path(final).parent)
        os.replace(path, final)  # noqa: PTH105


class HashedFile:
    """A file being written under a temporary name: bytes, SHA-256 and first bytes known when it is closed.

    What is written is gathered, so that a small file takes one hash and one write; nothing is made before that.
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
        self._hash.update(chunk)  # at once, while the processor has it at hand
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
        _write_parts(self._handle, parts, size)

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of what was written."""
        return self._hash.hexdigest()

    def received(self) -> Received:
        """Hand all bytes to the operating system, and give what came of it."""
        if not self._closed:
            self._put()
        self._let_go()
        return Received(self.temporary, self.bytes, self.sha256, self.head)

    def _let_go(self) -> None:
        self._closed = True
        if self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)

    def discard(self) -> None:
        """Close and remove the file."""
        self._gathered.clear()
        self._let_go()
        with suppress(FileNotFoundError):
            os.unlink(self.temporary)  # noqa: PTH108

    def rename(self, final: Path | str) -> None:
        """Close the file and give it its name, replacing what had it."""
        self.received()
        _rename(self.temporary, final)


def write_whole(path: Path, text: str, temporary: str) -> str:
    """Write a text file by temporary name and rename; give its SHA-256."""
    file = HashedFile(temporary)
    file.write(text.encode())
    file.rename(path)
    return file.sha256


def write_durably(path: Path, text: str, temporary: str) -> None:
    """Write a text file so that its name never stands for less than all of it, a loss of power included."""
    with private_file(temporary) as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)  # noqa: PTH105
    sync_folder(path.parent)


def make_durable(folder: Path) -> None:
    """Wait until all that was written on the folder's file system would outlast a loss of power.

    One syncfs(2) for a group of files costs a third of an fsync for each; where there is none, sync(2) serves.
    """
    if sys.platform == "linux":
        import ctypes

        handle = os.open(folder, os.O_RDONLY)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.syncfs(handle) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), str(folder))
        finally:
            os.close(handle)
    elif hasattr(os, "sync"):
        os.sync()
