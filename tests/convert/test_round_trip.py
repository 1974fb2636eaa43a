"""The round trip: what was changed in a data set after it was written is found when it is read back."""

import json

import pytest

from cv_gdpr.archive.bag import Bag
from cv_gdpr.convert.formats import FORMATS
from cv_gdpr.convert.names import classes_of
from cv_gdpr.convert.reading import places_of, projects_of, read
from cv_gdpr.convert.records import Note
from cv_gdpr.convert.round_trip import differences, unexplained
from tests.benchmarks.bags import identity
from tests.convert.bags import FINDING, Project, image, region, tag

CAT, DOG = tag("cat"), tag("dog")
BOXES = [region(CAT, 0.1, 0.2, 0.3, 0.4), region(CAT, 0.5, 0.5, 0.25, 0.25)]
PROJECT = Project(FINDING, [CAT, DOG], [image(1, regions=BOXES), image(2)])
FIRST, SECOND = identity("image", 1), identity("image", 2)


@pytest.fixture
def check(converted, tmp_path):
    """A function that converts to a format, changes the data set, and returns what differs: image, region, why."""

    def changed(to, change):
        folder, _ = converted(PROJECT, to, "--copy")
        bag = Bag(tmp_path / "bag")
        form = FORMATS[to]
        data, _ = read(bag, places_of(bag, projects_of(bag, ()), None)[0][0])
        classes, _ = classes_of(data.tags, form.naming(data.task))
        assert list(differences(data, classes, form.read(folder))) == []
        change(folder)
        return [(one.image, one.region, one.what) for one in differences(data, classes, form.read(folder))]

    return changed


def edit(file, old, new):
    def change(folder):
        path = next(folder.rglob(file))
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    return change


def without_line(file, number):
    def change(folder):
        path = next(folder.rglob(file))
        lines = path.read_text().splitlines(keepends=True)
        del lines[number]
        path.write_text("".join(lines))

    return change


def coco(edit_document):
    def change(folder):
        path = folder / "annotations.json"
        document = json.loads(path.read_text())
        edit_document(document)
        path.write_text(json.dumps(document))

    return change


MOVED = [(FIRST, BOXES[0]["regionId"], "its box is another")]
GONE = [(FIRST, BOXES[1]["regionId"], "not in the data set that was read back")]
NO_PICTURE = [(SECOND, "", "not in the data set that was read back")]
OTHER = [(SECOND, "", "its file is not that of the export")]
OF_SECOND = f"{SECOND}.jpg"
CASES = {
    "coco: a box one pixel to the right": ("coco", edit("annotations.json", "[20.0,", "[21.0,"), MOVED),
    "coco: a box moved by less than half a pixel": ("coco", edit("annotations.json", "[20.0,", "[20.4,"), []),
    "coco: an annotation less": ("coco", coco(lambda one: one["annotations"].pop()), GONE),
    "coco: an image less": ("coco", coco(lambda one: one["images"].pop(0)), NO_PICTURE),
    "yolo: a box changed": ("yolo", edit(f"{FIRST}.txt", "0.40000000 0.30000000", "0.41000000 0.30000000"), MOVED),
    "yolo: a line less": ("yolo", without_line(f"{FIRST}.txt", 1), GONE),
    "yolo: a file of labels less": ("yolo", lambda folder: next(folder.rglob(f"{SECOND}.txt")).unlink(), NO_PICTURE),
    "automl: a box changed": ("automl", edit("train_annotations.jsonl", '"topX":0.1', '"topX":0.11'), MOVED),
    "automl: a line less": ("automl", without_line("train_annotations.jsonl", 0), NO_PICTURE),
    "csv: a box changed": ("csv", edit("labels.csv", ",0.1,0.2,", ",0.11,0.2,"), MOVED),
    "csv: a line less": ("csv", without_line("labels.csv", -1), GONE),
    "a file less": ("csv", lambda folder: next(folder.rglob(OF_SECOND)).unlink(), OTHER),
    "a file changed": ("csv", lambda folder: next(folder.rglob(OF_SECOND)).write_bytes(b"x"), OTHER),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_is_found(check, case):
    to, change, expected = CASES[case]
    assert check(to, change) == expected


def test_another_class_is_another_label(check):
    dog_first = sorted([CAT, DOG], key=lambda one: one["id"])
    number = dog_first.index(CAT)
    found = check("yolo", edit(f"{FIRST}.txt", f"{number} 0.25", f"{1 - number} 0.25"))
    assert found == [
        (FIRST, BOXES[0]["regionId"], "not in the data set that was read back"),
        (FIRST, "", "1 labels were read back that the export lacks"),
    ]


def test_a_picture_that_the_export_lacks(check):
    extra = "one,images/extra.jpg,train,1,1,,,,,,,\n"

    def add(folder):
        with (folder / "labels.csv").open("a") as file:
            file.write(extra)

    assert check("csv", add) == [("", "", "a picture was read back that the export lacks: 'extra'")]


NAMED = {
    "the same label": (Note("x", lost=True, image="1", tag="a", region="r"), False),
    "another region": (Note("x", lost=True, image="1", tag="a", region="s"), True),
    "the whole picture": (Note("x", lost=True, image="1"), True),
    "a changed label": (Note("x", lost=False, image="1", tag="a", region="r"), False),
    "another picture": (Note("x", lost=True, image="2", tag="a", region="r"), True),
}


@pytest.mark.parametrize("case", NAMED)
def test_what_no_note_names_is_lost(case):
    note, unknown = NAMED[case]
    difference = Note("y", lost=True, image="1", tag="a", region="r")
    assert list(unexplained([difference], [note])) == ([difference] if unknown else [])


def test_other_sides_do_not_explain_a_missing_picture():
    difference = Note("y", lost=True, image="1")
    assert list(unexplained([difference], [Note("x", lost=False, image="1")])) == [difference]
    assert list(unexplained([difference], [Note("x", lost=True, image="1")])) == []
