"""Times that contradict each other: within a ledger, and between it and the time-stamps beside it.

That no line is earlier than the line before it is a matter of the chain: see `ledger`.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from cv_gdpr.evidence.clock import moment
from cv_gdpr.evidence.events import Calling, Closed, Event, Opened
from cv_gdpr.evidence.files import begin_token_of, signed_at_of, token_of
from cv_gdpr.evidence.ledger import Chain
from cv_gdpr.sealing.checking import Stamped
from cv_gdpr.sealing.tokens import TOLERANCE


def impossible_in(chain: Chain) -> list[str]:
    """Return which times that a ledger states do not fit its lines: a listing after its run began, or another end."""
    try:
        return list(_impossible(chain))
    except ValueError as error:
        return [f"a time of no calendar: {error}"]


def _impossible(chain: Chain) -> Iterator[str]:
    for event in chain.events:
        if isinstance(event, Opened) and moment(event.listed_from) > moment(event.at):
            yield f"line {event.n}: the listing began at {event.listed_from}, after this line ({event.at})"
    for before, event in pairwise(chain.events):
        if isinstance(event, Closed) and not _is_between(before.at, event.document.finished, event.at):
            yield f"line {event.n}: the run ended at {event.document.finished}, which is not between the last two lines"


def _is_between(first: str, stated: str, last: str) -> bool:
    return moment(first) <= moment(stated) <= moment(last)


def impossible_for(path: Path, chain: Chain, existed: Stamped, begun: Stamped, signed_at: Stamped) -> list[str]:
    """Return where the time-stamps of evidence contradict its ledger, or each other.

    `existed` is that of the evidence, `begun` that of the ledger's first line, `signed_at` that of the signature.
    """
    if not chain.events:
        return []
    first, last = chain.events[0], chain.events[-1]
    ended, deleted = last.at if isinstance(last, Closed) else "", _first_deletion(chain.events)
    by_ledger, by_stamp = "according to the ledger", f"according to {token_of(path).name}"
    wrong = [
        (token_of(path), existed, _is_before(existed, ended), f"before the run ended, {by_ledger}"),
        (begin_token_of(path), begun, _is_before(begun, first.at), f"before the run began, {by_ledger}"),
        (begin_token_of(path), begun, _is_after(begun, deleted), f"after the first deletion, {by_ledger}"),
        (signed_at_of(path), signed_at, _is_before(signed_at, ended), f"before the run ended, {by_ledger}"),
        (signed_at_of(path), signed_at, _is_before(signed_at, existed.shown), f"before what it signs, {by_stamp}"),
    ]
    return [f"{token.name}: {stamped.shown} is {words}" for token, stamped, holds, words in wrong if holds]


def _first_deletion(events: list[Event]) -> str:
    """Return when the first deletion was sent; the time of the last event if none was."""
    return next((event for event in events if isinstance(event, Calling)), events[-1]).at


def _is_before(stamped: Stamped, time: str) -> bool:
    return stamped.time is not None and bool(time) and stamped.time < moment(time) - TOLERANCE


def _is_after(stamped: Stamped, time: str) -> bool:
    return stamped.time is not None and stamped.time > moment(time) + TOLERANCE
