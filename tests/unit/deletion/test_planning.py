"""How a plan is made: every field of it, and what a resumed or protected run changes."""

import hashlib
import re
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.records import Export
from cv_gdpr.delete.marks import mark
from cv_gdpr.delete.planning import current_marks, make_plan
from cv_gdpr.errors import NotAuthorised, ServiceError, UsageError
from cv_gdpr.evidence.records import TOOL, SelectorHash, Unread
from cv_gdpr.table.inventory import near_values, project_of
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Matches, Selection
from tests.delete.erasing import bearing, ids, predicted, stock, tag_id
from tests.unit.deletion.telling import NOT_THERE, small

ROWS = {"iterations", "images", "tags", "predictions", "projects"}


def marks(running, project, operation, *, names=False, **arguments):
    """Return id -> mark of what an operation lists."""
    return {one["id"]: mark(one, names=names) for one in running[1].call(operation, project, **arguments)}


# --- every field ------------------------------------------------------------------------------------------------


@pytest.fixture
def _in_another_zone(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_another_zone")
def test_the_plan_of_everything(sim, running, planned):
    project = stock(sim)
    holder = sim.store.projects[project]
    first, second = holder.iterations
    holder.iterations[first].exports.append(Export("ONNX", None, "Exporting"))
    before = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    plan = planned()
    assert not planned.operations & {"GetTag", "GetIteration", "GetProject"}  # no call for each item
    assert before <= plan.created <= f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert (plan.tool, plan.endpoint, plan.protected, plan.unmatched, plan.failed) == (TOOL, sim.endpoint, [], [], [])
    assert (plan.scope.projects, plan.scope.rows, plan.scope.not_searched) == ("all", "all that the API deletes", {})
    assert (plan.scope.selectors, plan.scope.salt) == ([], None)

    (made,) = plan.projects
    (entry,) = running[1].call("get_projects")
    (alone,) = ids(sim, project, "images") - set(holder.workspace.images)
    assert (made.id, made.name, made.whole, made.mark, made.copies_outside) == (
        project,
        "Visitors",
        True,
        mark(entry),
        {},
    )
    assert made.rows.keys() == ROWS
    assert made.rows["projects"] == {project: mark(entry)}
    assert made.rows["iterations"] == marks(running, project, "get_iterations")
    assert made.rows["tags"] == marks(running, project, "get_tags")
    tagged = marks(running, project, "get_tagged_images") | marks(running, project, "get_untagged_images")
    tagged[alone] = marks(running, project, "get_tagged_images", iteration_id=first)[alone]
    assert made.rows["images"] == tagged
    assert (made.along, made.losing_tags, made.losing_regions) == ({}, {}, 0)
    assert made.published == {first: "live-visitors"}
    assert made.places == {alone: first}
    assert made.held == {first: [alone], second: [alone]}
    assert (made.disputed, made.iterations_holding) == ([], [])
    assert (made.exported_models, made.models) == (2, [f"{first}/TensorFlow"])


def test_the_plan_of_a_person(sim, running, planned):
    project = stock(sim)
    holder = sim.store.projects[project]
    plan = planned(tags={"alice"}, projects=("Visitors",))
    (made,) = plan.projects
    images = bearing(sim, project, "alice")
    alice = tag_id(sim, project, "alice")
    named = {one["id"]: one for one in running[1].call("get_tagged_images", project, take=256)}
    assert made.rows["images"].keys() == images
    for one in images & named.keys():
        assert made.rows["images"][one] == mark(named[one], names=True) != mark(named[one])
    assert made.rows["tags"] == {alice: marks(running, project, "get_tags")[alice]}
    assert (made.whole, made.exported_models, made.models, made.published) == (False, 0, [], {})
    assert made.iterations_holding == sorted(holder.iterations)
    assert {place: set(held) for place, held in made.held.items()} == dict.fromkeys(holder.iterations, images)
    digest = hashlib.sha256(f"{plan.scope.salt}alice".encode()).hexdigest()
    assert plan.scope.selectors == [SelectorHash(selector="--tag", sha256=digest, matched=True)]
    assert re.fullmatch("[0-9a-f]{32}", plan.scope.salt)
    assert plan.scope.salt != planned(tags={"alice"}).scope.salt
    assert (plan.scope.projects, plan.scope.rows) == ("named", ["tags", "images"])
    assert plan.scope.not_searched.keys() >= {"iterations", "projects", "predictions"}
    assert made.predictions_not_searched == len(holder.predictions) > 0
    assert made.published_holding == {
        one.id: one.publish_name for one in holder.iterations.values() if one.publish_name
    }


def test_the_plan_of_named_rows(sim, running, planned):
    project = stock(sim)
    plan = planned("tags", "predictions")
    assert (plan.scope.rows, plan.scope.not_searched) == (["tags", "predictions"], {})
    (made,) = plan.projects
    assert made.rows["predictions"].keys() == ids(sim, project, "predictions")
    tagged = [one for one in running[1].call("get_tagged_images", project, take=256) if one.get("tags")]
    assert made.losing_tags == {one["id"]: mark(one) for one in tagged}
    assert (made.along, made.held, made.losing_regions) == ({}, {}, 0)
    planned_rows = planned("predictions", "tags").scope.rows
    assert planned_rows == ["predictions", "tags"]


def test_regions_that_go_with_tags_are_counted(sim, planned):
    sim.fill(images=2, image_bytes=1, regions=3, tags=1, iterations=0, predictions=0)
    assert planned("tags").projects[0].losing_regions == 6


def test_images_that_go_with_iterations(sim, planned):
    project = stock(sim)
    holder = sim.store.projects[project]
    (alone,) = ids(sim, project, "images") - set(holder.workspace.images)
    (made,) = planned("iterations").projects
    assert made.along.keys() == {"images"}
    assert made.along["images"].keys() == {alone}
    assert made.held == {one: [alone] for one in holder.iterations}
    assert (made.places, made.losing_tags) == ({}, {})
    assert made.exported_models == 1


def test_without_a_selection_no_iteration_is_named(sim, planned):
    stock(sim)
    (made,) = planned("images").projects
    assert (made.iterations_holding, made.disputed, made.exported_models) == ([], [], 0)


def test_containers_and_queues_are_named(sim, planned):
    project = small(sim)
    sim.store.projects[project].settings["notificationQueueUri"] = "https://q.example/a?sig=x"
    (made,) = planned("tags").projects
    assert made.copies_outside == {"notificationQueueUri": "https://q.example/a"}


def test_disputed_images_are_sorted(sim, planned):
    project = stock(sim)
    workspace = sim.store.projects[project].workspace
    wanted = sorted(bearing(sim, project, "alice") & workspace.images.keys())
    for one in wanted:
        workspace.images[one] = replace(workspace.images[one], tags=())
    assert planned("images", tags={"alice"}).projects[0].disputed == wanted
    assert len(wanted) > 1


# --- what is in scope -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "planned_rows"),
    [
        (("performance",), {"iterations"}),
        (("exports",), None),
        (("tags",), {"tags"}),
        (("projects",), ROWS),
        (("account",), None),
    ],
)
def test_rows_that_go_with_a_parent_plan_the_parent(sim, planned, rows, planned_rows):
    small(sim, images=1)
    plan = planned(*rows)
    assert [one.rows.keys() for one in plan.projects] == ([planned_rows] if planned_rows else [])


def test_protected_projects_are_not_planned(sim, planned):
    first, second, third = small(sim), small(sim, "Strangers"), small(sim, "Guests")
    plan = planned("tags", protect=("Visitors", "Guests"))
    assert ([one.id for one in plan.projects], plan.protected) == ([second], sorted([first, third]))
    plan = planned("tags", projects=("Guests", "Strangers"), protect=("Visitors",))
    assert ([one.id for one in plan.projects], plan.protected) == ([second, third], [first])


def test_a_protected_project_is_not_named(sim, planned):
    project = small(sim)
    small(sim, "Strangers")
    with pytest.raises(UsageError, match=f"^project {project} is protected$") as refused:
        planned(projects=("Strangers", "Visitors"), protect=("Visitors",))
    assert refused.value.hint == "--protect, or CV_GDPR_PROTECT, names it"
    with pytest.raises(UsageError, match="is not in this resource"):
        planned(protect=("Nobody",))


def test_selectors_are_not_taken_by_every_row(sim, planned):
    small(sim)
    with pytest.raises(UsageError, match="cannot narrow iterations"):
        planned("iterations", tags={"alice"})


# --- a resumed run ------------------------------------------------------------------------------------------------


def test_what_a_resumed_run_does_not_find_was_deleted(sim, planned):
    project = small(sim)
    plan = planned("tags", projects=("Visitors", "Gone"), resumed=True)
    assert ([one.id for one in plan.projects], plan.scope.projects) == ([project], "named")
    assert planned("tags", projects=("Gone",), resumed=True).projects == []
    assert [one.id for one in planned("tags", projects=(project.upper(),), resumed=True).projects] == [project]
    with pytest.raises(UsageError, match="Gone"):
        planned("tags", projects=("Visitors", "Gone"))


@pytest.mark.parametrize("resumed", [True, False])
@pytest.mark.parametrize(
    "selection",
    [{"tags": {"alicia"}}, {"metadata": {("subject", "nr-0000")}}, {"predicted_tags": {"alicia"}}],
    ids=["tag", "metadata", "predicted tag"],
)
def test_a_value_that_nothing_has_is_in_the_plan(sim, planned, selection, resumed):
    small(sim)
    row = "predictions" if "predicted_tags" in selection else "images"
    plan = planned(row, resumed=resumed, **selection)
    assert (plan.total, plan.unmatched) == (0, [])
    assert [one.matched for one in plan.scope.selectors] == [False]


def labelled(sim, project, *subjects):
    """Label images of the workspace."""
    images = sim.store.projects[project].workspace.images
    for one, subject in zip(list(images), subjects, strict=False):
        images[one] = replace(images[one], metadata={"subject": subject})


SIMILAR = {
    "near": ("alicia", ("alice", "bob"), ["alice"]),
    "far": ("zzzzzzzzzz", ("alice", "bob"), []),
    "a number": ("nr-4712", ("nr-4711", "bob"), []),
    "many": ("alica", ("alic", "alicb", "alicc", "alicd", "alicf", "alicg"), 5),
}


@pytest.mark.parametrize("name", SIMILAR)
def test_similar_metadata_is_suggested(sim, running, name):
    value, there, near = SIMILAR[name]
    labelled(sim, small(sim, images=6), *there)
    selection = Selection(metadata=frozenset({("subject", value)}))
    matches = Matches(selection)
    make_plan(running[1], Scope(rows=("images",), selection=selection), matches=matches)
    shown = near_values(matches)
    assert near in (shown, len(shown))


def test_only_ids_of_images_may_be_unmatched(sim, planned):
    project = small(sim)
    (image, *_) = ids(sim, project, "images")
    assert planned("images", image_ids={NOT_THERE, image}).unmatched == [f"--image-id {NOT_THERE}"]
    plan = planned("images", image_ids={NOT_THERE}, tags={"alice"})
    assert plan.unmatched == [f"--image-id {NOT_THERE}"]
    assert [one.matched for one in plan.scope.selectors] == [False, False]


# --- failures ---------------------------------------------------------------------------------------------------


def fail(sim, project, **how):
    sim.fault(Fault("*", times=None, match=f"projects/{project}/", **how))


def test_a_project_that_cannot_be_read_is_named(sim, planned):
    first, second, third = small(sim), small(sim, "Strangers"), small(sim, "Guests")
    fail(sim, first, status=404)
    fail(sim, second, status=500, body={"code": "Oops", "message": "x"})
    plan = planned("images", image_ids={NOT_THERE}, metadata={("a", "b")})
    assert [one.id for one in plan.projects] == [third]
    assert plan.failed == [
        Unread(project=first, reason="the service answered 404 ErrorUnknown", again=False),
        Unread(project=second, reason="the service answered 500 Oops", again=True),
    ]
    assert plan.unmatched == []


def test_the_only_project_that_cannot_be_read_is_an_error(sim, planned):
    fail(sim, small(sim), status=500)
    with pytest.raises(ServiceError) as raised:
        planned("tags")
    assert "none of the" not in raised.value.message


@pytest.mark.parametrize(("first", "second", "status"), [(403, 500, 500), (500, 403, 500), (403, 403, 403)])
def test_where_none_can_be_read_one_error_names_all(sim, planned, first, second, status):
    projects = small(sim), small(sim, "Strangers")
    for project, answered in zip(projects, (first, second), strict=True):
        fail(sim, project, status=answered)
    with pytest.raises(ServiceError) as raised:
        planned("tags")
    assert raised.value.status == status
    assert isinstance(raised.value, NotAuthorised) is (status == 403)
    assert raised.value.message.startswith("Get")
    assert raised.value.message.endswith(f"; none of the 2 projects could be read: {', '.join(projects)}")


def test_what_fails_everywhere_ends_the_planning(sim, planned):
    projects = small(sim), small(sim, "Strangers")
    fail(sim, projects[1], status=401)
    with pytest.raises(NotAuthorised):
        planned("tags")


# --- the marks again ------------------------------------------------------------------------------------------------


def again(running, made, *, names=False):
    return current_marks(project_of(running[1], made.id), made, names=names)


def test_what_did_not_change_has_the_same_marks(sim, running, planned):
    stock(sim)
    (made,) = planned().projects
    now = again(running, made)
    assert now.keys() == ROWS
    assert {row: now[row] for row in ROWS - {"projects"}} == {row: made.rows[row] for row in ROWS - {"projects"}}


def test_only_planned_rows_are_read_again(sim, running, planned):
    stock(sim)
    (made,) = planned("tags", "predictions").projects
    sim.calls.clear()
    assert again(running, made) == made.rows
    assert not {call.operation for call in sim.calls} & {"GetTaggedImages", "GetUntaggedImages", "GetExports"}


def test_names_of_tags_count_in_the_marks_if_asked(sim, running, planned):
    project = small(sim)
    (made,) = planned("images", tags={"alice"}).projects
    (image,) = bearing(sim, project, "alice")
    assert again(running, made, names=True)["images"][image] == made.rows["images"][image]
    assert again(running, made)["images"][image] != made.rows["images"][image]


def test_names_of_tags_count_in_predictions(sim, running, planned):
    project = stock(sim)
    holder = sim.store.projects[project]
    alice = holder.workspace.tags[tag_id(sim, project, "alice")]
    first = next(iter(holder.predictions.values()))
    best, *others = first.guesses
    holder.predictions[first.id] = replace(first, guesses=(replace(best, tag=alice), *others))
    (made,) = planned(predicted_tags={"alice"}).projects
    predictions = predicted(sim, project, "alice")
    assert made.rows["predictions"].keys() == predictions != set()
    named, unnamed = (again(running, made, names=names)["predictions"] for names in (True, False))
    for one in predictions:
        assert made.rows["predictions"][one] == named[one] != unnamed[one]


def test_an_unpublished_iteration_did_not_change(sim, running, planned):
    project = stock(sim)
    first, second = sim.store.projects[project].iterations.values()
    (made,) = planned("iterations").projects
    first.publish_name = None
    assert again(running, made)["iterations"] == made.rows["iterations"]
    first.publish_name = "other"
    assert again(running, made)["iterations"][first.id] != made.rows["iterations"][first.id]
    second.publish_name = "new"
    assert again(running, made)["iterations"][second.id] != made.rows["iterations"][second.id]


def test_the_first_place_of_an_image_counts_again(sim, running, planned):
    project = stock(sim)
    holder = sim.store.projects[project]
    (made,) = planned("images").projects
    image = min(holder.workspace.images)
    for one in holder.iterations.values():
        one.snapshot.images[image] = replace(one.snapshot.images[image], metadata={"other": "there"})
    assert again(running, made)["images"] == made.rows["images"]


def test_an_iterations_copy_of_a_tag_does_not_count(sim, running, planned):
    project = stock(sim)
    (made,) = planned("tags").projects
    (first, _) = sim.store.projects[project].iterations.values()
    extra = replace(next(iter(first.snapshot.tags.values())), id=NOT_THERE, name="old")
    first.snapshot.tags[extra.id] = extra
    assert again(running, made)["tags"] == made.rows["tags"]
    assert planned("tags").projects[0].rows["tags"] == made.rows["tags"]
