"""Helpers for tests of interrupted writing: a process dies, or a system call fails, at an exact step."""

import errno
import os
import threading
from contextlib import contextmanager

import pytest

STEPS = ("open", "write", "fsync", "link", "unlink", "replace", "ftruncate")


class Died(BaseException):
    """The simulated process was killed."""


class Steps:
    """Counts this thread's system calls that change the disk, and ends or fails the one with the given number."""

    def __init__(self, number, *, dying):
        self.number, self.dying = number, dying
        self.taken = []
        self.handles = set()
        self._thread = threading.get_ident()

    @property
    def reached(self):
        """Whether the step with the given number was reached."""
        return len(self.taken) > self.number

    def hooked(self, name, call):
        """Return the system call, wrapped so that it is counted."""

        def step(*args, **kwargs):
            if threading.get_ident() != self._thread:
                return call(*args, **kwargs)
            self.taken.append(name)
            late = len(self.taken) - 1 - self.number
            if late == 0 or (late > 0 and self.dying):  # a dead process does no clean-up
                if self.dying:
                    raise Died
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
            result = call(*args, **kwargs)
            if name == "open":
                self.handles.add(result)
            return result

        return step

    def closed(self, close):
        """Return `close`, wrapped so that it forgets the handle."""

        def forget(handle):
            self.handles.discard(handle)
            close(handle)

        return forget


@contextmanager
def steps(number, *, dying):
    """Let the system call with this number fail (a full disk), or the process die there."""
    counted = Steps(number, dying=dying)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "close", counted.closed(os.close))
        for name in STEPS:
            patch.setattr(os, name, counted.hooked(name, getattr(os, name)))
        yield counted
    for handle in counted.handles:  # the system closes a dead process's files and frees its locks
        os.close(handle)
