"""The site of an export with everything: the demo's two projects, and one whose names are markup."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from custom_vision_simulator import Simulator
from cv_gdpr.demo import PICTURES, fill
from cv_gdpr.service.client import Connection, Service
from tests.commandline import CommandLine

HOSTILE = "<script>document.title='run'</script>\"'>&{{ 7*7 }}"
SPOKEN = "<img src=x onerror=\"document.title='run'\">\u202etxt.exe"
ITERATIONS = 4


@contextmanager
def filled() -> Iterator[CommandLine]:
    """Yield the command line at a service that holds the three projects."""
    with Simulator() as simulator:
        fill(simulator.endpoint, simulator.training_key)
        with Service(Connection(simulator.endpoint, simulator.training_key, 0)) as service:
            _hostile(service)
        yield CommandLine(simulator.endpoint, simulator.training_key)


def export(cli: CommandLine, out: Path, *words: str) -> Path:
    """Export everything that the words select, and return the bag."""
    ran = cli("export", "--all", "--out", out, "-q", *words)
    assert ran.code in {0, 3}, ran.err
    return out


def report(cli: CommandLine, bag: Path, *words: str | Path, to: str = "") -> Path:
    """Return the folder of the site of a bag, beside it."""
    out = bag.parent / (to or f"{bag.name}-report")
    ran = cli("report", bag, "--out", out, "-q", *words)
    assert ran.code in {0, 3}, ran.err
    return out


def _hostile(service: Service) -> None:
    project = service.call("create_project", HOSTILE, description=SPOKEN)["id"]
    tags = [service.call("create_tag", project, name)["id"] for name in (HOSTILE, SPOKEN)]
    for number, name in enumerate(("moose.jpg", "windmill.jpg", "rocket.jpg", "coffee.jpg")):
        _upload(service, project, name, tags[number % 2], {HOSTILE: SPOKEN, "number": str(number)})
    for number in range(ITERATIONS):
        iteration = service.call("train_project", project, force_train=True)["id"]
        service.call("update_iteration", project, iteration, f"{number} {HOSTILE}")
    service.call("quick_test_image", project, BytesIO(_bytes("moose.jpg")), iteration_id=iteration)


def _upload(service: Service, project: str, name: str, tag: str, metadata: dict[str, str]) -> None:
    entry: dict[str, Any] = {"name": name, "contents": base64.b64encode(_bytes(name)).decode(), "tagIds": [tag]}
    service.call("create_images_from_files", project, {"images": [entry], "metadata": metadata})


def _bytes(name: str) -> bytes:
    return (PICTURES / name).read_bytes()
