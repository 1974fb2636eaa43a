"""What `verify --json` prints of signatures and time-stamps, and its register of many files and folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import Meta

from cv_gdpr.cli.failure import Document, Part
from cv_gdpr.cli.output import absolute
from cv_gdpr.errors import worst
from cv_gdpr.sealing.checking import Proof, Signed, Stamped

if TYPE_CHECKING:
    from cv_gdpr.cli.certify import Done
    from cv_gdpr.cli.register import Entry
    from cv_gdpr.evidence.approval import Approved


class Signature(Part, kw_only=True, frozen=True):
    """What a signature proves. Without `--signer` it is at best "not proven": the key's owner is unknown."""

    proof: Proof
    by: Annotated[str | None, Meta(description="Who signed, as the list of allowed signers names them.")]
    key: Annotated[str | None, Meta(description="The fingerprint of the key.")]
    words: Annotated[str, Meta(description="The same for a person, or why it proves nothing.")]


class Approval(Part, kw_only=True, frozen=True):
    """Who approved the plan of an erasure, and what the signature of the plan, kept beside the evidence, proves."""

    stated: Annotated[str, Meta(description="Who did, and with which key, as the ledger says.")]
    signature: Signature
    words: Annotated[str, Meta(description="The same for a person: proven, or not proven and why.")]


class TimeStamp(Part, kw_only=True, frozen=True):
    """What a time-stamp proves. Without `--tsa-certificate` it is at best "not proven"."""

    proof: Proof
    time: Annotated[str | None, Meta(description="It existed at this time (UTC), according to the time-stamp.")]
    words: Annotated[str, Meta(description="The same for a person, or why it proves nothing.")]


Uncompared: TypeAlias = Annotated[
    list[str],
    Meta(
        description="What another version worded otherwise: not compared. If the exit code is 0, who signed it vouches."
    ),
]


class RegisterItem(Part, kw_only=True, frozen=True):
    """One export, erasure, recheck or plan; or a ledger without evidence, or something foreign or unreadable."""

    path: str
    kind: str
    reference: str
    date: Annotated[str, Meta(description="When the run ended, or the plan was made.")]
    scope: str
    outcome: str
    whole: Annotated[
        bool | None,
        Meta(description="Whether its files are what they were; null: that is not known, or it is foreign."),
    ]
    signature: Signature
    time_stamp: TimeStamp
    differences: list[str]
    uncompared: Uncompared
    operator: str
    approved_by: Annotated[str, Meta(description="Who approved the plan, and with which key, as the ledger says.")]
    recheck_of: Annotated[str, Meta(description="Of a recheck: the SHA-256 of the evidence it looked at again.")]
    resource: Annotated[str, Meta(description="The endpoint, or the Azure resource that was deleted; empty: unknown.")]
    projects: Annotated[list[str], Meta(description="The ids of the projects that it is about.")]
    run_exit_code: Annotated[
        int | None, Meta(description="Of the run, as the evidence says; `exitCode` is of this check; null: unknown.")
    ]
    exit_code: int


class RegisterDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-register/1"):
    """What `verify` prints of many files and folders: an item for each thing; files of one erasure are one thing."""

    items: list[RegisterItem]


class CertifyDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-certify/1"):
    """What `certify` prints: which files it wrote, and what vouches for the thing now."""

    path: str
    kind: Literal["evidence", "export", "plan"]
    written: list[str]
    unchanged: Annotated[list[str], Meta(description="The further certificates that stay as they were.")]
    signature: Signature
    existed: TimeStamp
    lacking: Annotated[list[str], Meta(description="Why a signature or time-stamp that was asked for is not there.")]


def of_certified(done: Done, code: int) -> CertifyDocument:
    """Return the document of `certify`."""
    return CertifyDocument(
        exit_code=code,
        retryable=code == 3,
        path=absolute(done.path),
        kind=done.kind,
        written=[absolute(place) for place in done.written],
        unchanged=[absolute(place) for place in done.unchanged],
        signature=of_signature(done.signed),
        existed=of_stamp(done.existed),
        lacking=[*done.lacking, *(f"announced, but {one}" for one in done.announced)],
    )


def of_signature(signed: Signed) -> Signature:
    """Return what a signature proves."""
    words = signed.why or signed.words
    return Signature(proof=signed.proof, by=signed.by or None, key=signed.key or None, words=words)


def of_stamp(stamped: Stamped) -> TimeStamp:
    """Return what a time-stamp proves."""
    return TimeStamp(proof=stamped.proof, time=stamped.shown or None, words=stamped.why or stamped.words)


def of_approval(approved: Approved | None) -> Approval | None:
    """Return what the approval beside evidence proves; None if nobody approved a plan."""
    if approved is None:
        return None
    return Approval(stated=approved.stated, signature=of_signature(approved.signed), words=approved.words)


def of_register(entries: list[Entry]) -> RegisterDocument:
    """Return the document of a register."""
    return RegisterDocument(
        exit_code=worst(one.exit_code for one in entries), retryable=False, items=[_of_entry(one) for one in entries]
    )


def _of_entry(entry: Entry) -> RegisterItem:
    return RegisterItem(
        path=absolute(entry.item.path),
        kind=entry.kind,
        reference=entry.reference,
        date=entry.date,
        scope=entry.scope,
        outcome=entry.outcome,
        whole=entry.whole,
        signature=of_signature(entry.signed),
        time_stamp=of_stamp(entry.existed),
        differences=entry.differences,
        uncompared=list(entry.uncompared),
        operator=entry.people.operator,
        approved_by=entry.people.approved_by,
        recheck_of=entry.people.recheck_of,
        resource=entry.about.resource,
        projects=list(entry.about.projects),
        run_exit_code=entry.about.run_exit_code,
        exit_code=entry.exit_code,
    )
