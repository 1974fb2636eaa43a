"""Faults: what the simulator does wrong on request (`Fault`), the log of requests (`Call`) and the armed faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from custom_vision_simulator.answers import Answer, json_answer

API = "API"
"""The route that matches every call to the Training API."""
ARM = "ARM"
"""The route that matches every call to Resource Manager."""
IDENTITY = "Identity"
"""The operation of the managed identity endpoint."""
ARM_OPERATIONS = frozenset(
    {
        "AccountsGet",
        "AccountsList",
        "AccountsListByResourceGroup",
        "AccountsListKeys",
        "AccountsListUsages",
        "AccountsCreate",
        "AccountsDelete",
        "DeploymentsList",
        "DeletedAccountsGet",
        "DeletedAccountsList",
        "DeletedAccountsPurge",
        "LocksList",
        "OperationResultsGet",
        "UnknownResource",
    }
)
"""The operations of Resource Manager, named as in the management library: group and method."""


def _host_of(operation: str) -> str:
    if operation in {"Blob", IDENTITY}:
        return operation
    return ARM if operation in ARM_OPERATIONS else API


@dataclass(frozen=True)
class Fault:
    """A fault of one operation, named by `route`, or of a host: "Blob", API, ARM or IDENTITY; "*": of all hosts.

    It skips `after` matching requests and then fires `times` times (None: always). With `match`, only requests whose
    raw path and query contain that text match; `within` is a second such text. `status` or `body` (bytes, text, or a
    value sent as JSON) replace the operation's answer; `headers` or `content_type` alone are added to the normal
    answer. `delay` waits that many seconds first. `cut` sends the true headers and that many bytes, then closes;
    `drop` closes without an answer. `done` runs the operation although its answer is replaced or dropped. `lie`
    answers a DELETE as if it had run, and deletes nothing; `late` deletes after that many seconds. `edit` changes the
    normal answer; `wire` yields the raw bytes to send, `pause` seconds apart.
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
    within: str = ""
    done: bool = False
    lie: bool = False
    late: float | None = None
    edit: Callable[[Answer], Answer] | None = None
    wire: Callable[[Answer], Iterator[bytes]] | None = None
    pause: float = 0.0

    def applies(self, operation: str, method: str, target: str) -> bool:
        """Return whether the fault matches a request (`target`: raw path and query).

        `lie` and `late` match DELETE alone.
        """
        return (
            self.route in {"*", operation, _host_of(operation)}
            and (method == "DELETE" or not (self.lie or self.late))
            and (self.match is None or self.match in target)
            and self.within in target
        )

    def replacement(self) -> Answer | None:
        """Return the answer to send instead of the operation's own, or None to send that one."""
        if self.status is None and self.body is None:
            return None
        answer = self._bare(200 if self.status is None else self.status)
        return self.dress(answer)

    def dress(self, answer: Answer) -> Answer:
        """Return the answer, edited and with this fault's content type and headers in place of its own."""
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
    """One request received; `status` is 0 until it is answered, and for a dropped connection.

    `path` is raw, `query` decoded (values of a repeated key joined by commas), `when` a time.monotonic() value, and
    `headers` is case-insensitive.
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
    """The armed faults, in the order they were added; safe to change from any thread."""

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
        """Return the number of armed faults, including those that have fired their last time."""
        return len(self._armed)

    def __iter__(self) -> Iterator[Fault]:
        """Return the armed faults in order."""
        return iter([each.fault for each in self._armed])

    def __getitem__(self, index: int) -> Fault:
        """Return the armed fault at that index."""
        return self._armed[index].fault

    def fired(self, fault: Fault) -> int:
        """Return how many times that fault has fired."""
        return sum(each.fired for each in self._armed if each.fault == fault)

    def take(self, operation: str, method: str, target: str) -> Fault:
        """Count the request for every fault it matches; return the first that fires, or `NO_FAULT`."""
        with self._lock:
            matching = [each for each in self._armed if each.fault.applies(operation, method, target)]
            for each in matching:
                each.seen += 1
            firing = next((each for each in matching if each.ready()), None)
            if firing is None:
                return NO_FAULT
            firing.fired += 1
            return firing.fault
