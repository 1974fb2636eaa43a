"""Deletion by row and without a row: exactly the rows asked for are deleted, and the others are named."""

import pytest

from tests.delete.erasing import OPERATIONS, calls, ids, others_untouched, state, stock

OUTSIDE = ("account", "exports")


@pytest.mark.slow
@pytest.mark.parametrize("row", ["iterations", "performance", "tags", "images", "predictions", "projects"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_row_deletes_its_items_and_nothing_else(sim, erase, row, everywhere):
    mine, other = stock(sim), stock(sim, "Strangers")
    kind = "iterations" if row == "performance" else row
    wanted = ids(sim, mine, kind) | (ids(sim, other, kind) if everywhere else set())
    before = state(sim)

    ran = erase(row, *(["--all"] if everywhere else ["--project", "Visitors"]))

    assert ran.code == 0, ran.err
    others_untouched(sim, before, wanted)
    assert {one["id"] for one in erase.evidence["items"] if one["row"] == kind} == wanted
    assert set(erase.states().values()) == {"deleted"}
    assert erase.verified() == 0


@pytest.mark.parametrize("scope", [["--all"], ["--project", "Visitors", "--project", "Strangers"]])
def test_without_a_row_everything_goes(sim, erase, scope):
    stock(sim), stock(sim, "Strangers")

    ran = erase(*scope)

    assert ran.code == 0, ran.err
    assert sim.store.projects == {}
    assert ran.json["verdict"].startswith("erased")
    assert {one["row"] for one in ran.json["outsideTheApi"]} == set(OUTSIDE)


@pytest.mark.parametrize("by_id", [False, True])
def test_one_project_is_deleted_and_the_other_stays(sim, erase, by_id):
    mine, _ = stock(sim), stock(sim, "Strangers")
    before = state(sim)

    assert erase("--project", mine.upper() if by_id else "Visitors").code == 0

    others_untouched(sim, before, {mine})


@pytest.mark.parametrize("row", OUTSIDE)
@pytest.mark.parametrize("as_json", [False, True])
def test_rows_that_no_operation_deletes_send_nothing(sim, erase, row, as_json):
    stock(sim)

    ran = erase(row, "--all", as_json=as_json)

    assert ran.code == 3
    assert sim.calls == []
    told = ran.json["outsideTheApi"][0]["words"] if as_json else ran.out
    expected = ("48 hours", "--purge", "Azure portal", "CustomVision.ai") if row == "account" else ("Azure resource",)
    assert all(word in told for word in expected)
    assert not erase.path.exists()


def test_performance_is_deleted_with_its_iterations(sim, erase):
    project = stock(sim)

    shown = erase("performance", "--all", "--dry-run", as_json=False)
    refused = erase("performance", "--all", confirmed=False)
    helped = erase.cli("delete", "performance", "--help")

    assert "performance: deleted with its iterations" in shown.out
    assert refused.code == 2
    assert "with its iteration" in " ".join(helped.out.split())
    assert len(ids(sim, project, "iterations")) == 2


def test_rows_that_need_a_person_do_not_fail_delete_all(sim, erase):
    stock(sim)

    ran = erase("--all", as_json=False)

    assert ran.code == 0, ran.err
    assert "account: " in ran.out
    assert "exports: " in ran.out


@pytest.mark.parametrize("row", [None, "images", "tags", "predictions", "iterations", "projects"])
def test_with_nothing_there_it_exits_0_and_says_so(sim, erase, row):
    ran = erase(*([row] if row else []), "--all")

    assert ran.code == 0
    assert "nothing to delete" in ran.json["verdict"]
    assert calls(sim) == []
    assert erase.verified() == 0


@pytest.mark.parametrize("row", [None, "images", "tags", "predictions", "iterations"])
def test_a_second_run_finds_nothing_left(sim, erase, row):
    stock(sim)
    arguments = [*([row] if row else []), "--all"]
    assert erase(*arguments).code == 0
    sim.calls.clear()

    again = erase(*arguments)

    assert again.code == 0
    assert "nothing to delete" in again.json["verdict"]
    assert calls(sim) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--all"),
        (["--all", "--project", "Visitors"], "--all"),
        (["--project", "Visitor"], "Visitors"),
        (["--project", "Twins"], "2 projects"),
        (["iterations", "--all", "--tag", "alice"], "cannot narrow"),
        (["projects", "--all", "--image-id", "0" * 32], "cannot narrow"),
        (["tags", "--all", "--metadata", "subject=nr-4711"], "cannot narrow"),
        (["--all", "--metadata", "subject"], "KEY=VALUE"),
        (["--all", "--image-id", "kitten"], "id"),
        (["--all", "--wait", "-1"], "--wait"),
        (["--all", "--max-delete", "many"], "--max-delete"),
        (["kittens", "--all"], "kittens"),
    ],
)
def test_wrong_options_are_refused_before_any_deletion(sim, erase, arguments, named):
    stock(sim)
    for _ in range(2):
        stock(sim, "Twins", images=3, iterations=0, predictions=0)

    ran = erase(*arguments)

    assert ran.code == 2
    assert named in ran.err
    assert ran.json["exitCode"] == 2
    assert calls(sim) == []
    assert not erase.ledger_file.exists()


def test_options_work_around_the_row_and_as_variables(sim, erase, tmp_path):
    mine, other = stock(sim), stock(sim, "Strangers")
    before = state(sim)

    assert (
        erase.cli("delete", "--project", "Visitors", "--yes", "predictions", "--evidence", tmp_path / "a.json").code
        == 0
    )
    others_untouched(sim, before, gone := ids_before(before, mine, "predictions"))
    variables = {
        "CV_GDPR_DELETE_EVIDENCE": str(tmp_path / "b.json"),
        "CV_GDPR_DELETE_MAX_DELETE": "",
        "CV_GDPR_DELETE_JSON": "1",
    }
    ran = erase.cli("delete", "--yes", "predictions", "--project", "Strangers", **variables)

    assert ran.code == 0, ran.err
    assert ran.json["exitCode"] == 0
    others_untouched(sim, before, gone | ids_before(before, other, "predictions"))


def ids_before(before, project, row):
    """Return the ids of a project's row in an earlier state."""
    return {key[3] for key in before if key[0] == project and key[2] == row}


@pytest.mark.parametrize("flags", [["-q"], ["-v"], []])
def test_the_printed_result_states_each_outcome(sim, erase, flags):
    stock(sim)

    ran = erase("--all", *flags, as_json=False)

    assert ran.code == 0
    assert ("erased" in ran.out) is ("-q" not in flags)
    assert (OPERATIONS["images"] in ran.out) is ("-v" in flags)
    assert "\x1b" not in ran.out + ran.err


def test_rows_a_selector_cannot_narrow_are_not_searched(sim, erase):
    stock(sim, predictions=0)

    ran = erase("--all", "--metadata", "subject=nr-4711")

    assert ran.code == 0
    assert set(erase.evidence["scope"]["notSearched"]) == {
        "account", "iterations", "performance", "projects", "tags", "exports", "predictions"
    }  # fmt: skip
    assert erase.evidence["scope"]["rows"] == ["images"]
    page = erase.files[2].read_text()
    assert page.count("These kinds of data cannot be searched in this way") == 1  # one reason for all of them
    assert "; Images sent for prediction and what was predicted of them." in page
