"""Progress: live lines on a terminal, and nowhere else."""

import os
import select
import subprocess
import sys
import time

import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import assert_bag
from tests.platforms import pty

ESCAPE = "\x1b"


def on_a_terminal(cli, out, *words, **variables):
    """Run an export with a terminal as standard error; return its exit code, the terminal's text, and its output."""
    command = [sys.executable, "-m", "cv_gdpr", "export", "--all", *words, "--out", str(out)]
    settings = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "CI"}}
    settings |= cli.variables | {"TERM": "xterm-256color", "COLUMNS": "100"} | variables
    reading, writing = pty.openpty()
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=writing) as process:
        os.close(writing)
        shown = _read(reading)
        assert process.stdout is not None
        said = process.stdout.read().decode()
    os.close(reading)
    return process.returncode, shown, said


def _read(terminal):
    held, limit = b"", time.monotonic() + 30
    while time.monotonic() < limit:
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux reports the closed other end as an error
            break
        if not chunk:
            break
        held += chunk
    return held.decode()


@pytest.mark.slow
def test_a_terminal_shows_a_live_line_for_each_project(sim, cli, tmp_path):
    sim.fill(projects=2, images=5)
    sim.fault(Fault("Blob", delay=2.8, times=None))  # nothing is shown in the first two seconds
    code, shown, said = on_a_terminal(cli, tmp_path / "out")
    assert code == 0, shown
    assert "Project 1" in shown
    assert "Project 2" in shown
    assert "items" in shown
    assert "exporting" in shown
    assert ESCAPE in shown
    assert ESCAPE not in said
    assert_bag(tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize(("words", "variables"), [((), {"TERM": "dumb"}), (("-q",), {})])
def test_a_dumb_terminal_gets_no_control_characters(sim, cli, tmp_path, words, variables):
    sim.fill(images=5)
    sim.fault(Fault("Blob", delay=0.3, times=None))
    code, shown, said = on_a_terminal(cli, tmp_path / "out", *words, **variables)
    assert (code, shown) == (0, "")
    assert ESCAPE not in said


@pytest.mark.slow
def test_no_color_means_no_color(sim, cli, tmp_path):
    sim.fill(images=5)
    sim.fault(Fault("Blob", delay=2.8, times=None))
    code, shown, _ = on_a_terminal(cli, tmp_path / "out", NO_COLOR="1")
    assert code == 0
    colours = [part.split("m")[0] for part in shown.split(ESCAPE + "[")[1:] if part.split("m")[0].isdigit()]
    assert not {code for code in colours if 30 <= int(code) <= 49 or 90 <= int(code) <= 107}


def test_no_progress_without_a_terminal(sim, cli, tmp_path):
    sim.fill(images=5)
    sim.fault(Fault("Blob", delay=0.3, times=None))
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert (ran.code, ran.err) == (0, "")
    assert ESCAPE not in ran.out
    assert "\r" not in ran.out
