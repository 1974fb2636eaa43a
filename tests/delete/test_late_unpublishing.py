"""Unpublishing that takes effect after its answer is waited for, before anything is deleted."""

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.catalogue import faults
from tests.delete.erasing import calls, stock


@pytest.mark.parametrize("row", [None, "iterations"])
def test_nothing_is_deleted_before_the_publication_ends(sim, erase, row):
    project = stock(sim)
    (fault,) = faults("unpublish-late")
    assert fault.late > 0
    sim.fault(Fault("UnpublishIteration", late=0.6))

    ran = erase(*([row] if row else []), "--all", wait="5")

    assert ran.code == 0, ran.err
    (asked,) = calls(sim, "UnpublishIteration")
    deletions = calls(sim, "DeleteIteration", "DeleteImages", "DeletePrediction", "DeleteTag")
    assert min(one.when for one in deletions) - asked.when > 0.5
    assert {one.status for one in deletions} <= {202, 204}
    assert project not in sim.store.projects or row


@pytest.mark.parametrize(("operation", "row"), [("DeleteIteration", "iterations"), ("DeleteProject", None)])
def test_a_deletion_refused_as_published_is_sent_again(sim, erase, operation, row):
    """The record may say that the publication ended before the deletion is allowed."""
    stock(sim)
    refusal = {"code": "BadRequestIterationIsPublished", "message": "Iteration is already published as: live"}
    sim.fault(Fault(operation, status=400, times=2, body=refusal))
    if row:
        published = next(one.id for p in sim.store.projects.values() for one in p.iterations.values())
        sim.clear_faults()
        sim.fault(Fault(operation, status=400, times=2, body=refusal, match=published))

    ran = erase(*([row] if row else []), "--all", wait="5")

    assert ran.code == 0, ran.err
    assert [one.status for one in calls(sim, operation)].count(400) == 2
    answers = [
        one["status"] for one in erase.ledger if one["event"] == "answered" and one["row"] == (row or "projects")
    ]
    assert answers.count(400) == 2
    assert erase.verified() == 0


def test_a_publication_that_never_ends_is_named(sim, erase):
    stock(sim)
    sim.fault(Fault("UnpublishIteration", lie=True, times=None))

    ran = erase("iterations", "--all", wait="0.4")

    assert ran.code == 3
    assert "BadRequestIterationIsPublished" in ran.err
    assert sorted(erase.states("iterations").values()) == ["deleted", "failed"]


def test_a_refused_unpublishing_is_not_waited_for(sim, erase):
    stock(sim)
    sim.fault(Fault("UnpublishIteration", status=400, times=None, body={"code": "BadRequestUnpublishFailed"}))

    assert erase("iterations", "--all", wait="60").code == 3
    assert len([one for one in calls(sim, "DeleteIteration") if one.status == 400]) == 1


@pytest.mark.slow
def test_a_later_run_waits_for_the_earlier_unpublishing(sim, erase):
    """The publication ends when the second run looks at it for the first time: that answer still shows it."""
    stock(sim)
    sim.fault(Fault("UnpublishIteration", lie=True))
    sim.fault(Fault("UnpublishIteration", status=400, times=None, body={"code": "BadRequestIterationNotPublished"}))

    def end_publications(answer):
        for iteration in (one for project in sim.store.projects.values() for one in project.iterations.values()):
            iteration.publish_name = None
        return answer

    assert erase("--all", wait="0").code == 3
    looks = len(calls(sim, "GetIteration"))
    sim.fault(Fault("GetIteration", edit=end_publications))
    assert erase("--all", wait="5").code == 0
    assert not sim.store.projects
    assert len(calls(sim, "GetIteration")) == looks + 2


def test_a_publication_that_cannot_be_looked_at_may_still_be(sim, erase):
    stock(sim)
    sim.fault(Fault("UnpublishIteration", late=0.4))
    sim.fault(Fault("GetIteration", status=500, times=2))

    assert erase("--all", wait="5", patience="0").code == 0

    (asked,) = calls(sim, "UnpublishIteration")
    assert min(one.when for one in calls(sim, "DeletePrediction")) - asked.when > 0.3
