"""What a person must do stands in one block, below everything else that a command prints."""

import re
import shlex
from pathlib import Path

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr import demo
from tests.commandline import CommandLine

HEADING = "What to do:"
COMMANDS = {  # in this order, in one folder: whether a person must do something afterwards
    "list --all": True,
    "export --all --out everything": True,
    "list --all --metadata subject=collins": True,
    "list --all --metadata subject=nobody --csv": True,
    "export account --all": True,
    "export images --all --metadata subject=collins --out answer": False,
    "export --all --metadata subject=nobody --out nobody": True,
    "verify everything": False,
    "find everything photo.jpg --out found": True,
    "convert everything --to automl --out sets": False,
    "report everything --out pages": False,
    "report answer --out sheet": True,
    "delete --all --dry-run": True,
    "delete --project 'Launch site' --dry-run": False,  # nothing of it was exported, and the resource stays
    "delete exports --all --yes": True,
    "delete account --all --yes": True,
    "delete --all --metadata subject=collins --yes --dry-run": True,
    "delete images --all --metadata subject=collins --yes --evidence e.json --require-export everything": True,
    "delete predictions --all --predicted-tag nobody --yes --evidence p.json": False,
    "certify e.json": False,
    "recheck e.json": False,
    "redact e.json everything": True,
    "verify e.json everything": False,
    "doctor": False,
    "delete --bogus": False,
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each command prints, on both streams together, as on a terminal."""
    with Simulator() as sim, pytest.MonkeyPatch.context() as patch:
        demo.fill(sim.endpoint, sim.training_key)
        patch.chdir(tmp_path_factory.mktemp("work"))
        Path("photo.jpg").write_bytes(demo.PHOTO.read_bytes())
        cli = CommandLine(sim.endpoint, sim.training_key)
        return {line: cli.together(*shlex.split(line)) for line in COMMANDS}


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_what_to_do_stands_last(printed, line):
    before, heading, block = printed[line].partition(f"\n{HEADING}\n")
    assert before.strip()
    assert bool(heading) == COMMANDS[line], printed[line]
    assert all(one.startswith("  - ") for one in block.splitlines()), printed[line]
    assert bool(block) == bool(heading)


def test_a_block_names_each_thing_once(printed):
    for text in printed.values():
        lines = text.partition(HEADING)[2].splitlines()
        assert len(lines) == len(set(lines))


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_commands_to_type_stand_in_the_block_or_a_hint(printed, line):
    before = printed[line].partition(f"\n{HEADING}\n")[0].splitlines()
    told = [
        one for one in before if re.search("cv-gdpr [a-z]", one) and not one.startswith(("Hint: ", "Note: ", "Error: "))
    ]
    assert told == []


@pytest.mark.slow
def test_each_line_of_a_block_names_what_it_is_about(printed):
    for text in printed.values():
        assert "\n  - they " not in text


@pytest.mark.parametrize("words", ["list --all", "delete --all --dry-run", "delete exports --all"])
def test_quiet_prints_no_block(sim, cli, words):
    sim.fill(images=1)
    assert HEADING not in cli.together(*words.split(), "-q")
