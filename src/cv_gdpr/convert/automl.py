"""Azure AutoML for images: JSON Lines with an address for each picture, and an MLTable for each part.

https://learn.microsoft.com/azure/machine-learning/reference-automl-images-schema; the folders and the MLTable are
those of Microsoft's tutorials.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cv_gdpr.archive.json_files import lines_of, value_of
from cv_gdpr.archive.new_folder import files_in, write_text
from cv_gdpr.archive.writing import private_folder
from cv_gdpr.convert.fitting import Holds
from cv_gdpr.convert.records import (
    PARTS,
    TEST,
    TRAIN,
    VALIDATION,
    Arranged,
    Label,
    Picture,
    ReadBack,
    ReadLabel,
)
from cv_gdpr.table.labelled import Box, Task

HOLDS = Holds(unlabelled=(Task.DETECTION, Task.MULTI_LABEL), one_class=(Task.MULTI_CLASS,))
_IMAGES = "images"
_NAMES = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}
_LINES = {TRAIN: "train_annotations.jsonl", VALIDATION: "validation_annotations.jsonl", TEST: "test_annotations.jsonl"}
_TABLE = """\
paths:
  - file: ./{0}
transformations:
  - read_json_lines:
      encoding: utf8
      invalid_lines: error
      include_path_column: false
  - convert_column_types:
      - columns: image_url
        column_type: stream_info
"""


def paths_of(picture: Picture, arranged: Arranged) -> list[str]:
    """Return where the file of a picture lies in the data set."""
    del arranged
    return [f"{_IMAGES}/{picture.file}"]


def write(arranged: Arranged, folder: Path) -> None:
    """Write the MLTable of each part, and its lines; raise OSError."""
    from msgspec import json

    private_folder(folder / _IMAGES)
    for part in arranged.parts:
        place = private_folder(folder / f"{_NAMES[part]}-mltable-folder")
        lines = (json.encode(_line(arranged, one)) + b"\n" for one in arranged.of(part))
        write_text(place / _LINES[part], b"".join(lines))
        write_text(place / "MLTable", _TABLE.format(_LINES[part]))


def _line(arranged: Arranged, picture: Picture) -> dict[str, Any]:
    details: dict[str, Any] = {"format": picture.file.rpartition(".")[2]}
    if picture.width and picture.height:
        details |= {"width": picture.width, "height": picture.height}
    url = f"{arranged.prefix}/{_IMAGES}/{picture.file}"
    return {"image_url": url, "image_details": details, "label": _label(arranged, picture)}


def _label(arranged: Arranged, picture: Picture) -> Any:
    names = [arranged.classes[label.tag].written for label in picture.labels]
    match arranged.data.task:
        case Task.MULTI_CLASS:
            return names[0]
        case Task.MULTI_LABEL:
            return names
    return [{"label": name, **_corners(one)} for name, one in zip(names, picture.labels, strict=True)]


def _corners(label: Label) -> dict[str, Any]:
    assert label.box is not None  # noqa: S101 - `fitting` leaves no other
    box = label.box
    right, bottom = min(box.right, 1.0), min(box.bottom, 1.0)  # 0.7 + 0.3 may be more than 1
    return {"topX": box.left, "topY": box.top, "bottomX": right, "bottomY": bottom, "isCrowd": 0}


def read(folder: Path) -> ReadBack:
    """Return what the lines say, and the files beside them; raise OSError, KeyError, TypeError or ValueError."""
    labels = {}
    for part in PARTS:
        path = folder / f"{_NAMES[part]}-mltable-folder" / _LINES[part]
        for line in lines_of(path) if path.exists() else ():
            record = value_of(line)
            stem = record["image_url"].rpartition("/")[2].partition(".")[0]
            labels[stem] = list(_labels(record["label"]))
    return ReadBack(labels, files_in(folder / _IMAGES))


def _labels(label: Any) -> Iterator[ReadLabel]:
    for one in [label] if isinstance(label, str) else label:
        if isinstance(one, str):
            yield one, None
        else:
            left, top = one["topX"], one["topY"]
            yield one["label"], Box(left, top, one["bottomX"] - left, one["bottomY"] - top)
