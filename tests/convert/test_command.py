"""`cv-gdpr convert`: its options, exit codes, and what it leaves on the disk."""

import os

import pytest

from cv_gdpr.archive import new_folder
from cv_gdpr.archive.placing import Placer
from tests.benchmarks.bags import identity
from tests.convert.bags import MULTI_CLASS, Project, image, make, tag
from tests.platforms import WINDOWS, is_private

CAT = tag("cat")


@pytest.fixture
def bag(tmp_path):
    """A bag of two images, one of them without a tag."""
    return make(tmp_path / "bag", Project(MULTI_CLASS, [CAT], [image(1, CAT), image(2)]))


def test_the_words_for_people(run, bag, tmp_path):
    ran = run("convert", bag, "--to", "coco")
    assert (ran.code, ran.err) == (0, "")
    assert "multi-class classification: 2 images, 1 label, 1 class; nothing lost" in ran.out
    assert f"written: {tmp_path / 'bag-coco'}" in ran.out
    assert run("convert", bag, "--to", "csv", "-q").out == ""
    lost = run("convert", bag, "--to", "yolo", "-q")
    assert (lost.code, lost.out) == (3, "")
    assert f"Lost: image {identity('image', 2)}: left out: it has no tag" in lost.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "voc"], "'voc' is not one of"),
        ([], "Missing option '--to'"),
        (["--to", "coco", "--split", "80/30"], "add up to 100"),
        (["--to", "coco", "--split", "0/100"], "add up to 100"),
        (["--to", "coco", "--split", "80"], "add up to 100"),
        (["--to", "coco", "--split", "80/-10/30"], "add up to 100"),
        (["--to", "coco", "--seed", "x"], "must be a whole number, 0 or more, not 'x'"),
        (["--to", "coco", "--project", ""], "the value is empty"),
        (["--to", "coco", "--image-url-prefix", "azureml://x"], "takes no --image-url-prefix"),
        (["--to", "automl", "--image-url-prefix", "https://h/c?sig=abc"], "no user, password or query"),
        (["--to", "automl", "--image-url-prefix", "https://me:abc@h/c"], "no user, password or query"),
        (["--to", "automl", "--image-url-prefix", "folder"], "is not an address"),
    ],
)
def test_wrong_options(run, bag, tmp_path, words, message):
    ran = run("convert", bag, *words)
    assert ran.code == 2
    assert message in ran.err
    assert "abc" not in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


def test_nothing_is_overwritten(run, bag, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("mine")
    ran = run("convert", bag, "--to", "coco", "--out", out)
    assert ran.code == 2
    assert f"Error: {out} exists" in ran.err
    assert [path.name for path in out.iterdir()] == ["mine"]


def test_an_empty_folder_is_taken(run, bag, tmp_path):
    out = tmp_path / "a" / "out"
    out.mkdir(parents=True)
    assert run("convert", bag, "--to", "coco", "--out", out, "-q").code == 0
    assert is_private(out)
    assert WINDOWS or out.parent.stat().st_mode & 0o777 == 0o755


def test_an_export_is_not_written_into(run, bag):
    ran = run("convert", bag, "--to", "coco", "--out", bag / "data" / "coco")
    assert (ran.code, (bag / "data" / "coco").exists()) == (2, False)
    assert "lies in the export" in ran.err


@pytest.mark.parametrize(("edited", "code"), [("data/projects.jsonl", 4), ("bagit.txt", 2)])
def test_a_bag_that_does_not_verify(run, bag, tmp_path, edited, code):
    (bag / edited).unlink()
    ran = run("convert", bag, "--to", "coco", "--json")
    assert (ran.code, ran.json["exitCode"]) == (code, code)
    assert not (tmp_path / "bag-coco").exists()


def test_files_are_linked_or_copied(run, bag, tmp_path):
    linked = run("convert", bag, "--to", "coco", "--json").json["dataSets"][0]["files"]
    copied = run("convert", bag, "--to", "csv", "--copy", "--json").json["dataSets"][0]["files"]
    assert (sum(linked.values()), copied) == (2, {"copied": 2})
    for path in tmp_path.glob("bag-csv/*/images/*"):
        assert (path.stat().st_nlink, is_private(path)) == (1, True)
    assert run("verify", bag).code == 0


def test_links_are_not_possible_everywhere(tmp_path):
    other = next((folder for folder in ("/dev/shm", "/tmp") if os.stat(folder).st_dev != tmp_path.stat().st_dev), None)  # noqa: PTH116, S108
    if other is None:
        pytest.skip("one file system only")
    source, target = tmp_path / "a", tmp_path.__class__(other) / f"cv-gdpr-{os.getpid()}"
    source.write_bytes(b"abc")
    placer = Placer()
    try:
        placer.place(source, target)
        assert (target.read_bytes(), placer.counts) == (b"abc", {"copied": 1})
    finally:
        target.unlink()


def test_what_fails_leaves_nothing(tmp_path):
    def interrupted():
        with new_folder.new_folder(tmp_path / "a" / "out") as folder:
            (folder / "x").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "a").iterdir()) == []


DOG = tag("dog")


@pytest.fixture
def with_iteration(tmp_path):
    """A bag of three images in the workspace, and two more that only an iteration holds; nothing is a dog."""
    listed = [image(number, CAT) for number in (1, 2, 3)]
    old = {"First try": [*listed, image(4, CAT), image(5, CAT)]}
    return make(tmp_path / "bag", Project(MULTI_CLASS, [CAT, DOG], listed, iterations=old))


def test_images_only_in_iterations_are_said(run, with_iteration):
    ran = run("convert", with_iteration, "--to", "csv")
    assert '2 more images only in iterations, not in this data set: --iteration "First try"' in ran.out
    assert "classes without images: dog" in ran.out
    assert 'project "Visitors" (' in ran.out
    again = run("convert", with_iteration, "--to", "coco", "--iteration", "First try", "--json").json["dataSets"][0]
    assert (again["images"], again["onlyInIterations"], again["projectName"]) == ({"train": 5}, {}, "Visitors")


@pytest.mark.parametrize(
    ("to", "split", "warnings"),
    [
        ("automl", (), ["3 images: training on this format wants at least 10"]),
        (
            "automl",
            ("--split", "99/1"),
            ["no image for validation", "3 images: training on this format wants at least 10"],
        ),
        ("yolo", ("--split", "98/1/1"), ["no image for validation", "no image for test"]),
        ("coco", (), []),
    ],
)
def test_what_training_will_miss(run, with_iteration, to, split, warnings):
    ran = run("convert", with_iteration, "--to", to, *split, "--json")
    assert ran.code == 0
    assert ran.json["dataSets"][0]["warnings"] == warnings
    assert ran.json["dataSets"][0]["onlyInIterations"] == {"First try": 2}
    for warning in warnings:
        assert f": {warning}" in ran.err


def test_yolo_names_no_empty_part(run, with_iteration, tmp_path):
    run("convert", with_iteration, "--to", "yolo", "--split", "98/1/1")
    (data,) = tmp_path.glob("bag-yolo/*/data.yaml")
    assert "\nval: train\n" in data.read_text()
    assert "\ntest:" not in data.read_text()
