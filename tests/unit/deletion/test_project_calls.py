"""The calls of one project: tags, publications, the project itself, and calls that fail."""

import re
from dataclasses import replace

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.iterations import complete, freeze
from custom_vision_simulator.records import ImageTag
from cv_gdpr.delete.run import Terms
from cv_gdpr.errors import NotAuthorised, ServiceError
from cv_gdpr.evidence.events import Answered, Opened
from tests.delete.erasing import ids, stock, tag_id
from tests.unit.deletion.telling import NOT_THERE, SAVED, answers, left, relabel, sent, small, statuses, training
from tests.unit.happening import answered as answer
from tests.unit.happening import opened

# --- tags -------------------------------------------------------------------------------------------------------

MAY_BEAR = "images that may have it are still there"
NEEDED = "what it selects is still there, and only this tag finds it"
BORNE = "images with it are not in the plan"


def test_a_projects_tags_stay_with_images_that_were_refused(sim, planned, erasing):
    project = small(sim)
    sim.fault(Fault("DeleteImages", status=409, times=None))
    tags = list(sim.store.projects[project].workspace.tags)
    events = erasing(planned())
    assert [(row, sorted(some), *why) for row, some, *why in left(events)] == [("tags", sorted(tags), MAY_BEAR, True)]
    assert sent(events)[-1] == ("projects", [project])  # they go with it
    assert project not in sim.store.projects


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ([answer("images", "x", status=409)], True),
        ([answer("images", "x", status=0)], True),
        ([answer("images", "x", status=300)], True),
        ([answer("images", "x", status=299)], False),
        ([answer("images", "x", status=404)], False),
        ([answer("tags", "x", status=409)], False),
        ([answer("images", "x", status=409), answer("images", "x", status=202)], False),
        ([answer("images", "x", status=202), answer("images", "x", status=409)], True),
        ([answer("images", "x", status=409), opened()], False),
        ([answer("images", "x", status=404), answer("images", "y", status=500)], True),
        ([answer("images", "x", status=500), answer("images", "y", status=404)], True),
        ([answer("images", "x", status=409, project=NOT_THERE)], False),
    ],
)
def test_the_last_answer_of_this_run_counts(sim, planned, erasing, before, kept):
    (project,) = sim.fill(images=0, tags=1, iterations=0, predictions=0)
    mine = [one if isinstance(one, Opened) or one.project == NOT_THERE else replaced(one, project) for one in before]
    events = erasing(planned(), before=mine)
    assert [one[2] for one in left(events)] == ([MAY_BEAR] if kept else [])


def replaced(event, project):
    return Answered(project=project, row=event.row, ids=event.ids, status=event.status, request_id="r")


def test_a_selecting_tag_stays_while_its_images_do(sim, planned, erasing):
    project = small(sim)
    sim.fault(Fault("DeleteImages", status=409, times=None))
    events = erasing(planned(tags={"alice"}))
    assert left(events) == [("tags", [tag_id(sim, project, "alice")], NEEDED, True)]
    assert "tags" not in {row for row, _ in sent(events)}


def test_a_selecting_tag_goes_when_its_images_are_gone(sim, planned, erasing):
    project = small(sim)
    alice = tag_id(sim, project, "alice")
    events = erasing(planned(tags={"alice"}))
    assert (left(events), sent(events)[-1]) == ([], ("tags", [alice]))


def test_a_selecting_tag_stays_on_other_images(sim, planned, erasing):
    project = small(sim)
    plan = planned(tags={"alice", "bob"})
    workspace = sim.store.projects[project].workspace
    alice, bob = tag_id(sim, project, "alice"), tag_id(sim, project, "bob")
    other = next(one for one in workspace.images.values() if not one.tags)
    more = replace(other, id=NOT_THERE, tags=(ImageTag(alice, other.created),))
    workspace.images[NOT_THERE] = more
    events = erasing(plan)
    assert left(events) == [("tags", [alice], BORNE, False)]
    assert sent(events)[-1] == ("tags", [bob])


def test_tags_in_scope_go_from_images_that_stay(sim, planned, erasing):
    project = small(sim)
    tags = ids(sim, project, "tags")
    events = erasing(planned("tags"))
    assert left(events) == []
    assert {one for _, some in sent(events) for one in some} == tags
    assert "GetTaggedImageCount" not in {call.operation for call in sim.calls}


def test_tags_stay_while_images_of_the_plan_do(sim, planned, erasing):
    small(sim)
    sim.fault(Fault("DeleteImages", status=409, times=None))
    plan = planned("images", "tags")
    assert [(one[0], one[2]) for one in left(erasing(plan))] == [("tags", NEEDED)]


def test_tags_stay_while_a_list_shows_their_images(sim, planned, erasing):
    small(sim)
    plan = planned("images", "tags")
    sim.fault(Fault("DeleteImages", lie=True, times=None))
    sim.fault(Fault("GetImagesByIds", body=[], times=None))
    assert [(one[0], one[2]) for one in left(erasing(plan))] == [("tags", NEEDED)]


def test_tags_in_scope_go_from_new_images(sim, planned, erasing):
    project = small(sim)
    plan = planned("images", "tags")
    workspace = sim.store.projects[project].workspace
    tagged = next(one for one in workspace.images.values() if one.tags)
    workspace.images[NOT_THERE] = replace(tagged, id=NOT_THERE)
    assert left(erasing(plan)) == []
    assert workspace.images[NOT_THERE].tags == ()


# --- publications --------------------------------------------------------------------------------------------------


def published(sim, project):
    return next(one for one in sim.store.projects[project].iterations.values() if one.publish_name)


def test_only_publications_of_what_goes_are_ended(sim, planned, erasing):
    project = stock(sim)
    iteration = published(sim, project)
    events = erasing(planned("iterations"))
    assert sent(events)[0] == ("publications", [iteration.id])
    assert [call.operation for call in sim.calls].count("GetIteration") == 1


def test_a_publication_stays_with_an_iteration_that_is_left(sim, planned, erasing):
    project = stock(sim)
    iteration = published(sim, project)
    iteration.status = "Training"
    events = erasing(planned("iterations"))
    assert "publications" not in {row for row, _ in sent(events)}
    assert iteration.publish_name


LATE = {"code": "BadRequestIterationIsPublished", "message": "x"}
ENDED = {"code": "BadRequestIterationNotPublished", "message": "x"}


def refused_as_published(sim, operation, match=None, times=2):
    sim.fault(Fault(operation, status=400, times=times, body=LATE, match=match))


def test_a_deletion_is_sent_again_until_the_publication_ends(sim, planned, erasing):
    project = stock(sim)
    iteration = published(sim, project).id
    refused_as_published(sim, "DeleteIteration", iteration)
    events = erasing(planned("iterations"), Terms(), lambda: None, lambda: None)
    assert erasing.deadline.rounds == [0, 1]
    assert [one.status for one in events if isinstance(one, Answered) and one.ids == [iteration]] == [
        204,
        400,
        400,
        204,
    ]


def test_a_deletion_is_not_sent_again_without_time(sim, planned, erasing):
    project = stock(sim)
    iteration = published(sim, project).id
    refused_as_published(sim, "DeleteIteration", iteration, None)
    events = erasing(planned("iterations"), Terms(), lambda: None)
    assert erasing.deadline.rounds == [0, 1]
    assert [status for ids, status in answers(events) if ids == [iteration]] == [204, 400, 400]
    assert sent(events)[-1][1] != [iteration]  # the others go


def test_a_project_is_sent_again_until_the_publication_ends(sim, planned, erasing):
    stock(sim)
    refused_as_published(sim, "DeleteProject")
    events = erasing(planned(), Terms(), lambda: None, lambda: None)
    assert [status for row, status in statuses(events) if row == "projects"] == [400, 400, 204]
    assert erasing.deadline.rounds == [0, 1]


@pytest.mark.parametrize(
    ("answered", "again"),
    [
        ({"status": 400, "body": ENDED, "done": True}, True),
        ({"status": 400, "body": {"code": "BadRequestUnpublishFailed"}}, False),
        ({"status": 299, "body": b"", "done": True}, True),
        ({"status": 200, "body": b"", "done": True}, True),
    ],
    ids=["ended before", "refused", "299", "200"],
)
def test_only_an_accepted_end_is_waited_for(sim, planned, erasing, answered, again):
    project = stock(sim)
    iteration = published(sim, project).id
    sim.fault(Fault("UnpublishIteration", times=None, **answered))
    sim.fault(Fault("GetIteration", body={"id": iteration, "publishName": None}, times=None))
    refused_as_published(sim, "DeleteIteration", iteration, 1)
    erasing(planned("iterations"), Terms(), lambda: None)
    assert erasing.deadline.rounds == ([0] if again else [])


def test_only_the_published_iteration_is_sent_again(sim, planned, erasing):
    project = stock(sim)
    other = next(one.id for one in sim.store.projects[project].iterations.values() if not one.publish_name)
    refused_as_published(sim, "DeleteIteration", other, 1)
    erasing(planned("iterations"), Terms(), lambda: None)
    assert erasing.deadline.rounds == []


def test_another_refusal_is_not_sent_again(sim, planned, erasing):
    project = stock(sim)
    sim.fault(Fault("DeleteIteration", status=409, match=published(sim, project).id))
    erasing(planned("iterations"), Terms(), lambda: None)
    assert erasing.deadline.rounds == []


def test_the_end_of_a_publication_is_waited_for(sim, planned, erasing):
    project = stock(sim)
    iteration = published(sim, project)
    sim.fault(Fault("GetIteration", body={"id": iteration.id, "publishName": "live"}))
    erasing(planned("iterations"), Terms(wait=60))
    operations = [call.operation for call in sim.calls]
    assert operations.count("GetIteration") == 2
    assert operations.index("DeleteIteration") > max(n for n, one in enumerate(operations) if one == "GetIteration")
    assert erasing.deadline.rounds == []  # it has a deadline of its own


def test_the_end_of_a_publication_is_waited_for_so_long(sim, planned, erasing):
    project = stock(sim)
    iteration = published(sim, project)
    sim.fault(Fault("GetIteration", body={"id": iteration.id, "publishName": "live"}, times=None))
    erasing(planned("iterations"), Terms(wait=0.0))
    assert [call.operation for call in sim.calls].count("GetIteration") == 1


@pytest.mark.parametrize(("status", "wait"), [(404, 60), (500, 0.05), (409, 0.05)])
def test_an_iteration_that_cannot_be_read_is_waited_for(sim, planned, erasing, status, wait):
    """It may still be published until the wait is over; a 404 says that it is gone."""
    stock(sim)
    sim.fault(Fault("GetIteration", status=status, times=None))
    events = erasing(planned("iterations"), Terms(wait=wait))
    assert [status for row, status in statuses(events) if row == "iterations"] == [204, 204]


def test_a_key_that_is_refused_ends_the_wait(sim, planned, erasing):
    stock(sim)
    sim.fault(Fault("GetIteration", status=401, times=None))
    with pytest.raises(NotAuthorised):
        erasing(planned("iterations"), Terms(wait=60))
    assert "iterations" not in {row for row, _ in sent(erasing.events)}


# --- the project itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("terms", "again"), [(Terms(), True), (SAVED, False)], ids=["direct", "saved"])
def test_a_project_with_something_new_is_left(sim, planned, erasing, terms, again):
    project = small(sim)
    plan = planned()
    workspace = sim.store.projects[project].workspace
    new = replace(next(iter(workspace.tags.values())), id=NOT_THERE, name="new")
    workspace.tags[new.id] = new
    events = erasing(plan, terms)
    assert left(events) == [("projects", [project], "it holds 1 items that are not in the plan", again)]
    assert "projects" not in {row for row, _ in sent(events)}


def test_all_that_is_new_is_counted(sim, planned, erasing):
    project = small(sim)
    plan = planned()
    sim.fault(Fault("DeleteTag", lie=True, times=None))
    holder = sim.store.projects[project]
    new = freeze(holder, NOT_THERE)
    complete(new)
    for number in range(2):
        tag = replace(next(iter(holder.workspace.tags.values())), id=f"{NOT_THERE[:-1]}{number}", name=f"new {number}")
        holder.workspace.tags[tag.id] = tag
    (found,) = left(erasing(plan))
    assert found[2] == "it holds 3 items that are not in the plan"


@pytest.mark.parametrize(("terms", "again"), [(SAVED, False), (Terms(), True)], ids=["saved", "training"])
def test_a_project_stays_with_what_was_left(sim, planned, erasing, terms, again):
    project = stock(sim)
    plan = planned()
    if terms is SAVED:
        relabel(sim, project, min(sim.store.projects[project].workspace.images))
    else:
        training(sim, project)
    events = erasing(plan, terms)
    assert left(events)[-1] == ("projects", [project], "something in it was left", again)


def test_what_was_left_and_is_gone_keeps_nothing(sim, planned, erasing):
    project = small(sim)
    plan = planned()
    image = min(plan.projects[0].rows["images"])
    relabel(sim, project, image)
    sim.fault(Fault("DeleteTag", times=1, edit=lambda answer: (holder.pop(image, None), answer)[1]))
    holder = sim.store.projects[project].workspace.images
    events = erasing(plan, SAVED)
    assert [one[0] for one in left(events)] == ["images"]
    assert project not in sim.store.projects


def test_a_project_that_goes_meanwhile_is_not_sent(sim, planned, erasing):
    project = small(sim, images=0, predictions=0)
    plan = planned()
    sim.fault(Fault("DeleteTag", edit=lambda answer: (sim.store.projects.pop(project, None), answer)[1]))
    events = erasing(plan)
    assert "projects" not in {row for row, _ in sent(events)}


def test_a_404_of_a_project_that_is_listed_is_an_error(sim, planned, erasing):
    small(sim, images=0, predictions=0)
    plan = planned()
    sim.fault(Fault("GetTags", status=404, times=None))
    with pytest.raises(ServiceError) as raised:
        erasing(plan)
    assert raised.value.status == 404
    assert "projects" not in {row for row, _ in sent(erasing.events)}


def test_a_listing_of_the_project_settles_first(sim, planned, erasing):
    project = small(sim)
    plan = planned()
    sim.fault(Fault("GetImageCount", body=b"99", times=None))
    events = erasing(plan, Terms(), sim.clear_faults)
    assert erasing.deadline.rounds == [0]
    assert sent(events)[-1] == ("projects", [project])


# --- calls that fail -----------------------------------------------------------------------------------------------


def test_a_batch_that_is_refused_is_sent_in_halves(sim, planned, erasing):
    small(sim, images=0, predictions=3)
    one, two, three = planned("predictions").projects[0].rows["predictions"]
    sim.fault(Fault("DeletePrediction", status=400, times=None, match=two))
    events = erasing(planned("predictions"))
    assert [some for _, some in sent(events)] == [[one, two, three], [one], [two, three], [two], [three]]
    assert [status for _, status in statuses(events)] == [400, 204, 400, 400, 204]


def test_a_refusal_that_concerns_all_ids_is_not_halved(sim, planned, erasing):
    small(sim, images=0, predictions=3)
    sim.fault(Fault("DeletePrediction", status=409, times=None))
    assert len(sent(erasing(planned("predictions")))) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_ends_the_run(sim, planned, erasing, status):
    small(sim)
    sim.fault(Fault("DeletePrediction", status=status, times=None))
    said = []
    with pytest.raises(NotAuthorised):
        erasing(planned("predictions", "tags"), Terms(say=said.append))
    assert [one.row for one in erasing.events] == ["predictions"] * 2
    assert erasing.events[-1].reason.startswith(f"the service answered {status}")
    assert said == []


def test_a_failure_is_recorded_and_said(sim, planned, erasing):
    small(sim)
    said = []
    body = {"code": "Conflict", "message": "alice"}
    sim.fault(Fault("DeletePrediction", status=409, body=body, headers={"apim-request-id": "mine"}))
    (_, answered) = erasing(planned("predictions"), Terms(say=said.append))
    assert (answered.status, answered.request_id, answered.reason) == (409, "mine", "the service answered 409 Conflict")
    assert answered.earlier_try is False
    assert len(said) == 1
    assert re.search("409", said[0])


def test_what_is_gone_is_not_said(sim, planned, erasing):
    small(sim)
    said = []
    sim.fault(Fault("DeletePrediction", status=404))
    (_, answered) = erasing(planned("predictions"), Terms(say=said.append))
    assert (answered.status, said) == (404, [])


def test_a_call_without_an_answer_may_have_deleted(sim, planned, erasing):
    small(sim, images=0, predictions=2)
    sim.fault(Fault("DeletePrediction", drop=True))
    sim.fault(Fault("DeletePrediction", status=404, times=None))
    events = erasing(planned("predictions"))
    tried = [(len(one.ids), one.status, one.earlier_try) for one in events if isinstance(one, Answered)]
    assert tried == [(2, 0, False), (1, 404, True), (1, 404, True)]
