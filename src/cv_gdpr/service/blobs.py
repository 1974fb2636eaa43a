"""The downloads from blob storage: many at once in a thread of their own, each tried again while that may help."""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self
from urllib.parse import urlsplit

from cv_gdpr.archive.writing import HashedFile, storing
from cv_gdpr.errors import CvGdprError, Interrupted, MalformedAnswer, ServiceError
from cv_gdpr.service.client import LOG, is_loopback
from cv_gdpr.service.limits import AdaptiveLimit
from cv_gdpr.service.pacing import Patience
from cv_gdpr.service.transfers import Transfers

_OVERRUN = frozenset({429, 503})
_LONGEST_TURN = 0.5  # seconds


@dataclass(frozen=True)
class Fetching:
    """How blobs are fetched: connections at once, patience in seconds for each blob, seconds without a byte."""

    connections: int = 32
    patience: float = 120.0
    silence: float = 60.0


Done = Callable[[HashedFile | CvGdprError], None]


@dataclass(eq=False, slots=True)
class _Job:
    """A blob on its way."""

    uri: str
    done: Done
    patience: Patience


class Downloads:
    """Fetches blobs in the background; a context manager. `submit` waits when too many are on their way."""

    def __init__(self, fetching: Fetching, temporary: Callable[[], str], stop: threading.Event) -> None:
        self._fetching = fetching
        self._temporary = temporary
        self._stop = stop
        self._limit = AdaptiveLimit(fetching.connections)
        self._transfers = Transfers(fetching.connections, fetching.silence)
        self._queue: deque[_Job] = deque()
        self._later: list[tuple[float, int, _Job]] = []  # a heap of those that wait for their next try
        self._numbers = itertools.count()
        self._under_way = 0
        self._down_since: float | None = None
        self._room = threading.Condition()
        self._closing = False
        self._asleep = False
        self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing = True
        self._transfers.wake()
        self._thread.join()

    def submit(self, uri: str, done: Done, *, again: bool = False) -> None:
        """Fetch a blob; `done` is called in another thread with the closed file, or with the error that remained.

        Waits for room, unless the blob is asked for `again` (with a renewed link): it had its place already.
        """
        most = self._fetching.connections * 4
        with self._room:
            while not again and self._under_way >= most:
                self._room.wait(0.5)
                if self._stop.is_set():
                    raise Interrupted("interrupted")
            self._under_way += 1
        self._queue.append(_Job(uri, done, Patience(self._fetching.patience)))
        if self._asleep:
            self._transfers.wake()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._start_some()
                self._transfers.turn(self._nap())
                self._asleep = False
        finally:
            self._transfers.close(Interrupted("interrupted"))

    def _nap(self) -> float:
        """Give the seconds to wait for something to happen; whoever submits after this wakes the thread up."""
        self._asleep = self._transfers.running < self._limit.now
        if self._queue and self._asleep:
            return 0.0
        return min(_LONGEST_TURN, max(0.0, self._later[0][0] - time.monotonic())) if self._later else _LONGEST_TURN

    def _start_some(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            self._queue.append(heapq.heappop(self._later)[2])
        while self._queue and self._transfers.running < self._limit.now:
            self._start(self._queue.popleft())

    def _start(self, job: _Job) -> None:
        try:
            if self._stop.is_set():
                raise Interrupted("interrupted")
            check_address(job.uri)
            with storing("the export folder"):
                file = HashedFile(self._temporary())
        except CvGdprError as error:
            self._finish(job, error)
            return
        self._transfers.start(job.uri, file, lambda result: self._ended(job, result))

    def _ended(self, job: _Job, result: HashedFile | CvGdprError) -> None:
        """Take what one try came to: the end, or another try, which holds no connection while it waits."""
        if isinstance(result, HashedFile):
            self._limit.succeeded()
            self._down_since = None
        elif (wait := self._wait_after(job, result)) is not None:
            heapq.heappush(self._later, (time.monotonic() + wait, next(self._numbers), job))
            return
        self._finish(job, result)

    def _wait_after(self, job: _Job, error: CvGdprError) -> float | None:
        if not isinstance(error, ServiceError) or not error.transient:
            return None
        if error.status in _OVERRUN or not error.status:
            self._limit.overrun()
        wait = job.patience.next_wait(error.retry_after)
        if wait is None or self._down_for() > self._fetching.patience:
            return None
        LOG.info("%s; fetched again in %.1f s", error.message, wait)
        return wait

    def _finish(self, job: _Job, result: HashedFile | CvGdprError) -> None:
        with self._room:
            self._under_way -= 1
            if self._under_way == self._fetching.connections * 2:
                self._room.notify_all()  # not for each place: waking the lister up costs more than a download
        job.done(result)

    def _down_for(self) -> float:
        """Seconds in which no blob was had: patience is not spent anew on each while storage is down for all."""
        now = time.monotonic()
        self._down_since = self._down_since or now
        return now - self._down_since


def check_address(uri: str) -> None:
    """Raise MalformedAnswer unless a URI is https, or http to loopback."""
    if reason := _objection(uri[: uri.find("/", 8) + 1] or uri):
        raise MalformedAnswer(reason)
    try:
        uri.encode()
    except UnicodeEncodeError:
        raise MalformedAnswer("the service gave a link that is no address") from None


@lru_cache(maxsize=1024)
def _objection(root: str) -> str:
    """Say what speaks against a link, from its beginning up to its path: few hosts have all the links."""
    try:
        root.encode()
        parts = urlsplit(root)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "the service gave a link that is no address"
    if host and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        return ""
    return "the service gave a link that is not https" if root else "the service gave no link"
