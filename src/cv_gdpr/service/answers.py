"""Reads the service's answers: the JSON exactly as sent, and every failure as one of our errors.

The SDK's own deserializer drops fields that its models do not know, and takes about 100 ms for a page of 256 images.
The deserializer here replaces it in the same client and returns the parsed JSON. Error bodies have four shapes (the
service's, the gateway's, Entra's, v1.x's) or are empty. For an empty one the SDK's deserializer raises a bare
TypeError, so error bodies are read from the raw response.
"""

import json
import re
from typing import Any, NoReturn

import requests
from msrest.exceptions import ClientRequestError, DeserializationError, HttpOperationError, ValidationError

from cv_gdpr.errors import MalformedAnswer, NotAuthorised, NotFound, ServiceError, Unreachable
from cv_gdpr.masking import RUN, masked
from cv_gdpr.service.checks import TRANSIENT, retry_after
from cv_gdpr.service.surroundings import proxy_in_words
from cv_gdpr.verbatim import json_list

_REQUEST_ID = re.compile("[0-9A-Za-z-]{1,64}")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,80}", re.ASCII)
_MOST_OF_A_MESSAGE = 10_000  # characters; at most 600 are shown
_CHECK_KEY = "check the endpoint and that the key is the training resource's own (not the prediction resource's)"
_PROXY = "check its address, user and password, or set NO_PROXY to connect without it"
_CHECK_ENDPOINT = "check the endpoint: the Azure portal shows it on the training resource"


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
        "a proxy or a sign-in page may have answered; " + _CHECK_ENDPOINT,
        status=raw.status_code,
        request_id=request_id(raw),
    )


def request_id(raw: requests.Response) -> str:
    """Return the id by which Microsoft's support finds this request, or an empty string.

    A value without the form of an id, or with a credential in it, is dropped: ids go into ledgers and evidence.
    """
    named = (raw.headers.get(name, "") for name in ("apim-request-id", "Request-Id"))
    return next((known for known in named if _REQUEST_ID.fullmatch(known) and masked(known) == known), "")


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
    code, message = read_error(raw)
    said = masked(" ".join(part for part in (code, message) if part)[:_MOST_OF_A_MESSAGE])
    reason = f": {said}" if said else " with an empty error body"
    text = f"the service answered {raw.status_code}{reason}{_request_tail(raw)}"
    known: dict[str, Any] = {"status": raw.status_code, "code": code, "request_id": request_id(raw)}
    if raw.status_code in {401, 403}:
        return NotAuthorised(text, _CHECK_KEY, **known)
    if raw.status_code == 407:
        return Unreachable(f"{proxy_in_words(raw.url) or 'a proxy'} requires authentication: {text}", _PROXY, **known)
    if raw.status_code == 404:
        return NotFound(text, **known)
    if raw.is_redirect or 300 <= raw.status_code < 400:
        return Unreachable(f"{text}: a redirect, not followed since it would carry the key", _CHECK_ENDPOINT, **known)
    if raw.status_code in TRANSIENT:
        return ServiceError(text, transient=True, retry_after=retry_after(raw.headers, message), **known)
    return ServiceError(text, **known)


def _from_transport(error: BaseException) -> ServiceError:
    reason = _innermost(error)
    if isinstance(error, requests.exceptions.ProxyError):
        proxy = proxy_in_words(str(error.request.url) if error.request else "") or "a proxy"
        return Unreachable(f"{proxy} could not be used: {reason}", _PROXY, transient=True)
    if isinstance(error, requests.exceptions.SSLError):
        hint = "set REQUESTS_CA_BUNDLE to the certificate of a private authority"
        return Unreachable(f"the endpoint's certificate is refused: {reason}", hint)
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return Unreachable(f"the endpoint is not a valid address: {reason}", _CHECK_ENDPOINT)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return Unreachable(f"the service did not answer in time: {reason}", transient=True)
    return Unreachable(f"the service could not be reached: {reason}", _CHECK_ENDPOINT, transient=True)


def _innermost(error: BaseException) -> str:
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return re.sub(r"<[^>]*object at 0x[0-9a-f]+>:? ?", "", str(error)) or type(error).__name__


def read_error(raw: requests.Response) -> tuple[str, str]:
    """Return the code and the message of an error body, in any of its shapes; ("", "") for an empty one."""
    try:
        body = json.loads(raw.content)
    except (ValueError, RecursionError):
        return "", _plain_text(raw)
    if not isinstance(body, dict):
        return "", ""
    envelope = body.get("error")
    inner: dict[str, Any] = envelope if isinstance(envelope, dict) else body
    code = inner.get("code") or inner.get("Code") or inner.get("statusCode") or ""
    return str(code), str(inner.get("message") or inner.get("Message") or "")


def _plain_text(raw: requests.Response) -> str:
    if "html" in raw.headers.get("Content-Type", "").lower():
        return "an HTML page"
    return " ".join(raw.content.decode("utf-8-sig", errors="replace").split())
