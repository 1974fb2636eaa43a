"""The deletions of one project: what is sent, in which order, and what is left for which reason."""

import re
from dataclasses import replace

import pytest

from custom_vision_simulator import Fault, Simulator
from custom_vision_simulator.iterations import complete, freeze
from custom_vision_simulator.records import ImageTag
from cv_gdpr.delete.planning import make_plan
from cv_gdpr.delete.project import ProjectErasure, Why
from cv_gdpr.delete.run import Run, Terms
from cv_gdpr.errors import NotAuthorised, ServiceError
from cv_gdpr.evidence.events import Answered, Calling, Left, Opened, Vanished
from cv_gdpr.table.scope import Scope, Selection
from tests.delete.direct import Rounds, ledger_in, service_of
from tests.delete.erasing import ids, stock, tag_id
from tests.unit.happening import answered as answer
from tests.unit.happening import opened

SAVED, CONFIRMED = Terms(from_file=True), Terms(confirmed=True)
NOT_THERE = "00000000-0000-4000-8000-00000000dead"
AGAIN = "; make a new plan"


@pytest.fixture(scope="module")
def running():
    """A service in which each test has a project of its own, and a client of it."""
    with Simulator() as sim, service_of(sim) as service:
        yield sim, service


@pytest.fixture
def sim(running):
    """The service, without the faults and projects of a test when that is over."""
    simulator, _ = running
    simulator.calls.clear()
    yield simulator
    simulator.clear_faults()
    simulator.store.projects.clear()


@pytest.fixture
def planned(running, sim):
    """Return the plan of what is in scope; no call is counted yet."""

    def make(*rows, **selection):
        chosen = Selection(**{name: frozenset(values) for name, values in selection.items()})
        plan = make_plan(running[1], Scope(rows=rows, selection=chosen))
        sim.calls.clear()
        return plan

    return make


@pytest.fixture
def erasing(running, tmp_path):
    """Execute the only project of a plan and return the events of its ledger, without those from `before`."""
    _, service = running

    def run(plan, terms=Terms(), *acts, before=(), not_now=None):  # noqa: B008
        with ledger_in(tmp_path, service) as ledger:
            for event in before:
                ledger.write(event)
            erasure = Run(service, plan, ledger, terms, Rounds(*acts))
            run.deadline = erasure.deadline
            try:
                ProjectErasure(erasure, plan.projects[0], not_now).run()
            finally:
                run.events = ledger.events[len(before) :]
            return run.events

    return run


def sent(events):
    """Return row and ids of each call that was announced."""
    return [(one.row, one.ids) for one in events if isinstance(one, Calling)]


def left(events):
    """Return row, ids, reason and whether it may go later of what was left."""
    return [(one.row, one.ids, one.reason, one.again) for one in events if isinstance(one, Left)]


def statuses(events):
    return [(one.row, one.status) for one in events if isinstance(one, Answered)]


def answers(events):
    return [(one.ids, one.status) for one in events if isinstance(one, Answered)]


def relabel(sim, project, image, subject="eve"):
    """Label an image as another subject's, wherever it is."""
    holder = sim.store.projects[project]
    for place in (holder.workspace, *(one.snapshot for one in holder.iterations.values())):
        if image in place.images:
            place.images[image] = replace(place.images[image], metadata={"subject": subject})


def without_iterations(sim, **numbers):
    return stock(sim, **{"images": 5, "predictions": 1, "iterations": 0} | numbers)


# --- all of it --------------------------------------------------------------------------------------------------


def test_children_go_before_their_parents(sim, planned, erasing):
    project = stock(sim)
    expected = {row: ids(sim, project, row) for row in ("predictions", "iterations", "images", "tags", "projects")}
    events = erasing(planned())
    calls = sent(events)
    assert list(dict.fromkeys(row for row, _ in calls)) == ["publications", *expected]
    assert {row: {one for of, some in calls if of == row for one in some} for row in expected} == expected
    assert {len(some) for row, some in calls if row in {"iterations", "tags"}} == {1}
    assert [type(one) for one in events] == [Calling, Answered] * len(calls)
    assert all(200 <= status < 300 for _, status in statuses(events))
    assert {one.project for one in events} == {project}
    assert project not in sim.store.projects
    assert erasing.deadline.rounds == []


def test_an_answer_is_recorded_with_its_request_id(sim, planned, erasing):
    without_iterations(sim, images=1)
    sim.fault(Fault("DeletePrediction", headers={"apim-request-id": "mine"}))
    calling, answered = erasing(planned("predictions"))
    assert (answered.row, answered.ids, answered.status) == ("predictions", calling.ids, 204)
    assert (answered.request_id, answered.reason, answered.earlier_try) == ("mine", "", False)


def test_only_planned_rows_are_deleted(sim, planned, erasing):
    project = stock(sim)
    assert {row for row, _ in sent(erasing(planned("predictions", "tags")))} == {"predictions", "tags"}
    assert ids(sim, project, "images")


def test_a_project_that_is_gone_is_not_an_error(sim, planned, erasing):
    project = stock(sim)
    plan = planned()
    del sim.store.projects[project]
    assert erasing(plan, CONFIRMED) == []


def test_nothing_is_sent_for_a_project_that_is_not_wanted_now(sim, planned, erasing):
    project = stock(sim)
    plan = planned("iterations")
    (along,) = plan.projects[0].along["images"]
    events = erasing(plan, not_now=Why("protected", again=False))
    iterations = list(plan.projects[0].rows["iterations"])
    assert left(events) == [("iterations", iterations, "protected", False), ("images", [along], "protected", False)]
    assert sim.calls == []
    assert project in sim.store.projects


# --- a saved plan ------------------------------------------------------------------------------------------------


def test_what_changed_since_it_was_saved_is_left(sim, planned, erasing):
    project = without_iterations(sim)
    plan = planned("images", "tags")
    changed, vanished, *others = plan.projects[0].rows["images"]
    relabel(sim, project, changed)
    del sim.store.projects[project].workspace.images[vanished]
    events = erasing(plan, SAVED)
    assert left(events)[0] == ("images", [changed], f"it changed after it was planned{AGAIN}", False)
    gone = [(one.project, one.row, one.ids) for one in events if isinstance(one, Vanished)]
    assert gone == [(project, "images", [vanished])]
    assert sent(events)[0] == ("images", others)
    assert [type(one) for one in events[:2]] == [Left, Vanished]


def test_a_saved_plan_that_still_holds_is_executed(sim, planned, erasing):
    project = stock(sim)
    events = erasing(planned(), SAVED)
    assert left(events) == []
    assert not [one for one in events if isinstance(one, Vanished)]
    assert project not in sim.store.projects


def test_names_of_tags_count_in_a_plan_by_tag(sim, planned, erasing):
    project = without_iterations(sim)
    plans = planned("images", tags={"alice"}), planned("images")
    workspace = sim.store.projects[project].workspace
    one = tag_id(sim, project, "alice")
    workspace.tags[one] = replace(workspace.tags[one], name="eve")
    (image,) = plans[0].projects[0].rows["images"]
    assert left(erasing(plans[0], SAVED)) == [("images", [image], f"it changed after it was planned{AGAIN}", False)]


def test_names_of_tags_count_for_no_other_plan(sim, planned, erasing):
    project = without_iterations(sim)
    plan = planned("images")
    workspace = sim.store.projects[project].workspace
    one = tag_id(sim, project, "alice")
    workspace.tags[one] = replace(workspace.tags[one], name="eve")
    assert left(erasing(plan, SAVED)) == []


# --- a selection --------------------------------------------------------------------------------------------------

CHANGED = "it changed after it was planned; run the command again"
UNSEEN = "the service did not return it again before its deletion"


def test_selected_images_are_read_again(sim, planned, erasing):
    project = without_iterations(sim, images=5)
    workspace = sim.store.projects[project].workspace
    some = sorted(workspace.images)[:4]
    plan = planned("images", image_ids=some)
    relabel(sim, project, some[1])
    del workspace.images[some[2]]
    events = erasing(plan)
    assert left(events) == [("images", [some[2]], UNSEEN, True), ("images", [some[1]], CHANGED, True)]
    assert sorted(sent(events)[0][1]) == [some[0], some[3]]
    assert {call.operation for call in sim.calls} == {"GetImagesByIds", "GetIterations", "DeleteImages"}


def test_an_image_of_an_iteration_is_read_there(sim, planned, erasing):
    project = stock(sim)
    holder = sim.store.projects[project]
    (alone,) = ids(sim, project, "images") - set(holder.workspace.images)
    other = min(holder.workspace.images)
    plan = planned("images", image_ids={alone, other})
    assert left(erasing(plan)) == []
    places = {call.query.get("iterationId"): call.query["imageIds"] for call in sim.calls if "ByIds" in call.operation}
    assert places == {plan.projects[0].places[alone]: alone, None: other}


@pytest.mark.parametrize("by_tag", [True, False])
def test_a_name_of_a_tag_counts_where_it_selected(sim, planned, erasing, by_tag):
    project = without_iterations(sim)
    workspace = sim.store.projects[project].workspace
    one = tag_id(sim, project, "alice")
    plan = planned("images", **({"tags": {"alice"}} if by_tag else {"metadata": {("subject", "nr-4711")}}))
    (image,) = plan.projects[0].rows["images"]
    workspace.tags[one] = replace(workspace.tags[one], name="eve")
    workspace.images[image] = replace(workspace.images[image], tags=workspace.images[image].tags)
    labels = {tag.tag_id for tag in workspace.images[image].tags}
    expected = [("images", [image], CHANGED, True)] if by_tag and one in labels else []
    assert left(erasing(plan)) == expected
    assert one in labels or not by_tag


def test_selected_tags_are_read_again(sim, planned, erasing):
    project = without_iterations(sim, images=2)
    workspace = sim.store.projects[project].workspace
    plan = planned(tags={"alice", "bob"})
    alice, bob = tag_id(sim, project, "alice"), tag_id(sim, project, "bob")
    workspace.tags[alice] = replace(workspace.tags[alice], name="eve")
    del workspace.tags[bob]
    found = [one for one in left(erasing(plan)) if one[0] == "tags"]
    assert found == [("tags", [bob], UNSEEN, True), ("tags", [alice], CHANGED, True)]


def test_tags_are_not_read_where_none_was_selected(sim, planned, erasing):
    project = without_iterations(sim, images=2)
    erasing(planned("images", image_ids=ids(sim, project, "images")))
    assert "GetTags" not in {call.operation for call in sim.calls}


def test_a_disputed_image_is_left(sim, planned, erasing):
    project = stock(sim)
    workspace = sim.store.projects[project].workspace
    today = next(
        one.id for one in workspace.images.values() if tag_id(sim, project, "alice") in {t.tag_id for t in one.tags}
    )
    workspace.images[today] = replace(workspace.images[today], tags=())
    plan = planned("images", tags={"alice"})
    assert plan.projects[0].disputed == [today]
    why = "only an iteration's copy of it was selected: name its id, or delete the iteration"
    assert ("images", [today], why, False) in left(erasing(plan))
    assert today in workspace.images


def test_without_a_selection_nothing_is_read_again(sim, planned, erasing):
    project = without_iterations(sim)
    plan = planned("images")
    relabel(sim, project, min(plan.projects[0].rows["images"]))
    assert left(erasing(plan)) == []
    assert "GetImagesByIds" not in {call.operation for call in sim.calls}


# --- trainings ---------------------------------------------------------------------------------------------------


def training(sim, project, status="Training"):
    """Put the last iteration of a project back into training; return it."""
    iteration = next(reversed(sim.store.projects[project].iterations.values()))
    iteration.status, iteration.trained_at = status, None
    return iteration


def finish(iteration):
    """Complete an iteration, whatever it is doing."""
    iteration.status = "Training"
    complete(iteration)


@pytest.mark.parametrize("status", ["Training", "Staging", "Exporting"])
def test_a_training_is_waited_for(sim, planned, erasing, status):
    project = stock(sim)
    iteration = training(sim, project, status)
    plan = planned("iterations")
    events = erasing(plan, Terms(), lambda: None, lambda: finish(iteration))
    assert erasing.deadline.rounds == [0, 1]
    assert left(events) == []
    assert {one for row, some in sent(events) if row == "iterations" for one in some} == set(
        plan.projects[0].rows["iterations"]
    )


def test_a_training_that_does_not_end_is_left(sim, planned, erasing):
    project = stock(sim)
    iteration = training(sim, project)
    events = erasing(planned("iterations"), Terms(), lambda: None)
    assert erasing.deadline.rounds == [0, 1]
    assert left(events) == [("iterations", [iteration.id], "in training: not deletable yet", True)]
    assert ("iterations", [iteration.id]) not in sent(events)


@pytest.mark.parametrize("rows", [("images",), ("iterations",)])
def test_a_training_of_others_is_not_waited_for(sim, planned, erasing, rows):
    project = stock(sim)
    plan = planned(*rows)
    other = freeze(sim.store.projects[project], NOT_THERE)
    other.status = "Training"
    erasing(plan)
    assert erasing.deadline.rounds == []


# --- what a deletion would take more than was shown ---------------------------------------------------------------


def only_there(sim, project, number=0):
    """Delete an image of the workspace, so that iterations alone hold it; return it."""
    image = sorted(sim.store.projects[project].workspace.images)[number]
    del sim.store.projects[project].workspace.images[image]
    return image


MORE = f"it now holds images that exist nowhere else{AGAIN}"


@pytest.mark.parametrize(
    ("terms", "again"), [(CONFIRMED, True), (SAVED, False), (Terms(from_file=True, confirmed=True), False)]
)
def test_iterations_that_would_take_more_are_left(sim, planned, erasing, terms, again):
    project = stock(sim)
    first, last = sim.store.projects[project].iterations.values()
    plan = planned("iterations")
    image = only_there(sim, project)
    del first.snapshot.images[image]
    events = erasing(plan, terms)
    assert left(events) == [("iterations", [last.id], MORE, again)]
    assert ("iterations", [first.id]) in sent(events)
    assert ("iterations", [last.id]) not in sent(events)


def test_what_is_sent_at_once_is_not_looked_at_again(sim, planned, erasing):
    project = stock(sim)
    plan = planned("iterations")
    only_there(sim, project)
    assert left(erasing(plan)) == []


def test_after_a_training_all_is_looked_at_again(sim, planned, erasing):
    project = stock(sim)
    iteration = training(sim, project)
    plan = planned("iterations")
    only_there(sim, project)
    events = erasing(plan, Terms(), lambda: complete(iteration))
    assert [one[2:] for one in left(events)] == [(MORE, True)]


def test_a_plan_that_names_every_image_takes_no_more(sim, planned, erasing):
    project = stock(sim)
    plan = planned("iterations", "images")
    only_there(sim, project)
    assert left(erasing(plan, CONFIRMED)) == []


def tagged(sim, project, name, count=1):
    """Tag some images of the workspace that have no tag; return them."""
    workspace = sim.store.projects[project].workspace
    some = [one for one in workspace.images.values() if not one.tags][:count]
    for one in some:
        workspace.images[one.id] = replace(one, tags=(ImageTag(tag_id(sim, project, name), one.created),))
    return [one.id for one in some]


BEAR = f"more images have it now{AGAIN}"


@pytest.mark.parametrize(("terms", "again"), [(CONFIRMED, True), (SAVED, False)])
def test_a_tag_that_more_images_have_is_left(sim, planned, erasing, terms, again):
    project = without_iterations(sim)
    plan = planned("tags")
    assert len(tagged(sim, project, "bob")) == 1
    bob = tag_id(sim, project, "bob")
    events = erasing(plan, terms)
    assert left(events) == [("tags", [bob], BEAR, again)]
    assert ("tags", [bob]) not in sent(events)
    assert ("tags", [tag_id_or_gone(plan, bob)]) in sent(events)


def tag_id_or_gone(plan, bob):
    """Return another tag of a plan."""
    return next(one for one in plan.projects[0].rows["tags"] if one != bob)


def test_a_tag_that_fewer_images_have_goes(sim, planned, erasing):
    project = without_iterations(sim)
    plan = planned("tags")
    workspace = sim.store.projects[project].workspace
    one = next(image for image in workspace.images.values() if image.tags)
    workspace.images[one.id] = replace(one, tags=(), metadata={"a": "b"})
    assert left(erasing(plan, CONFIRMED)) == []


@pytest.mark.parametrize(("regions", "kept"), [(1, False), (2, False), (3, True)])
def test_a_tag_with_more_regions_is_left(sim, planned, erasing, regions, kept):
    (project,) = sim.fill(images=1, image_bytes=1, regions=2, tags=1, iterations=0, predictions=0)
    plan = planned("tags")
    assert plan.projects[0].losing_regions == 2
    workspace = sim.store.projects[project].workspace
    (image,) = workspace.images.values()
    boxes = [replace(image.regions[0], id=f"{NOT_THERE[:-1]}{number}") for number in range(regions)]
    workspace.images[image.id] = replace(image, regions=tuple(boxes))
    (tag,) = workspace.tags
    assert left(erasing(plan, CONFIRMED)) == ([("tags", [tag], BEAR, True)] if kept else [])


def test_a_tag_of_an_image_that_did_not_change_goes(sim, planned, erasing):
    (project,) = sim.fill(images=2, image_bytes=1, regions=1, tags=2, iterations=0, predictions=0)
    plan = planned("tags")
    workspace = sim.store.projects[project].workspace
    first, second = workspace.images.values()
    more = replace(second.regions[0], id=NOT_THERE)
    workspace.images[second.id] = replace(second, regions=(*second.regions, more))
    assert left(erasing(plan, CONFIRMED)) == [("tags", [second.tags[0].tag_id], BEAR, True)]
    assert first.tags[0].tag_id not in workspace.tags


# --- tags -------------------------------------------------------------------------------------------------------

MAY_BEAR = "images that may have it are still there"
NEEDED = "what it selects is still there, and only this tag finds it"
BORNE = "images with it are not in the plan"


def test_a_projects_tags_stay_with_images_that_were_refused(sim, planned, erasing):
    project = without_iterations(sim)
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
    project = without_iterations(sim)
    sim.fault(Fault("DeleteImages", status=409, times=None))
    events = erasing(planned(tags={"alice"}))
    assert left(events) == [("tags", [tag_id(sim, project, "alice")], NEEDED, True)]
    assert "tags" not in {row for row, _ in sent(events)}


def test_a_selecting_tag_goes_when_its_images_are_gone(sim, planned, erasing):
    project = without_iterations(sim)
    alice = tag_id(sim, project, "alice")
    events = erasing(planned(tags={"alice"}))
    assert (left(events), sent(events)[-1]) == ([], ("tags", [alice]))


def test_a_selecting_tag_stays_on_other_images(sim, planned, erasing):
    project = without_iterations(sim)
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
    project = without_iterations(sim)
    tags = ids(sim, project, "tags")
    events = erasing(planned("tags"))
    assert left(events) == []
    assert {one for _, some in sent(events) for one in some} == tags
    assert "GetTaggedImageCount" not in {call.operation for call in sim.calls}


def test_tags_stay_while_images_of_the_plan_do(sim, planned, erasing):
    without_iterations(sim)
    sim.fault(Fault("DeleteImages", status=409, times=None))
    plan = planned("images", "tags")
    assert [(one[0], one[2]) for one in left(erasing(plan))] == [("tags", NEEDED)]


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


@pytest.mark.parametrize("status", [404, 500, 409])
def test_an_iteration_that_cannot_be_read_is_deleted(sim, planned, erasing, status):
    stock(sim)
    sim.fault(Fault("GetIteration", status=status, times=None))
    events = erasing(planned("iterations"), Terms(wait=60))
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
    project = without_iterations(sim)
    plan = planned()
    workspace = sim.store.projects[project].workspace
    new = replace(next(iter(workspace.tags.values())), id=NOT_THERE, name="new")
    workspace.tags[new.id] = new
    events = erasing(plan, terms)
    assert left(events) == [("projects", [project], "it holds 1 items that are not in the plan", again)]
    assert "projects" not in {row for row, _ in sent(events)}


def test_all_that_is_new_is_counted(sim, planned, erasing):
    project = without_iterations(sim)
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
    project = without_iterations(sim)
    plan = planned()
    image = min(plan.projects[0].rows["images"])
    relabel(sim, project, image)
    sim.fault(Fault("DeleteTag", times=1, edit=lambda answer: (holder.pop(image, None), answer)[1]))
    holder = sim.store.projects[project].workspace.images
    events = erasing(plan, SAVED)
    assert [one[0] for one in left(events)] == ["images"]
    assert project not in sim.store.projects


def test_a_project_that_goes_meanwhile_is_not_sent(sim, planned, erasing):
    project = without_iterations(sim, images=0, predictions=0)
    plan = planned()
    sim.fault(Fault("DeleteTag", edit=lambda answer: (sim.store.projects.pop(project, None), answer)[1]))
    events = erasing(plan)
    assert "projects" not in {row for row, _ in sent(events)}


def test_a_404_of_a_project_that_is_listed_is_an_error(sim, planned, erasing):
    without_iterations(sim, images=0, predictions=0)
    plan = planned()
    sim.fault(Fault("GetTags", status=404, times=None))
    with pytest.raises(ServiceError) as raised:
        erasing(plan)
    assert raised.value.status == 404
    assert "projects" not in {row for row, _ in sent(erasing.events)}


def test_a_listing_of_the_project_settles_first(sim, planned, erasing):
    project = without_iterations(sim)
    plan = planned()
    sim.fault(Fault("GetImageCount", body=b"99", times=None))
    events = erasing(plan, Terms(), sim.clear_faults)
    assert erasing.deadline.rounds == [0]
    assert sent(events)[-1] == ("projects", [project])


# --- calls that fail -----------------------------------------------------------------------------------------------


def test_a_batch_that_is_refused_is_sent_in_halves(sim, planned, erasing):
    without_iterations(sim, images=0, predictions=3)
    one, two, three = planned("predictions").projects[0].rows["predictions"]
    sim.fault(Fault("DeletePrediction", status=400, times=None, match=two))
    events = erasing(planned("predictions"))
    assert [some for _, some in sent(events)] == [[one, two, three], [one], [two, three], [two], [three]]
    assert [status for _, status in statuses(events)] == [400, 204, 400, 400, 204]


def test_a_refusal_that_concerns_all_ids_is_not_halved(sim, planned, erasing):
    without_iterations(sim, images=0, predictions=3)
    sim.fault(Fault("DeletePrediction", status=409, times=None))
    assert len(sent(erasing(planned("predictions")))) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_ends_the_run(sim, planned, erasing, status):
    without_iterations(sim)
    sim.fault(Fault("DeletePrediction", status=status, times=None))
    said = []
    with pytest.raises(NotAuthorised):
        erasing(planned("predictions", "tags"), Terms(say=said.append))
    assert [one.row for one in erasing.events] == ["predictions"] * 2
    assert erasing.events[-1].reason.startswith(f"the service answered {status}")
    assert said == []


def test_a_failure_is_recorded_and_said(sim, planned, erasing):
    without_iterations(sim)
    said = []
    body = {"code": "Conflict", "message": "alice"}
    sim.fault(Fault("DeletePrediction", status=409, body=body, headers={"apim-request-id": "mine"}))
    (_, answered) = erasing(planned("predictions"), Terms(say=said.append))
    assert (answered.status, answered.request_id, answered.reason) == (409, "mine", "the service answered 409 Conflict")
    assert answered.earlier_try is False
    assert len(said) == 1
    assert re.search("409", said[0])


def test_what_is_gone_is_not_said(sim, planned, erasing):
    without_iterations(sim)
    said = []
    sim.fault(Fault("DeletePrediction", status=404))
    (_, answered) = erasing(planned("predictions"), Terms(say=said.append))
    assert (answered.status, said) == (404, [])


def test_a_call_without_an_answer_may_have_deleted(sim, planned, erasing):
    without_iterations(sim, images=0, predictions=2)
    sim.fault(Fault("DeletePrediction", drop=True))
    sim.fault(Fault("DeletePrediction", status=404, times=None))
    events = erasing(planned("predictions"))
    tried = [(len(one.ids), one.status, one.earlier_try) for one in events if isinstance(one, Answered)]
    assert tried == [(2, 0, False), (1, 404, True), (1, 404, True)]
