"""A batch that is refused for its length is halved, wherever many ids are sent: deletion, second look and proof."""

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.table.inventory import project_of
from cv_gdpr.table.readers import images_still_given, renewed_images
from tests.delete.direct import service_of
from tests.delete.erasing import calls, stock

REFUSALS = {
    **{str(status): {"status": status, "body": b""} for status in (400, 404, 413, 414, 431)},
    "dropped": {"drop": True},
}


def refuse_first(sim, operation, **how):
    """Refuse the first call, which has all ids."""
    sim.fault(Fault(operation, times=1, **how))


@pytest.mark.parametrize("refusal", REFUSALS)
def test_renewal_and_proof_ask_in_halves(sim, refusal):
    project = stock(sim)
    wanted = sorted(sim.store.projects[project].workspace.images)
    refuse_first(sim, "GetImagesByIds", **REFUSALS[refusal])

    with service_of(sim) as service:
        found = [item.id for item in renewed_images(project_of(service, project), None, wanted)]
        sim.clear_faults()
        refuse_first(sim, "GetImagesByIds", **REFUSALS[refusal])
        given = images_still_given(project_of(service, project), wanted)

    assert sorted(found) == wanted
    assert given == set(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize(("row", "operation"), [("images", "DeleteImages"), ("predictions", "DeletePrediction")])
def test_a_refused_deletion_is_sent_in_halves(sim, erase, row, operation, refusal):
    stock(sim)
    refuse_first(sim, operation, **REFUSALS[refusal])

    ran = erase(row, "--all", patience="0")

    assert ran.code == 0, ran.err
    assert len(calls(sim, operation)) == 3
    assert set(erase.states(row).values()) == {"deleted"}
    assert erase.verified() == 0


def test_a_dropped_deletion_that_was_done_counts_as_deleted(sim, erase):
    stock(sim)
    gone = {"code": "NotFoundPrediction", "message": "gone"}
    sim.fault(Fault("DeletePrediction", drop=True, done=True))
    sim.fault(Fault("DeletePrediction", status=404, times=None, body=gone))

    ran = erase("predictions", "--all", patience="0")

    assert ran.code == 0, ran.err
    assert set(erase.states("predictions").values()) == {"deleted"}
    assert all(one.get("earlierTry") for one in erase.ledger if one["event"] == "answered" and one["status"] == 404)


def test_the_second_look_asks_in_halves(sim, erase):
    project = stock(sim)
    refuse_first(sim, "GetImagesByIds", **REFUSALS["414"])

    wanted = sorted(sim.store.projects[project].workspace.images)
    ran = erase("images", "--all", *(word for one in wanted for word in ("--image-id", one)))

    assert ran.code == 0, ran.err
    assert set(erase.states("images").values()) == {"deleted"}
