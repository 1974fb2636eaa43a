"""Verification accepts every unchanged export, and nothing else."""

import json

import bagit
import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.records import Export
from tests.export.exporting import snapshot, stock


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("images",),
        ("predictions", "--predicted-tag", "tag 1"),
        ("exports",),
        ("tags",),
        ("performance",),
        ("projects",),
    ],
)
def test_an_unchanged_export_is_verified_without_the_service(sim, cli, tmp_path, words):
    stock(sim)
    assert cli("export", "--all", *words, "--out", tmp_path / "out").code == 0
    sim.stop()
    before = snapshot(tmp_path)
    nothing = {"CV_GDPR_ENDPOINT": "", "CV_GDPR_TRAINING_KEY": ""}
    ran = cli("verify", tmp_path / "out", **nothing)
    assert (ran.code, ran.err) == (0, "")
    assert "nothing differs" in ran.out
    assert snapshot(tmp_path) == before
    told = cli("verify", tmp_path / "out", "--json", **nothing)
    assert told.code == 0
    assert told.json["verified"] is True
    assert told.json["differences"] == []
    assert told.json["files"] == sum(path.is_file() for path in (tmp_path / "out" / "data").rglob("*"))
    assert told.json["bytes"] == sum(p.stat().st_size for p in (tmp_path / "out" / "data").rglob("*") if p.is_file())
    quiet = cli("verify", tmp_path / "out", "-q", **nothing)
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("states", [("Failed", "Failed"), ("Failed", "Exporting"), ("Failed", "Done")])
def test_a_model_exported_twice_is_verified(sim, cli, tmp_path, states):
    project = stock(sim)
    first = next(iter(sim.store.projects[project].iterations.values()))
    first.exports[:] = [Export("CoreML", None, state) for state in states]
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0

    ran = cli("verify", tmp_path / "out")

    assert (ran.code, ran.err) == (0, "")


@pytest.mark.slow
def test_a_moved_export_is_verified_by_a_relative_path(sim, cli, tmp_path, monkeypatch):
    stock(sim)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    (tmp_path / "out").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    assert cli("verify", "moved").code == 0
    (tmp_path / "link").symlink_to("moved")
    assert cli("verify", "link/").code == 0


@pytest.mark.parametrize("form", ["", "--json"])
@pytest.mark.parametrize("what", ["nothing", "file"])
def test_a_path_that_is_not_a_folder_is_a_usage_error(cli, tmp_path, what, form):
    (tmp_path / "file").write_text("x")
    ran = cli("verify", tmp_path / what, *([form] if form else []))
    assert ran.code == 2
    assert ran.err.count("Error: ") == 1
    if form:
        assert ran.json["exitCode"] == 2


@pytest.mark.slow
def test_an_unfinished_export_says_how_to_finish_it(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("Blob", status=404, times=None))
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 3
    ran = cli("verify", tmp_path / "out", "--json")
    assert ran.code == 4
    (difference,) = ran.json["differences"]
    assert "unfinished" in difference
    assert "--out" in difference


def test_an_empty_folder_is_not_an_export(cli, tmp_path):
    ran = cli("verify", tmp_path)
    assert ran.code == 4
    assert "bagit.txt" in ran.out
    assert ran.err.count("Error: ") == 1


@pytest.mark.parametrize("inside", ["data", "data/images"])
def test_a_folder_inside_an_export_names_the_export(cli, tmp_path, monkeypatch, inside):
    (tmp_path / "out" / inside).mkdir(parents=True)
    (tmp_path / "out" / "bagit.txt").write_text("")
    expected = f"bagit.txt is missing: this folder is a part of the export {tmp_path / 'out'}: verify that one"
    assert cli("verify", tmp_path / "out" / inside, "--json").json["differences"] == [expected]
    monkeypatch.chdir(tmp_path / "out" / inside)
    assert cli("verify", ".", "--json").json["differences"] == [expected]


def test_another_programs_valid_bag_is_not_an_export(cli, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8\xff")
    bagit.make_bag(str(tmp_path), checksums=["sha256"])
    assert bagit.Bag(str(tmp_path)).is_valid()
    ran = cli("verify", tmp_path, "--json")
    assert ran.code == 4
    assert any("export.json" in difference for difference in ran.json["differences"])


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b"[" * 100_000, b'{"rows": 5}', b'{"rows": {"images": 3}, "projects": [1, null]}'],
)
def test_an_invalid_summary_is_reported(sim, cli, tmp_path, body):
    stock(sim)
    assert cli("export", "projects", "--all", "--out", tmp_path / "out").code == 0
    (tmp_path / "out" / "data" / "export.json").write_bytes(body)
    ran = cli("verify", tmp_path / "out", "--json")
    assert ran.code == 4
    assert "Traceback" not in ran.err
    assert any("export.json" in difference for difference in json.loads(ran.out)["differences"])
