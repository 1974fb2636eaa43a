"""Fixtures for the tests of `redact`."""

import shutil

import pytest

from custom_vision_simulator import Options, Simulator
from tests.commandline import CommandLine
from tests.redact.redacting import earlier


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """Return an export of a resource that can be erased from."""
    with Simulator(Options(original_blobs=True)) as sim:
        yield earlier(sim, CommandLine(sim.endpoint, sim.training_key), tmp_path_factory.mktemp("before"))


@pytest.fixture
def bag(before, tmp_path):
    """Return a copy of the export, in a folder of its own."""
    return shutil.copytree(before.bag, tmp_path / "exports" / "answer")


@pytest.fixture
def redact(before):
    """Return `cv-gdpr redact` as a function, which must end as expected and leave exports that verify."""

    def run(*words, code=0):
        ran = before.cli("redact", *words)
        assert ran.code == code, ran.err
        assert "Traceback" not in ran.out + ran.err
        return ran

    return run
