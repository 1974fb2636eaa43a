"""Nothing unsearched passes for erased: stored predictions that no selector searched, in deletion and export."""

import json

import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import bearing, ids, predicted, stock

HOW = "cv-gdpr find BAG PHOTO --out FOUND"


def unsearched(evidence):
    """Return project -> how many stored predictions nothing searched."""
    return {one["id"]: one["predictionsNotSearched"] for one in evidence["projects"] if "predictionsNotSearched" in one}


@pytest.mark.slow
@pytest.mark.parametrize("selector", [("--tag", "alice"), ("--metadata", "subject=nr-4711")])
def test_stored_predictions_are_counted_and_the_end_is_3(sim, erase, selector):
    here, there = stock(sim), stock(sim, "Strangers", predictions=0)
    ran = erase("--all", *selector)
    assert ran.code == 3
    assert ran.json["verdict"].startswith("done in part: everything in the plan is gone; stored predictions were not")
    assert unsearched(erase.evidence) == {here: 3}
    assert f"3 stored predictions in project {here}" in ran.err
    assert HOW in ran.err
    assert there not in ran.err
    assert len(ids(sim, here, "predictions")) == 3
    assert "Stored predictions that were not searched: 3" in erase.certificate
    assert erase.verified() == 0


def test_a_dry_run_says_so_before(sim, erase):
    project = stock(sim)
    ran = erase("--all", "--tag", "alice", "--dry-run", as_json=False)
    assert ran.code == 3
    assert f"not searched: 3 stored predictions in project {project}" in ran.out


TOLD = {
    # case: more words of the command, what the block says, what it does not
    "plan": (
        ("alice", "--dry-run"),
        "  - search the stored predictions first, since the originals will be gone after the deletion: ",
        "made before",
    ),
    "result": (("alice",), "or with --with-copies-from and an export made before this erasure", "from BAG"),
    "nothing found": (
        ("nobody",),
        "  - no picture that the selectors describe is held: check how they are spelled. ",
        "from BAG",
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_it_names_only_a_search_that_can_work(sim, erase, case):
    words, told, wrong = TOLD[case]
    stock(sim)
    ran = erase("--all", "--tag", *words, as_json=False)
    assert ran.code == 3
    block = ran.out.partition("What to do:")[2]
    assert told in block
    assert HOW in block
    assert wrong not in ran.out + ran.err


SEARCHED = {
    # case: the words of the command
    "by id": ("--image-id", "PREDICTION"),
    "a named row": ("images", "--tag", "alice"),
    "predictions by age": ("predictions", "--before", "2999-01-01"),
    "a model": ("--iteration", "Iteration 1"),
}


@pytest.mark.parametrize("case", SEARCHED)
def test_what_was_searched_or_not_asked_for_ends_in_0(sim, erase, case):
    project = stock(sim)
    prediction = min(ids(sim, project, "predictions"))
    row, *words = [word.replace("PREDICTION", prediction) for word in SEARCHED[case]]
    ran = erase(row, "--all", *words) if not row.startswith("--") else erase("--all", row, *words)
    assert ran.code == 0, ran.err
    assert unsearched(erase.evidence) == {}


def test_predictions_that_cannot_be_counted_are_a_shortfall(sim, erase):
    project = stock(sim)
    alices = bearing(sim, project, "alice")
    sim.fault(Fault("QueryPredictions", status=500, times=None))
    ran = erase("--all", "--tag", "alice")
    assert ran.code == 3
    assert unsearched(erase.evidence) == {project: None}
    assert alices.isdisjoint(ids(sim, project, "images"))
    assert "the stored predictions (not counted)" in ran.err


def test_an_export_counts_them_too(sim, cli, tmp_path):
    project = stock(sim)
    ran = cli("export", "--all", "--tag", "alice", "--json", "--out", tmp_path / "bag")
    assert ran.code == 3
    document = json.loads(ran.out)
    assert (document["predictionsNotSearched"], document["missing"]) == ({project: 3}, [])
    assert HOW in ran.err
    assert "Stored-Predictions-Not-Searched: 3\n" in (tmp_path / "bag" / "bag-info.txt").read_text()
    assert cli("verify", tmp_path / "bag").code == 0


def test_a_probability_widens_the_predicted_tag(sim, erase):
    project = stock(sim, predictions=9)
    stored = sim.store.projects[project].predictions.values()
    name = next(iter(stored)).guesses[-1].tag.name
    likely = {
        one.id for one in stored if any(each.tag.name == name and each.probability >= 0.2 for each in one.guesses)
    }
    assert predicted(sim, project, name) != likely != set()
    ran = erase("--all", "--predicted-tag", name, "--min-probability", "0.2")
    assert ran.code == 0, ran.err
    assert set(erase.states()) == likely
    assert erase.evidence["scope"]["minProbability"] == 0.2


USAGE = {
    # case: (words, what the error says)
    "selectors of two rows": (("--all", "--tag", "alice", "--predicted-tag", "alice"), "no row can be narrowed by all"),
    "a tag of predictions": (("predictions", "--all", "--tag", "alice"), "--tag cannot narrow predictions"),
    "a probability alone": (("--all", "--min-probability", "0.5"), "--min-probability needs --predicted-tag"),
    "too probable": (("--all", "--predicted-tag", "a", "--min-probability", "1.5"), "1.5"),
    "not a number": (("--all", "--predicted-tag", "a", "--min-probability", "nan"), "not a number from 0 to 1"),
}


@pytest.mark.parametrize("case", USAGE)
def test_selectors_that_cannot_stand_together_are_refused(sim, erase, case):
    words, told = USAGE[case]
    ran = erase(*words)
    assert ran.code == 2
    assert told in ran.err
    assert sim.calls == []
