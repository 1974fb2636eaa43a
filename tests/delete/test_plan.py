"""The plan: what a dry run shows, what a saved plan does and refuses later, and the limit on its size."""

import hashlib
import json
import uuid
from dataclasses import replace

import pytest

from custom_vision_simulator import Simulator
from tests.commandline import CommandLine
from tests.delete.erasing import bearing, calls, ids, others_untouched, state, stock, tag_id
from tests.platforms import is_private


@pytest.fixture
def plan(tmp_path):
    """Where a plan is saved."""
    return tmp_path / "plan.json"


def test_a_dry_run_shows_the_plan_and_changes_nothing(sim, erase):
    project = stock(sim, images=9)
    stock(sim, "Empty", images=0, predictions=0, iterations=0)
    before = state(sim)

    ran = erase("--all", "--dry-run", confirmed=False)

    assert ran.code == 0
    planned = next(one for one in ran.json["projects"] if one["id"] == project)
    assert {row: len(held) for row, held in planned["rows"].items()} == {
        "iterations": 2, "projects": 1, "tags": 3, "images": 9, "predictions": 3,
    }  # fmt: skip
    assert len(planned["places"]) == 1
    assert planned["exportedModels"] == 1
    assert list(planned["published"].values()) == ["live-visitors"]
    assert planned["published"].keys() <= ids(sim, project, "iterations")
    for row, held in planned["rows"].items():
        assert set(held) == ids(sim, project, row)
    assert ran.json["total"] == 18 + 1 + 3
    assert len(ran.json["hash"]) == 64
    assert calls(sim) == []
    others_untouched(sim, before, set())
    assert not erase.path.exists()
    assert not erase.ledger_file.exists()


def test_a_dry_run_prints_the_counts_and_what_stays(sim, erase):
    project = stock(sim, images=9)

    ran = erase("--all", "--dry-run", confirmed=False, as_json=False)

    shown = ran.out[ran.out.index(project) :]
    assert shown.startswith(f"{project}): the whole project\n")
    held = {"projects": 1, "images": 9, "tags": 3, "iterations": 2, "predictions": 3, "exports": 1}
    counts = {row: int(line.split()[1]) for row in held for line in shown.splitlines() if line.split()[:1] == [row]}
    assert counts == held
    assert sum(counts.values()) - counts["exports"] == 18  # which nothing deletes
    assert "1 of them only in iterations" in shown
    assert "as 'live-visitors'" in shown
    assert max(map(len, shown.splitlines()[:7])) < 120
    assert "exports: No operation deletes" in ran.out
    assert "18 items" in ran.out


def test_images_deleted_with_their_iterations_are_shown(sim, erase):
    project = stock(sim)

    ran = erase("iterations", "--all", "--dry-run", confirmed=False, as_json=False)

    assert "  images             1  not selected, but only in these iterations: go with them" in ran.out
    assert project in ran.out


def test_a_dry_run_names_iterations_trained_on_the_images(sim, erase):
    project = stock(sim)

    ran = erase("--all", "--tag", "alice", "--dry-run", confirmed=False)

    (planned,) = ran.json["projects"]
    assert set(planned["rows"]["images"]) == bearing(sim, project, "alice")
    assert planned["predictionsNotSearched"] == len(ids(sim, project, "predictions")) == 3
    assert set(planned["rows"]["tags"]) == {tag_id(sim, project, "alice")}
    assert set(planned["iterationsHolding"]) == ids(sim, project, "iterations")
    assert planned["rows"].keys() == {"images", "tags"}


@pytest.mark.slow
def test_a_saved_plan_deletes_what_a_direct_run_does(sim, erase, plan):
    stock(sim), stock(sim, "Strangers")
    before = state(sim)
    assert erase("--project", "Visitors", "--dry-run", "--save-plan", plan).code == 0
    assert is_private(plan)
    others_untouched(sim, before, set())

    ran = erase("--plan", plan)

    assert ran.code == 0, ran.err
    others_untouched(sim, before, {next(key[0] for key, value in before.items() if value[0] == "Visitors")})
    assert ran.json["planHash"] == json.loads(plan.read_text())["hash"]


@pytest.mark.slow
@pytest.mark.parametrize("row", ["images", "tags", "iterations", "predictions"])
def test_items_added_since_stay_with_their_project(sim, erase, plan, row):
    project = stock(sim)
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0
    planned = ids(sim, project, "images") | ids(sim, project, "tags") | ids(sim, project, "predictions")
    planned |= ids(sim, project, "iterations")
    added = add(sim, project, row)
    before = state(sim)

    ran = erase("--plan", plan)

    assert ran.code == 3
    others_untouched(sim, before, planned)
    assert added in ids(sim, project, row)
    assert erase.states("projects") == {project: "left"}
    assert "1 items that are not in the plan" in ran.err
    assert set(erase.states().values()) == {"deleted", "left"}


def add(sim, project, row):
    """Add a copy of an item of a row under a new id; return the id."""
    holder, new = sim.store.projects[project], str(uuid.uuid5(uuid.NAMESPACE_URL, row))
    places = {
        "images": holder.workspace.images,
        "tags": holder.workspace.tags,
        "iterations": holder.iterations,
        "predictions": holder.predictions,
    }
    example = next(reversed(places[row].values()))
    extra = {"tags": {"name": "new"}, "images": {"tags": (), "regions": ()}}
    places[row][new] = replace(example, id=new, **extra.get(row, {}))
    if row == "iterations":
        places[row][new].snapshot = type(example.snapshot)()
    return new


@pytest.mark.parametrize("row", ["images", "tags", "iterations", "predictions"])
def test_items_deleted_since_are_reported_as_gone(sim, erase, plan, row):
    project = stock(sim)
    sim.store.projects[project].workspace.images.clear()
    for one in sim.store.projects[project].iterations.values():
        one.publish_name = None
        one.snapshot.images.clear()
    holder = sim.store.projects[project]
    holder.workspace.images["f0000000-0000-4000-8000-000000000000"] = replace(
        next(iter(stocked_images(sim))), id="f0000000-0000-4000-8000-000000000000", tags=()
    )
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0
    places = {"images": holder.workspace.images, "tags": holder.workspace.tags}
    places |= {"iterations": holder.iterations, "predictions": holder.predictions}
    vanished = next(iter(places[row]))
    del places[row][vanished]
    sim.calls.clear()

    ran = erase("--plan", plan)

    assert ran.code == 3 if holder.id in sim.store.projects else ran.code == 0
    assert erase.states(row)[vanished] == "gone already"
    assert not [call for call in calls(sim) if vanished in call.path + str(call.query)]
    assert any(event["event"] == "vanished" and vanished in event["ids"] for event in erase.ledger)


def stocked_images(sim):
    """Return the images of a temporary filled project."""
    (extra,) = sim.fill(images=1, image_bytes=8, seed=99)
    return list(sim.store.projects.pop(extra).workspace.images.values())


def changed(sim, project, row):
    """Change a planned item of a row; return its id."""
    holder = sim.store.projects[project]
    if row == "projects":
        holder.name = "Renamed"
        return project
    if row == "iterations":
        iteration = next(reversed(holder.iterations.values()))
        iteration.publish_name = "since"
        return iteration.id
    places = {"tags": holder.workspace.tags, "images": holder.workspace.images}
    one = next(iter(places[row].values()))
    places[row][one.id] = replace(one, **({"name": "else"} if row == "tags" else {"metadata": {"subject": "else"}}))
    return one.id


@pytest.mark.slow
def test_a_project_changed_since_stays_with_its_contents(sim, erase, plan):
    stock(sim), stock(sim, "Strangers")
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0
    one, other = sim.store.projects.values()
    one.name, other.name = other.name, one.name
    before = state(sim)

    ran = erase("--plan", plan)

    assert ran.code == 3
    others_untouched(sim, before, set())
    assert calls(sim) == []
    assert set(erase.states().values()) == {"left"}
    assert "its project changed after it was planned" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("row", ["images", "tags", "iterations"])
def test_items_changed_since_stay_and_are_named(sim, erase, plan, row):
    project = stock(sim)
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0
    gone = set().union(*(ids(sim, project, kind) for kind in ("images", "tags", "iterations", "predictions")))
    identity = changed(sim, project, row)
    before = state(sim)

    ran = erase("--plan", plan)

    assert ran.code == 3
    others_untouched(sim, before, gone - {identity})
    assert erase.states(row)[identity] == "left"
    assert f"{row} {identity}" in ran.err
    assert "changed after it was planned" in ran.err
    assert erase.states("projects")[project] == "left"


def altered(body):
    return body | {"created": "2020-01-01T00:00:00Z"}


def rehashed(body):
    text = json.dumps(
        {name: value for name, value in body.items() if name != "hash"}, sort_keys=True, separators=(",", ":")
    )
    return body | {"hash": hashlib.sha256(text.encode()).hexdigest()}


def in_scope(**parts):
    return lambda body: rehashed(body | {"scope": body["scope"] | parts})


def without(record, field):
    return {name: value for name, value in record.items() if name != field}


def in_project(**parts):
    return lambda body: rehashed(body | {"projects": [body["projects"][0] | parts]})


CHANGES = [
    (lambda body: rehashed(body | {"projects": body["projects"] * 2}), "not a plan that this version"),
    (lambda body: rehashed(body | {"created": "x"}), "not a plan that this version"),
    (lambda body: rehashed(body | {"protected": [1]}), "not a plan that this version"),
    (lambda body: rehashed(body | {"unmatched": None}), "not a plan that this version"),
    (in_scope(notSearched=3), "not a plan that this version"),
    (in_scope(rows=[1]), "not a plan that this version"),
    (in_scope(selectors=[{}]), "not a plan that this version"),
    (in_scope(selectors=None), "not a plan that this version"),
    (in_project(iterationsHolding=[{}]), "not a plan that this version"),
    (in_project(exportedModels="x"), "not a plan that this version"),
    (in_project(whole="no"), "not a plan that this version"),
    (in_project(rows={"tags": {str(uuid.UUID(int=1)): None}}), "not a plan that this version"),
    (in_project(losingRegions=True), "not a plan that this version"),
    (in_project(rows={"tags": {"x": "0" * 16}}), "not a plan that this version"),
    (lambda body: rehashed(body | {"approved": True}), "not a plan that this version"),
    (lambda body: rehashed({k: v for k, v in body.items() if k != "unmatched"}), "not a plan that this version"),
    (lambda body: rehashed(body | {"projects": [without(body["projects"][0], "held")]}), "not a plan that this"),
    (altered, "altered"),
    (lambda body: body | {"protected": ["x"]}, "altered"),
    (lambda body: body | {"hash": "0" * 64}, "altered"),
    (lambda body: {name: value for name, value in body.items() if name != "hash"}, "altered"),
    (lambda body: body | {"format": "another plan 1"}, "not a plan"),
    (lambda body: rehashed(body | {"projects": [{"id": "x", "surprise": 1}]}), "not a plan that this version"),
    (
        lambda body: rehashed(body | {"projects": [{"id": "x", "name": "x", "whole": True, "rows": [1]}]}),
        "not a plan",
    ),
    (lambda body: rehashed(body | {"projects": "x"}), "not a plan"),
    (lambda body: rehashed({k: v for k, v in body.items() if k != "endpoint"}), "another endpoint"),
    (
        lambda body: rehashed(
            body | {"projects": [body["projects"][0] | {"rows": {"account": {"account": "0" * 16}}}]}
        ),
        "not a plan",
    ),
    (lambda body: [body], "not a plan"),
    (lambda _: {}, "not a plan"),
    (lambda _: "x", "not a plan"),
]


@pytest.mark.slow
def test_an_altered_or_foreign_plan_is_refused(sim, erase, plan):
    stock(sim)
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0
    saved, before = json.loads(plan.read_text()), state(sim)

    for number, (change, words) in enumerate(CHANGES):
        plan.write_text(json.dumps(change(saved)))
        ran = erase("--plan", plan)
        assert ran.code == 2, number
        assert words in ran.err, number

    assert calls(sim) == []
    others_untouched(sim, before, set())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, None])
def test_a_plan_that_is_not_json_is_refused(sim, erase, plan, content):
    if content is not None:
        plan.write_bytes(content)

    ran = erase("--plan", plan)

    assert ran.code == 2
    assert str(plan) in ran.err
    assert sim.calls == []


def test_a_plan_of_another_endpoint_is_refused(sim, erase, plan):
    stock(sim)
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0
    with Simulator() as elsewhere:
        stock(elsewhere)
        before = state(elsewhere)
        ran = CommandLine(elsewhere.endpoint, elsewhere.training_key)("delete", "--plan", plan, "--yes", "--json")

        assert ran.code == 2
        assert "another endpoint" in ran.err
        others_untouched(elsewhere, before, set())


@pytest.mark.parametrize(
    "extra",
    [["images"], ["--all"], ["--project", "Visitors"], ["--tag", "alice"], ["--metadata", "a=b"], ["--save-plan", "b"]],
)
def test_a_plan_takes_no_other_scope(sim, erase, plan, extra):
    stock(sim)
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0

    assert erase("--plan", plan, *extra).code == 2
    assert calls(sim) == []


def test_a_plan_file_is_never_overwritten(sim, erase, plan):
    stock(sim)
    plan.write_text("mine")

    assert erase("--all", "--save-plan", plan).code == 2
    assert plan.read_text() == "mine"
    assert calls(sim) == []


@pytest.mark.parametrize(("limit", "code"), [(17, 0), (16, 2), (0, 2)])
def test_a_plan_larger_than_allowed_is_refused(sim, erase, limit, code):
    stock(sim)
    before = state(sim)
    assert erase("--all", "--dry-run").json["total"] == 17

    assert erase("--all", "--max-delete", str(limit)).code == code

    if code:
        others_untouched(sim, before, set())
        assert not erase.ledger_file.exists()


@pytest.mark.slow
def test_a_plan_can_be_executed_any_number_of_times(sim, erase, plan):
    stock(sim, predictions=0)
    assert erase("--all", "--tag", "alice", "--dry-run", "--save-plan", plan).code == 0
    assert erase("--plan", plan).code == 0
    sim.calls.clear()

    assert erase("--plan", plan).code == 0

    assert calls(sim) == []
    assert set(erase.states().values()) == {"gone already"}


def test_a_plan_resumes_after_its_iterations_were_unpublished(sim, erase, plan):
    project = stock(sim)
    assert erase("--all", "--dry-run", "--save-plan", plan).code == 0
    for iteration in sim.store.projects[project].iterations.values():
        iteration.publish_name = iteration.publish_resource = None

    assert erase("--plan", plan).code == 0
    assert sim.store.projects == {}


def test_a_plan_that_is_too_large_is_not_saved(sim, erase, tmp_path):
    stock(sim)
    ran = erase("tags", "--all", "--dry-run", "--save-plan", tmp_path / "p.json", "--max-delete", "2", confirmed=False)
    assert (ran.code, (tmp_path / "p.json").exists()) == (2, False)


def test_a_dry_run_says_in_any_case_why_it_ends_with_3(sim, erase):
    stock(sim)
    ran = erase("images", "--all", "--metadata", "subject=nobody", "--dry-run", "-q", confirmed=False, as_json=False)
    assert (ran.code, ran.out) == (3, "")
    assert "Error: nothing in images matches --metadata subject=" in ran.err


def test_hints_ask_the_same_resource(sim, cli, tmp_path):
    stock(sim, images=3)
    (tmp_path / "key").write_text(sim.training_key)
    connection = ("--endpoint", sim.endpoint, "--key-file", tmp_path / "key")
    words = ("delete", "images", "--all", "--metadata", "subject=nr-4711", *connection)
    told = " ".join(map(str, connection))
    planned = cli(*words, "--dry-run", "--save-plan", tmp_path / "plan.json")
    assert f"cv-gdpr delete --plan {tmp_path / 'plan.json'} {told} executes it" in planned.err
    assert f"cv-gdpr export --all {told} --out BAG" in cli("list", *words[2:]).out
    assert f"{told}\n" in cli(*words, "--yes", "--evidence", tmp_path / "e.json").out  # to delete the model
