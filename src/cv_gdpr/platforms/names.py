"""File names that Windows refuses, changes, or takes for something else, and paths that are too long for it."""

from __future__ import annotations

import ntpath
import re
import sys

from cv_gdpr.patterns import pattern

_DEVICE = pattern(r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])")
_REFUSED = pattern(r'[<>:"|?*\x00-\x1f]')
_LONGEST = 259  # characters of a path, unless long paths are switched on
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

    def _has_drive(path: str) -> bool:
        """Return whether Windows would take a path for one of another drive or folder, as C:/x, or with backslashes."""
        return ":" in path or "\\" in path

    def refused(path: str) -> str:
        """Return why this system would not make a file of exactly this path, or an empty text."""
        return refused_by_windows(path)

    def is_too_long(path: str) -> bool:
        """Return whether a path is longer than this system takes, as it is set up."""
        return len(ntpath.abspath(path)) > _LONGEST and not _takes_long_paths()

    def _takes_long_paths() -> bool:
        """Return whether this process may use long paths: python.exe asks for them, and the registry decides."""
        import ctypes

        try:
            return bool(ctypes.WinDLL("ntdll").RtlAreLongPathsEnabled() & 0xFF)
        except AttributeError:  # before Windows 10
            return False
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
