"""Records and plans of odd forms are one clear error, and pass no guard."""

import json

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.delete.marks import canonical, mark
from cv_gdpr.errors import MalformedAnswer
from tests.delete.erasing import calls, stock


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_a_mark_of_a_deeply_nested_record_is_refused_by_cause():
    assert mark({"id": "x", "zz": nested(100)})
    with pytest.raises(MalformedAnswer, match="nested too deeply"):
        mark({"id": "x", "zz": nested(5000)})


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


def test_an_empty_mark_is_not_held_by_an_export(sim, erase, cli, tmp_path):
    import hashlib

    stock(sim)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    plan = saved(erase, tmp_path)
    del plan["hash"]
    for project in plan["projects"]:
        project["rows"]["images"] = dict.fromkeys(project["rows"]["images"], "")
    plan["hash"] = hashlib.sha256(canonical(plan)).hexdigest()
    (tmp_path / "empty.json").write_text(json.dumps(plan))
    ran = erase("--plan", tmp_path / "empty.json", "--require-export", tmp_path / "out")
    assert ran.code == 2
    assert calls(sim) == []


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
