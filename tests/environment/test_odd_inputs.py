"""Odd input, and machines that lack something: one line and the right code, never an "unexpected" error."""

import shlex
import subprocess
import sys

import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import stock
from tests.endurance.enduring import environment
from tests.export.exporting import assert_one_error
from tests.platforms import posix


def assert_told(ran, code):
    """Assert that a run failed with this code and one line, without "unexpected"."""
    assert_one_error(ran, code)
    assert "unexpected" not in ran.out + ran.err


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Return paths of all kinds, to be used in place of a file or a folder."""
    contents = {
        "text": b"text",
        "no text": bytes(range(256)),
        "empty": b"",
        "deep": b"[" * 100_000,
        "many digits": b'{"format":' + b"9" * 5000 + b"}",
        "a large exponent": b'{"format":1E+999999999}',
        "half a character": b'{"format":"\\ud800"}',
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "foreign").touch()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "loop").symlink_to("loop")
    kinds = {name: tmp_path / name for name in (*contents, "folder", "loop")}
    return kinds | {"device": "/dev/zero", "long": "x" * 5000, "below a file": tmp_path / "text" / "x", "dot": "."}


PLACES = ["text", "no text", "empty", "deep", "many digits", "a large exponent", "half a character"]
PLACES += ["folder", "loop", "device", "long", "below a file", "dot"]
TAKERS = {
    "--require-export": ("delete", "--all", "--dry-run"),
    "--plan": ("delete", "--dry-run"),
    "--image-ids-file": ("delete", "--all", "--dry-run"),
    "--save-plan": ("delete", "--all", "--dry-run"),
    "--evidence": ("delete", "--all", "--yes"),
    "--out": ("export", "--all"),
}
FINE = {
    ("--save-plan", "long"): {1, 2},
    ("--save-plan", "below a file"): {1, 2},
    ("--save-plan", "loop"): {1, 2},
    ("--out", "below a file"): {1},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_path_of_the_wrong_kind_is_a_usage_error(sim, cli, places, place):
    for option, words in TAKERS.items():
        if (option, place) == ("--out", "folder"):
            continue  # an empty folder is valid
        ran = cli(*words, option, places[place])
        code = ran.code if ran.code in FINE.get((option, place), ()) else 2
        assert_told(ran, code)
    assert not [call for call in sim.calls if call.method == "DELETE"]


@pytest.mark.parametrize("place", PLACES)
def test_verify_refuses_unknown_input(cli, places, place):
    ran = cli("verify", places[place])
    assert_told(ran, 4 if place in {"folder", "dot"} else 2)


@pytest.mark.parametrize("place", ["no text", "empty", "folder", "loop", "long", "below a file"])
def test_a_key_file_without_a_key_is_a_usage_error(cli, places, place):
    assert_told(cli("export", "--all", "--key-file", places[place]), 2)


def test_a_key_given_as_its_file_path_is_not_shown(cli):
    key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    ran = cli("export", "--all", "--json", "-vv", "--key-file", key)
    assert ran.code == 2
    assert "--key-file: this looks like the key itself" in ran.err
    assert key not in ran.out + ran.err


@pytest.mark.parametrize("end", ["{Endpoint}", "/{Endpoint}/x", "/a b", "/<x>", "/\\x"])
def test_a_placeholder_endpoint_is_refused(sim, cli, end):
    assert_told(cli("export", "--all", "--endpoint", sim.endpoint + end), 2)
    assert sim.calls == []


# --- what the service sends --------------------------------------------------------------------------------------

VALUES = {
    "a large exponent": "1E+999999999",
    "an exponent beyond all": "-1E-99999999999999999999",
    "many digits": "9" * 5000,
    "deep": "[" * 3000 + "]" * 3000,
    "half a character": '"\\ud800"',
}
BODIES = {
    "GetImageCount": "%s",
    "GetTaggedImages": '[{"id":"11111111-1111-4111-8111-111111111111","width":%s,"metadata":%s,"tags":%s}]',
    "QueryPredictions": '{"results":[{"id":"11111111-1111-4111-8111-111111111111","predictions":'
    '[{"probability":%s,"tagName":"alice"},{"probability":0.5}]}],"token":{"continuation":null,"v":%s}}',
}


@pytest.mark.parametrize("value", VALUES)
def test_any_json_of_the_service_is_kept_or_reported(sim, cli, tmp_path, value):
    stock(sim, images=3, iterations=0)
    for operation, body in BODIES.items():
        sim.clear_faults()
        sent = body.replace("%s", VALUES[value]).encode()
        sim.fault(Fault(operation, status=200, body=sent, content_type="application/json", times=None))
        row = "predictions" if operation == "QueryPredictions" else "images"
        selector = "--predicted-tag" if row == "predictions" else "--tag"
        words = ("export", row, "--all", "-q", selector, "alice", "--out", tmp_path / operation)
        ran = cli(*words, CV_GDPR_EXPORT_PATIENCE="0")
        assert ran.code in {0, 1, 3}
        assert "unexpected" not in ran.out + ran.err
        assert "Traceback" not in ran.out + ran.err


@pytest.mark.parametrize(
    "body", [b"9" * 5000, b'{"code":' + b"9" * 5000 + b"}", b"[" * 100_000, b"\xff\xfe", b"1E+9999999"]
)
def test_any_error_body_is_handled(sim, cli, tmp_path, body):
    sim.fault(Fault("GetProjects", status=400, body=body, times=None))
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_told(ran, 1)
    assert "the service answered 400" in ran.err
    assert len(ran.err) < 1000


# --- what the machine lacks --------------------------------------------------------------------------------------

FEW_THREADS = """
import _thread, sys, threading
allowed = [int(sys.argv.pop(1))]
name = "_start_joinable_thread" if sys.version_info >= (3, 13) else "_start_new_thread"
start = getattr(threading, name)
def starting(*arguments, **more):
    if not allowed[0]:
        raise RuntimeError("can't start new thread")
    allowed[0] -= 1
    return start(*arguments, **more)
setattr(threading, name, starting)
from cv_gdpr.__main__ import main
main()
"""


@pytest.mark.parametrize("allowed", [0, 1])
def test_too_few_threads_are_reported(sim, tmp_path, allowed):
    stock(sim)
    words = ("export", "--all", "-q", "--out", "out")
    command = [sys.executable, "-c", FEW_THREADS, str(allowed), *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    ran = subprocess.run(command, env=environment(sim), cwd=tmp_path, text=True, timeout=60, check=False, **pipes)
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Error: " in ran.stderr
    assert "start no more threads" in ran.stderr
    assert not (tmp_path / "out" / "bagit.txt").exists()


@pytest.mark.parametrize(
    "error", [BlockingIOError(11, "Resource temporarily unavailable"), OSError(12, "Cannot allocate")]
)
def test_too_few_processes_are_reported(sim, cli, tmp_path, monkeypatch, error):
    stock(sim)

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("cv_gdpr.downloads.process.subprocess.Popen", refuse)
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_told(ran, 1)
    assert error.strerror in ran.err
    assert "Hint: " in ran.err


PLACES_OF_WORK = ["service.answers.json_list", "archive.folder.stored_text", "export.blobs.safe_stem"]


@pytest.mark.parametrize("place", PLACES_OF_WORK)
def test_too_little_memory_is_reported(sim, cli, tmp_path, monkeypatch, place):
    stock(sim)
    module, _, name = f"cv_gdpr.{place}".rpartition(".")
    usual, left = getattr(sys.modules[module], name), [2]

    def exhausted(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise MemoryError
        return usual(*arguments)

    monkeypatch.setattr(f"{module}.{name}", exhausted)
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_told(ran, 1)
    assert "there is not enough memory" in ran.err


@pytest.mark.parametrize(
    ("before", "words", "code"),
    [
        ("unset HOME;", ("delete", "--all", "--dry-run"), 0),
        ("mkdir gone; cd gone; rmdir ../gone;", ("export", "--all"), 1),
        ("exec <&- >&- 2>&-;", ("delete", "--bogus"), 2),
        ("exec 2>/dev/full;", ("delete", "--bogus"), 2),
        ("exec 2>/dev/full;", ("delete", "--all", "--yes", "-vv", "--evidence", "e.json", "--wait", "0"), 3),
        ("export LC_ALL=xx_YY.nonsense TERM=nonsense COLUMNS=-1 TZ=nonsense;", ("delete", "--all", "--dry-run"), 0),
    ],
)
def test_an_odd_shell_does_no_harm(sim, tmp_path, before, words, code):
    stock(sim)
    sim.fault(Fault("DeleteProject", status=400, times=None))
    script = f"{before} exec {shlex.join([sys.executable, '-m', 'cv_gdpr', *words])}"
    ran = subprocess.run(
        ["bash", "-c", script], env=environment(sim), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == code, ran.stderr
    assert "unexpected" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


@posix("names in bytes")
@pytest.mark.parametrize(("option", "code"), [("--project", 2), ("--tag", 3), ("--endpoint", 2)])
def test_an_argument_that_is_not_utf_8_breaks_nothing(sim, option, code):
    stock(sim)
    words = [sys.executable, "-m", "cv_gdpr", "delete", "--dry-run", option, b"\xff\xed\xa0\x80"]
    words += [] if option == "--project" else ["--all"]
    ran = subprocess.run(words, env=environment(sim), capture_output=True, check=False)
    assert ran.returncode == code
    assert ran.stderr.startswith(b"Error: ")
    assert b"Traceback" not in ran.stderr
