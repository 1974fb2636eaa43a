"""A project that cannot be read costs that project alone: it is named, and the others are planned and deleted."""

import json

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.delete.planning import make_plan
from cv_gdpr.errors import NotAuthorised, ServiceError
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Selection, selection_of
from tests.delete.direct import service_of
from tests.delete.erasing import calls, ids, others_untouched, state, stock

REVOKED = {"code": "BadRequestCustomerManagedKeyRevoked", "message": "the key of Visitors was revoked"}
LISTINGS = ["GetIterations", "GetTags", "GetTaggedImages", "GetImageCount", "GetExports", "QueryPredictions"]
FAILURES = {
    "400": ({"status": 400, "body": REVOKED}, "the service answered 400 BadRequestCustomerManagedKeyRevoked"),
    "403": ({"status": 403, "body": b""}, "the service answered 403"),
    "404": ({"status": 404, "body": b""}, "the service answered 404"),
    "500": ({"status": 500, "body": b""}, "the service answered 500"),
    "a redirect": ({"status": 302}, "the service answered 302"),
    "dropped": ({"drop": True}, "{}: the answer broke off"),
    "not JSON": ({"body": "<html>"}, "the service answered 200 with a body that cannot be read"),
}


@pytest.fixture
def two(sim):
    """The ids of a project that cannot be read, and of another one."""
    return stock(sim), stock(sim, "Strangers")


def fail(sim, project, operations=("*",), **how):
    """Let the operations fail at one project."""
    for operation in operations:
        sim.fault(Fault(operation, times=None, match=f"projects/{project}/", **how))


def plan_of(sim, **scope):
    with service_of(sim) as service:
        return make_plan(service, Scope(**scope))


@pytest.mark.slow
@pytest.mark.parametrize("operation", LISTINGS)
def test_a_failed_listing_costs_its_project_alone(sim, operation):
    """One plan of a project for each failure, and of one that can be read."""
    *failing, other = (stock(sim) for _ in (*FAILURES, "none"))
    for project, (how, _) in zip(failing, FAILURES.values(), strict=True):
        fail(sim, project, [operation], **how)

    plan = plan_of(sim)

    assert [one.id for one in plan.projects] == [other]
    reasons = {one.project: one.reason for one in plan.failed}
    assert reasons.keys() == set(failing)
    for project, (_, reason) in zip(failing, FAILURES.values(), strict=True):
        assert reasons[project].startswith(reason.format(operation))


@pytest.mark.slow
@pytest.mark.parametrize(("failure", "again"), [("400", True), ("403", False), ("404", False), ("500", True)])
def test_the_others_are_deleted_and_this_one_is_named(sim, erase, two, failure, again):
    how, reason = FAILURES[failure]
    fail(sim, two[0], **how)
    before = state(sim)

    ran = erase("--all")

    assert ran.code == ran.json["exitCode"] == erase.evidence["exitCode"] == 3
    others_untouched(sim, before, {two[1]})
    named = [{"project": two[0], "reason": reason, "again": again}]
    assert ran.json["failed"] == erase.evidence["failed"] == erase.ledger[0]["failed"] == named
    assert ran.json["retryable"] is again
    assert f"project {two[0]} could not be read" in ran.err
    assert (
        f"Project {two[0]} could not be read, and was left out: {reason}" in erase.path.with_suffix(".html").read_text()
    )
    assert "Visitors" not in "".join(file.read_text() for file in erase.files)
    assert erase.verified() == 0
    sim.clear_faults()
    assert erase("--all").code == 0
    assert not sim.store.projects


def test_a_dry_run_names_it_and_saves_the_plan(sim, erase, two, tmp_path):
    fail(sim, two[0], **FAILURES["400"][0])

    shown = erase("--all", "--dry-run", "--save-plan", tmp_path / "plan.json", as_json=False)

    assert shown.code == 3
    assert f"could not be read, so nothing of it is deleted: project {two[0]}" in shown.out
    assert json.loads((tmp_path / "plan.json").read_text())["failed"][0]["project"] == two[0]
    sim.clear_faults()
    ran = erase("--plan", tmp_path / "plan.json")
    assert ran.code == 3
    assert ran.json["retryable"] is False
    assert set(sim.store.projects) == {two[0]}


def test_a_project_named_alone_is_an_error(sim, erase, two):
    fail(sim, two[0], **FAILURES["400"][0])

    ran = erase("--project", "Visitors")

    assert ran.code == 1
    assert "BadRequestCustomerManagedKeyRevoked" in ran.err
    assert "nothing was deleted" in ran.err
    assert calls(sim) == []


@pytest.mark.parametrize(
    ("first", "second", "kind"), [(403, 403, NotAuthorised), (403, 400, ServiceError), (400, 403, ServiceError)]
)
def test_where_no_project_can_be_read_nothing_is_planned(sim, two, first, second, kind):
    fail(sim, two[0], status=first)
    fail(sim, two[1], status=second)

    with pytest.raises(kind, match="none of the 2 projects could be read") as raised:
        plan_of(sim)

    assert raised.value.exit_code == (5 if first == second else 1)
    assert all(one in raised.value.message for one in two)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("how", [{"status": 401}, {"drop": True}])
def test_what_fails_everywhere_stops_the_plan(sim, how):
    sim.fault(Fault("*", times=None, after=1, **how))

    with pytest.raises(ServiceError) as raised:
        plan_of(sim)

    assert raised.value.exit_code == 5


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    "selection",
    [
        selection_of(["nobody"], [], []),
        selection_of([], [("subject", "nr-0000")], []),
        Selection(image_ids=frozenset({"00000000-0000-4000-8000-000000000000"})),
    ],
    ids=["tag", "metadata", "image id"],
)
def test_a_value_is_not_found_only_where_all_was_read(sim, two, selection):
    fail(sim, two[0], **FAILURES["400"][0])

    plan = plan_of(sim, selection=selection)

    assert plan.unmatched == []
    assert [one.project for one in plan.failed] == [two[0]]
    sim.clear_faults()
    assert [one.matched for one in plan.scope.selectors] == [None]
    again = plan_of(sim, selection=selection)
    assert [one.matched for one in again.scope.selectors] == [False]
    assert bool(again.unmatched) is bool(selection.image_ids)


def test_a_person_is_deleted_where_they_can_be_found(sim, erase, two):
    fail(sim, two[0], **FAILURES["404"][0])

    ran = erase("images", "--all", "--metadata", "subject=nr-4711")

    assert ran.code == 3
    assert set(erase.states("images").values()) == {"deleted"}
    assert {one["project"] for one in erase.evidence["items"]} == {two[1]}
    assert ran.json["failed"][0]["project"] == two[0]


def test_if_nothing_is_found_the_verdict_says_what_was_read(sim, erase, two):
    fail(sim, two[0], **FAILURES["404"][0])

    ran = erase("images", "--all", "--metadata", "subject=nr-0000")

    assert ran.code == 3
    assert "could not be read" in ran.json["verdict"]
    assert erase.verified() == 0
    assert ids(sim, two[1], "images")


def test_a_resumed_run_proves_what_the_earlier_one_planned(sim, erase, two):
    """The earlier run deleted the other project, and its second look was refused; this one is never read."""
    fail(sim, two[0], **FAILURES["400"][0])
    sim.fault(Fault("GetProject", status=401, times=None))
    assert erase("--all", evidence="e.json").code == 5
    assert two[1] not in sim.store.projects
    sim.clear_faults()
    fail(sim, two[0], **FAILURES["400"][0])

    sim.fault(Fault("GetProjects", status=401))
    refused = erase("--all", evidence="e.json")
    assert refused.code == 5
    assert "this run deleted nothing" in refused.err
    assert "nothing was deleted" not in refused.err
    ran = erase("--all", evidence="e.json")

    assert ran.code == 3, ran.err
    assert [one["project"] for one in erase.evidence["failed"]] == [two[0]]
    assert {one["project"] for one in erase.evidence["items"]} == {two[1]}
    assert erase.states("projects") == {two[1]: "deleted"}
    assert set(erase.states().values()) == {"deleted"}
    assert erase.verified() == 0
