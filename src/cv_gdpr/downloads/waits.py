"""What a terminal shows of downloads that take long: since when none has ended, and which are tried again."""

from cv_gdpr.service import shortfalls
from cv_gdpr.watching import Call

BLOB = "Blob"  # what progress and --log-file call a download


def waiting_for_storage() -> Call:
    """Return a call of blob storage, which begins now."""
    return Call(BLOB, shortfalls.STORAGE).begin()


class Waits:
    """The downloads that are under way, as calls: all of them together, and each that is tried again by itself."""

    def __init__(self) -> None:
        self._all: Call | None = None  # since the last one ended
        self._again: dict[str, Call] = {}  # by temporary path

    def began(self) -> None:
        """Say that a download is ordered."""
        self._all = self._all or waiting_for_storage()

    def again(self, path: str, status: int) -> None:
        """Say that a try of a download failed with this status (0: no answer came), and that another one follows."""
        call = self._again.get(path) or self._again.setdefault(path, waiting_for_storage())
        call.again(status)
        if self._all and self._all.tries <= call.tries:
            self._all.again(status, call.tries)

    def ended(self, path: str, *, last: bool) -> None:
        """Say that a download ended, well or not; `last`: that no other is under way."""
        if call := self._again.pop(path, None):
            call.end()
        if self._all:
            self._all.anew()
            if last:
                self._all.end()
                self._all = None

    def end(self) -> None:
        """Say that none is waited for any more."""
        for call in (*self._again.values(), *((self._all,) if self._all else ())):
            call.end()
        self._again.clear()
        self._all = None
