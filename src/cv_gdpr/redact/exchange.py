"""A new bag beside an old one, and in its place: a run that was killed leaves either of them whole, under its name."""

import ctypes
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cv_gdpr.archive.durability import sync_folder
from cv_gdpr.archive.locking import Locked, open_lock
from cv_gdpr.archive.writing import is_at, storing
from cv_gdpr.errors import Busy
from cv_gdpr.platforms.files import REPLACES_OPEN_FILES

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class Beside:
    """The names beside a bag that a run uses; hidden, and short whatever the bag is called."""

    def __init__(self, bag: Path) -> None:
        tag = hashlib.sha256(os.fsencode(bag.name)).hexdigest()[:12]
        self.bag = bag
        self.new = bag.with_name(f".cv-gdpr-{tag}.new")
        self.old = bag.with_name(f".cv-gdpr-{tag}.old")
        self._lock = bag.with_name(f".cv-gdpr-{tag}.lock")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold these names against other runs; first finish what a killed run left. Raise UsageError, StorageError."""
        lock = self._locked()
        try:
            with storing(self.bag):
                self._finish()
            yield
        finally:
            self._unlock(lock)

    def _unlock(self, lock: int) -> None:
        """Remove the lock and its file; on Windows a file that is open, perhaps by another run already, stays."""
        if not REPLACES_OPEN_FILES:
            os.close(lock)
        with suppress(OSError):
            self._lock.unlink()
        if REPLACES_OPEN_FILES:
            os.close(lock)

    def _locked(self) -> int:
        busy = Busy(f"another run is working on {self.bag}", "wait for it")
        try:
            lock = open_lock(self._lock)
        except Locked:
            raise busy from None
        if not is_at(lock, self._lock):  # the run that held it has just ended, and removed it
            os.close(lock)
            raise busy
        return lock

    def _finish(self) -> None:
        """Finish an exchange that was cut off, and remove what is left beside the bag."""
        if not os.path.lexists(self.bag) and os.path.lexists(self.old):
            whole = (self.new / "bagit.txt").is_file()  # written last, once all the rest is durable
            (self.new if whole else self.old).rename(self.bag)
            sync_folder(self.bag.parent)
        self.discard()

    def discard(self) -> None:
        """Remove what lies beside the bag under these names."""
        for left in (self.new, self.old):
            if os.path.lexists(left):
                shutil.rmtree(left)

    def name(self, out: Path) -> None:
        """Name the new bag."""
        with storing(out):
            self.new.rename(out)
            sync_folder(out.parent)

    def exchange(self) -> None:
        """Put the new bag in the old one's place, then remove the old one."""
        with storing(self.bag):
            if not _exchanged(self.new, self.bag):
                self.bag.rename(self.old)
                self.new.rename(self.bag)
            sync_folder(self.bag.parent)
            self.discard()
            sync_folder(self.bag.parent)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names at once; return whether system and file system can."""
    if sys.platform != "linux":
        return False
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
