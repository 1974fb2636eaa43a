"""The command line without a service, and a function that converts a bag."""

import json

import pytest

from tests.commandline import CommandLine
from tests.convert.bags import make


@pytest.fixture
def run():
    """The command line; no service is there."""
    return CommandLine("http://127.0.0.1:9", "0" * 32)


@pytest.fixture
def converted(run, tmp_path):
    """A function that converts a bag of one project, and returns the folder of its data set and its document."""

    def convert(project, to, *words, code=0, **about):
        bag = tmp_path / "bag"
        if not bag.exists():
            make(bag, project, **about)
        ran = run("convert", bag, "--to", to, "--project", project.name, "--json", *words)
        assert ran.code == code, ran.out + ran.err
        folder = tmp_path / f"bag-{to}"
        assert json.loads((folder / "conversion.json").read_text()) == ran.json
        return folder, ran.json["dataSets"][0]

    return convert
