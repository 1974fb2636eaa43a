"""docs/recipes/night.sh: each night is linked to the last one, and the oldest are deleted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.export.exporting import records
from tests.profiles.profiling import Config

pytestmark = pytest.mark.slow
RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
DATE = '#!/bin/sh\ncase $1 in\n  +%u) echo "$DAY" ;;\n  *) echo "$NIGHT" ;;\nesac\n'


@pytest.fixture
def night(sim, tmp_path):
    """Return a function that runs the script in one night, and returns its exit code and messages."""
    config = Config(tmp_path / "config")
    config.add("hamburg", sim)
    programs = tmp_path / "bin"
    programs.mkdir()
    ours = f'#!/bin/sh\nexec {sys.executable} -P -m cv_gdpr "$@"\n'
    command = [RECIPES / "night.sh", tmp_path / "nights" / "hamburg", "2", "--profile", "hamburg"]
    for name, content in {"date": DATE, "cv-gdpr": ours}.items():
        (programs / name).write_text(content)
        (programs / name).chmod(0o700)

    def run(day, weekday=1):
        sim.blob_requests.clear()
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("CV_GDPR", "VISION"))}
        variables |= {
            "PATH": f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "NIGHT": day,
            "DAY": str(weekday),
        }
        variables |= {"CV_GDPR_CONFIG": str(config.path), "CV_GDPR_EXPORT_CALLS_PER_SECOND": "0"}
        ran = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stderr

    return run


def test_the_script_for_every_night(sim, night, tmp_path):
    sim.fill(images=5, image_bytes=400, iterations=1)
    folder = tmp_path / "nights" / "hamburg"
    assert night("2026-01-02") == (0, "")
    assert len(sim.blob_requests) == 5
    assert night("2026-01-03") == (0, "")
    assert night("2026-01-04", weekday=7) == (0, "")
    assert sim.blob_requests == []
    assert sorted(path.name for path in folder.iterdir()) == [".night", "2026-01-03", "2026-01-04"]
    trusted = [
        ["trusted" in one for one in records(next(path.glob("data/*/listings.jsonl")))]
        for path in sorted(folder.glob("2026-*"))
    ]
    assert [any(each) for each in trusted] == [True, False]
    assert night("2026-01-04") == (0, "")  # finished: nothing is asked of the service
