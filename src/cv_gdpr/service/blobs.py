"""The downloads from blob storage: many at once, each streamed to disk and hashed on the way.

The engine is aiohttp in a thread of its own. It raises on a body that is shorter than announced, needs one SSL
context for all connections, and is asked not to unpack or re-encode anything. Nothing here knows the training key.
"""

import asyncio
import base64
import errno
import hashlib
import os
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import certifi
from requests.utils import get_environ_proxies, select_proxy
from yarl import URL

from cv_gdpr.archive.writing import HashedFile, storing, too_many_files
from cv_gdpr.errors import CvGdprError, Interrupted, MalformedAnswer, NotFound, ServiceError, Unreachable, UsageError
from cv_gdpr.service.answers import check_bytes, retry_after
from cv_gdpr.service.client import is_loopback
from cv_gdpr.service.limits import AdaptiveLimit
from cv_gdpr.service.pacing import Patience

_CHUNK = 1 << 17
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_OVERRUN = frozenset({429, 503})


@dataclass(frozen=True)
class Fetching:
    """How blobs are fetched: connections at once, patience in seconds for each blob, seconds without a byte."""

    connections: int = 32
    patience: float = 120.0
    silence: float = 60.0


Done = Callable[[HashedFile | CvGdprError], None]


@dataclass(eq=False)
class _Job:
    """A blob on its way."""

    uri: str
    done: Done
    patience: Patience


class Downloads:
    """Fetches blobs in the background; a context manager. `submit` waits when too many are on their way."""

    def __init__(self, fetching: Fetching, temporary: Callable[[], Path], stop: threading.Event) -> None:
        self._fetching = fetching
        self._temporary = temporary
        self._stop = stop
        self._limit = AdaptiveLimit(fetching.connections)
        self._queue: deque[_Job] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._down_since: float | None = None
        self._room = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)
        self._session: aiohttp.ClientSession

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _open(self) -> None:
        connector = aiohttp.TCPConnector(limit=self._fetching.connections, ssl=trusted_certificates())
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=self._fetching.silence)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
        )

    async def _close(self) -> None:
        self._queue.clear()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._session.close()

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
        job = _Job(uri, done, Patience(self._fetching.patience))
        self._loop.call_soon_threadsafe(self._enqueue, job)

    def _enqueue(self, job: _Job) -> None:
        self._queue.append(job)
        self._start_some()

    def _start_some(self) -> None:
        while self._queue and len(self._running) < self._limit.now:
            task = self._loop.create_task(self._do(self._queue.popleft()))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._start_some()

    async def _do(self, job: _Job) -> None:
        try:
            result = await self._try(job)
        except asyncio.CancelledError:
            result = Interrupted("interrupted")
        except Exception as error:  # noqa: BLE001 - nothing may be lost: it is told as this blob's end
            # The words of an unknown error may hold the whole link, so only its kind is told.
            result = CvGdprError(f"blob storage: {type(error).__name__}")
        if result is not None:
            self._make_room()
            job.done(result)

    def _make_room(self) -> None:
        with self._room:
            self._under_way -= 1
            if self._under_way == self._fetching.connections * 2:
                self._room.notify_all()  # not for each place: waking the lister up costs more than a download

    async def _try(self, job: _Job) -> HashedFile | CvGdprError | None:
        """Give what one try came to; None: it will be tried again, and holds no connection meanwhile."""
        if self._stop.is_set():
            return Interrupted("interrupted")
        try:
            check_address(job.uri)
            file = await self._fetch_once(job.uri)
        except ServiceError as error:
            if error.status in _OVERRUN or (error.transient and not error.status):
                self._limit.overrun()
            wait = job.patience.next_wait(error.retry_after) if error.transient else None
            if wait is None or self._down_for() > self._fetching.patience:
                return error
            self._loop.call_later(wait, self._enqueue, job)
            return None
        except CvGdprError as error:
            return error
        self._limit.succeeded()
        self._down_since = None
        return file

    def _down_for(self) -> float:
        """Seconds in which no blob was had: patience is not spent anew on each while storage is down for all."""
        now = time.monotonic()
        self._down_since = self._down_since or now
        return now - self._down_since

    async def _fetch_once(self, uri: str) -> HashedFile:
        with storing("the export folder"):
            file = HashedFile(self._temporary())
            try:
                await self._receive(uri, file)
                file.close()
            except BaseException:
                file.discard()
                raise
        return file

    async def _receive(self, uri: str, file: HashedFile) -> None:
        try:
            # A SAS is signed as it stands: it must not be re-encoded.
            address = URL(uri, encoded=True)
            proxy = proxy_for(address.scheme, address.host or "")
            async with self._session.get(address, allow_redirects=False, proxy=proxy) as response:
                _check_status(response)
                md5 = hashlib.md5(usedforsecurity=False) if "Content-MD5" in response.headers else None
                async for chunk in response.content.iter_chunked(_CHUNK):
                    file.write(chunk)
                    if md5:
                        md5.update(chunk)
                _check_body(response, file, md5)
        except (aiohttp.ClientError, TimeoutError, ssl.SSLError) as error:
            if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
                raise too_many_files() from None
            raise _unreached(error) from None


def check_address(uri: str) -> None:
    """Raise MalformedAnswer unless a URI is https, or http to loopback."""
    try:
        uri.encode()
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise MalformedAnswer("the service gave a link that is no address") from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise MalformedAnswer("the service gave a link that is not https" if uri else "the service gave no link")


@cache
def proxy_for(scheme: str, host: str) -> str | None:
    """Give the proxy that the usual variables name for a host.

    aiohttp's own `trust_env` would also read ~/.netrc, for each request anew, and send what it finds to a signed link.
    """
    address = f"{scheme}://{host}/"
    return select_proxy(address, get_environ_proxies(address))


def trusted_certificates() -> ssl.SSLContext:
    """Give the one SSL context of all downloads: certifi's authorities, or those of REQUESTS_CA_BUNDLE."""
    bundle = Path(os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where())
    try:
        return _context_of(bundle)
    except OSError as error:
        raise UsageError(f"the certificates of {bundle} cannot be used: {error.strerror or error}") from error


@cache
def _context_of(bundle: Path) -> ssl.SSLContext:
    if bundle.is_dir():
        return ssl.create_default_context(capath=str(bundle))
    return ssl.create_default_context(cafile=str(bundle))


def _check_status(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status == 200:
        return
    message = f"blob storage answered {status}"
    if status in {404, 410}:
        raise NotFound(message, status=status)
    known: dict[str, Any] = {"status": status, "transient": status in _TRANSIENT}
    raise ServiceError(message, retry_after=retry_after(response.headers), **known)


def _check_body(response: aiohttp.ClientResponse, file: HashedFile, md5: "hashlib._Hash | None") -> None:
    announced = response.headers.get("Content-Length")
    if announced is not None and announced.isdigit() and int(announced) != file.bytes:
        raise ServiceError(f"blob storage sent {file.bytes} of {announced} bytes", transient=True)
    if md5 and base64.b64encode(md5.digest()).decode() != response.headers["Content-MD5"].strip():
        raise ServiceError("blob storage sent bytes that do not match their Content-MD5", transient=True)
    check_bytes("blob storage", file, response.headers)


def _unreached(error: BaseException) -> Unreachable:
    # aiohttp's words may hold the whole link, so only its kind is told.
    kind = "it did not answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    return Unreachable(f"blob storage: {kind}", transient=not isinstance(error, aiohttp.InvalidURL))
