"""Photographs for the tests, and the command line without a service."""

import sys
from pathlib import Path

import cv2
import pytest

from tests.commandline import CommandLine

PHOTOGRAPHS = Path(__file__).parent / "photographs"


@pytest.fixture(scope="session")
def photo():
    """A function that returns the pixels of a photograph by its name."""

    def read(name):
        return cv2.imread(str(PHOTOGRAPHS / f"{name}.jpg"))

    return read


@pytest.fixture
def run():
    """The command line; no service is there."""
    return CommandLine("http://127.0.0.1:9", "0" * 32)


@pytest.fixture(scope="session")
def schema_of():
    """A function that returns the JSON Schema of a format, as the documentation has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent.parent.parent / "docs"))
        import generate

        yield lambda name: generate.schema(generate.SHOWN[name])
    sys.modules.pop("generate", None)  # another test may have removed it already
