"""One try of each download, many at once, with libcurl's multi interface: each body is streamed into a file.

Of the engines measured, libcurl takes the least processor time for an image. It sends an address unchanged,
decompresses nothing and follows no redirect unless asked, refuses a body shorter than announced, and loads the
certificates once for all connections. Nothing here knows the training key.
"""

import errno
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pycurl

from cv_gdpr import __version__
from cv_gdpr.archive.writing import HashedFile, Received, storage_error, too_many_files
from cv_gdpr.errors import CvGdprError, MalformedAnswer, NotFound, ServiceError, Unreachable
from cv_gdpr.platforms.processes import POLLIN, POLLOUT, Poll
from cv_gdpr.service import shortfalls
from cv_gdpr.service.bodies import Body, too_long
from cv_gdpr.service.checks import TRANSIENT, Pace, retry_after
from cv_gdpr.service.environment import refused_by_proxy, variable_of

_TO_CONNECT = 15  # seconds
_BUFFER = 1 << 18  # bytes that libcurl passes on at once, at most
_IGNORED = 1 << 16  # bytes read of an error's body, so that its connection can be reused
_LOOK = 0.25  # seconds between two checks for slow transfers
# As storage writes them; of another server, neither is worth a part of a signature that it echoes.
_CODE = re.compile("[A-Za-z]{1,60}")
_REQUEST_ID = re.compile("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_WORDS = {
    pycurl.E_UNSUPPORTED_PROTOCOL: shortfalls.NOT_HTTP,
    pycurl.E_FTP_WEIRD_SERVER_REPLY: shortfalls.NOT_HTTP,
    pycurl.E_COULDNT_RESOLVE_HOST: shortfalls.NO_HOST,
    pycurl.E_COULDNT_RESOLVE_PROXY: shortfalls.NO_PROXY,
    pycurl.E_COULDNT_CONNECT: shortfalls.NO_CONNECTION,
    pycurl.E_SSL_CONNECT_ERROR: shortfalls.NO_TLS,
    pycurl.E_PARTIAL_FILE: shortfalls.BROKE_OFF,
    pycurl.E_OPERATION_TIMEDOUT: shortfalls.TOO_LATE,
    pycurl.E_GOT_NOTHING: shortfalls.CUT,
    pycurl.E_SEND_ERROR: shortfalls.CUT,
    pycurl.E_RECV_ERROR: shortfalls.CUT,
}
_UNTRUSTED = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE, pycurl.E_SSL_ISSUER_ERROR})
_BITS = {pycurl.POLL_IN: POLLIN, pycurl.POLL_OUT: POLLOUT, pycurl.POLL_INOUT: POLLIN | POLLOUT}

Ended = Callable[[Received | CvGdprError], None]
Tried = Callable[[dict[str, Any]], None]
"""Called with the facts of each try: host, status, request id, seconds, and its bytes or its error; no address."""


class _Slot:
    """One transfer at a time: a reused libcurl handle, and the file that it writes."""

    def __init__(self, authorities: str) -> None:
        self.headers: list[bytes] = []
        self.curl = curl = pycurl.Curl()
        self.file: HashedFile
        self.ended: Ended
        self.doubted: set[str]
        self.most = 0
        self._proxy: str | None = None
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        curl.setopt(pycurl.HEADERFUNCTION, self.headers.append)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)  # many connections, not streams
        curl.setopt(pycurl.HTTPHEADER, ["Accept-Encoding: identity"])
        curl.setopt(pycurl.USERAGENT, f"cv-gdpr/{__version__}")
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.CONNECTTIMEOUT, _TO_CONNECT)
        curl.setopt(pycurl.BUFFERSIZE, _BUFFER)
        kind = pycurl.CAPATH if os.path.isdir(authorities) else pycurl.CAINFO  # noqa: PTH112
        curl.setopt(kind, os.fsencode(authorities))

    def begin(  # noqa: PLR0913, PLR0917
        self, uri: str, proxy: str, file: HashedFile, most: int, doubted: set[str], pace: Pace, ended: Ended
    ) -> None:
        """Prepare the next transfer."""
        self.clear()
        self.file, self.ended, self.pace, self.doubted = file, ended, pace, doubted
        self._host = _host_of(uri)  # libcurl tells no address that it could not parse
        self.failure: CvGdprError | None = None
        self._stored: bool | None = None  # whether the body is the blob's
        self._body: Body | None = None
        self._ignored = 0
        self.curl.setopt(pycurl.URL, uri.encode())
        if most != self.most:
            self.most = most
            self.curl.setopt(pycurl.MAXFILESIZE_LARGE, most)  # checks the announced length; `Body` counts the bytes
        if proxy != self._proxy:
            self._proxy = proxy
            self.curl.setopt(pycurl.PROXY, proxy.encode())

    def clear(self) -> None:
        """Forget the headers of the last answer."""
        self.headers.clear()
        self._head = self._lowered = b""  # set when a header is first looked up

    def _last_head(self) -> bytes:
        """Return the head of the final answer: an interim answer's or a proxy's may precede it."""
        if not self._head:
            head = b"".join(self.headers)
            self._head = head[head.rfind(b"\nHTTP/") + 1 :]
            self._lowered = self._head.lower()
        return self._head

    def header(self, name: str) -> str:
        """Return a header of the answer, or an empty text; repeated ones are joined by commas (RFC 9110, 5.2)."""
        head = self._last_head()
        values, name_ended = [], f"\n{name}:".encode()
        begun = self._lowered.find(name_ended)
        while begun >= 0:
            begun += len(name_ended)
            values.append(head[begun : head.find(b"\n", begun)].strip())
            begun = self._lowered.find(name_ended, begun)
        return b", ".join(values).decode("latin-1")

    def _write(self, chunk: bytes) -> int | None:
        """Take a part of a body; raise nothing, since libcurl would only print it."""
        if self._stored is None:
            self._stored = self._last_head().split(None, 2)[1] == b"200"
        try:
            if self._stored:
                self._body = self._body or self._new_body()
                self._body.take(chunk)
                return None
        except OSError as error:
            self.failure = storage_error(error, "the export folder")
            return 0
        except CvGdprError as error:
            self.failure = error
            return 0
        self.pace.came += len(chunk)
        self._ignored += len(chunk)
        return None if self._ignored <= _IGNORED else 0

    def _new_body(self) -> Body:
        return Body(shortfalls.STORAGE, self.file, self.header, self.pace, self.most, self.doubted)

    def outcome(self, number: int) -> Received | CvGdprError:
        """Return the file or the error of a transfer that ended with this libcurl error number (0: none)."""
        self._number = number
        try:
            if self.failure:
                raise self.failure
            status = self.curl.getinfo(pycurl.RESPONSE_CODE)
            if status not in {0, 200}:
                raise _refused(status, self)
            if number == pycurl.E_FILESIZE_EXCEEDED:
                raise too_long(shortfalls.STORAGE, self.most)
            if connect := self._refused_connect():
                raise self._refused_by_proxy(connect)
            if number:
                raise _unreached(number, self.curl.getinfo(pycurl.OS_ERRNO))
            return (self._body or self._new_body()).received()
        except CvGdprError as error:
            if self._proxy and isinstance(error, ServiceError) and error.status in {0, 407}:
                error.message = self._through_proxy(error.message)
            with suppress(OSError):
                self.file.discard()
            return error

    def facts(self, result: Received | CvGdprError) -> dict[str, Any]:
        """Return what is known of a transfer that ended, without its address, whose signature is a secret."""
        named = self.header("x-ms-request-id")
        facts = {
            "host": self._host,
            "status": self.curl.getinfo(pycurl.RESPONSE_CODE),
            "requestId": named if _REQUEST_ID.fullmatch(named) else "",
            "seconds": round(self.curl.getinfo(pycurl.TOTAL_TIME), 3),
        }
        if isinstance(result, Received):
            return facts | {"bytes": result.size}
        facts |= {"code": getattr(result, "code", ""), "error": type(result).__name__}
        return facts | ({"cause": _name_of(self._number)} if self._number and not self.failure else {})

    def _refused_connect(self) -> int:
        """Return the status by which a proxy refused to connect to storage, else 0 (CURLINFO_HTTP_CONNECTCODE)."""
        status: int = self.curl.getinfo(pycurl.HTTP_CONNECTCODE)
        return 0 if 200 <= status < 300 else status

    def _refused_by_proxy(self, status: int) -> Unreachable:
        host = self._host or shortfalls.STORAGE
        return refused_by_proxy(status, self._proxy_in_words(), host, shortfalls.TO_CONNECT % {"number": status})

    def _through_proxy(self, reason: str) -> str:
        """Return a reason that names the proxy."""
        if self._proxy_in_words() in reason:
            return reason
        return shortfalls.THROUGH % {"reason": reason, "variable": variable_of(self._proxy or "")}

    def _proxy_in_words(self) -> str:
        return shortfalls.PROXY % {"variable": variable_of(self._proxy or "")}


class Transfers:
    """Runs transfers concurrently in the thread that calls `turn`; `authorities` is a file or folder."""

    def __init__(self, connections: int, silence: float, authorities: str, tried: Tried | None = None) -> None:
        self._silence = silence
        self._authorities = authorities
        self._tried = tried
        self._idle: list[_Slot] = []
        self._running: dict[pycurl.Curl, _Slot] = {}
        self._poll = Poll()  # cheaper than epoll for a hundred sockets: no system call for each change
        self._listened = -1
        self._ready: Callable[[], None]
        self._due: float | None = None  # when libcurl must be called even without an event
        self._looked = 0.0
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timeout)
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)

    @property
    def running(self) -> int:
        """The number of transfers in progress."""
        return len(self._running)

    def listen(self, file: int, ready: Callable[[], None]) -> None:
        """Call `ready` in `turn` whenever that file descriptor can be read."""
        self._poll.register(file, POLLIN)
        self._listened, self._ready = file, ready

    def start(  # noqa: PLR0913, PLR0917 - what is downloaded, from where to where
        self, uri: str, proxy: str, file: HashedFile, most: int, doubted: set[str], ended: Ended
    ) -> None:
        """Start to download an address into a file of at most `most` bytes; `turn` calls `ended` with the result.

        `doubted` is the same set for all tries of a blob: the hashes of the doubtful bytes that they brought.
        Raise MalformedAnswer for an invalid address, such as one with a NUL in it or of megabytes.
        """
        slot = self._idle.pop() if self._idle else _Slot(self._authorities)
        try:
            slot.begin(uri, proxy, file, most, doubted, Pace(self._silence), ended)
        except (ValueError, pycurl.error):
            self._idle.append(slot)
            raise MalformedAnswer(shortfalls.NO_ADDRESS) from None
        self._running[slot.curl] = slot
        self._multi.add_handle(slot.curl)

    def turn(self, longest: float) -> None:
        """Wait for events for at most `longest` seconds, and handle them."""
        now = time.monotonic()
        due = min(longest, _LOOK) if self._running else longest
        if self._due is not None:
            due = min(due, max(0.0, self._due - now))
        for file, bits in self._poll.poll(math.ceil(due * 1000)):
            if file == self._listened:
                self._ready()
            else:
                self._multi.socket_action(file, _flags(bits))
        now = time.monotonic()
        if self._due is not None and self._due <= now:
            self._due = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        for curl, number in list(self._ended()):
            self._end(self._running[curl], number)
        if now - self._looked > _LOOK:
            self._looked = now
            self._give_up_late(now)

    def _ended(self) -> Iterator[tuple[pycurl.Curl, int]]:
        more = 1
        while more:
            more, good, bad = self._multi.info_read()
            yield from ((curl, 0) for curl in good)
            yield from ((curl, number) for curl, number, _ in bad)

    def _give_up_late(self, now: float) -> None:
        """End the transfers that are too slow: a byte at a time, one image could hold a connection for hours."""
        for slot in [slot for slot in self._running.values() if slot.pace.is_late(now)]:
            slot.failure = slot.failure or Unreachable(shortfalls.TOO_LATE, transient=True)
            self._end(slot)

    def _end(self, slot: _Slot, number: int = 0) -> None:
        del self._running[slot.curl]
        self._multi.remove_handle(slot.curl)
        ended, result = slot.ended, slot.outcome(number)
        if self._tried:
            self._tried(slot.facts(result))
        self._idle.append(slot)
        ended(result)

    # --- callbacks of libcurl ------------------------------------------------------------------------------------

    def _watch_socket(self, what: int, socket: int, *_: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            with suppress(KeyError):
                self._poll.unregister(socket)
        else:
            self._poll.register(socket, _BITS[what])

    def _set_timeout(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000


def announced_size(uri: str, proxy: str, authorities: str, longest: float) -> int:
    """Return the length that storage announces for a blob (HEAD), within `longest` seconds; raise ServiceError."""
    slot = _Slot(authorities)
    slot.clear()
    slot.curl.setopt(pycurl.NOBODY, 1)
    slot.curl.setopt(pycurl.TIMEOUT_MS, math.ceil(longest * 1000))
    slot.curl.setopt(pycurl.PROXY, proxy.encode())
    try:
        slot.curl.setopt(pycurl.URL, uri.encode())
        slot.curl.perform()
    except ValueError:
        raise MalformedAnswer(shortfalls.NO_ADDRESS) from None
    except pycurl.error as error:
        raise _unreached(int(error.args[0]), slot.curl.getinfo(pycurl.OS_ERRNO)) from None
    if (status := slot.curl.getinfo(pycurl.RESPONSE_CODE)) != 200:
        raise _refused(status, slot)
    length = slot.header("content-length")
    if not length.isdecimal():
        raise MalformedAnswer(f"{shortfalls.STORAGE}: it announces no length")
    return int(length)


def _flags(bits: int) -> int:
    flags = pycurl.CSELECT_OUT if bits & POLLOUT else 0
    return flags | (pycurl.CSELECT_IN if bits & ~POLLOUT else 0)  # an error or a hang-up counts as readable


def _refused(status: int, slot: _Slot) -> ServiceError:
    """Return the error for a refusal, with storage's code (x-ms-error-code: Blob service error codes, Microsoft)."""
    from cv_gdpr.masking import masked  # its patterns would take a tenth of the time that this process takes to start

    named = slot.header("x-ms-error-code")
    code = named if _CODE.fullmatch(named) and masked(named) == named else ""
    message = shortfalls.ANSWERED % {"answer": f"{status} {code}".strip()}
    if status in {404, 410}:
        return NotFound(message, status=status, code=code)
    wait = retry_after({"Retry-After": slot.header("retry-after"), "Date": slot.header("date")})
    return ServiceError(message, status=status, code=code, transient=status in TRANSIENT, retry_after=wait)


def _unreached(number: int, system: int) -> CvGdprError:
    # libcurl's message may hold the whole link, and has no translation: the log has the name of its error.
    if system in {errno.EMFILE, errno.ENFILE}:
        return too_many_files()
    if number == pycurl.E_URL_MALFORMAT:
        return MalformedAnswer(shortfalls.NO_ADDRESS)
    if number in _UNTRUSTED:
        return Unreachable(shortfalls.UNTRUSTED)
    if number == pycurl.E_COULDNT_CONNECT and system == errno.ECONNREFUSED:
        return Unreachable(shortfalls.REFUSED, transient=True)
    return Unreachable(_WORDS.get(number) or shortfalls.FAILED % {"number": number}, transient=True)


def _host_of(uri: str) -> str:
    """Return the host of a link; empty for one that has none, or is not an address."""
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


@cache
def _name_of(number: int) -> str:
    """Return libcurl's name of an error, in words."""
    names = (name for name in dir(pycurl) if name.startswith("E_") and getattr(pycurl, name) == number)
    return next(names, f"error {number}").removeprefix("E_").replace("_", " ").lower().replace("couldnt", "could not")
