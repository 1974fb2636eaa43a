"""What an export asks again at its end: whether refused blobs are deleted, and whether iterations were added."""

import json

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.iterations import complete, freeze
from tests.export.exporting import assert_open, project_folder, records, stock

LATE = "ffffffff-0000-4000-8000-000000000000"


def at_first(sim, operation, act):
    """Call `act` when the service receives the first request of an operation, before the answer."""
    take, done = sim.faults.take, []

    def acting(name, method, target):
        if name == operation and not done:
            done.append(True)
            with sim.store.lock:
                act()
        return take(name, method, target)

    sim.faults.take = acting


def exported(cli, out, *words):
    ran = cli("export", *words, "--all", "--json", "--out", out)
    return ran.code, {(entry["row"], entry["id"]) for entry in ran.json["missing"]}


def test_an_image_that_moved_into_a_new_iteration_is_not_gone(sim, cli, tmp_path):
    (project,) = sim.fill(images=4, image_bytes=60)
    holder = sim.store.projects[project]
    moved = next(iter(holder.workspace.images))

    def move():
        complete(freeze(holder, LATE))
        del holder.workspace.images[moved]

    at_first(sim, "Blob", move)
    sim.fault(Fault("Blob", status=404, times=None, match=moved.replace("-", "")))

    code, missing = exported(cli, tmp_path / "out", "images")

    assert code == 3
    assert ("images", moved) in missing
    notes = list((tmp_path / "out").rglob("absent.jsonl"))
    assert not [note for path in notes for note in records(path) if note.get("gone")]


def test_what_went_with_its_iteration_is_gone(sim, cli, tmp_path):
    project = stock(sim)
    holder = sim.store.projects[project]
    last = list(holder.iterations)[-1]
    (alone,) = holder.iterations[last].snapshot.images.keys() - holder.workspace.images.keys()

    def delete():
        holder.iterations.clear()

    at_first(sim, "Blob", delete)
    sim.fault(Fault("Blob", status=404, times=None, match=alone.replace("-", "")))

    code, missing = exported(cli, tmp_path / "out", "images")

    assert (code, missing) == (0, set())
    noted = records(project_folder(tmp_path / "out", project) / "absent.jsonl")
    assert [note["id"] for note in noted if note.get("gone")] == [alone]


@pytest.mark.parametrize("status", [400, 404, 500])
def test_iterations_that_cannot_be_listed_again_are_missing(sim, cli, tmp_path, status):
    stock(sim, images=3)
    sim.fault(Fault("GetIterations", after=1, status=status, times=None))

    ran = cli("export", "images", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0")

    assert ran.code == 3, ran.err
    (missing,) = assert_open(tmp_path / "out")
    assert missing["row"] == "iterations"
    assert "listed again at the end" in missing["reason"]


@pytest.mark.parametrize("row", ["images", "exports", "predictions"])
def test_a_row_that_cannot_be_listed_again_says_nothing_is_gone(sim, cli, tmp_path, row):
    project = stock(sim)
    holder = sim.store.projects[project]
    lists = {"images": "GetTaggedImages", "exports": "GetExports", "predictions": "QueryPredictions"}

    def delete():
        sim.fault(Fault(lists[row], status=400, times=None))
        holder.workspace.images.clear()
        holder.predictions.clear()
        for one in holder.iterations.values():
            one.snapshot.images.clear()

    at_first(sim, "Blob", delete)
    sim.fault(Fault("Blob", status=404, times=None))

    code, missing = exported(cli, tmp_path / "out", row)

    assert code == 3
    assert missing
    assert not list((tmp_path / "out").rglob("absent.jsonl")) or row == "exports"


def test_a_tag_that_is_listed_but_not_given_is_not_gone(sim, cli, tmp_path):
    project = stock(sim, images=3)
    sim.fault(Fault("GetTag", status=404, times=None))

    code, missing = exported(cli, tmp_path / "out", "tags")

    assert (code, missing) == (3, {("tags", tag) for tag in sim.store.projects[project].workspace.tags})


def test_a_tag_that_goes_while_tags_are_read_is_absent(sim, cli, tmp_path):
    project = stock(sim, images=3)
    tags = sim.store.projects[project].workspace.tags
    gone = next(iter(tags))
    for one in sim.store.projects[project].iterations.values():
        one.snapshot.tags.pop(gone)

    at_first(sim, "GetTag", lambda: tags.pop(gone))

    code, missing = exported(cli, tmp_path / "out", "tags")

    assert (code, missing) == (0, set())
    (path,) = (tmp_path / "out").rglob("absent.jsonl")
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [gone]
