"""COCO: a JSON document with images, annotations and categories; boxes in pixels from the left upper corner.

https://cocodataset.org/#format-data. A label of a classification project is an annotation without `bbox`, as Azure
Machine Learning's data labelling and Azure AI Vision write and read it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cv_gdpr.archive.json_files import value_of
from cv_gdpr.archive.new_folder import files_in, write_text
from cv_gdpr.archive.writing import private_folder
from cv_gdpr.convert.fitting import Holds
from cv_gdpr.convert.records import Arranged, Label, Picture, ReadBack, ReadLabel
from cv_gdpr.table.labelled import Box

HOLDS = Holds(needs_sides=True)
_IMAGES = "images"
_DIGITS = 4  # of a pixel


def paths_of(picture: Picture, arranged: Arranged) -> list[str]:
    """Return where the file of a picture lies in the data set."""
    del arranged
    return [f"{_IMAGES}/{picture.file}"]


def write(arranged: Arranged, folder: Path) -> None:
    """Write annotations.json, or one such document for each part; raise OSError."""
    from msgspec import json

    private_folder(folder / _IMAGES)
    numbers = {one.id: number for number, one in enumerate(arranged.data.pictures, 1)}
    for part in arranged.parts:
        document = _document(arranged, part, numbers)
        write_text(folder / _name(arranged, part), json.encode(document))


def _name(arranged: Arranged, part: str) -> str:
    return "annotations.json" if len(arranged.parts) == 1 else f"annotations-{part}.json"


def _document(arranged: Arranged, part: str, numbers: dict[str, int]) -> dict[str, Any]:
    pictures, data = arranged.of(part), arranged.data
    categories = [{"id": one.number + 1, "name": one.written, "supercategory": ""} for one in arranged.classes.values()]
    return {
        "info": {"description": f"Custom Vision project {data.project}", "version": "1.0"},
        "licenses": [],
        "images": [
            {"id": numbers[one.id], "file_name": one.file, "width": one.width, "height": one.height} for one in pictures
        ],
        "annotations": list(_annotations(arranged, pictures, numbers)),
        "categories": categories,
    }


def _annotations(arranged: Arranged, pictures: list[Picture], numbers: dict[str, int]) -> Iterator[dict[str, Any]]:
    count = 0
    for picture in pictures:
        for label in picture.labels:
            count += 1
            yield {
                "id": count,
                "image_id": numbers[picture.id],
                "category_id": arranged.classes[label.tag].number + 1,
                **_in_pixels(label, picture),
                "iscrowd": 0,
            }


def _in_pixels(label: Label, picture: Picture) -> dict[str, Any]:
    if label.box is None:
        return {"area": 0}
    box, width, height = label.box, picture.width, picture.height
    sides = (box.left * width, box.top * height, box.width * width, box.height * height)
    rounded = [round(side, _DIGITS) for side in sides]
    return {"bbox": rounded, "area": round(rounded[2] * rounded[3], _DIGITS), "segmentation": []}


def read(folder: Path) -> ReadBack:
    """Return what the documents say, and the files beside them; raise OSError, KeyError, TypeError or ValueError."""
    labels: dict[str, list[ReadLabel]] = {}
    for path in sorted(folder.glob("annotations*.json")):
        document = value_of(path.read_bytes())
        names = {one["id"]: one["name"] for one in document["categories"]}
        images = {one["id"]: one for one in document["images"]}
        labels |= {_stem(one): [] for one in images.values()}
        for one in document["annotations"]:
            image = images[one["image_id"]]
            labels[_stem(image)].append((names[one["category_id"]], _as_shares(one.get("bbox"), image)))
    return ReadBack(labels, files_in(folder / _IMAGES))


def _stem(image: dict[str, Any]) -> str:
    return str(image["file_name"]).partition(".")[0]


def _as_shares(pixels: list[float] | None, image: dict[str, Any]) -> Box | None:
    if pixels is None:
        return None
    left, top, across, down = pixels
    width, height = image["width"], image["height"]
    return Box(left / width, top / height, across / width, down / height)
