"""The process that downloads: told line by line what to fetch, it answers in lines what came of each.

Listing and downloading would share one interpreter, and each wait for the other. Both directions are JSON Lines in a
pipe, each line a list of several, for one that comes by itself wakes a process up: `[temporary path, proxy, uri, stem,
suffix, most bytes]` one way, `[kind, ...]` the other. The links, which are secrets, travel there alone. It knows
nothing of the export, and ends when its orders end.
"""

import functools
import heapq
import itertools
import json
import math
import os
import random
import signal
import time
from collections import deque
from contextlib import suppress
from typing import Any

from cv_gdpr.archive.writing import HashedFile, Received, write_all
from cv_gdpr.downloads.curl import Transfers
from cv_gdpr.downloads.limit import AdaptiveLimit
from cv_gdpr.errors import CvGdprError, ServiceError
from cv_gdpr.service.pacing import Patience

_OVERRUN = frozenset({429, 503})
_LONGEST_TURN = 5.0  # seconds
_READ = 1 << 16  # bytes
_TOGETHER = 32  # answers
_LATEST = 0.02  # seconds that they wait for each other
_ORDERS, _ANSWERS = 0, 1  # standard input and output


class _Job:
    """A blob on its way."""

    __slots__ = ("most", "path", "patience", "proxy", "stem", "suffix", "uri")

    def __init__(self, order: list[Any], patience: float) -> None:
        self.path, self.proxy, self.uri, self.stem, self.suffix, self.most = order
        self.patience = Patience(patience)


class _Downloading:
    """Fetches what it is told to, each blob tried again while that may help."""

    def __init__(self, connections: int, patience: float, silence: float, authorities: str) -> None:
        self._patience = patience
        self._limit = AdaptiveLimit(connections)
        self._transfers = Transfers(connections, silence, authorities)
        self._transfers.listen(_ORDERS, self._read)
        self._queue: deque[_Job] = deque()
        self._later: list[tuple[float, int, _Job]] = []  # a heap of those that wait for their next try
        self._numbers = itertools.count()
        self._down_since: float | None = None
        self._last_try = -math.inf  # when it ended
        self._half = b""  # of an order
        self._told: list[Any] = []
        self._listened_to = 0.0
        self._ended = False

    def run(self) -> None:
        """Work until the orders end."""
        while not self._ended:
            self._start_some()
            self._transfers.turn(self._nap())
            if len(self._told) >= _TOGETHER or time.monotonic() - self._listened_to > _LATEST:
                self._tell()

    def _read(self) -> None:
        came = os.read(_ORDERS, _READ)
        self._ended = not came
        *whole, self._half = (self._half + came).split(b"\n")
        self._queue.extend(_Job(order, self._patience) for line in whole for order in json.loads(line))

    def _tell(self) -> None:
        self._listened_to = time.monotonic()
        if self._told:
            write_all(_ANSWERS, json.dumps(self._told).encode() + b"\n")
            self._told.clear()

    def _nap(self) -> float:
        """Give the seconds to wait for something to happen."""
        longest = _LATEST if self._told else _LONGEST_TURN
        return min(longest, max(0.0, self._later[0][0] - time.monotonic())) if self._later else longest

    def _start_some(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            self._queue.append(heapq.heappop(self._later)[2])
        idle = not self._transfers.running and not self._later
        if idle and time.monotonic() - self._last_try > self._patience:
            self._down_since = None  # nothing was tried for a while
        while self._queue and self._transfers.running < self._limit.now:
            if self._limit.now == 1:  # any of them may show that storage is there again
                self._queue.rotate(random.randrange(len(self._queue)))  # noqa: S311 - no secret
            job = self._queue.popleft()
            ended = functools.partial(self._end, job)
            try:
                self._transfers.start(job.uri, job.proxy, HashedFile(job.path), job.most, ended)
            except CvGdprError as error:
                self._fail(job, error)

    def _end(self, job: _Job, result: Received | CvGdprError) -> None:
        """Take what one try came to: the end, or another try, which holds no connection while it waits."""
        self._last_try = time.monotonic()
        if isinstance(result, Received):
            self._limit.succeeded()
            self._down_since = None
            self._name(job, result)
        elif (wait := self._wait_after(job, result)) is not None:
            heapq.heappush(self._later, (time.monotonic() + wait, next(self._numbers), job))
        else:
            self._fail(job, result)
            if self._limit.now == 1 and self._is_down():
                self._fail_all(result)

    def _fail_all(self, error: CvGdprError) -> None:
        """Give up whatever waits: hung storage takes a silence for each try, and so for 100,000 blobs weeks.

        The next blobs that are asked for find out whether it is there again.
        """
        for job in (*self._queue, *(later for _, _, later in self._later)):
            self._fail(job, error)
        self._queue.clear()
        self._later.clear()

    def _name(self, job: _Job, received: Received) -> None:
        try:
            path, size, sha256, head = received.named(job.stem, job.suffix)
        except CvGdprError as error:
            self._fail(job, error)
        else:
            self._told.append(("whole", job.path, path, size, sha256, head.hex()))

    def _fail(self, job: _Job, error: CvGdprError) -> None:
        self._told.append(("failed", job.path, type(error).__name__, vars(error)))

    def _wait_after(self, job: _Job, error: CvGdprError) -> float | None:
        if not isinstance(error, ServiceError) or not error.transient:
            self._down_since = None  # storage answers
            return None
        if error.status in _OVERRUN or not error.status:
            self._limit.overrun()
        wait = job.patience.next_wait(error.retry_after)
        self._down_since = self._down_since or time.monotonic()
        if wait is None or self._is_down():
            return None
        self._told.append(("said", f"{error.message}; fetched again in {wait:.1f} s"))
        return wait

    def _is_down(self) -> bool:
        """Say whether no blob was had for so long that patience is not spent anew on each."""
        return self._down_since is not None and time.monotonic() - self._down_since > self._patience


def main(settings: dict[str, Any]) -> None:
    """Download until standard input ends; what would be a traceback is told as the last answer."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whoever gave the orders gets it too, and ends them
    try:
        _Downloading(**settings).run()
    except BrokenPipeError:
        pass  # nobody is there any more
    except Exception as error:  # noqa: BLE001 - told, not swallowed
        import traceback

        with suppress(OSError):
            last = [("broke", type(error).__name__, traceback.format_exc())]
            write_all(_ANSWERS, json.dumps(last).encode() + b"\n")
