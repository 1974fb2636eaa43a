"""A person at the console, a full one: Ctrl-C at the question; and what differs on Windows from end to end."""

import json
import signal
import subprocess
import sys
import time

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.platforms import access
from tests.console import Stoppable
from tests.delete.erasing import calls, environment, stock
from tests.platforms import SLOWER, WINDOWS, is_private, is_wine

only_windows = pytest.mark.skipif(not WINDOWS, reason="of Windows")
NAME = "Zoë 東京"


@only_windows
def test_ctrl_c_at_the_question_says_that_nothing_was_sent(sim):
    stock(sim)
    command = [sys.executable, "-m", "cv_gdpr", "delete", "--all"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Stoppable(command, typing=True, env=environment(sim), **pipes) as process:
        asked = b""
        while b"type the" not in asked and (part := process.stderr.read1()):
            asked += part
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        if is_wine():  # where Ctrl-C ends a read only with the line
            process.type("")
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert b"no deletion was sent" in err
    assert calls(sim) == []


def test_json_is_utf_8_whatever_the_code_page_is(sim):
    sim.fill()
    next(iter(sim.store.projects.values())).name = NAME
    command = [sys.executable, "-m", "cv_gdpr", "list", "--all", "--json"]
    ran = subprocess.run(command, env=environment(sim), capture_output=True, timeout=30 * SLOWER, check=False)
    assert ran.returncode == 0, ran.stderr
    assert b"\r" not in ran.stdout
    assert [one["name"] for one in json.loads(ran.stdout.decode())["projects"]] == [NAME]


@only_windows
@pytest.mark.parametrize(
    "words", [("export", "--all", "--out", "aux"), ("delete", "--all", "--yes", "--evidence", "of-her:1.json")]
)
def test_a_name_that_windows_would_not_keep_is_refused(sim, cli, words):
    ran = cli(*words)
    assert ran.code == 2
    assert "Windows" in ran.err
    assert not sim.calls


@only_windows
def test_an_open_file_stops_a_run_that_then_resumes(sim, cli, tmp_path):
    stock(sim)
    out = tmp_path / "out"
    words = ("export", "--all", "-q", "--out", out)
    sim.fault(Fault("GetExports", status=401, times=None))
    assert cli(*words).code == 5
    sim.clear_faults()
    (held,) = (out / "data").glob("*/project.json")
    with held.open("rb"):
        ran = cli(*words)
    assert ran.code == 1
    assert f"cannot write {held}" in ran.err
    assert f"--out {out} resumes it" in ran.err
    assert cli(*words).code == 0


@only_windows
def test_what_is_written_can_be_read_by_its_owner_alone(sim, cli, tmp_path):
    stock(sim)
    out, evidence = tmp_path / "out", tmp_path / "e.json"
    assert cli("export", "--all", "-q", "--out", out, "--log-file", tmp_path / "log").code == 0
    assert cli("delete", "--all", "--yes", "--evidence", evidence, "--save-plan", tmp_path / "plan.json").code == 0
    made = [out, *out.rglob("*"), evidence, *tmp_path.glob("e.*"), tmp_path / "log"]
    assert [path.name for path in made if not is_private(path)] == []
    assert access.others_who_read(tmp_path) is not None
