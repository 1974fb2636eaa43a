"""What the signature and the time-stamps beside evidence prove, compared with what its ledger promises."""

from pathlib import Path
from typing import NamedTuple

from cv_gdpr.archive.reading import reading
from cv_gdpr.evidence.approval import Approved, approved, content_at
from cv_gdpr.evidence.checking import Compared, compare
from cv_gdpr.evidence.events import Opened
from cv_gdpr.evidence.files import (
    begin_token_of,
    hashes_of,
    ledger_of,
    papers_at,
    signature_of,
    signed_at_of,
    token_of,
)
from cv_gdpr.evidence.ledger import Chain, chained
from cv_gdpr.evidence.shape import UNREAD, Shape, shape_in
from cv_gdpr.evidence.times import impossible_for
from cv_gdpr.sealing.checking import (
    NONE,
    PROVEN,
    WRONG,
    Anchors,
    Proof,
    Signed,
    Stamped,
    dated_signature_on,
    stamp_on,
)


class Vouching(NamedTuple):
    """Who signed evidence, since when it exists, since when its ledger's first line exists.

    And what is lacking though the ledger promises it or it was asked for, what contradicts, and the key that the ledger
    says will sign; and who approved the plan, if the ledger names anyone.
    """

    signed: Signed
    existed: Stamped
    begun: Stamped
    lacking: list[str]
    contradictions: list[str]
    promised_key: str
    approved: Approved | None

    @property
    def seals(self) -> Shape:
        """The same as a certificate says it."""
        signer = self.signed.key or _unread(self.signed)
        begun, existed = (one.shown or _unread(one) for one in (self.begun, self.existed))
        return Shape(signer=signer, begun=begun, existed=existed)

    @property
    def differences(self) -> list[str]:
        """All that makes a verification fail."""
        return [*self.lacking, *self.contradictions]


class Verified(NamedTuple):
    """What the verification of evidence, or of a ledger alone, found; nothing vouches for a ledger alone."""

    found: Compared
    lacking: list[str]  # also a signature or time-stamp that is wrong
    vouching: Vouching | None = None

    @property
    def differences(self) -> list[str]:
        """All that makes it fail."""
        return [*self.found.differences, *self.lacking]

    @property
    def unproven(self) -> list[str]:
        """What could not be compared, unless the signature over the hashes of all files is proven."""
        signed = self.vouching is not None and self.vouching.signed.proof == PROVEN
        return [] if signed and not self.differences else self.found.uncompared

    @property
    def whole(self) -> bool | None:
        """Whether the files are what they were; None if nobody vouches for what could not be compared."""
        return False if self.found.differences else None if self.unproven else True

    @property
    def exit_code(self) -> int:
        """4 for a difference, 3 if nobody vouches for what could not be compared."""
        return 4 if self.differences else 3 if self.unproven else 0


def verified(path: Path, anchors: Anchors) -> Verified:
    """Return what a verification of evidence finds; a value that is invalid differs alone.

    Raise Unreadable if the file, or one beside it, cannot be read; UsageError if it is not evidence.
    """
    try:
        with reading(path):
            found, vouching = compare(path), vouched(path.with_suffix(".json"), anchors)
    except (ValueError, ArithmeticError, RecursionError) as error:
        return Verified(Compared([f"a value that is invalid: {error}"], []), [])
    return Verified(found, vouching.differences, vouching)


def verified_ledger(path: Path, anchors: Anchors) -> Verified:
    """Return what a verification of a ledger alone finds; what `anchors` ask for cannot be shown of it."""
    asked = (anchors.signers, "a signature"), (anchors.authorities, "a time-stamp")
    lacking = [f"{what} covers evidence, not a ledger alone: verify NAME.json" for anchor, what in asked if anchor]
    with reading(path):
        return Verified(compare(path), lacking)


def vouched(path: Path, anchors: Anchors) -> Vouching:
    """Return what the files beside the evidence at `path` prove; a file that is missing proves nothing."""
    ledger = content_at(ledger_of(path))
    chain = chained(ledger)
    existed = stamp_on(content_at(path), token_of(path), anchors)
    begun = stamp_on(ledger.partition(b"\n")[0] + b"\n", begin_token_of(path), anchors)
    signed, dated = dated_signature_on(content_at(hashes_of(path)), signature_of(path), anchors)
    first, last = _run(chain, 0), _run(chain, -1)
    lacking = [
        _lacking(signature_of(path), signed.proof, _promise(last, "signer", "the key {} signs"), anchors.signers),
        _lacking(token_of(path), existed.proof, _promise(last, "authority", "{} time-stamps it"), anchors.authorities),
        _lacking(begin_token_of(path), begun.proof, _promise(first, "authority", "{} time-stamps it"), None),
    ]
    if signed.proof == NONE and signed_at_of(path).is_file():
        lacking.append(f"{signature_of(path).name}: missing, though {signed_at_of(path).name} is there")
    contradictions = [
        *_wrong(signature_of(path), signed),
        *_wrong(token_of(path), existed),
        *_wrong(begin_token_of(path), begun),
        *_wrong(signed_at_of(path), dated),
        *impossible_for(path, chain, existed, begun, dated),
    ]
    key = last.signer if last else ""
    if key and signed.key and signed.key != key:
        words = f"signed with the key {signed.key}, though the ledger says that the key {key} signs"
        contradictions.append(f"{signature_of(path).name}: {words}")
    approval = approved(path, chain, anchors, begun, signed)
    contradictions += approval.differences if approval else []
    found = Vouching(signed, existed, begun, list(filter(None, lacking)), contradictions, key, approval)
    _compare_with_papers(path, chain, found)
    return found


def _unread(found: Signed | Stamped) -> str:
    return "" if found.proof == NONE else UNREAD


def _compare_with_papers(path: Path, chain: Chain, found: Vouching) -> None:
    """Add where a further certificate names other seals than those that are beside it."""
    seals, runs = found.seals, [event for event in chain.events if isinstance(event, Opened)]
    promised = {run.authority for run in runs}
    places = {"signer": signature_of(path), "begun": begin_token_of(path), "existed": token_of(path)}
    for paper in papers_at(path):
        shape = shape_in(content_at(paper))
        if shape and shape.authority and found.existed.proof == NONE and shape.authority not in promised:
            found.contradictions.append(f"{paper.name}: says that {shape.authority} time-stamps it; nothing here does")
        for name, place in places.items():
            stated, real = getattr(shape, name, ""), getattr(seals, name)
            if stated in {"", real} or (UNREAD in {stated, real} and place.is_file()):
                continue
            if real:
                found.contradictions.append(f"{place.name}: {real}, though {paper.name} says {stated}")
            else:
                found.lacking.append(f"{place.name}: missing, though {paper.name} says {stated}")


def _run(chain: Chain, number: int) -> Opened | None:
    """Return how a run began: it says who will sign and time-stamp."""
    runs = [event for event in chain.events if isinstance(event, Opened)]
    return runs[number] if runs else None


def _promise(run: Opened | None, field: str, words: str) -> str:
    value = getattr(run, field) if run else ""
    return f"the ledger says that {words.format(value)}" if value else ""


def _lacking(place: Path, proof: Proof, promise: str, anchor: object) -> str:
    """Return why a file must be there; an empty text if it is there, or need not be."""
    if proof != NONE or not (promise or anchor):
        return ""
    return f"{place.name}: missing{f', though {promise}' if promise else ''}"


def _wrong(place: Path, found: Signed | Stamped) -> list[str]:
    return [f"{place.name}: {found.why}"] if found.proof == WRONG else []
