"""What holds of any answer, whoever sent it: what may help to ask again, how long to wait, what cannot be bytes."""

import re
import time
from typing import Any

from cv_gdpr.archive.writing import Received
from cv_gdpr.errors import ServiceError

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_SLOWEST = 100  # bytes a second; what comes more slowly for as long as a silence is borne counts as silence
_AS_A_WHOLE = 10_000  # bytes a second that an answer must have come to, after ...
_GRACE = 4  # ... as many times the silence that is borne


class Pace:
    """How fast an answer comes, so that none is waited for without end: `silence` is in seconds.

    `came` counts the bytes that were of use, and those alone: headers, interim answers, what frames a chunk and what
    unpacks to nothing can all go on for ever. They must be 100 a second in each silence, and as a whole 10,000 a
    second after four of them.
    """

    __slots__ = ("_before", "_begun", "_looked", "_silence", "came")

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._begun = self._looked = time.monotonic()
        self._before = self.came = 0

    def is_late(self, now: float) -> bool:
        """Say whether too little came, at a time of time.monotonic."""
        passed = now - self._looked
        if passed > self._silence:
            if self.came - self._before < _SLOWEST * passed:
                return True
            self._looked, self._before = now, self.came
        return now - self._begun > _GRACE * self._silence + self.came / _AS_A_WHOLE


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
