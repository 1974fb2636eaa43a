"""The lock of a file that one process writes at a time; the system releases it when the process ends."""

import errno
import os
from pathlib import Path

from cv_gdpr.archive.writing import storing
from cv_gdpr.errors import StorageError
from cv_gdpr.platforms import files

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
_ELSEWHERE = (
    "name a folder on a local disk, and copy the result afterwards; or mount the share with locks "
    "(NFS: without nolock, with lockd running; SMB: without nobrl)"
)


class Locked(Exception):
    """Another process holds the lock."""


def open_lock(path: Path) -> int:
    """Create or open a lock file that only its owner can read, and return its handle, which holds the lock.

    Raise Locked if another process holds it, StorageError if the file system cannot lock.
    """
    with storing(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | files.NO_LINK, 0o600)
    try:
        lock(handle, path)
    except BaseException:
        os.close(handle)
        raise
    return handle


def lock(handle: int, path: Path) -> None:
    """Lock an open file until it is closed; raise Locked, or StorageError if the file system cannot lock."""
    try:
        with storing(path):
            files.lock(handle)
    except StorageError as failure:
        error = failure.__cause__
        if isinstance(error, (BlockingIOError, PermissionError)):
            raise Locked from None
        if isinstance(error, OSError) and error.errno in _NO_LOCKS:
            what = f"the file system of {path.parent} cannot lock files ({error.strerror})"
            raise StorageError(f"{what}: two runs could write to it at once", _ELSEWHERE) from error
        raise
