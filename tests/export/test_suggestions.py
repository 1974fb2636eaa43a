"""Suggested tags and regions are exported with their images, for each iteration that made them."""

import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import project_folder as folder_of
from tests.export.exporting import records


def suggested(sim, images=6, untagged=3):
    """A project with stored suggestions for its untagged images; return it, its iteration, and their ids."""
    (project,) = sim.fill(images=images, untagged=untagged, iterations=1, image_bytes=300)
    holder = sim.store.projects[project]
    (iteration,) = holder.iterations
    wanted = [one.id for one in holder.workspace.images.values() if not one.tags]
    from cv_gdpr.service.client import Connection, Service

    with Service(Connection(sim.endpoint, sim.training_key, 0)) as service:
        service.call("suggest_tags_and_regions", project, iteration, wanted)
    return project, iteration, wanted


def kept(out, project, iteration):
    (folder,) = folder_of(out, project).glob(f"iterations/*{iteration}")
    path = folder / "image-suggestions.jsonl"
    return [record["id"] for record in records(path)] if path.exists() else []


def test_stored_suggestions_are_exported(sim, cli, tmp_path):
    project, iteration, wanted = suggested(sim)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert sorted(kept(tmp_path / "out", project, iteration)) == sorted(wanted)
    assert cli("verify", tmp_path / "out").code == 0


def test_suggestions_follow_the_selected_images(sim, cli, tmp_path):
    project, iteration, wanted = suggested(sim)
    words = ("export", "images", "--all", "--image-id", wanted[0], "-q", "--out", tmp_path / "out")
    assert cli(*words).code == 0
    assert kept(tmp_path / "out", project, iteration) == wanted[:1]


def test_suggestions_that_cannot_be_read_are_named(sim, cli, tmp_path):
    _, iteration, _ = suggested(sim)
    sim.fault(Fault("QuerySuggestedImages", status=400, times=None, body={"code": "Bad", "message": "x"}))
    ran = cli("export", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == 3, ran.err
    assert {(one["row"], one["iteration"]) for one in ran.json["missing"]} == {("images", iteration)}


@pytest.mark.slow
def test_suggestions_go_with_their_image(sim, cli, tmp_path):
    project, iteration, wanted = suggested(sim)
    words = ("--image-id", wanted[0], "--yes", "--evidence", tmp_path / "erasure.json")
    assert cli("delete", "images", "--all", *words).code == 0
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert sorted(kept(tmp_path / "out", project, iteration)) == sorted(wanted[1:])
