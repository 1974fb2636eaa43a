"""Whose a folder or a file is: what another user owns, that user may read, and exchange at any moment."""

import os
import secrets
import stat
from pathlib import Path

from cv_gdpr.archive.writing import SAFELY, open_new
from cv_gdpr.errors import UsageError


def owner_within(out: Path) -> int | None:
    """Return the user id that all in an export's folder has to have, or None where that tells nothing.

    Raise UsageError if the folder, or a link in its place, belongs to another user, for root too: root would write into
    it what its owner may then read. It tells nothing where the file system maps owners (a share, a mount of a virtual
    machine), so that what one writes there belongs to somebody else, and on Windows.
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
    """Open a file of ours to read and write; raises UsageError for what somebody else may have put there."""
    _refuse_foreign(path, os.lstat(path))
    handle = os.open(path, os.O_RDWR | SAFELY | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for its reader
    try:
        _refuse_foreign(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def _is_of_another(user: int, folder: Path) -> bool:
    """Say whether it is another user's, and not ours as a file system shows it that maps owners."""
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
    raise UsageError(f"{path} {why}", "somebody else may have put it there: use a name, or a folder, of your own")


def _owner_of_new_file_in(folder: Path) -> int | None:
    """Return whose a file is that is made here, or None if none can be: asked of its handle, as names may change."""
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
