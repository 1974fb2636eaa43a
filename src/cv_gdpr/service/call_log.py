"""Reports each call to the logger `cv_gdpr.calls`: what it was, when it ended and how; never what it carried."""

import logging
import time
from typing import Any

CALLS = logging.getLogger("cv_gdpr.calls")


class Sent:
    """A call that is sent once: `begins` when it is sent, `ends` with the answer."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._since: float | None = None

    def begins(self) -> None:
        """Note the time."""
        self._since = time.monotonic()

    def ends(self, status: int, request_id: str, code: str = "") -> None:
        """Report the call; nothing if it was never sent. A status of 0: no answer came."""
        if self._since is None or not CALLS.handlers:
            return
        seconds = round(time.monotonic() - self._since, 3)
        report(self._operation, status=status, requestId=request_id, code=code, seconds=seconds)


def report(operation: str, **fields: Any) -> None:
    """Report a call with these fields; empty texts are left out."""
    if CALLS.handlers:
        known = {name: value for name, value in fields.items() if value != ""}
        CALLS.info(operation, extra={"fields": {"operation": operation, **known}})
