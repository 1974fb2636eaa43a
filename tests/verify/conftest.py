"""What the tests of verification share as fixtures: a finished export, and a copy of it to be tampered with."""

import shutil

import pytest

from verify.forging import exported


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a finished export with something in every row."""
    return exported(tmp_path_factory.mktemp("finished") / "out")


@pytest.fixture
def out(finished, tmp_path):
    """Return a copy of it to be tampered with."""
    return shutil.copytree(finished, tmp_path / "out")
