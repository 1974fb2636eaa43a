"""Checks of who owns a folder or file: its owner can read and replace it at any time."""

import os
import secrets
import stat
from pathlib import Path

from cv_gdpr.archive.writing import SAFELY, open_new
from cv_gdpr.errors import UsageError


def owner_within(out: Path) -> int | None:
    """Return the user id that everything in an export's folder must have, or None where owners cannot be compared.

    They cannot on Windows, nor where the file system maps owners (a network share, a virtual machine's mount), so that
    a new file there belongs to another user id. Raise UsageError if the folder, or a link in its place, belongs to
    another user. This holds for root too: root would write files that the folder's owner can then read.
    """
    if not hasattr(os, "geteuid"):
        return None
    ours = os.geteuid()
    if out.lstat().st_uid == ours == out.stat().st_uid:
        return ours
    if _owner_of_new_file_in(out) not in {ours, None}:
        return None
    raise UsageError(
        f"--out {out} belongs to another user, who could exchange what is in it",
        f"name a subfolder that does not exist yet: --out {out / 'export'}",
    )


def open_own(path: Path) -> int:
    """Open a file of the current user to read and write; raise UsageError if another user may have put it there."""
    _refuse_foreign(path, os.lstat(path))
    handle = os.open(path, os.O_RDWR | SAFELY | getattr(os, "O_NONBLOCK", 0))  # opening a pipe must not block
    try:
        _refuse_foreign(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def _is_of_another(user: int, folder: Path) -> bool:
    """Return whether `user` is neither the current user nor the owner that this file system gives to new files."""
    return hasattr(os, "geteuid") and user != os.geteuid() and user != _owner_of_new_file_in(folder)


def _refuse_foreign(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        why = "is a link"
    elif not stat.S_ISREG(found.st_mode):
        why = "is not a regular file"
    elif found.st_nlink > 1:
        why = "has a second name (a hard link)"
    elif _is_of_another(found.st_uid, path.parent):
        why = "belongs to another user"
    else:
        return
    raise UsageError(f"{path} {why}", "another user may have put it there: use another name, or a folder of your own")


def _owner_of_new_file_in(folder: Path) -> int | None:
    """Return the owner of a new file in this folder, or None if none can be created.

    The owner is read from the open file, since another user may replace what has its name.
    """
    probe = folder / f".cv-gdpr-{secrets.token_hex(8)}"
    try:
        handle = open_new(probe)
    except OSError:
        return None
    try:
        return os.fstat(handle).st_uid
    finally:
        os.close(handle)
        probe.unlink(missing_ok=True)
