"""The command line without a service, and the site of a bag with hostile texts."""

from types import SimpleNamespace

import pytest

from tests.commandline import CommandLine
from tests.convert.bags import FINDING, MULTI_CLASS, Project, image, make, region, tag

HOSTILE = "<script>alert(1)</script>"
TURNED = "\u202egnp.exe"


@pytest.fixture(scope="module")
def run():
    """The command line; no service is there."""
    return CommandLine("http://127.0.0.1:9", "0" * 32)


def project():
    """A project of object detection with hostile names, boxes, metadata, and an image that only an iteration holds."""
    bad, cat = tag(HOSTILE), tag("cat")
    metadata = {"metadata": {"link": "javascript:alert(1)", '"><img src=x onerror=alert(1)>': TURNED}}
    boxed = image(1, bad, regions=[region(bad, 0.25, 0.5, 0.5, 0.25)], **metadata)
    only_there = image(3, cat)
    held = [boxed, image(2)]
    return Project(FINDING, [bad, cat], held, name="Visitors", iterations={"First": [boxed, only_there]})


@pytest.fixture(scope="module")
def made(run, tmp_path_factory):
    """A bag with a hostile project and one of classification, and the site that was made of it."""
    top = tmp_path_factory.mktemp("report")
    cat = tag("cat")
    bag = make(top / "bag", project(), Project(MULTI_CLASS, [cat], [image(9, cat)], name="Pets"))
    before = {path: path.read_bytes() for path in bag.rglob("*") if path.is_file()}
    ran = run("report", bag, "--json")
    return SimpleNamespace(bag=bag, before=before, ran=ran, site=top / "bag-report", run=run)
