"""What is shown on a terminal only: near values, which are data of others, and control characters."""

import subprocess
import sys

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.table.inventory import to_be_shown
from tests.delete.erasing import stock
from tests.endurance.enduring import environment
from tests.environment.terminals import on_terminal

TYPO = ("delete", "--all", "--dry-run", "--tag", "alise")


def test_near_values_show_on_a_terminal(sim):
    stock(sim)
    code, told = on_terminal(sim, *TYPO)
    assert code == 3
    assert b"similar: alice" in told["stderr"]


@pytest.mark.slow
def test_a_list_shows_near_values_too(sim):
    stock(sim)
    code, told = on_terminal(sim, "list", "--all", "--tag", "alise")
    assert code == 3
    assert b"similar: alice" in told["stderr"]


@pytest.mark.parametrize(("more", "streams"), [(("--json",), ("stdout", "stderr")), (("-vv",), ("stdout",))])
def test_near_values_stay_out_of_json_and_log(sim, more, streams):
    stock(sim)
    code, told = on_terminal(sim, *TYPO, *more, streams=streams)
    assert code == 3
    for other in (b"alice", b"bob"):
        assert other not in told["stderr"] + told["stdout"]


@pytest.mark.parametrize(
    ("given", "near", "shown"),
    [
        ("alise", ["alice", "bob 17"], ["alice", "bob 17"]),
        ("colins", ["subject=collins", "subject=4711", "subject=nr-4711"], ["subject=collins"]),
        ("nr-4713", ["subject=collins", "subject=nr-4711"], []),
        ("4712", ["alice"], []),
        ("1111-111112", ["alice"], []),
        ("alise", ["7dd1f6c5-25e9-4f2b-9d1c-6a6f8fd4b1d8", "deadbeefdeadbeef", "+49 30 1234567 x"], []),
        ("٤٧١١", ["alice"], []),
        ("…", ["…"], ["…"]),
    ],
)
def test_near_ids_and_numbers_are_never_shown(given, near, shown):
    assert to_be_shown(given, near) == shown


LIVELY = [
    {"FORCE_COLOR": "1"},
    {"FORCE_COLOR": "3", "TERM": "xterm-256color", "COLORTERM": "truecolor"},
    {"CLICOLOR_FORCE": "1", "PY_COLORS": "1", "FORCE_COLOR": "1", "TERM": "dumb"},
    {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1", "FORCE_COLOR": "1", "NO_COLOR": "1"},
    {"TERM": "linux", "COLUMNS": "20", "LINES": "2"},
]
COMMANDS = [
    ("export", "--all", "--out", "out"),
    ("verify", "out"),
    ("delete", "--all", "--dry-run"),
    ("delete", "--all", "--yes", "--wait", "0", "-v", "--evidence", "e.json"),
    ("delete", "--bogus"),
    ("export", "--help"),
]


def assert_plain(text):
    assert text
    assert all(char.isprintable() or char == "\n" for char in text), text


@pytest.mark.parametrize("variables", LIVELY, ids=" ".join)
def test_pipes_and_logs_hold_no_control_characters(sim, cli, tmp_path, monkeypatch, variables):
    monkeypatch.chdir(tmp_path)
    stock(sim)
    sim.fault(Fault("DeleteTag", status=400))
    for words in COMMANDS:
        ran = cli(*words, **variables)
        assert_plain(ran.out + ran.err)


def test_a_real_pipe_holds_no_control_characters(sim, tmp_path):
    stock(sim)
    command = [sys.executable, "-m", "cv_gdpr", "export", "--all", "-v", "--out", str(tmp_path / "out")]
    ran = subprocess.run(command, env=environment(sim, **LIVELY[1]), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert_plain(ran.stdout + ran.stderr)


@pytest.mark.parametrize(("variables", "lively"), [(LIVELY[0] | {"TERM": "xterm"}, True), ({"TERM": "dumb"}, False)])
def test_progress_shows_on_a_terminal_alone(sim, tmp_path, variables, lively):
    stock(sim)
    sim.fault(Fault("Blob", delay=2.8, times=None))  # nothing is shown in the first two seconds
    code, told = on_terminal(sim, "export", "--all", "--out", tmp_path / "out", **variables)
    assert code == 0
    assert (b"\x1b[" in told["stderr"]) == lively
    assert b"\x1b" not in told["stdout"]


def test_a_pipe_of_standard_error_beside_a_terminal_stays_clean(sim, tmp_path):
    stock(sim)
    code, told = on_terminal(sim, "export", "--all", "-v", "--out", tmp_path / "out", streams=("stdout",), **LIVELY[1])
    assert code == 0
    assert b"\x1b" not in told["stderr"]
