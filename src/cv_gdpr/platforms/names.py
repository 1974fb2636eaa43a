"""File names that Windows refuses, changes, or takes for something else, and paths that are too long for it."""

from __future__ import annotations

import ntpath
import os
import re
import sys
from functools import cache

from cv_gdpr.patterns import pattern

_DEVICE = pattern(r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])")
_REFUSED = pattern(r'[<>:"|?*\x00-\x1f]')
_LONGEST = 259  # characters of a path, where a process takes no longer ones
LONGEST_BELOW = 180  # characters that an export adds to the path of its folder, at most


def is_device(name: str) -> bool:
    """Return whether Windows keeps a name, without suffix, for a device."""
    return _DEVICE.fullmatch(name) is not None


def refused_by_windows(path: str) -> str:
    """Return why Windows would not make a file of exactly this path, or an empty text.

    It takes aux.txt for a device, drops a dot or a space at the end, and writes what follows a colon beside the file.
    """
    for part in re.split(r"[\\/]", ntpath.splitdrive(path)[1]):
        if part in {"", ".", ".."}:
            continue
        if found := _REFUSED.search(part):
            return f"{part!r} holds {found[0]!r}, which no file name of Windows may hold"
        if part[-1] in ". ":
            return f"{part!r} ends in a {'dot' if part[-1] == '.' else 'space'}, which Windows would drop"
        if is_device(part.partition(".")[0].rstrip()):
            return f"Windows keeps the name {part!r} for a device"
    return ""


def leads_out(path: str) -> bool:
    """Return whether a path that a file names, with slashes, may lead out of the folder that it is relative to."""
    return path.startswith("/") or ".." in path.split("/") or _has_drive(path)


if sys.platform == "win32":
    _LONG_SINCE = (10, 0, 15063)  # the version of Windows
    _BITS, _KNOWS_LONG_PATHS = 3, 0x80  # in the process environment block: BitField, IsLongPathAwareProcess
    _LOOKED_FOR = frozenset({2, 123})  # there is no such file (Wine); no name is that long: ERROR_INVALID_NAME

    def _has_drive(path: str) -> bool:
        """Return whether Windows would take a path for one of another drive or folder, as C:/x, or with backslashes."""
        return ":" in path or "\\" in path

    def refused(path: str) -> str:
        """Return why this system would not make a file of exactly this path, or an empty text."""
        return refused_by_windows(path)

    def is_too_long(path: str) -> bool:
        """Return whether a path is longer than this system takes."""
        return len(ntpath.abspath(path)) > _LONGEST and not allow_long_paths()

    @cache
    def allow_long_paths() -> bool:
        r"""Let this process use paths of more than 259 characters; return whether it can: since Windows 10, 1703.

        A bit in the process's own block says that the program knows them. Otherwise its manifest and the registry
        together set that bit; Go's runtime sets it as this does. The prefix \\?\ would have to be put before each path
        and taken out of each message, and libraries that make paths would not know it.
        """
        import ctypes

        if sys.getwindowsversion() >= _LONG_SINCE:
            block = ctypes.WinDLL("ntdll").RtlGetCurrentPeb
            block.restype = ctypes.c_void_p
            ctypes.c_ubyte.from_address(block() + _BITS).value |= _KNOWS_LONG_PATHS
        return _takes_long_paths()

    def _takes_long_paths() -> bool:
        """Return whether Windows looks for a long path, instead of refusing it for its length, as it is set up."""
        try:
            os.stat(ntpath.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "x" * (_LONGEST + 1)))  # noqa: PTH116
        except OSError as error:
            return error.winerror in _LOOKED_FOR
        return True
else:

    def _has_drive(path: str) -> bool:
        """Return False: this system has no drives, and a backslash is a letter."""
        del path
        return False

    def refused(path: str) -> str:
        """Return why this system would not make a file of exactly this path, or an empty text."""
        del path
        return ""

    def is_too_long(path: str) -> bool:
        """Return whether a path is longer than this system takes: it tells when it is."""
        del path
        return False

    def allow_long_paths() -> bool:
        """Return True: this system has no such limit."""
        return True
