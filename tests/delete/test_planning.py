"""How a plan is made from the service's listings: what is deleted, and what goes with it."""

from dataclasses import replace

import pytest

from custom_vision_simulator import Fault, Simulator
from cv_gdpr.delete.planning import make_plan
from cv_gdpr.errors import ServiceError, Unsteady
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Selection
from tests.delete.direct import service_of
from tests.delete.erasing import bearing, ids, stock, tag_id


@pytest.fixture(scope="module")
def running():
    """A service with two stocked projects that no test changes, their ids, and a client of it."""
    with Simulator() as sim, service_of(sim) as service:
        yield sim, stock(sim), stock(sim, "Strangers"), service


@pytest.fixture
def stocked(running):
    """The service and the ids of its projects; without the faults of a test when that is over."""
    sim, project, other, _ = running
    yield sim, project, other
    sim.clear_faults()


@pytest.fixture
def planned(running):
    """Return the plan of what is in scope, by project."""
    *_, service = running
    return lambda **scope: {one.id: one for one in make_plan(service, Scope(**scope)).projects}


def published(sim, project):
    return {one.id: one.publish_name for one in sim.store.projects[project].iterations.values() if one.publish_name}


@pytest.mark.parametrize("row", ["images", "tags", "predictions"])
def test_publications_stay_while_their_iterations_stay(stocked, planned, row):
    _, project, _ = stocked

    assert planned(rows=(row,))[project].published == {}


@pytest.mark.parametrize("rows", [("iterations",), ("performance",), ("projects",), ()])
def test_publications_go_with_their_iterations(stocked, planned, rows):
    sim, project, _ = stocked

    assert planned(rows=rows)[project].published == published(sim, project) != {}


@pytest.mark.parametrize(
    ("rows", "going"),
    [
        (("images",), {"images"}),
        (("performance",), {"iterations"}),
        (("tags", "predictions"), {"tags", "predictions"}),
        ((), {"images", "tags", "iterations", "predictions", "projects"}),
    ],
)
def test_a_plan_holds_all_ids_of_the_rows_in_scope(stocked, planned, rows, going):
    sim, project, other = stocked
    plans = planned(rows=rows)

    assert plans.keys() == {project, other}
    assert {row: set(held) for row, held in plans[project].rows.items()} == {
        row: ids(sim, project, row) for row in going
    }


@pytest.mark.parametrize(("rows", "whole"), [((), True), (("projects",), True), (("images",), False)])
def test_a_project_goes_only_where_its_row_is_in_scope(stocked, planned, rows, whole):
    _, project, _ = stocked

    assert planned(rows=rows)[project].whole == whole


def test_images_that_live_only_in_iterations_go_along(stocked, planned):
    sim, project, _ = stocked
    plan = planned(rows=("iterations",))[project]
    workspace = set(sim.store.projects[project].workspace.images)

    assert set(plan.along["images"]) == ids(sim, project, "images") - workspace
    assert plan.only_in_iterations == len(plan.along["images"]) == 1


def test_an_iterations_copy_of_a_tag_is_not_planned(planned, stocked):
    sim, project, _ = stocked
    (copy, *_) = sim.store.projects[project].iterations.values()
    extra = replace(next(iter(copy.snapshot.tags.values())), id="00000000-0000-4000-8000-00000000abcd", name="old")
    copy.snapshot.tags[extra.id] = extra
    try:
        assert extra.id not in planned(rows=("tags",))[project].rows["tags"]
    finally:
        del copy.snapshot.tags[extra.id]


def test_tags_that_go_show_the_images_that_lose_them(stocked, planned):
    sim, project, _ = stocked
    workspace = sim.store.projects[project].workspace
    losing = {one.id for one in workspace.images.values() if one.tags or one.regions}

    assert set(planned(rows=("tags",))[project].losing_tags) == losing


@pytest.mark.parametrize("row", ["images", None])
def test_a_tag_selects_what_bears_it(stocked, planned, row):
    sim, project, _ = stocked
    selection = Selection(tags=frozenset({"alice"}))
    plan = planned(rows=(row,) if row else (), selection=selection)[project]

    assert set(plan.rows["images"]) == bearing(sim, project, "alice")
    assert plan.rows.get("tags", {}).keys() == (set() if row else {tag_id(sim, project, "alice")})
    assert not plan.whole


def test_a_tag_that_only_an_iteration_has_is_known(sim):
    project = stock(sim)
    workspace = sim.store.projects[project].workspace
    wanted = bearing(sim, project, "alice")
    del workspace.tags[tag_id(sim, project, "alice")]
    for one in wanted & workspace.images.keys():
        workspace.images[one] = replace(workspace.images[one], tags=())

    with service_of(sim) as service:
        plan = make_plan(service, Scope(rows=("images",), selection=Selection(tags=frozenset({"alice"}))))

    assert plan.projects[0].rows["images"].keys() <= wanted
    assert plan.projects[0].total


def test_a_selected_image_that_is_otherwise_today_is_disputed(sim):
    project = stock(sim)
    workspace = sim.store.projects[project].workspace
    wanted = bearing(sim, project, "alice")
    today = min(wanted & workspace.images.keys())
    workspace.images[today] = replace(workspace.images[today], tags=())

    with service_of(sim) as service:
        plan = make_plan(service, Scope(rows=("images",), selection=Selection(tags=frozenset({"alice"}))))

    assert set(plan.projects[0].rows["images"]) == wanted
    assert plan.projects[0].disputed == [today]


LISTINGS = {
    "GetProjects",
    "GetIterations",
    "GetTags",
    "GetTaggedImages",
    "GetUntaggedImages",
    "GetImageCount",
    "GetExports",
    "QueryPredictions",
}
FAILURES = {"404": {"status": 404}, "500": {"status": 500}, "not JSON": {"body": b"<html>"}, "null": {"body": b"null"}}


@pytest.mark.parametrize("operation", sorted(LISTINGS))
@pytest.mark.parametrize("fault", FAILURES.values(), ids=FAILURES)
def test_no_plan_is_made_of_a_listing_that_fails(stocked, planned, operation, fault):
    sim, *_ = stocked
    sim.fault(Fault(operation, times=None, **fault))

    with pytest.raises(ServiceError):
        planned()


@pytest.mark.parametrize("count", [0, 7, 9, 99])
def test_no_plan_is_made_of_counts_that_disagree(stocked, planned, count):
    sim, *_ = stocked
    sim.fault(Fault("GetImageCount", body=str(count).encode(), times=None))

    with pytest.raises(Unsteady, match=f"counts {count}"):
        planned(rows=("images",))


def test_no_plan_is_made_of_an_id_that_is_not_a_uuid(stocked, planned):
    sim, *_ = stocked
    sim.fault(Fault("GetTaggedImages", body=[{"id": "../../projects"}], times=None))

    with pytest.raises(ServiceError, match="UUID"):
        planned(rows=("images",))
