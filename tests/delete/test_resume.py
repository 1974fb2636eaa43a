"""A run that was cut off, and the next one: it deletes the rest, and the ledger records both."""

import hashlib
import json
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from custom_vision_simulator import Fault
from tests.console import ENDINGS, Stoppable
from tests.delete.erasing import calls, environment, ids, others_untouched, state, stock
from tests.platforms import SIGKILL, SLOWER

GONE = {"deleted", "gone already"}


@contextmanager
def stuck(sim, *arguments, fault, evidence):
    """Run `cv-gdpr delete` up to the call that a fault delays; yield the process, which is killed at the end."""
    sim.fault(fault)
    seen = len(calls(sim, fault.route))
    command = [sys.executable, "-m", "cv_gdpr", "delete", *arguments, "--yes", "--json", "--evidence", str(evidence)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Stoppable(command, env=environment(sim), **pipes) as process:
        until = time.monotonic() + 20 * SLOWER
        while len(calls(sim, fault.route)) - seen <= fault.after and time.monotonic() < until:
            time.sleep(0.005)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()
    sim.clear_faults()


def held_up(operation, after=0):
    """A call that the service neither answers nor carries out during the test."""
    return Fault(operation, delay=30, after=after)


KILLED = [
    held_up("UnpublishIteration"),
    held_up("DeleteIteration", 1),
    held_up("DeleteImages"),
    held_up("DeleteTag", 1),
    held_up("DeleteProject"),
    held_up("GetProject"),
]


@pytest.mark.parametrize(
    ("fault", "same"), [(fault, True) for fault in KILLED] + [(KILLED[2], False), (KILLED[5], False)]
)
def test_after_kill_9_the_same_command_deletes_the_rest(sim, erase, tmp_path, fault, same):
    project, other = stock(sim), stock(sim, "Strangers")
    before = state(sim)
    path = tmp_path / "e.json"
    with stuck(sim, "--all", "--protect", "Strangers", fault=fault, evidence=path) as process:
        process.send_signal(SIGKILL)
        process.wait(10)
    assert not path.exists()
    ledger = path.with_name("e.jsonl")
    first = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert erase.cli("verify", ledger).code == 4
    went = {one for event in first if event["event"] == "answered" and event["status"] < 300 for one in event["ids"]}

    ran = erase("--all", "--protect", "Strangers", evidence="e.json" if same else "f.json")

    assert ran.code == 0, ran.err
    others_untouched(sim, before, {project})
    assert other in sim.store.projects
    assert erase.verified() == 0
    assert set(erase.states().values()) <= GONE
    if not same:
        assert [json.loads(line) for line in ledger.read_text().splitlines()] == first
        return
    assert erase.ledger[: len(first)] == first
    assert [event["event"] for event in erase.ledger].count("opened") == 2
    planned = {key[3] for key in before if key[0] == project and not (key[2] == "tags" and key[1])}
    assert set(erase.states()) == planned
    assert all(erase.states()[one] == "deleted" for one in went & planned)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("same", [True, False])
def test_killed_after_the_last_deletion_reports_nothing_left(sim, erase, tmp_path, same):
    stock(sim)
    with stuck(sim, "--all", fault=held_up("GetProject"), evidence=tmp_path / "e.json") as process:
        process.kill()
    sim.calls.clear()

    ran = erase("--all", evidence="e.json" if same else "f.json")

    assert ran.code == 0
    assert calls(sim) == []
    assert ("erased" if same else "nothing to delete") in ran.json["verdict"]
    assert set(erase.states().values()) == ({"deleted"} if same else set())


def test_a_resumed_run_says_once_which_models_remain(sim, erase, tmp_path):
    """One of the images is only in the iteration: that one is known, and others were not looked for."""
    project = stock(sim, iterations=1)
    with stuck(sim, "images", "--project", project, fault=held_up("DeleteImages"), evidence=tmp_path / "e.json") as run:
        run.send_signal(SIGKILL)
        run.wait(10)

    assert erase("images", "--project", project, evidence="e.json").code == 0

    assert erase.certificate.count("that remains was trained on these images") == 1
    assert "Whether other iterations were trained on them, too, was not looked for" in erase.certificate
    assert "Not looked for: iterations" not in erase.certificate
    assert erase.verified() == 0


@pytest.mark.parametrize(("number", "code"), ENDINGS)
def test_an_interrupted_run_says_so_and_the_next_finishes(sim, erase, tmp_path, number, code):
    project = stock(sim)
    before = state(sim)
    planned = ("--save-plan", str(tmp_path / "plan.json"))
    with stuck(sim, "--all", *planned, fault=held_up("DeleteTag"), evidence=tmp_path / "e.json") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=10)

    assert process.returncode == code
    assert json.loads(out)["exitCode"] == code
    assert f"--evidence {tmp_path / 'e.json'}, without --save-plan," in json.loads(out)["hint"]
    assert b"Traceback" not in err
    assert erase("--all", evidence="e.json").code == 0
    others_untouched(sim, before, {project})


def test_two_runs_do_not_write_one_ledger(sim, erase, tmp_path):
    stock(sim)
    with stuck(sim, "--all", fault=held_up("DeleteImages"), evidence=tmp_path / "e.json"):
        sent = len(calls(sim))
        ran = erase("--all", evidence="e.json")

        assert ran.code == 2
        assert "another run" in ran.err
        assert len(calls(sim)) == sent
    assert erase("--all", evidence="e.json").code == 0
    assert erase.verified() == 0


@pytest.mark.parametrize(
    "operation", ["DeleteImages", "DeleteTag", "DeletePrediction", "DeleteIteration", "DeleteProject"]
)
@pytest.mark.parametrize("lie", [False, True])
def test_after_a_partial_failure_the_same_command_finishes(sim, erase, operation, lie):
    project = stock(sim)
    _ = stock(sim, "Strangers")
    before = state(sim)
    sim.fault(Fault("DeleteProject", status=500, times=None))
    sim.fault(Fault(operation, times=None, **({"lie": True} if lie else {"status": 500})))
    assert erase("--project", "Visitors").code == (4 if lie and operation != "DeleteProject" else 3)
    left = set().union(*(ids(sim, project, row) for row in ("images", "tags", "predictions", "iterations", "projects")))
    sim.clear_faults()

    assert erase("--project", "Visitors").code == 0
    others_untouched(sim, before, {project})
    assert set(erase.states()) == left


@pytest.mark.parametrize("operation", ["DeleteImages", "DeleteTag", "DeletePrediction", "DeleteIteration"])
def test_the_same_plan_finishes_after_a_partial_failure(sim, erase, tmp_path, operation):
    stock(sim)
    plan = tmp_path / "plan.json"
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0
    sim.fault(Fault(operation, status=500, times=None))
    sim.fault(Fault("DeleteProject", status=500, times=None))
    assert erase("--plan", plan).code == 3
    sim.clear_faults()

    assert erase("--plan", plan).code == 0
    assert sim.store.projects == {}


SELECTED = {
    "metadata": ["--all", "--metadata", "subject=nr-4711"],
    "a tag": ["--all", "--tag", "alice"],
    "a project's name": ["--project", "Visitors"],
    "a project's name and a tag": ["--project", "Visitors", "--tag", "alice"],
    "an id": ["--all", "--image-id", "ID"],
}


@pytest.mark.parametrize("selected", SELECTED)
@pytest.mark.parametrize("after", ["answered", "looked"])
def test_a_run_cut_off_after_its_selection_is_gone_finishes(sim, erase, selected, after):
    project = stock(sim, predictions=0)
    one = min(ids(sim, project, "images"))
    arguments = [argument.replace("ID", one) for argument in SELECTED[selected]]
    assert erase(*arguments, evidence="e.json").code == 0
    whole = erase.evidence
    lines = erase.ledger_file.read_bytes().splitlines(keepends=True)
    last = [number for number, event in enumerate(erase.ledger, 1) if event["event"] == after][-1]
    erase.ledger_file.write_bytes(b"".join(lines[:last]))
    for file in (erase.path, *erase.files[2:]):
        file.unlink()
    sim.calls.clear()

    ran = erase(*arguments, evidence="e.json")

    assert ran.code == 0, ran.err
    assert calls(sim) == []
    assert erase.verified() == 0
    kept = ("items", "counts", "projects", "exitCode", "notFound")
    assert {name: erase.evidence[name] for name in kept} == {name: whole[name] for name in kept}
    assert erase.evidence["verdict"].startswith("erased")
    matched = [one["matched"] for one in whole["scope"]["selectors"]]
    assert [one["matched"] for one in erase.evidence["scope"]["selectors"]] == matched


ROW_OF = {"DeleteProject": "projects", "DeleteIteration": "iterations", "DeleteTag": "tags", "DeleteImages": "images"}


@pytest.mark.parametrize("operation", ROW_OF)
@pytest.mark.parametrize("lost", [{"status": 500}, {"drop": True}])
def test_an_unanswered_deletion_counts_as_this_runs(sim, erase, operation, lost):
    stock(sim)
    sim.fault(Fault(operation, done=True, **lost))

    ran = erase("--all", patience="5")

    assert ran.code == 0, ran.err
    assert set(erase.states(ROW_OF[operation]).values()) == {"deleted"}
    assert erase.verified() == 0


def test_what_another_client_deleted_was_gone_already(sim, erase):
    stock(sim)
    sim.fault(Fault("DeleteTag", status=404, done=True, times=None))

    assert erase("tags", "--all").code == 0
    assert set(erase.states("tags").values()) == {"gone already"}


def test_images_deleted_with_their_iterations_count_as_deleted(sim, erase, tmp_path):
    project = stock(sim)
    only_there = ids(sim, project, "images") - set(sim.store.projects[project].workspace.images)
    with stuck(sim, "--all", fault=held_up("DeleteIteration", 1), evidence=tmp_path / "e.json") as process:
        process.send_signal(SIGKILL)
        process.wait(10)
    sim.store.projects[project].iterations.clear()  # the unanswered call deleted them
    sim.fault(Fault("DeleteProject", status=500, done=True))
    ran = erase("--all", evidence="e.json", patience="5")

    assert ran.code == 0, ran.err
    assert {one: erase.states()[one] for one in only_there} == dict.fromkeys(only_there, "deleted")
    assert set(erase.states().values()) == {"deleted"}
    assert erase.verified() == 0


def test_tags_are_deleted_after_a_split_batch_of_images(sim, erase):
    stock(sim)
    sim.fault(Fault("DeleteImages", status=400))
    sim.fault(Fault("DeleteProject", status=403, body={"code": "ForbiddenDRModeEnabled", "message": "x"}))

    ran = erase("--all")

    assert ran.code == 3
    assert set(erase.states("tags").values()) == {"deleted"}
    assert set(erase.states("images").values()) == {"deleted"}


@pytest.mark.parametrize("fault", [held_up("DeleteImages"), held_up("DeleteTag", 1), held_up("GetProject")])
def test_a_resumed_plan_reports_earlier_deletions(sim, erase, tmp_path, fault):
    stock(sim)
    erase("--all", "--save-plan", tmp_path / "plan.json", "--dry-run", confirmed=False)
    path = tmp_path / "e.json"
    with stuck(sim, "--plan", str(tmp_path / "plan.json"), fault=fault, evidence=path):
        pass
    answered = [json.loads(line) for line in path.with_name("e.jsonl").read_text().splitlines()]
    answers = {
        one: (event["status"], event["requestId"])
        for event in answered
        if event["event"] == "answered" and event["row"] != "publications"
        for one in event["ids"]
    }

    assert erase("--plan", tmp_path / "plan.json", evidence="e.json").code == 0

    items = {one["id"]: one for one in erase.evidence["items"]}
    assert {one: (items[one]["status"], items[one]["requestId"]) for one in answers} == answers
    assert {one["state"] for one in items.values()} == {"deleted"}
    assert erase.verified() == 0


def test_refused_then_deleted_elsewhere_was_gone_already(sim, erase, tmp_path):
    project = stock(sim)
    erase("tags", "--all", "--save-plan", tmp_path / "plan.json", "--dry-run", confirmed=False)
    path = tmp_path / "e.json"
    sim.fault(Fault("DeleteTag", status=400))
    with stuck(sim, "--plan", str(tmp_path / "plan.json"), fault=held_up("DeleteTag", 1), evidence=path):
        pass
    refused = calls(sim, "DeleteTag")[0].path.rpartition("/")[2]
    sim.store.projects[project].workspace.tags.pop(refused)

    assert erase("--plan", tmp_path / "plan.json", evidence="e.json").code == 0
    assert erase.states()[refused] == "gone already"


@pytest.mark.parametrize("operation", ["DeleteIteration", "DeleteImages", "DeleteTag", "DeleteProject"])
@pytest.mark.parametrize("selected", [[], ["--metadata", "subject=nr-4711"]])
def test_the_same_command_resumes_a_stopped_run(sim, erase, operation, selected):
    project = stock(sim, predictions=0)
    if selected and operation != "DeleteImages":
        pytest.skip("a person's images are deleted by one operation")
    planned = {one for row in ("projects", "iterations", "images") for one in ids(sim, project, row)}
    sim.fault(Fault(operation, status=401, times=None, done=operation == "DeleteImages"))
    sim.fault(Fault("GetProject", status=401, times=None))
    sim.fault(Fault("GetIterations", status=401, times=None, after=2))
    first = erase("--all", *selected, evidence="e.json")
    assert first.code == 5
    assert f"the same command with --evidence {erase.path} deletes the rest" in first.err
    assert erase.verified() == 0
    sim.clear_faults()

    ran = erase("--all", *selected, evidence="e.json")

    assert ran.code == 0, ran.err
    assert erase.verified() == 0
    assert set(erase.states().values()) <= GONE
    if not selected:
        assert planned <= set(erase.states())
        assert not sim.store.projects
    assert len(erase.evidence["runs"]) == 2
    assert erase("--all", *selected, evidence="e.json").code == 2  # it is finished now


def test_a_stopped_run_with_altered_evidence_is_not_resumed(sim, erase):
    stock(sim)
    sim.fault(Fault("DeleteTag", status=401, times=None))
    assert erase("tags", "--all", evidence="e.json").code == 5
    sim.clear_faults()
    erase.path.write_text(erase.path.read_text().replace("failed", "deleted"))

    ran = erase("tags", "--all", evidence="e.json")

    assert ran.code == 2
    assert "differs from the ledger of this erasure" in ran.err
    assert calls(sim, "DeleteTag")[1:] == []


def test_only_a_resumed_run_may_follow_a_stopped_one(sim, erase):
    stock(sim)
    sim.fault(Fault("DeleteTag", status=401, times=None))
    assert erase("tags", "--all").code == 5
    ledger = erase.ledger_file
    *_, last = lines = ledger.read_bytes().splitlines()
    event = json.loads(lines[1])
    event |= {"n": len(lines) + 1, "previous": hashlib.sha256(last).hexdigest()}
    ledger.write_bytes(ledger.read_bytes() + json.dumps(event, separators=(",", ":")).encode() + b"\n")

    assert erase.verified() == 4


def test_without_evidence_option_a_run_here_is_resumed(sim, erase, tmp_path):
    stock(sim), stock(sim, "Strangers")
    sim.fault(Fault("DeleteImages", delay=30))
    command = [sys.executable, "-m", "cv_gdpr", "delete", "--project", "Visitors", "--yes"]
    with subprocess.Popen(command, env=environment(sim), cwd=tmp_path, stderr=subprocess.PIPE) as process:
        while not calls(sim, "DeleteImages"):
            time.sleep(0.01)
        process.kill()
        process.communicate()
    sim.clear_faults()
    (ledger,) = tmp_path.glob("*.jsonl")

    other = erase.cli("delete", "--project", "Strangers", "tags", "--yes", "--json")
    assert other.code == 0
    assert other.json["ledger"] != ledger.name
    ran = erase.cli("delete", "--project", "Visitors", "--yes", "--json")

    assert ran.code == 0, ran.err
    assert f"that was cut off here: {ledger.with_suffix('.json').name}" in ran.err
    assert ran.json["ledger"] == str(ledger)
    assert erase.cli("verify", ledger.with_suffix(".json")).code == 0
    assert len(json.loads(ledger.with_suffix(".json").read_text())["runs"]) == 2


def test_a_plan_executed_twice_claims_no_second_erasure(sim, erase, tmp_path):
    stock(sim)
    plan = tmp_path / "plan.json"
    assert erase("tags", "--all", "--dry-run", "--save-plan", plan).code == 0
    assert erase("--plan", plan).json["verdict"].startswith("erased: everything in the plan")

    again = erase("--plan", plan)

    assert again.code == 0
    assert again.json["verdict"].startswith("gone already: everything in the plan")


def planning_calls(sim, erase):
    """Return the number of calls in a dry run."""
    sim.calls.clear()
    assert erase("tags", "--all", "--dry-run").code == 0
    return list(sim.calls)


def test_the_certificate_names_what_was_not_verified(sim, erase):
    stock(sim)
    before = len(planning_calls(sim, erase))
    sim.fault(Fault("*", status=401, times=None, after=before + 3))

    assert erase("tags", "--all").code == 5
    page = erase.files[2].read_text()

    assert "<h1>Record of an erasure that is not complete</h1>" in page
    assert "Incomplete: 3 items in the plan could not be" in page
    assert "Full: each item" not in page


def test_a_resumed_run_says_what_was_deleted_before(sim, erase):
    project = stock(sim)
    held = len(ids(sim, project, "tags"))
    sim.fault(Fault("DeleteTag", status=401, times=None, after=1))
    assert erase("tags", "--all", evidence="e.json").code == 5
    sim.clear_faults()
    assert len(ids(sim, project, "tags")) == held - 1 > 0
    ran = erase("tags", "--all", evidence="e.json", as_json=False)
    assert ran.code == 0, ran.err
    assert "resumed: 1 was deleted before" in ran.out
    assert erase.evidence["counts"] == {"deleted": held}
    assert "resumed: " not in erase("tags", "--all", as_json=False).out


def test_the_json_says_how_many_an_earlier_run_deleted(sim, erase):
    stock(sim)
    sim.fault(Fault("DeleteTag", status=401, times=None, after=1))
    assert erase("tags", "--all", evidence="e.json").json["deletedBefore"] == 0
    sim.clear_faults()
    assert erase("tags", "--all", evidence="e.json").json["deletedBefore"] == 1
