"""A ledger of an erasure: one line an event, durable before the next step, bound by a hash to the line before."""

import contextlib
import hashlib
import json
import os
import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

from cv_gdpr.archive.writing import storing
from cv_gdpr.errors import UsageError
from cv_gdpr.findings import Json
from cv_gdpr.masking import masked

_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
START = "0" * 64  # what the first line is bound to


class Ledger:
    """An open ledger. A file that a cut-off run left is gone on with; anything else in its place is refused."""

    def __init__(self, path: Path, endpoint: str) -> None:
        self.path = path
        self._endpoint = endpoint
        self.events: list[Json] = []
        self.last = START
        self._lock = threading.Lock()
        self._alone = FileLock(path.with_name(f".{path.name}.lock"))
        with storing(path):
            self._stay_alone()
        try:
            self._open()
        except BaseException:
            self._leave()
            raise

    def _stay_alone(self) -> None:
        """Refuse to write where another run is writing: two would tear the chain."""
        try:
            self._alone.acquire(timeout=0)
        except Timeout:
            raise UsageError(f"another run is writing to {self.path}", "name another --evidence") from None

    def _leave(self) -> None:
        with contextlib.suppress(OSError):
            Path(self._alone.lock_file).unlink()  # while it is held, so that nobody else's goes
        self._alone.release()

    def _open(self) -> None:
        path = self.path
        torn = self._read_back() if path.exists() else b""
        with storing(path):
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb", buffering=0)
            self._file.truncate(self._whole)
            self._file.seek(self._whole)
            if not self._whole:
                _sync_folder(path)
        if self.events:
            self.write("resumed", discardedBytes=len(torn))

    _whole = 0  # bytes of the whole lines found in the file

    def _read_back(self) -> bytes:
        chain = read_chain(self.path)
        if chain.broken or (chain.events and chain.events[0].get("event") != "opened"):
            raise UsageError(f"{self.path} exists and is no ledger that can be gone on with", "name another --evidence")
        if chain.events and chain.events[0].get("endpoint") != self._endpoint:
            raise UsageError(f"{self.path} is the ledger of another endpoint", "name another --evidence")
        if chain.events and chain.events[-1].get("event") == "closed":
            raise UsageError(f"{self.path} is the ledger of a finished erasure", "name another --evidence")
        self.events, self.last, self._whole = chain.events, chain.last, chain.whole
        return chain.torn

    def write(self, event: str, **what: Any) -> None:
        """Append an event; it is on the disk when this returns. Raises StorageError."""
        with self._lock:
            number = len(self.events) + 1
            record = {"n": number, "at": now(), "event": event, **_without_credentials(what), "previous": self.last}
            line = json.dumps(record, separators=(",", ":")).encode()
            with storing(self.path):
                self._file.write(line + b"\n")
                os.fsync(self._file.fileno())
            self.last = hashlib.sha256(line).hexdigest()
            self.events.append(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
        self._leave()


def _without_credentials(value: Any) -> Any:
    """Give what an event tells with each credential cut out of its texts, be it ever so unlikely that one is there."""
    if isinstance(value, str):
        return value if _ID.fullmatch(value) else masked(value)
    if isinstance(value, dict):
        return {name: _without_credentials(part) for name, part in value.items()}
    return [_without_credentials(part) for part in value] if isinstance(value, (list, tuple)) else value


def _sync_folder(path: Path) -> None:
    """Make a new file's name as durable as its bytes, where the system can."""
    if os.name == "posix":
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def now() -> str:
    """Give the time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Chain:
    """A ledger as read: its events, the hash of its last line, a torn end, and where the chain breaks, in words."""

    def __init__(self) -> None:
        self.events: list[Json] = []
        self.last = START
        self.whole = 0
        self.torn = b""
        self.broken = ""


def read_chain(path: Path) -> Chain:
    """Read a ledger and check that each line carries the hash of the line before; raises UsageError if unreadable."""
    chain = Chain()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    *lines, chain.torn = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or event.get("previous") != chain.last or event.get("n") != number:
            chain.broken = f"line {number} is not bound to the line before it"
            return chain
        chain.events.append(event)
        chain.last = hashlib.sha256(line).hexdigest()
        chain.whole += len(line) + 1
    return chain
