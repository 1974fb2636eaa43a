"""What the tests of endurance share as fixtures."""

import pytest

from tests.delete.erasing import Eraser
from tests.endurance.enduring import simulator


@pytest.fixture
def sim():
    """An empty simulated service whose requests can be tripped over."""
    with simulator() as simulated:
        yield simulated


@pytest.fixture
def erase(cli, tmp_path, monkeypatch):
    """`cv-gdpr delete` as a function, confirmed, with evidence of its own in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    return Eraser(cli, tmp_path)
