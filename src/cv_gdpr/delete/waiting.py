"""How long an erasure waits for what the service does after its answer: deletions, trainings."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from cv_gdpr.errors import Interrupted, Unsteady

Found = TypeVar("Found")


class Deadline:
    """The time that one step of an erasure may still wait; `stop` interrupts it."""

    def __init__(self, stop: Event, seconds: float) -> None:
        self._stop = stop
        self._ends = time.monotonic() + seconds

    def pause(self, round_: int) -> bool:
        """Wait a little before the next look; return False when no time is left, raise Interrupted on a signal."""
        left = self._ends - time.monotonic()
        if left <= 0:
            return False
        self._stop.wait(min(0.25 * 1.6**round_, 15.0, left))
        if self._stop.is_set():
            raise Interrupted("interrupted")
        return True

    def settled(self, look: Callable[[], Found]) -> Found:
        """Return what `look` finds once the counts agree: they differ while asynchronous deletions run."""
        round_ = 0
        while True:
            try:
                return look()
            except Unsteady:
                if not self.pause(round_):
                    raise
            round_ += 1
