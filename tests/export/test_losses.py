"""Losses that other tools do not report: missing files, truncated files, files changed between two runs."""

import json

import pytest

from custom_vision_simulator import Fault, Options, Simulator
from custom_vision_simulator.blobs import image_bytes
from cv_gdpr.evidence.sentences import translated
from cv_gdpr.languages import LANGUAGES, language
from tests.export.exporting import (
    assert_bag,
    assert_one_error,
    assert_open,
    files,
    project_folder,
    records,
    stock,
    towards,
)


def images_of(sim, project):
    return sim.store.projects[project].workspace.images


@pytest.mark.parametrize("fault", [Fault("GetArtifact", cut=100), Fault("GetArtifact", status=200, body=b"")])
def test_a_truncated_or_empty_artifact_is_fetched_again(cli, tmp_path, fault):
    with Simulator(Options(vnet=True)) as sim:
        (project,) = sim.fill(images=3, image_bytes=400)
        sim.fault(fault)
        assert towards(cli, sim)("export", "images", "--all", "--out", tmp_path / "out").code == 0
        assert sim.faults.fired(fault) == 1
        for identity, image in images_of(sim, project).items():
            kept = project_folder(tmp_path / "out", project) / "images" / f"{identity}.jpg"
            assert kept.read_bytes() == image_bytes(image)


LASTING = [{"cut": 100}, {"cut": 0}, {"drop": True}, {"status": 404}, {"status": 500}]


@pytest.mark.slow
def test_an_always_truncated_artifact_is_named(cli, tmp_path):
    """One export in which one image for each fault is lost, and two are not."""
    with Simulator(Options(vnet=True)) as sim:
        (project,) = sim.fill(images=len(LASTING) + 2, image_bytes=400)
        lost = list(images_of(sim, project))[: len(LASTING)]
        for image, fault in zip(lost, LASTING, strict=True):
            sim.fault(Fault("GetArtifact", times=None, match=image.replace("-", ""), **fault))
        patience = {"CV_GDPR_EXPORT_PATIENCE": "0.1"}
        ran = towards(cli, sim)("export", "images", "--all", "--json", "--out", tmp_path / "out", **patience)
        assert_one_error(ran, 3)
        assert sorted(entry["id"] for entry in assert_open(tmp_path / "out")) == sorted(lost)
        sim.clear_faults()
        sim.calls.clear()
        assert towards(cli, sim)("export", "images", "--all", "--out", tmp_path / "out").code == 0
        assert sum(call.operation == "GetArtifact" for call in sim.calls) == len(lost)
        assert_bag(tmp_path / "out")


BLOBS = [{"cut": 100}, {"drop": True}, *({"status": code} for code in (404, 403, 500)), {"status": 200, "body": "<a>"}]


def test_why_a_blob_is_lost_can_be_translated(sim, cli, tmp_path):
    """One export in which one image for each fault is lost, and two are not."""
    (project,) = sim.fill(images=len(BLOBS) + 2, image_bytes=400)
    for image, fault in zip(images_of(sim, project), BLOBS, strict=False):
        sim.fault(Fault("Blob", times=None, match=f"/i-{image.replace('-', '')}", **fault))
    words = ("export", "images", "--all", "-q", "--out", tmp_path / "out")
    assert cli(*words, CV_GDPR_EXPORT_PATIENCE="0.1").code == 3
    reasons = {entry["reason"] for entry in assert_open(tmp_path / "out")}
    assert len(reasons) == len(BLOBS)
    for code in LANGUAGES[1:]:
        assert [one for one in reasons if translated(one, language(code)) == one] == []


def one_short(sim, cli, out):
    """Run an export that misses one file; return the project and the other files."""
    (project,) = sim.fill(images=6, image_bytes=400)
    images = list(images_of(sim, project))
    sim.fault(Fault("Blob", status=404, times=None, match=f"/i-{images[-1].replace('-', '')}"))
    assert cli("export", "images", "--all", "-q", "--out", out).code == 3
    sim.clear_faults()
    sim.blob_requests.clear()
    return project, [project_folder(out, project) / "images" / f"{identity}.jpg" for identity in images[:-1]]


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


def empty(path):
    path.write_bytes(b"")


def grow(path):
    path.write_bytes(path.read_bytes() + b"x")


def flip(path):
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


def remove(path):
    path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("harm", [cut, empty, grow, flip, remove])
def test_a_file_damaged_between_two_runs_is_fetched_again(sim, cli, tmp_path, harm):
    out = tmp_path / "out"
    project, kept = one_short(sim, cli, out)
    harm(kept[0])
    again = ["--recheck"] if harm is flip else []  # a change without a change of size needs --recheck
    assert cli("export", "images", "--all", "-q", *again, "--out", out).code == 0
    assert len(sim.blob_requests) == 2
    for identity, image in images_of(sim, project).items():
        assert (project_folder(out, project) / "images" / f"{identity}.jpg").read_bytes() == image_bytes(image)
    assert_bag(out)
    assert cli("verify", out).code == 0


@pytest.mark.slow
def test_an_image_without_a_link_is_missing(sim, cli, tmp_path):
    project = stock(sim)
    identity = next(iter(images_of(sim, project)))
    record = {"id": identity, "created": "2024-01-01T00:00:00", "width": 1, "height": 1, "thumbnailUri": "https://x/t"}
    cases = [{}, {"originalImageUri": None}, {"originalImageUri": ""}, {"originalImageUri": 5}]
    for number, more in enumerate([*cases, {"resizedImageUri": f"{sim.blob_host}/i/1"}]):
        sim.clear_faults()
        sim.fault(Fault("GetUntaggedImages", times=None, body=[]))
        sim.fault(Fault("GetImageCount", times=None, body=b"1"))
        sim.fault(Fault("GetTaggedImages", times=None, body=[record | more]))
        ran = cli("export", "images", "--all", "--out", tmp_path / str(number), CV_GDPR_EXPORT_PATIENCE="0")
        assert_one_error(ran, 3)
        assert {entry["id"] for entry in assert_open(tmp_path / str(number))} == {identity}


LINKS = [
    "http://example.org/i/x?sig=SECRET",
    "ftp://127.0.0.1/x?sig=SECRET",
    "file:///etc/passwd?sig=SECRET",
    "http://127.0.0.1:99999/x?sig=SECRET",
    "http://127.0.0.1:0x50/x?sig=SECRET",
    "https://[::1/x?sig=SECRET",
    "http://127.0.0.1:1/x?sig=SECRET",
    "http:///x?sig=SECRET",
    "http://127.0.0.1@example.org/x?sig=SECRET",
]


@pytest.mark.parametrize("logged", [False, True])
@pytest.mark.parametrize("link", LINKS)
def test_a_bad_link_is_missing_and_its_signature_is_not_shown(sim, cli, tmp_path, link, logged):
    (project,) = sim.fill(images=1)
    (identity,) = images_of(sim, project)
    sim.fault(Fault("GetTaggedImages", times=None, body=[{"id": identity, "originalImageUri": link}]))
    out = tmp_path / "out"
    log = tmp_path / "log"
    words = ["--log-file", log] if logged else []
    ran = cli("export", "images", "--all", "--json", "--out", out, *words, CV_GDPR_EXPORT_PATIENCE="0")
    assert_one_error(ran, 3)
    assert [entry["id"] for entry in assert_open(out)] == [identity]
    shown = ran.out + ran.err + "".join(path.read_text() for path in (*files(out), *([log] if logged else [])))
    assert "SECRET" not in shown
    assert "root:" not in shown


def test_a_failed_listing_counts_nothing_as_exported(sim, cli, tmp_path):
    (project,) = sim.fill(images=5)
    sim.fault(Fault("GetUntaggedImages", status=400, times=None))
    ran = cli("export", "--all", "--json", "--out", tmp_path / "out")
    assert_one_error(ran, 3)
    row = next(entry for entry in ran.json["rows"] if entry["row"] == "images")
    assert (row["exported"], row["verdict"]) == (0, "incomplete")
    assert [entry["row"] for entry in assert_open(tmp_path / "out")] == ["images"]
    assert not (project_folder(tmp_path / "out", project) / "images.jsonl").exists()


@pytest.mark.slow
def test_the_file_lists_all_missing_items_the_screen_some(sim, cli, tmp_path):
    (project,) = sim.fill(images=40)
    sim.fault(Fault("Blob", status=404, times=None))
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 3)
    assert {entry["id"] for entry in assert_open(tmp_path / "out")} == set(images_of(sim, project))
    assert ran.err.count("Missing: ") == 20
    assert "40" in ran.err
    assert "missing.jsonl" in ran.err
    assert json.loads((tmp_path / "out" / "data" / "export.json").read_bytes())["rows"]["images"]["exported"] == 0
    assert records(tmp_path / "out" / "missing.jsonl")
