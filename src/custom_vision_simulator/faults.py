"""Declared misbehaviour (`Fault`), the record of requests received (`Call`) and the book of armed faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from custom_vision_simulator.answers import Answer, json_answer

API = "API"
"""The route of every call to the API."""


@dataclass(frozen=True)
class Fault:
    """Misbehaviour of one operation ("Blob" for the blob host, API for all of the other, "*" for both hosts).

    Fires `times` times (None: always) after skipping `after` matching requests; `match` must be in the raw path and
    query. `status` or `body` answer instead of the operation (bytes, text, or a value sent as JSON); `headers` or
    `content_type` alone are put on the normal answer. `delay` seconds come first; `cut` sends true headers and that
    many bytes, then closes; `drop` closes without an answer. `done` carries the operation out before its answer is
    replaced or lost; `lie` answers a DELETE as if done, and does nothing. `edit` changes the normal answer; `wire`
    gives the raw bytes to send for it, each part `pause` seconds after the one before.
    """

    route: str
    status: int | None = None
    times: int | None = 1
    after: int = 0
    body: bytes | str | dict[str, Any] | list[Any] | None = None
    content_type: str | None = None
    headers: Mapping[str, str] | None = None
    delay: float = 0.0
    cut: int | None = None
    drop: bool = False
    match: str | None = None
    done: bool = False
    lie: bool = False
    edit: Callable[[Answer], Answer] | None = None
    wire: Callable[[Answer], Iterator[bytes]] | None = None
    pause: float = 0.0

    def applies(self, operation: str, method: str, target: str) -> bool:
        """Tell whether a request of that operation, method and raw path with query is meant; only DELETEs lie."""
        named = self.route in {"*", operation} or (self.route == API and operation != "Blob")
        return named and (method == "DELETE" or not self.lie) and (self.match is None or self.match in target)

    def replacement(self) -> Answer | None:
        """Give the answer that stands in for the operation's own, None when that one is to be sent."""
        if self.status is None and self.body is None:
            return None
        answer = self._bare(200 if self.status is None else self.status)
        return self.dress(answer)

    def dress(self, answer: Answer) -> Answer:
        """Give the answer with this fault's content type and headers laid over its own, and edited."""
        if self.edit:
            answer = self.edit(answer)
        headers = {**answer.headers, **(self.headers or {})}
        return Answer(answer.status, answer.body, self.content_type or answer.content_type, headers)

    def _bare(self, status: int) -> Answer:
        if self.body is None:
            return json_answer({"code": "ErrorUnknown", "message": "Simulated fault"}, status)
        if isinstance(self.body, bytes):
            return Answer(status, self.body)
        if isinstance(self.body, str):
            return Answer(status, self.body.encode(), "text/html; charset=utf-8")
        return json_answer(self.body, status)


NO_FAULT = Fault("")


@dataclass
class Call:
    """One request received; status is 0 while unanswered and for a dropped connection.

    `path` is raw, `query` decoded (a repeated key joined by commas), `when` from time.monotonic, `headers`
    case-insensitive.
    """

    operation: str
    method: str
    path: str
    query: dict[str, str]
    when: float
    training_key_ok: bool
    headers: Mapping[str, str]
    status: int = 0


@dataclass
class _Armed:
    fault: Fault
    seen: int = 0
    fired: int = 0

    def ready(self) -> bool:
        times = self.fault.times
        return self.seen > self.fault.after and (times is None or self.fired < times)


@dataclass
class FaultBook:
    """The faults in force, in the order they were added; safe to change from any thread."""

    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def append(self, fault: Fault) -> None:
        """Arm a fault."""
        with self._lock:
            self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Disarm all faults."""
        with self._lock:
            self._armed.clear()

    def __len__(self) -> int:
        """Give the number of armed faults, spent ones included."""
        return len(self._armed)

    def __iter__(self) -> Iterator[Fault]:
        """Give the armed faults in order."""
        return iter([each.fault for each in self._armed])

    def __getitem__(self, index: int) -> Fault:
        """Give one armed fault."""
        return self._armed[index].fault

    def fired(self, fault: Fault) -> int:
        """Give how often that fault has fired so far."""
        return sum(each.fired for each in self._armed if each.fault == fault)

    def take(self, operation: str, method: str, target: str) -> Fault:
        """Count the request on every fault it matches and give the first that fires, `NO_FAULT` if none."""
        with self._lock:
            matching = [each for each in self._armed if each.fault.applies(operation, method, target)]
            for each in matching:
                each.seen += 1
            firing = next((each for each in matching if each.ready()), None)
            if firing is None:
                return NO_FAULT
            firing.fired += 1
            return firing.fault
