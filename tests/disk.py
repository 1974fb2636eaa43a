"""A record of what would survive a loss of power: each sync, each new name and each removal."""

import ctypes
import errno
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

WHOLE_DISK = "all"  # what `syncfs` makes durable


class Disk:
    """The files below a folder: which of their bytes and names would survive a loss of power.

    `events` lists in order what was synced ("sync", path), named ("name", path) and removed ("remove", path).
    `unsafe` lists the files that got their name before their bytes were durable.
    """

    def __init__(self, top):
        self.top = Path(top)
        self.events = []
        self.unsafe = []
        self.at_sync = []  # sizes of all files at each sync of the whole disk
        self._sizes = {}  # inode: bytes that are durable
        self._names = {}  # inode of a folder: the names in it that are durable

    def lost(self):
        """Return the files that would lose bytes, or their name, in a loss of power now."""
        return sorted(name for name, path in self._files() if not self._is_durable(path) or not self._is_named(path))

    def sizes(self):
        """Return the size of each file, by its path below the folder."""
        return {name: path.stat().st_size for name, path in self._files()}

    def _files(self):
        for folder, _, names in os.walk(self.top):
            for name in names:
                path = Path(folder, name)
                yield path.relative_to(self.top).as_posix(), path

    def _is_durable(self, path):
        found = path.stat()
        return self._sizes.get(found.st_ino) == found.st_size

    def _is_named(self, path):
        return path.name in self._names.get(path.parent.stat().st_ino, ())

    def _keep(self, path):
        found = path.stat()
        if path.is_dir():
            self._names[found.st_ino] = set(os.listdir(path))  # noqa: PTH208
        else:
            self._sizes[found.st_ino] = found.st_size

    def _below(self, path):
        """Return the path below the folder, or None if it lies elsewhere."""
        with suppress(ValueError):
            return Path(os.fsdecode(path)).relative_to(self.top).as_posix()
        return None

    def fsynced(self, handle):
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if (name := self._below(path)) is not None:
            self._keep(path)
            self.events.append(("sync", name))

    def synced(self):
        self.at_sync.append(self.sizes())
        self._keep(self.top)
        for path in self.top.rglob("*"):
            self._keep(path)
        self.events.append(("sync", WHOLE_DISK))

    def named(self, source, target):
        if (name := self._below(target)) is not None:
            self.events.append(("name", name))
            if not self._is_durable(Path(source)):
                self.unsafe.append(name)

    def removed(self, path):
        if (name := self._below(path)) is not None:
            self.events.append(("remove", name))


class _Libc:
    def __init__(self, disk, fails_with):
        self._disk, self._fails_with = disk, fails_with

    def syncfs(self, _handle):
        if self._fails_with:
            ctypes.set_errno(self._fails_with)
            return -1
        self._disk.synced()
        return 0


@contextmanager
def disk(top, *, syncfs_fails_with=0):
    """Record what happens to the files below a folder; `syncfs` can be made to fail with an error number."""
    if sys.platform != "linux":
        pytest.skip("looks at open files as Linux shows them")
    noted = Disk(os.path.realpath(top))
    fsync, replace, rename, link, unlink = os.fsync, os.replace, os.rename, os.link, os.unlink

    def noting_fsync(handle):
        fsync(handle)
        noted.fsynced(handle if isinstance(handle, int) else handle.fileno())

    def naming(call):
        def name(source, target, **how):
            noted.named(source, target)
            call(source, target, **how)

        return name

    def noting_unlink(path, **how):
        unlink(path, **how)
        noted.removed(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", noting_fsync)
        patch.setattr(os, "replace", naming(replace))
        patch.setattr(os, "rename", naming(rename))
        patch.setattr(os, "link", naming(link))
        patch.setattr(os, "unlink", noting_unlink)
        patch.setattr(ctypes, "CDLL", lambda *_, **__: _Libc(noted, syncfs_fails_with))
        yield noted


BROKEN = errno.EIO
