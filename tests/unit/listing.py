"""What a folder holds, and how many files this process has open."""

from pathlib import Path


def names(folder):
    """Return the names in a folder, sorted."""
    return sorted(path.name for path in Path(folder).iterdir())


def open_handles():
    """Return how many files this process has open."""
    return len(names("/proc/self/fd"))


def path_of(handle):
    """Return the path of an open file."""
    return str(Path(f"/proc/self/fd/{handle}").readlink())
