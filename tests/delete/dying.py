"""What tests of interrupted writing share: a process that dies, or a system call that fails, at an exact step."""

import errno
import os
import threading
from contextlib import contextmanager

import pytest

STEPS = ("open", "write", "fsync", "link", "unlink", "replace", "ftruncate")


class Died(BaseException):
    """The process was killed: nothing of it runs any more."""


class Steps:
    """Counts this thread's system calls that change the disk, and ends or fails the one with the given number."""

    def __init__(self, number, *, dying):
        self.number, self.dying = number, dying
        self.taken = []
        self.handles = set()
        self._thread = threading.get_ident()

    @property
    def reached(self):
        """Whether there were that many steps."""
        return len(self.taken) > self.number

    def hooked(self, name, call):
        """Give a system call that knows its number."""

        def step(*args, **kwargs):
            if threading.get_ident() != self._thread:
                return call(*args, **kwargs)
            self.taken.append(name)
            late = len(self.taken) - 1 - self.number
            if late == 0 or (late > 0 and self.dying):  # after a death, no clean-up happens either
                if self.dying:
                    raise Died
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
            result = call(*args, **kwargs)
            if name == "open":
                self.handles.add(result)
            return result

        return step

    def closed(self, close):
        """Give a `close` that forgets the handle."""

        def forget(handle):
            self.handles.discard(handle)
            close(handle)

        return forget


@contextmanager
def steps(number, *, dying):
    """Run what follows up to its system call with that number: it fails (a full disk), or the process dies there."""
    counted = Steps(number, dying=dying)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "close", counted.closed(os.close))
        for name in STEPS:
            patch.setattr(os, name, counted.hooked(name, getattr(os, name)))
        yield counted
    for handle in counted.handles:  # the system closes what a dead process had open, and frees its locks
        os.close(handle)
