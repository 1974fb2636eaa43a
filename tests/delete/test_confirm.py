"""Nothing is deleted without confirmation, and nothing protected is deleted, whatever the options."""

import pytest

from tests.delete.erasing import calls, others_untouched, state, stock, typed
from tests.platforms import WINDOWS


@pytest.mark.parametrize("extra", [[], ["--max-delete", "99"], ["--tag", "alice"]])
def test_without_a_terminal_and_without_yes_nothing_is_sent(sim, erase, extra):
    stock(sim)

    ran = erase("--all", *extra, confirmed=False)

    assert ran.code == 2
    assert "--yes" in ran.err
    assert ran.json["exitCode"] == 2
    assert sim.calls == []
    assert not erase.ledger_file.exists()


END_OF_INPUT = "\x1a" if WINDOWS else "\x04"  # Ctrl-Z, Ctrl-D


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "answers", "code"),
    [
        (["--project", "Visitors"], ["Visitors"], 0),
        (["--project", "Visitors"], ["visitors"], 2),
        (["--project", "Visitors"], [""], 2),
        (["--project", "Visitors"], [END_OF_INPUT], 130),
        (["--all"], ["HOST"], 0),
        (["--all"], ["127.0.0.1"], 0),
        (["--all"], ["Visitors"], 2),
        (["--project", "Visitors", "--project", "Strangers"], ["Visitors", "Strangers"], 0),
        (["--project", "Visitors", "--project", "Strangers"], ["Visitors", "yes"], 2),
    ],
)
def test_on_a_terminal_a_person_types_what_to_delete(sim, tmp_path, arguments, answers, code):
    mine, other = stock(sim), stock(sim, "Strangers")
    before = state(sim)
    answers = [answer.replace("HOST", sim.endpoint.removeprefix("http://")) for answer in answers]

    ended, out, err = typed(sim, *arguments, "--evidence", str(tmp_path / "e.json"), "--json", answers=answers)

    assert ended == code, err
    assert "Traceback" not in err
    if code:
        others_untouched(sim, before, set())
        assert calls(sim) == []
        assert not (tmp_path / "e.jsonl").exists()
    else:
        assert "Would be deleted" in err
        shown = answers if "--project" in arguments else [sim.endpoint.removeprefix("http://")]
        what = "name of the project" if "--project" in arguments else "host of the resource"
        assert all(f"type the {what} ({one})" in err for one in shown)
        assert out.strip().startswith("{")
        others_untouched(sim, before, {mine, other} if "Strangers" in answers or "--all" in arguments else {mine})


@pytest.mark.parametrize("by", ["name", "id", "variable", "variable of the command", "variable beside an option"])
def test_a_protected_project_stays_with_all(sim, erase, by):
    mine, other = stock(sim), stock(sim, "Strangers")
    third = stock(sim, "Third", images=2, iterations=0, predictions=0)
    before = state(sim)
    arguments, variables = {
        "name": (["--protect", "Strangers", "--protect", "Third"], {}),
        "id": (["--protect", other.upper(), "--protect", third], {}),
        "variable": ([], {"CV_GDPR_PROTECT": f"Strangers\n{third}\n"}),
        "variable of the command": ([], {"CV_GDPR_DELETE_PROTECT": f"{other}\nThird"}),
        "variable beside an option": (["--protect", "Strangers"], {"CV_GDPR_PROTECT": "Third"}),
    }[by]

    ran = erase("--all", *arguments, **variables)

    assert ran.code == 0, ran.err
    others_untouched(sim, before, {mine})
    assert set(ran.json["protected"]) == {other, third}
    assert not [call for call in calls(sim) if other in call.path or third in call.path]


def test_every_project_of_a_protected_name_stays(sim, erase):
    twins = [stock(sim, "Twins", images=2, iterations=0, predictions=0) for _ in range(2)]

    ran = erase("--all", "--protect", "Twins")

    assert ran.code == 0
    assert set(ran.json["protected"]) == set(twins) == set(sim.store.projects)


@pytest.mark.parametrize(
    "arguments", [["--all", "--protect", "Nobody"], ["--all", "--protect", "Strangers", "--protect", ""]]
)
def test_a_protection_matching_no_project_is_an_error(sim, erase, arguments):
    stock(sim), stock(sim, "Strangers")

    assert erase(*arguments).code == 2
    assert calls(sim) == []


@pytest.mark.parametrize("row", [None, "images", "predictions"])
def test_a_protected_project_asked_for_is_an_error(sim, erase, row):
    stock(sim), stock(sim, "Strangers")

    ran = erase(*([row] if row else []), "--project", "Visitors", "--project", "Strangers", "--protect", "Strangers")

    assert ran.code == 2
    assert "protected" in ran.err
    assert calls(sim) == []


@pytest.mark.parametrize("variable", [False, True])
def test_a_plan_with_a_project_protected_since_is_refused(sim, erase, tmp_path, variable):
    project = stock(sim)
    plan = tmp_path / "plan.json"
    assert erase("--all", "--save-plan", plan, "--dry-run").code == 0
    before = state(sim)

    protection = {"CV_GDPR_PROTECT": project} if variable else {}
    ran = erase("--plan", plan, *([] if variable else ["--protect", "Visitors"]), **protection)

    assert ran.code == 2
    assert "protected" in ran.err
    others_untouched(sim, before, set())


def test_a_protected_project_is_left_out_of_a_selection(sim, erase):
    mine, other = stock(sim, predictions=0), stock(sim, "Strangers")
    before = state(sim)

    assert erase("--all", "--metadata", "subject=nr-4711", "--protect", "Strangers").code == 0

    image = next(key[3] for key, one in before.items() if key[0] == mine and key[2] == "images" and one.metadata)
    others_untouched(sim, before, {image})
    assert other in sim.store.projects


@pytest.mark.slow
def test_an_empty_plan_needs_no_confirmation(sim, tmp_path):
    code, out, err = typed(sim, "--all", "--evidence", str(tmp_path / "e.json"))

    assert code == 0, err
    assert "nothing to delete" in out
