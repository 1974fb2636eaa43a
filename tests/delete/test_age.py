"""Age and holds: what is old is deleted, what a legal hold names is kept, and a resumed run keeps its time."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import calls, ids, stock

NOWHERE = "d" * 8 + "-0000-4000-8000-" + "d" * 12


def age(sim, project, row, *, days):
    """Make the first half of a row that many days old and the rest new, and return the ids of the first half."""
    holder = sim.store.projects[project]
    images = {
        one for place in (holder.workspace, *(it.snapshot for it in holder.iterations.values())) for one in place.images
    }
    held = {"images": sorted(images), "predictions": list(holder.predictions)}[row]
    old = set(held[: len(held) // 2])
    now = datetime.now(UTC)
    places = [holder.predictions, holder.workspace.images, *(one.snapshot.images for one in holder.iterations.values())]
    for place in places:
        for one in set(place) & set(held):
            created = now - timedelta(days=days) if one in old else now
            place[one] = replace(place[one], created=created)
    return old


@pytest.mark.slow
@pytest.mark.parametrize("row", ["images", "predictions"])
@pytest.mark.parametrize("words", [("--older-than", "90d"), ("--older-than", "3m"), ("--before", "DATE")])
def test_what_is_old_is_deleted(sim, erase, row, words):
    project = stock(sim)
    before = ids(sim, project, row)
    old = age(sim, project, row, days=100)
    date = f"{datetime.now(UTC) - timedelta(days=50):%Y-%m-%dT%H:%M:%S+00:00}"
    ran = erase(row, "--all", *[word.replace("DATE", date) for word in words])
    assert ran.code == 0, ran.err
    assert ids(sim, project, row) == before - old
    assert set(erase.states()) == old
    assert erase.evidence["scope"]["before"] < f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert erase.verified() == 0


def test_nothing_old_is_done(sim, erase):
    age(sim, stock(sim), "predictions", days=100)
    ran = erase("predictions", "--all", "--older-than", "2y")
    assert ran.code == 0, ran.err
    assert ran.json["verdict"].startswith("nothing to delete")
    assert calls(sim) == []


def test_a_published_iteration_is_not_taken_by_age(sim, erase):
    project = stock(sim)
    published = {one.id for one in sim.store.projects[project].iterations.values() if one.publish_name}
    others = ids(sim, project, "iterations") - published
    ran = erase("iterations", "--all", "--before", "2999-01-01")
    assert ran.code == 3
    assert ids(sim, project, "iterations") == published
    assert set(erase.states("iterations")) == others
    assert all(f"Kept: iteration {one} of project {project} is published" in ran.err for one in published)
    assert erase.evidence["projects"][0]["keptPublished"] == sorted(published)


def test_a_named_iteration_is_taken_published_or_not(sim, erase):
    project = stock(sim)
    first = next(one for one in sim.store.projects[project].iterations.values() if one.publish_name)
    ran = erase("--all", "--iteration", first.name, "--before", "2999-01-01")
    assert ran.code == 0, ran.err
    assert first.id not in ids(sim, project, "iterations")
    assert len(ids(sim, project, "iterations")) == 1


def test_age_alone_needs_a_row(sim, erase):
    ran = erase("--all", "--older-than", "90d")
    assert ran.code == 2
    assert "age alone deletes only with a ROW" in ran.err
    assert sim.calls == []


INVALID = ["1100y", "90", "0d", "-1d", "6w", "d", "99999y", "6 m", "\u0663d", ""]


@pytest.mark.parametrize("text", INVALID)
def test_what_is_not_an_age_is_refused(sim, erase, text):
    assert erase("images", "--all", f"--older-than={text}").code == 2
    assert sim.calls == []


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-02-30", "", "12"])
def test_what_is_not_a_date_is_refused(sim, erase, text):
    assert erase("images", "--all", f"--before={text}").code == 2
    assert sim.calls == []


def test_both_ages_are_refused(erase):
    ran = erase("images", "--all", "--before", "2026-01-01", "--older-than", "1d")
    assert ran.code == 2
    assert "either --before or --older-than" in ran.err


def test_a_record_without_a_date_costs_its_project(sim, erase):
    stock(sim)

    def without_created(answer):
        records = json.loads(answer.body)
        for one in records:
            one.pop("created", None)
        return replace(answer, body=json.dumps(records).encode())

    sim.fault(Fault("GetTaggedImages", times=None, edit=without_created))
    ran = erase("images", "--all", "--before", "2999-01-01")
    assert ran.code in {1, 3}
    assert "does not say when it was created" in ran.err
    assert calls(sim) == []


# --- a hold -----------------------------------------------------------------------------------------------------


def test_a_hold_keeps_images_and_predictions(sim, erase, tmp_path):
    project = stock(sim)
    image, prediction = min(ids(sim, project, "images")), min(ids(sim, project, "predictions"))
    hold = tmp_path / "hold.txt"
    hold.write_text(f"{image}  # case 12\n{prediction}\n")
    ran = erase("--all", "--except-ids-file", hold)
    assert ran.code == 0, ran.err
    assert (ids(sim, project, "images"), ids(sim, project, "predictions")) == ({image}, {prediction})
    assert erase.evidence["projects"][0]["kept"] == sorted([image, prediction])
    assert f"Kept, as a hold asks for: {', '.join(sorted([image, prediction]))}" in erase.certificate


@pytest.mark.slow
def test_a_hold_that_names_nothing_is_said_before(sim, erase, tmp_path):
    stock(sim)
    hold = tmp_path / "hold.txt"
    hold.write_text(NOWHERE)
    dry = erase("images", "--all", "--except-ids-file", hold, "--dry-run", as_json=False)
    assert dry.code == 3
    assert f"nothing in images matches --except-ids-file {NOWHERE}" in dry.out
    ran = erase("images", "--all", "--except-ids-file", hold)
    assert ran.code == 2
    assert NOWHERE in ran.err
    assert calls(sim) == []
    assert erase("images", "--all", "--except-ids-file", hold, "--missing-ok").code == 0


def test_an_empty_hold_is_refused(sim, erase, tmp_path):
    (tmp_path / "hold.txt").write_text("# none\n")
    ran = erase("images", "--all", "--except-ids-file", tmp_path / "hold.txt")
    assert ran.code == 2
    assert "--except-ids-file" in ran.err
    assert sim.calls == []


# --- a resumed run keeps its time -------------------------------------------------------------------------------


def test_a_resumed_deletion_keeps_the_time_of_its_first_start(sim, erase, tmp_path):
    project = stock(sim)
    old = age(sim, project, "predictions", days=100)
    sim.fault(Fault("DeletePrediction", status=401, times=1))
    evidence = tmp_path / "e.json"
    assert erase("predictions", "--all", "--older-than", "90d", evidence=evidence).code == 5
    first = erase.evidence["scope"]["before"]
    ledger = evidence.with_suffix(".jsonl")
    earlier = first.replace(first[:4], str(int(first[:4]) - 1))
    assert first in ledger.read_text()
    assert earlier not in ledger.read_text()
    ran = erase("predictions", "--all", "--older-than", "90d", evidence=evidence)
    assert ran.code == 0, ran.err
    assert erase.evidence["scope"]["before"] == first
    assert ids(sim, project, "predictions").isdisjoint(old)


def test_a_resumed_export_keeps_the_time_of_its_first_start(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("Blob", status=404, times=1))
    words = ("export", "predictions", "--all", "--older-than", "1d", "--out", tmp_path / "bag")
    age(sim, next(iter(sim.store.projects)), "predictions", days=2)
    sim.fault(Fault("QueryPredictions", status=500, times=None))
    assert cli(*words).code != 0
    sim.clear_faults()
    run = next((tmp_path / "bag").rglob("run.json"))
    begun = json.loads(run.read_text())
    run.write_text(json.dumps(begun | {"before": begun["before"].replace("T", "T")}))
    assert cli(*words).code == 0
    summary = json.loads((tmp_path / "bag" / "data" / "export.json").read_text())
    assert summary["before"] == begun["before"]


def test_a_hold_guards_what_goes_with_an_iteration(sim, erase, tmp_path):
    project = stock(sim)
    (alone,) = ids(sim, project, "images") - set(sim.store.projects[project].workspace.images)
    hold = tmp_path / "hold.txt"
    hold.write_text(alone)
    ran = erase("iterations", "--all", "--except-ids-file", hold)
    assert ran.code == 3
    assert alone in ids(sim, project, "images")
    assert ids(sim, project, "iterations")
    assert "alone holds a kept image" in ran.err
    assert "cv-gdpr delete iterations" not in ran.out + ran.err


def test_what_matched_and_is_held_was_found(sim, erase, tmp_path):
    project = stock(sim)
    hers = next(one for one in sim.store.projects[project].workspace.images.values() if one.metadata)
    hold = tmp_path / "hold.txt"
    hold.write_text(hers.id)
    value = f"subject={hers.metadata['subject']}"
    ran = erase("images", "--all", "--metadata", value, "--except-ids-file", hold)
    assert ran.code == 0, ran.err
    assert ran.json["notFound"] == []
    assert "is kept" in ran.json["verdict"]
    assert "nothing matched" not in erase.certificate


def test_what_matched_and_is_too_new_was_found(sim, erase):
    project = stock(sim)
    age(sim, project, "images", days=3)
    ran = erase("images", "--all", "--tag", "alice", "--older-than", "30d")
    assert ran.code == 0, ran.err


def test_an_iteration_is_named_by_its_id_in_any_case(sim, erase):
    project = stock(sim)
    one = min(ids(sim, project, "iterations"))
    assert erase("--all", "--iteration", one.upper()).code == 0
    assert one not in ids(sim, project, "iterations")


@pytest.mark.parametrize("option", ["--with-iterations", "--missing-ok"])
def test_a_saved_plan_takes_no_option_that_changes_it(sim, erase, tmp_path, option):
    stock(sim)
    assert erase("images", "--all", "--dry-run", "--save-plan", tmp_path / "plan.json").code == 0
    assert erase("--plan", tmp_path / "plan.json", option).code == 2
    assert calls(sim) == []
