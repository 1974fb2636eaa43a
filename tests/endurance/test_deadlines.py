"""Answers that arrive byte by byte or never end: each command ends soon, with one line and the right code."""

import time

import pytest

from custom_vision_simulator.catalogue import CATALOGUE, faults
from cv_gdpr.table.findings import Blob
from tests.endurance.enduring import assert_whole, undisturbed
from tests.export.exporting import assert_one_error, assert_open, stock
from tests.platforms import SLOWER

SILENCE, PATIENCE = 0.3, 0.1  # seconds
HASTY = ("--read-timeout", str(SILENCE), "--patience", str(PATIENCE))
SOON = SLOWER * (PATIENCE + 20 * SILENCE)  # seconds: two tries of four silences each, on a machine that has more to do
ON_THE_WIRE = [name for name, entry in CATALOGUE.items() if entry.faults[0].wire and not name.startswith("blob-")]
TOO_MUCH = {"endless-body", "endless-bomb"}  # and quickly
PACKED_INTO_NOTHING = {"endless-gzip", "endless-deflate"}


@pytest.mark.parametrize("name", ON_THE_WIRE)
def test_an_endless_api_answer_is_given_up(sim, cli, tmp_path, name):
    (fault,) = faults(name, route="GetProjects")
    sim.fault(fault)
    begun = time.monotonic()
    ran = cli("export", "--all", *HASTY, "--out", tmp_path / "out")
    took = time.monotonic() - begun
    assert_one_error(ran, 1 if name in TOO_MUCH else 5)
    assert ("more than 32 MiB" if name in TOO_MUCH else "GetProjects: the ") in ran.err
    assert sim.faults.fired(fault) == (1 if name in TOO_MUCH else sim.faults.received)
    assert took < SOON


@pytest.mark.parametrize("route", ["Blob", "GetArtifact"])
def test_an_endless_blob_is_missing_and_the_rest_is_there(sim, cli, tmp_path, monkeypatch, route):
    project = stock(sim, images=len(ON_THE_WIRE) + 5)
    sim.options.vnet = route == "GetArtifact"
    images = list(sim.store.projects[project].workspace.images)
    endless = dict(zip(images, ON_THE_WIRE, strict=False))
    for image, name in endless.items():
        for fault in faults(name, route=route, match=image.replace("-", "")):
            sim.fault(fault)
    monkeypatch.setattr(Blob.__new__, "__defaults__", ("", 1 << 20, False))  # an image of a megabyte at most
    begun = time.monotonic()
    ran = cli("export", "images", "--all", "--json", *HASTY, "--out", tmp_path / "out")
    assert time.monotonic() - begun < 2 * SOON  # 8 artifacts at a time
    assert_one_error(ran, 3)
    missing = {entry["id"]: entry["reason"] for entry in assert_open(tmp_path / "out")}
    assert set(missing) == set(endless)
    too_much = {endless[image] for image, reason in missing.items() if "more than 1 MiB" in reason}
    assert too_much - PACKED_INTO_NOTHING == TOO_MUCH | {"trickling-announced"}
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1 << 20
    sim.clear_faults()
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert_whole(cli, tmp_path / "out", undisturbed(sim, cli, tmp_path / "other", "images", "--all"))


def test_hung_storage_is_not_waited_for_blob_by_blob(sim, cli, tmp_path):
    stock(sim, images=160)
    (fault,) = faults("blob-hung")
    sim.fault(fault)
    begun = time.monotonic()

    ran = cli("export", "images", "--all", *HASTY, "--out", tmp_path / "out")

    assert time.monotonic() - begun < 2 * SOON  # one at a time, they would take three times that
    assert_one_error(ran, 3)
    assert len(assert_open(tmp_path / "out")) == 160
    sim.clear_faults()
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
