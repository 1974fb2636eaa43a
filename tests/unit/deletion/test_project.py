"""The deletions of one project: what is sent, in which order, and what is left for which reason."""

from dataclasses import replace

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.iterations import complete, freeze
from custom_vision_simulator.records import ImageTag
from cv_gdpr.delete.project import Why
from cv_gdpr.delete.run import Terms
from cv_gdpr.evidence.events import Answered, Calling, Left, Vanished
from tests.delete.erasing import ids, stock, tag_id
from tests.unit.deletion.telling import (
    AGAIN,
    CONFIRMED,
    NOT_THERE,
    SAVED,
    left,
    relabel,
    sent,
    small,
    statuses,
    training,
)

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
    small(sim, images=1)
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
    project = small(sim)
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
    project = small(sim)
    plans = planned("images", tags={"alice"}), planned("images")
    workspace = sim.store.projects[project].workspace
    one = tag_id(sim, project, "alice")
    workspace.tags[one] = replace(workspace.tags[one], name="eve")
    (image,) = plans[0].projects[0].rows["images"]
    assert left(erasing(plans[0], SAVED)) == [("images", [image], f"it changed after it was planned{AGAIN}", False)]


def test_names_of_tags_count_for_no_other_plan(sim, planned, erasing):
    project = small(sim)
    plan = planned("images")
    workspace = sim.store.projects[project].workspace
    one = tag_id(sim, project, "alice")
    workspace.tags[one] = replace(workspace.tags[one], name="eve")
    assert left(erasing(plan, SAVED)) == []


# --- a selection --------------------------------------------------------------------------------------------------

CHANGED = "it changed after it was planned; run the command again"
UNSEEN = "the service did not return it again before its deletion"


def test_selected_images_are_read_again(sim, planned, erasing):
    project = small(sim, images=5)
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
    project = small(sim)
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
    project = small(sim, images=2)
    workspace = sim.store.projects[project].workspace
    plan = planned(tags={"alice", "bob"})
    alice, bob = tag_id(sim, project, "alice"), tag_id(sim, project, "bob")
    workspace.tags[alice] = replace(workspace.tags[alice], name="eve")
    del workspace.tags[bob]
    found = [one for one in left(erasing(plan)) if one[0] == "tags"]
    assert found == [("tags", [bob], UNSEEN, True), ("tags", [alice], CHANGED, True)]


def test_tags_are_not_read_where_none_was_selected(sim, planned, erasing):
    project = small(sim, images=2)
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
    project = small(sim)
    plan = planned("images")
    relabel(sim, project, min(plan.projects[0].rows["images"]))
    assert left(erasing(plan)) == []
    assert "GetImagesByIds" not in {call.operation for call in sim.calls}


# --- trainings ---------------------------------------------------------------------------------------------------


def finish(iteration):
    """Complete an iteration, whatever it is doing."""
    iteration.status = "Training"
    complete(iteration)


@pytest.mark.parametrize("status", ["Training", "Staging", "Exporting"])
def test_a_training_is_waited_for(sim, planned, erasing, status):
    project = stock(sim)
    iteration = training(sim, project, status)
    plan = planned("iterations")
    events = erasing(plan, Terms(), lambda: None, lambda: None, lambda: finish(iteration))
    assert erasing.deadline.rounds == [0, 1, 2]
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


def test_after_a_training_that_does_not_end_too(sim, planned, erasing):
    project = stock(sim)
    busy = training(sim, project)
    plan = planned("iterations")
    (first, *_) = plan.projects[0].rows["iterations"].keys() - {busy.id}
    del busy.snapshot.images[only_there(sim, project)]
    assert [one[1:3] for one in left(erasing(plan))][1:] == [([first], MORE)]


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
    project = small(sim)
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
    project = small(sim)
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
