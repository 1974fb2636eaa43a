"""Waiting until files and names are safe from a power failure, where the file system can promise that.

Network shares and FUSE file systems may answer fsync(2) of a folder, or syncfs(2), with EINVAL or ENOSYS. Nothing that
a user can do changes that, and the files are written all the same: so it is said once, with -v, and the run goes on.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cv_gdpr.platforms import files

if TYPE_CHECKING:  # importing pathlib would slow the start of the download process, which does not need it
    from pathlib import Path

_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
_said: set[str] = set()


def sync_file(handle: int) -> bool:
    """Make an open file's bytes durable; return whether the file system can; raise OSError, as for a full disk."""
    return _unless_unsupported("fsync", lambda: files.flush(handle))


def sync_folder(folder: Path) -> bool:
    """Make the names in a folder durable; return whether the file system can; raise OSError."""
    return _of_folder("fsync of a folder", files.flush_folder, folder)


def make_durable(folder: Path, written: Iterable[Path] = ()) -> None:
    """Wait until what was written to the folder's file system is safe from a power failure; raise OSError.

    On Linux that is everything: one syncfs(2) for a group of files takes a third of the time of an fsync(2) for each;
    without it, use sync(2). Elsewhere it is the files in `written`, one after the other, and the names in the folder.
    """
    if sys.platform != "linux":
        _unless_unsupported("fsync", lambda: files.flush_each(written))
        sync_folder(folder)
    elif not _of_folder("syncfs", _syncfs, folder):
        os.sync()


def _of_folder(what: str, call: Callable[[Path], None], folder: Path) -> bool:
    """Return whether the call worked, as `_unless_unsupported` does; an error names the folder."""
    try:
        return _unless_unsupported(what, lambda: call(folder))
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise


def _syncfs(folder: Path) -> None:
    import ctypes

    handle = os.open(folder, os.O_RDONLY)
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
        if syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    finally:
        os.close(handle)


def _unless_unsupported(what: str, call: Callable[[], None]) -> bool:
    """Return whether the call worked; say once that the file system has no such call."""
    try:
        call()
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        _say_once(what, error)
        return False
    return True


def _say_once(what: str, error: OSError) -> None:
    if what not in _said:
        import logging

        _said.add(what)
        reason = error.strerror or str(error)
        logging.getLogger("cv_gdpr").info(
            "the file system has no %s (%s): files written just before a power failure may be lost", what, reason
        )
