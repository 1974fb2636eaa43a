"""What holds of any answer, whoever sent it: what may help to ask again, how long to wait, what cannot be bytes."""

import re
from typing import Any

from cv_gdpr.archive.writing import Received
from cv_gdpr.errors import ServiceError

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
SLOWEST = 100  # bytes a second; what comes more slowly for as long as a silence is borne counts as silence


def retry_after(headers: Any, message: str = "") -> float | None:
    """Give the seconds that a Retry-After header, or the gateway's "retry after N second(s)", asks for."""
    for text in (headers.get("Retry-After", ""), message):
        found = re.fullmatch(r"\s*(\d{1,5})\s*", text) or re.search(r"retry after (\d{1,5}) second", text)
        if found:
            return float(found[1])
    return None


def check_bytes(source: str, file: Received, content_type: str) -> None:
    """Raise ServiceError for bytes that cannot be an item's: none at all, or the HTML page of a proxy."""
    if not file.size:
        raise ServiceError(f"{source} sent an empty file", transient=True)
    declared = content_type.lower()
    if declared.startswith(("text/", "application/json", "application/xml")) or _is_markup(file.head):
        raise ServiceError(f"{source} sent a page or a message (HTML, XML, JSON, text) where bytes were due")


def _is_markup(head: bytes) -> bool:
    """Say whether bytes begin like HTML, XML or JSON; no format of images or models does."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"<", b"{", b"["}  # Azure's errors begin with the mark
