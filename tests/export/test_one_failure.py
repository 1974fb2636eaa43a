"""What fails costs only itself: it is named, everything else is exported, and the exit code is 3."""

import json

import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import project_folder, records, stock

PERFORMANCE = "GetIterationPerformance"
BROKEN = {
    "an HTML page": {"body": b"<html>", "headers": {"Content-Type": "text/html"}, "status": 200},
    "NaN": {"body": b'{"precision": NaN}', "status": 200},
    "a broken body": {"body": b'{"precision": 0.', "status": 200},
    "400": {"status": 400, "body": {"code": "BadRequestIterationValidationFailed", "message": "x"}},
    "500": {"status": 500},
    "403": {"status": 403, "body": {"code": "Forbidden", "message": "x"}},
}
LISTINGS = {"GetTaggedImages": "images", PERFORMANCE: "performance", "GetExports": "exports", "GetTags": "tags"}


@pytest.fixture
def two(sim):
    """Two projects, each with two iterations."""
    return [stock(sim), stock(sim)]


def exported(cli, out, *words):
    return cli("export", "--all", "--json", *words, "--out", out, CV_GDPR_EXPORT_PATIENCE="0.1")


@pytest.mark.parametrize("operation", [PERFORMANCE, "GetTaggedImages", "GetTags"])
def test_a_listing_of_one_iteration_costs_itself(sim, cli, tmp_path, operation):
    """One export of a project for each kind of failure, in which one of two iterations fails."""
    failing, other = {}, {}
    for how in BROKEN.values():
        project = stock(sim)
        failing[project], other[project] = sim.store.projects[project].iterations
        sim.fault(Fault(operation, times=None, match=failing[project], **how))

    ran = exported(cli, tmp_path / "out")

    assert ran.code == 3, ran.err
    rows = {LISTINGS[operation], *(["images"] if operation == "GetTags" else [])}  # suggestions are asked for by tag
    named = {(one["project"], one["row"], one["iteration"]) for one in ran.json["missing"]}
    assert named == {(project, row, iteration) for project, iteration in failing.items() for row in rows}
    for project, iteration in failing.items():
        assert f"of iteration {iteration}" in ran.err
        folder = project_folder(tmp_path / "out", project)
        assert len(list(records(folder / "images.jsonl"))) == len(sim.store.projects[project].workspace.images)
        (kept,) = folder.glob(f"iterations/*{other[project]}")
        assert {"images.jsonl", "performance.json"} <= {path.name for path in kept.iterdir()}

    sim.clear_faults()
    assert exported(cli, tmp_path / "out").code == 0
    assert cli("verify", tmp_path / "out").code == 0


OF_PROJECT = ("GetTags", "GetIterations", "GetProject", "QueryPredictions", "GetUntaggedImages")


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_a_listing_of_one_project_costs_itself(sim, cli, tmp_path, status):
    """One export of a project for each listing, which fails there, and of one where nothing fails."""
    *failing, other = (stock(sim) for _ in (*OF_PROJECT, "none"))
    for project, operation in zip(failing, OF_PROJECT, strict=True):
        sim.fault(Fault(operation, times=None, match=project, status=status, body={"code": "Bad", "message": "x"}))

    ran = exported(cli, tmp_path / "out")

    assert ran.code == 3, ran.err
    assert {one["project"] for one in ran.json["missing"]} == set(failing)
    kept = records(project_folder(tmp_path / "out", other) / "images.jsonl")
    assert len(list(kept)) == len(sim.store.projects[other].workspace.images)


@pytest.mark.usefixtures("two")
def test_a_key_that_may_read_nothing_ends_with_5(sim, cli, tmp_path):
    for operation in ("GetProject", "GetTags", "GetIterations", "GetTaggedImages", "QueryPredictions", "GetImageCount"):
        sim.fault(Fault(operation, times=None, status=403, body={"code": "Forbidden", "message": "x"}))
    ran = exported(cli, tmp_path / "out")
    assert ran.code == 5, ran.err
    assert "403" in ran.err


@pytest.mark.parametrize("status", ["Importing", "Failed"])
def test_a_project_that_is_not_whole_yet_is_named(sim, cli, tmp_path, two, status):
    listed = {"id": two[0], "name": "Project 1", "status": status}
    sim.fault(Fault("GetProject", times=None, match=two[0], body=listed))
    ran = exported(cli, tmp_path / "out")
    assert ran.code == 3, ran.err
    (missing,) = ran.json["missing"]
    assert (missing["row"], missing["id"]) == ("projects", two[0])
    assert f"its status is {status}" in missing["reason"]


def test_one_tag_that_is_refused_costs_itself(sim, cli, tmp_path, two):
    tag = next(iter(sim.store.projects[two[0]].workspace.tags))
    sim.fault(Fault("GetTag", times=None, match=tag, status=500))
    ran = exported(cli, tmp_path / "out")
    assert ran.code == 3, ran.err
    assert {(one["row"], one["id"]) for one in ran.json["missing"]} == {("tags", tag)}


def test_a_selected_tag_counts_as_unknown_only_if_all_was_read(sim, cli, tmp_path, two):
    sim.fault(Fault("GetTags", times=None, match=two[0], status=403, body={"code": "Forbidden", "message": "x"}))
    ran = cli("export", "images", "--all", "--tag", "nobody", "--json", "--out", tmp_path / "out")
    assert ran.code == 3, ran.err
    assert json.loads(ran.out)["unmatched"] == ["--tag nobody"]
