"""How fast the service is asked, and how long a failing call or download is tried again."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_AT_ONCE = 10  # calls
_ON_ITS_WAY = 1.05  # times the time between two calls: how late a call may arrive
_FURTHER = 1.05
_FIRST, _LONGEST = 0.2, 20.0  # seconds between two tries


class Budget:
    """A shared allowance of calls: no second ever holds more than the service answers.

    The service allows 10 calls a second ("other API calls", Custom Vision limits and quotas), and counts them as they
    arrive: some time between sending and answer. So a call makes place for another one a second after it was answered,
    or a little more than a second after it was sent. Up to 10 are sent without a pause, until the service refuses one:
    from then on they are spaced evenly, and a little further with each other refusal. `per_second` of 0: no limit.
    """

    def __init__(self, per_second: float) -> None:
        calls = max(1, min(_AT_ONCE, int(per_second)))
        self._span = calls / per_second if per_second else 0.0
        self._turns = [[0.0] for _ in range(calls)]  # from when on each of the calls that make up a span may be sent
        self._held = 0.0
        self._next = threading.Lock()
        self._change = threading.Lock()

    @contextmanager
    def turn(self, stop: threading.Event) -> Iterator[None]:
        """Wait for a call's turn, or until `stop` is set; the call is made, and answered, within."""
        if not self._span:
            yield
            return
        with self._next:  # whoever comes later has to wait longer
            while (wait := max(min(self._turns)[0], self._held) - time.monotonic()) > 0 and not stop.is_set():
                stop.wait(wait)
            with self._change:
                span = self._span
                turn = [time.monotonic() + span * _ON_ITS_WAY]  # which may be later than its turn came
                self._turns.remove(min(self._turns))
                self._turns.append(turn)
        try:
            yield
        finally:
            turn[0] = min(turn[0], time.monotonic() + span)

    def hold(self, seconds: float) -> None:
        """Let nobody call for that many seconds: the service said that it is overrun."""
        with self._change:
            now = time.monotonic()
            if now >= self._held:  # not one of several that were refused at once
                self._span *= _FURTHER if len(self._turns) == 1 else 1 / len(self._turns)
                self._turns = [[0.0]]
            self._held = max(self._held, now + seconds)


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
