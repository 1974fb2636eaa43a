"""Takes out of a data set, or changes, what a format cannot hold, and notes each item with the reason."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from cv_gdpr.convert.records import NEGATIVE, DataSet, Label, Note, Picture
from cv_gdpr.table.labelled import Box, Task

_NO_OBJECT = "the tag Negative is written as a picture without boxes"
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
    fitter = _Fitter(data, holds, notes.append)
    pictures = [kept for picture in data.pictures if (kept := fitter.fit(picture))]
    used = {label.tag for picture in pictures for label in picture.labels}
    tags = data.tags
    if data.task is Task.DETECTION:  # the tag Negative is then no object that a model finds
        tags = tuple(tag for tag in tags if tag.type != NEGATIVE or tag.id in used)
    return data._replace(pictures=tuple(pictures), tags=tags), notes


class _Fitter:
    """Takes out of a picture what a format cannot hold."""

    def __init__(self, data: DataSet, holds: Holds, note: Callable[[Note], None]) -> None:
        self._task = data.task
        self._negative = {tag.id for tag in data.tags if tag.type == NEGATIVE}
        self._holds = holds
        self._note = note

    def fit(self, picture: Picture) -> Picture | None:
        """Return what the format can hold of a picture, or None."""
        labels = tuple(self._boxes(picture)) if self._task is Task.DETECTION else picture.labels
        kept = picture._replace(labels=labels)
        if not labels and self._task not in self._holds.unlabelled:
            self._note(Note("left out: it has no tag, and the format needs one", lost=True, image=picture.id))
            return None
        if self._task in self._holds.one_class and (count := len(kept.tags)) > 1:
            action = f"it stands in {count} folders" if self._holds.in_folders else "left out"
            what = f"{action}: it has {count} tags, and the format holds one class for a picture"
            self._note(Note(what, lost=True, image=picture.id))
            return kept if self._holds.in_folders else None
        return kept

    def _boxes(self, picture: Picture) -> Iterator[Label]:
        for label in picture.labels:
            kept, why = self._without_box(label) if label.box is None else self._with_box(label, label.box, picture)
            if why:
                lost = why != _NO_OBJECT
                self._note(Note(why, lost, image=picture.id, tag=label.tag, region=label.region))
            if kept:
                yield kept

    def _without_box(self, label: Label) -> tuple[Label | None, str]:
        """Return what the format can hold of a label, and what differs, if anything."""
        if self._holds.labels_without_box:
            return label, ""
        return None, _NO_OBJECT if label.tag in self._negative else "left out: the tag has no box in this picture"

    def _with_box(self, label: Label, box: Box, picture: Picture) -> tuple[Label | None, str]:
        if self._holds.boxes_outside:
            return label, ""
        if self._holds.needs_sides and not (picture.width and picture.height):
            return None, "left out: the sides of the picture are unknown"
        inside = _inside(box)
        if inside is None:
            return None, "left out: nothing of the box lies inside the picture"
        why = "" if same_box(box, inside, picture) else "the box is cut at the edge of the picture"
        return label._replace(box=inside), why


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
