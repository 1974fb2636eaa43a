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
    return _with_open(folder, lambda handle: _unless_unsupported("fsync of a folder", lambda: files.flush(handle)))


def make_durable(folder: Path, written: Iterable[Path] = ()) -> None:
    """Wait until what was written to the folder's file system is safe from a power failure; raise OSError.

    On Linux that is everything: one syncfs(2) for a group of files takes a third of the time of an fsync(2) for each;
    without it, use sync(2). Elsewhere it is the files in `written`, one after the other, and the names in the folder.
    """
    if sys.platform != "linux":
        files.flush_each(written)
        sync_folder(folder)
    elif not _with_open(folder, lambda handle: _unless_unsupported("syncfs", _syncfs, handle)):
        os.sync()


def _with_open(folder: Path, work: Callable[[int], bool]) -> bool:
    handle = files.open_folder(folder)
    if handle is None:
        return True
    try:
        return work(handle)
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise
    finally:
        os.close(handle)


def _syncfs(handle: int) -> None:
    import ctypes

    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if syncfs(handle) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _unless_unsupported(what: str, call: Callable[..., None], *arguments: int) -> bool:
    """Return whether the call worked; say once that the file system has no such call."""
    try:
        call(*arguments)
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
