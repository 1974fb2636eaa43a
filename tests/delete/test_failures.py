"""A failing service: refused, lost or repeated calls never hide a remaining item, and never delete one too many."""

import json
from dataclasses import replace

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.answers import Answer
from cv_gdpr.delete import planning
from cv_gdpr.delete.project import ProjectErasure
from tests.delete.erasing import OPERATIONS, SECRETS, calls, ids, meanwhile, others_untouched, state, stock

pytestmark = pytest.mark.slow

ROWS = ["predictions", "iterations", "images", "tags"]


@pytest.mark.parametrize("row", ROWS)
def test_gone_already_is_not_a_failure(sim, erase, row):
    stock(sim)
    sim.fault(Fault(OPERATIONS[row], status=404, times=None, done=True, body={"code": "NotFoundIt", "message": "gone"}))

    ran = erase(row, "--all")

    assert ran.code == 0, ran.err
    assert set(erase.states(row).values()) == {"gone already"}


def test_a_project_gone_already_is_not_a_failure(sim, erase):
    stock(sim)
    sim.fault(Fault("DeleteProject", status=404, done=True, body={"code": "NotFoundProject", "message": "gone"}))

    assert erase("--all").code == 0
    assert set(erase.states("projects").values()) == {"gone already"}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("status", [500, 400])
def test_a_failed_item_does_not_stop_the_rest(sim, erase, row, status):
    mine, other = stock(sim), stock(sim, "Strangers")
    before = state(sim)
    failing = min(ids(sim, mine, row))
    sim.fault(Fault(OPERATIONS[row], status=status, times=None, match=failing))

    ran = erase(row, "--all")

    assert ran.code == 3
    batch = ids(sim, mine, row)  # a 500 fails the whole call
    assert failing in batch
    assert batch == ({failing} if status == 400 or row in {"iterations", "tags"} else ids_before(before, mine, row))
    others_untouched(sim, before, (ids_before(before, mine, row) | ids_before(before, other, row)) - batch, batch)
    assert {one for one, end in erase.states(row).items() if end != "deleted"} == batch
    assert {one["state"] for one in erase.evidence["items"] if one["id"] in batch} == {"failed"}
    assert all(f"{row} {one}" in ran.err for one in batch)
    assert str(status) in ran.err
    assert erase.verified() == 0
    sim.clear_faults()
    assert erase(row, "--all").code == 0
    assert not ids(sim, mine, row)


def ids_before(before, project, row):
    """Return the ids of a project's row in an earlier state."""
    return {key[3] for key in before if key[0] == project and key[2] == row}


def test_a_project_that_stays_does_not_block_the_others(sim, erase):
    mine, other = stock(sim), stock(sim, "Strangers")
    sim.fault(Fault("DeleteProject", status=500, times=None, match=mine))

    ran = erase("--all")

    assert ran.code == 3
    assert set(sim.store.projects) == {mine}
    assert erase.states("projects") == {mine: "failed", other: "deleted"}


def test_a_failed_item_deleted_with_its_project_is_gone(sim, erase):
    stock(sim)
    sim.fault(Fault("DeleteTag", status=500, times=None))

    assert erase("--all").code == 0
    assert set(erase.states("tags").values()) == {"deleted"}


def test_a_still_published_iteration_keeps_its_project(sim, erase):
    project = stock(sim)
    sim.fault(Fault("UnpublishIteration", status=400, times=None, body={"code": "BadRequestUnpublishFailed"}))

    ran = erase("--all")

    assert ran.code == 3
    assert len(ids(sim, project, "iterations")) == 1
    assert erase.states("projects")[project] == "failed"
    assert "BadRequestIterationIsPublished" in ran.err


@pytest.mark.parametrize(("status", "row"), [(401, None), *((403, row) for row in (None, *ROWS))])
def test_a_key_without_delete_rights_ends_with_evidence(sim, erase, status, row):
    stock(sim), stock(sim, "Strangers")
    for operation in OPERATIONS.values():
        sim.fault(Fault(operation, status=status, times=None, body={"error": {"code": str(status), "message": "no"}}))
    before = state(sim)

    ran = erase(*([row] if row else []), "--all")

    assert ran.code == 5
    others_untouched(sim, before, set())
    assert len(calls(sim)) == (1 if status == 401 else 2)  # a 403 may be of one project alone
    assert set(erase.states().values()) == {"failed"}
    assert ran.json["exitCode"] == erase.evidence["exitCode"] == 5
    assert str(status) in ran.err
    assert erase.verified() == 0


def test_a_refusal_at_one_project_costs_that_project(sim, erase):
    locked, other = stock(sim), stock(sim, "Strangers")
    before = state(sim)
    body = {"error": {"code": "AuthorizationFailed", "message": "x"}}
    for operation in OPERATIONS.values():
        sim.fault(Fault(operation, status=403, times=None, match=locked, body=body))

    ran = erase("--all")

    assert ran.code == 3
    others_untouched(sim, before, {key[3] for key in before if key[0] == other} | {other})
    assert other not in sim.store.projects
    assert set(erase.states().values()) == {"deleted", "failed"}
    assert f"project {locked}: " in ran.err
    assert "403" in ran.err
    assert erase.verified() == 0


def test_a_right_that_ends_midway_leaves_proof(sim, erase):
    project = stock(sim)
    before = state(sim)
    gone = ids(sim, project, "predictions") | ids(sim, project, "iterations")
    gone |= ids(sim, project, "images") - set(sim.store.projects[project].workspace.images)  # with their iterations
    sim.fault(Fault("DeleteImages", status=403, times=None))

    ran = erase("--all")

    assert ran.code == 3
    others_untouched(sim, before, gone)
    assert {one for one, end in erase.states().items() if end == "deleted"} == gone


def test_a_key_revoked_for_reading_proves_nothing(sim, erase):
    stock(sim)
    sim.fault(Fault("GetProject", status=401, times=None))

    ran = erase("--all")

    assert ran.code == 5
    assert set(erase.states().values()) == {"not verified"}


STUMBLES = [
    {"status": 429, "body": {"error": {"code": "429", "message": "Too fast"}}},
    {"status": 500, "done": True},
    {"drop": True, "done": True},
    {"status": 200, "body": b"", "done": True},
    {"status": 200, "body": {"done": True}, "done": True},
    {"status": 202, "body": b"", "done": True},
]


@pytest.mark.parametrize(
    ("operation", "fault"),
    [("DeleteImages", fault) for fault in STUMBLES]
    + [("DeleteProject", fault) for fault in STUMBLES[4:]]
    + [(operation, STUMBLES[2]) for operation in OPERATIONS.values() if operation != "DeleteImages"],
)
def test_passing_faults_are_retried_until_all_is_gone(sim, erase, operation, fault):
    mine, _ = stock(sim, images=4), stock(sim, "Strangers", images=3, iterations=1)
    before = state(sim)
    sim.fault(Fault(operation, **fault))

    ran = erase("--project", "Visitors", patience="4", wait="3")

    assert ran.code == 0, ran.err
    others_untouched(sim, before, {mine})
    assert set(erase.states().values()) <= {"deleted", "gone already"}
    assert erase.verified() == 0


def test_the_same_deletion_may_arrive_twice(sim, erase):
    project = stock(sim)
    sim.fault(Fault("DeleteIteration", drop=True, done=True))
    first = next(iter(ids(sim, project, "iterations")))

    assert erase("iterations", "--all", patience="4").code == 0

    sent = [call.path for call in calls(sim, "DeleteIteration")]
    assert len(sent) == 3
    assert len(set(sent)) == 2
    assert first in "".join(sent)


def test_an_unreachable_service_ends_with_evidence(sim, erase):
    stock(sim)
    sim.fault(Fault("*", drop=True, times=None, after=len(planning_calls(sim, erase)) + 3))

    ran = erase("--all")

    assert ran.code == 5
    assert set(erase.states().values()) == {"not verified"}
    assert erase.verified() == 0


LOST = {
    "dropped": {"drop": True},
    "a redirect": {"status": 302},
    "a role": {"status": 401, "body": {"error": {"code": "PermissionDenied", "message": "Principal does not have"}}},
}


@pytest.mark.parametrize("how", LOST.values(), ids=LOST)
@pytest.mark.parametrize("operation", ["GetTaggedImages", "DeleteProject", "GetProject"])
def test_a_call_without_an_answer_costs_its_project(sim, erase, operation, how):
    """While it is planned, deleted, and looked for again."""
    mine, other = stock(sim), stock(sim, "Strangers")
    sim.fault(Fault(operation, times=None, match=mine, **how))

    ran = erase("--all")

    assert ran.code == 3, ran.err
    assert other not in sim.store.projects
    assert "could not be reached" not in ran.err
    assert erase.verified() == 0


def test_one_tag_whose_deletion_breaks_off_costs_itself(sim, erase):
    project = stock(sim)
    failing = min(ids(sim, project, "tags"))
    sim.fault(Fault("DeleteTag", times=None, match=failing, drop=True))

    ran = erase("tags", "--all")

    assert ran.code == 3, ran.err
    assert ids(sim, project, "tags") == {failing}
    assert erase.verified() == 0


def test_a_status_of_another_type_does_not_stop_the_erasure(sim, erase):
    stock(sim), stock(sim, "Strangers")

    def odd(answer):
        records = [record | {"status": {}} for record in json.loads(answer.body)]
        return Answer(answer.status, json.dumps(records).encode(), answer.content_type, answer.headers)

    sim.fault(Fault("GetIterations", times=None, edit=odd))
    assert erase("--all").code == 0
    assert not sim.store.projects


def test_a_bug_at_one_project_costs_that_project(sim, erase, monkeypatch):
    mine, other = stock(sim), stock(sim, "Strangers")
    usual = ProjectErasure._wait_for_training

    def broken(erasure):
        if erasure.plan.id == mine:
            raise TypeError("a bug that quotes Visitors")
        return usual(erasure)

    monkeypatch.setattr(ProjectErasure, "_wait_for_training", broken)

    ran = erase("--all")

    assert ran.code == ran.json["exitCode"] == erase.evidence["exitCode"] == 1
    assert set(sim.store.projects) == {mine}
    assert set(erase.states("projects").values()) == {"failed", "deleted"}, other
    assert "unexpected TypeError" in ran.err
    assert "Visitors" not in "".join(file.read_text() for file in erase.files)
    assert erase.verified() == 0


def test_a_bug_while_one_project_is_planned_costs_it(sim, erase, monkeypatch):
    mine, other = stock(sim), stock(sim, "Strangers")
    usual = planning._plan_project

    def broken(project, *arguments):
        if project.id == mine:
            raise TypeError("a bug that quotes Visitors")
        return usual(project, *arguments)

    monkeypatch.setattr(planning, "_plan_project", broken)

    ran = erase("--all")

    assert ran.code == 3
    assert (set(sim.store.projects), other in sim.store.projects) == ({mine}, False)
    assert [one["reason"] for one in ran.json["failed"]] == ["unexpected TypeError"]


def planning_calls(sim, erase):
    """Return the number of calls in a dry run."""
    sim.calls.clear()
    assert erase("--all", "--dry-run").code == 0
    return list(sim.calls)


@pytest.mark.parametrize("row", [*ROWS, "projects"])
def test_what_stays_despite_a_success_answer_is_residue(sim, erase, row):
    mine, other = stock(sim), stock(sim, "Strangers")
    before = state(sim)
    sim.fault(Fault(OPERATIONS[row], times=None, lie=True, match=mine))
    kept = ids(sim, mine, row)
    gone = ids(sim, other, row)

    ran = erase(row, "--all")

    assert ran.code == 4
    assert ran.json["exitCode"] == 4
    assert {one["id"] for one in ran.json["residue"] if one["row"] == row} == kept
    assert all(f"{row} {one}" in ran.err for one in kept)
    if row == "projects":
        assert set(sim.store.projects) == {mine}
    else:
        others_untouched(sim, before, gone, kept)
    assert erase.verified() == 0


@pytest.mark.parametrize("fault", [{"status": 500}, {"body": b"null"}])
def test_without_a_complete_listing_nothing_is_deleted(sim, erase, fault):
    """Which listings count, and which failures, tests/delete/test_planning.py says."""
    stock(sim), stock(sim, "Strangers")
    sim.fault(Fault("GetTaggedImages", times=None, **fault))
    before = state(sim)

    ran = erase("--all")

    assert ran.code in {1, 5}
    assert calls(sim) == []
    others_untouched(sim, before, set())
    assert ran.json["exitCode"] == ran.code


def test_a_count_unlike_its_listing_prevents_the_deletion(sim, erase):
    stock(sim)
    sim.fault(Fault("GetImageCount", body=b"7", times=None, content_type="application/json"))

    ran = erase("--all")

    assert ran.code == 1
    assert "counts" in ran.err
    assert calls(sim) == []


def test_a_project_that_cannot_be_read_is_not_proved_gone(sim, erase):
    stock(sim)
    sim.fault(Fault("GetProject", times=None, status=500))

    ran = erase("--all")

    assert ran.code == 3
    assert set(erase.states().values()) == {"not verified"}
    assert all(one["reason"] for one in erase.evidence["items"])


def test_a_gateway_with_404_for_everything_proves_nothing(sim, erase):
    stock(sim)
    answer = {"error": {"code": "404", "message": "Resource not found"}}
    sim.fault(Fault("*", status=404, times=None, body=answer, after=len(planning_calls(sim, erase))))
    before = state(sim)

    ran = erase("--all")

    assert ran.code != 0
    assert set(erase.states().values()) == {"not verified"}
    others_untouched(sim, before, set())


@pytest.mark.parametrize(
    ("row", "operation"),
    [
        ("images", "GetTaggedImages"),
        ("tags", "GetTags"),
        ("predictions", "QueryPredictions"),
        ("iterations", "GetIterations"),
    ],
)
def test_a_listing_that_fails_in_the_proof_proves_nothing(sim, erase, row, operation):
    stock(sim)
    planned = len([call for call in planning_calls(sim, erase) if call.operation == operation])
    sim.calls.clear()
    assert erase(row, "--all", "--dry-run").code == 0
    planned = len([call for call in sim.calls if call.operation == operation])
    before_deleting = planned + (operation == "GetIterations")
    sim.fault(Fault(operation, status=500, times=None, after=before_deleting))

    ran = erase(row, "--all")

    assert ran.code == 3
    assert calls(sim, OPERATIONS[row])
    assert set(erase.states(row).values()) == {"not verified"}


@pytest.mark.parametrize("secret", SECRETS[:3])
def test_error_texts_are_printed_but_not_in_the_evidence(sim, erase, secret):
    stock(sim)
    message = f"the tag {secret} of https://x.blob.core.windows.net/i?sig=SIGNATURE, \ud800 and \x1b[2J"
    sim.fault(Fault("DeleteTag", status=400, times=None, body={"code": "BadRequestTag", "message": message}))

    ran = erase("tags", "--all")

    assert ran.code == 3
    assert secret in ran.err
    assert "\x1b" not in ran.out + ran.err
    assert "BadRequestTag" in ran.err
    for file in erase.files[:3]:  # all but the list of hashes
        text = file.read_text()
        assert secret not in text
        assert "SIGNATURE" not in text + ran.err
        assert "BadRequestTag" in text


@pytest.mark.parametrize("operation", ["DeletePrediction", "DeleteIteration", "DeleteImages", "DeleteTag"])
def test_items_added_meanwhile_stay_with_their_project(sim, erase, operation):
    project = stock(sim)
    images = sim.store.projects[project].workspace.images
    new = replace(next(iter(images.values())), id="f" * 8 + "-0000-4000-8000-" + "f" * 12, tags=())

    with meanwhile(sim, operation, lambda: images.update({new.id: new})):
        ran = erase("--all")

    assert ran.code == 3
    assert images == {new.id: new}
    assert erase.states("projects") == {project: "left"}
    assert calls(sim, "DeleteProject") == []


def test_a_read_only_project_does_not_block_the_others(sim, erase):
    mine, other = stock(sim), stock(sim, "Strangers")
    sim.store.projects[mine].dr_mode = True
    before = state(sim)

    ran = erase("--all")

    assert ran.code == 3
    others_untouched(sim, before, {other})
    assert erase.states("projects") == {mine: "failed", other: "deleted"}
    assert "ForbiddenDRModeEnabled" in ran.err
