"""The JSON document of `find`, as records; imported on use."""

from typing import Annotated

from msgspec import Meta

from cv_gdpr.cli.failure import Document, Part
from cv_gdpr.cli.output import absolute
from cv_gdpr.find.result import Found, Kind, Match


class FindMatch(Part, kw_only=True, frozen=True):
    """An item whose picture is like a photograph."""

    row: str
    project_id: str
    id: str
    like: Annotated[str, Meta(description="The photograph, as it was named on the command line.")]
    kind: Annotated[Kind, Meta(description="same: the bytes; copy: the whole picture, changed; part: a part of it.")]
    score: Annotated[
        float,
        Meta(
            description="How much of the area in which both lie upon each other agrees pixel by pixel, 0 to 1.",
            ge=0,
            le=1,
        ),
    ]
    certain: Annotated[bool, Meta(description="The same bytes, or the whole picture agrees pixel by pixel.")]
    why: Annotated[str, Meta(description="In words, how the picture was changed, and what agrees.")]
    file: Annotated[str, Meta(description="Its path in the export.")]
    iterations: Annotated[list[str], Meta(description="Those that hold it, if the workspace does not.")]


class NotSearched(Part, kw_only=True, frozen=True):
    """An item whose picture could not be decoded, and why."""

    row: str
    project_id: str
    id: str
    file: str
    reason: str


class FindDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-find/1"):
    """What `find` prints, and writes as matches.json: each item whose picture is like a photograph, the certain first.

    An item stands there once for each photograph that it is like.
    """

    bag: str
    photos: list[str]
    matches: list[FindMatch]
    other_frames: Annotated[
        list[FindMatch],
        Meta(
            description="The same view with something else in it, several times: frames of a fixed camera, not copies."
        ),
    ]
    not_searched: list[NotSearched]
    missing: Annotated[int, Meta(description="How many items have no file in the export.")]
    only_same: Annotated[bool, Meta(description="The extra find is missing: neither copies nor parts were searched.")]
    searched: Annotated[int, Meta(description="How many different pictures were compared.")]
    from_index: Annotated[int, Meta(description="How many of them did not have to be decoded, thanks to the index.")]
    seconds: float


def of_found(found: Found) -> FindDocument:
    """Return the document of a search."""
    return FindDocument(
        exit_code=found.exit_code,
        retryable=False,
        bag=absolute(found.bag),
        photos=list(found.photos),
        matches=[_of_match(one) for one in found.matches],
        other_frames=[_of_match(one) for one in found.other_frames],
        not_searched=[
            NotSearched(row=one.row, project_id=one.project, id=one.id, file=one.file, reason=one.reason)
            for one in found.unsearched
        ],
        missing=found.missing,
        only_same=found.only_same,
        searched=found.searched,
        from_index=found.from_index,
        seconds=round(found.seconds, 3),
    )


def _of_match(one: Match) -> FindMatch:
    return FindMatch(
        row=one.row,
        project_id=one.project,
        id=one.id,
        like=one.like,
        kind=one.kind,
        score=one.score,
        certain=one.certain,
        why=one.why,
        file=one.file,
        iterations=list(one.iterations),
    )
