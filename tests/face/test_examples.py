"""Every example in a help runs against the simulator, in the order in which a person would type them."""

import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cv_gdpr.cli import cli as program
from cv_gdpr.cli.help import _SECTIONS, EXAMPLES
from cv_gdpr.demo import PHOTO, fill
from tests.pages.blocks import Command, run
from tests.platforms import posix

ORDER = (  # the lines of a command together, but those of an erasure come after it
    *("list", "export", "verify", "find", "convert", "report", "delete", "certify", "recheck", "redact", "demo"),
    "doctor",
)
ELSEWHERE = {"simulate", "completion"}  # below
IN_PART = {  # 3: a person's metadata does not search stored predictions
    "cv-gdpr delete --all --metadata subject=collins --dry-run",
    "cv-gdpr delete --all --metadata subject=collins --yes --evidence erasure.json",
}


def in_order():
    """Return the examples in an order in which each finds what it reads."""
    lines = [line for name in ORDER for line in EXAMPLES[name]]
    after = lines.index("cv-gdpr certify erasure.json")
    early = [line for line in lines[:after] if line.startswith("cv-gdpr verify erasure")]
    return [line for line in lines[:after] if line not in early] + early + lines[after:]


@pytest.mark.slow
def test_every_example_works_beside_simulate(sim, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(sim.endpoint, sim.training_key)
    shutil.copy(PHOTO, "photo.jpg")
    ran = {}
    for line in in_order():
        ran[line] = cli(*shlex.split(line)[1:])
        assert ran[line].code == (3 if line in IN_PART else 0), (line, ran[line].err)
    assert ran.keys() == {line for name in EXAMPLES.keys() - ELSEWHERE for line in EXAMPLES[name]}
    assert {*ORDER, *ELSEWHERE} == EXAMPLES.keys() == set(program.list_commands(None))
    assert Path("answer.zip").is_file()


@pytest.mark.slow
@posix("signals")
@pytest.mark.parametrize("line", EXAMPLES["simulate"])
def test_every_example_of_simulate_serves(line):
    words = shlex.split(line)[1:]
    if "--port" in words and is_taken(int(words[words.index("--port") + 1])):
        pytest.skip("another program listens on this port")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", "cv_gdpr", *words], text=True, **pipes) as process:
        first = process.stdout.readline()
        process.terminate()
        process.communicate(timeout=20)
    assert first.startswith("export CV_GDPR_ENDPOINT=http://127.0.0.1:")
    assert process.returncode == 0


def is_taken(port):
    """Return whether a program listens on a port of this machine."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
@posix("shell")
def test_every_example_of_completion_writes_its_script(tmp_path):
    home = {"HOME": str(tmp_path), "PROFILE": str(tmp_path / "profile.ps1")}
    told = [Command(line, 0) for line in EXAMPLES["completion"]]
    assert [(one.code, one.output) for one in run(told, tmp_path, home)] == [(0, "")] * len(told)
    for name in (".local/share/bash-completion/completions/cv-gdpr", "profile.ps1"):
        assert "CV_GDPR_COMPLETE" in (tmp_path / name).read_text()


@pytest.mark.parametrize("name", program.list_commands(None))
def test_every_help_groups_its_options_and_ends_with_examples(cli, name):
    text = cli(name, "--help").out
    assert all(f"\n  {line}\n" in text for line in EXAMPLES[name])
    assert text.rstrip().endswith(EXAMPLES[name][-1])
    assert text.index("\nOutput:\n") > text.find("\nConnection:\n")


def test_every_option_of_a_help_group_exists():
    context = program.make_context("cv-gdpr", ["demo"], resilient_parsing=True)
    commands = [program, *(program.get_command(context, name) for name in program.list_commands(None))]
    known = {word for one in commands for option in one.get_params(context) for word in option.opts}
    missing = {name for names in _SECTIONS.values() for name in names} - known
    assert missing <= {"--approved-by", "--sign", "--timestamp", "--signer", "--tsa-certificate", "--names", "--annex"}
