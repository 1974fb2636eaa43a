"""`--log-file`: a line for each call, with request ids, and no contents."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.cli.log_file import CALLS, begin, end
from cv_gdpr.downloads.process import _proper
from cv_gdpr.masking import RUN
from tests.delete.erasing import environment, stock
from tests.platforms import is_private, posix


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def stored(folder):
    """Return the entries of a bag's indices."""
    return [one for index in folder.glob("data/*/files.jsonl") for one in lines_of(index)]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "calls.jsonl"


@pytest.mark.slow
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
    assert "the work was done" not in ran.err


@pytest.mark.parametrize("content", [b"mine\n", b"{}\n", b'{"id":"a"}\n', b"[" * 100_000])
def test_another_file_is_not_appended_to(cli, log, content):
    log.write_bytes(content)
    ran = cli("list", "projects", "--all", "--log-file", log)
    assert (ran.code, log.read_bytes()) == (2, content)
    assert f"Error: --log-file {log} is another file, not a log of cv-gdpr" in ran.err


WRITING = {  # command: what it needs; each has --out
    "export": ["--all"],
    "export images": ["--all"],
    "export account": [],
    "demo": [],
    "doctor": [],
    "convert": ["BAG", "--to", "coco"],
    "report": ["BAG"],
    "find": ["BAG", "PHOTO"],
    "redact": ["EVIDENCE", "BAG"],
}


def orders(command, log, out):
    """Yield the words of a command with both options in each order, before and after a row."""
    words, needed = command.split(), WRITING[command]
    both = [["--log-file", log], ["--out", out]]
    for first, second in (both, both[::-1]):
        yield [*words, *needed, *first, *second]
        yield [*words, *first, *needed, *second]
        yield [*words, f"{first[0]}={first[1]}", f"{second[0]}={second[1]}", *needed]
        if len(words) > 1:
            yield [words[0], *first, words[1], *second, *needed]
            yield [words[0], *first, *second, words[1], *needed]


@pytest.mark.parametrize("command", WRITING)
def test_a_log_and_an_export_lie_apart(cli, tmp_path, command):
    out = tmp_path / "out"
    out.mkdir()
    for log, said in ((out / "calls.jsonl", "lies in --out"), (out, "lies in --out"), (tmp_path, "lies in --log-file")):
        for words in orders(command, log, out):
            ran = cli(*words)
            assert (ran.code, list(out.iterdir())) == (2, []), words
            assert said in ran.err.splitlines()[0], words


@pytest.mark.parametrize("variable", ["CV_GDPR_EXPORT_OUT", "CV_GDPR_EXPORT_IMAGES_OUT", "CV_GDPR_EXPORT_LOG_FILE"])
def test_a_variable_counts_as_the_option_does(cli, tmp_path, variable):
    out = tmp_path / "out"
    out.mkdir()
    value = out / "calls" if "LOG" in variable else out
    given = ("--out", out) if "LOG" in variable else ("--log-file", out / "calls")
    ran = cli("export", *given, "images", "--all", **{variable: str(value)})
    assert (ran.code, list(out.iterdir()), "lies in --out" in ran.err) == (2, [], True)


def test_the_option_after_the_row_counts(cli, tmp_path):
    """One log is written: of two options that after ROW, and before a variable what was typed."""
    variable = {"CV_GDPR_LIST_PROJECTS_LOG_FILE": str(tmp_path / "variable")}
    assert cli("list", "--log-file", tmp_path / "above", "projects", "--all", **variable).code == 0
    assert [path.name for path in tmp_path.glob("*")] == ["above"]
    cli("list", "--log-file", tmp_path / "two", "projects", "--log-file", tmp_path / "below", "--all")
    assert sorted(path.name for path in tmp_path.glob("*")) == ["above", "below"]


@pytest.mark.parametrize("mark", ["bagit.txt", ".cv-gdpr/"])
@pytest.mark.parametrize("words", [["verify", "BAG"], ["find", "BAG", "x"], ["list", "--all"], ["completion", "bash"]])
def test_no_log_is_written_into_an_export(cli, tmp_path, words, mark):
    """A log in a finished export, or one that was cut off, would be a file that is foreign to it."""
    bag = tmp_path / "bag"
    (bag / "data").mkdir(parents=True)
    (bag / mark).mkdir() if mark.endswith("/") else (bag / mark).touch()
    ran = cli(*(bag if word == "BAG" else word for word in words), "--log-file", bag / "data" / "calls")
    assert (ran.code, list((bag / "data").iterdir())) == (2, [])
    assert "lies in the export" in ran.err


@pytest.mark.parametrize("words", ["delete --all --yes --evidence E", "recheck E", "certify E", "redact E bag"])
@pytest.mark.parametrize("name", ["e.jsonl", "e.html", "e.sha256.sig", "e.json"])
def test_a_log_lies_apart_from_evidence(cli, tmp_path, words, name):
    """NAME.jsonl is the ledger of an erasure."""
    given = [tmp_path / "e.json" if word == "E" else word for word in words.split()]
    ran = cli(*given, "--log-file", tmp_path / name)
    assert (ran.code, list(tmp_path.iterdir())) == (2, [])
    assert "has the name of a file beside" in ran.err


@pytest.mark.parametrize("option", ["--save-plan", "--plan"])
def test_a_log_is_not_another_file_of_the_command(cli, tmp_path, option):
    ran = cli("delete", "--all", option, tmp_path / "same.json", "--log-file", tmp_path / "same.json")
    assert (ran.code, list(tmp_path.iterdir())) == (2, [])
    assert "the command itself reads or writes" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_a_log_is_not_where_output_goes(sim, log, number):
    words = [sys.executable, "-m", "cv_gdpr", "list", "projects", "--all", "--json", "--log-file", str(log)]
    with log.open("wb") as file:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, ("", "stdout", "stderr")[number]: file}
        ran = subprocess.run(words, env=environment(sim), check=False, **pipes)
    assert ran.returncode == 2
    assert b"is where standard" in (ran.stderr or log.read_bytes())
    assert not sim.calls


def test_a_log_is_not_the_configuration(cli, tmp_path):
    (tmp_path / "config.toml").touch(0o600)
    settings = {"CV_GDPR_CONFIG": str(tmp_path / "config.toml")}
    assert cli("list", "--all", "--log-file", tmp_path / "config.toml", **settings).code == 2


def test_a_log_without_a_name_is_refused(cli):
    ran = cli("list", "--all", "--log-file", "-")
    assert (ran.code, Path("-").exists()) == (2, False)


@posix("modes")
def test_a_log_that_others_can_read_is_warned_of(cli, log):
    log.touch()
    log.chmod(0o644)
    ran = cli("list", "projects", "--all", "--log-file", log)
    assert ran.code == 0
    assert f"Warning: other users can read --log-file {log}: chmod 600" in ran.err


@pytest.mark.slow
def test_no_part_of_a_signature_is_an_id(sim, cli, log, tmp_path):
    """Storage answers 503, each time with another part of the signature, or of another form, as id and as code."""
    stock(sim)
    first = cli("export", "images", "--all", "--json", "--out", tmp_path / "first")
    assert first.code == 0
    echoed = ["abcdefghijklmnop", "a" * 9000, "Jane-Collins", '"}', "71ce8c6a", "0" * 32]
    for word in echoed:
        heads = {"Retry-After": "0", "x-ms-request-id": word, "x-ms-error-code": f"1{word}"}
        sim.fault(Fault("Blob", status=503, headers=heads))
    assert cli("export", "images", "--all", "--log-file", log, "--out", tmp_path / "out").code == 0
    failed = [one for one in lines_of(log) if one.get("status") == 503]
    assert len(failed) == len(echoed)
    assert not any("requestId" in one or "code" in one for one in failed)


def test_each_text_is_masked_before_it_is_json(log):
    """A placeholder that is put into finished JSON takes its quotes with it."""
    RUN.know_key("abcdefghijklmnopqrstuvwxyz")
    begin("cv-gdpr list", str(log), {})
    CALLS.info("", extra={"fields": {"operation": "abcdefghijklmn", "host": "opqrstuvwxyz", "bytes": 5}})
    RUN.forget()
    assert end(0) == 0
    call = lines_of(log)[1]
    assert (set(call) > {"operation", "host"}, call["bytes"]) == (True, 5)
    assert "abcdef" not in call["operation"]


@pytest.mark.parametrize("name", ["requestId", "code"])
def test_what_a_download_reports_holds_no_credential(name):
    RUN.forget()
    RUN.know_key("abcdefghijklmnopqrstuvwxyz")
    facts = {"requestId": "r", "code": "c", name: "xabcdefghijklmnopx"}
    assert _proper(facts) == facts | {name: ""}
    RUN.forget()


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
