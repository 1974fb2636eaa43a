"""The download process itself: takes orders, runs the downloads, retries those that failed, and reports the results.

In one interpreter, listing and downloading would wait for each other. Both directions are JSON Lines in a pipe. Each
line is a list of several messages, since every line wakes a process up: orders `[temporary path, proxy, uri, stem,
suffix, most bytes, whether the link was renewed]` and results `[kind, ...]`. Links are secrets, and are passed only
through this pipe. The process knows nothing of the export, and ends when standard input ends.
"""

import functools
import heapq
import itertools
import json
import math
import random
import signal
import time
from collections import deque
from contextlib import suppress
from typing import Any

import pycurl

from cv_gdpr.archive.writing import HashedFile, Received, write_all
from cv_gdpr.downloads.curl import Transfers
from cv_gdpr.downloads.limit import AdaptiveLimit
from cv_gdpr.errors import CvGdprError, Doubtful, ServiceError
from cv_gdpr.links import has_expired
from cv_gdpr.platforms.names import allow_long_paths
from cv_gdpr.platforms.processes import STOP_SIGNALS, is_broken_pipe, pollable
from cv_gdpr.service.pacing import Patience
from cv_gdpr.service.shortfalls import STILL_REFUSED

_OVERRUN = frozenset({429, 503})
_LONGEST_TURN = 5.0  # seconds
_READ = 1 << 16  # bytes
_TOGETHER = 32  # results in one line
_LATEST = 0.02  # seconds that a result waits for others
_ORDERS, _ANSWERS = 0, 1  # standard input and output


class _Job:
    """One blob to download, with its retries."""

    __slots__ = ("doubted", "most", "path", "patience", "proxy", "renewed", "stem", "suffix", "uri")

    def __init__(self, order: list[Any], patience: float) -> None:
        self.path, self.proxy, self.uri, self.stem, self.suffix, self.most, self.renewed = order
        self.patience = Patience(patience)
        self.doubted: set[str] = set()  # hashes of doubtful bytes: the same bytes twice are the blob's


class _Downloading:
    """Downloads the ordered blobs, and retries each while that may help."""

    def __init__(self, connections: int, patience: float, silence: float, authorities: str, *, tell: bool) -> None:
        self._patience = patience
        self._limit = AdaptiveLimit(connections)
        self._transfers = Transfers(connections, silence, authorities, self._tell if tell else None)
        orders, self._come, _ = pollable(_ORDERS, _READ)
        self._transfers.listen(orders, self._read)
        self._queue: deque[_Job] = deque()
        self._later: list[tuple[float, int, _Job]] = []  # a heap of jobs that wait for their next try
        self._numbers = itertools.count()
        self._down_since: float | None = None
        self._last_try = -math.inf  # when it ended
        self._refused_since: float | None = None  # when storage began to refuse fresh links
        self._half = b""  # an incomplete line
        self._results: list[Any] = []
        self._last_sent = 0.0
        self._ended = False

    def run(self) -> None:
        """Work until standard input ends."""
        while not self._ended:
            self._start_some()
            self._transfers.turn(self._poll_timeout())
            if len(self._results) >= _TOGETHER or time.monotonic() - self._last_sent > _LATEST:
                self._send_results()

    def _read(self) -> None:
        came = self._come()
        self._ended = not came
        *whole, self._half = (self._half + came).split(b"\n")
        self._queue.extend(_Job(order, self._patience) for line in whole for order in json.loads(line))

    def _send_results(self) -> None:
        self._last_sent = time.monotonic()
        if self._results:
            write_all(_ANSWERS, json.dumps(self._results).encode() + b"\n")
            self._results.clear()

    def _poll_timeout(self) -> float:
        """Return the seconds to wait for an event."""
        longest = _LATEST if self._results else _LONGEST_TURN
        return min(longest, max(0.0, self._later[0][0] - time.monotonic())) if self._later else longest

    def _start_some(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            self._queue.append(heapq.heappop(self._later)[2])
        idle = not self._transfers.running and not self._later
        if idle and time.monotonic() - self._last_try > self._patience:
            self._down_since = None  # nothing was tried for a while
        while self._queue and self._transfers.running < self._limit.now:
            if self._limit.now == 1:  # any of them may show that storage has recovered
                self._queue.rotate(random.randrange(len(self._queue)))  # noqa: S311 - no secret
            job = self._queue.popleft()
            ended = functools.partial(self._end, job)
            try:
                self._transfers.start(job.uri, job.proxy, HashedFile(job.path), job.most, job.doubted, ended)
            except CvGdprError as error:
                self._fail(job, error)

    def _end(self, job: _Job, result: Received | CvGdprError) -> None:
        """Handle the result of one try: report it, or schedule a retry, which holds no connection while it waits."""
        self._last_try = time.monotonic()
        if isinstance(result, Received):
            self._limit.succeeded()
            self._down_since = self._refused_since = None
            self._name(job, result)
        elif isinstance(result, Doubtful) and len(job.doubted) == 1:
            self._queue.appendleft(job)  # ask a second time at once: storage works, and most such bytes are the blob's
        elif (wait := self._wait_after(job, result)) is not None:
            heapq.heappush(self._later, (time.monotonic() + wait, next(self._numbers), job))
        else:
            self._fail(job, result)
            if self._limit.now == 1 and self._is_down():
                self._fail_all(result)

    def _tell(self, facts: dict[str, Any]) -> None:
        self._results.append(("tried", facts))

    def _fail_all(self, error: CvGdprError) -> None:
        """Fail every waiting blob: each try at hung storage lasts until its timeout, for 100,000 blobs weeks.

        The next orders show whether storage has recovered.
        """
        for job in (*self._queue, *(later for _, _, later in self._later)):
            self._fail(job, error)
        self._queue.clear()
        self._later.clear()

    def _name(self, job: _Job, received: Received) -> None:
        try:
            path, size, sha256, head, flag = received.named(job.stem, job.suffix)
        except CvGdprError as error:
            self._fail(job, error)
        else:
            self._results.append(("whole", job.path, path, size, sha256, head.hex(), flag))

    def _fail(self, job: _Job, error: CvGdprError) -> None:
        self._results.append(("failed", job.path, type(error).__name__, vars(error)))

    def _wait_after(self, job: _Job, error: CvGdprError) -> float | None:
        if not isinstance(error, ServiceError) or not error.transient:
            self._down_since = None  # storage answers
            return self._wait_for_the_link(job, error)
        if error.status in _OVERRUN or not error.status:
            self._limit.overrun()
        wait = job.patience.next_wait(error.retry_after)
        self._down_since = self._down_since or time.monotonic()
        if wait is None or self._is_down():
            return None
        self._say_again(job, error, f"{error.message}; retried in {wait:.1f} s")
        return wait

    def _say_again(self, job: _Job, error: ServiceError, words: str) -> None:
        """Report that a try failed, and another one follows."""
        self._results.append(("again", job.path, error.status, words))

    def _wait_for_the_link(self, job: _Job, error: CvGdprError) -> float | None:
        """Return the seconds until a fresh link that was refused is tried again, or None to give up.

        Storage answers 403 to a link that it takes for not valid yet, if its clock is behind the service's. All links
        share one patience, since the cause is the same for all. An expired link is not waited for, but renewed.
        """
        if not isinstance(error, ServiceError) or error.status != 403 or not job.renewed or has_expired(job.uri):
            return None
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        wait = job.patience.next_wait() if now - self._refused_since <= self._patience else None
        if wait is None:
            error.transient = True  # not to be renewed once more
            error.message = STILL_REFUSED % {"reason": error.message}
        else:
            self._say_again(job, error, f"{error.message} to a fresh link; retried in {wait:.1f} s")
        return wait

    def _is_down(self) -> bool:
        """Return whether every download has failed for longer than the patience of one blob."""
        return self._down_since is not None and time.monotonic() - self._down_since > self._patience


def main(settings: dict[str, Any]) -> None:
    """Download until standard input ends; send the traceback of an unexpected error as the last result."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the parent process gets it too, and ends the orders
    allow_long_paths()
    try:
        _Downloading(**settings).run()
    except Exception as error:  # noqa: BLE001 - reported, not swallowed
        if isinstance(error, OSError) and is_broken_pipe(error):
            return  # the parent process has ended
        import traceback

        with suppress(OSError):
            last = [("broke", _name_of(error), traceback.format_exc())]
            write_all(_ANSWERS, json.dumps(last).encode() + b"\n")


def _name_of(error: Exception) -> str:
    """Return the name of an unexpected error; of libcurl's its number, since its words may hold a link."""
    return f"libcurl error {error.args[0]}" if isinstance(error, pycurl.error) else type(error).__name__
