"""`retryable`: whether the same command may delete more, or only a new plan or a person can help."""

import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import ids, stock
from tests.delete.test_plan import add


def in_training(sim, project):
    next(iter(sim.store.projects[project].iterations.values())).status = "Training"


RETRYABLE = {
    "residue": lambda sim, _: sim.fault(Fault("DeleteProject", lie=True, times=None)),
    "failed": lambda sim, _: sim.fault(Fault("DeleteProject", status=400, times=None)),
    "stopped": lambda sim, _: sim.fault(Fault("*", drop=True, times=None, after=25)),
    "in training": in_training,
}


@pytest.mark.parametrize("why", RETRYABLE)
def test_a_run_that_may_do_more_is_retryable(sim, erase, why):
    RETRYABLE[why](sim, stock(sim))

    ran = erase("--all", wait="0.1")

    assert ran.code in {3, 4, 5}
    assert erase.evidence["retryable"] is ran.json["retryable"] is True
    assert erase.verified() == 0


def test_a_refused_key_is_not_retryable(sim, erase):
    sim.fault(Fault("DeletePrediction", status=401, times=None))
    stock(sim)

    ran = erase("--all")

    assert ran.code == 5
    assert erase.evidence["retryable"] is ran.json["retryable"] is False
    assert erase.verified() == 0


def test_a_complete_erasure_is_not_retryable(sim, erase):
    stock(sim)

    ran = erase("--all")

    assert (ran.code, ran.json["retryable"]) == (0, False)


def test_an_id_that_is_not_found_is_not_retryable(sim, erase):
    stock(sim)

    ran = erase("images", "--all", "--image-id", "0" * 32)

    assert (ran.code, ran.json["retryable"]) == (3, False)


@pytest.mark.slow
@pytest.mark.parametrize("row", ["images", "tags"])
def test_what_needs_a_new_plan_is_not_retryable(sim, erase, tmp_path, row):
    project, plan = stock(sim), tmp_path / "plan.json"
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0
    add(sim, project, row)

    ran = erase("--plan", plan)

    assert (ran.code, ran.json["retryable"]) == (3, False)
    assert project in ids(sim, project, "projects")
    assert not any(event.get("again") for event in erase.ledger)


def test_items_left_for_now_are_marked_in_the_ledger(sim, erase):
    in_training(sim, stock(sim))

    assert erase("iterations", "--all", wait="0.1").code == 3

    assert [event["again"] for event in erase.ledger if event["event"] == "left"] == [True]
