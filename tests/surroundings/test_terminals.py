"""What only a terminal is shown: near values, which are others' data, and control characters."""

import subprocess
import sys

import pytest

from cv_gdpr.simulator import Fault
from delete.erasing import stock
from endurance.enduring import environment
from surroundings.terminals import on_terminal

NEAR = [
    (("--tag", "alise"), b"alice"),
    (("--metadata", "subject=colins"), b"subject=collins"),
    (("--metadata", "subject=nr-4713"), None),
    (("--metadata", "subject=4712"), None),
    (("--metadata", "subject=11111111-1111-4111-8111-111111111112"), None),
    (("--tag", "4712"), None),
    (("--tag", "zzzz"), b"alice"),
]


@pytest.fixture
def people(sim):
    """Stock a project in which people are named, and others are numbers."""
    holder = sim.store.projects[stock(sim)]
    values = ("collins", "4711", "11111111-1111-4111-8111-111111111111")
    for image, value in zip(list(holder.workspace.images.values())[2:], values, strict=False):
        image.metadata["subject"] = value
    return sim


@pytest.mark.parametrize(("words", "near"), NEAR)
def test_near_values_show_on_a_terminal_alone_and_no_numbers(people, words, near):
    command = ("delete", "--all", "--dry-run", *words)
    code, told = on_terminal(people, *command)
    assert code == 2
    assert (b"near it: " in told["stderr"]) == bool(near)
    assert near is None or near in told["stderr"]
    for more in ((), ("--json",), ("-vv",)):
        streams = ("stdout",) if more != ("--json",) else ("stdout", "stderr")
        code, told = on_terminal(people, *command, *more, streams=streams)
        assert code == 2
        for others in (b"alice", b"bob", b"nr-4711", b"nr-4712", b"collins", b"4711"):
            assert others not in told["stderr"] + told["stdout"]


LIVELY = [
    {"FORCE_COLOR": "1"},
    {"FORCE_COLOR": "3", "TERM": "xterm-256color", "COLORTERM": "truecolor"},
    {"CLICOLOR_FORCE": "1", "PY_COLORS": "1", "FORCE_COLOR": "1", "TERM": "dumb"},
    {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1", "FORCE_COLOR": "1", "NO_COLOR": "1"},
    {"TERM": "linux", "COLUMNS": "20", "LINES": "2"},
]
COMMANDS = {
    "export": ("export", "--all", "--out", "out"),
    "export again": ("export", "--all", "--out", "out"),
    "verify": ("verify", "out"),
    "delete --dry-run": ("delete", "--all", "--dry-run"),
    "delete": ("delete", "--all", "--yes", "--wait", "0", "-vv", "--evidence", "e.json"),
    "an error": ("delete", "--bogus"),
    "help": ("export", "--help"),
}


@pytest.mark.parametrize("variables", LIVELY, ids=" ".join)
def test_no_pipe_and_no_log_holds_control_characters(sim, tmp_path, variables):
    stock(sim)
    sim.fault(Fault("GetTags", status=503))
    sim.fault(Fault("DeleteTag", status=400))
    for name, words in COMMANDS.items():
        command = [sys.executable, "-m", "cv_gdpr", *words]
        ran = subprocess.run(command, env=environment(sim, **variables), cwd=tmp_path, capture_output=True, check=False)
        assert ran.stdout or ran.stderr
        for text in (ran.stdout.decode(), ran.stderr.decode()):
            assert all(char.isprintable() or char == "\n" for char in text), (name, text)


@pytest.mark.parametrize(("variables", "lively"), [({}, True), ({"TERM": "dumb"}, False), ({"FORCE_COLOR": "1"}, True)])
def test_progress_shows_on_a_terminal_alone(sim, tmp_path, variables, lively):
    stock(sim)
    settings = {"TERM": "xterm", "FORCE_COLOR": ""} | variables
    code, told = on_terminal(sim, "export", "--all", "--out", tmp_path / "out", **settings)
    assert code == 0
    assert (b"\x1b[" in told["stderr"]) == lively
    assert b"\x1b" not in told["stdout"]


@pytest.mark.parametrize("variables", LIVELY[:2], ids=" ".join)
def test_a_pipe_of_standard_error_beside_a_terminal_stays_clean(sim, tmp_path, variables):
    stock(sim)
    code, told = on_terminal(sim, "export", "--all", "-v", "--out", tmp_path / "out", streams=("stdout",), **variables)
    assert code == 0
    assert b"\x1b" not in told["stderr"]
