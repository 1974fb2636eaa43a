"""Checks of who owns a folder or file, and who may enter it: its owner can read and replace it at any time."""

import errno
import logging
import os
import secrets
import stat
from pathlib import Path

from cv_gdpr.archive.writing import open_new
from cv_gdpr.errors import UsageError
from cv_gdpr.platforms import access
from cv_gdpr.platforms.files import KEEPS_MODES, NO_WAIT, open_file, user_id

_OTHERS = 0o077  # the bits of group and others
_NO_MODES = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
_LOG = logging.getLogger("cv_gdpr")


def owner_within(out: Path) -> int | None:
    """Return the user id that everything in an export's folder must have, or None where owners cannot be compared.

    They cannot on Windows, nor where the file system maps owners (a network share, a virtual machine's mount), so that
    a new file there belongs to another user id. Raise UsageError if the folder, or a link in its place, belongs to
    another user. This holds for root too: root would write files that the folder's owner can then read.
    """
    if (ours := user_id()) is None:
        return None
    if out.lstat().st_uid == ours == out.stat().st_uid:
        return ours
    if _owner_of_new_file_in(out) not in {ours, None}:
        return None
    raise UsageError(
        f"--out {out} belongs to another user, who could exchange what is in it",
        _subfolder(out),
    )


def make_private(out: Path, *, existed: bool, maps_owners: bool) -> bool:
    """Let only its owner enter an export's folder; return whether the file system keeps that.

    `existed`: it was there before this run, empty. Raise UsageError, and change nothing, if others share it, and if its
    mode cannot be changed although a subfolder would be private. Where the file system maps owners, or gives every file
    one mode (a share, a virtual machine's mount, FAT), that is a warning, since no folder there would be better.
    """
    if not KEEPS_MODES:
        return _closed_by_access(out, existed=existed)
    mode = stat.S_IMODE(out.stat().st_mode)
    refusing = existed and bool(mode & _OTHERS) and not maps_owners and keeps_modes(out)
    if refusing and _is_shared(mode):
        raise UsageError(f"--out {out} is shared with other users (mode {mode:04o})", _subfolder(out))
    if _closed(out, mode):
        if existed and mode & _OTHERS:
            _LOG.warning("Warning: only its owner can enter %s from now on; its mode was %04o", out, mode)
        return True
    if refusing:
        raise UsageError(f"--out {out}: its mode ({mode:04o}) lets others in, and cannot be changed", _subfolder(out))
    _LOG.warning("Warning: others may be able to read %s: its file system does not keep modes (%04o)", out, mode)
    return False


def _closed_by_access(out: Path, *, existed: bool) -> bool:
    """Let only its owner, the system and administrators enter a folder; return whether its file system keeps that."""
    others = access.others_who_read(out)
    if others == ():
        return True
    if not access.close_to_others(out):
        _LOG.warning("Warning: others may be able to read %s: its file system keeps no access lists", out)
        return False
    if existed and others:
        _LOG.warning("Warning: only its owner can enter %s from now on; it was open to %s", out, ", ".join(others))
    return True


def _is_shared(mode: int) -> bool:
    """Return whether a folder's mode is one for several users, whom 0700 would lock out."""
    return bool(mode & stat.S_IWOTH or (mode & stat.S_IWGRP and mode & stat.S_ISGID))


def _closed(out: Path, mode: int) -> bool:
    if mode & 0o777 == 0o700:
        return True
    try:
        out.chmod(0o700)
    except OSError as error:
        if error.errno not in _NO_MODES:
            raise
    return not out.stat().st_mode & _OTHERS  # some file systems ignore a change of the mode


def keeps_modes(folder: Path) -> bool:
    """Return whether a new subfolder of mode 0700 has that mode, or on Windows its access list."""
    probe = folder / f".cv-gdpr-{secrets.token_hex(8)}"
    try:
        probe.mkdir(mode=0o700)
    except OSError:
        return False
    try:
        return not probe.lstat().st_mode & _OTHERS if KEEPS_MODES else access.close_to_others(probe)
    finally:
        probe.rmdir()


def _subfolder(out: Path) -> str:
    return f"name a subfolder that does not exist yet: --out {out / 'export'}"


def belongs_to_another(folder: Path) -> bool:
    """Return whether a folder belongs to another user, and its file system does not merely map owners."""
    return _is_of_another(folder.stat().st_uid, folder)


def open_own(path: Path) -> int:
    """Open a file of the current user to read and write; raise UsageError if another user may have put it there."""
    _refuse_foreign(path, os.lstat(path))
    handle = open_file(path, os.O_RDWR | NO_WAIT)
    try:
        _refuse_foreign(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def _is_of_another(user: int, folder: Path) -> bool:
    """Return whether `user` is neither the current user nor the owner that this file system gives to new files."""
    ours = user_id()
    return ours is not None and user != ours and user != _owner_of_new_file_in(folder)


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
