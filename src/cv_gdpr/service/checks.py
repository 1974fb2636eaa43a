"""Checks of any answer, of the API and of storage: is a retry worthwhile, is it too slow, is it a file at all."""

import re
import time
from typing import Any

from cv_gdpr.archive.names import is_known_type
from cv_gdpr.archive.writing import Received
from cv_gdpr.errors import ServiceError
from cv_gdpr.service.shortfalls import NOT_A_FILE

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_SLOWEST = 100  # bytes a second; below that for the length of a silence counts as silence
_AS_A_WHOLE = 10_000  # bytes a second that a whole answer must reach on average, after ...
_GRACE = 4  # ... this many times the allowed silence
_LONGEST_ASKED = 31 * 86_400  # seconds
_NUMBER = re.compile(r"\s*\d{1,12}(?:\.\d{1,9})?\s*", re.ASCII)


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
    """Return how many seconds an answer asks to wait, from Retry-After or from its message; None if it does not say.

    Retry-After holds seconds or a date (RFC 9110, section 10.2.3), a date counted from the answer's own Date. Values
    that are past or beyond a month count as not said: quotas are renewed at least monthly, and a wrong value must not
    stop the retries.
    """
    seconds = _seconds_in(headers.get("Retry-After", ""), headers.get("Date", ""))
    if seconds is None:
        seconds = _seconds_told(message)
    return seconds if seconds is not None and 0 <= seconds <= _LONGEST_ASKED else None


def _seconds_in(header: str, answered: str) -> float | None:
    numbers = [float(part) for part in header.split(",") if _NUMBER.fullmatch(part)]
    if numbers:
        return max(numbers)
    until = _moment(header)
    return None if until is None else until - (_moment(answered) or time.time())


def _moment(date: str) -> float | None:
    from email.utils import parsedate_to_datetime  # on use: the download process starts with each export

    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _seconds_told(message: str) -> float | None:
    """Return the seconds in the words of a gateway.

    "Please retry after 1 second." (Custom Vision: cognitive-services-node-sdk-samples issue 47), "Rate limit is
    exceeded. Try again in 26 seconds." and "Quota will be replenished in 5.03:23:11.", or in "2.12 days" (Azure API
    Management: azure-docs issue 16282, and Microsoft's pages about its policies).
    """
    if found := re.search(r"(?:retry after|try again in) (\d{1,9}) second", message, re.IGNORECASE):
        return float(found[1])
    if found := re.search(r"replenished in (?:(\d{1,4})\.)?(\d\d):(\d\d):(\d\d)", message):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds
    found = re.search(r"replenished in (\d{1,4}(?:\.\d{1,4})?) day", message)
    return float(found[1]) * 86_400 if found else None


def check_bytes(source: str, file: Received, content_type: str) -> None:
    """Raise ServiceError for a file that is not an image or a model but a page or a message, as a proxy may send.

    The first bytes count more than the declared type: who uploads a blob chooses that, and many leave text/plain.
    """
    declared = content_type.lower()
    if is_known_type(file.head) or (not file.size and not declared.startswith("text/html")):
        return
    if declared.startswith(("text/", "application/json", "application/xml")) or _is_markup(file.head):
        raise ServiceError(NOT_A_FILE % {"source": source})


def _is_markup(head: bytes) -> bool:
    """Return whether bytes begin like HTML, XML or JSON; no image or model format does."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"<", b"{", b"["}  # Azure's errors begin with the mark
