"""The JSON document of `report`, as records; imported on use."""

from typing import Annotated

from msgspec import Meta

from cv_gdpr.cli.failure import Document, Part
from cv_gdpr.cli.output import absolute
from cv_gdpr.report.site import Report


class ReportProject(Part, kw_only=True, frozen=True):
    """How many pictures of a project the site shows."""

    project_id: str
    workspace: int
    tagged: int
    iterations_only: Annotated[int, Meta(description="Images that only iterations hold.")]
    predictions: Annotated[int, Meta(description="Stored predictions.")]
    boxes: int
    without_file: Annotated[int, Meta(description="Pictures whose file the export lacks.")]


class PictureNotShown(Part, kw_only=True, frozen=True):
    """A picture that has no thumbnail, and why."""

    project_id: str
    id: str
    reason: str


class ReportDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-report/1"):
    """What `report` prints: which page to open, what the site shows, and what it could not show."""

    bag: str
    out: Annotated[str | None, Meta(description="The folder of the site; null if only a file was asked for.")]
    zip: Annotated[str | None, Meta(description="The file that holds the site, if one was asked for.")]
    first_page: Annotated[str, Meta(description="The page to open; in the file, if there is no folder.")]
    cover_sheet: Annotated[bool, Meta(description="It is for a data subject, since selectors took what it shows.")]
    language: str
    incomplete: Annotated[bool, Meta(description="The export says that something is missing in it.")]
    pages: int
    largest_page: Annotated[int, Meta(description="Bytes.")]
    files: Annotated[dict[str, int], Meta(description="How many pictures were cloned, linked or copied.")]
    projects: list[ReportProject]
    not_shown: list[PictureNotShown]


def of_report(report: Report) -> ReportDocument:
    """Return the document of a report."""
    return ReportDocument(
        exit_code=report.exit_code,
        retryable=False,
        bag=absolute(report.bag),
        out=absolute(report.out) if report.out else None,
        zip=absolute(report.packed) if report.packed else None,
        cover_sheet=report.for_a_person,
        first_page=absolute(report.start),
        language=report.language.code,
        incomplete=report.incomplete,
        pages=report.pages,
        largest_page=report.largest,
        files=dict(report.placer.counts),
        projects=[ReportProject(project_id=name, **one._asdict()) for name, one in report.counts.items()],
        not_shown=[PictureNotShown(project_id=one.project, id=one.id, reason=one.reason) for one in report.not_shown],
    )
