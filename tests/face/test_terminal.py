"""What stands on a terminal of 80 and of 60 columns: no word is broken, and progress shows after two seconds."""

import os
import re
import select
import struct
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.demo import fill
from tests.delete.erasing import stock
from tests.endurance.enduring import environment
from tests.platforms import fcntl, pty, termios

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours, and what moves the cursor while progress is shown


def on_terminal(sim, *words, columns=80, cwd=None, answer=None, **variables):
    """Run a command on a terminal; type the answer once it asks. Return its exit code and what was shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    settings = environment(sim, **({"TERM": "xterm-256color"} | variables))
    settings.pop("COLUMNS", None)
    command = [sys.executable, "-m", "cv_gdpr", *map(str, words)]

    def own_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    shown = b""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    with subprocess.Popen(command, env=settings, cwd=cwd, preexec_fn=own_terminal, **streams) as process:  # noqa: PLW1509
        os.close(theirs)
        ends = time.monotonic() + 60
        with suppress(OSError):
            while time.monotonic() < ends:
                if select.select([ours], [], [], 0.2)[0]:
                    if not (part := os.read(ours, 65536)):
                        break
                    shown += part
                if answer and b"type " in shown:
                    time.sleep(0.2)
                    os.write(ours, answer)
                    answer = None
    os.close(ours)
    return process.returncode, shown.decode()


def wider(shown, columns):
    """Return the lines of several words that are wider than the terminal."""
    lines = CONTROL.sub("", shown).replace("\r", "\n").split("\n")
    return [line for line in lines if len(line) > columns and len(line.split()) > 1]


COMMANDS = (
    "list --all",
    "export --all --out bag",
    "verify bag",
    "delete --all --dry-run",
    "delete --all --metadata subject=collins --dry-run",
    "doctor",
    "delete --bogus",
    "convert bag --to csv --out table",
    "delete --all --metadata subject=collins --yes --evidence e.json",
    "redact e.json bag",
)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 60])
def test_no_line_is_longer_than_the_terminal(sim, tmp_path, columns):
    fill(sim.endpoint, sim.training_key)
    for words in COMMANDS:
        code, shown = on_terminal(sim, *words.split(), columns=columns, cwd=tmp_path, NO_COLOR="1")
        assert code in {0, 2, 3}, shown
        assert not wider(shown, columns), words


@pytest.mark.parametrize(("columns", "name"), [(80, ""), (80, "export"), (80, "delete"), (60, "find"), (60, "list")])
def test_no_help_is_wider_than_the_terminal(cli, columns, name):
    ran = cli(*name.split(), "--help", COLUMNS=str(columns))
    wide = [line for line in ran.out.splitlines() if len(line) > columns and "  cv-gdpr " not in line]
    assert not wide


@pytest.mark.slow
def test_ctrl_c_at_the_question_says_that_nothing_was_sent(sim):
    stock(sim)
    code, shown = on_terminal(sim, "delete", "--all", "--wait", "0", answer=b"\x03", NO_COLOR="1")
    assert code == 130
    host = sim.endpoint.removeprefix("http://")
    assert f"To delete this, type the host of the resource ({host}):" in " ".join(shown.split())
    assert "Error: interrupted\r\nHint: nothing was deleted: no deletion was sent" in shown
    assert "What to do" not in shown
    assert "DELETE" not in {request.method for request in getattr(sim, "requests", [])}
    assert sim.store.projects


@pytest.mark.slow
def test_verdicts_are_coloured(sim, tmp_path):
    stock(sim)
    code, shown = on_terminal(sim, "export", "tags", "--all", "--out", tmp_path / "bag")
    assert code == 0
    assert "\x1b[32mcomplete" in shown
    code, shown = on_terminal(sim, "delete", "--bogus")
    assert shown.startswith("\x1b[31mError:\x1b[0m No such option")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "operation", "told"),
    [
        ("list images --all", "GetUntaggedImages", "items listed"),
        ("delete images --all --dry-run", "GetUntaggedImages", "items looked at for the plan"),
        ("delete images --all --yes --wait 0 --evidence e.json", "DeleteImages", "items sent for deletion"),
        ("delete images --all --yes --wait 0 --evidence e.json", "GetImagesByIds", "ids asked for"),
        ("export images --all --out bag", "GetUntaggedImages", "of at least 600"),
    ],
)
def test_slow_work_shows_how_far_it_is(sim, tmp_path, words, operation, told):
    sim.fill(images=600)
    sim.fault(Fault(operation, delay=0.9, times=None))
    code, shown = on_terminal(sim, *words.split(), "--read-timeout", "30", cwd=tmp_path)
    assert code == 0
    assert told in shown
    assert not wider(shown, 80)


@pytest.mark.slow
@pytest.mark.parametrize("words", ["list --all", "export --all --out bag", "delete --all --dry-run", "doctor"])
def test_a_first_call_that_hangs_is_shown(sim, tmp_path, words):
    sim.fault(Fault("GetProjects", delay=4, times=1))
    code, shown = on_terminal(sim, *words.split(), cwd=tmp_path)
    assert code == 0
    assert "waiting for the service (GetProjects)" in shown


@pytest.mark.slow
def test_quick_work_shows_no_progress(sim):
    sim.fill(images=3)
    code, shown = on_terminal(sim, "list", "images", "--all", NO_COLOR="1")
    assert code == 0
    assert "items listed" not in shown
    assert "\x1b[?25l" not in shown
