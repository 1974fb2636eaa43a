"""`redact --in-place`: whenever it is killed, the export is whole under its name, old or new; a second run finishes."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cv_gdpr.find.index import Index
from cv_gdpr.redact.exchange import Beside
from cv_gdpr.verify import verify
from tests.export.exporting import payload
from tests.platforms import ENDED_ITSELF
from tests.redact.redacting import beside, gone, named_in

HERE = Path(__file__).parent
PLACES = {  # a step of the run, how often it is called before, and how the folders are exchanged
    "a file is linked": ("link", 3, "at-once"),
    "the bag is closed": ("replace", 1, "at-once"),
    "it is exchanged": ("_exchanged", 1, "at-once"),
    "it was exchanged": ("_exchanged!", 1, "at-once"),
    "the old one is removed": ("unlink", 1, "at-once"),
    "half of the old one is removed": ("unlink", 20, "at-once"),
    "the old one was removed": ("rmtree!", 1, "at-once"),
    "the old one is moved away": ("rename", 1, "two-renames"),
    "the old one was moved away": ("rename!", 1, "two-renames"),
    "the new one has its name": ("rename!", 2, "two-renames"),
}


@pytest.fixture(scope="module")
def evidence(before):
    """Return evidence of the erasure of one person's images."""
    return before.erased("images", "--all", "--metadata", "subject=nr-4711")


def ids_of(evidence):
    return gone(evidence)["images"]


@pytest.mark.slow
def test_in_place_the_old_files_are_gone_from_the_disk(bag, evidence, redact):
    then = payload(bag)
    out = redact(evidence, bag, "--in-place").out
    assert "still holds" not in out
    assert beside(bag.parent) == ["answer"]
    assert verify(bag).differences == []
    assert named_in(bag, ids_of(evidence)) == set()
    assert payload(bag).keys() < then.keys()
    assert all(path.stat().st_nlink == 1 for path in bag.rglob("*.jpg"))


@pytest.mark.slow
def test_the_end_says_that_the_old_export_still_holds_them(bag, evidence, redact):
    ran = redact(evidence, bag)
    assert f"{bag} still holds {len(ids_of(evidence))} erased item" in ran.out
    assert beside(bag.parent) == ["answer", "answer-redacted"]


def test_another_name_of_an_erased_file_is_reported(bag, evidence, redact):
    """An export made with --reuse shares its files: the bytes stay on the disk until that one follows, too."""
    picture = next(path for one in ids_of(evidence) for path in bag.rglob(f"{one}.*"))
    (bag.parent / "other").hardlink_to(picture)
    document = redact(evidence, bag, "--in-place", "--json").json
    assert document["bags"][0]["linkedElsewhere"] == 1


@pytest.mark.parametrize("new_is_whole", [True, False])
def test_a_run_cut_off_between_two_names_is_finished(bag, evidence, redact, tmp_path, new_is_whole):
    """The old folder was moved away, and the new one had not its name yet: by hand, since it needs a killed run."""
    redact(evidence, bag, "--out", tmp_path / "less")
    places = Beside(bag)
    bag.rename(places.old)
    shutil.copytree(tmp_path / "less", places.new)
    if not new_is_whole:
        (places.new / "bagit.txt").unlink()
    out = redact(evidence, bag, "--in-place").out
    assert ("holds nothing" in out) == new_is_whole
    assert beside(bag.parent) == ["answer"]
    assert named_in(bag, ids_of(evidence)) == set()
    assert verify(bag).differences == []


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_killed_anywhere_the_export_is_whole(bag, evidence, redact, place):
    step, count, way = place
    words = [sys.executable, "-m", "tests.redact.killing", step, str(count), way, "redact", evidence, bag, "--in-place"]
    ran = subprocess.run(words, capture_output=True, check=False, cwd=HERE.parent.parent)
    assert ran.returncode == ENDED_ITSELF, ran.stderr
    if bag.exists():
        assert verify(bag).differences == []
    redact(evidence, bag, "--in-place")
    assert beside(bag.parent) == ["answer"]
    assert verify(bag).differences == []
    assert named_in(bag, ids_of(evidence)) == set()


def test_two_runs_at_once_are_refused(bag, evidence, redact):
    with Beside(bag).locked():
        assert "another run" in redact(evidence, bag, "--in-place", code=2).err
    redact(evidence, bag, "--in-place")


def test_a_full_disk_loses_nothing(bag, evidence, redact, monkeypatch):
    import errno
    import os

    then = payload(bag)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cv_gdpr.archive.writing._write_parts", full)
    assert "No space left" in redact(evidence, bag, "--in-place", code=1).err
    monkeypatch.undo()
    assert payload(bag) == then
    assert beside(bag.parent) == ["answer"]


def test_the_index_of_find_forgets_the_erased(bag, evidence, redact, tmp_path):
    pictures = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in bag.rglob("*.jpg")}
    with Index(tmp_path / "index", 1) as index:
        for sha256 in pictures.values():
            index.put(sha256, b"features")
    document = redact(evidence, bag, "--in-place", "--index", tmp_path / "index", "--json").json
    gone_files = {sha256 for path, sha256 in pictures.items() if not path.exists()}
    assert document["bags"][0]["forgotten"] == len(gone_files) > 0
    with Index(tmp_path / "index", 1) as index:
        assert {one for one in pictures.values() if index.get(one) is None} == gone_files
