"""The JSON document of `convert`, as records; imported on use."""

from typing import Annotated, Literal, cast

from msgspec import Meta

from cv_gdpr.cli.failure import Document, Part
from cv_gdpr.cli.output import absolute
from cv_gdpr.convert.conversion import Conversion, Converted
from cv_gdpr.convert.records import PARTS, Note

ToFormat = Literal["coco", "yolo", "automl", "csv"]


class DataSetNote(Part, kw_only=True, frozen=True):
    """What differs between a data set and the export, and in which item; null where it concerns none."""

    image_id: str | None
    tag_id: str | None
    region_id: str | None
    what: str


class DataSetClass(Part, kw_only=True, frozen=True):
    """A tag as the data set has it."""

    number: Annotated[int, Meta(description="From 0, in the order of the tags' ids; COCO adds 1.", ge=0)]
    name: Annotated[str, Meta(description="In the data set.")]
    tag_id: str
    tag_name: Annotated[str, Meta(description="In the export.")]
    type: Annotated[str, Meta(description="Regular, Negative or GeneralProduct.")]
    labels: Annotated[int, Meta(description="How many labels of it were written.", ge=0)]


class MadeDataSet(Part, kw_only=True, frozen=True):
    """The data set of a project."""

    project_id: str
    project_name: str
    iteration: Annotated[str | None, Meta(description="The id; null for the workspace.")]
    folder: Annotated[str, Meta(description="Below `out`; empty for `out` itself.")]
    task: Annotated[str, Meta(description="Classification with one or several tags for an image, or object detection.")]
    images: Annotated[dict[str, int], Meta(description="How many were written, by part.")]
    files: Annotated[dict[str, int], Meta(description="How many files were cloned, linked or copied.")]
    classes: list[DataSetClass]
    changed: Annotated[list[DataSetNote], Meta(description="What is otherwise than in the export, but not lost.")]
    warnings: Annotated[
        list[str], Meta(description="What stands in the way of training: an empty part, too few images.")
    ]
    only_in_iterations: Annotated[
        dict[str, int],
        Meta(description="Images that only iterations hold, by the iteration's name; not in the data set."),
    ]
    lost: Annotated[list[DataSetNote], Meta(description="What the export holds and the data set does not.")]


class ConvertDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-convert/1"):
    """What `convert` prints, and writes as conversion.json: each data set, and what was lost or changed.

    Nothing is lost if each data set, read back, has the ids, labels and boxes of the export.
    """

    bag: str
    out: str
    to: ToFormat
    split: Annotated[dict[str, int] | None, Meta(description="How many of a hundred images go to each part.")]
    seed: int | None
    image_url_prefix: str | None
    nothing_lost: bool
    incomplete: Annotated[bool, Meta(description="The export says that something is missing in it.")]
    without_iteration: Annotated[list[str], Meta(description="Ids of the projects that have no such iteration.")]
    data_sets: list[MadeDataSet]


def of_conversion(result: Conversion) -> ConvertDocument:
    """Return the document of a conversion."""
    split = result.wanted.split
    return ConvertDocument(
        exit_code=result.exit_code,
        retryable=False,
        bag=absolute(result.bag),
        out=absolute(result.out),
        to=cast(ToFormat, result.wanted.to),
        split=dict(zip(PARTS, split.shares, strict=True)) if split else None,
        seed=split.seed if split else None,
        image_url_prefix=result.wanted.prefix,
        nothing_lost=result.exit_code == 0,
        incomplete=result.incomplete,
        without_iteration=result.without,
        data_sets=[_of_set(one) for one in result.sets],
    )


def _of_set(one: Converted) -> MadeDataSet:
    return MadeDataSet(
        project_id=one.data.project,
        project_name=one.data.name,
        iteration=one.data.iteration,
        folder=one.folder,
        task=one.data.task.value,
        images=dict(one.images),
        files=dict(one.placed),
        classes=[
            DataSetClass(
                number=each.number,
                name=each.written,
                tag_id=each.tag.id,
                tag_name=each.tag.name,
                type=each.tag.type,
                labels=one.labels[each.tag.id],
            )
            for each in one.classes.values()
        ],
        changed=[_of_note(note) for note in one.notes if not note.lost],
        warnings=one.warnings,
        only_in_iterations=one.only_in_iterations,
        lost=[_of_note(note) for note in one.lost],
    )


def _of_note(note: Note) -> DataSetNote:
    ids = (note.image or None, note.tag or None, note.region or None)
    return DataSetNote(image_id=ids[0], tag_id=ids[1], region_id=ids[2], what=note.what)
