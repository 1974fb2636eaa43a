"""Writing so that a file is there whole or not at all, private to its owner, and durable before it is claimed."""

import ctypes
import errno
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cv_gdpr.errors import StorageError


def private_folder(path: Path) -> Path:
    """Make a folder (and those above it) that its owner alone can enter, and give it."""
    if not path.is_dir():
        private_folder(path.parent)  # mkdir's own `parents` would make those with the usual mode
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def private_file(path: Path) -> BinaryIO:
    """Open a new or emptied file that its owner alone can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def too_many_files() -> StorageError:
    """Give the error for a process that may open no more files or connections."""
    return StorageError("too many open files", "raise the limit (ulimit -n), or lower --connections")


@contextmanager
def storing(what: Path | str) -> Iterator[None]:
    """Turn an OSError about the local disk into a StorageError of one line."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.EMFILE, errno.ENFILE}:
            raise too_many_files() from error
        place = error.filename or what
        raise StorageError(f"cannot write {place}: {error.strerror or error}") from error


class HashedFile:
    """A file being written under a temporary name: bytes, SHA-256 and first bytes known as it grows."""

    def __init__(self, temporary: Path) -> None:
        self.temporary = temporary
        self.bytes = 0
        self.head = b""
        self._sha256 = hashlib.sha256()
        self._file = private_file(temporary)

    def write(self, chunk: bytes) -> None:
        """Append a chunk."""
        if len(self.head) < 16:
            self.head = (self.head + chunk)[:16]
        self.bytes += len(chunk)
        self._sha256.update(chunk)
        self._file.write(chunk)

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of what was written."""
        return self._sha256.hexdigest()

    def close(self) -> None:
        """Hand all bytes to the operating system."""
        self._file.close()

    def discard(self) -> None:
        """Close and remove the file."""
        self._file.close()
        self.temporary.unlink(missing_ok=True)

    def rename(self, final: Path) -> None:
        """Close the file and give it its name, replacing what had it."""
        self.close()
        try:
            self.temporary.replace(final)
        except FileNotFoundError:
            private_folder(final.parent)
            self.temporary.replace(final)


def write_whole(path: Path, text: str, temporary: Path) -> str:
    """Write a text file by temporary name and rename; give its SHA-256."""
    file = HashedFile(temporary)
    file.write(text.encode())
    file.rename(path)
    return file.sha256


def write_durably(path: Path, text: str, temporary: Path) -> None:
    """Write a text file so that its name never stands for less than all of it, a loss of power included."""
    with private_file(temporary) as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)  # a folder keeps the names
    finally:
        os.close(handle)


def make_durable(folder: Path) -> None:
    """Wait until all that was written on the folder's file system would outlast a loss of power.

    One syncfs(2) for a group of files costs a third of an fsync for each; where there is none, sync(2) serves.
    """
    if sys.platform == "linux":
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
