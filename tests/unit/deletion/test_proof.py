"""The proof: an item counts as gone only if every list and its own operation say so."""

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.delete.look import Look
from cv_gdpr.delete.proof import Proof
from cv_gdpr.errors import NotAuthorised, ServiceError, Unsteady
from cv_gdpr.evidence.events import Answered, Calling, Looked
from tests.delete.direct import Rounds, ledger_in, run_of
from tests.delete.erasing import ids, stock

GONE = "00000000-0000-4000-8000-00000000dead"
LISTED = {
    "iterations": "GetIterations",
    "tags": "GetTags",
    "images": "GetTaggedImages",
    "predictions": "QueryPredictions",
}
ONE_BY_ONE = {"iterations": "GetIteration", "tags": "GetTag"}


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


# --- waiting for what the service accepted ----------------------------------------------------------------------------


def nothing():
    """Let a round pass."""


@pytest.fixture
def proving(running, tmp_path):
    """Return a proof of some ids of a project, its ledger and its deadline."""
    _, service = running
    with ledger_in(tmp_path, service) as ledger:

        def prove(project, *acts, **rows):
            run = run_of(service, None, ledger)._replace(deadline=Rounds(*acts))
            return Proof(run, project, rows), ledger, run.deadline

        yield prove


def accepted(project, row, ids, status=202):
    return Answered(project=project, row=row, ids=ids, status=status, request_id="r")


def listings(sim):
    """Return how often the images of the workspace were listed and asked for by id, since the last call of this."""
    names = [call.operation for call in sim.calls]
    sim.calls.clear()
    return names.count("GetTaggedImages"), names.count("GetImagesByIds")


def small(sim):
    """Return a new project of one tagged image, and that image; no call is counted yet."""
    (project,) = sim.fill(images=1, untagged=0, image_bytes=1, iterations=0, predictions=0)
    (image,) = sim.store.projects[project].workspace.images
    sim.calls.clear()
    return project, image


def test_the_ledger_states_what_is_gone_and_there(sim, proving):
    project = stock(sim)
    images, tags = sorted(ids(sim, project, "images")), sorted(ids(sim, project, "tags"))
    sim.fault(Fault("GetImagesByIds", body=[], times=None))  # so that only a list shows them
    proof, ledger, deadline = proving(project, tags=[GONE, *tags], images=[*images, GONE], predictions=[])
    proof.run()
    looked = [(one.project, one.row, one.gone, one.there) for one in ledger.events if isinstance(one, Looked)]
    assert looked == [
        (project, "tags", [GONE], tags),
        (project, "images", [GONE], images),
        (project, "predictions", [], []),
    ]
    assert deadline.rounds == []


@pytest.mark.parametrize(("thorough", "lists"), [(True, 1), (False, 0)], ids=["thorough", "not thorough"])
def test_images_are_listed_only_if_thorough(sim, proving, thorough, lists):
    project, image = small(sim)
    proof, *_ = proving(project, images=[image, GONE])
    assert proof.remaining(thorough=thorough) == {"images": {image}}
    assert listings(sim)[0] == lists


def test_what_was_accepted_is_waited_for(sim, proving):
    project, image = small(sim)
    seen = []

    def note():
        seen.append(listings(sim))

    def delete():
        note()
        sim.store.projects[project].workspace.images.clear()

    proof, ledger, deadline = proving(project, note, delete, nothing, images=[image])
    ledger.write(accepted(project, "images", [GONE, image]))

    assert proof.remaining(thorough=True) == {"images": set()}
    assert deadline.rounds == [0, 1]
    assert [lists for lists, _ in seen] == [0, 0]  # only by id, until the end
    assert listings(sim)[0] > 0


@pytest.mark.parametrize(("thorough", "looks"), [(True, (1, 2)), (False, (0, 3))], ids=["thorough", "not thorough"])
def test_what_stays_is_looked_for_once_more_at_the_end(sim, proving, thorough, looks):
    project, image = small(sim)
    proof, ledger, deadline = proving(project, nothing, images=[image])
    ledger.write(accepted(project, "images", [image]))

    assert proof.remaining(thorough=thorough) == {"images": {image}}
    assert deadline.rounds == [0, 1]
    assert listings(sim) == looks  # in the list, it is not asked for by id


def test_what_only_a_list_still_holds_is_waited_for(sim, proving):
    project, image = small(sim)
    sim.fault(Fault("GetImagesByIds", body=[], times=None))
    proof, ledger, deadline = proving(project, sim.store.projects[project].workspace.images.clear, images=[image])
    ledger.write(accepted(project, "images", [image]))

    assert proof.remaining(thorough=True) == {"images": set()}
    assert deadline.rounds == [0]


@pytest.mark.parametrize(
    ("status", "waits"), [(199, False), (200, True), (299, True), (300, False), (404, False), (0, False)]
)
def test_only_an_accepted_deletion_is_waited_for(sim, proving, status, waits):
    project, image = small(sim)
    proof, ledger, deadline = proving(project, images=[image])
    ledger.write(accepted(project, "images", [image], status))

    assert proof.remaining(thorough=True) == {"images": {image}}
    assert deadline.rounds == [0] * waits


@pytest.mark.parametrize("other", ["project", "row", "id", "call"])
def test_what_another_deletion_took_is_not_waited_for(sim, proving, other):
    project, image = small(sim)
    events = {
        "project": accepted(GONE, "images", [image]),
        "row": accepted(project, "tags", [image]),
        "id": accepted(project, "images", [GONE]),
        "call": Calling(project=project, row="images", ids=[image]),
    }
    proof, ledger, deadline = proving(project, images=[image])
    ledger.write(events[other])

    proof.remaining(thorough=True)
    assert deadline.rounds == []


def test_counts_that_settle_are_waited_for(sim, proving):
    project, image = small(sim)
    sim.fault(Fault("GetImageCount", body=b"99", times=None))
    proof, _, deadline = proving(project, sim.clear_faults, images=[image])

    assert proof.remaining(thorough=True) == {"images": {image}}
    assert deadline.rounds == [0]


def test_a_project_that_goes_during_the_look_is_gone(sim, proving):
    project, image = small(sim)
    proof, *_ = proving(project, images=[image], tags=[GONE])
    del sim.store.projects[project]

    assert proof.remaining(thorough=True) == {"images": set(), "tags": set()}
    assert Look(proof.erasure.service, project).project_is_gone() is True


def test_a_project_that_is_there_is_not_gone(sim, proving):
    project, _ = small(sim)
    proof, *_ = proving(project, projects=[project], tags=[])

    assert Look(proof.erasure.service, project).project_is_gone() is False
    assert proof.remaining(thorough=True) == {"projects": {project}, "tags": set()}
    sim.fault(Fault("GetTags", status=404, times=None))
    with pytest.raises(ServiceError) as raised:
        proof.remaining(thorough=True)
    assert raised.value.status == 404


def test_a_404_of_a_list_alone_proves_nothing(sim, proving):
    project, image = small(sim)
    sim.fault(Fault("GetTags", status=404, times=None))
    proof, *_ = proving(project, tags=[image])

    with pytest.raises(ServiceError) as raised:
        proof.remaining(thorough=True)
    assert raised.value.status == 404


@pytest.mark.parametrize("thorough", [True, False])
def test_an_iterations_copy_of_a_tag_does_not_remain(sim, proving, thorough):
    project = stock(sim, iterations=1)
    (tag, *_) = ids(sim, project, "tags")
    del sim.store.projects[project].workspace.tags[tag]
    proof, *_ = proving(project, tags=[tag])

    assert proof.remaining(thorough=thorough) == {"tags": set()}
