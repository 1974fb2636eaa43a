"""How fast the service is asked, and how long a failing call or download is tried again."""

import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_APART = 1.005  # times what the rate asks for: no two calls take the same way quite as fast
_LATE = 0.1  # of that, at most, is how late a call counts as
_FURTHER, _CLOSER = 1.5, 0.98  # times the time between two calls, for a refusal and for an answer
_LOOK = 0.01  # seconds
_FIRST, _LONGEST = 0.2, 20.0  # seconds between two tries


class Budget:
    """A shared allowance of calls: no second ever holds more than the service answers.

    The service allows 10 calls a second ("other API calls", Custom Vision limits and quotas), and counts them as they
    arrive. How late a call arrives is not known, but it is not later than its answer is, compared with the quickest
    answer of its kind; by so much more than a second after it was sent it makes place for another one. The calls of a
    second are sent without a pause, until the service has refused twice (once, and another program may have been the
    reason): from then on they are spaced evenly, further with each other refusal and closer again while it answers. A
    rate that is no whole number is spaced evenly too. `per_second` of 0: no limit.
    """

    def __init__(self, per_second: float) -> None:
        calls = int(per_second) if per_second >= 1 and per_second == int(per_second) else 1
        self._gap = 1 / per_second if per_second else 0.0
        self._span = calls * self._gap  # a whole second for whole numbers: no second may hold a part of two spans
        self._turns = [[0.0] for _ in range(calls)]  # from when on each of the calls that make up a span may be sent
        self._quickest: dict[str, float] = {}  # seconds to the answer, by kind
        self._held = 0.0
        self._refusals = 0
        self._next = threading.Lock()
        self._change = threading.Lock()

    @contextmanager
    def turn(self, kind: str, stop: threading.Event) -> Iterator[None]:
        """Wait for a call's turn, or until `stop` is set; the call is made, and answered, within."""
        if not self._span:
            yield
            return
        with self._next:  # whoever comes later has to wait longer
            while (wait := max(min(self._turns)[0], self._held) - time.monotonic()) > 0 and not stop.is_set():
                stop.wait(min(wait, _LOOK))  # an answer may come meanwhile, and shorten it
            with self._change:
                sent = time.monotonic()  # which may be later than its turn came
                due = sent + self._span * _APART
                latest = due + self._span * _LATE
                self._turns.remove(min(self._turns))
                self._turns.append(turn := [latest])
        quickest = self._quickest.get(kind, 0.0)  # of the first, nothing is known
        try:
            yield
            self._quickest[kind] = min(time.monotonic() - sent, self._quickest.get(kind, math.inf))
            self._come_closer()
        finally:
            turn[0] = min(due + max(0.0, time.monotonic() - sent - quickest), latest)

    def hold(self, seconds: float) -> None:
        """Let nobody call for that many seconds: the service said that it is overrun."""
        with self._change:
            now = time.monotonic()
            if now >= self._held:  # not one of several that were refused at once
                self._refusals += 1
                if len(self._turns) == 1:
                    self._span *= _FURTHER
                elif self._refusals > 1:
                    self._span = self._gap
                    self._turns = [[max(self._turns)[0]]]  # when none of those in the last second counts any more
            self._held = max(self._held, now + seconds)

    def _come_closer(self) -> None:
        with self._change:
            if len(self._turns) == 1:
                self._span = max(self._gap, self._span * _CLOSER)


class Patience:
    """One thing's tries: exponential waits with jitter, bounded by `seconds` since the first failure."""

    __slots__ = ("_since", "_tries", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._tries = 0
        self._since = 0.0

    def next_wait(self, retry_after: float | None = None) -> float | None:
        """Give the seconds to wait before the next try, or None when patience is at its end."""
        now = time.monotonic()
        if not self._tries:
            self._since = now
        self._tries += 1
        wait = min(_LONGEST, _FIRST * 2 ** (self._tries - 1)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
        if retry_after is not None:
            wait = max(retry_after, wait / 4)
        return wait if now + wait - self._since <= self.seconds else None
