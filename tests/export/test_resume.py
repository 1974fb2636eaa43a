"""The same command finishes an interrupted export; anything else at --out is left untouched."""

import json
import os
import subprocess
import sys
import time

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.platforms.files import user_id
from tests.console import ENDINGS, KILLED, Stoppable
from tests.export.exporting import assert_bag, assert_one_error, assert_open, payload, project_folder, snapshot, stock
from tests.platforms import SIGKILL, SLOWER, is_private, named_pipe, posix


def half_done(sim, cli, out):
    """Leave an unfinished export that misses half of the images."""
    sim.fault(Fault("Blob", status=400, times=4))
    assert cli("export", "--all", "-q", "--out", out).code == 3
    sim.clear_faults()
    assert_open(out)
    sim.blob_requests.clear()


def same_as_undisturbed(cli, out, other):
    assert_bag(out)
    assert cli("verify", out).code == 0
    assert cli("export", "--all", "-q", "--out", other).code == 0
    assert payload(out) == payload(other)


def test_finishing_a_failed_run_fetches_only_missing_files(sim, cli, tmp_path):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert len(sim.blob_requests) == 4
    same_as_undisturbed(cli, tmp_path / "out", tmp_path / "other")


@pytest.mark.parametrize("tail", [b'{"path":"images/x', b"\x00" * 64, b'{"path": 1}\n[]\n"x"\nnull\n\n'])
def test_a_torn_journal_is_repaired(sim, cli, tmp_path, tail):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    (journal,) = (tmp_path / "out" / ".cv-gdpr" / "journal").iterdir()
    journal.write_bytes(journal.read_bytes()[:-40] + tail)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert len(sim.blob_requests) == 5
    same_as_undisturbed(cli, tmp_path / "out", tmp_path / "other")


def test_a_journal_path_outside_the_folder_is_ignored(sim, cli, tmp_path):
    project = stock(sim)
    half_done(sim, cli, tmp_path / "out")
    (journal,) = (tmp_path / "out" / ".cv-gdpr" / "journal").iterdir()
    lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
    held = project_folder(tmp_path / "out", project) / lines[0]["path"]
    held.rename(tmp_path / "elsewhere")
    lines[0]["path"] = "../../../elsewhere"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert (tmp_path / "elsewhere").exists()
    same_as_undisturbed(cli, tmp_path / "out", tmp_path / "other")


def test_stale_temporary_and_outdated_files_are_removed(sim, cli, tmp_path):
    project = stock(sim)
    half_done(sim, cli, tmp_path / "out")
    (temporary,) = (tmp_path / "out" / ".cv-gdpr").glob("tmp-*")
    (temporary / "0").write_bytes(b"half a picture")
    (temporary / "99").write_bytes(b"half a picture")
    # Items deleted at the service before the run is finished are not in the export.
    predictions = sim.store.projects[project].predictions
    predictions.pop(next(iter(predictions)))
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    same_as_undisturbed(cli, tmp_path / "out", tmp_path / "other")


def test_a_run_stopped_by_the_service_resumes(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("GetExports", status=401, times=None))
    assert_one_error(cli("export", "--all", "--out", tmp_path / "out"), 5)
    assert not (tmp_path / "out" / "bagit.txt").exists()
    sim.clear_faults()
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    same_as_undisturbed(cli, tmp_path / "out", tmp_path / "other")


@pytest.mark.parametrize(("number", "code"), [*ENDINGS, (SIGKILL, KILLED)])
def test_an_interrupted_run_resumes(sim, cli, tmp_path, number, code):
    stock(sim)
    sim.fault(Fault("Blob", delay=30, times=None, after=3))
    command = [sys.executable, "-m", "cv_gdpr", "export", "--all", "--out", str(tmp_path / "out")]
    process = Stoppable(command, env=os.environ | cli.variables, stderr=subprocess.PIPE, encoding="utf-8")
    limit = time.monotonic() + 20 * SLOWER
    while len(sim.blob_requests) < 6 and time.monotonic() < limit:
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert ("Error: interrupted" in err) == (number != SIGKILL)
    assert not (tmp_path / "out" / "bagit.txt").exists()
    sim.clear_faults()
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    same_as_undisturbed(cli, tmp_path / "out", tmp_path / "other")


def test_a_second_run_into_a_finished_folder_is_refused(sim, cli, tmp_path):
    stock(sim)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    before = snapshot(tmp_path)
    sim.calls.clear()
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert "finished" in ran.err
    assert snapshot(tmp_path) == before
    assert not sim.calls


def a_file(out):
    out.write_text("mine")


def a_foreign_folder(out):
    out.mkdir()
    (out / "notes.txt").write_text("mine")


def a_foreign_hidden_file(out):
    out.mkdir()
    (out / ".hidden").write_text("mine")


def another_users_data_folder(out):
    (out / "data").mkdir(parents=True)


def a_dangling_link(out):
    out.symlink_to("nowhere")


def a_link_to_a_foreign_folder(out):
    a_foreign_folder(out.with_name("real"))
    out.symlink_to("real")


@pytest.mark.parametrize(
    "lay",
    [
        a_file,
        a_foreign_folder,
        a_foreign_hidden_file,
        another_users_data_folder,
        a_dangling_link,
        a_link_to_a_foreign_folder,
    ],
)
def test_foreign_files_and_folders_are_not_touched(sim, cli, tmp_path, lay):
    stock(sim)
    lay(tmp_path / "out")
    before = snapshot(tmp_path)
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert str(tmp_path / "out") in ran.err
    assert snapshot(tmp_path) == before


def test_an_existing_empty_folder_is_used(sim, cli, tmp_path):
    stock(sim)
    (tmp_path / "out").mkdir(mode=0o755)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert_bag(tmp_path / "out")
    assert is_private(tmp_path / "out")


UUID = "c008830a-fbd1-49d5-856f-094be7200d15"


@pytest.mark.parametrize(
    "place",
    [
        "notes.txt",
        "data/notes.txt",
        "data/holiday/project.json",
        f"data/holiday/images/{UUID}.jpg",
        f"data/holiday-{UUID}/iterations/mine/iteration.json",
        f"data/{30 * 'd/'}notes.txt",
    ],
)
def test_a_foreign_file_in_an_unfinished_export_is_refused(sim, cli, tmp_path, place):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    (tmp_path / "out" / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "out" / place).write_text("mine")
    before = snapshot(tmp_path / "out" / "data")
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert "is not part of an export" in ran.err or "which no export writes" in ran.err
    assert snapshot(tmp_path / "out" / "data") == before


def test_the_users_own_folders_are_kept(sim, cli, tmp_path):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    (tmp_path / "out" / "data" / "mine" / "too").mkdir(parents=True)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert (tmp_path / "out" / "data" / "mine" / "too").is_dir()
    assert_bag(tmp_path / "out")


def test_a_link_in_place_of_data_is_refused_and_not_followed(sim, cli, tmp_path):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    (tmp_path / "out" / "data").rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").chmod(0o755)
    (tmp_path / "out" / "data").symlink_to(tmp_path / "elsewhere")
    assert_one_error(cli("export", "--all", "--out", tmp_path / "out"), 2)
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["owner", "journal/Project-1.new"])
def test_a_pipe_in_the_state_folder_does_not_block(sim, cli, tmp_path, name):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    place = tmp_path / "out" / ".cv-gdpr" / name
    place.unlink(missing_ok=True)
    named_pipe(place)
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert "neither a file nor a folder" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("images", "--all"),
        ("--project", "Project 1"),
        ("--all", "--tag", "tag 1"),
        ("--all", "--include-keys"),
        ("--all", "--endpoint", "http://127.0.0.1:9"),
    ],
)
def test_an_unfinished_export_of_another_run_is_not_touched(sim, cli, tmp_path, words):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    before = snapshot(tmp_path)
    ran = cli("export", *words, "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert "unfinished" in ran.err
    assert snapshot(tmp_path) == before


def test_selector_values_are_not_in_the_state_folder(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("Blob", status=400))
    ran = cli("export", "images", "--all", "--tag", "tag 1", "--out", tmp_path / "out")
    assert ran.code == 3
    run = (tmp_path / "out" / ".cv-gdpr" / "run.json").read_text()
    assert "tag 1" not in run
    assert_one_error(cli("export", "images", "--all", "--tag", "tag 2", "--out", tmp_path / "out"), 2)
    assert cli("export", "images", "--all", "--tag", "tag 1", "--out", tmp_path / "out").code == 0


def test_a_second_run_at_once_into_one_folder_is_refused(sim, cli, tmp_path):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    sim.fault(Fault("GetProject", delay=1.5))
    command = [sys.executable, "-m", "cv_gdpr", "export", "--all", "--out", str(tmp_path / "out")]
    sim.calls.clear()
    process = subprocess.Popen(command, env=os.environ | cli.variables, stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 20
    while not any(call.operation == "GetProject" for call in sim.calls) and time.monotonic() < limit:
        time.sleep(0.02)
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert f"process {process.pid}" in ran.err
    assert process.wait(timeout=20) == 0
    assert_bag(tmp_path / "out")


@posix("modes")
@pytest.mark.skipif(user_id() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_reported(cli, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert_one_error(cli("export", "--all", "--out", tmp_path / "closed" / "out"), 1)


def test_a_folder_below_a_file_is_an_error(cli, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert_one_error(cli("export", "--all", "--out", tmp_path / "file" / "out"), 2)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", [".", "tmp", "owner", "journal"])
def test_a_link_in_the_state_folder_is_not_followed(sim, cli, tmp_path, name):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    place = tmp_path / "out" / ".cv-gdpr" / name
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").write_text("mine")
    if place.exists():
        place.rename(tmp_path / "elsewhere" / "was there")
    place.symlink_to(tmp_path / "elsewhere" / ("precious" if name == "owner" else ""))
    before = snapshot(tmp_path)
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert "is a link" in ran.err
    assert snapshot(tmp_path) == before


def test_a_run_killed_after_closing_its_bag_can_be_finished(sim, cli, tmp_path):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    (tmp_path / "out" / "bagit.txt").write_text("BagIt-Version: 1.0\n")
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert_bag(tmp_path / "out")


def test_a_folder_without_run_json_is_refused(sim, cli, tmp_path):
    stock(sim)
    half_done(sim, cli, tmp_path / "out")
    (tmp_path / "out" / ".cv-gdpr" / "run.json").write_text("")
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert "has lost .cv-gdpr/run.json" in ran.err
