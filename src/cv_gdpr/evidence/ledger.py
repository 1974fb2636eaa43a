"""A ledger of an erasure: one line an event, durable before the next step, bound by a hash to the line before."""

import hashlib
import json
import os
import secrets
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cv_gdpr.archive.names import UUID
from cv_gdpr.archive.ownership import open_own
from cv_gdpr.archive.writing import is_at, open_new, read_all, storing, sync_folder, write_all, write_new
from cv_gdpr.errors import CvGdprError, LedgerLost, UsageError
from cv_gdpr.evidence.events import fault
from cv_gdpr.masking import masked
from cv_gdpr.verbatim import Json

START = "0" * 64  # what the first line is bound to
_ANOTHER = "name another --evidence"
_FAR = 1 << 40  # where a lock harms no reader


class Ledger:
    """An open ledger, locked against other runs; a context manager.

    A file that a run left is read back: `begin` goes on with it, unless it is `closed`. Raises UsageError for what is
    not a ledger, or not of this endpoint, or what somebody else put there.
    """

    def __init__(self, path: Path, endpoint: str) -> None:
        self.path = path
        self.events: list[Json] = []
        self.last = START
        self._torn = 0  # bytes after the last whole line
        self._size = 0  # bytes of the whole lines
        self._written = hashlib.sha256()
        self._lock = threading.Lock()
        with storing(path):
            self._handle = _opened(path)
        try:
            _stay_alone(self._handle, path)
            with storing(path):
                self._read_back(endpoint)
        except BaseException:
            os.close(self._handle)
            raise

    def _read_back(self, endpoint: str) -> None:
        content = read_all(self._handle)
        chain = chained(content)
        if chain.broken or (chain.events and chain.events[0]["event"] != "opened"):
            why = chain.broken or "it does not begin as a ledger does"
            raise UsageError(f"{self.path} is not a ledger that can be resumed: {why}", f"keep that file; {_ANOTHER}")
        if chain.events and chain.events[0]["endpoint"] != endpoint:
            raise UsageError(f"{self.path} is the ledger of another endpoint", _ANOTHER)
        self.events, self.last, self._size, self._torn = chain.events, chain.last, chain.whole, len(chain.torn)
        self._written.update(content[: chain.whole])

    @property
    def closed(self) -> bool:
        """Whether the last event says that a run ended, so that there is evidence of it."""
        return bool(self.events) and self.events[-1]["event"] == "closed"

    @property
    def finished(self) -> bool:
        """Whether that run did all it could: one that was stopped (refused, not reachable) may be resumed."""
        return self.closed and not self.events[-1]["stopped"]

    def begin(self, asked: str) -> None:
        """Make it ready for this run's events; raises UsageError if another command began it, or it is finished."""
        if self.finished:
            raise UsageError(f"{self.path} is the ledger of a finished erasure", _ANOTHER)
        self.require(asked)
        with storing(self.path):
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, self._size, os.SEEK_SET)
            sync_folder(self.path.parent)
        if self.events:
            self.write("resumed", discardedBytes=self._torn)

    def require(self, asked: str) -> None:
        """Raise UsageError if these events are of another command: the evidence would tell the scope of one alone."""
        opened = [event for event in self.events if event["event"] == "opened"]
        if opened and opened[-1]["asked"] != sealed(asked, str(opened[-1]["asked"].get("salt"))):
            raise UsageError(
                f"{self.path} is the ledger of an erasure of something else",
                "the command that began it, with its scope and selectors, resumes it; or name another --evidence",
            )

    def write(self, event: str, **what: Any) -> None:
        """Append an event; it is on the disk when this returns.

        Raises StorageError, and LedgerLost if somebody removed or changed the file meanwhile.
        """
        with self._lock:
            told = _without_credentials(what)
            record = {"n": len(self.events) + 1, "at": now(), "event": event, **told, "previous": self.last}
            if wrong := fault(record):
                raise ValueError(f"undeclared in report/events.py: {wrong}")
            line = _line(record)
            self.check()
            with storing(self.path):
                write_all(self._handle, line + b"\n")
                os.fsync(self._handle)
            self.last = hashlib.sha256(line).hexdigest()
            self.events.append(record)
            self._size += len(line) + 1
            self._written.update(line + b"\n")

    def check(self) -> None:
        """Raise LedgerLost unless the file is there, the same one, and as long as what was written."""
        with storing(self.path):
            if not is_at(self._handle, self.path):
                raise self._lost("was removed or replaced")
            if os.fstat(self._handle).st_size != self._size:
                raise self._lost("was cut or written to by somebody else")

    def chain(self) -> "Chain":
        """Read the file again and give its events; raises LedgerLost if it is not what was written."""
        self.check()
        with storing(self.path):
            content = read_all(self._handle)
        if hashlib.sha256(content).digest() != self._written.digest():
            raise self._lost("was changed")
        return chained(content)

    def _lost(self, how: str) -> LedgerLost:
        rescued = rescued_of(self.path)
        try:
            with storing(rescued):
                write_new(rescued, b"".join(_line(event) + b"\n" for event in self.events))
            hint = f"nothing more was deleted; {rescued} holds the ledger up to here. Keep it in a folder of your own"
        except CvGdprError as error:
            hint = f"nothing more was deleted; a copy of the ledger could not be kept either: {error.message}"
        return LedgerLost(f"the ledger {self.path} {how} during the run", hint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._handle)


def rescued_of(ledger: Path) -> Path:
    """Give a name, hard to guess, for the copy of a ledger that somebody took away."""
    return ledger.with_name(f"{ledger.stem}.rescued-{secrets.token_hex(4)}.jsonl")


def _without_credentials(value: Any) -> Any:
    """Give what an event tells with each credential cut out of its texts, be it ever so unlikely that one is there."""
    if isinstance(value, str):
        return value if UUID.fullmatch(value) else masked(value)
    if isinstance(value, dict):
        return {name: _without_credentials(part) for name, part in value.items()}
    return [_without_credentials(part) for part in value] if isinstance(value, (list, tuple)) else value


def _opened(path: Path) -> int:
    try:
        return open_new(path, os.O_RDWR)
    except FileExistsError:
        return open_own(path)


def _stay_alone(handle: int, path: Path) -> None:
    """Lock the ledger itself until it is closed: two runs would tear the chain. The system frees it after a kill."""
    with storing(path):
        try:
            _lock(handle)
        except (BlockingIOError, PermissionError):
            raise UsageError(f"another run is writing to {path}", _ANOTHER) from None


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sealed(asked: str, salt: str) -> Json:
    """Give the salted hash of what a command asks for: it tells the same command from another, and no names."""
    return {"salt": salt, "sha256": hashlib.sha256(f"{salt}{asked}".encode(errors="surrogatepass")).hexdigest()}


def _line(record: Json) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def now() -> str:
    """Give the time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Chain:
    """A ledger as read: its events, the hash of its last line, a torn end, and where the chain breaks, in words."""

    def __init__(self, content: bytes) -> None:
        self.events: list[Json] = []
        self.last = START
        self.whole = 0
        self.torn = b""
        self.broken = ""
        self.sha256 = hashlib.sha256(content).hexdigest()


def chained(content: bytes) -> Chain:
    """Give a ledger's events, each checked: bound to the line before, declared, and written as cv-gdpr writes it."""
    chain = Chain(content)
    *lines, chain.torn = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        event, canonical = _event(line)
        chain.broken = _break(chain, number, event, canonical=canonical)
        if chain.broken or event is None:
            return chain
        chain.events.append(event)
        chain.last = hashlib.sha256(line).hexdigest()
        chain.whole += len(line) + 1
    return chain


def _event(line: bytes) -> tuple[Json | None, bool]:
    try:
        event = json.loads(line)
        canonical = _line(event) == line  # a key given twice, for one, is not: another reader may take the other
    except (ValueError, RecursionError):
        return None, False
    return event if isinstance(event, dict) else None, canonical


def _break(chain: Chain, number: int, event: Json | None, *, canonical: bool) -> str:
    if event is None or event.get("previous") != chain.last or event.get("n") != number:
        return f"line {number} is not bound to the line before it"
    if wrong := fault(event):
        return f"line {number} holds {wrong}"
    if not canonical:
        return f"line {number} is not written as cv-gdpr writes it"
    last = chain.events[-1] if chain.events else {}
    if last.get("event") == "closed" and not (last["stopped"] and event["event"] == "resumed"):
        return f"line {number} comes after the ledger was closed"
    return ""
