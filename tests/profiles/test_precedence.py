"""An option beats the profile, the profile the environment, whose endpoint and key never mix with a profile's."""

import io
import json
import os
import shlex
import sys
import time
from base64 import b64encode
from pathlib import Path

import click
import pytest

from cv_gdpr.cli.beside_parent import Prefixed
from cv_gdpr.cli.finished_profiles import _finished
from cv_gdpr.cli.parameters import TYPED, Option, same_connection
from cv_gdpr.cli.profile_results import _row, _summary
from cv_gdpr.cli.setup_documents import ProfileResult
from cv_gdpr.sealing import bags
from cv_gdpr.settings import Profile
from tests.delete.erasing import stock
from tests.platforms import posix
from tests.profiles.profiling import runs, sent

PLAN = ("delete", "--all", "--dry-run", "--json")


@pytest.fixture
def printing(tmp_path):
    """A function that returns a command which prints a text."""

    def command(text, *, errors="", code=0):
        script = tmp_path / f"printing-{len(list(tmp_path.iterdir()))}.py"
        printed = f"{text}\n".encode()
        script.write_text(
            f"import sys\nsys.stderr.write({errors!r})\nsys.stdout.buffer.write({printed!r})\nsys.exit({code})\n"
        )
        return shlex.join([sys.executable, str(script)])

    return command


def test_a_profile_beats_the_environment(sim, other, config, bare):
    config.add("one", sim)
    of_other = {"CV_GDPR_ENDPOINT": other.endpoint, "CV_GDPR_TRAINING_KEY": other.training_key}
    ran = bare(*PLAN, "--profile", "one", **of_other, CV_GDPR_DELETE_ENDPOINT=other.endpoint)
    assert ran.code == 0, ran.err
    assert ran.json["endpoint"] == sim.endpoint
    assert not other.calls


def test_a_profile_can_be_chosen_by_a_variable(sim, config, bare):
    config.add("one", sim)
    assert bare(*PLAN, CV_GDPR_DELETE_PROFILE="one").code == 0
    assert sent(sim)


def test_an_option_beats_the_profile(sim, other, config, bare, printing):
    config.add("one", sim)
    options = ("--endpoint", other.endpoint, "--key-command", printing(other.training_key))
    assert bare(*PLAN, "--profile", "one", *options).code == 0
    assert sent(other)
    assert not sim.calls


@pytest.mark.parametrize("lacking", ["endpoint", "key_file"])
def test_the_environment_fills_no_gap_of_a_profile(sim, config, bare, lacking):
    config.add("one", sim, **{lacking: ""})
    of_sim = {"CV_GDPR_ENDPOINT": sim.endpoint, "CV_GDPR_TRAINING_KEY": sim.training_key}
    ran = bare(*PLAN, "--profile", "one", **of_sim, CV_GDPR_DELETE_ENDPOINT=sim.endpoint)
    assert ran.code == 2
    assert f"profile one has no {lacking.replace('_', '-')}" in ran.err
    assert not sim.calls


def test_a_key_file_of_a_variable_does_not_beat_a_profile(sim, config, bare, tmp_path):
    config.add("one", sim)
    (tmp_path / "wrong").write_text("0" * 32)
    assert bare(*PLAN, "--profile", "one", CV_GDPR_DELETE_KEY_FILE=str(tmp_path / "wrong")).code == 0


def test_a_command_in_a_profile_prints_the_key(sim, config, bare, printing):
    config.add("one", sim, key_file="", key_command=f"'''{printing(sim.training_key)}'''")
    assert bare(*PLAN, "--profile", "one").code == 0
    assert sent(sim)


def test_what_a_profile_protects_stays(sim, config, bare):
    stock(sim), stock(sim, "Strangers")
    config.add("one", sim, protect='["Visitors"]')
    ran = bare(*PLAN, "--profile", "one", "--protect", "Strangers")
    assert ran.code == 0, ran.err
    assert ran.json["total"] == 0


def test_no_profile_is_used_unless_it_is_named(sim, config, bare):
    config.add("one", sim)
    ran = bare(*PLAN)
    assert ran.code == 2
    assert "not set: CV_GDPR_ENDPOINT and CV_GDPR_TRAINING_KEY" in ran.err


NOT_SET = {
    # case: (words, variables, what the error names, what the hint names, what it does not name)
    "nothing": (("export", "tags", "--all"), {}, "ENDPOINT and CV_GDPR_TRAINING_KEY", "--endpoint URL and --key-f", ""),
    "no key": (("export", "tags", "--all"), {"CV_GDPR_ENDPOINT": "http://127.0.0.1:9"}, "KEY", "entra", "--endpoint"),
    "no endpoint": (PLAN, {"CV_GDPR_TRAINING_KEY": "0" * 32}, "CV_GDPR_ENDPOINT", "--profile NAME", "--key-file"),
    "the account": (("export", "account"), {}, "CV_GDPR_ENDPOINT and", "--resource-id ID, which needs neither", ""),
    "deleting it": (("delete", "account"), {}, "CV_GDPR_ENDPOINT and", "--resource-id ID, which needs neither", ""),
}


@pytest.mark.parametrize("case", NOT_SET)
def test_only_what_is_not_set_is_named(bare, case):
    words, variables, error, hint, absent = NOT_SET[case]
    ran = bare(*words, **variables)
    assert ran.code == 2
    said = {line.partition(": ")[0]: line for line in ran.err.splitlines()}
    assert said["Error"].startswith("Error: not set: ")
    assert error in said["Error"]
    assert hint in said["Hint"]
    assert not absent or absent not in said["Hint"]


def test_a_profile_without_a_key_says_where_to_set_it(sim, config, bare):
    config.path.write_text(f'[profiles.one]\nendpoint = "{sim.endpoint}"\n')
    ran = bare(*PLAN, "--profile", "one")
    assert ran.code == 2
    assert "profile one has no key-file, key-command" in ran.err
    assert f"Hint: set it in {config.path}" in ran.err


def test_an_unknown_profile_is_a_usage_error(sim, config, bare):
    config.add("hamburg", sim)
    ran = bare(*PLAN, "--profile", "hamburk")
    assert ran.code == 2
    assert "Hint: similar: hamburg" in ran.err


@pytest.mark.parametrize("words", [PLAN, ("doctor",)], ids=["delete", "doctor"])
def test_an_example_is_shown_in_lines(config, bare, words):
    config.path.unlink()
    ran = bare(*words, "--profile", "one")
    assert ran.code == 2
    lines = ran.err.splitlines()
    at = lines.index("Hint: create it, with for example:")
    assert lines[at + 1] == "    [profiles.one]"
    assert lines[at + 2].startswith("    endpoint = ")
    assert "\\x0a" not in ran.err
    ran = bare(*words, "--profile", "one", *(() if "--json" in words else ("--json",)))
    assert "create it, with for example:\\n    [profiles.one]" in ran.out


def test_a_line_break_in_a_name_is_escaped(config, bare):
    ran = bare(*PLAN, "--profile", "one", CV_GDPR_CONFIG=f"{config.path}\nHint: x")
    assert "\\x0aHint: x" in ran.err


BOTH = ("--key-file", "nowhere", "--key-command", "nothing")


def test_two_places_of_the_key_are_refused(sim, config, bare):
    config.add("one", sim)
    for words in ((), ("--profile", "one")):
        ran = bare(*PLAN, *BOTH, *words)
        assert ran.code == 2
        assert "give either --key-file or --key-command" in ran.err


def test_a_place_on_the_command_line_beats_a_variable(sim, bare, printing):
    of_sim = ("--endpoint", sim.endpoint, "--key-command", printing(sim.training_key))
    assert bare(*PLAN, *of_sim, CV_GDPR_DELETE_KEY_FILE="nowhere").code == 0
    ran = bare(*PLAN, CV_GDPR_DELETE_KEY_FILE="a", CV_GDPR_DELETE_KEY_COMMAND="b", CV_GDPR_ENDPOINT=sim.endpoint)
    assert ran.code == 2
    assert "give either" in ran.err


@pytest.mark.parametrize(
    "words", [("--profile", "one", "--auth", "entra", "--key-file", "x"), ("--auth", "entra", *BOTH)]
)
def test_a_key_beside_entra_is_refused(sim, config, bare, words):
    config.add("one", sim)
    assert bare(*PLAN, *words).code == 2
    assert not sim.calls


def test_a_profile_with_a_key_ignores_entra_in_the_environment(sim, config, bare):
    config.add("one", sim)
    assert bare(*PLAN, "--profile", "one", CV_GDPR_AUTH="entra").code == 0


# --- the command --------------------------------------------------------------------------------------------------

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
LONG_KEY = "Ab1" * 28
FORMS = {"a line": "{}", "empty lines": "\n  {}\t\n\n", "quotes of JSON": '"{}"', "a mark": "\ufeff{}"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_command_may_print_the_key_in_any_form(sim, bare, printing, form):
    ran = bare(*PLAN, "--endpoint", sim.endpoint, "--key-command", printing(form.format(sim.training_key)))
    assert ran.code == 0, ran.err


FAILING = {
    # case: (what the command prints, on standard error, its exit code, words of the message)
    "an exit code": ("", "no such\n vault", 3, "ended with code 3: no such vault"),
    "a key with an exit code": (KEY, f"not {KEY}", 1, "ended with code 1: not (the key)"),
    "the key among errors": ("", f"denied: {KEY}", 1, "ended with code 1: denied: (the key)"),
    "a trace of the shell": ("", f"+ k={KEY}\n+ exit 1", 1, "ended with code 1: + k=(the key) + exit 1"),
    "a long key": ("", f"+ k='{LONG_KEY}'", 1, "ended with code 1: + k='(the key)'"),
    "a key in base64": ("", b64encode(KEY.encode()).decode(), 1, "ended with code 1: (the key)"),
    "a long name": ("", "ResourceNotFoundInTheSubscriptionOrGroup", 1, "ended with code 1: ResourceNotFoundInThe"),
    "nothing": ("", "", 0, "printed no lines instead of the training key alone"),
    "two lines": (f"{KEY}\n{KEY}", "", 0, "printed 2 lines instead of"),
    "too much": ("x" * 100_000, "", 0, "prints too much"),
    "too many errors": (KEY, "x" * 100_000, 0, "prints too much"),
    "a long error": ("", "y" * 5000, 1, "ended with code 1: " + "y" * 300 + "\n"),
    "a control character": ("", "\x1b[31m", 1, r"ended with code 1: \x1b[31m"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_failing_command_is_said_without_the_key(sim, bare, printing, case):
    text, errors, code, words = FAILING[case]
    command = printing(text, errors=errors, code=code)
    ran = bare(*PLAN, "--endpoint", sim.endpoint, "--key-command", command)
    assert ran.code == 2
    assert f"--key-command: {sys.executable} {words}" in ran.err or f"--key-command {words}" in ran.err
    assert KEY not in ran.err + ran.out
    assert LONG_KEY not in ran.err + ran.out
    assert not sim.calls


def test_no_document_shows_a_key_among_errors(config, sim, bare, printing):
    command = printing("", errors=f"+ k={KEY}", code=1)
    config.add("one", sim, key_file="", key_command=f"'''{command}'''")
    ran = bare("doctor", "--json", "--profile", "one")
    assert "+ k=(the key)" in ran.out
    assert KEY not in ran.err + ran.out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-program --now", "no-such-program cannot be run: "),
        (os.sep, f"{os.sep} cannot be run: "),
        ("'", "--key-command: no closing quotation"),
        ("''", "--key-command is empty"),
        pytest.param("echo a | tr a b", "--key-command", marks=posix("shell")),
        pytest.param("cat", "printed no lines", marks=posix("shell")),
        pytest.param("sh -c 'kill -9 $$'", "sh was ended by signal 9", marks=posix("shell")),
    ],
)
def test_a_command_that_cannot_work_is_a_usage_error(sim, bare, command, words):
    ran = bare(*PLAN, "--endpoint", sim.endpoint, "--key-command", command)
    if "|" in command:  # not a pipe, but three words more for echo: a key that no header can hold
        words = "the training key is empty or holds characters"
    assert ran.code == 2
    assert words in ran.err


@pytest.mark.parametrize(
    "command",
    [
        f'"{sys.executable}" -c "import time; time.sleep(20)"',
        pytest.param("sh -c 'exec >&- 2>&-; sleep 20'", marks=posix("shell")),
        pytest.param("sh -c 'sleep 20; echo x'", marks=posix("shell")),
    ],
)
def test_a_command_that_hangs_is_ended(sim, bare, monkeypatch, command):
    monkeypatch.setattr("cv_gdpr.cli.key_command.TIME_LIMIT", 0.2)
    ran = bare(*PLAN, "--endpoint", sim.endpoint, "--key-command", command)
    assert ran.code == 2
    assert "did not end within" in ran.err


@posix("shell")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")
@pytest.mark.parametrize("end", ["echo {key}", "exit 3", "sleep 20"])
def test_what_a_command_leaves_behind_is_ended(sim, bare, monkeypatch, tmp_path, end):
    monkeypatch.setattr("cv_gdpr.cli.key_command.TIME_LIMIT", 1.0)
    script = f"sleep 20 & echo $! >{tmp_path}/pid; {end.format(key=sim.training_key)}"
    began = time.monotonic()
    ran = bare(*PLAN, "--endpoint", sim.endpoint, "--key-command", shlex.join(["sh", "-c", script]))
    assert ran.code == (0 if "echo" in end else 2), ran.err
    assert time.monotonic() - began < 10
    until = time.monotonic() + 5
    while runs((tmp_path / "pid").read_text()) and time.monotonic() < until:
        time.sleep(0.01)  # the system takes a moment
    assert not runs((tmp_path / "pid").read_text())


def test_no_option_takes_the_key_itself(sim, bare):
    """A key where a command belongs is run as a program, which does not exist; the message does not quote it."""
    ran = bare(*PLAN, "--endpoint", sim.endpoint, "--key-command", KEY)
    assert ran.code == 2
    assert KEY not in ran.err + ran.out


@pytest.mark.parametrize("key", ["0123456789abcdef" * 2, "aB3" * 28])
def test_a_key_in_place_of_its_file_is_explained(sim, bare, key):
    ran = bare(*PLAN, "--endpoint", sim.endpoint, "--key-file", key)
    assert ran.code == 2
    assert "Hint: give the name of a file that holds it" in ran.err
    assert key not in ran.err + ran.out


OF_PROFILE = {
    # case: (settings of the profile, words of the error)
    "a key file that is not there": ({"key_file": '"nowhere"'}, "nowhere"),
    "a resource id": ({"resource_id": '"simulated"'}, "not one of an Azure AI services account"),
    "an address of Resource Manager": (
        {
            "resource_id": '"/subscriptions/a/resourceGroups/b/providers/Microsoft.CognitiveServices/accounts/c"',
            "resource_manager": '"http://example.org"',
        },
        "the address of Resource Manager is plain http",
    ),
}


@pytest.mark.parametrize("case", OF_PROFILE)
def test_a_wrong_setting_of_a_profile_is_named(sim, config, bare, case):
    settings, words = OF_PROFILE[case]
    config.add("one", sim, **settings)
    ran = bare("export", "--all", "--profile", "one")
    assert ran.code == 2
    (error,) = [line for line in ran.err.splitlines() if line.startswith("Error: ")]
    assert words in error
    assert f"profile one of {config.path}" in error


def test_a_configuration_without_profiles_says_so(bare):
    ran = bare(*PLAN, "--profile", "one")
    assert ran.code == 2
    assert "Hint: it has none yet" in ran.err


SUMMARIES = {
    # case: (fields of a plan, words of its line)
    "nothing else": ({}, "3 would be deleted"),
    "not searched": ({"scope": {"notSearched": {"predictions": "x"}}}, "deleted; not searched: predictions"),
    "trained": ({"projects": [{"iterationsHolding": ["a", "b"]}]}, "trained on these, and not deleted: 2 iterations"),
    "trained once": ({"projects": [{"iterationsHolding": ["a"]}]}, "trained on these, and not deleted: 1 iteration"),
    "protected": ({"protected": ["a"]}, "deleted; protected: 1 project"),
    "not read": ({"failed": [{}]}, "deleted; could not be read: 1 project"),
    "not found": ({"unmatched": ["a"]}, "deleted; matched nothing: 1 value"),
}


@pytest.mark.parametrize("case", SUMMARIES)
def test_a_plan_in_one_line_names_what_stays(case):
    fields, words = SUMMARIES[case]
    plan = {"format": "cv-gdpr-plan/1", "total": 3, "scope": {"notSearched": {}}, "projects": []}
    assert _summary(plan | {"protected": [], "failed": [], "unmatched": []} | fields).endswith(words)


def test_an_export_in_one_line_names_rows_without_reason():
    document = {"format": "cv-gdpr-export/1", "rows": [], "folder": "out", "byHand": {"account": "give --resource-id"}}
    assert _summary(document).endswith("; account not exported")


def test_the_name_of_what_was_written_stands_alone():
    document = {"format": "cv-gdpr-delete/1", "verdict": "It no longer exists.", "evidence": "e.berlin.json"}
    found = ProfileResult(profile="berlin", exit_code=0, retryable=False, result=document)
    assert _row(found) == ("berlin", "0", "done", "It no longer exists.", "e.berlin.json")
    failed = ProfileResult(profile="berlin", exit_code=1, retryable=False, result={"format": "cv-gdpr-error/1"})
    assert _row(failed)[3:] == ("its Error line says why", "")


def test_messages_of_a_profile_carry_its_name():
    stream = io.StringIO()
    prefixed = Prefixed(stream, "berlin")
    for text in (
        "Type the name: ",
        "Error: no\nHint: yes\n",
        "  Error: in a table\n",
        "Warning: w\n",
        "\x1b[31mError:\x1b[0m no\n",
    ):
        assert prefixed.write(text) == len(text)
    told = "Type the name: berlin: Error: no\nberlin: Hint: yes\n  Error: in a table\nberlin: Warning: w\n"
    told += "berlin: \x1b[31mError:\x1b[0m no\n"
    assert stream.getvalue() == told


def test_a_folder_of_exports_is_not_verified_as_one(bare, tmp_path):
    for name in ("berlin", "hamburg"):
        (tmp_path / "all" / name).mkdir(parents=True)
        (tmp_path / "all" / name / "bagit.txt").touch()
    ran = bare("verify", tmp_path / "all")
    assert ran.code == 2
    assert f"Hint: cv-gdpr verify {tmp_path / 'all'}/*" in ran.err
    ran = bare("verify", tmp_path / "all" / "berlin" / "bagit.txt")
    assert ran.code == 2
    assert "Hint: verify the folder" in ran.err


FINISHED = {
    # case: what export.json says, what the command asks for, exit code (None: it does not count)
    "all": ({}, {}, 0),
    "a selector that matched": ({"selectors": [{"matched": True}]}, {}, 0),
    "a selector that did not": ({"selectors": [{"matched": False}]}, {}, 3),
    "that is welcome": ({"selectors": [{"matched": False}]}, {"missing_ok": True}, 0),
    "nobody knows": ({"selectors": [{"matched": None}]}, {"missing_ok": True}, 3),
    "not complete": ({"complete": False}, {}, 3),
    "not searched": ({"predictionsNotSearched": {"x": 1}}, {}, 3),
    "not signed": ({}, {"sign_with": "key"}, 3),
    "another resource": ({"endpoint": "https://other.example"}, {}, None),
    "cut off": ({"selectors": None}, {}, None),
}


@pytest.mark.parametrize("case", FINISHED)
def test_what_counts_as_finished_before(tmp_path, case):
    told, asked, code = FINISHED[case]
    whole = {"endpoint": "https://one.example/", "complete": True, "selectors": [], "predictionsNotSearched": {}}
    (tmp_path / "data").mkdir()
    (tmp_path / "bagit.txt").touch()
    (tmp_path / "data" / "export.json").write_text(json.dumps(whole | told))
    given = {"missing_ok": False, "sign_with": None, "timestamp_from": None} | asked
    found = _finished(tmp_path, Profile("one", endpoint="https://One.example"), given)
    assert (found and found.exit_code) == code


def test_an_export_is_sealed_once_its_signature_is_dated(tmp_path):
    (tmp_path / "data").mkdir()
    told = {"endpoint": "https://one.example", "complete": True, "selectors": [], "predictionsNotSearched": {}}
    (tmp_path / "data" / "export.json").write_text(json.dumps(told))
    asked = {"missing_ok": False, "sign_with": "key", "timestamp_from": "url"}
    codes = []
    for name in ("bagit.txt", bags.SIGNATURE, bags.TOKEN, bags.SIGNED_AT):
        (tmp_path / name).touch()
        codes.append(_finished(tmp_path, Profile("one", endpoint="https://one.example"), asked).exit_code)
    assert codes == [3, 3, 3, 0]


def test_a_command_with_a_secret_is_not_repeated_in_a_hint():
    with click.Context(click.Command("list")) as ctx:
        ctx.meta[TYPED] = [(Option(["--key-command"]), "vault --token s.secret"), (Option(["--profile"]), "a b")]
        assert same_connection() == " --key-command COMMAND --profile 'a b'"
