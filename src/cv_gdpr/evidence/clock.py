"""Times of a ledger: they never run backwards, whatever the clock of the machine does."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cv_gdpr.errors import UsageError
from cv_gdpr.sealing.tokens import TOLERANCE

_BEGINNING = datetime.min.replace(tzinfo=UTC)


def now() -> str:
    """Return the current time in UTC, to the millisecond."""
    return _written(_wall())


def moment(text: str) -> datetime:
    """Return the time that evidence states; raise ValueError for one of no calendar, such as the 30th of February."""
    return datetime.fromisoformat(text)


class Clock:
    """The time of the machine, or where that was set back, the last time that it returned plus what has passed since.

    It follows the machine's clock forwards: a count of seconds alone would not know how long a laptop slept.
    """

    def __init__(
        self, wall: Callable[[], datetime] | None = None, passed: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._passed = wall or _wall, passed
        self._last, self._at = _BEGINNING, passed()

    def tell(self) -> str:
        """Return the time, never earlier than one that it returned before, or that `follow` was given."""
        at = self._passed()
        self._last, self._at = max(self._wall(), self._last + timedelta(seconds=at - self._at)), at
        return _written(self._last)

    def follow(self, stated: str, what: str) -> None:
        """Tell no time before a stated one, which another machine may have written.

        Raise UsageError if the machine's clock is more than TOLERANCE behind it; `what` says what was then.
        """
        before = moment(stated)
        if self._wall() < before - TOLERANCE:
            words = f"{what} is of {stated}, and this machine's clock says {_written(self._wall())}"
            raise UsageError(words, "set the clock that is wrong: evidence whose times run backwards proves nothing")
        if before > self._last:
            self._last, self._at = before, self._passed()


def _wall() -> datetime:
    return datetime.now(UTC)


def _written(time_: datetime) -> str:
    return time_.isoformat(timespec="milliseconds").replace("+00:00", "Z")
