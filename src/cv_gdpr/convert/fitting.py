"""Takes out of a data set, or changes, what a format cannot hold, and notes each item with the reason."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from cv_gdpr.convert.records import NEGATIVE, Box, DataSet, Label, Note, Picture, Task

_HALF = 0.5  # pixels: what a box may lie outside without a note


class Holds(NamedTuple):
    """What a format can hold.

    `boxes_outside`: boxes as they are; `labels_without_box`: also in object detection; `unlabelled`: pictures without a
    label, in these tasks; `one_class`: of these tasks only one class for a picture, which stands in several folders
    (`in_folders`) or is left out if it has more; `needs_sides`: boxes are in pixels.
    """

    boxes_outside: bool = False
    labels_without_box: bool = False
    unlabelled: tuple[Task, ...] = tuple(Task)
    one_class: tuple[Task, ...] = ()
    in_folders: bool = False
    needs_sides: bool = False


def fitted(data: DataSet, holds: Holds) -> tuple[DataSet, list[Note]]:
    """Return what the format can hold of a data set, and a note for each item that it cannot."""
    notes: list[Note] = []
    pictures = []
    for picture in data.pictures:
        kept = _fit(picture, data, holds, notes.append)
        if kept is None:
            continue
        pictures.append(kept)
    used = {label.tag for picture in pictures for label in picture.labels}
    tags = data.tags
    if data.task is Task.DETECTION:  # the tag Negative is then no object that a model finds
        tags = tuple(tag for tag in tags if tag.type != NEGATIVE or tag.id in used)
    return data._replace(pictures=tuple(pictures), tags=tags), notes


def _fit(picture: Picture, data: DataSet, holds: Holds, note: Callable[[Note], None]) -> Picture | None:
    labels = tuple(_fit_labels(picture, data, holds, note)) if data.task is Task.DETECTION else picture.labels
    kept = picture._replace(labels=labels)
    if not labels and data.task not in holds.unlabelled:
        note(Note("left out: it has no tag, and the format needs one", lost=True, image=picture.id))
        return None
    if data.task in holds.one_class and (count := len(kept.tags)) > 1:
        action = f"it stands in {count} folders" if holds.in_folders else "left out"
        note(Note(f"{action}: it has {count} tags, and the format holds one class for a picture", True, picture.id))
        return kept if holds.in_folders else None
    return kept


def _fit_labels(picture: Picture, data: DataSet, holds: Holds, note: Callable[[Note], None]) -> Iterator[Label]:
    negative = {tag.id for tag in data.tags if tag.type == NEGATIVE}
    for label in picture.labels:
        about = {"image": picture.id, "tag": label.tag, "region": label.region}
        if label.box is None:
            if holds.labels_without_box:
                yield label
            elif label.tag in negative:
                note(Note("the tag Negative is written as a picture without boxes", lost=False, **about))
            else:
                note(Note("left out: the tag has no box in this picture", lost=True, **about))
        elif holds.needs_sides and not (picture.width and picture.height):
            note(Note("left out: the sides of the picture are unknown", lost=True, **about))
        elif holds.boxes_outside:
            yield label
        elif (box := _inside(label.box)) is None:
            note(Note("left out: nothing of the box lies inside the picture", lost=True, **about))
        else:
            if not same_box(label.box, box, picture):
                note(Note("the box is cut at the edge of the picture", lost=True, **about))
            yield label._replace(box=box)


def _inside(box: Box) -> Box | None:
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    right, bottom = min(box.right, 1.0), min(box.bottom, 1.0)
    if (left, top, right, bottom) == (box.left, box.top, box.right, box.bottom):
        inside = box
    else:
        inside = Box(left, top, right - left, bottom - top)
    return inside if inside.width > 0 and inside.height > 0 else None


def same_box(one: Box, other: Box, picture: Picture) -> bool:
    """Return whether no edge of two boxes differs by more than half a pixel."""
    width, height = picture.width or 1000, picture.height or 1000
    across = max(abs(one.left - other.left), abs(one.right - other.right)) * width
    down = max(abs(one.top - other.top), abs(one.bottom - other.bottom)) * height
    return across <= _HALF and down <= _HALF
