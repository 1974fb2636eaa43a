"""The JSON document of a failure, and the fields that every document has."""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, field

from cv_gdpr.cli.output import now, start_of_run

ExitCode: TypeAlias = Annotated[int, Meta(description="The exit code of the command.")]
Retryable: TypeAlias = Annotated[bool, Meta(description="Whether the same command may do more when it is run again.")]
Start: TypeAlias = Annotated[str, Meta(description="When the command began: ISO 8601, in UTC.")]
End: TypeAlias = Annotated[str, Meta(description="When this document was made: ISO 8601, in UTC.")]


class Part(Struct, kw_only=True, frozen=True, rename="camel"):
    """A part of a document."""


class Document(Part, kw_only=True, frozen=True, tag_field="format"):
    """What every document says."""

    exit_code: ExitCode
    retryable: Retryable
    start: Start = field(default_factory=start_of_run)
    end: End = field(default_factory=now)


class ErrorDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-error/1"):
    """What any command prints instead of its result when something stopped it: what is wrong, and what to do.

    The `message` and the `hint` are those that stand on standard error too.
    """

    message: str
    hint: str | None
