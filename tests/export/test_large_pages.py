"""A page that is larger than the limit is asked for in smaller ones, down to one record."""

import json

import pytest

from cv_gdpr.service import session
from tests.export.exporting import project_folder, records


def fill(sim, images=300, predictions=120):
    (project,) = sim.fill(images=images, untagged=20, iterations=1, predictions=predictions, image_bytes=64)
    return project


# Limits in bytes; the low ones allow one record or two, so that each costs a call.
CASES = [("images", 40_000, {}), ("predictions", 40_000, {})]
CASES += [("images", 1_200, {"images": 50}), ("predictions", 2_500, {"images": 5, "predictions": 40})]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_record_of_large_pages_is_exported(sim, cli, tmp_path, monkeypatch, case):
    row, limit, amounts = case
    project = fill(sim, **amounts)
    monkeypatch.setattr(session, "_LONGEST", limit)
    ran = cli("export", row, "--all", "--json", "--calls-per-second", 1000, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    holder = sim.store.projects[project]
    held = holder.workspace.images if row == "images" else holder.predictions
    kept = [record["id"] for record in records(project_folder(tmp_path / "out", project) / f"{row}.jsonl")]
    assert sorted(kept) == sorted(held)
    assert cli("verify", tmp_path / "out").code == 0


def test_the_performance_of_every_image_is_exported(sim, cli, tmp_path, monkeypatch):
    project = fill(sim)
    monkeypatch.setattr(session, "_LONGEST", 5_000)
    ran = cli("export", "performance", "--all", "-q", "--calls-per-second", 1000, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    (listed,) = project_folder(tmp_path / "out", project).glob("iterations/*/image-performances.jsonl")
    assert len(listed.read_text().splitlines()) > 50


def test_a_single_record_that_is_too_large_is_an_error(sim, cli, tmp_path, monkeypatch):
    fill(sim)
    monkeypatch.setattr(session, "_LONGEST", 400)
    ran = cli("export", "images", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code != 0
    assert "more than" in json.dumps(ran.json)
