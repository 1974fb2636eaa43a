"""Answers of the service, read as they are: verbatim JSON, and one translation of every failure.

The SDK's own deserializer drops fields that its models do not know and costs about 100 ms a page of 256 images;
the one here, handed to the same client, returns the parsed JSON. Error bodies come in four shapes (the service's,
the gateway's, Entra's, v1.x's) or empty, and for an empty one the SDK's deserializer raises a bare TypeError, so they
are read from the raw response.
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
_MOST_OF_A_MESSAGE = 10_000  # characters; a person is shown 600 at most
_CHECK_KEY = "check the endpoint and that the key is the training resource's own (not the prediction resource's)"
_PROXY = "check the address, the user and the password in it, or set NO_PROXY to go without"
_CHECK_ENDPOINT = "check the endpoint: it is the one that the Azure portal shows for the training resource"


class VerbatimDeserializer:
    """Stands in for the SDK's deserializer: gives the parsed JSON of an answer, its outermost kind checked."""

    def __call__(self, target: str, response: Any, content_type: str | None = None) -> Any:
        """Give the JSON in `response`; raises MalformedAnswer if it is none or not of the kind of `target`."""
        del content_type
        raw: requests.Response = getattr(response, "internal_response", response)
        if raw.status_code >= 400 or target == "CustomVisionError":
            raise DeserializationError("an error, to be read from the raw response")
        RUN.know_links(raw.content)
        try:
            value = json_list(raw.content)
        except (ValueError, RecursionError, ArithmeticError):
            malformed(raw, f"{_kind(raw)} where JSON was due")
        if type(value) is not _expected(target):
            malformed(raw, f"JSON of another kind than the contract's {target}")
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
    return f"a body of type {declared}" if named else "something else"


def malformed(raw: requests.Response, what: str) -> NoReturn:
    """Raise MalformedAnswer for a success that cannot be understood."""
    raise MalformedAnswer(
        f"the service answered {raw.status_code} with {what}{_request_tail(raw)}",
        "a proxy or a sign-in page may stand between; " + _CHECK_ENDPOINT,
        status=raw.status_code,
        request_id=request_id(raw),
    )


def request_id(raw: requests.Response) -> str:
    """Give the id under which Microsoft's support finds this request, or an empty string.

    What has not the form of an id, or repeats a credential, is not noted: ids go into ledgers and evidence.
    """
    named = (raw.headers.get(name, "") for name in ("apim-request-id", "Request-Id"))
    return next((known for known in named if _REQUEST_ID.fullmatch(known) and masked(known) == known), "")


def _request_tail(raw: requests.Response) -> str:
    known = request_id(raw)
    return f" (request id {known})" if known else ""


def translate(error: Exception) -> ServiceError:
    """Give our error for anything that an SDK call raises; an unknown exception is raised again as it is."""
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
    text = f"the service answered {raw.status_code}{': ' + said if said else ' without a word'}{_request_tail(raw)}"
    known: dict[str, Any] = {"status": raw.status_code, "code": code, "request_id": request_id(raw)}
    if raw.status_code in {401, 403}:
        return NotAuthorised(text, _CHECK_KEY, **known)
    if raw.status_code == 407:
        return Unreachable(f"{proxy_in_words(raw.url) or 'a proxy'} wants to know who asks: {text}", _PROXY, **known)
    if raw.status_code == 404:
        return NotFound(text, **known)
    if raw.is_redirect or 300 <= raw.status_code < 400:
        return Unreachable(f"{text}: a redirect, not followed, since it would carry the key", _CHECK_ENDPOINT, **known)
    if raw.status_code in TRANSIENT:
        return ServiceError(text, transient=True, retry_after=retry_after(raw.headers, message), **known)
    return ServiceError(text, **known)


def _from_transport(error: BaseException) -> ServiceError:
    reason = _innermost(error)
    if isinstance(error, requests.exceptions.ProxyError):
        proxy = proxy_in_words(str(error.request.url) if error.request else "") or "a proxy"
        return Unreachable(f"{proxy} could not be used: {reason}", _PROXY, transient=True)
    if isinstance(error, requests.exceptions.SSLError):
        hint = "a private certificate authority is named with REQUESTS_CA_BUNDLE"
        return Unreachable(f"the endpoint's certificate is refused: {reason}", hint)
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return Unreachable(f"the endpoint is no address that can be called: {reason}", _CHECK_ENDPOINT)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return Unreachable(f"the service did not answer in time: {reason}", transient=True)
    return Unreachable(f"the service could not be reached: {reason}", _CHECK_ENDPOINT, transient=True)


def _innermost(error: BaseException) -> str:
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return re.sub(r"<[^>]*object at 0x[0-9a-f]+>:? ?", "", str(error)) or type(error).__name__


def read_error(raw: requests.Response) -> tuple[str, str]:
    """Give the code and the message of an error body in any of its shapes; ("", "") for an empty one."""
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
