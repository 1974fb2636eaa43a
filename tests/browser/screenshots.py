"""Take the screenshots of docs/ and README: the demo's site, light, dark, and as wide as a phone.

Its project was trained four times more than in the demo, so that its plot has lines.

    python -m tests.browser.screenshots [FOLDER]

It needs Chromium and the extras browser and report. FOLDER is docs/images unless named.
"""

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from custom_vision_simulator import Simulator
from cv_gdpr.demo import fill
from cv_gdpr.service.client import Connection, Service
from tests.browser.chromium import LARGE, PHONE, Visitor, executable, started
from tests.browser.sites import export, report
from tests.commandline import CommandLine

FOLDER = Path(__file__).parent.parent.parent / "docs" / "images"
_QUALITY = 80
_MOST = 200_000  # bytes


def _site(folder: Path) -> Path:
    with Simulator() as simulator:
        fill(simulator.endpoint, simulator.training_key)
        with Service(Connection(simulator.endpoint, simulator.training_key, 0)) as service:
            project = next(one["id"] for one in service.call("get_projects") if one["name"].startswith("Visitors"))
            for _ in range(4):
                service.call("train_project", project, force_train=True)
        cli = CommandLine(simulator.endpoint, simulator.training_key)
        return report(cli, export(cli, folder / "everything"))


def _named(site: Path, name: str) -> Path:
    """Return the folder of a project in the site."""
    return next(one.parent for one in site.glob("project-*/index.html") if f">{name}<" in one.read_text("utf-8"))


def _shots(site: Path) -> dict[str, tuple[Path, dict[str, Any]]]:
    visitors, site_of_launches = _named(site, "Visitors"), _named(site, "Launch")
    picture = next(one for one in site_of_launches.glob("pictures/*.html") if "rocket" in one.read_text("utf-8"))
    return {
        "report-light": (visitors / "gallery.html", {"size": LARGE, "color_scheme": "light"}),
        "report-dark": (visitors / "index.html", {"size": (1280, 1250), "color_scheme": "dark"}),
        "report-phone": (picture, {"size": PHONE, "color_scheme": "light", "device_scale_factor": 2}),
    }


def take(out: Path) -> None:
    """Write the screenshots into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, started(executable() or "chromium") as browser:
        visitor = Visitor(browser)
        for name, (page, settings) in _shots(_site(Path(folder))).items():
            shot = io.BytesIO(visitor.open(page, **settings).screenshot())
            file = out / f"{name}.webp"
            Image.open(shot).convert("RGB").save(file, "WEBP", quality=_QUALITY, method=6)
            assert file.stat().st_size < _MOST, file
        visitor.close()
        assert visitor.problems == []


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
