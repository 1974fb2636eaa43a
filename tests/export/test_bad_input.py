"""Wrong options, variables, keys and endpoints: the promised exit code, one message, nothing written."""

import json
import os
import shlex
import socket
import subprocess
import sys
import time

import pytest

from custom_vision_simulator import Fault, Options, Simulator
from cv_gdpr.cli import cli as cli_group
from cv_gdpr.table.categories import ROWS
from tests.endurance.enduring import environment
from tests.export.exporting import assert_one_error
from tests.platforms import posix


@pytest.fixture(params=[(), ("--json",)], ids=["", "json"])
def failing(request, cli, tmp_path):
    """Return a function that runs an export and expects it to fail before it writes anything."""

    def run(code, *words, **more):
        ran = cli("export", *words, *request.param, "--out", tmp_path / "out", **more)
        assert_one_error(ran, code)
        if request.param:
            assert ran.json["exitCode"] == code
            assert ran.json["message"] in ran.err
        else:
            assert ran.out == ""
        assert not (tmp_path / "out").exists()
        return ran

    return run


@pytest.mark.parametrize(
    ("unset", "named"),
    [
        (["ENDPOINT"], ["CV_GDPR_ENDPOINT"]),
        (["TRAINING_KEY"], ["CV_GDPR_TRAINING_KEY"]),
        (["ENDPOINT", "TRAINING_KEY"], ["CV_GDPR_ENDPOINT", "CV_GDPR_TRAINING_KEY"]),
    ],
)
def test_missing_variables_are_named(failing, unset, named):
    ran = failing(2, "--all", **{f"CV_GDPR_{name}": "" for name in unset})
    assert all(name in ran.err for name in named)
    assert ("CV_GDPR_ENDPOINT" in ran.err) == ("ENDPOINT" in unset)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("images",),
        ("--all", "--project", "x"),
        ("--all", "images", "--project", "x"),
        ("--all", "--nonsense"),
        ("nonsense", "--all"),
        ("--all", "--patience", "-1"),
        ("--all", "--connections", "0"),
        ("--all", "--connections", "many"),
        ("--all", "--calls-per-second", "nan?"),
        ("--project",),
        ("--all", "--key", "abc"),
        ("--all", "--key-file", "/nowhere/at/all"),
        ("--all", "images", "more"),
    ],
)
def test_wrong_options_are_usage_errors(failing, words):
    failing(2, *words)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://example.org",
        "http://127.0.0.1.example.org",
        "http://0.0.0.0",
        "http://169.254.169.254",
        "http://localhost.example.org/",
        "ftp://127.0.0.1",
        "example.cognitiveservices.azure.com",
        "https://",
        "https://user:word@example.org",
        "https://example.org/?a=b",
        "https://example.org/#a",
        "https://example.org:99999",
        "https://[::1",
        "https://exa\nmple.org",
        "nonsense",
    ],
)
def test_an_endpoint_other_than_https_or_loopback_is_refused(failing, endpoint):
    ran = failing(2, "--all", "--endpoint", endpoint)
    assert "word" not in ran.err.replace("password", "")


@pytest.mark.parametrize("key", ["a b", "schlüssel", "a\tb", "a\nb"])
def test_a_key_that_is_not_a_valid_header_value_is_refused(failing, key):
    ran = failing(2, "--all", CV_GDPR_TRAINING_KEY=key)
    assert key not in ran.err


def test_a_wrong_key_shows_the_services_own_message(sim, failing):
    sim.fill(images=1)
    ran = failing(5, "--all", CV_GDPR_TRAINING_KEY="0123456789abcdef")
    assert "Access denied due to invalid subscription key or wrong API endpoint" in ran.err
    assert "401" in ran.err
    assert "request id" in ran.err
    assert "Hint: " in ran.err
    assert "0123456789abcdef" not in ran.err
    assert len(sim.calls) == 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_endpoint_without_a_server_fails_at_once(failing):
    started = time.monotonic()
    ran = failing(5, "--all", "--endpoint", f"http://127.0.0.1:{free_port()}", "--patience", "60")
    assert time.monotonic() - started < 3
    assert "refused" in ran.err


def test_an_endpoint_of_another_service_is_an_error(sim, failing):
    failing(5, "--all", "--endpoint", f"{sim.endpoint}/some/path")
    failing(5, "--all", "--endpoint", sim.blob_host)


def test_an_unknown_project_name_lists_the_projects(sim, failing):
    ids = sim.fill(projects=3, images=1)
    ran = failing(2, "--project", "Project 1", "--project", "Projekt 2")
    assert "Projekt 2" in ran.err
    assert all(f"Project {number} ({identity})" in ran.err for number, identity in enumerate(ids, 1))
    assert "Project 1" not in ran.err.splitlines()[0]


def test_a_project_name_in_an_empty_resource_is_an_error(failing):
    failing(2, "--project", "x")


def test_an_ambiguous_project_name_lists_the_ids(sim, failing):
    ids = sim.fill(projects=3, images=1)
    for identity in ids[:2]:
        sim.store.projects[identity].name = "Twins"
    ran = failing(2, "--project", "Twins")
    assert all((identity in ran.err) == (identity in ids[:2]) for identity in ids)


def test_control_characters_in_a_name_are_not_printed(sim, failing):
    (project,) = sim.fill(images=1)
    sim.store.projects[project].name = "\x1b[2Jcleared\r\n\u202e"
    ran = failing(2, "--project", "y\x1b[1m")
    assert all(char.isprintable() or char == "\n" for char in ran.err)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("poor", "told"),
    [
        pytest.param(
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            r"1 project in \xdcc3\xdcbc",
            marks=posix("locale"),
        ),
        pytest.param({"PYTHONIOENCODING": "ascii"}, r"1 project in \xfc", marks=posix("locale")),
    ],
)
def test_names_that_the_locale_cannot_encode(sim, tmp_path, poor, told):
    (project,) = sim.fill(images=1)
    sim.store.projects[project].name = "\xdcberwachung"
    command = [sys.executable, "-m", "cv_gdpr", "export", "--all", "--out", "\xfc"]
    settings = environment(sim, **poor)
    ran = subprocess.run(command, env=settings, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert told in ran.stdout
    assert next((tmp_path / "\xfc" / "data").glob("\xdcberwachung-*")).is_dir()


def test_a_redirect_is_not_followed_with_the_key(sim, failing):
    with Simulator(Options(training_key=sim.training_key)) as elsewhere:
        for status in (301, 302, 303, 307, 308):
            sim.clear_faults()
            sim.fault(Fault("*", status=status, times=None, headers={"Location": elsewhere.endpoint + "/x"}, body=b""))
            ran = failing(5, "--all")
            assert "redirect" in ran.err
        assert elsewhere.calls == []
        assert elsewhere.blob_requests == []


def test_one_json_document_on_a_later_failure(sim, cli, tmp_path):
    sim.fill(images=2)
    sim.fault(Fault("GetProject", status=401, times=None))
    ran = cli("export", "--all", "--json", "--out", tmp_path / "out")
    assert_one_error(ran, 5)
    assert ran.json["exitCode"] == 5
    ran = cli("export", "--all", "--out", tmp_path / "variable", CV_GDPR_EXPORT_JSON="1")
    assert_one_error(ran, 5)
    assert ran.json["exitCode"] == 5


def test_quiet_prints_only_errors(sim, cli, tmp_path):
    sim.fill(images=2)
    ran = cli("export", "--all", "-q", "--out", tmp_path / "out")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert_one_error(cli("export", "--all", "-q", "--out", tmp_path / "out"), 2)


def test_a_traceback_is_shown_with_vv(cli, tmp_path):
    ran = cli("export", "--project", "x", "-vv", "--out", tmp_path / "out")
    assert ran.code == 2
    assert "Traceback" in ran.err
    assert "Traceback" not in cli("export", "--project", "x", "-v", "--out", tmp_path / "out").err


@pytest.mark.parametrize("row", [(), *((row,) for row in ROWS)])
@pytest.mark.parametrize("word", ["-h", "--help"])
def test_every_command_has_help_of_its_own(cli, row, word):
    ran = cli("export", *row, word)
    assert ran.code == 0
    assert ran.err == ""
    assert "--project" in ran.out


@pytest.mark.slow
def test_a_closed_pipe_gives_no_traceback(sim, cli, tmp_path):
    sim.fill(images=2)
    command = [sys.executable, "-m", "cv_gdpr", "export", "--all", "--json", "--out", str(tmp_path / "out")]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        ran = subprocess.run(
            command, env=os.environ | cli.variables, stdout=gone, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ran.returncode in {0, 1}
    assert ran.stderr == ""
    assert json.loads((tmp_path / "out" / "data" / "export.json").read_bytes())


@pytest.mark.parametrize("name", cli_group.list_commands(None))
def test_the_main_help_summarises_each_command_as_its_own_help(name):
    assert cli_group.get_command(None, name).get_short_help_str(200) == cli_group.summaries()[name]


@pytest.mark.parametrize(
    "words", [["--help"], ["export"], ["list"], ["delete", "--bogus"], ["export", "--help"]], ids=" ".join
)
def test_commands_without_a_service_do_not_import_the_sdk(words):
    told = "import sys; sys.stderr.write('loaded ' + ' '.join(sys.modules))"
    program = f"import atexit; atexit.register(lambda: exec({told!r})); from cv_gdpr.__main__ import main; main()"
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", program, *words]
    ran = subprocess.run(command, env=unmeasured, capture_output=True, text=True, check=False)
    loaded = set(ran.stderr.partition("loaded ")[2].split())
    assert "cv_gdpr.cli" in loaded
    heavy = {
        "requests",
        "msrest",
        "aiohttp",
        "pycurl",
        "rich",
        "asyncio",
        "dataclasses",
        "msgspec",
        "json",
        "hashlib",
        "subprocess",
        "logging",
        "cv_gdpr.export.resource",
        "cv_gdpr.held.resource",
    }
    assert not loaded & heavy
    assert words != ["--help"] or "cv_gdpr.table.categories" not in loaded


@pytest.mark.slow
@pytest.mark.parametrize("words", ["export --all --key-file -", "export --all --image-ids-file -", "delete --all"])
def test_a_closed_standard_input_is_an_error(sim, words, tmp_path):
    script = f"cd {shlex.quote(str(tmp_path))} && exec {shlex.quote(sys.executable)} -m cv_gdpr {words} <&-"
    ran = subprocess.run(["sh", "-c", script], env=environment(sim), capture_output=True, text=True, check=False)
    assert ran.returncode == 2, ran.stderr
    assert "standard input is closed" in ran.stderr or "no terminal to confirm on" in ran.stderr


@posix("special files")
def test_no_hint_to_resume_where_nothing_was_written(sim, cli):
    sim.fill(images=1)
    ran = cli("export", "--all", "--out", "/proc/nowhere/out")
    assert_one_error(ran, 1)
    assert "resumes it" not in ran.err


@pytest.mark.parametrize("below", ["x", "x/y"])
def test_an_out_below_a_file_is_refused(sim, cli, tmp_path, below):
    (tmp_path / "file").write_bytes(b"")
    ran = cli("export", "--all", "--out", tmp_path / "file" / below)
    assert_one_error(ran, 2)
    assert f"{tmp_path / 'file'} is not a folder" in ran.err
    assert not sim.calls
