"""Puts the pictures into a data set: as a clone where the file system has them, else a hard link, else a copy.

A clone (FICLONE: Btrfs, XFS) takes no space, and is a file of its own. A hard link is the bag's file under a second
name: a program that writes into it changes the bag.
"""

import os
import secrets
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cv_gdpr.archive.json_files import open_regular
from cv_gdpr.archive.writing import open_new, private_folder, storing, write_all
from cv_gdpr.errors import UsageError
from cv_gdpr.platforms.files import REPLACES_OPEN_FILES

CLONED, LINKED, COPIED = "cloned", "linked", "copied"
_FICLONE = 0x40049409  # ioctl_ficlone(2)


class Placer:
    """Places files, and counts how; `only_copies`: neither clones nor links."""

    def __init__(self, *, only_copies: bool = False) -> None:
        self._ways = [self._clone, self._link] if not only_copies else []
        self.counts: Counter[str] = Counter()

    def place(self, source: Path, target: Path) -> None:
        """Place a file that only its owner can read under a new name; raise OSError."""
        while self._ways:
            try:
                self.counts[self._ways[0](source, target)] += 1
            except FileExistsError:
                raise
            except (OSError, NotImplementedError):
                self._ways.pop(0)  # what fails for one file fails for all: the file system, or another one
            else:
                return
        self.counts[_copy(source, target)] += 1

    @staticmethod
    def _clone(source: Path, target: Path) -> str:
        if sys.platform != "linux":
            raise OSError("no FICLONE")
        import fcntl

        with os.fdopen(open_regular(source), "rb") as held, os.fdopen(open_new(target), "wb") as new:
            try:
                fcntl.ioctl(new.fileno(), _FICLONE, held.fileno())
            except OSError:
                target.unlink()
                raise
        return CLONED

    @staticmethod
    def _link(source: Path, target: Path) -> str:
        os.link(source, target, follow_symlinks=False)
        return LINKED


def _copy(source: Path, target: Path) -> str:
    with os.fdopen(open_regular(source), "rb") as held, os.fdopen(open_new(target), "wb") as new:
        shutil.copyfileobj(held, new, 1 << 20)
    return COPIED


def write_text(path: Path, text: str | bytes) -> None:
    """Write a new file that only its owner can read; raise OSError."""
    handle = open_new(path)
    try:
        write_all(handle, text.encode(errors="backslashreplace") if isinstance(text, str) else text)
    finally:
        os.close(handle)


def files_in(folder: Path) -> dict[str, list[Path]]:
    """Return the files of a folder by their stems; none without the folder."""
    found: dict[str, list[Path]] = {}
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            found.setdefault(path.name.partition(".")[0], []).append(path)
    return found


def check_free(out: Path, bag: Path) -> None:
    """Raise UsageError if a data set cannot have this name: something is there, or it lies in the bag."""
    if bag.resolve() in (out.resolve(), *out.resolve().parents):
        raise UsageError(f"--out {out} lies in the export, which would then not verify", "name another folder")
    if os.path.lexists(out) and (out.is_symlink() or not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists", "name another folder with --out: nothing is overwritten")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder to write into, which gets its name when all is written, and is removed if something fails.

    Only its owner can enter it. Raise StorageError.
    """
    with storing(out):
        above = private_folder(out.absolute().parent)
        work = private_folder(above / f".cv-gdpr-{secrets.token_hex(8)}.part")
        try:
            yield work
            if not REPLACES_OPEN_FILES and out.is_dir():
                out.rmdir()  # Windows replaces no folder, not even an empty one
            work.rename(out)
        finally:
            shutil.rmtree(work, ignore_errors=True)
