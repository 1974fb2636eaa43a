"""Checks the endpoint and the key as people enter them, before anything is sent."""

import re
from urllib.parse import SplitResult, urlsplit

from cv_gdpr.errors import UsageError
from cv_gdpr.links import is_loopback
from cv_gdpr.masking import masked

_NO_ADDRESS = frozenset('{}<>"\\^`| ')  # RFC 3986; the SDK would substitute text in braces
_EXAMPLE = "https://NAME.cognitiveservices.azure.com"
_PORTALS = frozenset({"customvision.ai", "www.customvision.ai", "portal.azure.com", "ai.azure.com"})
# The SDK adds /customvision/v3.4-preview/training itself. What portals and samples show often has a path behind the
# address: https://REGION.api.cognitive.microsoft.com/customvision/v3.0/Training/ (azure-docs issue 19542).
_API_PATH = re.compile("/customvision(?:/.*)?$", re.IGNORECASE)
_AZURE = re.compile(r"\.(?:cognitiveservices\.azure|api\.cognitive\.(?:microsoft|azure))\.(?:com|us|cn)$")


def checked_endpoint(endpoint: str) -> str:
    """Return the endpoint without a trailing slash; raise UsageError unless it is https, or http to loopback."""
    parts = _split(endpoint, "the endpoint", f"for example {_EXAMPLE}")
    _check_place(parts.hostname or "", parts.path)
    _check_rest(parts, "the endpoint", "key")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def checked_manager(url: str) -> str:
    """Return the address of Resource Manager without a path; raise UsageError as for an endpoint."""
    what = "the address of Resource Manager"
    parts = _split(url, what, "leave it out, and give --cloud")
    _check_rest(parts, what, "token")
    return f"{parts.scheme}://{parts.netloc}"


def _split(address: str, what: str, hint: str) -> SplitResult:
    try:
        parts = urlsplit(address.strip())
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError as error:
        raise UsageError(f"{what} is not an address: {error}") from error
    if parts.scheme not in {"https", "http"} or not host or not address.isprintable():
        raise UsageError(f"{what} is not an https address", hint)
    if set(address.strip()) & _NO_ADDRESS:
        raise UsageError(f"{what} holds a character that addresses cannot hold", "copy it from the Azure portal")
    return parts


def _check_rest(parts: SplitResult, what: str, secret: str) -> None:
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(f"{what} must not hold a user, a query or a fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise UsageError(f"{what} is plain http: the {secret} would be sent unencrypted", "use https")


def _check_place(host: str, path: str) -> None:
    """Raise UsageError for the address of a web portal, and for a path that the resource's address cannot have."""
    if host in _PORTALS:
        raise UsageError(
            "the endpoint is the address of a web portal, not of a resource",
            f"copy it from the training resource's page Keys and Endpoint, for example {_EXAMPLE}",
        )
    found = _API_PATH.search(path)
    excess = path if _AZURE.search(host) and path.strip("/") else found[0] if found else ""
    if excess:
        raise UsageError(
            f"the endpoint holds more than the resource's address: {masked(excess)} is too much",
            f"leave that part out: for example {_EXAMPLE}",
        )


def checked_key(key: str) -> str:
    """Return the key without surrounding blanks; raise UsageError if it cannot be an HTTP header."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError("the training key is empty or holds characters that keys cannot hold")
    return key
