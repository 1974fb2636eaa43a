"""The proof: an item counts as gone only if every list and its own operation say so."""

import pytest

from custom_vision_simulator import Fault, Simulator
from cv_gdpr.delete.proof import Proof
from cv_gdpr.errors import NotAuthorised, ServiceError, Unsteady
from tests.delete.direct import ledger_in, run_of, service_of
from tests.delete.erasing import ids, stock

GONE = "00000000-0000-4000-8000-00000000dead"
LISTED = {
    "iterations": "GetIterations",
    "tags": "GetTags",
    "images": "GetTaggedImages",
    "predictions": "QueryPredictions",
}
ONE_BY_ONE = {"iterations": "GetIteration", "tags": "GetTag"}


@pytest.fixture(scope="module")
def running():
    """A service in which each test has a project of its own, and a client of it."""
    with Simulator() as sim, service_of(sim) as service:
        yield sim, service


@pytest.fixture
def sim(running):
    """The service, without the faults of a test when that is over."""
    simulator, _ = running
    yield simulator
    simulator.clear_faults()


@pytest.fixture
def remaining(running, tmp_path):
    """Return what a proof finds of some ids of a project."""
    _, service = running
    with ledger_in(tmp_path, service) as ledger:

        def look(project, **rows):
            return Proof(run_of(service, None, ledger), project, rows).remaining(thorough=True)

        yield look


@pytest.mark.parametrize("row", LISTED)
def test_what_is_there_remains_and_what_is_not_is_gone(sim, remaining, row):
    project = stock(sim)
    there = ids(sim, project, row)

    assert remaining(project, **{row: [*there, GONE]}) == {row: there}


@pytest.mark.parametrize("row", ONE_BY_ONE)
def test_what_no_list_holds_but_the_service_gives_remains(sim, remaining, row):
    project = stock(sim, iterations=1)
    there = ids(sim, project, row)
    sim.fault(Fault(LISTED[row], body=[], times=None))

    assert remaining(project, **{row: sorted(there)}) == {row: there}


@pytest.mark.parametrize("row", ONE_BY_ONE)
@pytest.mark.parametrize("status", [400, 409, 500])
def test_only_a_404_says_that_one_is_gone(sim, remaining, row, status):
    project = stock(sim)
    sim.fault(Fault(ONE_BY_ONE[row], status=status, times=None))

    with pytest.raises(ServiceError) as raised:
        remaining(project, **{row: [GONE]})
    assert raised.value.status == status


@pytest.mark.parametrize("row", [*LISTED, "projects"])
def test_a_key_that_may_not_look_proves_nothing(sim, remaining, row):
    project = stock(sim)
    for operation in (*LISTED.values(), "GetProject", "GetProjects", "GetImagesByIds"):
        sim.fault(Fault(operation, status=403, times=None))

    with pytest.raises(NotAuthorised):
        remaining(project, **{row: [GONE]})


@pytest.mark.parametrize("operation", ["GetImagesByIds", "GetTaggedImages", "GetImageCount", "GetIterations"])
def test_images_are_gone_only_where_every_list_answers(sim, remaining, operation):
    project = stock(sim)
    sim.fault(Fault(operation, status=500, times=None))

    with pytest.raises(ServiceError):
        remaining(project, images=[GONE])


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 403}, {"body": b"<html>"}])
@pytest.mark.parametrize("operation", ["GetProject", "GetProjects"])
def test_a_project_that_cannot_be_read_is_not_gone(sim, remaining, operation, fault):
    project = stock(sim)
    del sim.store.projects[project]
    sim.fault(Fault(operation, times=None, **fault))

    with pytest.raises(ServiceError):
        remaining(project, projects=[project])


def test_an_image_that_only_its_id_finds_remains(sim, remaining):
    project = stock(sim, iterations=0)
    (one, *_) = ids(sim, project, "images")
    sim.fault(Fault("GetTaggedImages", body=[], times=None))
    sim.fault(Fault("GetUntaggedImages", body=[], times=None))
    sim.fault(Fault("GetImageCount", body=b"0", times=None))

    assert remaining(project, images=[one, GONE]) == {"images": {one}}


def test_an_image_that_only_a_list_holds_remains(sim, remaining):
    project = stock(sim)
    there = ids(sim, project, "images")
    sim.fault(Fault("GetImagesByIds", body=[], times=None))

    assert remaining(project, images=[*there, GONE]) == {"images": there}


def test_an_image_of_an_iteration_alone_remains(sim, remaining):
    project = stock(sim)
    alone = ids(sim, project, "images") - set(sim.store.projects[project].workspace.images)
    assert alone

    assert remaining(project, images=sorted(alone)) == {"images": alone}


def test_counts_that_disagree_prove_nothing(sim, remaining):
    project = stock(sim)
    sim.fault(Fault("GetImageCount", body=b"99", times=None))

    with pytest.raises(Unsteady):
        remaining(project, images=[GONE])


@pytest.mark.parametrize("row", [*LISTED, "projects"])
def test_all_of_a_project_that_is_gone_is_gone(sim, remaining, row):
    project = stock(sim)
    held = sorted(ids(sim, project, row))
    del sim.store.projects[project]

    assert remaining(project, **{row: held}) == {row: set()}


@pytest.mark.parametrize("row", [*LISTED, "projects"])
def test_a_404_for_a_project_that_is_listed_proves_nothing(sim, remaining, row):
    project = stock(sim)
    for operation in (*LISTED.values(), "GetProject", "GetImagesByIds"):
        sim.fault(Fault(operation, status=404, times=None))

    with pytest.raises(Unsteady, match="GetProjects lists it"):
        remaining(project, **{row: [GONE]})
