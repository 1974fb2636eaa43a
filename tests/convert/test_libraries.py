"""Each format, loaded by a library made for it: pycocotools, supervision, and Microsoft's mltable."""

import csv
import json
import warnings

import pytest

from tests.benchmarks.bags import identity
from tests.convert.bags import FINDING, MULTI_CLASS, Project, image, region, tag

CAT, DOG = tag("cat, or not"), tag("dog")
BOXES = [region(CAT, 0.1, 0.2, 0.3, 0.4), region(DOG, 0.5, 0.5, 0.5, 0.25)]
IN_PIXELS = [("cat, or not", [20, 20, 80, 60]), ("dog", [100, 50, 200, 75])]
DETECTION = Project(FINDING, [CAT, DOG], [image(1, regions=BOXES), image(2)])
CLASSES = Project(MULTI_CLASS, [CAT, DOG], [image(1, CAT), image(2, DOG), image(3, DOG)])
FIRST, SECOND = identity("image", 1), identity("image", 2)


def loaded(name):
    """Import a library; it may be an old friend of deprecated functions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def test_pycocotools_reads_coco(converted):
    coco = loaded("pycocotools.coco")
    folder, _ = converted(DETECTION, "coco")
    read = coco.COCO(folder / "annotations.json")
    (number,) = read.getCatIds(catNms=["cat, or not"])
    (found,) = read.loadAnns(read.getAnnIds(catIds=[number]))
    assert found["bbox"] == [20, 20, 60, 40]
    assert read.loadImgs([found["image_id"]])[0]["file_name"] == f"{FIRST}.jpg"
    names = {one["file_name"] for one in read.loadImgs(read.getImgIds())}
    assert names == {f"{FIRST}.jpg", f"{SECOND}.jpg"}


def test_pycocotools_reads_classes(converted):
    coco = loaded("pycocotools.coco")
    folder, _ = converted(CLASSES, "coco")
    read = coco.COCO(folder / "annotations.json")
    found = read.getImgIds(catIds=read.getCatIds(catNms=["dog"]))
    assert {one["file_name"] for one in read.loadImgs(found)} == {f"{SECOND}.jpg", f"{identity('image', 3)}.jpg"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_supervision_reads_boxes(converted):
    supervision = loaded("supervision")
    folder, _ = converted(DETECTION, "yolo")
    read = supervision.DetectionDataset.from_yolo(
        images_directory_path=str(folder / "images" / "train"),
        annotations_directory_path=str(folder / "labels" / "train"),
        data_yaml_path=str(folder / "data.yaml"),
    )
    found = {path: boxes for path, _, boxes in read}
    boxes = found.pop(str(folder / "images" / "train" / f"{FIRST}.jpg"))
    pairs = zip(boxes.class_id, boxes.xyxy.round().tolist(), strict=True)
    assert [(read.classes[number], box) for number, box in pairs] == IN_PIXELS
    assert [len(other) for other in found.values()] == [0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_supervision_reads_folders(converted):
    supervision = loaded("supervision")
    folder, _ = converted(CLASSES, "yolo")
    read = supervision.ClassificationDataset.from_folder_structure(str(folder / "train"))
    assert sorted(read.classes) == ["cat, or not", "dog"]
    found = {path.rpartition("/")[2]: read.classes[of.class_id[0]] for path, _, of in read}
    assert found == {f"{FIRST}.jpg": "cat, or not", f"{SECOND}.jpg": "dog", f"{identity('image', 3)}.jpg": "dog"}


@pytest.mark.mltable
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("project", "count"), [(DETECTION, 2), (CLASSES, 3)], ids=["detection", "classes"])
def test_mltable_reads_addresses_and_labels(converted, project, count):
    mltable = loaded("mltable")
    folder, _ = converted(project, "automl", "--split", "100/0")
    rows = mltable.load(str(folder / "training-mltable-folder")).to_pandas_dataframe().to_dict("records")
    lines = (folder / "training-mltable-folder" / "train_annotations.jsonl").read_text().splitlines()
    written = {one["image_url"].removeprefix("file://"): one["label"] for one in map(json.loads, lines)}
    assert len(rows) == count
    for row in rows:
        label = written[str(row["image_url"])]
        assert (row["label"] if isinstance(label, str) else list(row["label"])) == label


def test_pythons_csv_reads_lines(converted):
    folder, _ = converted(DETECTION, "csv")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        found = [(one["tag"], float(one["left"]) * 200) for one in csv.DictReader(file) if one["tag"]]
    assert found == [("cat, or not", 20), ("dog", 100)]
