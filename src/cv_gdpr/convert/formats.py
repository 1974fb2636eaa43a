"""The formats: how each names tags, what it can hold, and its functions. A new format is one record here."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cv_gdpr.convert import automl, coco, csv_lines, yolo
from cv_gdpr.convert.fitting import Holds
from cv_gdpr.convert.names import FOLDER, TEXT, Naming
from cv_gdpr.convert.records import Arranged, Picture, ReadBack, Split
from cv_gdpr.table.labelled import Task


class Format(NamedTuple):
    """A format: `paths_of` says where a picture lies, `write` writes all but the pictures, `read` reads it back.

    `split`: how pictures are divided if nothing is asked for; None: not at all.
    """

    holds: Holds
    paths_of: Callable[[Picture, Arranged], list[str]]
    write: Callable[[Arranged, Path], None]
    read: Callable[[Path], ReadBack]
    split: Split | None = None
    folder_for_class: bool = False  # in classification
    addresses: bool = False  # of the pictures: takes --image-url-prefix
    least: int = 0  # images that training needs

    def naming(self, task: Task) -> Naming:
        """Return how it names tags."""
        return FOLDER if self.folder_for_class and task is not Task.DETECTION else TEXT


FORMATS: dict[str, Format] = {
    "coco": Format(coco.HOLDS, coco.paths_of, coco.write, coco.read),
    "yolo": Format(yolo.HOLDS, yolo.paths_of, yolo.write, yolo.read, folder_for_class=True),
    "automl": Format(
        automl.HOLDS, automl.paths_of, automl.write, automl.read, split=Split((80, 20, 0)), addresses=True, least=10
    ),
    "csv": Format(csv_lines.HOLDS, csv_lines.paths_of, csv_lines.write, csv_lines.read),
}
