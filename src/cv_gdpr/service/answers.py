"""Reads the service's answers: the JSON exactly as sent, and every failure as one of our errors.

The SDK's own deserializer drops fields that its models do not know, and takes about 100 ms for a page of 256 images.
The deserializer here replaces it in the same client and returns the parsed JSON. Error bodies have four shapes (the
service's, the gateway's, Entra's, v1.x's) or are empty. For an empty one the SDK's deserializer raises a bare
TypeError, so error bodies are read from the raw response.
"""

import json
import re
import ssl
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import requests
from msrest.exceptions import ClientRequestError, DeserializationError, HttpOperationError, ValidationError
from urllib3.exceptions import ProtocolError

from cv_gdpr.errors import Forbidden, MalformedAnswer, NotAuthorised, NotFound, ServiceError, Unreachable
from cv_gdpr.masking import RUN, masked
from cv_gdpr.service.causes import CHECK_ENDPOINT, Refusal, concerns_every_call, hint_for, is_quota
from cv_gdpr.service.checks import TRANSIENT, retry_after
from cv_gdpr.service.environment import (
    CHECK_PROXY,
    SOCKS_NEEDS,
    allow_host,
    is_socks,
    proxy_in_words,
    refused_by_proxy,
)
from cv_gdpr.verbatim import DuplicateKey, json_list

_REQUEST_ID = re.compile("[0-9A-Za-z-]{1,64}")
_CODE = re.compile(r"\w{1,80}", re.ASCII)
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,80}", re.ASCII)
_PROXY_FAILURES = (requests.exceptions.ProxyError, requests.exceptions.InvalidProxyURL)
_MOST_OF_A_MESSAGE = 10_000  # characters; at most 600 are shown


class VerbatimDeserializer:
    """Replaces the SDK's deserializer: returns an answer's parsed JSON, after checking its outermost type."""

    def __call__(self, target: str, response: Any, content_type: str | None = None) -> Any:
        """Return the JSON in `response`; raise MalformedAnswer if it is not JSON or not of the type `target`."""
        del content_type
        raw: requests.Response = getattr(response, "internal_response", response)
        if raw.status_code >= 400 or target == "CustomVisionError":
            raise DeserializationError("an error: read it from the raw response")
        RUN.know_links(raw.content)
        try:
            value = json_list(raw.content)
        except DuplicateKey:
            malformed(raw, "an object that names a key twice")
        except (ValueError, RecursionError, ArithmeticError):
            malformed(raw, f"{_kind(raw)} instead of JSON")
        if type(value) is not _expected(target):
            malformed(raw, f"JSON of another type than the contract's {target}")
        return value


def _expected(target: str) -> type:
    if target.startswith("["):
        return list
    return {"int": int, "bool": bool}.get(target, dict)


def _kind(raw: requests.Response) -> str:
    declared = raw.headers.get("Content-Type", "").split(";")[0].strip()
    if not raw.content:
        return "an empty body"
    named = _MEDIA_TYPE.fullmatch(declared) and declared != "application/json"
    return f"a body of type {declared}" if named else "a body that is not JSON"


def malformed(raw: requests.Response, what: str) -> NoReturn:
    """Raise MalformedAnswer for a success whose body cannot be read."""
    raise MalformedAnswer(
        f"the service answered {raw.status_code} with {what}{_request_tail(raw)}",
        "a proxy or a sign-in page may have answered; " + CHECK_ENDPOINT,
        status=raw.status_code,
        request_id=request_id(raw),
    )


def request_id(raw: requests.Response) -> str:
    """Return the id by which Microsoft's support finds this request, or an empty string."""
    named = (raw.headers.get(name, "") for name in ("apim-request-id", "Request-Id"))
    return next(filter(None, map(proper_id, named)), "")


def proper_id(text: str) -> str:
    """Return a request id, which goes into ledgers and evidence; empty without its form, or with a credential in it."""
    return text if _REQUEST_ID.fullmatch(text) and masked(text) == text else ""


def proper_code(text: str) -> str:
    """Return an error code, which goes there too; empty without its form, or with a credential in it."""
    return text if _CODE.fullmatch(text) and masked(text) == text else ""


def _request_tail(raw: requests.Response) -> str:
    known = request_id(raw)
    return f" (request id {known})" if known else ""


def translate(error: Exception) -> ServiceError:
    """Return our error for an exception of an SDK call; re-raise an unknown exception."""
    if isinstance(error, HttpOperationError):
        with error.response as raw:  # a refused download's stream is still open
            return _from_response(raw)
    if isinstance(error, ClientRequestError):
        return _from_transport(error.inner_exception or error)
    if isinstance(error, requests.RequestException):
        return _from_transport(error)
    if isinstance(error, ValidationError):
        return ServiceError(f"the SDK refuses the call: {error}")
    raise error


def _from_response(raw: requests.Response) -> ServiceError:
    code, message, of_gateway = read_error(raw)
    refusal = Refusal(raw.status_code, code, message if of_gateway else "")
    said = masked(" ".join(part for part in (code, message) if part)[:_MOST_OF_A_MESSAGE])
    reason = f": {said}" if said else " with an empty error body"
    text = f"the service answered {raw.status_code}{reason}{_request_tail(raw)}"
    known: dict[str, Any] = {"status": raw.status_code, "code": code, "request_id": request_id(raw)}
    hint = hint_for(refusal, page=_is_page(raw))
    if raw.status_code in {401, 403}:
        kind = NotAuthorised if concerns_every_call(refusal) else Forbidden
        refused = kind(text, hint, retry_after=retry_after(raw.headers, message), **known)
        refused.transient = refused.retryable = is_quota(refusal)
        return refused
    if raw.status_code == 407:
        proxy = proxy_in_words(raw.url) or "a proxy"
        return Unreachable(f"{proxy} requires authentication: {text}", CHECK_PROXY, **known)
    if raw.status_code == 404:
        return NotFound(text, **known)
    if raw.is_redirect or 300 <= raw.status_code < 400:
        return Unreachable(f"{text}: a redirect, not followed since it would carry the key", CHECK_ENDPOINT, **known)
    if raw.status_code in TRANSIENT:
        return ServiceError(text, transient=True, retry_after=retry_after(raw.headers, message), **known)
    return ServiceError(text, hint, **known)


def _from_transport(error: BaseException) -> ServiceError:
    reason, url = _innermost(error), _url_of(error)
    if isinstance(error, _PROXY_FAILURES) or "SOCKS support" in reason:
        return _from_proxy(reason, url)
    if isinstance(error, requests.exceptions.SSLError):
        return _from_tls(error, reason)
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return Unreachable(f"the endpoint is not a valid address: {reason}", CHECK_ENDPOINT)
    if failed := _what_failed(error):
        return Unreachable(f"{failed}: {reason}", transient=True)
    if isinstance(error, requests.ConnectionError) and is_socks(url):
        return _from_socks(reason, url)
    return Unreachable(f"the service could not be reached: {reason}", CHECK_ENDPOINT, transient=True)


def _what_failed(error: BaseException) -> str:
    """Return what failed once a connection was there; an empty text if none could be made."""
    if isinstance(error, requests.exceptions.ReadTimeout):
        return "the service did not answer in time"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "the answer cannot be decompressed"
    return "the answer broke off" if broke_off(error) else ""


def broke_off(error: BaseException) -> bool:
    """Return whether the connection broke, or went silent, after it was established."""
    reason = error.args[0] if error.args else None
    broken = isinstance(error, requests.ConnectionError) and isinstance(reason, ProtocolError)
    return broken or isinstance(error, (requests.ReadTimeout, requests.exceptions.ChunkedEncodingError))


def _from_tls(error: BaseException, reason: str) -> Unreachable:
    """Return our error for TLS that fails: at the certificate, or at a record that was damaged or cut off."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(f"the secure connection failed: {reason}", CHECK_ENDPOINT, transient=True)
    hint = "set REQUESTS_CA_BUNDLE to the certificate of a private authority"
    return Unreachable(f"the endpoint's certificate is refused: {reason}", hint)


def _from_proxy(reason: str, url: str) -> Unreachable:
    """Return our error for a proxy that fails or refuses.

    For a refusal http.client says "Tunnel connection failed: 403 Forbidden"; requests asks for what SOCKS needs.
    """
    proxy = proxy_in_words(url) or "a proxy"
    if found := re.search(r"Tunnel connection failed: (\d{3})", reason):
        return refused_by_proxy(int(found[1]), proxy, _host_of(url), reason)
    lacking = "SOCKS support" in reason
    hint = SOCKS_NEEDS if lacking else CHECK_PROXY
    return Unreachable(f"{proxy} could not be used: {reason}", hint, transient=not lacking)


def _from_socks(reason: str, url: str) -> Unreachable:
    """Return our error for a SOCKS proxy: requests reports its failures like those of the service (PySocks 1.7.1)."""
    ruled_out = reason.startswith("0x02")  # RFC 1928, section 6: connection not allowed by ruleset
    hint = allow_host(_host_of(url)) if ruled_out else CHECK_PROXY
    return Unreachable(
        f"the service could not be reached through {proxy_in_words(url)}: {reason}", hint, transient=not ruled_out
    )


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or "the service"


def _url_of(error: BaseException) -> str:
    request = getattr(error, "request", None)
    return str(request.url) if request is not None else ""


def _innermost(error: BaseException) -> str:
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return re.sub(r"<[^>]*object at 0x[0-9a-f]+>:? ?", "", str(error)) or type(error).__name__


class ErrorBody(NamedTuple):
    """The code and the message of an error body, and whether a gateway wrote it: the service's code is a word."""

    code: str
    message: str
    of_gateway: bool


def read_error(raw: requests.Response) -> ErrorBody:
    """Return what an error body says, in any of its shapes."""
    try:
        body = json.loads(raw.content)
    except (ValueError, RecursionError):
        return ErrorBody("", _plain_text(raw), of_gateway=True)
    if not isinstance(body, dict):
        return ErrorBody("", "", of_gateway=True)
    envelope = body.get("error")
    inner: dict[str, Any] = envelope if isinstance(envelope, dict) else body
    own = str(inner.get("code") or inner.get("Code") or "")
    message = str(inner.get("message") or inner.get("Message") or "")
    return ErrorBody(own or str(inner.get("statusCode") or ""), message, inner is envelope or not own or own.isdigit())


def _plain_text(raw: requests.Response) -> str:
    if _is_page(raw):
        return "an HTML page"
    return " ".join(raw.content.decode("utf-8-sig", errors="replace").split())


def _is_page(raw: requests.Response) -> bool:
    return "html" in raw.headers.get("Content-Type", "").lower()
