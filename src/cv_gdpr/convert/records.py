"""What a data set is made of: pictures with labels, the tags that they name, and notes on what differs."""

import re
from pathlib import Path
from typing import NamedTuple, TypeAlias

from cv_gdpr.table.labelled import Box, Tag, Task

TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")
NEGATIVE = "Negative"  # the type of a tag that says: nothing of the others is in the picture (GetTags)
_SUFFIX = re.compile(r"\.[0-9a-z]+$")


class Label(NamedTuple):
    """A tag on a picture, by the tag's id; in object detection also the id of a region, and where it lies."""

    tag: str
    region: str = ""
    box: Box | None = None


class Picture(NamedTuple):
    """An image of a project: its file in the bag, its sides in pixels (0: unknown), its labels in the bag's order."""

    id: str
    stem: str  # of its file in every format, so that what is read back can be compared
    source: Path
    sha256: str
    width: int
    height: int
    labels: tuple[Label, ...]

    @property
    def file(self) -> str:
        """Its file name: the id, and the suffix of the file in the bag."""
        found = _SUFFIX.search(self.source.name)
        return self.stem + (found[0] if found else "")

    @property
    def tags(self) -> tuple[str, ...]:
        """The ids of its tags, each once."""
        return tuple(dict.fromkeys(label.tag for label in self.labels))


class DataSet(NamedTuple):
    """The pictures of a project, or those that an iteration of it was trained on."""

    project: str
    folder: str  # of the project, as in the bag
    iteration: str | None
    task: Task
    tags: tuple[Tag, ...]
    pictures: tuple[Picture, ...]
    name: str = ""  # of the project


class Note(NamedTuple):
    """What differs between the data set and the bag, and in which item: `lost`, or only changed."""

    what: str
    lost: bool
    image: str = ""
    tag: str = ""
    region: str = ""


class Class(NamedTuple):
    """A tag as a format names it, and its number, from 0."""

    number: int
    tag: Tag
    written: str


class Split(NamedTuple):
    """How many of a hundred pictures go to training, validation and test, and the seed of the choice."""

    shares: tuple[int, int, int]
    seed: int = 0


class Arranged(NamedTuple):
    """A data set ready to be written: what the format can hold of it, its classes by tag id, each picture's part.

    `parts` are those that may hold pictures; `prefix` begins the address of each picture, for formats with addresses.
    """

    data: DataSet
    classes: dict[str, Class]
    part_of: dict[str, str]  # by the picture's id
    parts: tuple[str, ...]
    prefix: str = ""

    @property
    def empty_parts(self) -> tuple[str, ...]:
        """The parts without a picture."""
        filled = set(self.part_of.values())
        return tuple(part for part in self.parts if part not in filled)

    def of(self, part: str) -> list[Picture]:
        """Return the pictures of a part."""
        return [one for one in self.data.pictures if self.part_of[one.id] == part]


ReadLabel: TypeAlias = tuple[str, Box | None]
"""A label as it is read back: the name of its class, and its box."""


class ReadBack(NamedTuple):
    """What is read back: the labels and the files of each picture, by the stem of its file name."""

    labels: dict[str, list[ReadLabel]]
    files: dict[str, list[Path]]
