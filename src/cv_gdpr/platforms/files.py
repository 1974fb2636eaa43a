"""Files by the means of each system: opened without links, written, locked, made safe from a power failure."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing pathlib would slow the start of the download process
    from pathlib import Path

NO_LINK = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))  # those that the system has
NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not block
KEEPS_MODES = os.name == "posix"  # Windows has access lists instead: access.py
SYNCS_ALL = sys.platform == "linux"  # one call makes all files of a file system durable
AUTHORITIES_IN_A_FOLDER = os.name == "posix"  # libcurl of the Windows wheel reads them from a file only
REPLACES_OPEN_FILES = os.name == "posix"  # Windows neither renames nor replaces a file that is open


if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.CreateFileW.argtypes = [
        wintypes.LPCWSTR,
        *[wintypes.DWORD] * 2,
        ctypes.c_void_p,
        *[wintypes.DWORD] * 2,
        ctypes.c_void_p,
    ]
    _kernel.CreateFileW.restype = ctypes.c_void_p
    _kernel.FlushFileBuffers.argtypes = _kernel.CloseHandle.argtypes = [ctypes.c_void_p]
    _WRITE, _SHARED, _EXISTING = (
        0x40000000,
        0x7,
        3,
    )  # GENERIC_WRITE; for others to read, write and delete; OPEN_EXISTING
    _FOLDER, _INVALID = (
        0x02000000,
        ctypes.c_void_p(-1).value,
    )  # FILE_FLAG_BACKUP_SEMANTICS, without which no folder opens
    _FAR = 1 << 40  # the byte that is locked lies beyond the content, since a locked byte cannot be read by others
    _TAKEN = frozenset({0, errno.EACCES, errno.EDEADLK})  # 0: Wine

    def user_id() -> int | None:
        """Return None: Windows has access lists, and no user ids to compare."""
        return None

    def lock(handle: int) -> None:
        """Lock an open file until it is closed; raise BlockingIOError if another process holds the lock, and OSError.

        portalocker and filelock lock the first bytes, which nobody could then read: the ledger is read while it is
        written.
        """
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in _TAKEN:
                raise BlockingIOError(errno.EAGAIN, "another process holds the lock") from None
            raise

    def open_file(path: str | bytes | Path, flags: int) -> int:
        """Open a file, and no link or junction; raise OSError (ELOOP for these)."""
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode) or found.st_reparse_tag == stat.IO_REPARSE_TAG_MOUNT_POINT:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fsdecode(path))
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fsdecode(path))
        return os.open(path, flags | NO_LINK)

    def close_to_others(handle: int) -> bool:
        """Return whether only its owner can read a file: its folder's access list decides."""
        del handle
        return True
else:
    import fcntl

    def user_id() -> int | None:
        """Return the id of the user that this process runs as."""
        return os.geteuid()

    def lock(handle: int) -> None:
        """Lock an open file until it is closed; raise BlockingIOError if another process holds it, and OSError."""
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def open_file(path: str | bytes | Path, flags: int) -> int:
        """Open a file, and no link; raise OSError (ELOOP for these)."""
        return os.open(path, flags | NO_LINK)

    def close_to_others(handle: int) -> bool:
        """Return whether only its owner can read and write a file, whose mode is changed for that; raise OSError."""
        if os.fstat(handle).st_mode & 0o777 != 0o600:
            os.fchmod(handle, 0o600)
        return True


if sys.platform == "darwin":

    def flush(handle: int) -> None:
        """Wait until an open file's bytes are on the disk itself; raise OSError.

        fsync(2) of macOS hands them to the drive, whose cache a power failure empties; F_FULLFSYNC waits for it.
        """
        try:
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
        except OSError as error:
            if error.errno not in {errno.ENOTSUP, errno.EINVAL, errno.ENOTTY}:  # network shares
                raise
            os.fsync(handle)
else:

    def flush(handle: int) -> None:
        """Wait until an open file's bytes are on the disk; raise OSError."""
        os.fsync(handle)


if sys.platform == "win32":

    def write_parts(handle: int, parts: list[bytes]) -> int:
        """Write parts one after the other; return how many bytes were written, perhaps not all; raise OSError."""
        return os.write(handle, b"".join(parts))

    def flush_folder(folder: Path) -> None:
        """Wait until the names in a folder are on the disk; raise OSError (ENOTSUP if the system cannot flush folders).

        Microsoft documents FlushFileBuffers for files and volumes. NTFS takes a folder that is opened for writing as
        well; where a file system refuses that, nothing else makes a name durable without being an administrator.
        """
        opened = _kernel.CreateFileW(str(folder), _WRITE, _SHARED, None, _EXISTING, _FOLDER, None)
        if opened == _INVALID:
            raise _no_flush(folder)
        try:
            if not _kernel.FlushFileBuffers(opened):
                raise _no_flush(folder)
        finally:
            _kernel.CloseHandle(opened)

    def _no_flush(folder: Path) -> OSError:
        error = ctypes.WinError(ctypes.get_last_error())
        number = errno.ENOTSUP if error.errno in {errno.EACCES, errno.EINVAL} else error.errno
        return OSError(number, error.strerror, str(folder))
else:

    def write_parts(handle: int, parts: list[bytes]) -> int:
        """Write parts one after the other; return how many bytes were written, perhaps not all; raise OSError."""
        return os.writev(handle, parts)

    def flush_folder(folder: Path) -> None:
        """Wait until the names in a folder are on the disk; raise OSError."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            flush(handle)
        finally:
            os.close(handle)


def reason_of(error: OSError, path: Path | str) -> str:
    """Return what an error says; of a folder that was opened as a file, Windows says that permission is denied."""
    refused = not KEEPS_MODES and error.errno == errno.EACCES
    return os.strerror(errno.EISDIR) if refused and os.path.isdir(path) else error.strerror or str(error)  # noqa: PTH112


def flush_each(paths: Iterable[Path]) -> None:
    """Wait until the bytes of closed files are on the disk; raise OSError."""
    for path in paths:
        handle = os.open(path, os.O_RDWR | NO_LINK)  # Windows flushes only what it may write
        try:
            flush(handle)
        finally:
            os.close(handle)
