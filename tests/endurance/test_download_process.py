"""The process that downloads: it ends with the run, and the run ends with it, in one line, to be gone on with."""

import os
import signal
from pathlib import Path

from cv_gdpr.service import blobs
from cv_gdpr.simulator import Fault
from endurance.enduring import assert_whole, kill, simulator, started, undisturbed, until
from export.exporting import assert_one_error, stock, towards

ENDED = "the process that downloads ended before its time"


def downloading(parent):
    """Give the processes that download for another one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if parents == parent and b"cv_gdpr.service.downloading" in words:
            found.append(int(folder.name))
    return found


def is_there(process):
    """Say whether a process is there and no mere entry of one that ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_killed_it_is_told_in_one_line_and_the_same_command_goes_on(cli, tmp_path):
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
        assert f"with --out {out} goes on" in ran.err
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


def test_it_is_gone_when_the_run_is_over_and_never_there_where_nothing_is_fetched(sim, cli, tmp_path):
    stock(sim)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert downloading(os.getpid()) == []


def test_it_looks_for_modules_where_the_run_does_and_not_in_the_working_folder(sim, cli, tmp_path, monkeypatch):
    stock(sim)
    (tmp_path / "signal.py").write_text("raise SystemExit('a stranger')")
    (tmp_path / "cv_gdpr.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    assert cli("export", "--all", "-q", "--out", "out").code == 0


def test_what_breaks_in_it_is_told_by_its_kind(sim, cli, tmp_path, monkeypatch, caplog):
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
    assert "Error: the process that downloads cannot be started: No such file or directory" in ran.err
