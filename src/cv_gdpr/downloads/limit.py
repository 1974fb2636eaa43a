"""How many downloads may run at once: fewer while storage is overloaded."""

import time

_PAUSE = 0.5  # seconds within which several refusals count as one


class AdaptiveLimit:
    """Additive increase, multiplicative decrease, between 1 and `most`; for use in one thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = float(most)
        self._shrunk = 0.0

    @property
    def now(self) -> int:
        """The number of downloads that may run now."""
        return int(self._now)

    def succeeded(self) -> None:
        """Raise the limit: by one for each round of successes."""
        if self._now < self._most:
            self._now = min(float(self._most), self._now + 1 / self._now)

    def overrun(self) -> None:
        """Halve the limit: storage answered 429 or 503, or not in time."""
        if time.monotonic() - self._shrunk > _PAUSE:
            self._shrunk = time.monotonic()
            self._now = max(1.0, self._now / 2)
