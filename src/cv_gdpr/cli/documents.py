"""The JSON documents that --json prints, as records: one for each command.

Imported on use, for msgspec takes time to load. docs/json.md shows the schemas, made from these records.
"""

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct, field
from msgspec.structs import asdict

from cv_gdpr.cli.failure import Document, ErrorDocument, ExitCode, Part, Retryable
from cv_gdpr.delete.plan import FORMAT as PLAN
from cv_gdpr.delete.plan import Plan
from cv_gdpr.doctor import State as CheckState
from cv_gdpr.evidence.records import ByHand, Count, Item, SearchedScope, Sha256, State, Unread
from cv_gdpr.export.result import Verdict
from cv_gdpr.masking import masked

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.cli.doctor import Examined
    from cv_gdpr.delete.account import AccountPlan
    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.delete.plan import ProjectPlan
    from cv_gdpr.doctor import Check
    from cv_gdpr.export.result import ExportResult
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
    id: str | None
    source: Annotated[str | None, Meta(description="The address of its bytes, without the signature.")]
    reason: str


class Flagged(Part, kw_only=True, frozen=True):
    """A file that is kept as the service stores it though it is unusual: its path in the folder, and why."""

    project: str
    file: str
    flag: str


class CopiesOutside(Part, kw_only=True, frozen=True):
    """A container or queue of the customer to which the service writes for a project: copies that no export holds."""

    project: str
    setting: str
    address: Annotated[str, Meta(description="Without credentials.")]


class ExportDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-export/1"):
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
    by_hand: Annotated[dict[str, str], Meta(description="Row: what a person must do, since no operation exports it.")]
    absent: Annotated[dict[str, str], Meta(description="File about the account: why the identity may not read it.")]
    copies_outside: Annotated[list[CopiesOutside], Meta(description="Copies outside this API, for a person to export.")]
    unmatched: Annotated[list[str], Meta(description="The selector values that matched nothing.")]
    not_searched: Annotated[dict[str, str], Meta(description="Row: why the selectors cannot narrow it.")]
    calls: Annotated[dict[str, int], Meta(description="Operation: how many calls were sent.")]
    seconds: float


class VerifyDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-verify/1"):
    """What `verify` prints: whether an export, or the evidence of an erasure, is what it was, and each difference.

    An export has its `folder`, and what was counted in it; evidence, or a ledger alone, has its `file`. What does not
    apply is null.
    """

    folder: str | None
    file: str | None
    verified: bool
    differences: list[str]
    files: int | None
    bytes: int | None
    records: int | None
    flagged: Annotated[int | None, Meta(description="How many files are kept though unusual: see files.jsonl.")]
    export: Annotated[dict[str, str] | None, Meta(description="What a proved export says of itself.")]


class DemoDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-demo/1"):
    """What `demo` prints: the document of its export, and that of the verification after it."""

    export: ExportDocument
    verification: VerifyDocument


class ProfileResult(Part, kw_only=True, frozen=True):
    """How the command ended for one profile."""

    profile: str
    exit_code: ExitCode
    retryable: Retryable
    result: Annotated[
        dict[str, Any] | None, Meta(description="The document that the command prints for it; null: it printed none.")
    ]


class ProfilesDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-profiles/1"):
    """What `export` and `delete` print with `--all-profiles`: the result of each profile, in the order of the file.

    The exit code is the worst of all: a signal, 4, 1, 5, 2, 3, 0.
    """

    profiles: list[ProfileResult]


class CheckResult(Part, kw_only=True, frozen=True):
    """A check of `doctor`: its name, and what it found."""

    name: str
    state: CheckState
    found: str
    hint: str | None


class ConnectionChecks(Part, kw_only=True, frozen=True):
    """The checks of one connection; the `profile` is null where options and environment name it."""

    profile: str | None
    checks: list[CheckResult]


class DoctorDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-doctor/1"):
    """What `doctor` prints: what it found about each connection and about this machine. It holds no key."""

    connections: list[ConnectionChecks]
    machine: list[CheckResult]
    versions: dict[str, str]


class PlanDocument(Plan, kw_only=True, frozen=True, tag=PLAN):
    """What `delete --dry-run` prints: the plan, which names by id everything that would be deleted.

    `--save-plan` writes the same without `total`, `outsideTheApi`, `signedInAs`, `exitCode` and `retryable`.
    """

    hash_: Annotated[Sha256, Meta(description="Of the saved plan.")] = field(name="hash")
    total: Annotated[int, Meta(description="How many items would be deleted.")]
    outside_the_api: list[ByHand]
    signed_in_as: Annotated[str, Meta(description="Who asks: the fingerprint of the key, or ids of Entra ID.")]
    exit_code: ExitCode
    retryable: Retryable


class AccountContents(Part, kw_only=True, frozen=True):
    """A project that dies with its resource: how many items of each row it holds."""

    project: str
    rows: dict[str, Count]
    exported_models: Count


class AccountPlanDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-account-plan/1"):
    """What `delete account --dry-run` prints: the Azure resource that would be deleted, and what dies with it."""

    resource_id: str
    kind: str
    location: str
    live: Annotated[bool, Meta(description="False: it is deleted already, and only the purge is left.")]
    purge: bool
    locks: list[str]
    siblings: Annotated[list[str], Meta(description="Custom Vision resources of the subscription that stay.")]
    projects: Annotated[list[AccountContents] | None, Meta(description="Null: they could not be read, see `unread`.")]
    failed: Annotated[list[Unread], Meta(description="Projects that could not be read, and die all the same.")]
    unread: str
    signed_in_as: str


class DeleteDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-delete/1"):
    """What `delete` prints: the verdict, the counts and what is left, as the evidence has them, and where that lies.

    Where only rows were asked for that no operation of the API deletes, nothing is sent and no evidence is written:
    the paths, the scope and the hash of the plan are null.
    """

    verdict: str
    scope: SearchedScope | None
    counts: Annotated[dict[State, Count], Meta(description="State: how many items of the plan are in it.")]
    residue: list[Item]
    not_found: Annotated[list[str], Meta(description="The selector values that were found nowhere.")]
    protected: Annotated[list[str], Meta(description="The ids of the projects that are never touched.")]
    failed: Annotated[list[Unread], Meta(description="Projects in scope that could not be read, and so stay.")]
    outside_the_api: list[ByHand]
    plan_hash: str | None
    evidence: str | None
    ledger: str | None
    certificate: str | None
    hashes: str | None
    completed_from_ledger: Annotated[bool, Meta(description="An earlier run did it; this one completed its files.")]
    calls: dict[str, int]


DOCUMENTS: tuple[type[Struct], ...] = (
    ExportDocument,
    DeleteDocument,
    PlanDocument,
    VerifyDocument,
    DemoDocument,
    ProfilesDocument,
    DoctorDocument,
    ErrorDocument,
)


def of_export(result: "ExportResult") -> ExportDocument:
    """Return the document of an export."""
    return ExportDocument(
        exit_code=result.exit_code,
        retryable=result.retryable,
        folder=str(result.folder),
        complete=result.exit_code == 0,
        rows=[
            RowResult(row=row, held=one.held, exported=one.exported, bytes=one.bytes, verdict=result.verdict(row))
            for row, one in result.rows.items()
        ],
        projects=[ProjectFolder(**project) for project in result.projects],
        missing=[Missing(**entry) for entry in result.missing],
        flagged=[Flagged(**entry) for entry in result.flagged],
        by_hand=result.by_hand,
        absent=result.absent,
        copies_outside=[CopiesOutside(**one._asdict()) for one in result.copies_outside],
        unmatched=result.unmatched,
        not_searched=result.not_searched,
        calls=dict(result.calls),
        seconds=round(result.seconds, 3),
    )


def of_verification(result: "Verification") -> VerifyDocument:
    """Return the document of an export's verification."""
    return VerifyDocument(
        exit_code=result.exit_code,
        retryable=False,
        folder=str(result.folder),
        file=None,
        verified=not result.differences,
        differences=result.differences,
        files=result.files,
        bytes=result.bytes,
        records=result.records,
        flagged=result.flagged,
        export=dict(result.bag_info),
    )


def of_evidence(path: "Path", differences: list[str], exit_code: int) -> VerifyDocument:
    """Return the document of the verification of evidence, or of a ledger."""
    return VerifyDocument(
        exit_code=exit_code,
        retryable=False,
        folder=None,
        file=str(path),
        verified=not differences,
        differences=differences,
        files=None,
        bytes=None,
        records=None,
        flagged=None,
        export=None,
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
        residue=[],
        not_found=[],
        protected=[],
        failed=[],
        outside_the_api=outside,
        plan_hash=None,
        evidence=None,
        ledger=None,
        certificate=None,
        hashes=None,
        completed_from_ledger=False,
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


def of_account_plan(plan: "AccountPlan", who: str) -> AccountPlanDocument:
    """Return the document of a dry run of `delete account` by `who`."""
    contents = plan.contents
    return AccountPlanDocument(
        exit_code=0,
        retryable=False,
        resource_id=str(plan.place),
        kind=plan.kind,
        location=plan.location,
        live=plan.live,
        purge=plan.purge,
        locks=plan.locks,
        siblings=plan.siblings,
        projects=[_contents_of(project) for project in contents.projects] if contents else None,
        failed=contents.failed if contents else [],
        unread=plan.unread,
        signed_in_as=who,
    )


def _contents_of(project: "ProjectPlan") -> AccountContents:
    rows = {row: len(ids) for row, ids in project.rows.items()}
    return AccountContents(project=project.id, rows=rows, exported_models=project.exported_models or 0)


def of_erasure(erased: "Erased", files: dict[str, str], calls: dict[str, int]) -> DeleteDocument:
    """Return the document of an erasure; `files` are the paths of its evidence."""
    evidence = erased.evidence
    return DeleteDocument(
        exit_code=evidence.exit_code,
        retryable=evidence.retryable,
        verdict=evidence.verdict,
        scope=evidence.scope,
        counts=evidence.counts,
        residue=evidence.residue,
        not_found=evidence.not_found,
        protected=evidence.protected,
        failed=evidence.failed,
        outside_the_api=erased.outside_the_api,
        plan_hash=evidence.plan_hash,
        completed_from_ledger=erased.completed,
        calls=calls,
        **files,
    )


def of_doctor(
    examined: "list[Examined]", machine: "list[Check]", versions: dict[str, str], exit_code: int
) -> DoctorDocument:
    """Return the document of a doctor's checks."""
    found = [*machine, *(check for one in examined for check in one.checks)]
    return DoctorDocument(
        exit_code=exit_code,
        retryable=any(check.retryable for check in found),
        connections=[ConnectionChecks(profile=one.profile, checks=_of_checks(one.checks)) for one in examined],
        machine=_of_checks(machine),
        versions=versions,
    )


def _of_checks(checks: "list[Check]") -> list[CheckResult]:
    return [CheckResult(name=one.name, state=one.state, found=masked(one.words), hint=one.hint) for one in checks]
