"""What each format holds of each kind of project, to the byte."""

import csv
import json
import re

import pytest
import yaml

from tests.benchmarks.bags import identity
from tests.convert.bags import FINDING, MULTI_CLASS, MULTI_LABEL, Project, image, region, tag
from tests.platforms import is_private

CAT, DOG = tag("cat"), tag("dog")  # the id of dog comes first
BOXES = (region(CAT, 0.1, 0.2, 0.3, 0.4), region(DOG, 0.5, 0.5, 0.5, 0.25))
FORMATS = ("coco", "yolo", "automl", "csv")
KINDS = {
    "multi-class classification": Project(MULTI_CLASS, [CAT, DOG], [image(1, CAT), image(2, DOG), image(3, DOG)]),
    "multi-label classification": Project(MULTI_LABEL, [CAT, DOG], [image(1, CAT), image(2, DOG)]),
    "object detection": Project(FINDING, [CAT, DOG], [image(1, regions=BOXES), image(2)]),
}
PREFIX = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/set"


def name(number):
    return f"{identity('image', number)}.jpg"


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost(converted, to, kind):
    folder, made = converted(KINDS[kind], to)
    assert (made["task"], made["lost"], made["changed"]) == (kind, [], [])
    assert [one["name"] for one in made["classes"]] == ["dog", "cat"]
    assert sum(made["images"].values()) == len(KINDS[kind].images)
    assert all(is_private(path) for path in folder.rglob("*") if path.suffix != ".jpg")


def test_coco_has_boxes_in_pixels(converted):
    folder, _ = converted(KINDS["object detection"], "coco")
    document = json.loads((folder / "annotations.json").read_text())
    assert document["categories"] == [
        {"id": 1, "name": "dog", "supercategory": ""},
        {"id": 2, "name": "cat", "supercategory": ""},
    ]
    with_boxes = next(one for one in document["images"] if one["file_name"] == name(1))
    assert (with_boxes["width"], with_boxes["height"]) == (200, 100)
    assert (folder / "images" / name(1)).is_file()
    found = [(one["category_id"], one["bbox"], one["area"], one["iscrowd"]) for one in document["annotations"]]
    assert found == [(2, [20.0, 20.0, 60.0, 40.0], 2400.0, 0), (1, [100.0, 50.0, 100.0, 25.0], 2500.0, 0)]
    assert {one["image_id"] for one in document["annotations"]} == {with_boxes["id"]}


def test_coco_of_classification_has_no_boxes(converted):
    folder, _ = converted(KINDS["multi-class classification"], "coco", "--split", "50/50")
    found = [json.loads((folder / f"annotations-{part}.json").read_text()) for part in ("train", "validation")]
    assert [len(one["images"]) for one in found] == [2, 1]
    assert all("bbox" not in label for one in found for label in one["annotations"])
    assert found[0]["categories"] == found[1]["categories"]


def test_yolo_has_middles_and_an_empty_file(converted):
    folder, _ = converted(KINDS["object detection"], "yolo")
    boxes = (folder / "labels" / "train" / f"{identity('image', 1)}.txt").read_text().splitlines()
    assert boxes == [
        "1 0.25000000 0.40000000 0.30000000 0.40000000",
        "0 0.75000000 0.62500000 0.50000000 0.25000000",
    ]
    assert (folder / "labels" / "train" / f"{identity('image', 2)}.txt").read_text() == ""
    data = yaml.safe_load((folder / "data.yaml").read_text())
    assert data == {"train": "images/train", "val": "images/train", "nc": 2, "names": {0: "dog", 1: "cat"}}


def test_yolo_has_a_folder_for_each_class(converted):
    folder, _ = converted(KINDS["multi-class classification"], "yolo", "--split", "50/25/25")
    held = {path.relative_to(folder).parts[:2] for path in folder.rglob("*.jpg")}
    assert {(folder / part).is_dir() for part in ("train", "val", "test")} == {True}
    assert {("train", "cat"), ("train", "dog")} <= held
    data = yaml.safe_load((folder / "data.yaml").read_text())
    assert (data["val"], data.get("test"), data["names"]) == ("val", None, {0: "dog", 1: "cat"})  # no image for test


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("multi-class classification", "cat"),
        ("multi-label classification", ["cat"]),
        (
            "object detection",
            [
                {"label": "cat", "topX": 0.1, "topY": 0.2, "bottomX": 0.4, "bottomY": 0.6, "isCrowd": 0},
                {"label": "dog", "topX": 0.5, "topY": 0.5, "bottomX": 1.0, "bottomY": 0.75, "isCrowd": 0},
            ],
        ),
    ],
)
def test_automl_has_an_address_and_a_label(converted, kind, label):
    folder, made = converted(KINDS[kind], "automl", "--image-url-prefix", f"{PREFIX}/")
    parts = [
        (folder / f"{part}-mltable-folder" / file).read_text().splitlines()
        for part, file in (("training", "train_annotations.jsonl"), ("validation", "validation_annotations.jsonl"))
    ]
    assert [len(part) for part in parts] == [made["images"]["train"], made["images"].get("validation", 0)]
    lines = [json.loads(line) for part in parts for line in part]
    one = next(line for line in lines if line["image_url"] == f"{PREFIX}/images/{name(1)}")
    assert one["image_details"] == {"format": "jpg", "width": 200, "height": 100}
    if kind == "object detection":
        one["label"][0]["bottomY"] = round(one["label"][0]["bottomY"], 9)
    assert one["label"] == label
    table = yaml.safe_load((folder / "training-mltable-folder" / "MLTable").read_text())
    assert table["paths"] == [{"file": "./train_annotations.jsonl"}]
    assert table["transformations"][1]["convert_column_types"][0]["column_type"] == "stream_info"


def test_csv_has_a_line_for_each_label(converted):
    folder, _ = converted(KINDS["object detection"], "csv")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    with_tag = [one for one in lines if one["tag"]]
    assert [(one["tag"], one["left"], one["width"]) for one in with_tag] == [
        ("cat", "0.1", "0.3"),
        ("dog", "0.5", "0.5"),
    ]
    assert {one["file"] for one in with_tag} == {f"images/{name(1)}"}
    assert [one["image_id"] for one in lines if not one["tag"]] == [identity("image", 2)]


@pytest.mark.parametrize("to", FORMATS)
def test_the_same_bag_makes_the_same_data_set(converted, tmp_path, to):
    folder, _ = converted(KINDS["object detection"], to, "--split", "60/40")
    again = folder.rename(tmp_path / "first")
    folder, _ = converted(KINDS["object detection"], to, "--split", "60/40")
    times = re.compile(rb'"(start|end)":\s*"[^"]*"')  # of the run, in conversion.json
    contents = [
        {str(path.relative_to(one)): times.sub(b"", path.read_bytes()) for path in one.rglob("*.*")}
        for one in (again, folder)
    ]
    assert contents[0] == contents[1]
