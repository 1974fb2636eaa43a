"""Who may read a file or folder, by its access list (Windows); on Linux and macOS its mode says that (ownership.py).

Windows knows no 0600. A protected access list (D:P) inherits nothing from the folder above: it names the owner, the
system and administrators, as Python's own mkdir(mode=0o700) does. advapi32 is called, not icacls: a process for each
evidence file, whose output is translated, would be slower and harder to read.
"""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

from cv_gdpr.patterns import pattern
from cv_gdpr.platforms.shells import for_powershell

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS = {  # the names of well-known groups in an access list: SID strings, Microsoft
    "WD": "everyone",
    "AU": "all authenticated users",
    "BU": "all users",
    "BG": "guests",
    "AN": "anonymous users",
    "IU": "all who sign in here",
    "NU": "all who sign in over the network",
}
_OWNER = "*S-1-3-4"  # for icacls: owner rights, which is the one who owns the file, in every language
_ENTRY = pattern(r"\(A;([A-Z]*);([^;]*);[^;]*;[^;]*;([^;)]*)")
READS, WRITES = 0x1, 0x1 | 0x2 | 0x4 | 0x10000 | 0x40000 | 0x80000  # of a file: FILE_READ_DATA; below: the rest
WRITES &= ~0x1
_RIGHTS = {"GA": 0x1F01FF, "GR": 0x1, "GW": 0x6, "FA": 0x1F01FF, "FR": 0x1, "FW": 0x6, "CC": 0x1, "DC": 0x2, "LC": 0x4}
_RIGHTS |= {"SD": 0x10000, "WD": 0x40000, "WO": 0x80000}


def allowed(descriptor: str, wanted: int) -> tuple[str, ...]:
    """Return which groups of others a security descriptor (SDDL) gives one of the wanted rights; none: an empty tuple.

    A descriptor without an access list gives everyone all rights.
    """
    if "D:" not in descriptor or "D:NO_ACCESS_CONTROL" in descriptor:
        return (_OTHERS["WD"],)
    found = [
        _OTHERS[who]
        for flags, rights, who in _ENTRY.findall(descriptor.partition("D:")[2])
        if who in _OTHERS and "IO" not in flags and _mask(rights) & wanted
    ]
    return tuple(dict.fromkeys(found))


def how_to_close(path: object) -> str:
    """Return the command that lets only its owner use a file of Windows, as it is typed in PowerShell."""
    return f"icacls {for_powershell(str(path))} /inheritance:r /grant:r {_OWNER}:F"


def _mask(rights: str) -> int:
    if rights.startswith("0x"):
        return int(rights, 16)
    mask = 0
    for place in range(0, len(rights), 2):
        mask |= _RIGHTS.get(rights[place : place + 2], 0)
    return mask


if sys.platform == "win32":
    import ctypes
    from ctypes import POINTER, byref, c_int, c_void_p, wintypes

    _FILE, _DACL = 1, 4
    _PRIVATE = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)"
    _advapi = ctypes.WinDLL("advapi32", use_last_error=True)
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _advapi.GetNamedSecurityInfoW.argtypes = [
        wintypes.LPCWSTR,
        c_int,
        wintypes.DWORD,
        *[c_void_p] * 4,
        POINTER(c_void_p),
    ]
    _advapi.SetFileSecurityW.argtypes = [wintypes.LPCWSTR, wintypes.DWORD, c_void_p]
    _advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW.argtypes = [
        c_void_p,
        wintypes.DWORD,
        wintypes.DWORD,
        POINTER(wintypes.LPWSTR),
        c_void_p,
    ]
    _advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = [
        wintypes.LPCWSTR,
        wintypes.DWORD,
        POINTER(c_void_p),
        c_void_p,
    ]
    _kernel.LocalFree.argtypes = [c_void_p]

    def _descriptor(path: Path | str) -> str | None:
        """Return the access list of a file or folder as text, or None if its file system keeps none."""
        found, text = c_void_p(), wintypes.LPWSTR()
        if _advapi.GetNamedSecurityInfoW(str(path), _FILE, _DACL, None, None, None, None, byref(found)):
            return None
        try:
            if not _advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW(found, 1, _DACL, byref(text), None):
                return None
            return str(text.value)
        finally:
            _kernel.LocalFree(found)
            _kernel.LocalFree(text)

    def close_to_others(path: Path | str) -> bool:
        """Let only its owner, the system and administrators use a new file or folder; return whether that is kept."""
        wanted = c_void_p()
        if not _advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW(_PRIVATE, 1, byref(wanted), None):
            return False
        try:  # not SetNamedSecurityInfo, which adds under Wine what the folder above allows
            _advapi.SetFileSecurityW(str(path), _DACL, wanted)
        finally:
            _kernel.LocalFree(wanted)
        return others_who_read(path) == ()

    def others_who_read(path: Path | str) -> tuple[str, ...] | None:
        """Return which groups of others may read a file or folder; None if its file system keeps no access lists."""
        found = _descriptor(path)
        return None if found is None else allowed(found, READS)

    def mode_lets_others_read(path: Path) -> bool:
        """Return False: this system has access lists instead of modes."""
        del path
        return False

    def others_who_write(path: Path) -> tuple[str, ...]:
        """Return which groups of others may write to a file or replace it, as far as the file system keeps that."""
        found = _descriptor(path)
        return () if found is None else allowed(found, WRITES)
else:

    def close_to_others(path: Path | str) -> bool:
        """Return False: this system has modes instead."""
        del path
        return False

    def others_who_read(path: Path | str) -> tuple[str, ...] | None:
        """Return None: this system has modes instead."""
        del path
        return None

    def others_who_write(path: Path) -> tuple[str, ...]:
        """Return nobody: this system has modes instead."""
        del path
        return ()

    def mode_lets_others_read(path: Path) -> bool:
        """Return whether the mode of a file lets its group or everybody read it; False where it cannot be asked."""
        try:
            mode = path.stat().st_mode
        except OSError:
            return False
        return stat.S_ISREG(mode) and bool(mode & (stat.S_IRGRP | stat.S_IROTH))
