"""Puts a file under a second name: as a clone where the file system has them, else a hard link, else a copy.

A clone (FICLONE: Btrfs, XFS) takes no space, and is a file of its own. A hard link is the same file under a second
name: a program that writes into it changes both.
"""

import errno
import os
import shutil
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

from cv_gdpr.archive.json_files import open_regular
from cv_gdpr.archive.writing import is_at, open_new

CLONED, LINKED, COPIED = "cloned", "linked", "copied"
_FICLONE = 0x40049409  # ioctl_ficlone(2)
_OF_ONE_FILE = frozenset({errno.EMLINK, errno.ENOENT, errno.ESTALE})  # too many names; its name is gone, or another's


class Placer:
    """Places files, and counts how; `only_copies`: neither clones nor links."""

    def __init__(self, *, only_copies: bool = False) -> None:
        self._ways = (self._clone, self._link) if not only_copies else ()
        self._failed: set[str] = set()  # what fails for one file fails for all: the file system, or another one
        self.counts: Counter[str] = Counter()

    def place(self, source: Path, target: Path) -> None:
        """Place a file that only its owner can read under a new name; raise OSError."""
        with os.fdopen(open_regular(source), "rb") as held:
            self.counts[self.place_open(held.fileno(), source, target)] += 1

    def place_open(self, handle: int, source: Path, target: Path, *, may_link: bool = True) -> str:
        """Place an open file, whose name is `source`, and return how; raise OSError.

        Another file that has got that name since it was opened is not linked. `may_link`: else clone or copy it.
        """
        for way in self._ways:
            if way.__name__ in self._failed or (way == self._link and not may_link):
                continue
            try:
                return way(handle, source, target)
            except FileExistsError:
                raise
            except (OSError, NotImplementedError) as error:
                if not isinstance(error, OSError) or error.errno not in _OF_ONE_FILE:
                    self._failed.add(way.__name__)
        return _copy(handle, target)

    @staticmethod
    def _clone(handle: int, _: Path, target: Path) -> str:
        if sys.platform != "linux":
            raise OSError("no FICLONE")
        import fcntl

        with os.fdopen(open_new(target), "wb") as new:
            try:
                fcntl.ioctl(new.fileno(), _FICLONE, handle)
            except OSError:
                target.unlink()
                raise
        return CLONED

    @staticmethod
    def _link(handle: int, source: Path, target: Path) -> str:
        os.link(source, target, follow_symlinks=False)
        if not is_at(handle, target):
            with suppress(FileNotFoundError):
                target.unlink()
            raise OSError(errno.ESTALE, "another file has its name now", str(source))
        return LINKED


def _copy(handle: int, target: Path) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    with os.fdopen(handle, "rb", closefd=False) as held, os.fdopen(open_new(target), "wb") as new:
        shutil.copyfileobj(held, new, 1 << 20)
    return COPIED
