"""How many downloads run at once: as many as allowed while all goes well, fewer when storage is overrun."""

import time

_PAUSE = 0.5  # seconds in which one burst of refusals counts as one


class AdaptiveLimit:
    """Additive increase, multiplicative decrease, between 1 and `most`. For use in one thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = float(most)
        self._shrunk = 0.0

    @property
    def now(self) -> int:
        """How many may run at this moment."""
        return int(self._now)

    def succeeded(self) -> None:
        """Let a little more run: one more for each round of successes."""
        if self._now < self._most:
            self._now = min(float(self._most), self._now + 1 / self._now)

    def overrun(self) -> None:
        """Let half as many run: storage answered 429 or 503, or not in time."""
        if time.monotonic() - self._shrunk > _PAUSE:
            self._shrunk = time.monotonic()
            self._now = max(1.0, self._now / 2)
