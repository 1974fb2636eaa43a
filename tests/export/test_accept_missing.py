"""A bag may be closed though items are missing: it says so itself, and nothing else in it may lack."""

import json

import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import project_folder, stock
from tests.verify.forging import seal

PERFORMANCE = "GetIterationPerformance"
GAPS = {
    "the performance of one iteration": ("GetIterationPerformance", 0, {"status": 500}),
    "the images of one iteration": ("GetTaggedImages", 0, {"status": 500}),
    "the tags of one iteration": ("GetTags", 0, {"status": 400, "body": {"code": "Bad", "message": "x"}}),
    "the models of one iteration": ("GetExports", 0, {"status": 500}),
    "the list of iterations": ("GetIterations", None, {"status": 500}),
    "the tags": ("GetTags", None, {"status": 500}),
    "the predictions": ("QueryPredictions", None, {"status": 500}),
    "the project's details": ("GetProject", None, {"status": 500}),
    "a tag's details": ("GetTag", None, {"status": 500}),
    "every blob": ("Blob", None, {"status": 400}),
    "an iteration's details": ("GetIteration", 0, {"status": 500}),
}


def export(cli, out, *words):
    return cli("export", "--all", "--json", *words, "--out", out, CV_GDPR_EXPORT_PATIENCE="0.05")


def arm(sim, project, name):
    operation, iteration, fault = GAPS[name]
    ids = list(sim.store.projects[project].iterations)
    of_project = [project, project.replace("-", "")]  # as API and storage write it
    for match in of_project if iteration is None else [ids[iteration]]:
        sim.fault(Fault(operation, times=None, match=match, **fault))


@pytest.mark.slow
def test_a_bag_that_is_not_complete_says_so(sim, cli, tmp_path):
    """One export of a project for each gap."""
    projects, out = {name: stock(sim) for name in GAPS}, tmp_path / "out"
    for name, project in projects.items():
        arm(sim, project, name)

    ran = export(cli, out, "--accept-missing")

    assert ran.code == 3, ran.err
    assert {one["project"] for one in ran.json["missing"]} == set(projects.values())
    assert ran.json["retryable"] is False
    assert "Complete: no\n" in (out / "bag-info.txt").read_text()
    named = [json.loads(line) for line in (out / "data" / "missing.jsonl").read_text().splitlines()]
    assert named == ran.json["missing"]
    checked = cli("verify", out, "--json")
    assert checked.code == 3, checked.out
    assert checked.json["differences"] == []


def test_a_missing_account_is_not_a_difference(sim, cli, tmp_path):
    sim.fill(images=1)
    sim.fault(Fault("GetAccountInfo", times=None, status=500))
    assert export(cli, tmp_path / "out", "--accept-missing").code == 3
    checked = cli("verify", tmp_path / "out", "--json")
    assert (checked.code, checked.json["differences"]) == (3, [])


def test_without_the_option_the_folder_stays_open(sim, cli, tmp_path):
    project, out = stock(sim), tmp_path / "out"
    arm(sim, project, "the performance of one iteration")
    assert export(cli, out).code == 3
    assert not (out / "bagit.txt").exists()
    assert (out / "missing.jsonl").exists()


def test_a_complete_bag_says_so(sim, cli, tmp_path):
    stock(sim)
    assert export(cli, tmp_path / "out", "--accept-missing").code == 0
    assert "Complete: yes\n" in (tmp_path / "out" / "bag-info.txt").read_text()
    assert cli("verify", tmp_path / "out").code == 0


def test_a_gap_excuses_nothing_else(sim, cli, tmp_path):
    """What is lost beyond the named gap is a difference."""
    project, out = stock(sim), tmp_path / "out"
    arm(sim, project, "the performance of one iteration")
    assert export(cli, out, "--accept-missing").code == 3
    next((project_folder(out, project) / "images").iterdir()).unlink()
    seal(out)
    assert cli("verify", out).code == 4


@pytest.mark.slow
@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_a_list_of_gaps_that_is_gone_is_a_difference(sim, cli, tmp_path, how):
    project, out = stock(sim), tmp_path / "out"
    arm(sim, project, "the performance of one iteration")
    assert export(cli, out, "--accept-missing").code == 3
    path = out / "data" / "missing.jsonl"
    path.unlink() if how == "removed" else path.write_text("")
    seal(out)
    assert cli("verify", out).code == 4


@pytest.mark.slow
def test_a_required_export_judges_what_would_be_deleted(sim, cli, tmp_path):
    """It need not be complete, but it must hold what goes."""
    project, out = stock(sim), tmp_path / "out"
    arm(sim, project, "the performance of one iteration")
    assert export(cli, out, "--accept-missing").code == 3
    words = ("--all", "--yes", "--require-export", out, "--evidence", tmp_path / "erasure.json")
    assert cli("delete", "predictions", *words).code == 0


@pytest.mark.slow
def test_a_required_export_without_an_image_is_refused(sim, cli, tmp_path):
    project, out = stock(sim), tmp_path / "out"
    arm(sim, project, "every blob")
    assert export(cli, out, "--accept-missing").code == 3
    words = ("--all", "--yes", "--require-export", out, "--evidence", tmp_path / "erasure.json")
    assert cli("delete", "images", *words).code == 2
