"""Fixtures for the tests of deletion."""

import pytest

from tests.delete.erasing import Eraser


@pytest.fixture
def erase(cli, tmp_path, monkeypatch):
    """`cv-gdpr delete` as a function, confirmed, with evidence of its own in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    return Eraser(cli, tmp_path)
