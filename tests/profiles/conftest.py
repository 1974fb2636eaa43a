"""Fixtures for the tests of profiles."""

import pytest

from custom_vision_simulator import Simulator
from tests.profiles.profiling import Config, without_connection


@pytest.fixture
def other():
    """A second simulated resource."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def config(tmp_path):
    """The user's configuration, still empty."""
    return Config(tmp_path / "config")


@pytest.fixture
def bare(cli, config, tmp_path, monkeypatch):
    """The command line without a connection in its environment, in an empty current folder."""
    (tmp_path / "here").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "here")
    return without_connection(cli, config)
