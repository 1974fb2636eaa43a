"""Names from right to left are isolated wherever a page shows them: none moves a digit of what stands beside it."""

import base64

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr.demo import PICTURES
from cv_gdpr.service.client import Connection, Service
from tests.browser.sites import export, report
from tests.commandline import CommandLine
from tests.directions import NAME, beside


@pytest.fixture(scope="module")
def bags(tmp_path_factory):
    """Exports of a project in which everything that people name has the name: of all, and of one person."""
    folder = tmp_path_factory.mktemp("bags") / NAME
    folder.mkdir()
    said = ("--reference", NAME, "--operator", NAME)
    with Simulator() as simulator:
        with Service(Connection(simulator.endpoint, simulator.training_key, 0)) as service:
            project = service.call("create_project", NAME, description=NAME)["id"]
            tags = [service.call("create_tag", project, f"{NAME}{one}", description=NAME)["id"] for one in "ab"]
            for number in range(4):
                content = base64.b64encode((PICTURES / "moose.jpg").read_bytes() + bytes([number])).decode()
                entry = {"name": NAME, "contents": content, "tagIds": [tags[number % 2]]}
                service.call("create_images_from_files", project, {"images": [entry], "metadata": {NAME: NAME}})
            iteration = service.call("train_project", project, force_train=True)["id"]
            service.call("update_iteration", project, iteration, NAME)
        cli = CommandLine(simulator.endpoint, simulator.training_key)
        return (
            cli,
            export(cli, folder / "all", *said),
            export(cli, folder / "one", *said, "--metadata", f"{NAME}={NAME}"),
        )


@pytest.mark.slow
@pytest.mark.parametrize("which", [1, 2])
def test_every_page_isolates_names(bags, which):
    site = report(bags[0], bags[which], *(("--contact", NAME) if which == 2 else ()))
    pages = list(site.rglob("*.html"))
    assert len(pages) > which
    found = {str(page.relative_to(site)): beside(page.read_text("utf-8")) for page in pages}
    assert {name: texts for name, texts in found.items() if texts} == {}
