"""Records and plans of odd forms are one clear error, and pass no guard."""

import hashlib
import itertools
import json
import os
import threading

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.answers import Answer
from cv_gdpr.cli.delete import _hint_at_ledger
from cv_gdpr.delete.guards import _not_held
from cv_gdpr.delete.marks import canonical, mark
from cv_gdpr.delete.plan import Plan, ProjectPlan
from cv_gdpr.delete.required_export import Held
from cv_gdpr.errors import MalformedAnswer, StorageError
from cv_gdpr.evidence.records import SearchedScope
from cv_gdpr.verbatim import Record, json_text
from tests.delete.erasing import calls, stock


def nested(depth, innermost=()):
    value = list(innermost)
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.slow
def test_a_deeply_nested_record_has_a_mark():
    marks = {mark({"id": "x", "zz": nested(5000, inner)}) for inner in ((), (1,), (2,), (1, 2), (2, 1))}
    assert len(marks) == 4


def test_text_too_deep_to_be_read_again_is_refused_by_cause():
    with pytest.raises(MalformedAnswer, match="too deeply to be compared"):
        mark(Record({"id": "x"}, "[" * 100_000 + "]" * 100_000))


@pytest.mark.parametrize("indent", [False, True])
def test_a_value_too_deep_to_be_written_is_refused_by_cause(indent):
    with pytest.raises(MalformedAnswer, match="too deeply to be written"):
        json_text({"zz": nested(5000)}, indent=indent)


@pytest.mark.slow
def test_deep_records_are_exported_planned_and_held(sim, erase, cli, tmp_path):
    stock(sim)
    deep = "[" * 700 + "]" * 700

    def with_deep_field(answer):
        body = answer.body.replace(b'"name"', f'"zz":{deep},"name"'.encode())
        return Answer(answer.status, body, answer.content_type, answer.headers)

    sim.fault(Fault("GetTags", times=None, edit=with_deep_field))
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert deep in next((tmp_path / "out").rglob("tags.jsonl")).read_text()
    assert cli("verify", tmp_path / "out").code == 0
    assert erase("--all", "--require-export", tmp_path / "out").code == 0


def saved(erase, tmp_path):
    assert erase("--all", "--dry-run", "--save-plan", tmp_path / "plan.json").code == 0
    return json.loads((tmp_path / "plan.json").read_text())


def test_a_plan_that_names_a_key_twice_is_refused(sim, erase, tmp_path):
    stock(sim)
    text = json.dumps(saved(erase, tmp_path))
    (tmp_path / "twice.json").write_text('{"projects": [], ' + text[1:])
    ran = erase("--plan", tmp_path / "twice.json")
    assert ran.code == 2
    assert "has a key twice" in ran.err
    assert calls(sim) == []


FORGED = itertools.product(["rows", "along", "losingTags"], ["", "x" * 16, "0" * 15, "0" * 17, "0" * 16 + "\n"])


def test_a_plan_with_an_invalid_mark_is_refused(sim, erase, tmp_path):
    stock(sim)
    text = json.dumps(saved(erase, tmp_path))
    for field, forged in FORGED:
        plan = json.loads(text)
        del plan["hash"]
        marks = {"99999999-9999-4999-8999-999999999999": forged}
        (project,) = plan["projects"]
        if field == "rows":
            project["rows"]["images"] = marks
        else:
            project[field] = marks if field == "losingTags" else {"images": marks}
            project["rows"].pop("images")
        plan["hash"] = hashlib.sha256(canonical(plan)).hexdigest()
        (tmp_path / "forged.json").write_text(json.dumps(plan))
        ran = erase("--plan", tmp_path / "forged.json")
        assert ran.code == 2, (field, forged)
        assert "not a plan that this version understands" in ran.err
    assert calls(sim) == []


def test_an_empty_mark_is_not_held_by_an_export():
    image = "99999999-9999-4999-8999-999999999999"
    project = ProjectPlan(id=image, name="p", whole=False, rows={"images": {image: ""}})
    scope = SearchedScope(projects="all", rows="all", not_searched={}, selectors=[], salt=None)
    plan = Plan(
        tool="", endpoint="", created="", scope=scope, projects=[project], protected=[], unmatched=[], failed=[]
    )
    assert _not_held(plan, [Held(image, "images", image, {"id": image})]) == [("images", image)]


def test_a_deeply_nested_plan_is_refused(erase, tmp_path):
    text = '{"format":"cv-gdpr-plan/1","zz":' + "[" * 960 + "]" * 960 + "}"
    (tmp_path / "deep.json").write_text(text)
    ran = erase("--plan", tmp_path / "deep.json")
    assert ran.code == 2
    assert "unexpected" not in ran.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_plan_from_a_pipe_is_read_once(sim, erase, tmp_path):
    stock(sim)
    saved(erase, tmp_path)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(
        target=lambda: (tmp_path / "pipe").write_bytes((tmp_path / "plan.json").read_bytes()), daemon=True
    )
    writer.start()
    assert erase("--plan", tmp_path / "pipe").code == 0
    writer.join(10)


def test_a_publish_name_that_is_a_number_is_planned(sim, erase, tmp_path):
    project = stock(sim)
    for iteration in sim.store.projects[project].iterations.values():
        listed = {"id": iteration.id, "name": "Iteration", "status": "Completed", "publishName": 7}
        sim.fault(Fault("GetIterations", times=None, body=[listed]))
    plan = saved(erase, tmp_path)
    assert "7" in next(iter(plan["projects"]))["published"].values() or plan["projects"][0]["published"] == {}
    ran = erase("--plan", tmp_path / "plan.json", "--dry-run")
    assert "not a plan that this version understands" not in ran.err


def test_the_hint_after_a_saved_plan_says_what_helps(sim, erase, tmp_path):
    project = stock(sim)
    saved(erase, tmp_path)
    sim.store.projects[project].description = "changed since"
    ran = erase("--plan", tmp_path / "plan.json")
    assert ran.code == 3
    assert ran.json["retryable"] is False
    assert "deletes the rest" not in ran.err
    assert "a new plan shows the rest" in ran.err


@pytest.mark.parametrize(("ledger", "hinted"), [(None, False), (b"", False), (b'{"n":1', True)])
def test_an_error_of_the_disk_says_how_to_resume(tmp_path, ledger, hinted):
    if ledger is not None:
        (tmp_path / "e.jsonl").write_bytes(ledger)
    error = StorageError("cannot write e.jsonl: no space")
    _hint_at_ledger(error, tmp_path / "e.json", saved=False)
    assert error.retryable is hinted
    assert (error.hint or "").endswith(
        f"the same command with --evidence {tmp_path / 'e.json'} deletes the rest"
    ) is hinted
    assert ("a deletion may have been sent" in (error.hint or "")) is hinted
