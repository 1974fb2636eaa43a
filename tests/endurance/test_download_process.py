"""The download process: it ends with the run; if it dies, the run ends with one line and can be resumed."""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import certifi
import pytest

from custom_vision_simulator import Fault
from cv_gdpr.downloads import process as blobs
from tests.endurance.enduring import assert_whole, before, kill, simulator, started, undisturbed, until
from tests.export.exporting import assert_one_error, assert_open, image_record, project_folder, stock, towards
from tests.platforms import WINDOWS, need, posix

ENDED = "the download process ended unexpectedly"


def downloading(parent):
    """Return the download processes of a process."""
    found = []
    need("processes")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if parents == parent and b"cv_gdpr.downloads.worker" in words:
            found.append(int(folder.name))
    return found


def is_there(process):
    """Return whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@posix("processes")
def test_a_killed_process_is_reported_and_resumed(cli, tmp_path):
    with simulator() as sim:
        stock(sim, images=30)
        cli = towards(cli, sim)
        expected = undisturbed(sim, cli, tmp_path / "undisturbed")
        asked = sim.faults.received
        killed = []

        def act():
            killed.extend(downloading(os.getpid()))
            os.kill(killed[0], signal.SIGKILL)

        sim.faults.at(asked + asked // 2, act)
        out = tmp_path / "out"
        ran = cli("export", "--all", "--connections", "2", "--out", out)
        assert_one_error(ran, 1)
        assert f"Error: {ENDED} (it was killed)" in ran.err
        assert f"with --out {out} resumes it" in ran.err
        assert len(killed) == 1
        assert cli("export", "--all", "-q", "--out", out).code == 0
        assert_whole(cli, out, expected)


def test_it_ends_when_the_run_is_killed(sim, tmp_path):
    stock(sim, images=30)
    hung = Fault("Blob", delay=60, times=None)
    sim.fault(hung)
    with started(sim, "export", "--all", "--out", tmp_path / "out") as process:
        until(lambda: sim.faults.fired(hung))
        (helper,) = downloading(process.pid)
        kill(process)
        process.wait(20)
        until(lambda: not is_there(helper))


def test_it_runs_only_while_there_are_downloads(sim, cli, tmp_path):
    stock(sim)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert downloading(os.getpid()) == []


def test_it_never_imports_from_the_working_folder(sim, cli, tmp_path, monkeypatch):
    stock(sim)
    (tmp_path / "signal.py").write_text("raise SystemExit('a stranger')")
    (tmp_path / "cv_gdpr.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    assert cli("export", "--all", "-q", "--out", "out").code == 0


def test_an_exception_in_it_is_reported_by_its_type(sim, cli, tmp_path, monkeypatch, caplog):
    stock(sim)
    monkeypatch.setattr(blobs, "_START", blobs._START.replace("main(settings)", "main(settings | {'connections': ''})"))
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 1)
    assert f"Error: {ENDED} (ValueError)" in ran.err
    assert "Traceback" not in caplog.text
    cli("export", "--all", "-vv", "--out", tmp_path / "out")
    assert "Traceback" in caplog.text


def test_it_cannot_be_started(sim, cli, tmp_path, monkeypatch):
    stock(sim)
    monkeypatch.setattr(blobs.sys, "executable", str(tmp_path / "none"))
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 1)
    assert f"Error: the download process cannot be started: {'' if WINDOWS else 'No such file or directory'}" in ran.err


@pytest.mark.parametrize("path", ["/i/1&sig={}", "/i/1%3Fsv=1&sig={}", "/i/sig={}/x", "/i/1%26sig%3D{}"])
@pytest.mark.parametrize("broken", [False, True])
def test_a_signature_in_a_links_path_is_never_stored(sim, cli, tmp_path, path, broken):
    (project,) = sim.fill(images=1)
    secret, out = "A" * 40, tmp_path / "out"
    (image,) = sim.store.projects[project].workspace.images.values()
    record = image_record(id=image.id, originalImageUri=sim.blob_host + path.format(secret))
    sim.fault(Fault("GetTaggedImages", times=None, body=[record]))
    sim.fault(Fault("Blob", times=None, status=404 if broken else 200, body=b"bytes"))
    sim.fault(Fault("GetImagesByIds", times=None, body=[record]))
    ran = cli("export", "images", "--all", "--json", "--out", out)
    assert ran.code == (3 if broken else 0), ran.err
    assert secret not in ran.out + ran.err
    assert not any(secret.encode() in file.read_bytes() for file in out.rglob("*") if file.is_file())
    if not broken:
        assert len(list(project_folder(out, project).glob("images/*"))) == 1
        assert cli("verify", out).code == 0


HARMS = {
    "emptied": lambda _: b"",
    "one letter": lambda content: content.replace(b'"bytes"', b'"bytez"', 1),
    "a line blanked": lambda content: b"\n" + content.split(b"\n", 1)[1],
    "cut off": lambda content: content[:-5],
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_files_missing_from_the_journal_are_kept(cli, tmp_path, harm):
    with simulator() as sim:
        sim.fill(images=40, image_bytes=60)
        sim.fault(Fault("Blob", delay=0.05, times=None))
        cli, out = towards(cli, sim), tmp_path / "out"

        def lose(number):
            if number == 1:  # at the end, when a group of a second is in the journal
                time.sleep(1.2)
                (journal,) = (out / ".cv-gdpr" / "journal").glob("*.jsonl")
                assert journal.read_bytes()
                journal.write_bytes(harm(journal.read_bytes()))

        before(sim, {"GetIterations"}, lose)
        ran = cli("export", "images", "--all", "--connections", "1", "--out", out)
        assert_one_error(ran, 1)
        assert not (out / "bagit.txt").exists()
        assert len(list(out.glob("data/*/images/*"))) == 40
        sim.clear_faults()
        assert cli("export", "images", "--all", "-q", "--out", out).code == 0
        assert cli("verify", out).code == 0


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
@pytest.mark.parametrize("name", ["files.jsonl", "images.jsonl"])
def test_damage_during_a_run_leaves_no_bag_and_keeps_files(cli, tmp_path, name, harm):
    with simulator() as sim:
        sim.fill(projects=2, images=5, image_bytes=60)
        cli, out = towards(cli, sim), tmp_path / "out"

        def change(number):
            if number == 3:  # each project asks twice: the other one is done, or about to be
                until(lambda: list(out.glob("data/*/files.jsonl")))
                (index,) = out.glob("data/*/files.jsonl")
                harmed = index.with_name(name)
                harmed.write_bytes(harm(harmed.read_bytes()) + (b" " if name != "files.jsonl" else b""))

        before(sim, {"GetIterations"}, change)
        ran = cli("export", "images", "--all", "--out", out)
        assert_one_error(ran, 1)
        assert name in ran.err
        assert not (out / "bagit.txt").exists()
        assert len(list(out.glob("data/*/images/*"))) == 10
        sim.blob_requests.clear()
        assert cli("export", "images", "--all", "-q", "--out", out).code == 0
        assert not sim.blob_requests
        assert cli("verify", out).code == 0


def test_an_interrupt_while_the_process_starts_ends_cleanly(sim, cli, tmp_path, monkeypatch):
    sim.fill(images=2, image_bytes=60)
    start = threading.Thread.start

    def interrupted(thread):
        if thread.name == "downloads":
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 130)
    assert f"--out {tmp_path / 'out'} resumes it" in ran.err


def test_a_folder_in_place_of_a_file_is_reported(sim, cli, tmp_path):
    sim.fill(images=1, image_bytes=60)
    out = tmp_path / "out"
    sim.fault(Fault("Blob", status=404, times=None))
    assert cli("export", "images", "--all", "-q", "--out", out).code == 3
    sim.clear_faults()
    (index,) = out.glob("data/*/images.jsonl")
    index.unlink()
    index.mkdir()
    ran = cli("export", "images", "--all", "-q", "--out", out)
    assert_one_error(ran, 1)
    assert f"cannot write {index}: Is a directory" in ran.err


@pytest.mark.parametrize("link", ["/i/1\0x", "/i/" + "x" * 9_000_000], ids=["NUL", "9 MB"])
def test_a_malformed_link_affects_its_own_image_only(sim, cli, tmp_path, link):
    (project,) = sim.fill(images=2, image_bytes=60)
    images = list(sim.store.projects[project].workspace.images)
    records = [image_record(id=images[0], originalImageUri=sim.blob_host + link)]
    records.append(image_record(id=images[1], originalImageUri=sim.blob_host + "/i/2"))
    sim.fault(Fault("GetTaggedImages", times=None, body=records))
    sim.fault(Fault("Blob", times=None, status=200, body=b"bytes"))
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")
    assert ran.code == 3, ran.err
    (missing,) = assert_open(tmp_path / "out")
    assert missing["id"] == images[0]
    assert missing["reason"] == "the service sent a link that is not an address"


def test_authorities_may_lie_at_any_path(sim, cli, tmp_path):
    stock(sim)
    folder = tmp_path / "zertifikate-ä"
    folder.mkdir()
    bundle = shutil.copy(certifi.where(), folder / "ca.pem")
    assert cli("export", "--all", "-q", "--out", tmp_path / "out", REQUESTS_CA_BUNDLE=str(bundle)).code == 0


def test_it_knows_nothing_of_the_key(sim, tmp_path):
    stock(sim)
    hung = Fault("Blob", delay=60, times=None)
    sim.fault(hung)
    with started(sim, "export", "--all", "--out", tmp_path / "out") as process:
        until(lambda: sim.faults.fired(hung))
        (helper,) = downloading(process.pid)
        for shown in ("environ", "cmdline"):
            assert sim.training_key.encode() not in Path(f"/proc/{helper}/{shown}").read_bytes()


def test_links_refused_during_a_stop_leave_no_traceback(sim, tmp_path):
    sim.fill(projects=2, images=40, image_bytes=60)
    refused = Fault("Blob", status=403, delay=0.5, times=None)
    sim.fault(refused)
    sim.fault(Fault("GetImagesByIds", delay=8, times=None))
    with started(sim, "export", "images", "--all", "--out", tmp_path / "out") as process:
        until(lambda: sim.faults.fired(refused))
        time.sleep(0.3)
        process.send_signal(signal.SIGINT if WINDOWS else signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode in {143, 130}
    assert err.startswith("Error: interrupted")
    assert "Traceback" not in err


def test_many_long_orders_and_results_cause_no_deadlock(sim, cli, tmp_path):
    sim.fill(projects=2, images=400, image_bytes=60)
    sim.options.blob_latency = 0.05
    out = tmp_path
    while len(str(out)) < 3000:
        out /= "x" * 200
    assert cli("export", "images", "--all", "-q", "--connections", "64", "--out", out).code == 0
