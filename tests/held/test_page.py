"""The commands on docs/list.md, and of README about `list`, as they stand there, against the demo's resource."""

import shlex

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr import demo
from tests.commandline import CommandLine
from tests.pages.blocks import sessions

LINES = [
    command.line.partition(" > ")[0]
    for page in ("docs/list.md", "README.md")
    for session in sessions(page)
    for command in session
    if command.line.startswith("cv-gdpr list ")
]


@pytest.fixture(scope="module")
def demonstrated():
    """The command line, pointed at the demo's resource."""
    with Simulator() as sim:
        demo.fill(sim.endpoint, sim.training_key)
        yield CommandLine(sim.endpoint, sim.training_key)


@pytest.mark.parametrize("line", LINES)
def test_each_command_of_the_pages_lists_something(demonstrated, line):
    words = shlex.split(line, comments=True)[1:]
    ran = demonstrated(*words)
    by_metadata = "--metadata" in words  # it does not search the stored predictions
    assert (ran.code, ran.err.count("Error: ")) == ((3, 1) if by_metadata else (0, 0)), ran.err
    assert ran.out
    assert "Not searched: 2 stored predictions" in ran.err or not by_metadata
