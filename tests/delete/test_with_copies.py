"""--with-copies-from: her other uploads and the stored prediction of her go with what the selectors take."""

import copy
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from custom_vision_simulator import Fault, Simulator
from custom_vision_simulator.records import Project
from cv_gdpr import demo
from tests.commandline import CommandLine
from tests.delete.erasing import ids
from tests.find.changes import as_jpeg, resized

HER = ("--metadata", "subject=collins")


class World(NamedTuple):
    """A simulator that all tests of this module share, its projects as they were filled, and an export of them."""

    sim: Simulator
    projects: dict[str, Project]
    bag: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The demo's projects, exported once."""
    bag = tmp_path_factory.mktemp("exported") / "bag"
    with Simulator() as running:
        demo.fill(running.endpoint, running.training_key)
        for project in running.store.projects.values():
            reduce_pictures(project)
            for one in project.predictions.values():  # stored before the second in which an export begins
                project.predictions[one.id] = replace(one, created=one.created - timedelta(minutes=1))
        ran = CommandLine(running.endpoint, running.training_key)("export", "--all", "--out", bag)
        assert ran.code == 0, ran.err
        yield World(running, copy.deepcopy(running.store.projects), bag)


def reduce_pictures(project):
    """Make her pictures smaller and the others small: a search takes long for large ones."""
    hers = {path.read_bytes() for path in demo.PICTURES.glob("astronaut*")}
    places = (project.workspace, *(one.snapshot for one in project.iterations.values()))
    for items in (*(place.images for place in places), project.predictions):
        for one in items.values():
            data = reduced(one.data, 0.6 if one.data in hers else 0.25)
            items[one.id] = replace(one, data=data, size=len(data))


@cache
def reduced(data, size):
    """Return a picture in this part of its width and height."""
    return as_jpeg(resized(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), size))


@pytest.fixture
def sim(world):
    """The shared simulator, as it was filled."""
    world.sim.clear_faults()
    world.sim.store.projects.clear()
    world.sim.store.projects.update(copy.deepcopy(world.projects))
    return world.sim


@pytest.fixture
def filled(sim):
    """The project with her pictures."""
    return next(one.id for one in sim.store.projects.values() if one.name == "Visitors & pets")


@pytest.fixture
def bag(world, tmp_path):
    """A copy of the export of everything."""
    return shutil.copytree(world.bag, tmp_path / "bag")


@pytest.mark.slow
def test_identical_bytes_go_with_yes(sim, erase, filled, bag):
    predictions = ids(sim, filled, "predictions")
    images = ids(sim, filled, "images")
    ran = erase("--all", *HER, "--with-copies-from", bag, "--annex")
    assert ran.code == 3, ran.err  # the two that are not identical are named
    assert ran.err.count("Not selected: ") == 2
    (project,) = [one for one in erase.evidence["projects"] if one["id"] == filled]
    assert len(project["copiesLeft"]) == 2
    assert "Perhaps copies, not selected: " in erase.certificate
    assert (len(images - ids(sim, filled, "images")), len(predictions - ids(sim, filled, "predictions"))) == (1, 1)
    (project,) = [one for one in erase.evidence["projects"] if one["id"] == filled]
    (gone,) = predictions - ids(sim, filled, "predictions")
    assert project["copiesOf"][gone] in images
    assert erase.evidence["scope"]["copiesFrom"] is not None
    assert erase.verified() == 0
    assert f"{gone} as a copy of {project['copiesOf'][gone]}" in erase.certificate


@pytest.mark.slow
def test_certain_copies_go_through_a_saved_plan(sim, erase, filled, bag, tmp_path):
    images, predictions = ids(sim, filled, "images"), ids(sim, filled, "predictions")
    plan = tmp_path / "plan.json"
    words = ("--all", *HER, "--with-copies-from", bag, "--dry-run", "--save-plan", plan)
    dry = erase(*words, as_json=False, confirmed=False)
    assert dry.code == 0, dry.err
    assert dry.out.count("  copy: ") == 3  # two uploads, one prediction
    ran = erase("--plan", plan)
    assert ran.code == 0, ran.err
    assert len(images - ids(sim, filled, "images")) == 3
    assert len(predictions - ids(sim, filled, "predictions")) == 1


@pytest.mark.slow
def test_what_was_erased_already_still_leads_to_its_copies(sim, erase, filled, bag):
    predictions = ids(sim, filled, "predictions")
    assert erase("images", "--all", *HER).code == 0
    ran = erase("--all", *HER, "--with-copies-from", bag)
    assert ran.code == 3, ran.err
    assert ran.json["notFound"] == []  # the bag has the value
    assert len(predictions - ids(sim, filled, "predictions")) == 1


@pytest.mark.slow
def test_predictions_stored_since_are_not_searched(sim, erase, cli, filled, bag):
    assert cli("verify", bag).code == 0
    with demo_service(sim) as service:
        iteration = next(iter(sim.store.projects[filled].iterations))
        demo_predict(service, filled, iteration)
    ran = erase("--all", *HER, "--with-copies-from", bag)
    assert ran.code == 3
    (project,) = [one for one in erase.evidence["projects"] if one["id"] == filled]
    assert project["predictionsNotSearched"] == 1


def demo_service(sim):
    from cv_gdpr.service.client import Connection, Service

    return Service(Connection(sim.endpoint, sim.training_key, 0))


def demo_predict(service, project, iteration):
    """Store one more prediction, of another picture."""
    from io import BytesIO

    content = (demo.PICTURES / "coffee.jpg").read_bytes()
    service.call("quick_test_image", project, BytesIO(content), iteration_id=iteration)


@pytest.mark.slow
def test_an_export_holds_the_copies_too(sim, cli, filled, bag, tmp_path):
    out = tmp_path / "answer"
    ran = cli("export", "--all", *HER, "--with-copies-from", bag, "--out", out, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    counts = {row["row"]: row["exported"] for row in document["rows"]}
    assert (counts["images"], counts["predictions"]) == (3, 1)
    assert len(document["copies"]) == 3
    assert cli("verify", out).code == 0
    del sim, filled


REFUSED = {
    # case: what is done to the bag or the words, what the error says
    "a model": (("--iteration", "Iteration 1"), "stands beside a selector of pictures"),
    "alone": ((), "stands beside a selector of pictures"),
    "not a folder": (("--with-copies-from", "nowhere", *HER), "is not a folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_searched_is_refused(sim, erase, bag, case):
    words, told = REFUSED[case]
    ran = erase("--all", *(words if "--with-copies-from" in words else (*words, "--with-copies-from", bag)))
    assert ran.code == 2
    assert told in ran.err
    assert sim.store.projects


@pytest.mark.parametrize("change", ["a byte", "another resource", "narrowed"])
def test_a_bag_that_does_not_fit_is_refused(sim, erase, cli, bag, change):
    if change == "a byte":
        picture = next(bag.glob("data/*/images/*"))
        picture.write_bytes(picture.read_bytes()[:-1] + b"x")
    elif change == "narrowed":
        shutil.rmtree(bag)
        assert cli("export", "images", "--all", *HER, "--out", bag).code == 0
    else:
        with Simulator() as other:
            demo.fill(other.endpoint, other.training_key)
            bag = bag.with_name("other")
            assert CommandLine(other.endpoint, other.training_key)("export", "--all", "--out", bag).code == 0
    before = ids(sim, next(iter(sim.store.projects)), "images")
    ran = erase("--all", *HER, "--with-copies-from", bag)
    assert ran.code == (4 if change == "a byte" else 2), ran.err
    assert ids(sim, next(iter(sim.store.projects)), "images") == before


def her_image(sim, project):
    """Return her image with metadata."""
    return next(
        one for one in sim.store.projects[project].workspace.images.values() if one.metadata.get("subject") == "collins"
    )


NOT_WHOLE = {
    # case: rows of the export that is to show the copies; what happens to her image before or after it
    "predictions alone": (("predictions",), ""),
    "images alone": (("images",), ""),
    "older than the image": ((), "before"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", NOT_WHOLE)
def test_a_bag_that_lacks_the_originals_searched_nothing(sim, erase, cli, filled, tmp_path, case):  # noqa: PLR0913, PLR0917
    rows, when = NOT_WHOLE[case]
    images = sim.store.projects[filled].workspace.images
    hers = her_image(sim, filled)
    if when:
        del images[hers.id]
        for one in sim.store.projects[filled].iterations.values():
            one.snapshot.images.pop(hers.id, None)
    assert cli("export", *rows, "--all", "--out", tmp_path / "bag", "--calls-per-second", "0").code == 0
    images[hers.id] = hers
    ran = erase("--all", *HER, "--with-copies-from", tmp_path / "bag")
    assert ran.code == 3, ran.err
    (project,) = [one for one in erase.evidence["projects"] if one["id"] == filled]
    assert project["predictionsNotSearched"] == len(ids(sim, filled, "predictions")) > 0


@pytest.mark.slow
def test_a_redacted_bag_searched_nothing(erase, cli, filled, bag):
    assert erase("images", "--all", *HER).code == 0
    assert cli("redact", erase.path, bag, "--in-place").code == 0
    ran = erase("--all", *HER, "--with-copies-from", bag, "--missing-ok")
    assert ran.code == 3
    (project,) = [one for one in erase.evidence["projects"] if one["id"] == filled]
    assert project["predictionsNotSearched"] == 2


@pytest.mark.slow
def test_empty_files_do_not_lead_to_each_other(sim, erase, cli, filled, tmp_path):
    workspace = sim.store.projects[filled].workspace
    others = [one for one in workspace.images.values() if not one.metadata]
    for one in (her_image(sim, filled), others[0]):
        workspace.images[one.id] = replace(one, data=b"", size=0)
    assert cli("export", "--all", "--out", tmp_path / "bag", "--calls-per-second", "0").code == 0
    ran = erase("--all", *HER, "--with-copies-from", tmp_path / "bag")
    assert ran.code == 3
    assert others[0].id in ids(sim, filled, "images")


@pytest.mark.slow
def test_an_image_relabelled_before_the_export_stays(sim, erase, cli, filled, tmp_path):
    workspace = sim.store.projects[filled].workspace
    hers = her_image(sim, filled)
    workspace.images[hers.id] = replace(hers, metadata={"subject": "another"})  # the iteration still says collins
    assert cli("export", "--all", "--out", tmp_path / "bag", "--calls-per-second", "0").code == 0
    erase("images", "--all", *HER, "--with-copies-from", tmp_path / "bag")
    assert hers.id in ids(sim, filled, "images")


@pytest.mark.slow
def test_one_relabelled_since_is_named_and_stays_with_yes(sim, erase, filled, bag):
    workspace = sim.store.projects[filled].workspace
    hers = her_image(sim, filled)
    for place in (workspace, *(one.snapshot for one in sim.store.projects[filled].iterations.values())):
        place.images[hers.id] = replace(hers, metadata={"subject": "another"})
    ran = erase("images", "--all", *HER, "--with-copies-from", bag)
    assert ran.code == 3
    assert hers.id in ids(sim, filled, "images")
    assert f"Not selected: {hers.id}" in ran.err


def test_an_age_narrows_the_copies_too(sim, erase, filled, bag):
    predictions = ids(sim, filled, "predictions")
    erase("--all", *HER, "--before", "2026-01-01", "--with-copies-from", bag)
    assert ids(sim, filled, "predictions") == predictions


@pytest.mark.slow
def test_a_held_original_still_leads_to_its_copies(sim, erase, filled, bag, tmp_path):
    (tmp_path / "hold.txt").write_text(her_image(sim, filled).id)
    predictions = ids(sim, filled, "predictions")
    erase("--all", *HER, "--except-ids-file", tmp_path / "hold.txt", "--with-copies-from", bag)
    assert len(predictions - ids(sim, filled, "predictions")) == 1
    assert her_image(sim, filled)


@pytest.mark.slow
def test_a_project_unread_in_the_search_leaves_it_open(sim, erase, filled, bag):
    """Its pictures were no originals: what is stored as a prediction of them was not looked for."""
    sim.fault(Fault("GetTaggedImages", status=400, times=1))
    ran = erase("--all", *HER, "--with-copies-from", bag)
    assert ran.code == 3
    (project,) = [one for one in erase.evidence["projects"] if one["id"] == filled]
    assert project["predictionsNotSearched"] > 0


@pytest.mark.slow
def test_a_list_holds_the_copies_too(cli, filled, bag):
    ran = cli("list", "--all", *HER, "--with-copies-from", bag, "--json")
    assert ran.code == 0, ran.err
    assert {row["row"]: row["held"] for row in ran.json["rows"]} == {"images": 3, "predictions": 1}
    (project,) = [one for one in ran.json["projects"] if one["id"] == filled]
    assert len(ran.json["copies"]) == 3
    assert {*ran.json["copies"]} < {one for ids_ in project["items"].values() for one in ids_}


@pytest.mark.slow
@pytest.mark.parametrize("erased", ["before the export", "after it"])
def test_an_unsearched_row_is_never_complete(erase, cli, filled, bag, tmp_path, erased):  # noqa: PLR0913, PLR0917
    """Her labelled picture is gone: a new export shows no copies of it, and an older one redacted of it neither."""
    assert erase("images", "--all", *HER).code == 0
    if erased == "before the export":
        bag = tmp_path / "new"
        assert cli("export", "--all", "--out", bag, "--calls-per-second", "0").code == 0
    else:
        assert cli("redact", erase.path, bag, "--in-place").code == 0
    words = ("--all", *HER, "--with-copies-from", bag)
    listed, exported = (cli(*each, *words, "--json").json for each in (("list",), ("export", "--out", tmp_path / "x")))
    for document in (listed, exported):
        assert document["predictionsNotSearched"] == {filled: 2}
        (row,) = [one for one in document["rows"] if one["row"] == "predictions"]
        assert (row["held"], row["verdict"]) == (0, "not searched")
    assert cli("report", tmp_path / "x", "--out", tmp_path / "pages").code == 0
    page = (tmp_path / "pages" / "index.html").read_text()
    assert "Pictures that were shown to a model and stored were not searched, or not all of them." in page
    table, lines = cli("list", *words), cli("list", *words, "--csv").out.splitlines()
    assert [one.split()[1:] for one in table.out.splitlines() if one.split()[:1] == ["predictions"]] == [
        ["0", "not", "searched"]
    ]
    assert len([one for one in lines if ",row,,predictions,not searched,0,not searched: 2 stored" in one]) == 2
    assert "the service and the export of --with-copies-from hold no picture" in table.err + table.out
