"""Fixtures of the endurance tests."""

import pytest

from tests.delete.erasing import Eraser
from tests.endurance.enduring import simulator


@pytest.fixture
def sim():
    """An empty simulator with hooks on its requests."""
    with simulator() as simulated:
        yield simulated


@pytest.fixture
def erase(cli, tmp_path, monkeypatch):
    """`cv-gdpr delete` as a function: confirmed, with new evidence, in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    return Eraser(cli, tmp_path)
