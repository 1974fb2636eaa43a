"""Writes and reads the ledger file: a line for each event, durable before the next step, chained by hashes."""

import hashlib
import json
import os
import secrets
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from msgspec.structs import replace

from cv_gdpr.archive.durability import sync_file, sync_folder
from cv_gdpr.archive.locking import Locked, lock
from cv_gdpr.archive.names import UUID
from cv_gdpr.archive.ownership import open_own
from cv_gdpr.archive.writing import close_to_others, is_at, open_new, read_all, storing, write_all, write_new
from cv_gdpr.errors import Busy, CvGdprError, LedgerLost, UsageError
from cv_gdpr.evidence.clock import Clock, moment
from cv_gdpr.evidence.events import Closed, Event, Opened, Resumed, event_of, line_of
from cv_gdpr.evidence.records import Sealed, as_json
from cv_gdpr.masking import masked
from cv_gdpr.platforms.files import REPLACES_OPEN_FILES
from cv_gdpr.table.selection import salted

START = "0" * 64  # stands for the hash of a line before the first
_ANOTHER = "name another --evidence"


class Ledger:
    """An open ledger, locked against other runs; a context manager.

    An existing ledger is read, so that `begin` can resume it unless it is `finished`. Raises UsageError if the file is
    not a resumable ledger, is of another endpoint, or may have been put there by another user.
    """

    def __init__(self, path: Path, endpoint: str) -> None:
        self.path = path
        self.clock = Clock()
        self._lock = threading.Lock()
        with storing(path):
            self._handle = _opened(path)
        try:
            _lock_ledger(self._handle, path)
            with storing(path):
                content = read_all(self._handle)
            chain = _resumable(path, content, endpoint)
        except BaseException:
            os.close(self._handle)
            raise
        self.events, self.last = chain.events, chain.last
        self._torn = len(chain.torn)  # bytes after the last whole line
        self._size = chain.whole  # bytes of the whole lines
        self._written = hashlib.sha256(content[: chain.whole])
        self._discarded = False

    @property
    def closed(self) -> bool:
        """Whether the last event says that a run has ended, so that evidence can be made."""
        return bool(self.events) and isinstance(self.events[-1], Closed)

    @property
    def finished(self) -> bool:
        """Whether that run did all it could; one that was stopped (refused, not reachable) can be resumed."""
        last = self.events[-1] if self.events else None
        return isinstance(last, Closed) and not last.stopped

    def keep_time(self) -> None:
        """Let the times of this run follow those of the runs before it; raise UsageError if the clock is far behind."""
        if self.events:
            self.clock.follow(self.events[-1].at, f"the last line of {self.path}")

    def begin(self, asked: str) -> None:
        """Prepare the ledger for this run's events; raise UsageError if it is finished, another command's, or if the
        clock is far behind its last line."""
        if self.finished:
            raise UsageError(f"{self.path} is the ledger of a finished erasure", _ANOTHER)
        self.require(asked)
        self.keep_time()
        with storing(self.path):
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, self._size, os.SEEK_SET)
            sync_folder(self.path.parent)
        if self.events:
            self.write(Resumed(discarded_bytes=self._torn))

    def require(self, asked: str) -> None:
        """Raise UsageError if the events belong to another command: evidence can state only one scope."""
        opened = [event for event in self.events if isinstance(event, Opened)]
        if opened and opened[-1].asked != sealed(asked, opened[-1].asked.salt):
            raise UsageError(
                f"{self.path} is the ledger of an erasure with another scope or other selectors",
                "only the command that began it can resume it; or name another --evidence",
            )

    def write(self, event: Event) -> None:
        """Append an event with its number, its time and the hash of the line before; it is durable when this returns.

        Raise StorageError, LedgerLost if another process removed or changed the file, and ValidationError for a value
        of another type than the event's record has.
        """
        with self._lock:
            bound = replace(event, n=len(self.events) + 1, at=self.clock.tell(), previous=self.last)
            record = _without_credentials(bound)
            line = line_of(record)
            self.check()
            with storing(self.path):
                write_all(self._handle, line + b"\n")
                sync_file(self._handle)
            self.last = hashlib.sha256(line).hexdigest()
            self.events.append(record)
            self._size += len(line) + 1
            self._written.update(line + b"\n")

    def discard(self) -> None:
        """Remove the file of a run that ended before it did anything; on Windows once it is closed."""
        with suppress(OSError):
            if not is_at(self._handle, self.path):
                return
            self._discarded = not REPLACES_OPEN_FILES
            if REPLACES_OPEN_FILES:
                self.path.unlink()

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
                write_new(rescued, b"".join(line_of(event) + b"\n" for event in self.events))
            hint = f"nothing more was deleted; {rescued} holds the ledger so far. Keep it in a folder of your own"
        except CvGdprError as error:
            hint = f"nothing more was deleted; the ledger could not be saved as a copy either: {error.message}"
        return LedgerLost(f"the ledger {self.path} {how} during the run", hint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._handle)
        if self._discarded:
            with suppress(OSError):  # another run may have opened it since
                if self.path.stat().st_size == self._size:
                    self.path.unlink()


def rescued_of(ledger: Path) -> Path:
    """Return a random name for the copy of a ledger that was removed or changed."""
    return ledger.with_name(f"{ledger.stem}.rescued-{secrets.token_hex(4)}.jsonl")


_OWN = frozenset({"n", "at", "event", "previous"})  # fields that the ledger itself fills in


def _without_credentials(event: Event) -> Event:
    """Return an event with all credentials cut out of its texts; ids stay as they are. Raise ValidationError."""
    fields = as_json(event)
    return event_of({name: value if name in _OWN else _masked(value) for name, value in fields.items()})


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return value if UUID.fullmatch(value) else masked(value)
    if isinstance(value, dict):
        return {name: _masked(part) for name, part in value.items()}
    return [_masked(part) for part in value] if isinstance(value, list) else value


def _opened(path: Path) -> int:
    try:
        handle = open_new(path, os.O_RDWR)
    except FileExistsError:
        return open_own(path)
    close_to_others(path)
    return handle


def _lock_ledger(handle: int, path: Path) -> None:
    """Lock the ledger file until it is closed, as two runs would break the chain; a killed run's lock is released."""
    try:
        lock(handle, path)
    except Locked:
        raise Busy(f"another run is writing to {path}", _ANOTHER) from None


def _resumable(path: Path, content: bytes, endpoint: str) -> "Chain":
    """Return the events of a ledger that a run may resume; raise UsageError for any other file."""
    chain = chained(content)
    first = chain.events[0] if chain.events else None
    if chain.broken or not isinstance(first, Opened | None):
        why = chain.broken or "its first event is not the beginning of a run"
        raise UsageError(f"{path} is not a resumable ledger: {why}", f"keep that file; {_ANOTHER}")
    if first and first.endpoint != endpoint:
        raise UsageError(f"{path} is the ledger of another endpoint", _ANOTHER)
    return chain


def sealed(asked: str, salt: str) -> Sealed:
    """Return the salted hash of a command's request, which identifies the command without revealing names."""
    return Sealed(salt=salt, sha256=salted(salt, asked))


class Chain:
    """A ledger as read: its events, its last line's hash, an incomplete last line, and why the chain breaks, if so."""

    def __init__(self, content: bytes) -> None:
        self.events: list[Event] = []
        self.last = START
        self.at: datetime | None = None  # the time of the last line
        self.whole = 0
        self.torn = b""
        self.broken = ""
        self.sha256 = hashlib.sha256(content).hexdigest()


def chained(content: bytes) -> Chain:
    """Return a ledger's events up to the first invalid line: each must hold the hash of the line before, be declared in
    events.py, be written as cv-gdpr writes it, and not be earlier than the line before."""
    chain = Chain(content)
    *lines, chain.torn = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            event = _checked(chain, number, line)
        except _Break as why:
            chain.broken = f"line {number} {why}"
            return chain
        chain.events.append(event)
        chain.last = hashlib.sha256(line).hexdigest()
        chain.whole += len(line) + 1
    return chain


class _Break(ValueError):
    """A line that does not continue the chain; the message says why."""


def _checked(chain: Chain, number: int, line: bytes) -> Event:
    """Return the event of a line; raise _Break if it does not continue the chain."""
    fields = _object(line)
    if fields.get("previous") != chain.last or fields.get("n") != number:
        raise _Break("does not follow the line before it (wrong number or hash)")
    try:
        event = event_of(fields)
    except (ValueError, RecursionError) as error:  # ValidationError, or UnicodeError for a lone surrogate
        raise _Break(f"holds an event that cv-gdpr does not write: {error}") from error
    if line_of(event) != line:  # for example duplicate keys: another reader may take the other one
        raise _Break("is not written as cv-gdpr writes it")
    last = chain.events[-1] if chain.events else None
    if isinstance(last, Closed) and not (last.stopped and isinstance(event, Resumed)):
        raise _Break("comes after the ledger was closed")
    chain.at = _time_after(chain.at, event)
    return event


def _time_after(before: datetime | None, event: Event) -> datetime:
    """Return the time of a line; raise _Break if it is earlier than that of the line before."""
    try:
        at = moment(event.at)
    except ValueError as error:
        raise _Break(f"holds a time of no calendar: {event.at}") from error
    if before and at < before:
        raise _Break(f"is of {event.at}, earlier than the line before it")
    return at


def _object(line: bytes) -> dict[str, Any]:
    """Return the object in a line, else an empty one.

    Read with the standard library: msgspec refuses lone surrogates, which a reason may quote.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
