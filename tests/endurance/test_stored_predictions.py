"""Stored predictions: all stored before reading began are found although pages move, or the run fails."""

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import calls
from tests.export.exporting import project_folder, records

PAGE = 100


def stocked(sim, count):
    """Add a project with so many stored predictions; return its id."""
    (project,) = sim.fill(images=0, predictions=count, image_bytes=10)
    return project


def at_each_page(sim, act):
    """Call `act` with the number of each QueryPredictions before it is answered."""
    take, numbers = sim.faults.take, itertools.count()

    def watching(operation, method, target):
        if operation == "QueryPredictions":
            act(next(numbers))
        return take(operation, method, target)

    sim.faults.take = watching


def add(sim, project, count=1):
    """Store predictions that are made now."""
    held = sim.store.projects[project].predictions
    for _ in range(count):
        one = replace(next(iter(held.values())), id=str(uuid.uuid4()), created=datetime.now(UTC) + timedelta(seconds=2))
        held[one.id] = one


def exported(cli, out):
    return cli("export", "predictions", "--all", "--out", out)


def exported_ids(out, project):
    return {one["id"] for one in records(project_folder(out, project) / "predictions.jsonl")}


def test_several_pages_are_read_until_two_passes_agree(sim, cli, tmp_path):
    stocked(sim, PAGE)
    assert exported(cli, tmp_path / "a").code == 0
    assert len(calls(sim, "QueryPredictions")) == 1
    stocked(sim, PAGE + 1)
    sim.calls.clear()

    assert exported(cli, tmp_path / "b").code == 0
    assert len(calls(sim, "QueryPredictions")) == 1 + 2 * 2


@pytest.mark.parametrize("offsets", [True, False])
@pytest.mark.parametrize("victims", [1, 30])
def test_a_deleted_prediction_hides_no_other(sim, cli, tmp_path, offsets, victims):
    sim.options.offsets = offsets
    project = stocked(sim, 250)
    held = sim.store.projects[project].predictions
    gone = list(held)[:victims]
    at_each_page(sim, lambda number: [held.pop(one) for one in gone] if number == 1 else None)

    ran = exported(cli, tmp_path / "out")

    assert ran.code == 0, ran.err
    assert held.keys() <= exported_ids(tmp_path / "out", project)


def test_an_erasure_finds_predictions_hidden_by_a_deletion(sim, erase):
    sim.options.offsets = True
    project = stocked(sim, 250)
    held = sim.store.projects[project].predictions
    at_each_page(sim, lambda number: held.pop(next(iter(held))) if number == 1 else None)

    assert erase("predictions", "--all").code == 0
    assert not held


def test_reading_ends_despite_live_traffic(sim, cli, tmp_path):
    project = stocked(sim, 150)
    before = set(sim.store.projects[project].predictions)
    at_each_page(sim, lambda _: add(sim, project, 40))

    ran = exported(cli, tmp_path / "out")

    assert ran.code == 0, ran.err
    assert before <= exported_ids(tmp_path / "out", project)


def test_endless_deletions_are_reported(sim, cli, erase, tmp_path):
    project = stocked(sim, 400)
    held = sim.store.projects[project].predictions
    at_each_page(sim, lambda _: held.pop(next(iter(held))))

    ran = exported(cli, tmp_path / "out")
    assert ran.code == 3
    assert "passes did not agree" in ran.err
    assert erase("predictions", "--all", "--dry-run").code == 1
    assert not calls(sim, "DeletePrediction")


@pytest.mark.parametrize("date", ["Thu, 01 Jan 99999999999 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:00 +99999999999"])
def test_an_invalid_date_counts_as_missing(sim, erase, date):
    project = stocked(sim, PAGE + 1)
    sim.fault(Fault("QueryPredictions", headers={"Date": date}, times=None))

    assert erase("predictions", "--all").code == 0
    assert not sim.store.projects[project].predictions


def page(ids, created):
    """Return the body of a page with these ids, and a continuation that leads to one more."""
    results = [{"id": one, "created": created, "predictions": [], "originalImageUri": None} for one in ids]
    return {"token": {"continuation": uuid.uuid4().hex}, "results": results}


def new_ids():
    return [str(uuid.uuid4()) for _ in range(64)]


KNOWN = new_ids()
ENDLESS = {
    "the same results": lambda: page(KNOWN, "2024-05-06T07:08:09Z"),
    "no results": lambda: page([], ""),
    "new ids of one moment": lambda: page(new_ids(), "2024-05-06T07:08:09.123Z"),
    "new ids of this moment": lambda: page(new_ids(), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"),
    "new ids of the future": lambda: page(new_ids(), "2999-01-01T00:00:00Z"),
}


@pytest.mark.parametrize("pages", ENDLESS)
def test_endless_pages_are_an_error(sim, cli, erase, tmp_path, pages):
    stocked(sim, 3)
    take = sim.faults.take

    def lying(operation, method, target):
        is_query = operation == "QueryPredictions"
        return Fault(operation, body=ENDLESS[pages]()) if is_query else take(operation, method, target)

    sim.faults.take = lying

    ran = exported(cli, tmp_path / "out")

    assert ran.code == 3
    assert "do not end" in ran.err
    assert len(calls(sim, "QueryPredictions")) < 60
    assert erase("predictions", "--all").code == 1
    assert not calls(sim, "DeletePrediction")
