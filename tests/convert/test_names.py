"""The names of tags in each format, and images, projects and iterations by name."""

import csv
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.convert.names import FOLDER, TEXT, classes_of
from cv_gdpr.platforms.names import refused_by_windows
from cv_gdpr.table.labelled import Tag
from tests.benchmarks.bags import identity
from tests.convert.bags import FINDING, MULTI_CLASS, Project, image, make, region, tag

HOSTILE = [
    "a,b",
    'say "x"',
    "two\nlines",
    "C:\\dir/..",
    "..",
    ".hidden",
    " blank ",
    "con",
    "nul.txt",
    "aux .tar.gz",
    "",
    "Straße",
    "STRASSE",
    "cat",
    "Cat",
    "e\u0301",
    "\u00e9",
    "\U0001f600",
    "\x7f\x85\u2028\ufeff",
    "=1+1",
    "*" * 300,
    "yes",
    "~",
    "1",
    "a: b # c",
]


def test_a_folder_can_have_each_name():
    classes, notes = classes_of([Tag(f"{number:04}", name) for number, name in enumerate(HOSTILE)], FOLDER)
    written = [one.written for one in classes.values()]
    assert len({one.casefold() for one in written}) == len(HOSTILE)
    assert all(one == one.strip(". ") and not set(one) & set('<>:"/\\|?*') and one.isprintable() for one in written)
    assert not any(one.startswith(".") or len(one.encode()) > 104 for one in written)
    assert not any(map(refused_by_windows, written))
    assert {note.tag for note in notes} == {one.tag.id for one in classes.values() if one.written != one.tag.name}
    assert not any(note.lost for note in notes)


@given(st.text(max_size=8) | st.from_regex(r"(?i)(nul|com1|lpt\xb2)[ .]{0,2}[a-z.]{0,3}", fullmatch=True))
def test_windows_takes_the_folder_of_any_name(name):
    (made,) = classes_of([Tag("1", name)], FOLDER)[0].values()
    assert refused_by_windows(made.written) == ""


@pytest.mark.parametrize(
    ("names", "naming", "written"),
    [
        (["a,b", "Cat", "cat"], TEXT, ["a,b", "Cat", "cat"]),
        (["cat", "cat"], TEXT, ["cat", "cat-2"]),
        (["cat", "cat", "cat-2"], TEXT, ["cat", "cat-3", "cat-2"]),
        (["Cat", "cat"], FOLDER, ["Cat", "cat-2"]),
        (["a/b", "a-b"], FOLDER, ["a-b-2", "a-b"]),
        (["\ud800"], TEXT, ["\ufffd"]),
        (["", "nul", "COM1.x"], FOLDER, ["0", "nul-", "COM1-.x"]),
        (["nul", "nul-", "NUL .x", "con.-"], FOLDER, ["nul--2", "nul-", "NUL -.x", "con-.-"]),
    ],
)
def test_names_that_change(names, naming, written):
    classes, notes = classes_of([Tag(str(number), name) for number, name in enumerate(names)], naming)
    assert [one.written for one in classes.values()] == written
    assert [note.tag for note in notes] == [str(n) for n, name in enumerate(names) if name != written[n]]


@pytest.mark.parametrize("to", ["coco", "yolo", "automl", "csv"])
@pytest.mark.parametrize("kind", [MULTI_CLASS, FINDING])
def test_hostile_names_are_read_back(converted, to, kind):
    tags = [tag(name, number) for number, name in enumerate(HOSTILE)]
    boxes = kind is FINDING
    images = [
        image(number, regions=[region(one, 0, 0, 0.5, 0.5)]) if boxes else image(number, one)
        for number, one in enumerate(tags)
    ]
    folder, made = converted(Project(kind, tags, images), to)
    names = {one["tagId"]: one["name"] for one in made["classes"]}
    changed = {one["tagId"] for one in made["changed"]}
    assert changed == {one["id"] for one in tags if names[one["id"]] != one["name"]}
    assert len(changed) == (16 if to == "yolo" and not boxes else 1)  # an empty name changes everywhere
    if to == "yolo":
        read = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8"))["names"]
        assert list(read.values()) == list(names.values())
    if to == "csv":
        with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
            assert {line["tag"] for line in csv.DictReader(file)} == set(names.values())


@pytest.fixture
def two(tmp_path):
    """A bag of two projects, the first with two iterations."""
    cat, dog = tag("cat"), tag("dog")
    trained = {"Jos\u00e9": [image(3, dog)], "Second": [image(1, cat), image(4)]}
    first = Project(MULTI_CLASS, [cat, dog], [image(1, cat)], "Visitors", trained)
    other = Project(MULTI_CLASS, [dog], [image(11, dog), image(12, dog)], "D\u00f6gs")
    return make(tmp_path / "bag", first, other), first, other


def test_each_project_has_a_folder(run, two, tmp_path):
    bag, first, other = two
    ran = run("convert", bag, "--to", "csv", "--json")
    assert [one["folder"] for one in ran.json["dataSets"]] == [first.folder, other.folder]
    for project, count in ((first, 1), (other, 2)):
        assert len(list((tmp_path / "bag-csv" / project.folder / "images").iterdir())) == count
    prefix = run("convert", bag, "--to", "automl", "--image-url-prefix", "azureml://d/paths", "-q")
    assert prefix.code == 0
    (line,) = [
        json.loads(line)
        for path in (tmp_path / "bag-automl" / first.folder).rglob("*.jsonl")  # that for validation is empty
        for line in path.read_text().splitlines()
    ]
    assert line["image_url"] == f"azureml://d/paths/{first.folder}/images/{identity('image', 1)}.jpg"


@pytest.mark.parametrize("named", ["D\u00f6gs", "id", "ID"])
def test_a_project_by_name_or_id(run, two, tmp_path, named):
    bag, _, other = two
    word = {"id": other.id, "ID": other.id.upper()}.get(named, named)
    ran = run("convert", bag, "--to", "csv", "--project", word, "--json")
    assert [(one["projectId"], one["folder"]) for one in ran.json["dataSets"]] == [(other.id, "")]
    assert (tmp_path / "bag-csv" / "labels.csv").is_file()


def test_an_unknown_project_is_answered_with_all(run, two, tmp_path):
    ran = run("convert", two[0], "--to", "csv", "--project", "Cats")
    assert (ran.code, ran.out) == (2, "")
    assert "no project has the name or id 'Cats'" in ran.err
    assert "Visitors" in ran.err
    assert not (tmp_path / "bag-csv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


@pytest.mark.parametrize("named", ["Jose\u0301", "id"])
def test_what_an_iteration_was_trained_on(run, two, tmp_path, named):
    bag, first, other = two
    trained = identity("iteration", "Jos\u00e9")
    ran = run("convert", bag, "--to", "csv", "--iteration", trained if named == "id" else named, "--json")
    assert (ran.code, ran.json["withoutIteration"]) == (3, [other.id])
    assert [(one["projectId"], one["iteration"]) for one in ran.json["dataSets"]] == [(first.id, trained)]
    images = tmp_path / "bag-csv" / first.folder / "images"
    assert [path.stem for path in images.iterdir()] == [identity("image", 3)]


def test_an_unknown_iteration_is_answered_with_all(run, two):
    ran = run("convert", two[0], "--to", "csv", "--iteration", "Third")
    assert ran.code == 2
    assert "no iteration has the name or id 'Third'" in ran.err
    assert "Second" in ran.err
