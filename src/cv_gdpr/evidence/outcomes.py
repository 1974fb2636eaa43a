"""The outcome of each planned item, derived from the ledger's events alone, so that anyone can derive it again."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from cv_gdpr.verbatim import Json

DELETED = "deleted"  # deleted by this erasure, and not found afterwards
GONE = "gone already"  # it did not exist when the deletion was due
RESIDUE = "residue"  # the service accepted the deletion, but it still exists
FAILED = "failed"  # the service did not delete it, and it still exists
LEFT = "left"  # no deletion was requested, for the given reason
UNPROVED = "not verified"  # it could not be looked for afterwards


@dataclass
class Outcome:
    """An item, its state, and the service's answer (status, request id, time) to its deletion."""

    project: str
    row: str
    id: str
    state: str = UNPROVED
    status: int = 0
    requestId: str = ""  # noqa: N815 - its name in the evidence
    at: str = ""
    reason: str = ""
    goes_with: list["Key"] = field(default_factory=list)  # planned iterations that hold it: it may go with them
    lost: bool = False  # an earlier request, whose answer was lost, may have deleted it


_SHOWN = ("project", "row", "id", "state", "status", "requestId", "at", "reason")
_NOT_GOING = "its iteration is still there"
Key = tuple[str, str, str]


def outcomes_of(events: Iterable[Json]) -> list[Outcome]:
    """Return the outcome of every planned item, in the plan's order."""
    outcomes: dict[Key, Outcome] = {}
    handlers = {
        "opened": _plan,
        "held": _hold,
        "vanished": _vanish,
        "calling": _call,
        "answered": _answer,
        "left": _leave,
        "failed": _explain,
        "stopped": _explain,
        "looked": _look,
    }
    for event in events:
        if event["event"] in handlers:
            handlers[event["event"]](outcomes, event)
    return list(outcomes.values())


def _plan(outcomes: dict[Key, Outcome], event: Json) -> None:
    for project, rows in event["planned"].items():
        for row, ids in rows.items():
            for one in ids:
                key = (project, row, one)
                outcomes[key] = _planned_again(outcomes[key]) if key in outcomes else Outcome(*key)


def _planned_again(outcome: Outcome) -> Outcome:
    """Return an item's outcome at the start of a resumed run; the earlier answers still decide who deleted it."""
    return replace(outcome, state=UNPROVED, reason="", goes_with=[], lost=_may_be_done(outcome))


def _hold(outcomes: dict[Key, Outcome], event: Json) -> None:
    """Record which planned iterations hold an image: it may be deleted with them."""
    for iteration, ids in event["iterations"].items():
        holder = (event["project"], "iterations", iteration)
        for identity in ids if holder in outcomes else ():
            if outcome := outcomes.get((event["project"], "images", identity)):
                outcome.goes_with.append(holder)


def _of(outcomes: dict[Key, Outcome], event: Json, field: str) -> Iterator[Outcome]:
    for identity in event.get(field, []):
        outcome = outcomes.get((event["project"], event["row"], identity))
        if outcome:
            yield outcome


def _vanish(outcomes: dict[Key, Outcome], event: Json) -> None:
    for outcome in _of(outcomes, event, "ids"):
        if not (_may_be_done(outcome) or _went_along(outcomes, outcome)):
            outcome.state = GONE


def _call(outcomes: dict[Key, Outcome], event: Json) -> None:
    for outcome in _of(outcomes, event, "ids"):
        outcome.at, outcome.reason, outcome.state = event["at"], "no answer came", UNPROVED


def _answer(outcomes: dict[Key, Outcome], event: Json) -> None:
    for outcome in _of(outcomes, event, "ids"):
        outcome.status, outcome.requestId, outcome.at = event["status"], event["requestId"], event["at"]
        outcome.reason, outcome.lost = event.get("reason", ""), outcome.lost or event.get("earlierTry", False)
        outcome.state = UNPROVED


def _leave(outcomes: dict[Key, Outcome], event: Json) -> None:
    for outcome in _of(outcomes, event, "ids"):
        outcome.state, outcome.reason = LEFT, event["reason"]


def _explain(outcomes: dict[Key, Outcome], event: Json) -> None:
    """Record why a project's items were not requested, or could not be looked for."""
    for outcome in outcomes.values():
        if outcome.project == event["project"] and not outcome.reason and outcome.state == UNPROVED:
            outcome.reason = event["reason"]


def _look(outcomes: dict[Key, Outcome], event: Json) -> None:
    for outcome in _of(outcomes, event, "gone"):
        refused = outcome.status == 404 and not outcome.lost
        sent = outcome.at or _went_along(outcomes, outcome)
        outcome.state = DELETED if sent and not refused and outcome.state != GONE else GONE
        outcome.reason = ""
    for outcome in _of(outcomes, event, "there"):
        if outcome.state == LEFT:
            continue
        if outcome.goes_with and not outcome.at:
            outcome.state, reason = _stayed_with(outcomes, outcome)
            outcome.reason = (outcome.reason or reason) if reason else ""
        else:
            outcome.state = RESIDUE if _accepted(outcome) else FAILED
            outcome.reason = "" if outcome.state == RESIDUE else outcome.reason


def _stayed_with(outcomes: dict[Key, Outcome], outcome: Outcome) -> tuple[str, str]:
    """Return the state and reason of an item that still exists, but was to be deleted with its iterations."""
    staying = [outcomes[key] for key in outcome.goes_with if not _accepted(outcomes[key])]
    if not staying:
        return RESIDUE, ""
    return (LEFT if all(holder.state == LEFT for holder in staying) else FAILED), _NOT_GOING


def _went_along(outcomes: dict[Key, Outcome], outcome: Outcome) -> bool:
    """Return whether an item without a request of its own was deleted with its project or with its iterations."""
    whole = outcomes.get((outcome.project, "projects", outcome.project))
    if whole and _done(whole):
        return True
    return bool(outcome.goes_with) and all(_done(outcomes[key]) for key in outcome.goes_with)


def _accepted(outcome: Outcome) -> bool:
    return 200 <= outcome.status < 300


def _may_be_done(outcome: Outcome) -> bool:
    """Return whether a call that was not refused may have deleted an item."""
    return outcome.lost or (bool(outcome.at) and not 300 <= outcome.status < 500)


def _done(outcome: Outcome) -> bool:
    """Return whether this erasure deleted an item, by its answers: accepted, or not found after a lost answer."""
    return _accepted(outcome) or (outcome.status == 404 and outcome.lost)


def counted(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return the number of items in each state."""
    return dict(Counter(outcome.state for outcome in outcomes))


def as_json(outcomes: Iterable[Outcome]) -> list[Json]:
    """Return outcomes in the form that the evidence has."""
    return [{name: getattr(outcome, name) for name in _SHOWN} for outcome in outcomes]
