"""`--log-file`: a line for each call, with request ids, and no contents."""

import json
import os
from datetime import datetime
from uuid import UUID

import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import stock
from tests.platforms import is_private, posix


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def stored(folder):
    """Return the entries of a bag's indices."""
    return [one for index in folder.glob("data/*/files.jsonl") for one in lines_of(index)]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "calls.jsonl"


def test_a_log_has_every_call(sim, cli, log, tmp_path):
    stock(sim)
    ran = cli("export", "--all", "--json", "--log-file", log, "--out", tmp_path / "out")
    assert ran.code == 0
    first, *calls, last = lines_of(log)
    assert (first["event"], first["command"]) == ("begin", "cv-gdpr export")
    assert (last["event"], last["exitCode"]) == ("end", 0)
    of_service = [one for one in calls if one["operation"] != "Blob"]
    sent = {name: sum(one["operation"] == name for one in of_service) for name in ran.json["calls"]}
    assert sent == ran.json["calls"]
    assert all(one["requestId"] and one["status"] and one["seconds"] >= 0 for one in of_service)
    downloads = [one for one in calls if one["operation"] == "Blob"]
    assert sum(one["bytes"] for one in downloads) == sum(one["bytes"] for one in stored(tmp_path / "out")) > 0
    assert {(one["status"], one["host"]) for one in downloads} == {(200, "127.0.0.1")}
    assert all(UUID(one["requestId"]) and one["seconds"] >= 0 for one in downloads)
    assert all(datetime.fromisoformat(one["time"]).tzinfo for one in calls)
    assert "calls.jsonl" not in ran.out


@pytest.mark.slow
def test_a_log_holds_no_contents_and_no_keys(sim, cli, log, tmp_path):
    stock(sim)
    words = ("--tag", "alice", "--calls-per-second", "0", "--wait", "0")
    cli("delete", "--all", *words, "--yes", "--evidence", tmp_path / "e.json", "--log-file", log)
    text = log.read_text()
    assert "DeleteImages" in text
    for held in ("alice", "collins", "subject", sim.training_key, "sig=", "http"):
        assert held not in text


def test_a_log_is_appended_to_and_private(cli, log):
    for words in (("list", "projects", "--all", "--log-file", log), ("list", "--log-file", log, "projects", "--all")):
        assert cli(*words).code == 0
    assert [one["event"] for one in lines_of(log)].count("begin") == 2
    assert is_private(log)


def test_a_failing_call_is_logged_with_its_status(sim, cli, log):
    sim.fault(Fault("GetProjects", status=503))
    assert cli("list", "projects", "--all", "--log-file", log).code == 0
    assert [one["status"] for one in lines_of(log) if one["event"] == "call"][:2] == [503, 200]


def test_each_try_of_a_download_is_logged(sim, cli, log, tmp_path):
    stock(sim)
    sim.fault(Fault("Blob", status=503, headers={"Retry-After": "0", "x-ms-error-code": "ServerBusy"}))
    sim.fault(Fault("Blob", drop=True))
    assert cli("export", "images", "--all", "--log-file", log, "--out", tmp_path / "out").code == 0
    tries = [one for one in lines_of(log) if one.get("operation") == "Blob"]
    failed = sorted((one["status"], one["error"], one.get("code")) for one in tries if "error" in one)
    assert failed == [(0, "Unreachable", None), (503, "ServiceError", "ServerBusy")]
    assert len(tries) - 2 == len(stored(tmp_path / "out")) > 0
    assert "sig=" not in log.read_text()


@pytest.mark.parametrize(("name", "reason"), [("none/calls", "No such file"), (".", "Is a directory")])
def test_an_unwritable_log_is_refused_at_once(cli, tmp_path, name, reason):
    ran = cli("list", "--all", "--log-file", tmp_path / name)
    assert ran.code == 2
    assert ran.err.startswith(f"Error: --log-file {tmp_path / name}: {reason}")
    assert len(ran.err.splitlines()) == 2


@posix("special files")
def test_a_full_disk_is_said_at_the_start(cli):
    ran = cli("list", "projects", "--all", "--log-file", "/dev/full")
    assert ran.code == 2
    assert "No space left" in ran.err


def test_a_disk_that_fills_stops_no_work(sim, cli, log, tmp_path, monkeypatch):
    stock(sim)
    write, left = os.write, [3]

    def fills(handle, data):
        if b'"process"' in bytes(data):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
        return write(handle, data)

    monkeypatch.setattr("cv_gdpr.cli.log_file.os.write", fills)
    ran = cli("delete", "--all", "--yes", "--json", "--evidence", tmp_path / "e.json", "--log-file", log)
    assert ran.code == ran.json["exitCode"] == 3
    assert ran.json["residue"] == []
    assert f"Error: --log-file {log}: No space left on device; lines are missing" in ran.err
