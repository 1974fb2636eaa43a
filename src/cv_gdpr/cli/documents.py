"""The JSON documents that --json prints, as records: one for each command.

Imported on use, for msgspec takes time to load. docs/json.md shows the schemas, made from these records.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, field
from msgspec.structs import asdict

from cv_gdpr.cli.failure import Document, End, ExitCode, Part, Retryable, Start
from cv_gdpr.cli.output import absolute, now, start_of_run
from cv_gdpr.cli.search_documents import SearchDocument, of_search
from cv_gdpr.cli.verify_documents import (
    Approval,
    Signature,
    TimeStamp,
    Uncompared,
    of_approval,
    of_signature,
    of_stamp,
)
from cv_gdpr.delete.plan import FORMAT as PLAN
from cv_gdpr.delete.plan import Plan
from cv_gdpr.errors import worst
from cv_gdpr.evidence.records import (
    ByHand,
    Count,
    DeletedResource,
    Evidence,
    Item,
    SearchedScope,
    Sha256,
    State,
    Unread,
)
from cv_gdpr.export.result import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.evidence.vouching import Verified
    from cv_gdpr.export.result import ExportResult
    from cv_gdpr.sealing.bags import BagVouching
    from cv_gdpr.verify import Verification


class RowResult(Part, kw_only=True, frozen=True):
    """What was exported of one row of the table."""

    row: str
    held: Annotated[int, Meta(description="How many the service holds.")]
    exported: Annotated[int, Meta(description="How many of them are in the folder, with their bytes.")]
    bytes: int
    verdict: Verdict


class ProjectFolder(Part, kw_only=True, frozen=True):
    """Which folder below data/ holds a project."""

    id: str
    folder: str


class Missing(Part, kw_only=True, frozen=True):
    """An item that was not exported, or a listing that failed: then `id` is null."""

    project: str | None
    row: str
    iteration: Annotated[str | None, Meta(description="The iteration that it belongs to; null: the project itself.")]
    file: Annotated[
        str | None,
        Meta(
            description="The file, in the folder of the iteration or project, that lacks it; iterations.jsonl: what "
            "the row holds in every iteration; null: bytes, or nothing that the folder should hold."
        ),
    ]
    id: str | None
    source: Annotated[str | None, Meta(description="The address of its bytes, without the signature.")]
    reason: str


class Flagged(Part, kw_only=True, frozen=True):
    """A file that is kept as the service stores it though it is unusual: its path in the folder, and why."""

    project: str
    file: str
    flag: str


class Reused(Part, kw_only=True, frozen=True):
    """How much was taken from an earlier export instead of downloaded."""

    began: Annotated[str, Meta(description="When that export began, as its bag-info.txt says.")]
    files: int
    bytes: int


class NotReused(Part, kw_only=True, frozen=True):
    """Something of an earlier export that was not taken, but downloaded or read again."""

    export: str
    file: Annotated[str | None, Meta(description="null: the folder of the export itself is gone.")]
    reason: str


class TrustedList(Part, kw_only=True, frozen=True):
    """A list of an iteration that was taken from an earlier export: count and lastModified have not changed since."""

    project: str
    iteration: str
    file: str
    read: Annotated[str, Meta(description="When the export began that read the list from the service.")]


class ExportDocument(SearchDocument, kw_only=True, frozen=True, tag="cv-gdpr-export/1"):
    """What `export` prints: what of each row was held and exported, and each item that is missing.

    Where nothing is missing the folder is a bag; else the same command with the same `--out` tries the missing items
    again.
    """

    folder: str
    complete: bool
    rows: list[RowResult]
    projects: list[ProjectFolder]
    missing: list[Missing]
    flagged: list[Flagged]
    reused: list[Reused]
    not_reused: list[NotReused]
    trusted: list[TrustedList]
    absent: Annotated[dict[str, str], Meta(description="File about the account: why the identity may not read it.")]
    there: Annotated[int, Meta(description="How many files were in the folder before: it resumed a run.")]
    lacking: Annotated[list[str], Meta(description="Why a signature or time-stamp that was asked for is not there.")]
    reference: str
    operator: str


class VerifyDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-verify/1"):
    """What `verify` prints: whether an export, or the evidence of an erasure, is what it was, and each difference.

    An export has its `folder`, and what was counted in it; evidence, or a ledger alone, has its `file`. What does not
    apply is null.
    """

    folder: str | None
    file: str | None
    verified: Annotated[bool, Meta(description="Whether nothing differs and nothing is missing: the exit code is 0.")]
    complete: Annotated[bool | None, Meta(description="Whether the export says that nothing is missing in it.")]
    missing: Annotated[int | None, Meta(description="How many entries its missing.jsonl has.")]
    differences: list[str]
    uncompared: Uncompared
    files: int | None
    bytes: int | None
    records: int | None
    flagged: Annotated[int | None, Meta(description="How many files are kept though unusual: see files.jsonl.")]
    reference: Annotated[str | None, Meta(description="Of evidence; an export has its own in `export`.")]
    operator: Annotated[str | None, Meta(description="Of evidence; an export has its own in `export`.")]
    recheck_of: Annotated[str | None, Meta(description="Of a recheck's evidence: the evidence it looked at again.")]
    redacted: Annotated[
        int | None, Meta(description="How many items were taken out of it after erasures: see redactions.jsonl.")
    ]
    export: Annotated[dict[str, str] | None, Meta(description="What a proved export says of itself.")]
    signature: Signature | None
    existed: Annotated[TimeStamp | None, Meta(description="The time-stamp of the export, or of the evidence.")]
    begun: Annotated[TimeStamp | None, Meta(description="Of evidence: the time-stamp of its ledger's first line.")]
    approval: Annotated[Approval | None, Meta(description="Of evidence: who approved the plan; null: nobody.")]


class DemoDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-demo/1"):
    """What `demo` prints: the document of its export, and that of the verification after it."""

    export: ExportDocument
    verification: VerifyDocument


class PlanDocument(Plan, kw_only=True, frozen=True, tag=PLAN, omit_defaults=False):
    """What `delete --dry-run` prints: the plan, which names by id everything that would be deleted.

    `--save-plan` writes the same without `total`, `outsideTheApi`, `signedInAs`, `exitCode`, `retryable`, `start`
    and `end`.
    """

    hash_: Annotated[Sha256, Meta(description="Of the saved plan.")] = field(name="hash")
    total: Annotated[int, Meta(description="How many items would be deleted.")]
    outside_the_api: list[ByHand]
    signed_in_as: Annotated[str, Meta(description="Who asks: the fingerprint of the key, or ids of Entra ID.")]
    exit_code: ExitCode
    retryable: Retryable
    start: Start = field(default_factory=start_of_run)
    end: End = field(default_factory=now)


class DeleteDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-delete/1"):
    """What `delete` prints: the verdict, the counts and what is left, as the evidence has them, and where that lies.

    Where only rows were asked for that no operation of the API deletes, nothing is sent and no evidence is written:
    the paths, the scope and the hash of the plan are null.
    """

    verdict: str
    scope: SearchedScope | None
    counts: Annotated[dict[State, Count], Meta(description="State: how many items of the plan are in it.")]
    deleted_before: Annotated[int, Meta(description="How many an earlier run deleted, which this one resumed.")]
    residue: list[Item]
    not_found: Annotated[
        list[str], Meta(description="The selector values that matched nothing: ids, others as a hash.")
    ]
    protected: Annotated[list[str], Meta(description="The ids of the projects that are never touched.")]
    failed: Annotated[list[Unread], Meta(description="Projects in scope that could not be read, and so stay.")]
    outside_the_api: list[ByHand]
    resource: Annotated[
        DeletedResource | None, Meta(description="The Azure resource that was deleted; null: none was to be.")
    ]
    plan_hash: str | None
    evidence: str | None
    ledger: str | None
    certificate: str | None
    hashes: str | None
    signature: Annotated[str | None, Meta(description="The signature of the list of hashes; null: it is not signed.")]
    time_stamps: Annotated[list[str], Meta(description="Of the ledger's first line, and of the evidence.")]
    lacking: Annotated[list[str], Meta(description="Why a signature or time-stamp that was asked for is not there.")]
    completed_from_ledger: Annotated[bool, Meta(description="An earlier run did it; this one completed its files.")]
    reference: str
    operator: str
    redact_with: Annotated[
        str | None, Meta(description="The command that takes what was erased out of the export of --require-export.")
    ]
    calls: dict[str, int]


def of_export(result: "ExportResult", lacking: Sequence[str] = ()) -> ExportDocument:
    """Return the document of an export; `lacking` says why it is not signed or time-stamped."""
    return ExportDocument(
        exit_code=worst((result.exit_code, 3 if lacking else 0)),
        retryable=result.retryable,
        **of_search(result),
        folder=absolute(result.folder),
        complete=result.exit_code == 0,
        rows=[
            RowResult(row=row, held=one.held, exported=one.exported, bytes=one.bytes, verdict=result.verdict(row))
            for row, one in result.rows.items()
        ],
        projects=[ProjectFolder(**project) for project in result.projects],
        missing=[Missing(**entry) for entry in result.missing],
        flagged=[Flagged(**entry) for entry in result.flagged],
        reused=[Reused(began=began, **one._asdict()) for began, one in sorted(result.reused.items())],
        not_reused=[NotReused(**one) for one in result.damaged],
        trusted=[TrustedList(**one) for one in result.trusted],
        absent=result.absent,
        there=result.there,
        lacking=list(lacking),
        reference=result.reference,
        operator=result.operator,
    )


def of_verification(result: "Verification", vouching: "BagVouching | None" = None) -> VerifyDocument:
    """Return the document of an export's verification."""
    return VerifyDocument(
        exit_code=result.exit_code,
        retryable=False,
        folder=absolute(result.folder),
        file=None,
        verified=result.exit_code == 0,
        complete=not result.incomplete,
        missing=result.missing,
        differences=result.differences,
        uncompared=[],
        files=result.files,
        bytes=result.bytes,
        records=result.records,
        flagged=result.flagged,
        reference=None,
        operator=None,
        recheck_of=None,
        redacted=result.redacted,
        export=dict(result.bag_info),
        signature=of_signature(vouching.signed) if vouching else None,
        existed=of_stamp(vouching.existed) if vouching else None,
        begun=None,
        approval=None,
    )


def of_evidence(path: "Path", done: "Verified", evidence: Evidence | None = None) -> VerifyDocument:
    """Return the document of the verification of evidence (`evidence`, if it is proved), or of a ledger."""
    vouching = done.vouching
    return VerifyDocument(
        exit_code=done.exit_code,
        retryable=False,
        folder=None,
        file=absolute(path),
        verified=done.exit_code == 0,
        complete=None,
        missing=None,
        differences=done.differences,
        uncompared=done.found.uncompared,
        files=None,
        bytes=None,
        records=None,
        flagged=None,
        reference=evidence.reference if evidence else None,
        operator=evidence.operator if evidence else None,
        recheck_of=evidence.recheck_of if evidence else None,
        redacted=None,
        export=None,
        signature=of_signature(vouching.signed) if vouching else None,
        existed=of_stamp(vouching.existed) if vouching else None,
        begun=of_stamp(vouching.begun) if vouching else None,
        approval=of_approval(vouching.approved) if vouching else None,
    )


def of_demo(result: "ExportResult", checked: "Verification") -> DemoDocument:
    """Return the document of a demo."""
    return DemoDocument(
        exit_code=result.exit_code or checked.exit_code,
        retryable=result.retryable,
        export=of_export(result),
        verification=of_verification(checked),
    )


def of_instructions(verdict: str, outside: list[ByHand]) -> DeleteDocument:
    """Return the document of a command that asked only for what no operation of the API deletes."""
    return DeleteDocument(
        exit_code=3,
        retryable=False,
        verdict=verdict,
        scope=None,
        counts={},
        deleted_before=0,
        residue=[],
        not_found=[],
        protected=[],
        failed=[],
        outside_the_api=outside,
        resource=None,
        plan_hash=None,
        evidence=None,
        ledger=None,
        certificate=None,
        hashes=None,
        signature=None,
        time_stamps=[],
        lacking=[],
        completed_from_ledger=False,
        reference="",
        operator="",
        redact_with=None,
        calls={},
    )


def of_plan(plan: Plan, outside: list[ByHand], who: str, exit_code: int) -> PlanDocument:
    """Return the document of a dry run by `who`."""
    return PlanDocument(
        **asdict(plan),
        hash_=plan.hash,
        total=plan.total,
        outside_the_api=[*plan.copies, *outside],
        signed_in_as=who,
        exit_code=exit_code,
        retryable=any(one.again for one in plan.failed),
    )


def of_erasure(
    erased: "Erased", files: dict[str, str], calls: dict[str, int], redact_with: str | None
) -> DeleteDocument:
    """Return the document of an erasure; `files` are the paths of its evidence."""
    from cv_gdpr.evidence.files import signature_of, tokens_at

    evidence, signature = erased.evidence, signature_of(erased.path)
    return DeleteDocument(
        exit_code=erased.exit_code,
        retryable=evidence.retryable,
        verdict=evidence.verdict,
        scope=evidence.scope,
        counts=evidence.counts,
        deleted_before=erased.deleted_before,
        residue=evidence.residue,
        not_found=evidence.not_found,
        protected=evidence.protected,
        failed=evidence.failed,
        outside_the_api=erased.outside_the_api,
        resource=evidence.resource,
        plan_hash=evidence.plan_hash,
        signature=str(signature) if signature.is_file() else None,
        time_stamps=[str(token) for token in tokens_at(erased.path)],
        lacking=list(erased.lacking),
        completed_from_ledger=erased.completed,
        reference=evidence.reference,
        operator=evidence.operator,
        redact_with=redact_with,
        calls=calls,
        **{name: absolute(path) for name, path in files.items()},
    )
