"""What a folder holds, and which files this process has open."""

import sys
from pathlib import Path

import pytest

from tests.platforms import WINDOWS

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
"""A folder of a file system in memory, if there is one."""


def names(folder):
    """Return the names in a folder, sorted."""
    return sorted(path.name for path in Path(folder).iterdir())


def open_handles():
    """Return how many files this process has open; always 0 on Windows, which does not tell."""
    if WINDOWS:
        return 0
    return len(names("/dev/fd"))


def path_of(handle):
    """Return the path of an open file; skip the test where only Linux tells it."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells the path of an open file")
    return str(Path(f"/proc/self/fd/{handle}").readlink())
