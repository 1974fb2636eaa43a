"""Waits that Ctrl-C ends. On Windows it ends none, nor does it end a read from a socket: they are taken in steps."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable
    from concurrent.futures import Future

_STEP = 0.2  # seconds
_Result = TypeVar("_Result")


def results(futures: Iterable[Future[_Result]]) -> list[_Result]:
    """Return the results of all; raise the first error. A signal handler runs meanwhile."""
    from concurrent.futures import wait

    futures = list(futures)
    left = set(futures)
    while left:
        left = wait(left, timeout=_STEP).not_done
    return [future.result() for future in futures]


if sys.platform == "win32":
    import select

    class Event(threading.Event):
        """An event whose wait is ended by a signal."""

        def wait(self, timeout: float | None = None) -> bool:
            """Wait until the event is set or the time has passed; return whether it is set."""
            ends = None if timeout is None else time.monotonic() + timeout
            while not self.is_set():
                left = _STEP if ends is None else min(_STEP, ends - time.monotonic())
                if left <= 0:
                    break
                super().wait(left)
            return self.is_set()

    def until_readable(source: socket.socket, seconds: float | None) -> None:
        """Wait until a socket can be read, or the time has passed: its own timeout follows then."""
        ends = None if seconds is None else time.monotonic() + seconds
        if source.fileno() < 0 or getattr(source, "pending", int)():  # closed, or TLS has decrypted bytes already
            return
        while not select.select([source], [], [], _STEP)[0]:
            if ends is not None and time.monotonic() >= ends:
                return
else:
    Event = threading.Event

    def until_readable(source: socket.socket, seconds: float | None) -> None:
        """Return at once: a signal ends a read."""
        del source, seconds
