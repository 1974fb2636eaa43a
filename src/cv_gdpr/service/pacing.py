"""How fast the service is asked, and how long a failing call or download is tried again."""

import random
import threading
import time

_FIRST, _LONGEST = 0.2, 20.0  # seconds between two tries


class Budget:
    """A shared allowance of calls, spaced evenly so that no second ever holds more than the service answers.

    The service allows 10 calls a second ("other API calls", Custom Vision limits and quotas). `per_second` of 0
    means no limit.
    """

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def take(self, stop: threading.Event) -> None:
        """Wait for the next free slot, or until `stop` is set."""
        if not self._gap:
            return
        with self._lock:
            now = time.monotonic()
            slot = max(now, self._next)
            self._next = slot + self._gap
        if slot > now:
            stop.wait(slot - now)

    def hold(self, seconds: float) -> None:
        """Let nobody call for that many seconds: the service said that it is overrun."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


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
