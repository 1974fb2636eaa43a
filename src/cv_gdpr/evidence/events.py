"""What a ledger may contain: a record for each kind of event; any other line is refused.

A line is one event as JSON without blanks: first `n`, `at`, `event`, last `previous`.
"""

import json
from collections.abc import Iterable
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, convert
from msgspec.json import schema as json_schema

from cv_gdpr.evidence.records import (
    Count,
    DeletedResource,
    EarlierEvidence,
    Head,
    LanguageCode,
    Planned,
    PlannedProject,
    Sealed,
    SearchedScope,
    Sha256,
    Time,
    Unread,
    as_json,
)
from cv_gdpr.verbatim import Json

PUBLICATIONS = "publications"
"""What the calls that unpublish iterations delete; not a row of the table."""
RECOVERABLE = "recoverable account"
"""The row of what Azure keeps of a deleted resource: until it is purged, the resource can be recovered with it."""


class _Event(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", tag_field="event", tag=str.lower
):
    """What every line holds; the ledger itself fills it in when it writes the event."""

    n: Annotated[int, Meta(description="The number of the line, from 1")] = 0
    at: Time = ""
    previous: Annotated[Sha256, Meta(description="SHA-256 of the line before; of the first line: zeros")] = ""


class Opened(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """A run begins: what it plans, and all else that the evidence needs from the plan."""

    tool: str
    endpoint: str
    asked: Annotated[Sealed, Meta(description="The request, so that only the same command resumes this ledger")]
    listed_from: Annotated[Time, Meta(description="When the listing began: later items may not be in the plan")]
    plan_hash: Sha256
    scope: SearchedScope
    planned: Annotated[Planned, Meta(description="Project id, row, ids")]
    projects: list[PlannedProject]
    protected: list[str]
    unmatched: list[str]
    failed: Annotated[list[Unread], Meta(description="Projects in scope that could not be read")] = []
    signed_in_as: Annotated[str, Meta(description="Who asks: the fingerprint of the key, or ids of Entra ID")] = ""
    account: Annotated[DeletedResource | None, Meta(description="The Azure resource to delete")] = None
    resource: Annotated[
        dict[str, str],
        Meta(description="What tells an Azure resource from a later one of its name: its id, dates"),
    ] = {}
    reference: Annotated[str, Meta(description="Of --reference, as it was given")] = ""
    operator: Annotated[str, Meta(description="Of --operator, as it was given")] = ""
    language: Annotated[LanguageCode, Meta(description="Of the certificate")] = "en"
    annex: Annotated[bool, Meta(description="Whether the certificate lists every id")] = False
    recheck_of: Annotated[Sha256 | None, Meta(description="Nothing is deleted: this evidence is rechecked")] = None
    rechecked: Annotated[EarlierEvidence | None, Meta(description="Name, date and reference of that evidence")] = None
    signer: Annotated[str, Meta(description="Of --sign: the fingerprint of the key that will sign the files")] = ""
    authority: Annotated[str, Meta(description="Of --timestamp: who time-stamps this line and the evidence")] = ""
    approved_by: Annotated[str, Meta(description="Who signed the plan, and with which key")] = ""
    approval: Annotated[str, Meta(description="SHA-256 of that signature, which lies beside the evidence")] = ""


class Resumed(_Event, frozen=True, kw_only=True):
    """A later run resumes this ledger."""

    discarded_bytes: Annotated[Count, Meta(description="The size of an incomplete last line, which was cut off")]


class Held(_Event, frozen=True, kw_only=True):
    """Which of the images each iteration was trained on: once they are gone, the service cannot tell."""

    project: str
    iterations: dict[str, list[str]]


class _Items(_Event, frozen=True, kw_only=True):
    """An event of some items of a row."""

    project: str
    row: str
    ids: list[str]


class Vanished(_Items, frozen=True, kw_only=True):
    """Items of a saved plan that were gone before anything was sent for them."""


class Left(_Items, frozen=True, kw_only=True, omit_defaults=True):
    """Items for which no deletion is sent."""

    reason: str
    again: Annotated[bool, Meta(description="Whether the same command may delete them later")] = False


class Calling(_Items, frozen=True, kw_only=True):
    """A deletion is about to be sent."""


class Answered(_Items, frozen=True, kw_only=True, omit_defaults=True):
    """The service's answer to that deletion."""

    status: Annotated[Count, Meta(description="The HTTP status; 0 without an answer")]
    request_id: str
    reason: Annotated[str, Meta(description="Why it failed")] = ""
    earlier_try: Annotated[bool, Meta(description="An earlier try of the call may have deleted them")] = False

    @property
    def accepted(self) -> bool:
        """Whether the service accepted the deletion, which is not yet a proof of it."""
        return 200 <= self.status < 300


class Failed(_Event, frozen=True, kw_only=True):
    """The service failed at one project; the run continues with the next one."""

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


class Recoverable(_Event, frozen=True, kw_only=True):
    """Azure lists the deleted resource: until then it can be recovered."""

    project: Annotated[str, Meta(description="The id of the resource")]
    until: Annotated[str, Meta(description="As Azure says it")]


class Closed(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """The run is over."""

    stopped: Annotated[int, Meta(ge=0, le=255, description="The exit code of the error that stopped it, or 0")]
    refused: Annotated[bool, Meta(description="What stopped it must be mended first, as a key that is refused")] = False
    document: Head


Event: TypeAlias = (
    Opened | Resumed | Held | Vanished | Left | Calling | Answered | Failed | Stopped | Looked | Recoverable | Closed
)


def reference_in(runs: Iterable[Opened]) -> str:
    """Return the reference that the runs of a ledger state: the newest one."""
    return next((run.reference for run in reversed([*runs]) if run.reference), "")


def operator_in(runs: Iterable[Opened]) -> str:
    """Return the operator that the runs of a ledger state: the newest one."""
    return next((run.operator for run in reversed([*runs]) if run.operator), "")


def line_schema() -> Json:
    """Return the JSON Schema of a line.

    Unlike the schema of `Event`, it requires the fields that the ledger fills in.
    """
    filled_in = ("n", "at", "previous")
    schema: Json = json_schema(Event)
    for record in schema["$defs"].values():
        if "event" in record["properties"]:
            record["required"] = [*record["required"], *filled_in]
            for name in filled_in:
                del record["properties"][name]["default"]
    return schema


def line_of(event: Event) -> bytes:
    """Return an event as a line of the ledger, without the line feed."""
    fields = as_json(event)
    fields.pop("previous", None)
    ordered = {"n": event.n, "at": event.at, "event": fields["event"], **fields, "previous": event.previous}
    return json.dumps(ordered, separators=(",", ":")).encode()


def event_of(fields: object) -> Event:
    """Return the event that JSON tells; raise msgspec's ValidationError for anything that no ledger holds."""
    event: Event = convert(fields, Event)
    return event
