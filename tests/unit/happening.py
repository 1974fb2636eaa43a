"""Events of a ledger, made in memory: one project, its rows, what was sent and what was found."""

import hashlib

from msgspec.structs import replace

from cv_gdpr.evidence.by_hand import by_hand_in
from cv_gdpr.evidence.document import head
from cv_gdpr.evidence.events import (
    Answered,
    Calling,
    Closed,
    Failed,
    Held,
    Left,
    Looked,
    Opened,
    Stopped,
    Vanished,
    line_of,
)
from cv_gdpr.evidence.ledger import START, chained, sealed
from cv_gdpr.evidence.records import TOOL, PlannedProject, SearchedScope, SelectorHash

ENDPOINT = "https://example.cognitiveservices.azure.com"
ASKED = "delete --all"
PROJECT, OTHER = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
LISTED_FROM, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00.000Z"


def uuid(number):
    """Return the id of one thing."""
    return f"00000000-0000-0000-0000-{number:012x}"


ONE, TWO, THREE = map(uuid, (1, 2, 3))


def scope(**fields):
    """Return the scope of a command that names neither rows nor selectors, with some fields changed."""
    return SearchedScope(
        **{"projects": "all", "rows": "all", "not_searched": {}, "selectors": [], "salt": None} | fields
    )


def selector(*, matched, name="--tag"):
    """Return a selector's hash."""
    return SelectorHash(selector=name, sha256="a" * 64, matched=matched)


def planned(identity=PROJECT, **fields):
    """Return what the evidence needs from a project's plan, with some fields changed."""
    usual = {"whole": False, "images_only_in_iterations": 0, "exported_models": None}
    return PlannedProject(**usual | {"id": identity, "iterations_trained_on_them": [], "unpublished": []} | fields)


def opened(rows=None, /, **fields):
    """Return the beginning of a run that plans these rows of one project."""
    usual = {
        "tool": TOOL,
        "endpoint": ENDPOINT,
        "asked": sealed(ASKED, "salt"),
        "listed_from": LISTED_FROM,
        "plan_hash": "b" * 64,
        "scope": scope(),
        "planned": {PROJECT: rows} if rows else {},
        "projects": [planned()],
        "protected": [],
        "unmatched": [],
    }
    return Opened(**usual | fields)


def held(project=PROJECT, **iterations):
    """Return which images iterations hold."""
    return Held(project=project, iterations=iterations)


def calling(row, *ids, at=LATER, project=PROJECT):
    """Return that a deletion is about to be sent."""
    return Calling(project=project, row=row, ids=list(ids), at=at)


def answered(row, *ids, status=204, at=LATER, project=PROJECT, **fields):
    """Return an answer to a deletion."""
    return Answered(
        **{"project": project, "row": row, "ids": list(ids), "status": status, "request_id": "r", "at": at} | fields
    )


def sent(row, *ids, status=204, **fields):
    """Return a deletion and its answer."""
    return [calling(row, *ids), answered(row, *ids, status=status, **fields)]


def left(row, *ids, reason="why", again=False):
    """Return that no deletion is sent."""
    return Left(project=PROJECT, row=row, ids=list(ids), reason=reason, again=again)


def vanished(row, *ids):
    """Return that items of a saved plan were gone."""
    return Vanished(project=PROJECT, row=row, ids=list(ids))


def failed(reason="why", project=PROJECT):
    """Return that the service failed at a project."""
    return Failed(project=project, reason=reason)


def stopped(reason="why", project=PROJECT):
    """Return that the run ends."""
    return Stopped(project=project, reason=reason)


def looked(row, gone=(), there=()):
    """Return what a second look found."""
    return Looked(project=PROJECT, row=row, gone=list(gone), there=list(there))


def numbered(*events):
    """Return events as a ledger numbers them; those without a time get one."""
    return [replace(event, n=number, at=event.at or LATER) for number, event in enumerate(events, 1)]


def closing(events, outside=None, code=0, *, refused=False):
    """Return the end of a run, with the document that follows from these events; `outside`: another by_hand_in."""
    *_, run = (event for event in events if isinstance(event, Opened))
    usual = [] if run.recheck_of else by_hand_in(run.scope)
    by_hand = usual if outside is None else list(outside)
    return Closed(stopped=code, refused=refused, document=head(numbered(*events), by_hand, code, LATER))


def ended(*events, **fields):
    """Return these events and the end of their run."""
    return [*events, closing(events, **fields)]


def ledger_of(*events):
    """Return the content of a ledger that holds these events."""
    lines, previous = [], START
    for event in numbered(*events):
        lines.append(line_of(replace(event, previous=previous)) + b"\n")
        previous = hashlib.sha256(lines[-1][:-1]).hexdigest()
    return b"".join(lines)


def chain_of(*events):
    """Return a ledger that holds these events, as read."""
    chain = chained(ledger_of(*events))
    assert chain.broken == ""
    return chain
