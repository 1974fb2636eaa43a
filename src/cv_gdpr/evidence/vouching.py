"""What the signature and the time-stamps beside evidence prove, compared with what its ledger promises."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cv_gdpr.evidence.events import Calling, Closed, Event, Opened
from cv_gdpr.evidence.files import begin_token_of, hashes_of, ledger_of, signature_of, token_of
from cv_gdpr.evidence.ledger import Chain, chained
from cv_gdpr.sealing.checking import (
    NONE,
    PROVEN,
    WRONG,
    Anchors,
    Signed,
    Stamped,
    signature_on,
    stamp_on,
)
from cv_gdpr.sealing.tokens import TOLERANCE


class Vouching(NamedTuple):
    """Who signed evidence, since when it exists, since when its ledger's first line exists, and what differs."""

    signed: Signed
    existed: Stamped
    begun: Stamped
    differences: list[str]


def vouched(path: Path, anchors: Anchors) -> Vouching:
    """Return what the files beside the evidence at `path` prove; a file that is missing proves nothing."""
    ledger = _content(ledger_of(path))
    chain = chained(ledger)
    existed = stamp_on(_content(path), token_of(path), anchors)
    begun = stamp_on(ledger.partition(b"\n")[0] + b"\n", begin_token_of(path), anchors)
    signed = signature_on(_content(hashes_of(path)), signature_of(path), anchors, _proven_time(existed))
    differences = [
        *_of_signature(path, signed, _promised(chain, last=True), anchors),
        *_of_stamp(token_of(path), existed, asked=anchors.authorities is not None),
        *_of_stamp(begin_token_of(path), begun, asked=False),
        *_broken_promises(path, chain, existed, begun),
        *_of_times(path, chain, existed, begun),
    ]
    return Vouching(signed, existed, begun, differences)


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _proven_time(existed: Stamped) -> datetime | None:
    """Return the time that a time-stamp proves: at that time, and not now, the signer's key must be valid."""
    return existed.time if existed.proof == PROVEN else None


def _promised(chain: Chain, *, last: bool) -> Opened | None:
    """Return how the last run began, or the first one: what it says of signature and time-stamps."""
    runs = [event for event in chain.events if isinstance(event, Opened)]
    return runs[-1 if last else 0] if runs else None


def _of_signature(path: Path, signed: Signed, run: Opened | None, anchors: Anchors) -> list[str]:
    name, promised = signature_of(path).name, run.signer if run else ""
    if signed.proof == NONE and promised:
        return [f"{name}: missing, though the ledger says that the key {promised} signs"]
    if signed.proof == NONE and anchors.signers:
        return [f"{name}: missing: not signed"]
    if signed.proof == WRONG:
        return [f"{name}: {signed.why}"]
    if promised and signed.key and signed.key != promised:
        return [f"{name}: signed with the key {signed.key}, though the ledger says that the key {promised} signs"]
    return []


def _of_stamp(token: Path, stamped: Stamped, *, asked: bool) -> list[str]:
    if stamped.proof == NONE and asked:
        return [f"{token.name}: missing: not time-stamped"]
    return [f"{token.name}: {stamped.why}"] if stamped.proof == WRONG else []


def _broken_promises(path: Path, chain: Chain, existed: Stamped, begun: Stamped) -> list[str]:
    first, last = _promised(chain, last=False), _promised(chain, last=True)
    lacking = [
        (token_of(path), last, existed.proof == NONE),
        (begin_token_of(path), first, begun.proof == NONE),
    ]
    return [
        f"{token.name}: missing, though the ledger says that {run.authority} time-stamps it"
        for token, run, is_lacking in lacking
        if is_lacking and run and run.authority
    ]


def _of_times(path: Path, chain: Chain, existed: Stamped, begun: Stamped) -> list[str]:
    """Return where the times of the time-stamps contradict those in the ledger."""
    found = []
    if chain.events and existed.time and isinstance(chain.events[-1], Closed):
        if existed.time < _time(chain.events[-1]) - TOLERANCE:
            found.append(f"{token_of(path).name}: {existed.shown} is before the run ended, according to the ledger")
    if chain.events and begun.time:
        if begun.time < _time(chain.events[0]) - TOLERANCE:
            found.append(f"{begin_token_of(path).name}: {begun.shown} is before the run began, according to the ledger")
        if begun.time > _time(_first_deletion(chain.events)) + TOLERANCE:
            found.append(f"{begin_token_of(path).name}: {begun.shown} is after the first deletion in the ledger")
    return found


def _first_deletion(events: list[Event]) -> Event:
    """Return the event of the first deletion that was sent; the last event if none was."""
    return next((event for event in events if isinstance(event, Calling)), events[-1])


def _time(event: Event) -> datetime:
    return datetime.fromisoformat(event.at)
