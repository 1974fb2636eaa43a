"""What fails costs only itself: it is named, everything else is exported, and the exit code is 3."""

import json

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.answers import Answer
from cv_gdpr.table import readers
from tests.export.exporting import project_folder, records, stock

pytestmark = pytest.mark.slow

PERFORMANCE = "GetIterationPerformance"
BROKEN = {
    "an HTML page": {"body": b"<html>", "headers": {"Content-Type": "text/html"}, "status": 200},
    "NaN": {"body": b'{"precision": NaN}', "status": 200},
    "a broken body": {"body": b'{"precision": 0.', "status": 200},
    "400": {"status": 400, "body": {"code": "BadRequestIterationValidationFailed", "message": "x"}},
    "500": {"status": 500},
    "403": {"status": 403, "body": {"code": "Forbidden", "message": "x"}},
    "no answer": {"drop": True},
    "403 that quotes a name": {"status": 403, "body": {"code": "Forbidden", "message": "'Virtual network' is locked"}},
    "a role": {"status": 401, "body": {"error": {"code": "PermissionDenied", "message": "Principal does not have"}}},
    "a redirect": {"status": 302, "headers": {"Location": "https://x/"}},
    "407": {"status": 407},
    "an answer cut off": {"cut": 5},
    "a damaged answer": {"body": b"xx", "headers": {"Content-Encoding": "gzip"}},
    "a key twice": {"status": 200, "content_type": "application/json", "body": b'[{"id": "a", "n": 1, "n": 2}]'},
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
    for how in list(BROKEN.values())[: None if operation == PERFORMANCE else 7]:
        project = stock(sim, images=5, untagged=1)
        failing[project], other[project] = sim.store.projects[project].iterations
        sim.fault(Fault(operation, times=None, match=failing[project], **how))

    ran = exported(cli, tmp_path / "out")

    assert ran.code == 3, ran.err
    assert "could not be reached" not in ran.err
    assert "check the endpoint" not in ran.err.rpartition("Hint: ")[2]
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
@pytest.mark.parametrize("refusal", ["403", "a role"])
def test_a_key_that_may_read_nothing_ends_with_5(sim, cli, tmp_path, refusal):
    for operation in ("GetProject", "GetTags", "GetIterations", "GetTaggedImages", "QueryPredictions", "GetImageCount"):
        sim.fault(Fault(operation, times=None, **BROKEN[refusal]))
    ran = exported(cli, tmp_path / "out")
    assert ran.code == 5, ran.err
    assert str(BROKEN[refusal]["status"]) in ran.err
    assert ("needs a role" in ran.err) == (refusal == "a role")


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


SELECTORS = {"GetTags": ("--tag", "nobody"), "GetTaggedImages": ("--metadata", "subject=nobody")}


@pytest.mark.parametrize("operation", SELECTORS)
def test_a_value_is_not_found_only_where_all_was_read(sim, cli, tmp_path, two, operation):
    words = SELECTORS[operation]
    sim.fault(Fault(operation, times=None, match=two[0], **BROKEN["403"]))
    ran = exported(cli, tmp_path / "out", *words, "--accept-missing")
    assert ran.code == 3, ran.err
    assert ran.json["unmatched"] == []
    assert len(ran.json["undecided"]) == 1
    assert "nothing matches" not in ran.err
    assert "not everything could be searched" in ran.err
    (selector,) = json.loads((tmp_path / "out" / "data" / "export.json").read_text())["selectors"]
    assert selector["matched"] is None
    assert cli("verify", tmp_path / "out").code == 3
    sim.clear_faults()
    if operation != "GetTags":  # an unknown tag is a usage error
        assert exported(cli, tmp_path / "again", *words).json["unmatched"] == ["--metadata subject=…"]


def odd(fields, value):
    """Return an edit of an answer: that value in these fields of each of its records."""

    def edit(answer):
        found = json.loads(answer.body)
        for record in found if isinstance(found, list) else [found]:
            record.update(dict.fromkeys(fields, value))
        return Answer(answer.status, json.dumps(found).encode(), answer.content_type, answer.headers)

    return edit


ODD_FIELDS = {
    "GetProject": ("status", "name", "settings"),
    "GetIterations": ("status", "name", "publishName"),
    "GetExports": ("status", "platform", "flavor", "downloadUri"),
    "GetTags": ("name", "imageCount"),
    "GetTaggedImages": ("tags", "regions", "metadata", "originalImageUri", "created"),
}


def test_a_value_of_another_type_stops_nothing(sim, cli, tmp_path):
    for value in ([1], {}, 5):
        project = stock(sim)
        for operation, fields in ODD_FIELDS.items():
            sim.fault(Fault(operation, times=None, match=project, edit=odd(fields, value)))
    ran = exported(cli, tmp_path / "out")
    assert ran.code in {0, 3}, ran.err
    assert "unexpected" not in ran.err


def test_a_bug_at_one_project_costs_that_row_of_it(cli, tmp_path, two, monkeypatch, caplog):
    usual = readers._tags_in

    def broken(project, place):
        if project.id == two[0]:
            raise TypeError("a bug")
        return usual(project, place)

    monkeypatch.setattr(readers, "_tags_in", broken)
    ran = exported(cli, tmp_path / "out", "--accept-missing", "-vv")
    assert ran.code == ran.json["exitCode"] == 1
    assert {(one["project"], one["row"]) for one in ran.json["missing"]} == {(two[0], "tags"), (two[0], "images")}
    assert "unexpected TypeError: a bug" in ran.err
    assert "Traceback" in caplog.text  # written to standard error where no test captures logs
    assert not (tmp_path / "out" / "bagit.txt").exists()
    assert (project_folder(tmp_path / "out", two[1]) / "tags.jsonl").exists()
    monkeypatch.undo()
    assert exported(cli, tmp_path / "out").code == 0
