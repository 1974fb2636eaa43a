"""The JSON documents of the commands that follow an erasure: `redact` and `recheck`; imported on use."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from cv_gdpr.cli.failure import Document, Part
from cv_gdpr.cli.output import absolute
from cv_gdpr.evidence.document import METHOD_OF_RECHECK
from cv_gdpr.evidence.records import Count, Item, Sha256
from cv_gdpr.redact.copies import CANNOT_REACH
from cv_gdpr.verify.redactions import Named

if TYPE_CHECKING:
    from cv_gdpr.cli.recheck import Rechecked
    from cv_gdpr.cli.redact import Ended
    from cv_gdpr.redact.whole import Order


class ModelKept(Part, kw_only=True, frozen=True):
    """An iteration whose exported models stay: trained on what was erased, or with an erased tag in their labels."""

    project: str
    iteration: str


class RedactedBag(Part, kw_only=True, frozen=True):
    """What was done with one export."""

    bag: str
    made: Annotated[str | None, Meta(description="The new export; null: nothing had to be taken out, or it failed.")]
    in_place: bool
    taken: Annotated[dict[str, Count], Meta(description="Row: how many items were taken out.")]
    files: Count
    bytes: Count
    changed: Annotated[Count, Meta(description="How many records that stay lost a part, as a tag that was erased.")]
    still_holds: Annotated[Count, Meta(description="How many of the erased items `bag` still holds.")]
    linked_elsewhere: Annotated[Count, Meta(description="Files taken out whose bytes have another name on the disk.")]
    forgotten: Annotated[Count, Meta(description="Entries that were taken out of the index of `find`.")]
    signatures: Annotated[list[Named], Meta(description="Signatures that were dropped: they were of the bag before.")]
    models: list[ModelKept]
    copies_seen: Annotated[list[str], Meta(description="What lies beside it by its name, and was not changed.")]
    error: Annotated[str | None, Meta(description="Why nothing was done.")]


class RedactDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-redact/1"):
    """What `redact` prints: what was taken out of each export, and what still holds it."""

    evidence: str
    sha256: Annotated[Sha256, Meta(description="Of the evidence.")]
    reference: str
    operator: str
    bags: list[RedactedBag]
    not_reached: Annotated[str, Meta(description="Copies that no redaction reaches, in words.")]


def of_redact(order: "Order", ended: "list[Ended]", code: int) -> RedactDocument:
    """Return the document of a redaction."""
    return RedactDocument(
        exit_code=code,
        retryable=any(one.error.retryable for one in ended if one.error),
        evidence=absolute(order.proven.path),
        sha256=order.proven.sha256,
        reference=order.reference,
        operator=order.operator,
        bags=[_bag(one) for one in ended],
        not_reached=CANNOT_REACH,
    )


def _bag(ended: "Ended") -> RedactedBag:
    done = ended.done
    taken = done.taken if done else None
    return RedactedBag(
        bag=absolute(ended.bag),
        made=absolute(done.made) if done and done.made else None,
        in_place=bool(done and done.in_place),
        taken=taken.rows if taken else {},
        files=taken.files if taken else 0,
        bytes=taken.size if taken else 0,
        changed=taken.changed if taken else 0,
        still_holds=done.still_holds if done else 0,
        linked_elsewhere=taken.linked_elsewhere if taken else 0,
        forgotten=taken.forgotten if taken else 0,
        signatures=taken.signatures if taken else [],
        models=[ModelKept(project=one, iteration=other) for one, other in done.models] if done else [],
        copies_seen=[absolute(one) for one in done.copies] if done else [],
        error=ended.error.message if ended.error else None,
    )


class RecheckDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-recheck/1"):
    """What `recheck` prints: what the evidence says is gone, what is there again, and what could not be asked for."""

    evidence: str
    sha256: Annotated[Sha256, Meta(description="Of the evidence.")]
    verdict: str
    still_gone: Count
    there_again: list[Item]
    not_asked: Annotated[list[Item], Meta(description="Could not be looked for; `reason` says why.")]
    says_nothing_of: Annotated[str, Meta(description="What no recheck can see, in words.")]
    kept: Annotated[str | None, Meta(description="The evidence of this recheck, with `--evidence`.")]
    lacking: Annotated[list[str], Meta(description="Why a signature or time-stamp that was asked for is not there.")]
    reference: str
    operator: str
    calls: dict[str, int]


def of_recheck(done: "Rechecked") -> RecheckDocument:
    """Return the document of a recheck."""
    evidence = done.erased.evidence
    return RecheckDocument(
        exit_code=done.erased.exit_code,
        retryable=evidence.retryable,
        evidence=absolute(done.proven.path),
        sha256=done.proven.sha256,
        verdict=evidence.verdict,
        still_gone=len(evidence.items) - len(done.erased.left),
        there_again=done.there,
        not_asked=done.unknown,
        says_nothing_of=METHOD_OF_RECHECK.note,
        kept=absolute(done.erased.path) if done.kept else None,
        lacking=list(done.erased.lacking),
        reference=evidence.reference,
        operator=evidence.operator,
        calls=done.calls,
    )
