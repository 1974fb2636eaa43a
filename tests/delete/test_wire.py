"""The calls of an erasure: children before parents, in the API's batch sizes, waiting for slow deletions."""

import time

import pytest

from custom_vision_simulator import Fault, Options, Simulator
from custom_vision_simulator.iterations import complete
from tests.commandline import CommandLine
from tests.delete.erasing import OPERATIONS, Eraser, calls, ids, others_untouched, state, stock
from tests.platforms import SLOWER

TURNS = list(OPERATIONS.values())


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """A service that deletes images with a delay, and the command for it."""
    monkeypatch.chdir(tmp_path)
    with Simulator(Options(delete_delay=0.6)) as simulator:
        yield simulator, Eraser(CommandLine(simulator.endpoint, simulator.training_key), tmp_path)


@pytest.mark.slow
def test_children_are_deleted_before_their_parents(sim, erase):
    stock(sim), stock(sim, "Strangers")

    assert erase("--all").code == 0

    by_project = {}
    for call in calls(sim):
        by_project.setdefault(call.path.split("/projects/")[1].split("/")[0], []).append(TURNS.index(call.operation))
    assert len(by_project) == 2
    for turns in by_project.values():
        assert turns == sorted(turns)
        assert set(turns) == set(range(len(TURNS)))


def test_only_deletions_change_the_service(sim, erase):
    stock(sim)

    assert erase("--all").code == 0

    assert {call.operation for call in calls(sim)} == set(TURNS)
    assert {call.method for call in calls(sim)} == {"DELETE"}


@pytest.mark.slow
@pytest.mark.parametrize(("images", "predictions"), [(600, 130), (256, 64), (257, 65)])
def test_batches_are_as_large_as_the_api_allows(sim, erase, images, predictions):
    stock(sim, images=images, predictions=predictions)

    assert erase("--all").code == 0

    sent = [len(call.query["imageIds"].split(",")) for call in calls(sim, "DeleteImages")]
    assert sent == [256] * (images // 256) + [images % 256] * (images % 256 > 0)
    sent = [len(call.query["ids"].split(",")) for call in calls(sim, "DeletePrediction")]
    assert sent == [64] * (predictions // 64) + [predictions % 64] * (predictions % 64 > 0)


def test_images_are_deleted_from_every_iteration_by_id(sim, erase):
    project = stock(sim)
    before = state(sim)
    images = ids(sim, project, "images")

    assert erase("images", "--all").code == 0

    sent = calls(sim, "DeleteImages")
    assert all(call.query["allIterations"].lower() == "true" for call in sent)
    assert all("allImages" not in call.query for call in sent)
    assert set(",".join(call.query["imageIds"] for call in sent).split(",")) == images
    others_untouched(sim, before, images)


def test_images_only_in_iterations_are_deleted(sim, erase):
    project = stock(sim)
    sim.store.projects[project].workspace.images.clear()
    before = state(sim)
    images = ids(sim, project, "images")
    assert len(images) == 8

    assert erase("images", "--all").code == 0

    others_untouched(sim, before, images)


def test_only_published_iterations_are_unpublished(sim, erase):
    mine, other = stock(sim, iterations=3), stock(sim, "Strangers")
    for number, iteration in enumerate(list(sim.store.projects[mine].iterations.values())[:2]):
        iteration.publish_name = f"live {number}"
    before = state(sim)

    assert erase("iterations", "--project", "Visitors").code == 0

    others_untouched(sim, before, {key[3] for key in before if key[0] == mine and key[2] == "iterations"})
    assert len(calls(sim, "UnpublishIteration")) == 2
    assert not [call for call in calls(sim) if other in call.path]


@pytest.mark.parametrize("row", ["images", "tags", "predictions"])
def test_nothing_is_unpublished_for_other_rows(sim, erase, row):
    stock(sim)

    assert erase(row, "--all").code == 0
    assert calls(sim, "UnpublishIteration") == []


def training(sim, project, status):
    """Put the last iteration of a project back into training; return it."""
    iteration = next(reversed(sim.store.projects[project].iterations.values()))
    iteration.status, iteration.trained_at = status, None
    return iteration


def test_an_iteration_in_training_is_waited_for(sim, erase):
    project = stock(sim)
    iteration = training(sim, project, "Training")
    sim.store.later(0.7, lambda: complete(iteration))

    assert erase("--all", wait="10").code == 0
    assert sim.store.projects == {}


@pytest.mark.slow
@pytest.mark.parametrize("status", ["Training", "Staging", "Exporting"])
@pytest.mark.parametrize("row", [None, "iterations"])
def test_an_iteration_still_in_training_stays_and_is_named(sim, erase, status, row):
    project = stock(sim)
    iteration = training(sim, project, status)
    before = state(sim)
    gone = ids(sim, project, "iterations") - {iteration.id}
    if row is None:
        gone |= set().union(*(ids(sim, project, kind) for kind in ("images", "tags", "predictions")))

    ran = erase(*([row] if row else []), "--all", wait="0.3")

    assert ran.code == 3
    others_untouched(sim, before, gone)
    assert erase.states("iterations")[iteration.id] == "left"
    assert f"iterations {iteration.id}" in ran.err
    assert "in training" in ran.err
    assert not [call for call in calls(sim) if iteration.id in call.path]
    assert erase.verified() == 0


@pytest.mark.parametrize("row", ["images", None])
def test_an_accepted_deletion_is_waited_for(slow, row):
    sim, erase = slow
    stock(sim)
    started = time.monotonic()

    ran = erase(*([row] if row else []), "--all", wait="10")

    assert ran.code == 0, ran.err
    assert time.monotonic() - started < 5 * SLOWER
    assert {call.status for call in calls(sim, "DeleteImages")} == {202}
    if row:
        assert time.monotonic() - started >= 0.6
        assert set(erase.states("images").values()) == {"deleted"}
    assert sim.store.projects == {} or not ids(sim, next(iter(sim.store.projects)), "images")


def test_an_accepted_deletion_not_carried_out_is_residue(slow):
    sim, erase = slow
    sim.options.delete_delay = 60
    project = stock(sim)

    ran = erase("images", "--all", wait="0.3")

    assert ran.code == 4
    assert {one["id"] for one in ran.json["residue"]} == ids(sim, project, "images")


@pytest.mark.slow
def test_an_accepted_deletion_is_awaited_in_the_lists(slow):
    sim, erase = slow
    stock(sim)
    sim.fault(Fault("GetImagesByIds", status=400, times=None))

    assert erase("images", "--all", wait="10").code == 0


def test_a_project_with_nothing_to_delete_is_not_read_again(sim, erase):
    mine, other = stock(sim), stock(sim, "Strangers")
    image = next(iter(sim.store.projects[mine].workspace.images))
    dry = erase("--all", "--image-id", image, "--dry-run")
    assert dry.json["total"] == 1
    listed = [call for call in sim.calls if other in call.path]
    sim.calls.clear()

    assert erase("--all", "--image-id", image).code == 0
    assert len([call for call in sim.calls if other in call.path]) == len(listed)
