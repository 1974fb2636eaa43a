"""What a format cannot hold is changed or left out, and named."""

import csv

import pytest

from tests.benchmarks.bags import identity
from tests.convert.bags import FINDING, MULTI_CLASS, MULTI_LABEL, Project, image, make, region, tag

CAT, DOG = tag("cat"), tag("dog")
NEGATIVE = tag("None of these", kind="Negative")
SEVERAL = Project(MULTI_LABEL, [CAT, DOG], [image(1, CAT, DOG), image(2, DOG), image(3)])


def lost(made):
    return [(one["imageId"], one["what"].partition(":")[0]) for one in made["lost"]]


@pytest.mark.parametrize(("to", "code"), [("coco", 0), ("csv", 0), ("yolo", 3), ("automl", 3)])
def test_an_image_without_a_tag(converted, to, code):
    project = Project(MULTI_CLASS, [CAT], [image(1, CAT), image(2)])
    _, made = converted(project, to, code=code)
    assert lost(made) == ([(identity("image", 2), "left out")] if code else [])
    assert sum(made["images"].values()) == (1 if code else 2)


@pytest.mark.parametrize(("to", "code", "held"), [("coco", 0, 3), ("csv", 0, 3), ("automl", 0, 3), ("yolo", 3, 2)])
def test_several_tags_on_an_image(converted, to, code, held):
    folder, made = converted(SEVERAL, to, code=code)
    assert sum(made["images"].values()) == held
    named = {identity("image", 1): "it stands in 2 folders", identity("image", 3): "left out"}
    assert dict(lost(made)) == (named if code else {})
    if to == "yolo":
        assert {path.parent.name for path in folder.rglob(f"{identity('image', 1)}.jpg")} == {"cat", "dog"}


def test_automl_has_one_class_if_the_project_has(converted):
    _, made = converted(Project(MULTI_CLASS, [CAT, DOG], [image(1, CAT, DOG), image(2, DOG)]), "automl", code=3)
    assert lost(made) == [(identity("image", 1), "left out")]


@pytest.mark.parametrize("to", ["coco", "yolo", "automl", "csv"])
def test_negative_is_a_class_of_classification(converted, to):
    _, made = converted(Project(MULTI_CLASS, [CAT, NEGATIVE], [image(1, CAT), image(2, NEGATIVE)]), to)
    assert ("None of these", "Negative") in [(one["name"], one["type"]) for one in made["classes"]]


@pytest.mark.parametrize("to", ["coco", "yolo", "automl"])
def test_negative_has_no_box_in_detection(converted, to):
    project = Project(FINDING, [CAT, NEGATIVE], [image(1, regions=[region(CAT, 0, 0, 1, 1)]), image(2, NEGATIVE)])
    _, made = converted(project, to)
    assert [(one["imageId"], one["tagId"]) for one in made["changed"]] == [(identity("image", 2), NEGATIVE["id"])]
    assert [one["name"] for one in made["classes"]] == ["cat"]
    assert sum(made["images"].values()) == 2


@pytest.mark.parametrize(("to", "code"), [("coco", 3), ("yolo", 3), ("automl", 3), ("csv", 0)])
def test_a_tag_without_a_box_in_detection(converted, to, code):
    project = Project(FINDING, [CAT, DOG], [image(1, DOG, regions=[region(CAT, 0, 0, 0.5, 1)])])
    _, made = converted(project, to, code=code)
    assert [(one["imageId"], one["tagId"]) for one in made["lost"]] == (
        [(identity("image", 1), DOG["id"])] if code else []
    )


OUTSIDE = {
    "cut at the right": ((0.5, 0, 0.6, 1), "the box is cut at the edge of the picture"),
    "cut at the left": ((-0.2, 0.1, 0.5, 0.5), "the box is cut at the edge of the picture"),
    "above": ((0.1, -0.5, 0.2, 0.4), "left out: nothing of the box lies inside the picture"),
    "empty": ((0.5, 0.5, 0, 0.1), "left out: nothing of the box lies inside the picture"),
    "less than half a pixel": ((0.5, 0, 0.502, 1), None),
    "not numbers": (("a", 0, 1, 1), "left out: its box is not four numbers"),
    "negative": ((0.5, 0, -0.1, 1), "left out: its box is not four numbers"),
}


@pytest.mark.parametrize("to", ["coco", "yolo", "automl"])
@pytest.mark.parametrize("case", OUTSIDE)
def test_a_box_outside_the_picture(converted, to, case):
    box, what = OUTSIDE[case]
    odd, fine = region(CAT, *box), region(CAT, 0.25, 0.25, 0.5, 0.5)
    _, made = converted(Project(FINDING, [CAT], [image(1, regions=[odd, fine])]), to, code=3 if what else 0)
    named = [(one["imageId"], one["regionId"], one["what"]) for one in made["lost"]]
    assert named == ([(identity("image", 1), odd["regionId"], what)] if what else [])
    assert made["classes"][0]["labels"] == (1 if what and "left out" in what else 2)


def test_csv_keeps_a_box_outside(converted):
    folder, _ = converted(Project(FINDING, [CAT], [image(1, regions=[region(CAT, -0.5, 2, 3.25, 1e-7)])]), "csv")
    with (folder / "labels.csv").open(newline="") as file:
        line = next(csv.DictReader(file))
    assert [float(line[side]) for side in ("left", "top", "width", "height")] == [-0.5, 2, 3.25, 1e-7]


def test_the_sides_of_the_file_count(converted):
    project = Project(FINDING, [CAT], [image(1, regions=[region(CAT, 0.5, 0, 0.5, 1)])])
    _, made = converted(project, "coco", sides=(40, 30))
    assert [one["what"] for one in made["changed"]] == [
        "the file has 40 x 30 pixels, its record says 200 x 100: the file counts"
    ]


@pytest.mark.parametrize("to", ["coco", "csv"])
def test_an_image_without_its_file(converted, to):
    _, made = converted(Project(MULTI_CLASS, [CAT], [image(1, CAT), image(2, CAT)]), to, code=3, lost=[2])
    assert lost(made) == [(identity("image", 2), "left out")]


def test_a_label_is_there_twice(converted):
    twice = [region(CAT, 0.1, 0.1, 0.5, 0.5), region(CAT, 0.1, 0.1, 0.5, 0.5, number=1)]
    _, made = converted(Project(FINDING, [CAT], [image(1, regions=twice)]), "yolo")
    assert made["classes"][0]["labels"] == 2


def test_boxes_in_pixels_need_the_sides(run, tmp_path):
    box = region(CAT, 0, 0, 0.5, 1)
    bag = make(tmp_path / "bag", Project(FINDING, [CAT], [image(1, regions=[box], width=None)]), content=b"no picture")
    ran = run("convert", bag, "--to", "coco", "--json")
    (made,) = ran.json["dataSets"]
    assert (ran.code, [(one["regionId"], one["what"]) for one in made["lost"]]) == (
        3,
        [(box["regionId"], "left out: the sides of the picture are unknown")],
    )
    assert run("convert", bag, "--to", "yolo", "-q").code == 0
