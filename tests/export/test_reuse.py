"""An export that takes what an earlier one holds: files are linked, unchanged lists may be trusted."""

import json
import os
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from custom_vision_simulator import Fault, Simulator
from cv_gdpr.archive.earlier import Damaged, EarlierBag
from cv_gdpr.export.reuse import list_of
from cv_gdpr.table.categories import layout
from tests.commandline import CommandLine
from tests.export.exporting import assert_bag, files, payload, project_folder, records, snapshot, stock
from tests.platforms import is_private
from tests.profiles.profiling import Config, without_connection

MODELS = 2  # always downloaded: the service may store another at the same address


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A resource, the command line, and an export of it from the night before."""
    with Simulator() as sim:
        sim.project = stock(sim)
        cli = CommandLine(sim.endpoint, sim.training_key)
        bag = tmp_path_factory.mktemp("nights") / "first"
        assert cli("export", "--all", "-q", "--out", bag).code == 0
        yield sim, cli, bag


@pytest.fixture
def again(first, tmp_path):
    """Return a function that exports with --reuse, and returns the result; the bag must verify."""
    sim, cli, bag = first

    def run(*words, reuse=bag, code=0, out=tmp_path / "out"):
        sim.blob_requests.clear()
        sim.calls.clear()
        ran = cli("export", "--all", "--json", "--out", out, "--reuse", reuse, *words)
        assert ran.code == code, ran.err
        if code == 0:
            assert cli("verify", out).code == 0
        run.err = ran.err
        return ran.json

    yield run
    sim.clear_faults()


@pytest.fixture
def copied(first, tmp_path):
    """Return a copy of the earlier export, and its project's folder."""
    bag = shutil.copytree(first[2], tmp_path / "earlier")
    return bag, project_folder(bag, first[0].project)


def pictures(folder):
    return [path for path in files(folder / "data") if path.parent.name in {"images", "predictions"}]


def listings_of_iterations(sim):
    return [call for call in sim.calls if call.operation == "GetTaggedImages" and "iterationId" in call.query]


@pytest.mark.slow
def test_files_are_linked_and_stay_without_the_earlier_bag(first, again, copied, tmp_path):
    sim, cli, _ = first
    told, out = again(reuse=copied[0]), tmp_path / "out"
    assert len(sim.blob_requests) == MODELS
    linked = {path.name: path.stat().st_ino for path in pictures(copied[0])}
    assert {path.name: path.stat().st_ino for path in pictures(out)} == linked
    assert all(map(is_private, files(out)))
    ((reused,), held) = told["reused"], len(linked)
    assert (reused["files"], reused["bytes"]) == (held, held * 400)
    was, now = payload(copied[0]), payload(out)
    assert {path.rpartition("/")[2] for path in was if was[path] != now.get(path)} == {"export.json", "files.jsonl"}
    assert was.keys() == now.keys()
    assert f"Export-Reused: {held} files" in cli("verify", out).out
    assert (told["notReused"], told["trusted"]) == ([], [])
    shutil.rmtree(copied[0])
    assert_bag(out)
    assert cli("verify", out).code == 0


@pytest.mark.slow
def test_an_unchanged_iteration_is_not_listed_again(first, again, tmp_path):
    sim, cli, bag = first
    before = snapshot(bag)
    told = again("--trust-listings")
    assert snapshot(bag) == before
    assert not listings_of_iterations(sim)
    assert {one["file"] for one in told["trusted"]} == {"images.jsonl", "image-performances.jsonl"}
    assert len(told["trusted"]) == 2 * len(sim.store.projects[sim.project].iterations)
    assert "Export-Trusted: 4 lists of iterations" in cli("verify", tmp_path / "out").out
    once_more = again("--trust-listings", reuse=tmp_path / "out", out=tmp_path / "third")
    assert {one["read"] for one in once_more["trusted"]} == {one["read"] for one in told["trusted"]}
    lists = [path for path in payload(bag) if "/iterations/" in path]
    assert lists
    assert all(payload(bag)[path] == payload(tmp_path / "third")[path] for path in lists)


@pytest.mark.slow
def test_an_iteration_that_changed_is_listed_again(first, again):
    sim, _, _ = first
    one, other = sim.store.projects[sim.project].iterations.values()
    kept, modified = dict(one.snapshot.images), other.last_modified
    one.snapshot.images.pop(next(iter(kept)))  # it has no tag, so the performances have no record of it
    other.last_modified += timedelta(seconds=1)
    try:
        told = again("--trust-listings")
    finally:
        one.snapshot.images = kept
        other.last_modified = modified
    assert {call.query["iterationId"] for call in listings_of_iterations(sim)} == {one.id, other.id}
    assert [(entry["iteration"], entry["file"]) for entry in told["trusted"]] == [(one.id, "image-performances.jsonl")]


def test_what_was_erased_is_not_in_the_new_bag(first, again, tmp_path):
    sim, _, _ = first
    predictions = sim.store.projects[sim.project].predictions
    gone, record = next(iter(predictions.items()))
    del predictions[gone]
    try:
        again()
    finally:
        predictions[gone] = record
    assert not [path for path in payload(tmp_path / "out") if gone in path]


@pytest.mark.slow
def test_damaged_files_are_downloaded_and_named(first, again, copied, tmp_path):
    sim, _, _ = first
    bag, folder = copied
    changed, removed, shorter, linked, *_ = sorted((folder / "images").iterdir())
    secret = tmp_path / "secret"
    secret.write_bytes(linked.read_bytes())
    changed.write_bytes(b"x" * changed.stat().st_size)
    shorter.write_bytes(shorter.read_bytes()[:-1])
    removed.unlink()
    linked.unlink()
    linked.symlink_to(secret)
    told = again(reuse=bag)
    assert len(sim.blob_requests) == MODELS + 4
    named = {one["file"].rpartition("/")[2]: one["reason"] for one in told["notReused"]}
    assert named[changed.name] == "its hash is not that in files.jsonl"
    assert named[shorter.name] == "it has 399 bytes instead of 400"
    assert named[removed.name] == "No such file or directory"
    assert named[linked.name] == "a link, not a file"
    assert again.err.count("Warning: ") == 4
    assert secret.stat().st_nlink == 1


def change_once_linked(picture, out):
    """Wait until an export has linked a picture, and write into it."""
    deadline = time.monotonic() + 20
    while picture.stat().st_nlink == 1 or not list(out.rglob(f"images/{picture.name}")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with picture.open("r+b") as file:
        file.write(b"EVIL")


def test_a_picture_that_changes_after_it_was_linked(first, again, copied, tmp_path):
    sim, _, _ = first
    picture = min((copied[1] / "images").iterdir())
    sim.fault(Fault("QueryPredictions", delay=1, times=1))
    with ThreadPoolExecutor() as pool:
        changing = pool.submit(change_once_linked, picture, tmp_path / "out")
        again(reuse=copied[0], code=1)
    changing.result()
    assert "was changed while the export ran, in an earlier export" in again.err
    again(reuse=copied[0])
    assert len(sim.blob_requests) == 1  # the models are there


@pytest.mark.slow
def test_a_picture_newer_than_the_export_is_copied(again, copied, tmp_path):
    ahead = time.time() + 3600
    for path in (copied[1] / "images").iterdir():
        os.utime(path, (ahead, ahead))
    again(reuse=copied[0])
    assert {path.stat().st_nlink for path in (tmp_path / "out").rglob("images/*")} == {1}


@pytest.mark.slow
def test_a_linked_folder_is_not_followed(again, copied, tmp_path):
    bag, folder = copied
    (folder / "images").rename(tmp_path / "elsewhere")
    (folder / "images").symlink_to(tmp_path / "elsewhere")
    told = again(reuse=bag)
    assert {one["reason"] for one in told["notReused"]} == {"a link, not a folder"}
    assert {path.stat().st_nlink for path in (tmp_path / "elsewhere").iterdir()} == {1}


def test_only_private_files_are_linked(again, copied, tmp_path):
    open_to_others, read_only, *_ = held = pictures(copied[0])
    open_to_others.chmod(0o644)
    read_only.chmod(0o400)
    again(reuse=copied[0])
    made = [path.stat() for path in pictures(tmp_path / "out")]
    assert [(one.st_mode & 0o777, one.st_nlink) for one in made[:3]] == [(0o600, 1), (0o400, 2), (0o600, 2)]
    assert len(made) == len(held)


def test_another_file_system_gets_copies(again, tmp_path, request):
    places = map(Path, ("/dev/shm", "/tmp", "/var/tmp"))  # noqa: S108 - for a folder of its own
    other = next((one for one in places if one.is_dir() and one.stat().st_dev != tmp_path.stat().st_dev), None)
    if other is None:
        pytest.skip("one file system only")
    out = other / f"cv-gdpr-{os.getpid()}"
    request.addfinalizer(lambda: shutil.rmtree(out))
    assert again(out=out)["reused"][0]["files"] == 12


@pytest.mark.slow
def test_a_file_lost_from_a_trusted_list_is_renewed(first, again, copied):
    sim, _, _ = first
    bag, folder = copied
    only_there = {one["id"] for path in folder.glob("iterations/*/images.jsonl") for one in records(path)}
    only_there -= {one["id"] for one in records(folder / "images.jsonl")}
    (folder / "images" / f"{only_there.pop()}.jpg").unlink()
    again("--trust-listings", reuse=bag)
    assert "GetImagesByIds" in {call.operation for call in sim.calls}
    assert len(sim.blob_requests) == MODELS + 1


def test_a_damaged_list_is_read_again(first, again, copied):
    sim, _, _ = first
    bag, folder = copied
    for path in folder.glob("iterations/*/images.jsonl"):
        path.write_bytes(path.read_bytes() + b"\n")
    told = again("--trust-listings", reuse=bag)
    assert len(listings_of_iterations(sim)) == 2
    assert {one["reason"] for one in told["notReused"]} == {"its hash is not that in the manifest"}


def sealed(bag, path):
    """Write the hash of a changed list into the manifest, and that of the manifest into the tag manifest."""
    for manifest, changed in (("manifest-sha256.txt", path), ("tagmanifest-sha256.txt", bag / "manifest-sha256.txt")):
        name, digest = changed.relative_to(bag).as_posix(), sha256(changed.read_bytes()).hexdigest()
        lines = (bag / manifest).read_text().splitlines()
        kept = [f"{digest}  {name}" if line.endswith(f"  {name}") else line for line in lines]
        (bag / manifest).write_text("".join(f"{line}\n" for line in kept))


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        (lambda two: [two[0], two[0]], "it lists an id twice"),
        (lambda two: [two[0], two[0].replace(b'"id":"', b'"id":"X')], ""),
        (lambda two: [two[0], b"[]\n"], "a line in it is not a record with an id"),
        (lambda two: [two[0], b'{"id":5}\n'], "a line in it is not a record with an id"),
        (lambda two: [two[0], b'{"id":"a"}\n'], "a record in it does not say where its bytes are"),
        (lambda two: two[:1], "it does not have as many records as its proof says"),
    ],
)
def test_a_sealed_list_must_have_the_rows_shape(first, copied, forged, reason):
    bag, folder = copied
    path = next(folder.glob("iterations/*/images.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*forged(lines[:2]), *lines[2:]]))
    sealed(bag, path)
    earlier = EarlierBag(bag, first[0].endpoint, layout())
    with pytest.raises(Damaged, match=reason) if reason else nullcontext():
        assert len(list(list_of(earlier, path.relative_to(bag).as_posix(), len(lines)))) == len(lines)


def test_a_list_with_a_line_twice_is_read_again(again, copied):
    bag, folder = copied
    path = next(folder.glob("iterations/*/images.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[:-1]]))
    sealed(bag, path)
    told = again("--trust-listings", reuse=bag)
    assert [one["reason"] for one in told["notReused"]] == ["it lists an id twice"]


@pytest.mark.slow
def test_resuming_without_reuse_keeps_what_was_reused(first, again, tmp_path):
    sim, cli, _ = first
    sim.fault(Fault("Blob", status=400, times=1))
    assert again(code=3)["reused"][0]["files"] == 12
    sim.clear_faults()
    sim.blob_requests.clear()
    ran = cli("export", "--all", "--json", "--out", tmp_path / "out")
    assert (ran.code, ran.json["reused"][0]["files"], len(sim.blob_requests)) == (0, 12, 1)
    assert cli("verify", tmp_path / "out").code == 0


@pytest.mark.slow
def test_resuming_with_reuse_takes_what_is_left(first, again, tmp_path):
    sim, cli, _ = first
    sim.fault(Fault("Blob", status=400, times=4))
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 3
    sim.clear_faults()
    told = again()
    assert 0 < told["reused"][0]["files"] <= 4


@pytest.mark.slow
def test_reuse_with_a_selector(first, again, tmp_path):
    sim, _, bag = first
    wanted = records(project_folder(bag, sim.project) / "images.jsonl")[0]["id"]
    told = again("--image-id", wanted, "--trust-listings", code=0)
    assert told["reused"][0]["files"] == 1
    trusted = Counter(one["file"] for one in told["trusted"])
    assert trusted == {"images.jsonl": 2, "image-performances.jsonl": 2}
    narrowed = again("--trust-listings", reuse=tmp_path / "out", out=tmp_path / "next")
    assert narrowed["trusted"] == []  # it was narrowed: its lists are not complete


REFUSED = {  # --reuse and --out, where `earlier` is an export
    "missing": ("none", "out", "is not a folder"),
    "foreign": ("earlier/data", "out", "is not a finished export"),
    "unfinished": ("open", "out", "is an unfinished export"),
    "itself": ("earlier", "earlier", "is the folder of --out"),
    "inside": ("earlier", "earlier/data/new", "one lies in the other"),
    "around": ("earlier", ".", "one lies in the other"),
}


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize("case", REFUSED)
def test_refused_folders(first, again, tmp_path, case):
    (tmp_path / "open" / ".cv-gdpr").mkdir(parents=True)
    reuse, out, words = REFUSED[case]
    again(code=2, reuse=tmp_path / reuse, out=tmp_path / out)
    assert words in again.err
    assert first[0].calls == []
    assert not (tmp_path / "out").exists()


def test_an_export_of_another_resource_is_refused(first, sim, tmp_path):
    cli = CommandLine(sim.endpoint, sim.training_key)
    ran = cli("export", "--all", "--reuse", first[2], "--out", tmp_path / "out")
    assert ran.code == 2
    assert "is an export of another resource" in ran.err


def test_damaged_tag_files_end_the_run(again, copied, tmp_path):
    (copied[0] / "manifest-sha256.txt").write_bytes(b"")
    again(reuse=copied[0], code=4)
    assert "is damaged" in again.err
    assert not (tmp_path / "out").exists()


def test_trust_needs_reuse(first, tmp_path):
    ran = first[1]("export", "--all", "--trust-listings", "--out", tmp_path / "out")
    assert (ran.code, "--trust-listings needs --reuse" in ran.err) == (2, True)


@pytest.mark.slow
def test_profiles_reuse_their_own_exports(first, tmp_path):
    sim, _, bag = first
    config = Config(tmp_path / "config")
    config.add("one", sim)
    bare = without_connection(CommandLine("", ""), config)
    (tmp_path / "nights").mkdir()
    shutil.copytree(bag, tmp_path / "nights" / "one")
    words = ("export", "--all", "--all-profiles", "--json", "--calls-per-second", "0", "--trust-listings")
    ran = bare(*words, "--reuse", tmp_path / "nights", "--out", tmp_path / "out")
    assert (ran.code, ran.json["profiles"][0]["result"]["reused"][0]["files"]) == (0, 12), ran.err
    assert len(ran.json["profiles"][0]["result"]["trusted"]) == 4
    (tmp_path / "new").mkdir()
    ran = bare(*words, "--reuse", tmp_path / "new", "--out", tmp_path / "first night")
    assert (ran.code, ran.json["profiles"][0]["result"]["reused"]) == (0, [])
    ran = bare(*words, "--reuse", bag, "--out", tmp_path / "third")
    assert (ran.code, "is an export itself" in ran.err) == (2, True)


@pytest.mark.slow
def test_an_export_that_reused_can_be_redacted(first, again, tmp_path):
    sim, cli, _ = first
    again("--trust-listings")
    iterations = sim.store.projects[sim.project].iterations
    (gone, *_), kept = iterations, dict(iterations)
    words = ("delete", "iterations", "--all", "--iteration", gone, "--yes", "-q", "--evidence", tmp_path / "e.json")
    try:
        assert cli(*words).code == 0
    finally:
        sim.store.projects[sim.project].iterations = kept
    ran = cli("redact", tmp_path / "e.json", tmp_path / "out", "--out", tmp_path / "less")
    assert ran.code == 0, ran.err
    assert cli("verify", tmp_path / "less").code == 0
    summary = json.loads((tmp_path / "less" / "data" / "export.json").read_bytes())
    assert {one["iteration"] for one in summary["trusted"]} == kept.keys() - {gone}


def test_an_unexpected_error_ends_the_run(again, tmp_path, monkeypatch):
    def failing(*_):
        raise ValueError("a defect")

    monkeypatch.setattr(EarlierBag, "take", failing)
    again(code=1)
    assert "Error: " in again.err
    assert not (tmp_path / "out" / "bagit.txt").exists()
