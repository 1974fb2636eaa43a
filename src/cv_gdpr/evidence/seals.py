"""Who vouches for a run, and since when it exists: what it promises when it begins, and keeps when it ends.

The ledger's first line of a run says who will sign and who will time-stamp, so that a lacking signature or time-stamp
contradicts the ledger. A time-stamp over the ledger's very first line is fetched before the first deletion, so that the
beginning cannot be dated back; one over the evidence at the end, so that neither can the result; and one over the
signature, since only that says when it was made: the evidence exists before its signature.
"""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

from msgspec.structs import replace

from cv_gdpr.archive.writing import storing, write_new
from cv_gdpr.errors import NotSealed, UsageError
from cv_gdpr.evidence import files
from cv_gdpr.evidence.approval import Approval, keep
from cv_gdpr.evidence.clock import moment
from cv_gdpr.evidence.events import Calling, Event, Opened, line_of
from cv_gdpr.evidence.ledger import Chain, Ledger
from cv_gdpr.evidence.records import Evidence
from cv_gdpr.sealing.authority import Authority
from cv_gdpr.sealing.checking import WRONG, Anchors, refuse_to_part, stamp_on
from cv_gdpr.sealing.ssh import Signer


class Seals(NamedTuple):
    """What --sign and --timestamp ask for, and who approved the plan."""

    signer: Signer | None = None
    authority: Authority | None = None
    approval: Approval | None = None

    def after(self, event: Event) -> Self:
        """Return the same, whose authority gives no time-stamp earlier than an event of the ledger."""
        at = moment(event.at)
        return self._replace(authority=self.authority and dataclasses.replace(self.authority, earliest=at))


NO_SEALS = Seals()


def begin(ledger: Ledger, opened: Opened, seals: Seals) -> None:
    """Write the first event of a run, and time-stamp the beginning of the ledger.

    Raise NotSealed, with nothing left behind by a first run, if there is no time-stamp; UsageError if an earlier run
    promised more than this one; StorageError.
    """
    is_first = not ledger.events
    fingerprint = seals.signer.fingerprint if seals.signer else ""
    authority = seals.authority.name if seals.authority else ""
    approval = seals.approval
    by, sha256 = (approval.words, approval.sha256) if approval else ("", "")
    refuse_less(ledger.events, seals)
    kept: list[Path] = []
    try:
        ledger.clock.follow(opened.listed_from, "the plan")
        if approval:
            kept = keep(ledger.path, approval)
        ledger.write(replace(opened, signer=fingerprint, authority=authority, approved_by=by, approval=sha256))
        if stamping := seals.after(ledger.events[0]).authority:
            _stamp_beginning(ledger, stamping)
    except BaseException:
        if is_first:
            ledger.discard()
            for place in kept:
                place.unlink(missing_ok=True)
        raise


def refuse_less(events: Iterable[Event], seals: Seals) -> None:
    """Raise UsageError if the run that is resumed had an option that this one lacks: the evidence is of both."""
    runs = [event for event in events if isinstance(event, Opened)]
    for before in runs[-1:]:
        options = (
            ("--sign", before.signer, seals.signer),
            ("--timestamp", before.authority, seals.authority),
            ("--approved-by", before.approved_by, seals.approval),
        )
        for option, who, given in options:
            if who and not given:
                words = f"the run that this one resumes was begun with {option}, for {who}"
                raise UsageError(words, f"give {option} again; this run deleted nothing")


def _stamp_beginning(ledger: Ledger, authority: Authority) -> None:
    """Time-stamp the ledger's first line; not after a deletion was sent: it would not show what it is there for."""
    first, token = line_of(ledger.events[0]) + b"\n", files.begin_token_of(ledger.path)
    if os.path.lexists(token):
        if (found := stamp_on(first, token, Anchors())).proof == WRONG:
            raise UsageError(f"{token}: {found.why}", "move it away, and try again")
    elif not any(isinstance(event, Calling) for event in ledger.events):
        _write(token, authority.stamp(first))


def write(path: Path, chain: Chain, seals: Seals) -> tuple[Evidence, list[str]]:
    """Write the files of a run that has ended, time-stamp and sign them; return the evidence, and what is lacking.

    Raise StorageError.
    """
    lacking, seals = list[str](), seals.after(chain.events[-1])

    def stamp(evidence: bytes) -> None:
        try:
            if seals.authority and not os.path.lexists(files.token_of(path)):
                _write(files.token_of(path), seals.authority.stamp(evidence))
        except NotSealed as error:
            lacking.append(error.message)

    evidence = files.write(path, chain, stamp)
    return evidence, lacking + sign(path, seals, answers=not lacking)


def sign(path: Path, seals: Seals, *, answers: bool) -> list[str]:
    """Sign the list of hashes, and time-stamp the signature, unless that is done; return what is lacking.

    Where the authority no longer `answers`, it is not asked again. Raise UsageError for the time-stamp of another
    signature than the one that will be written; StorageError.
    """
    place, token = files.signature_of(path), files.signed_at_of(path)
    try:
        if seals.signer and not os.path.lexists(place):
            signature = seals.signer.sign(files.hashes_of(path).read_bytes())
            refuse_to_part(token, signature)
            _write(place, signature)
        if seals.authority and answers and place.is_file() and not os.path.lexists(token):
            _write(token, seals.authority.stamp(place.read_bytes()))
    except NotSealed as error:
        return [error.message]
    return []


def _write(place: Path, content: bytes) -> None:
    with storing(place):
        write_new(place, content)
