"""Fixtures for the tests of verification: a finished export, and a copy to tamper with."""

import shutil

import pytest

from tests.verify.forging import exported


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a finished export with something in every row."""
    return exported(tmp_path_factory.mktemp("finished") / "out")


@pytest.fixture
def out(finished, tmp_path):
    """Return a copy of the finished export to tamper with."""
    return shutil.copytree(finished, tmp_path / "out")
