"""Asks a time-stamping authority (RFC 3161 over HTTP): only a hash is sent to it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cv_gdpr.errors import NotSealed, UsageError
from cv_gdpr.sealing.tokens import LONGEST, TOLERANCE, Invalid, Token, require, token_of
from cv_gdpr.watching import Call, waiting_for

if TYPE_CHECKING:
    import requests

_TRIES = 3
_REPLY = "application/timestamp-reply"


class _Failed(Exception):
    """A try that brought no token; the message says why, `again` whether another may, `status` is that of HTTP."""

    def __init__(self, message: str, *, again: bool = True, status: int = 0) -> None:
        super().__init__(message)
        self.again, self.status = again, status


@dataclass(frozen=True)
class Authority:
    """An authority: its address, and how many seconds one try may take and the pause after it.

    `earliest`: what it time-stamps says that it is of this time, so that an earlier token would contradict it.
    """

    url: str
    patience: float = 10.0
    pause: float = 0.5
    earliest: datetime | None = None

    @property
    def name(self) -> str:
        """Its address without a query, which may hold a password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def stamp(self, content: bytes) -> bytes:
        """Return the authority's answer, with a token over `content`; raise NotSealed after three tries."""
        with waiting_for("RFC 3161", "the time-stamping authority") as call:
            return self._tried_until_good(content, call)

    def _tried_until_good(self, content: bytes, call: Call) -> bytes:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

        for number in range(1, _TRIES + 1):
            request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
            try:
                answer = self._ask(request.as_bytes())
                _check(_token(answer, content), request.nonce, self.earliest)
            except _Failed as error:
                if number == _TRIES or not error.again:
                    raise NotSealed(f"no time-stamp from {self.name}: {error}") from error
                call.again(error.status)
                time.sleep(self.pause * number)
            else:
                return answer
        raise AssertionError  # the last try returns or raises

    def _ask(self, request: bytes) -> bytes:
        """Return the body of the answer; raise _Failed."""
        import requests

        from cv_gdpr.service.deadlines import Adapter
        from cv_gdpr.service.environment import authorities, proxy_for

        proxy_for(self.url)  # raises UsageError for a malformed address
        with requests.Session() as session:
            session.mount("https://", Adapter())
            session.mount("http://", Adapter())
            session.auth = _without_netrc
            try:
                with session.post(
                    self.url,
                    data=request,
                    headers={"Content-Type": "application/timestamp-query", "Accept": _REPLY},
                    timeout=self.patience,
                    stream=True,
                    allow_redirects=False,
                    verify=authorities(),
                ) as response:
                    return _body(response, time.monotonic() + self.patience)
            except requests.RequestException as error:
                raise _Failed(_words(error)) from error


def authority_at(url: str) -> Authority:
    """Return the authority at an address; raise UsageError for one that is not of the form http(s)://HOST[/PATH]."""
    require()
    try:
        parts = urlsplit(url)
        form = parts.scheme in {"http", "https"} and parts.hostname and url.isprintable() and " " not in url
        port = parts.port
    except ValueError:
        form, port = False, None
    if not form or port == 0:
        raise UsageError("--timestamp is not an address", "write http://HOST/PATH or https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise UsageError("--timestamp holds a user or a password", "they would stand in the evidence: leave them out")
    return Authority(url)


def _without_netrc(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Return the request as it is: without this, requests would add a password from ~/.netrc."""
    return request


def _body(response: "requests.Response", deadline: float) -> bytes:
    from cv_gdpr.service.session import parts

    if response.status_code != 200:
        again = response.status_code >= 500 or response.status_code == 429
        raise _Failed(f"it answered with HTTP {response.status_code}", again=again, status=response.status_code)
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != _REPLY:
        raise _Failed(f"it answered with {kind or 'something'} in place of a time-stamp")
    body = bytearray()
    for part in parts(response, unpacked=True):
        body += part
        if len(body) > LONGEST:
            raise _Failed(f"it answered with more than {LONGEST >> 10} KiB", again=False)
        if time.monotonic() > deadline:
            raise _Failed("its answer is too slow")
    return bytes(body)


def _token(answer: bytes, content: bytes) -> Token:
    try:
        return token_of(answer, content)
    except Invalid as error:
        raise _Failed(str(error), again=False) from error


def _check(token: Token, nonce: int | None, earliest: datetime | None) -> None:
    """Raise _Failed for an answer to another request, for a time that is not now, and for one before `earliest`."""
    if token.nonce != nonce:
        raise _Failed("it answered another request (wrong nonce)", again=False)
    apart = abs(datetime.now(UTC) - token.time)
    if apart > TOLERANCE:
        raise _Failed(f"it says {token.shown}, which is {apart.total_seconds():,.0f} s from this clock", again=False)
    if earliest and token.time < earliest - TOLERANCE:
        why = f"and the ledger {earliest:%Y-%m-%dT%H:%M:%SZ}: this machine's clock was set back"
        raise _Failed(f"it says {token.shown}, {why}", again=False)


def _words(error: "requests.RequestException") -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return "it does not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate is not trusted"
    if isinstance(error, requests.ConnectionError):
        return "it cannot be reached"
    return f"its answer cannot be read ({type(error).__name__})"
