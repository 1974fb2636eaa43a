"""A project that refuses everything (403) beside one that fails, and the lines that a person reads at the end."""

import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import OPERATIONS, calls, stock


def fail(sim, project, *operations, **how):
    """Let operations fail at one project; all that delete, if none is named."""
    for operation in operations or OPERATIONS.values():
        sim.fault(Fault(operation, times=None, match=project, **how))


def assert_one_error(ran):
    lines = ran.err.splitlines()
    assert sum(line.startswith("Error: ") for line in lines) == 1, ran.err
    assert sum(line.startswith("Hint: ") for line in lines) <= 1, ran.err
    after = lines[next(n for n, line in enumerate(lines) if line.startswith("Error: ")) + 1 :]
    assert all(line.startswith("Hint: ") for line in after), ran.err


@pytest.mark.slow
def test_a_failure_elsewhere_is_not_a_refusal(sim, erase):
    failing, refusing = stock(sim), stock(sim, "Strangers")
    fail(sim, failing, status=500)
    fail(sim, refusing, status=403)

    ran = erase("--all", patience="0", wait="0.1")

    assert (ran.code, ran.json["retryable"]) == (3, True)
    refused = [one for one in erase.evidence["items"] if one["project"] == refusing]
    assert {one["state"] for one in refused} == {"failed"}
    assert [one for one in refused if "403" not in one["reason"]] == []
    assert_one_error(ran)
    assert erase.verified() == 0


@pytest.mark.slow
def test_where_everything_is_refused_nothing_can_be_retried(sim, erase):
    for project in (stock(sim), stock(sim, "Strangers")):
        fail(sim, project, status=403)

    ran = erase("--all", wait="0.1")

    assert (ran.code, ran.json["retryable"]) == (5, False)
    assert_one_error(ran)


def test_tags_that_went_with_a_project_count_as_deleted(sim, erase):
    """The calls were carried out, but answered 500: nobody knows until they are looked for."""
    stock(sim)
    for operation in ("DeleteImages", "DeleteProject"):
        sim.fault(Fault(operation, times=None, status=500, done=True))

    ran = erase("--all", patience="0", wait="0.1")

    assert ran.code == 0
    assert calls(sim, "DeleteTag") == []
    assert set(erase.states().values()) == {"deleted"}
    assert erase.verified() == 0


def test_where_the_project_stays_nothing_went_with_it(sim, erase):
    """A prediction that vanished by itself is not counted as deleted with a project that is still there."""
    project = stock(sim)
    sim.fault(Fault("DeleteProject", times=None, status=500))
    sim.fault(Fault("DeletePrediction", times=None, status=404))
    sim.store.projects[project].predictions.clear()
    assert erase("--all", patience="0", wait="0.1").code == 3
    assert "deleted" not in erase.states("predictions").values()


@pytest.mark.parametrize("words", [("--all",), ("images", "--all", "--image-id", "0" * 32)])
def test_one_line_of_error_and_one_hint(sim, erase, words):
    projects = [stock(sim), stock(sim, "Strangers"), stock(sim, "Third")]
    for project in projects[:2]:
        fail(sim, project, "GetTags", "GetTaggedImages", status=400, body={"code": "Bad", "message": "x"})
    fail(sim, projects[2], "DeleteTag", status=400, body={"code": "Bad", "message": "x"})

    ran = erase(*words, as_json=False, patience="0", wait="0.1")

    assert ran.code == 3
    assert_one_error(ran)
    assert all(f"Failed: project {one} could not be read" in ran.err for one in projects[:2])
