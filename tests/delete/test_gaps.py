"""--require-export with a bag that is not complete: what it names as missing is not deleted."""

import json

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.archive.bag import Bag
from cv_gdpr.delete.plan import ProjectPlan
from cv_gdpr.delete.required_export import gaps_of
from tests.delete.erasing import calls, stock

A, B = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"
ONE, TWO = "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"


class Planned:
    """A plan as the check reads it: its projects."""

    def __init__(self, rows):
        self.projects = [ProjectPlan(id=A, name="A", whole="projects" in rows, rows=rows)]


def gap(row, iteration=None, file=None, named=None, project=A):
    return {
        "project": project, "row": row, "iteration": iteration, "file": file, "id": named, "source": None, "reason": "x"
    }  # fmt: skip


WHOLE = {"projects": {A: "m"}}
ITERATION = {"iterations": {ONE: "m"}}
IMAGE = {"images": {ONE: "m"}}
TAG = {"tags": {ONE: "m"}}
PREDICTIONS = {"predictions": {ONE: "m"}}
ITERATION_LIST = "iterations.jsonl"
CASES = [
    (gap("performance", ONE, "performance.json"), ITERATION, True),
    (gap("performance", TWO, "performance.json"), ITERATION, False),
    (gap("performance", None, ITERATION_LIST), ITERATION, True),
    (gap("performance", ONE, "performance.json"), IMAGE, False),
    (gap("performance", ONE, "performance.json"), WHOLE, True),
    (gap("images", ONE, "images.jsonl"), ITERATION, True),
    (gap("images", TWO, "images.jsonl"), ITERATION, False),
    (gap("images", None, "images.jsonl"), ITERATION, False),
    (gap("images", TWO, "images.jsonl"), IMAGE, True),
    (gap("images", TWO, "image-suggestions.jsonl"), IMAGE, True),
    (gap("images", None, ITERATION_LIST), IMAGE, True),
    (gap("images", named=ONE), IMAGE, True),
    (gap("images", named=TWO), IMAGE, False),
    (gap("images", named=TWO), WHOLE, True),
    (gap("images", None, "images.jsonl"), TAG, False),
    (gap("tags", ONE, "tags.jsonl"), ITERATION, True),
    (gap("tags", TWO, "tags.jsonl"), TAG, False),
    (gap("tags", None, "tag-details.jsonl", ONE), TAG, True),
    (gap("tags", None, "tag-details.jsonl", TWO), TAG, False),
    (gap("iterations", ONE, "iteration.json"), ITERATION, True),
    (gap("iterations", TWO, "iteration.json"), ITERATION, False),
    (gap("iterations", None, ITERATION_LIST), ITERATION, True),
    (gap("exports", ONE, "exports.jsonl"), ITERATION, True),
    (gap("exports", ONE, "exports.jsonl"), IMAGE, False),
    (gap("predictions", None, "predictions.jsonl"), PREDICTIONS, True),
    (gap("predictions", None, "predictions.jsonl"), IMAGE, False),
    (gap("projects", None, "project.json"), WHOLE, True),
    (gap("projects", None, "project.json"), IMAGE, False),
    (gap("images", ONE, "images.jsonl", project=B), WHOLE, False),
    (gap("account", None, "account.json", project=None), WHOLE, False),
]


@pytest.mark.parametrize(("entry", "rows", "refused"), CASES)
def test_which_gaps_are_in_the_way_of_a_plan(tmp_path, entry, rows, refused):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "missing.jsonl").write_text(json.dumps(entry) + "\n")
    assert list(gaps_of(Bag(tmp_path), Planned(rows))) == [entry] * refused


@pytest.mark.slow
def test_a_required_export_refuses_what_it_names_as_missing(sim, cli, erase, tmp_path):
    project = stock(sim)
    iteration = next(iter(sim.store.projects[project].iterations))
    sim.fault(Fault("GetIterationPerformance", times=None, match=iteration, status=500))
    words = ("export", "--all", "--accept-missing", "--out", tmp_path / "bag")
    assert cli(*words, CV_GDPR_EXPORT_PATIENCE="0").code == 3
    sim.clear_faults()

    ran = erase("--all", "--require-export", tmp_path / "bag")

    assert ran.code == 2
    assert f"performance of iteration {iteration}" in ran.err
    assert calls(sim) == []
    assert erase("predictions", "--all", "--require-export", tmp_path / "bag").code == 0
