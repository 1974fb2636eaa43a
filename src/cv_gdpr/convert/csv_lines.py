"""CSV (RFC 4180, UTF-8): a line for each label, and one for a picture without any; boxes as the service has them."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from cv_gdpr.archive.new_folder import files_in, write_text
from cv_gdpr.archive.writing import private_folder
from cv_gdpr.convert.fitting import Holds
from cv_gdpr.convert.records import Arranged, Label, Picture, ReadBack, ReadLabel
from cv_gdpr.table.labelled import Box

HOLDS = Holds(boxes_outside=True, labels_without_box=True)
_IMAGES = "images"
_FILE = "labels.csv"
_OF_PICTURE = ("image_id", "file", "part", "image_width", "image_height")
_OF_LABEL = ("tag_id", "tag", "region_id", *Box._fields)


def paths_of(picture: Picture, arranged: Arranged) -> list[str]:
    """Return where the file of a picture lies in the data set."""
    del arranged
    return [f"{_IMAGES}/{picture.file}"]


def write(arranged: Arranged, folder: Path) -> None:
    """Write labels.csv; raise OSError."""
    private_folder(folder / _IMAGES)
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow((*_OF_PICTURE, *_OF_LABEL))
    for picture in arranged.data.pictures:
        sides = picture.width or "", picture.height or ""
        head = (picture.id, f"{_IMAGES}/{picture.file}", arranged.part_of[picture.id], *sides)
        lines.writerows((*head, *cells) for cells in _cells(arranged, picture))
    write_text(folder / _FILE, text.getvalue())


def _cells(arranged: Arranged, picture: Picture) -> Iterator[tuple[object, ...]]:
    if not picture.labels:
        yield ("",) * len(_OF_LABEL)
    for label in picture.labels:
        yield label.tag, arranged.classes[label.tag].written, label.region, *_sides(label)


def _sides(label: Label) -> tuple[object, ...]:
    return tuple(label.box) if label.box else ("",) * len(Box._fields)


def read(folder: Path) -> ReadBack:
    """Return what the lines say, and the files beside them; raise OSError, KeyError or ValueError."""
    labels: dict[str, list[ReadLabel]] = {}
    with (folder / _FILE).open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            of_picture = labels.setdefault(Path(line["file"]).name.partition(".")[0], [])
            if line["tag_id"]:
                of_picture.append((line["tag"], _box(line)))
    return ReadBack(labels, files_in(folder / _IMAGES))


def _box(line: dict[str, str]) -> Box | None:
    return Box(*(float(line[side]) for side in Box._fields)) if line["left"] else None
