"""Checks of any answer, of the API and of storage: is a retry worthwhile, is it too slow, is it a file at all."""

import re
import time
from typing import Any

from cv_gdpr.archive.names import is_known_type
from cv_gdpr.archive.writing import Received
from cv_gdpr.errors import ServiceError

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_SLOWEST = 100  # bytes a second; below that for the length of a silence counts as silence
_AS_A_WHOLE = 10_000  # bytes a second that a whole answer must reach on average, after ...
_GRACE = 4  # ... this many times the allowed silence


class Pace:
    """The speed of an answer, so that no answer is waited for forever; `silence` is in seconds.

    `came` counts useful bytes only: headers, interim answers, chunk framing and compressed data that decompresses to
    nothing can all be endless. An answer needs 100 useful bytes a second in each period of `silence`, and 10,000 a
    second on average after four such periods.
    """

    __slots__ = ("_before", "_begun", "_looked", "_silence", "came")

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._begun = self._looked = time.monotonic()
        self._before = self.came = 0

    def is_late(self, now: float) -> bool:
        """Return whether the answer is too slow; `now` is a time.monotonic() value."""
        passed = now - self._looked
        if passed > self._silence:
            if self.came - self._before < _SLOWEST * passed:
                return True
            self._looked, self._before = now, self.came
        return now - self._begun > _GRACE * self._silence + self.came / _AS_A_WHOLE


def retry_after(headers: Any, message: str = "") -> float | None:
    """Return the seconds in a Retry-After header or in the gateway's "retry after N second(s)", or None."""
    for text in (headers.get("Retry-After", ""), message):
        found = re.fullmatch(r"\s*(\d{1,5})\s*", text) or re.search(r"retry after (\d{1,5}) second", text)
        if found:
            return float(found[1])
    return None


def check_bytes(source: str, file: Received, content_type: str) -> None:
    """Raise ServiceError for a file that is not an image or a model but a page or a message, as a proxy may send.

    The first bytes count more than the declared type: who uploads a blob chooses that, and many leave text/plain.
    """
    declared = content_type.lower()
    if is_known_type(file.head) or (not file.size and not declared.startswith("text/html")):
        return
    if declared.startswith(("text/", "application/json", "application/xml")) or _is_markup(file.head):
        raise ServiceError(f"{source} sent a page or a message (HTML, XML, JSON, text) instead of a file")


def _is_markup(head: bytes) -> bool:
    """Return whether bytes begin like HTML, XML or JSON; no image or model format does."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"<", b"{", b"["}  # Azure's errors begin with the mark
