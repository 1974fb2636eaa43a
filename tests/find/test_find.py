"""`cv-gdpr find`: bags with photographs, the files it writes, its exit codes."""

import json
import os
import sys
from pathlib import Path

import jsonschema
import pytest

from cv_gdpr.cli.inputs import read_ids
from cv_gdpr.errors import UsageError
from cv_gdpr.extras import install
from tests.benchmarks.bags import PROJECT
from tests.find.bags import ITERATION, make
from tests.find.changes import as_jpeg, bar_over, cropped, resized
from tests.platforms import is_private, posix


@pytest.fixture(scope="module")
def bag(photo, tmp_path_factory):
    """A bag: a half-size copy in the workspace, the same bytes in an iteration only, a crop among the predictions."""
    folder = tmp_path_factory.mktemp("bags") / "bag"
    castle, cow = photo("schwerin-palace"), photo("cow")
    small, crop = resized(castle, 0.5), cropped(castle, 0.6, 0, 1)
    ids = make(folder, [as_jpeg(small), as_jpeg(cow)], of_iteration=[as_jpeg(castle, 92)], predictions=[as_jpeg(crop)])
    return folder, ids


@pytest.fixture
def castle(photo, tmp_path):
    """The file of the photograph that is sought."""
    path = tmp_path / "castle.jpg"
    path.write_bytes(as_jpeg(photo("schwerin-palace"), 92))
    return path


@pytest.mark.slow
def test_all_three_kinds_are_found_where_they_lie(run, bag, castle):
    folder, (images, of_iteration, predictions) = bag
    ran = run("find", folder, castle, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["format"] == "cv-gdpr-find/1"
    found = [(one["kind"], one["row"], one["id"], one["certain"], one["iterations"]) for one in ran.json["matches"]]
    assert found == [
        ("same", "images", of_iteration[0], True, [ITERATION]),
        ("copy", "images", images[0], True, []),
        ("part", "predictions", predictions[0], False, []),
    ]
    assert {(one["like"], one["projectId"]) for one in ran.json["matches"]} == {(str(castle), PROJECT)}
    assert all((folder / one["file"]).is_file() for one in ran.json["matches"])


@pytest.mark.slow
def test_the_table_is_for_people(run, bag, castle):
    ran = run("find", bag[0], castle)
    assert "4 pictures searched for 1 photo: 1 same, 1 copy, 1 part" in ran.out
    assert "1 of these is not certain" in ran.out
    assert run("find", bag[0], castle, "-q").out == ""


@pytest.mark.slow
def test_ids_are_a_list_as_options_take_it(run, bag, castle, tmp_path):
    folder, (images, of_iteration, predictions) = bag
    out = tmp_path / "found"
    ran = run("find", folder, castle, "--out", out)
    assert ran.code == 0
    assert f"{os.sep}ids.txt --with-iterations --require-export {folder} --dry-run" in ran.out.replace("\n  ", " ")
    assert f"Searched: the export in the folder “<bdi>{folder}</bdi>”" in (out / "review.html").read_text()
    assert read_ids(str(out / "ids.txt")) == {images[0], of_iteration[0]}
    text = (out / "ids.txt").read_text()
    assert f"\n{images[0]}  # a copy of {castle}; images, project {PROJECT}, data/" in text
    assert f"\n# {predictions[0]}  # probably in part like {castle}; predictions, project {PROJECT}, data/" in text
    assert f", only in iteration {ITERATION}" in text


@pytest.mark.slow
def test_out_holds_review_and_document_for_its_owner_only(run, bag, castle, tmp_path):
    out = tmp_path / "found"
    printed = run("find", bag[0], castle, "--out", out, "--json").json
    assert json.loads((out / "matches.json").read_text()) == printed
    page = (out / "review.html").read_text()
    assert page.count('src="data:image/jpeg;base64,') == 6
    assert "<script" not in page
    assert "The pictures may show other people" in page
    assert '<td colspan="2">' in page
    assert all(map(is_private, (out, *out.iterdir())))


def test_nothing_is_overwritten(run, bag, castle, tmp_path):
    (tmp_path / "ids.txt").write_text("mine")
    ran = run("find", bag[0], castle, "--out", tmp_path)
    assert (ran.code, (tmp_path / "ids.txt").read_text()) == (2, "mine")
    assert f"Error: {tmp_path / 'ids.txt'} exists" in ran.err


@pytest.mark.slow
def test_without_a_certain_one_the_list_is_empty(run, bag, photo, tmp_path):
    covered = tmp_path / "covered.jpg"
    covered.write_bytes(as_jpeg(bar_over(photo("schwerin-palace"))))
    assert run("find", bag[0], covered, "--out", tmp_path / "found", "-q").code == 0
    with pytest.raises(UsageError, match="contains no id"):
        read_ids(str(tmp_path / "found" / "ids.txt"))


@pytest.mark.slow
@posix("names in bytes")
def test_a_name_with_a_line_break_stays_on_its_line(run, bag, castle, tmp_path):
    odd = castle.rename(tmp_path / "a\nb # <b>\u202e.jpg")
    assert run("find", bag[0], odd, "--out", tmp_path / "found", "-q").code == 0
    assert len(read_ids(str(tmp_path / "found" / "ids.txt"))) == 2
    assert "a\\x0ab # <b>\\x202e.jpg;" in (tmp_path / "found" / "ids.txt").read_text()
    assert "a\\x0ab # &lt;b&gt;\\x202e.jpg</bdi></td>" in (tmp_path / "found" / "review.html").read_text()


@pytest.mark.slow
def test_the_index_spares_the_second_search_the_decoding(run, bag, castle, tmp_path):
    first, second = (run("find", bag[0], castle, "--json", "--index", tmp_path / "index").json for _ in range(2))
    assert (first["fromIndex"], second["fromIndex"]) == (0, 4)
    assert first["matches"] == second["matches"]


def test_without_the_extra_the_same_is_found(run, bag, castle, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    ran = run("find", bag[0], castle, "--json", "--out", tmp_path / "found")
    assert (ran.code, [one["kind"] for one in ran.json["matches"]]) == (3, ["same"])
    assert "Error: only equal bytes were searched" in ran.err
    assert f"Hint: {install('find')}" in ran.err
    assert "Only equal bytes were searched" in (tmp_path / "found" / "review.html").read_text()


def test_without_the_extra_no_deletion_is_advised(run, bag, castle, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    ran = run("find", bag[0], castle, "--out", tmp_path / "found")
    assert "4 pictures compared byte by byte with 1 photo: 1 same\ncopies and parts not searched" in ran.out
    assert "cv-gdpr delete" not in ran.out
    assert "before you delete anything, search what was not searched" in ran.out


@pytest.mark.slow
def test_broken_pictures_cost_themselves_only(run, castle, tmp_path):
    whole = castle.read_bytes()
    broken = [b"\xff\xd8\xff\xe0 no picture", whole[:200], b"text", b""]
    ((first, *others), _, _) = make(tmp_path / "bag", [whole, *broken])
    ran = run("find", tmp_path / "bag", castle, "--json")
    assert (ran.code, [one["id"] for one in ran.json["matches"]]) == (3, [first])
    assert {one["id"] for one in ran.json["notSearched"]} == set(others)
    assert ran.err.count("Not searched: images ") == 4


def test_a_changed_bag_is_not_searched(run, castle, tmp_path):
    make(tmp_path / "bag", [castle.read_bytes()])
    (picture,) = (tmp_path / "bag").glob("data/*/images/*.jpg")
    picture.write_bytes(b"changed")
    ran = run("find", tmp_path / "bag", castle)
    assert (ran.code, ran.out) == (4, "")
    assert "does not verify" in ran.err
    assert "Hint: cv-gdpr verify names every difference" in ran.err


@pytest.mark.slow
def test_an_incomplete_export_is_searched_and_named(run, castle, tmp_path):
    make(tmp_path / "bag", [castle.read_bytes()], lost=1)
    ran = run("find", tmp_path / "bag", castle, "--json")
    assert (ran.code, len(ran.json["matches"]), ran.json["missing"]) == (3, 1, 1)
    assert "data/missing.jsonl names what is missing" in ran.err


USAGE = {
    "no bag": (["nowhere", "castle.jpg"], "nowhere does not exist"),
    "a folder of bags": ([".", "castle.jpg"], "is not an export, but holds 1"),
    "no photo": (["bag"], "Missing argument 'PHOTO...'"),
    "a missing photo": (["bag", "nowhere.jpg"], "nowhere.jpg cannot be read: No such file"),
    "a folder": (["bag", "bag"], "bag is a folder"),
    "an empty file": (["bag", "empty.jpg"], "empty.jpg is empty"),
    "not a picture": (["bag", "text.jpg"], "text.jpg: not a picture"),
    "an empty name": (["bag", ""], "the value is empty"),
    "out in the bag": (["bag", "castle.jpg", "--out", "bag/found"], "--out bag/found lies in the export"),
    "index in the bag": (["bag", "castle.jpg", "--index", "bag/data"], "--index bag/data lies in the export"),
}


@pytest.fixture
def _in_folder(bag, castle, monkeypatch):
    """Work in a folder with the bag, the photograph, and files that are not pictures."""
    monkeypatch.chdir(castle.parent)
    Path("bag").symlink_to(bag[0])
    Path("empty.jpg").write_bytes(b"")
    Path("text.jpg").write_text("no picture")


@pytest.mark.usefixtures("_in_folder")
@pytest.mark.parametrize(("words", "error"), USAGE.values(), ids=USAGE)
def test_usage_errors(run, words, error):
    ran = run("find", *words)
    assert (ran.code, ran.out) == (2, "")
    assert error in ran.err


@pytest.mark.slow
def test_the_document_is_valid(run, bag, castle, schema_of):
    jsonschema.validate(run("find", bag[0], castle, "--json").json, schema_of("cv-gdpr-find/1"))
