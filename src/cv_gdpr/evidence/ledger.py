"""The ledger of an erasure: a line for each event, durable before the next step, and holding the line before's hash."""

import hashlib
import json
import os
import secrets
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cv_gdpr.archive.durability import sync_file, sync_folder
from cv_gdpr.archive.locking import Locked, lock
from cv_gdpr.archive.names import UUID
from cv_gdpr.archive.ownership import open_own
from cv_gdpr.archive.writing import is_at, open_new, read_all, storing, write_all, write_new
from cv_gdpr.errors import CvGdprError, LedgerLost, UsageError
from cv_gdpr.evidence.events import fault
from cv_gdpr.masking import masked
from cv_gdpr.verbatim import Json

START = "0" * 64  # stands for the hash of a line before the first
_ANOTHER = "name another --evidence"


class Ledger:
    """An open ledger, locked against other runs; a context manager.

    An existing ledger is read, so that `begin` can resume it unless it is `finished`. Raises UsageError if the file is
    not a resumable ledger, is of another endpoint, or may have been put there by another user.
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
            _lock_ledger(self._handle, path)
            with storing(path):
                self._read_back(endpoint)
        except BaseException:
            os.close(self._handle)
            raise

    def _read_back(self, endpoint: str) -> None:
        content = read_all(self._handle)
        chain = chained(content)
        if chain.broken or (chain.events and chain.events[0]["event"] != "opened"):
            why = chain.broken or "its first event is not the beginning of a run"
            raise UsageError(f"{self.path} is not a resumable ledger: {why}", f"keep that file; {_ANOTHER}")
        if chain.events and chain.events[0]["endpoint"] != endpoint:
            raise UsageError(f"{self.path} is the ledger of another endpoint", _ANOTHER)
        self.events, self.last, self._size, self._torn = chain.events, chain.last, chain.whole, len(chain.torn)
        self._written.update(content[: chain.whole])

    @property
    def closed(self) -> bool:
        """Whether the last event says that a run has ended, so that evidence can be made."""
        return bool(self.events) and self.events[-1]["event"] == "closed"

    @property
    def finished(self) -> bool:
        """Whether that run did all it could; one that was stopped (refused, not reachable) can be resumed."""
        return self.closed and not self.events[-1]["stopped"]

    def begin(self, asked: str) -> None:
        """Prepare the ledger for this run's events; raise UsageError if it is finished or another command's."""
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
        """Raise UsageError if the events belong to another command: evidence can state only one scope."""
        opened = [event for event in self.events if event["event"] == "opened"]
        if opened and opened[-1]["asked"] != sealed(asked, str(opened[-1]["asked"].get("salt"))):
            raise UsageError(
                f"{self.path} is the ledger of an erasure with another scope or other selectors",
                "only the command that began it can resume it; or name another --evidence",
            )

    def write(self, event: str, **what: Any) -> None:
        """Append an event; it is durable when this returns.

        Raise StorageError, and LedgerLost if another process removed or changed the file.
        """
        with self._lock:
            fields = _without_credentials(what)
            record = {"n": len(self.events) + 1, "at": now(), "event": event, **fields, "previous": self.last}
            if wrong := fault(record):
                raise ValueError(f"undeclared in report/events.py: {wrong}")
            line = _line(record)
            self.check()
            with storing(self.path):
                write_all(self._handle, line + b"\n")
                sync_file(self._handle)
            self.last = hashlib.sha256(line).hexdigest()
            self.events.append(record)
            self._size += len(line) + 1
            self._written.update(line + b"\n")

    def check(self) -> None:
        """Raise LedgerLost unless the path still names the same file, with the size that was written."""
        with storing(self.path):
            if not is_at(self._handle, self.path):
                raise self._lost("was removed or replaced")
            if os.fstat(self._handle).st_size != self._size:
                raise self._lost("was truncated or written to by another process")

    def chain(self) -> "Chain":
        """Read the file again and return its events; raise LedgerLost if its content was changed."""
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
            hint = f"nothing more was deleted; {rescued} holds the ledger so far. Keep it in a folder of your own"
        except CvGdprError as error:
            hint = f"nothing more was deleted; the ledger could not be saved as a copy either: {error.message}"
        return LedgerLost(f"the ledger {self.path} {how} during the run", hint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._handle)


def rescued_of(ledger: Path) -> Path:
    """Return a random name for the copy of a ledger that was removed or changed."""
    return ledger.with_name(f"{ledger.stem}.rescued-{secrets.token_hex(4)}.jsonl")


def _without_credentials(value: Any) -> Any:
    """Return the fields of an event with all credentials cut out of their texts; ids stay as they are."""
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


def _lock_ledger(handle: int, path: Path) -> None:
    """Lock the ledger file until it is closed, as two runs would break the chain; a killed run's lock is released."""
    try:
        lock(handle, path)
    except Locked:
        raise UsageError(f"another run is writing to {path}", _ANOTHER) from None


def sealed(asked: str, salt: str) -> Json:
    """Return the salted hash of a command's request, which identifies the command without revealing names."""
    return {"salt": salt, "sha256": hashlib.sha256(f"{salt}{asked}".encode(errors="surrogatepass")).hexdigest()}


def _line(record: Json) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def now() -> str:
    """Return the current time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Chain:
    """A ledger as read: its events, its last line's hash, an incomplete last line, and why the chain breaks, if so."""

    def __init__(self, content: bytes) -> None:
        self.events: list[Json] = []
        self.last = START
        self.whole = 0
        self.torn = b""
        self.broken = ""
        self.sha256 = hashlib.sha256(content).hexdigest()


def chained(content: bytes) -> Chain:
    """Return a ledger's events up to the first invalid line: each must hold the hash of the line before, be declared in
    events.py, and be written as cv-gdpr writes it."""
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
        canonical = _line(event) == line  # false for duplicate keys, of which other readers may take another one
    except (ValueError, RecursionError):
        return None, False
    return event if isinstance(event, dict) else None, canonical


def _break(chain: Chain, number: int, event: Json | None, *, canonical: bool) -> str:
    if event is None or event.get("previous") != chain.last or event.get("n") != number:
        return f"line {number} does not follow the line before it (wrong number or hash)"
    if wrong := fault(event):
        return f"line {number} holds {wrong}"
    if not canonical:
        return f"line {number} is not written as cv-gdpr writes it"
    last = chain.events[-1] if chain.events else {}
    if last.get("event") == "closed" and not (last["stopped"] and event["event"] == "resumed"):
        return f"line {number} comes after the ledger was closed"
    return ""
