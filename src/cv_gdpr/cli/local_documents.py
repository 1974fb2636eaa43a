"""The JSON documents of `simulate` and `completion`, as records; imported on use."""

from typing import Annotated

from msgspec import Meta

from cv_gdpr.cli.failure import Document


class SimulateDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-simulate/1"):
    """What `simulate` prints once it answers; it then runs until it is interrupted."""

    variables: Annotated[dict[str, str], Meta(description="What points all commands at it: name, value.")]
    projects: Annotated[list[str], Meta(description="The names of its projects.")]
    photo: Annotated[str, Meta(description="A photograph of a data subject in them, for `find`.")]


class FaultsDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-faults/1"):
    """What `simulate --faults` prints: the names for --fault."""

    faults: Annotated[dict[str, str], Meta(description="Name: what goes wrong.")]


class CompletionDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-completion/1"):
    """What `completion` prints: the script with which a shell completes commands."""

    shell: str
    script: str
