"""The events of a ledger, one record each: whatever else stands in a line is refused.

A line is one event as JSON without blanks: first `n`, `at`, `event`, last `previous`.
"""

import json
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, convert

from cv_gdpr.evidence.records import Count, Head, Planned, PlannedProject, Sealed, SearchedScope, Sha256, Time, as_json


class _Event(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", tag_field="event", tag=str.lower
):
    """What every line holds; the ledger itself fills it in when it writes the event."""

    n: Annotated[int, Meta(description="The number of the line, from 1")] = 0
    at: Time = ""
    previous: Annotated[Sha256, Meta(description="SHA-256 of the line before; of the first line: zeros")] = ""


class Opened(_Event, frozen=True, kw_only=True):
    """A run begins. `listed_from` is when its listing began: what was stored later may not be in the plan."""

    tool: str
    endpoint: str
    asked: Annotated[Sealed, Meta(description="The request, so that only the same command resumes this ledger")]
    listed_from: Time
    plan_hash: Sha256
    scope: SearchedScope
    planned: Annotated[Planned, Meta(description="Project id, row, ids")]
    projects: list[PlannedProject]
    protected: list[str]
    unmatched: list[str]


class Resumed(_Event, frozen=True, kw_only=True):
    """A later run resumes this ledger; `discarded_bytes` is the size of a torn last line."""

    discarded_bytes: Count


class Held(_Event, frozen=True, kw_only=True):
    """Which of the images each iteration was trained on: once they are gone, the service cannot tell."""

    project: str
    iterations: dict[str, list[str]]


class Vanished(_Event, frozen=True, kw_only=True):
    """Items of a saved plan that were gone before anything was sent for them."""

    project: str
    row: str
    ids: list[str]


class Left(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """Items for which nothing is sent; `again`: the same command may delete them later."""

    project: str
    row: str
    ids: list[str]
    reason: str
    again: bool = False


class Calling(_Event, frozen=True, kw_only=True):
    """A deletion is about to be sent."""

    project: str
    row: str
    ids: list[str]


class Answered(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """The service's answer to that deletion; 0 is the status of a call without answer.

    `reason` says why it failed; `earlier_try`: an earlier try of the same call may have taken effect.
    """

    project: str
    row: str
    ids: list[str]
    status: Count
    request_id: str
    reason: str = ""
    earlier_try: bool = False


class Failed(_Event, frozen=True, kw_only=True):
    """The service failed at one project; the run goes on with the next."""

    project: str
    reason: str


class Stopped(_Event, frozen=True, kw_only=True):
    """The run ends: the service refused the key, or could not be reached."""

    project: str
    reason: str


class Looked(_Event, frozen=True, kw_only=True):
    """Planned items were looked for again: which are gone, which are still there."""

    project: str
    row: str
    gone: list[str]
    there: list[str]


class Closed(_Event, frozen=True, kw_only=True):
    """The run is over; `stopped` is the exit code of the error that stopped it, or 0."""

    stopped: Annotated[int, Meta(ge=0, le=255)]
    document: Head


Event: TypeAlias = Opened | Resumed | Held | Vanished | Left | Calling | Answered | Failed | Stopped | Looked | Closed


def line_of(event: Event) -> bytes:
    """Return an event as a line of the ledger, without the line feed."""
    told = as_json(event)
    told.pop("previous", None)
    ordered = {"n": event.n, "at": event.at, "event": told["event"], **told, "previous": event.previous}
    return json.dumps(ordered, separators=(",", ":")).encode()


def event_of(told: object) -> Event:
    """Return the event that JSON tells; raise msgspec's ValidationError for anything that no ledger holds."""
    event: Event = convert(told, Event)
    return event
