"""What --json prints: one document for each command, and one for every failure.

Imported on use, for msgspec takes time to load. docs/json.md shows the schemas, made from these records.
"""

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from cv_gdpr.export.result import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.export.result import ExportResult
    from cv_gdpr.verify import Verification


class Part(Struct, kw_only=True, frozen=True, rename="camel"):
    """A part of a document."""


class Document(Part, kw_only=True, frozen=True, tag_field="format"):
    """What every document says."""

    exit_code: Annotated[int, Meta(description="The exit code of the command.")]
    retryable: Annotated[bool, Meta(description="Whether the same command may do more when it is run again.")]


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
    """A thing that was not exported, or a listing that failed: then `id` is null."""

    project: str | None
    row: str
    id: str | None
    source: Annotated[str | None, Meta(description="The address of its bytes, without the signature.")]
    reason: str


class ExportDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-export/1"):
    """What `export` prints: what of each row was held and exported, and each thing that is missing.

    Where nothing is missing the folder is a bag; else the same command with the same `--out` tries the missing things
    again.
    """

    folder: str
    complete: bool
    rows: list[RowResult]
    projects: list[ProjectFolder]
    missing: list[Missing]
    by_hand: Annotated[dict[str, str], Meta(description="Row: what a person must do, since no operation exports it.")]
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
    export: Annotated[dict[str, str] | None, Meta(description="What a proved export says of itself.")]


class DemoDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-demo/1"):
    """What `demo` prints: the document of its export, and that of the verification after it."""

    export: ExportDocument
    verification: VerifyDocument


class ByHand(Part, kw_only=True, frozen=True):
    """A row that no operation of the API deletes, and what a person must do."""

    row: str
    words: str


class DeleteDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-delete/1"):
    """What `delete` prints: the verdict, the counts and what is left, as the evidence has them, and where that lies.

    Where only rows were asked for that no operation of the API deletes, nothing is sent and no evidence is written:
    the paths, the scope and the hash of the plan are null.
    """

    verdict: str
    scope: Annotated[dict[str, Any] | None, Meta(description="As the evidence has it.")]
    counts: Annotated[dict[str, int], Meta(description="State: how many things of the plan are in it.")]
    residue: Annotated[list[dict[str, Any]], Meta(description="As the evidence has it.")]
    not_found: Annotated[list[str], Meta(description="The selector values that were found nowhere.")]
    protected: Annotated[list[str], Meta(description="The ids of the projects that are never touched.")]
    outside_the_api: list[ByHand]
    plan_hash: str | None
    evidence: str | None
    ledger: str | None
    certificate: str | None
    hashes: str | None
    completed_from_ledger: Annotated[bool, Meta(description="An earlier run did it; only its papers were completed.")]
    calls: dict[str, int]


class ErrorDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-error/1"):
    """What any command prints instead of its result when something stopped it: what is wrong, and what to do.

    The `message` and the `hint` are those that stand on standard error too.
    """

    message: str
    hint: str | None


DOCUMENTS: tuple[type[Document], ...] = (ExportDocument, DeleteDocument, VerifyDocument, DemoDocument, ErrorDocument)


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
        by_hand=result.by_hand,
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
        export=dict(result.told),
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


def of_instructions(verdict: str, outside: list[dict[str, Any]]) -> DeleteDocument:
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
        outside_the_api=[ByHand(**one) for one in outside],
        plan_hash=None,
        evidence=None,
        ledger=None,
        certificate=None,
        hashes=None,
        completed_from_ledger=False,
        calls={},
    )


def of_erasure(erased: "Erased", files: dict[str, str], calls: dict[str, int]) -> DeleteDocument:
    """Return the document of an erasure; `files` are the paths of its papers."""
    told = erased.evidence
    return DeleteDocument(
        exit_code=told["exitCode"],
        retryable=erased.retryable,
        verdict=told["verdict"],
        scope=told["scope"],
        counts=told["counts"],
        residue=told["residue"],
        not_found=told["notFound"],
        protected=told["protected"],
        outside_the_api=[ByHand(**one) for one in told["outsideTheApi"]],
        plan_hash=told["planHash"],
        completed_from_ledger=erased.completed,
        calls=calls,
        **files,
    )
