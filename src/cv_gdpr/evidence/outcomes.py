"""The outcome of each planned item, derived from the ledger's events alone, so that anyone can derive it again."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from cv_gdpr.evidence.events import (
    Answered,
    Calling,
    Event,
    Failed,
    Held,
    Left,
    Looked,
    Opened,
    Stopped,
    Vanished,
)
from cv_gdpr.evidence.records import Item, State
from cv_gdpr.languages import message
from cv_gdpr.table.categories import IMAGES, ITERATIONS, PROJECTS

DELETED: Final = "deleted"  # deleted by this erasure, and not found afterwards
GONE: Final = "gone already"  # it did not exist when the deletion was due
RESIDUE: Final = "residue"  # the service accepted the deletion, but it still exists
FAILED: Final = "failed"  # the service did not delete it, and it still exists
LEFT: Final = "left"  # no deletion was requested, for the given reason
UNPROVED: Final = "not verified"  # it could not be looked for afterwards

Key: TypeAlias = tuple[str, str, str]
"""Project, row and id of an item."""


@dataclass
class Outcome:
    """An item, its state, and the service's answer (status, request id, time) to its deletion."""

    project: str
    row: str
    id: str
    state: State = UNPROVED
    status: int = 0
    request_id: str = ""
    at: str = ""
    reason: str = ""
    goes_with: list[Key] = field(default_factory=list)  # planned iterations that hold it: it may go with them
    lost: bool = False  # an earlier request, whose answer was lost, may have deleted it
    again: bool = False  # it was left, but the same command may delete it later
    rechecked: bool = False  # nothing is deleted: earlier evidence says that it is gone

    @property
    def may_change(self) -> bool:
        """Whether the same command may delete it later, or find it gone."""
        if self.rechecked:
            return self.state == UNPROVED
        return self.state in {RESIDUE, FAILED, UNPROVED} or (self.state == LEFT and self.again)


_NOT_GOING = message("its iteration is still there")
_NO_ANSWER = message("no answer came")
Outcomes: TypeAlias = dict[Key, Outcome]


def outcomes_of(events: Iterable[Event]) -> list[Outcome]:
    """Return the outcome of every planned item, in the plan's order."""
    outcomes: Outcomes = {}
    for event in events:
        _apply(outcomes, event)
    return list(outcomes.values())


def _apply(outcomes: Outcomes, event: Event) -> None:
    match event:
        case Opened():
            _plan(outcomes, event)
        case Held():
            _hold(outcomes, event)
        case Vanished():
            _vanish(outcomes, event)
        case Calling():
            _call(outcomes, event)
        case Answered():
            _answer(outcomes, event)
        case Left():
            _leave_in_place(outcomes, event)
        case Failed() | Stopped():
            _explain(outcomes, event)
        case Looked():
            _look(outcomes, event)


def _plan(outcomes: Outcomes, event: Opened) -> None:
    for project, rows in event.planned.items():
        for row, ids in rows.items():
            for one in ids:
                key = (project, row, one)
                known = outcomes.get(key)
                outcomes[key] = (
                    _planned_again(known) if known else Outcome(*key, rechecked=event.recheck_of is not None)
                )


def _planned_again(outcome: Outcome) -> Outcome:
    """Return an item's outcome at the start of a resumed run; the earlier answers still decide who deleted it."""
    lost = _may_be_done(outcome)
    return replace(outcome, state=UNPROVED, reason="", goes_with=[], lost=lost, again=False)


def _hold(outcomes: Outcomes, event: Held) -> None:
    """Record which planned iterations hold an image: it may be deleted with them."""
    for iteration, ids in event.iterations.items():
        holder = (event.project, ITERATIONS, iteration)
        for identity in ids if holder in outcomes else ():
            if outcome := outcomes.get((event.project, IMAGES, identity)):
                outcome.goes_with.append(holder)


def _of(outcomes: Outcomes, event: Vanished | Calling | Answered | Left | Looked, ids: list[str]) -> Iterator[Outcome]:
    for identity in ids:
        outcome = outcomes.get((event.project, event.row, identity))
        if outcome:
            yield outcome


def _vanish(outcomes: Outcomes, event: Vanished) -> None:
    for outcome in _of(outcomes, event, event.ids):
        if not (_may_be_done(outcome) or _went_along(outcomes, outcome)):
            outcome.state = GONE


def _call(outcomes: Outcomes, event: Calling) -> None:
    for outcome in _of(outcomes, event, event.ids):
        outcome.at, outcome.reason, outcome.state = event.at, _NO_ANSWER, UNPROVED


def _answer(outcomes: Outcomes, event: Answered) -> None:
    for outcome in _of(outcomes, event, event.ids):
        outcome.status, outcome.request_id, outcome.at = event.status, event.request_id, event.at
        outcome.reason, outcome.lost = event.reason, outcome.lost or event.earlier_try
        outcome.state = UNPROVED


def _leave_in_place(outcomes: Outcomes, event: Left) -> None:
    for outcome in _of(outcomes, event, event.ids):
        outcome.state, outcome.reason, outcome.again = LEFT, event.reason, event.again


def _explain(outcomes: Outcomes, event: Failed | Stopped) -> None:
    """Record why a project's items were not requested, or could not be looked for."""
    for outcome in outcomes.values():
        if outcome.project == event.project and not outcome.reason and outcome.state == UNPROVED:
            outcome.reason = event.reason


def _look(outcomes: Outcomes, event: Looked) -> None:
    for outcome in _of(outcomes, event, event.gone):
        refused = outcome.status == 404 and not outcome.lost
        sent = outcome.at or _went_along(outcomes, outcome)
        outcome.state = DELETED if sent and not refused and outcome.state != GONE else GONE
        outcome.reason = ""
    for outcome in _of(outcomes, event, event.there):
        if outcome.state == LEFT:
            continue
        if outcome.goes_with and not outcome.at:
            _stay_with_iterations(outcomes, outcome)
        else:
            outcome.state = RESIDUE if _accepted(outcome) or outcome.rechecked else FAILED
            outcome.reason = "" if outcome.state == RESIDUE else outcome.reason


def _stay_with_iterations(outcomes: Outcomes, outcome: Outcome) -> None:
    """Set the state and reason of an item that still exists, but was to be deleted with its iterations."""
    staying = [outcomes[key] for key in outcome.goes_with if not _accepted(outcomes[key])]
    if not staying:
        outcome.state, outcome.reason = RESIDUE, ""
        return
    outcome.state = LEFT if all(holder.state == LEFT for holder in staying) else FAILED
    outcome.reason = outcome.reason or _NOT_GOING
    outcome.again = all(holder.again for holder in staying)


def _went_along(outcomes: Outcomes, outcome: Outcome) -> bool:
    """Return whether an item without a request of its own was deleted with its project or with its iterations."""
    whole = outcomes.get((outcome.project, PROJECTS, outcome.project))
    if whole and _took_all(whole):
        return True
    return bool(outcome.goes_with) and all(_took_all(outcomes[key]) for key in outcome.goes_with)


def _took_all(holder: Outcome) -> bool:
    """Return whether this erasure deleted a project or an iteration, and so what was in it.

    Where no answer said so, it must have been looked for: then it counts as deleted itself.
    """
    return _done(holder) or holder.state == DELETED


def _accepted(outcome: Outcome) -> bool:
    return 200 <= outcome.status < 300


def _may_be_done(outcome: Outcome) -> bool:
    """Return whether a call that was not refused may have deleted an item."""
    return outcome.lost or (bool(outcome.at) and not 300 <= outcome.status < 500)


def _done(outcome: Outcome) -> bool:
    """Return whether this erasure deleted an item, by its answers: accepted, or not found after a lost answer."""
    return _accepted(outcome) or (outcome.status == 404 and outcome.lost)


def counted(outcomes: Iterable[Outcome]) -> dict[State, int]:
    """Return the number of items in each state."""
    return dict(Counter(outcome.state for outcome in outcomes))


def items_of(outcomes: Iterable[Outcome]) -> list[Item]:
    """Return outcomes in the form that the evidence has."""
    return [
        Item(
            project=one.project,
            row=one.row,
            id=one.id,
            state=one.state,
            status=one.status,
            request_id=one.request_id,
            at=one.at,
            reason=one.reason,
        )
        for one in outcomes
    ]
