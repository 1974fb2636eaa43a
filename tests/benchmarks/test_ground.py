"""The simulator of the benchmarks answers as the usual one does, though it caches."""

import pytest

from tests.benchmarks.ground import Remembering
from tests.commandline import CommandLine


@pytest.mark.slow
def test_an_export_from_cached_answers_is_complete(tmp_path):
    with Remembering() as sim:
        sim.fill(images=3, iterations=1, predictions=1, image_bytes=60)
        cli = CommandLine(sim.endpoint, sim.training_key)
        for name in ("first", "second"):
            assert cli("export", "--all", "--out", tmp_path / name).code == 0
            assert cli("verify", tmp_path / name).code == 0
