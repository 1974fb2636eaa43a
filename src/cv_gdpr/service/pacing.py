"""The pace of calls, and the waits between retries of a call or a download."""

import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_APART = 1.005  # times the interval of the rate: calls take different times to arrive
_LATE = 0.1  # of a span: the most that a call counts as delayed
_FURTHER, _CLOSER = 1.5, 0.98  # factors on the interval, after a refusal and after an answer
_LOOK = 0.01  # seconds
_FIRST, _LONGEST = 0.2, 20.0  # seconds between two tries


def seconds_for(calls: float, per_second: float) -> float:
    """Return the seconds that so many calls take at a rate, if no answer is waited for."""
    return calls / per_second * _APART


class Budget:
    """A rate limit shared by all calls: in no second do more calls arrive than the service answers.

    The service allows 10 calls a second ("other API calls", Custom Vision limits and quotas) and counts them on
    arrival. Arrival time is unknown; it is bounded by this round trip minus the fastest one of that operation, so a
    slot frees that much later than one second after sending. The calls of a second are sent in a burst until the
    service has refused twice (a single refusal may be due to another program). From then on calls are spaced evenly,
    further apart after each refusal and closer again while the service answers. A rate that is not a whole number is
    spaced evenly from the start. `per_second` of 0: no limit.
    """

    def __init__(self, per_second: float) -> None:
        calls = int(per_second) if per_second >= 1 and per_second == int(per_second) else 1
        self._gap = 1 / per_second if per_second else 0.0
        self._span = calls * self._gap  # one second for whole numbers, so that no second overlaps two bursts
        self._turns = [[0.0] for _ in range(calls)]  # when each call of a span may be sent next
        self._quickest: dict[str, float] = {}  # seconds of the fastest round trip, by operation
        self._held = 0.0
        self._refusals = 0
        self._next = threading.Lock()
        self._change = threading.Lock()

    @contextmanager
    def turn(self, kind: str, stop: threading.Event) -> Iterator[None]:
        """Wait for a call's turn, or until `stop` is set; make the call inside the context."""
        if not self._span:
            yield
            return
        with self._next:  # one waits for the next slot, the others for this lock
            while (wait := max(min(self._turns)[0], self._held) - time.monotonic()) > 0 and not stop.is_set():
                stop.wait(min(wait, _LOOK))  # an answer meanwhile may shorten the wait
            with self._change:
                sent = time.monotonic()  # possibly later than the slot was free
                due = sent + self._span * _APART
                latest = due + self._span * _LATE
                self._turns.remove(min(self._turns))
                self._turns.append(turn := [latest])
        quickest = self._quickest.get(kind, 0.0)  # unknown for the first call
        try:
            yield
            self._quickest[kind] = min(time.monotonic() - sent, self._quickest.get(kind, math.inf))
            self._shorten_gap()
        finally:
            turn[0] = min(due + max(0.0, time.monotonic() - sent - quickest), latest)

    def hold(self, seconds: float) -> None:
        """Hold all calls for that many seconds: the service answered 429."""
        with self._change:
            now = time.monotonic()
            if now >= self._held:  # several refusals at once count as one
                self._refusals += 1
                if len(self._turns) == 1:
                    self._span *= _FURTHER
                elif self._refusals > 1:
                    self._span = self._gap
                    self._turns = [[max(self._turns)[0]]]  # after all calls of the last second
            self._held = max(self._held, now + seconds)

    def _shorten_gap(self) -> None:
        with self._change:
            if len(self._turns) == 1:
                self._span = max(self._gap, self._span * _CLOSER)


class Patience:
    """The retries of one call or download: exponential waits with jitter, until `seconds` after the first failure."""

    __slots__ = ("_since", "_tries", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._tries = 0
        self._since = 0.0

    def next_wait(self, retry_after: float | None = None) -> float | None:
        """Return the seconds to wait before the next try, or None to give up."""
        now = time.monotonic()
        if not self._tries:
            self._since = now
        self._tries += 1
        wait = min(_LONGEST, _FIRST * 2 ** (self._tries - 1)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
        if retry_after is not None:
            wait = max(retry_after, wait / 4)
        return wait if now + wait - self._since <= self.seconds else None
