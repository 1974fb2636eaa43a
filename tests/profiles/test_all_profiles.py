"""--all-profiles: a folder and a verdict for each profile, the worst code of all, and one that fails stops no other."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from custom_vision_simulator import Fault, Options, Simulator
from cv_gdpr.errors import worst
from tests.console import Stoppable
from tests.delete.erasing import ids, state, stock
from tests.environment.terminals import on_terminal
from tests.export.exporting import assert_bag
from tests.platforms import SIGHUP, SIGQUIT, SLOWER, WINDOWS, need, posix, pty
from tests.profiles.profiling import only_posix_terminals, runs, sent

pytestmark = pytest.mark.slow

UNATTENDED = {"unattended_delete": "true"}


@pytest.fixture
def both(sim, other, config):
    """Two profiles, each with a stocked resource, that allow deletions without a person."""
    stock(sim), stock(other)
    config.add("hamburg", sim, **UNATTENDED)
    config.add("berlin", other, **UNATTENDED)


def by_profile(ran):
    """Return profile -> result of a run, in the order of the document."""
    assert ran.json["format"] == "cv-gdpr-profiles/1"
    return {one["profile"]: one for one in ran.json["profiles"]}


@pytest.mark.parametrize(
    ("codes", "counting"),
    [([], 0), ([0, 3], 3), ([3, 2], 2), ([2, 5], 5), ([5, 1], 1), ([1, 4], 4), ([4, 130, 0], 130), ([4, 143, 5], 143)],
)
def test_the_worst_code_counts(codes, counting):
    assert worst(codes) == worst(reversed(codes)) == counting


@pytest.mark.usefixtures("both")
def test_each_profile_is_exported_into_its_own_folder(bare, sim, config, tmp_path):
    config.add("gone", sim, endpoint='"http://127.0.0.1:1"')
    out = tmp_path / "out"
    ran = bare("export", "images", "--all", "--all-profiles", "--out", out, "--json", "--calls-per-second=0")
    results = by_profile(ran)
    assert [(name, one["exitCode"]) for name, one in results.items()] == [("hamburg", 0), ("berlin", 0), ("gone", 5)]
    assert (ran.code, ran.json["exitCode"], ran.json["retryable"]) == (5, 5, True)
    for name in ("hamburg", "berlin"):
        assert_bag(out / name)
        assert results[name]["result"]["folder"] == str(out / name)
        assert [row["row"] for row in results[name]["result"]["rows"]] == ["images"]
    assert results["gone"]["result"]["format"] == "cv-gdpr-error/1"
    assert "gone: Error: " in ran.err
    assert not any(line.startswith("Error") for line in ran.err.splitlines())


@pytest.mark.slow
@pytest.mark.usefixtures("both")
@only_posix_terminals
def test_a_terminal_shows_the_state_of_each_profile(sim, other, config):
    other.fault(Fault("GetTags", status=400, times=None))
    code, shown = on_terminal(sim, "list", "tags", "--all", "--all-profiles", CV_GDPR_CONFIG=str(config.path))
    lines = shown["stderr"].decode().splitlines()
    assert code == 3
    assert {"hamburg: started", "berlin: started"} <= set(lines)
    ended = sorted(line.partition(";")[0] for line in lines if line.endswith("of 2 profiles have ended"))
    assert ended == ["berlin: done in part", "hamburg: done"]


@pytest.mark.usefixtures("both")
def test_a_table_names_each_profile_with_its_verdict(bare, other):
    other.fault(Fault("GetTags", status=400, times=None))
    ran = bare("export", "--project", "Visitors", "tags", "--all-profiles", CV_GDPR_EXPORT_CALLS_PER_SECOND="0")
    assert ran.code == 3
    words = " ".join(ran.out.split())  # the cells of a narrow table are folded at blanks
    assert "in part" in words
    assert "verdict" in words
    assert "cv-gdpr-export-" in words
    assert "exported" in words
    assert not [line for line in ran.err.splitlines() if line.startswith("hamburg: ")]  # the table says it


@pytest.mark.parametrize(("answers", "where"), [(False, ""), (True, " of berlin")], ids=["all lack it", "one does"])
def test_why_the_account_is_not_exported_is_said_once(bare, config, other, answers, where):
    with Simulator(Options(account_info=answers)) as sim:
        config.add("hamburg", sim)
        config.add("berlin", other)
        ran = bare("export", "--all", "--all-profiles", "--calls-per-second=0")
    assert ran.code == 0, ran.err
    table, _, to_do = ran.out.partition("\nWhat to do:\n")
    assert table.count("exported;") == (1 if answers else 2)
    words = "GetAccountInfo answers 404 here. Azure Resource Manager has it: set resource-id in the profile"
    assert to_do.startswith(f"  - account{where}: {words}")
    assert ran.out.count("GetAccountInfo") == 1


@pytest.mark.usefixtures("both")
def test_what_an_earlier_run_finished_is_left_as_it_is(bare, other, tmp_path):
    words = ("export", "tags", "--all", "--all-profiles", "--out", tmp_path / "out", "--json")
    other.fault(Fault("GetProjects", status=401, times=None))
    first = by_profile(bare(*words))
    other.clear_faults()
    (done,), (stopped,) = ([name for name, one in first.items() if one["exitCode"] == code] for code in (0, 5))
    assert bare(*words, "--tag", "alice").code == 2  # another command

    again = bare(*words)

    assert again.code == 0, again.err
    told = {name: (one["exitCode"], one["finishedBefore"]) for name, one in by_profile(again).items()}
    assert told == {done: (0, str(tmp_path / "out" / done)), stopped: (0, None)}
    assert bare(*words).code == 2
    assert bare("verify", *(tmp_path / "out" / name for name in (done, stopped))).code == 0


@pytest.mark.usefixtures("both")
def test_a_mistyped_command_leaves_the_folder_free(bare, tmp_path):
    words = ("export", "tags", "--all-profiles", "--out", tmp_path / "out")
    assert bare(*words, "--project", "Vistors").code == 2
    assert bare(*words, "--project", "Visitors").code == 0


@pytest.mark.usefixtures("both")
def test_an_export_of_another_endpoint_is_not_the_profiles(bare, sim, other, config, tmp_path):
    words = ("export", "tags", "--all", "--all-profiles", "--out", tmp_path / "out", "--json")
    other.fault(Fault("GetProjects", status=401, times=None))
    (done,) = [name for name, one in by_profile(bare(*words)).items() if one["exitCode"] == 0]
    other.clear_faults()
    with Simulator() as moved:
        config.write(config.path.read_text().replace(sim.endpoint, moved.endpoint))
        assert by_profile(bare(*words))[done]["exitCode"] == 2


def names_of(project):
    """Return the names of the tags in a project's workspace."""
    return [tag.name for tag in project.workspace.tags.values()]


@pytest.mark.usefixtures("both")
def test_an_erasure_has_evidence_for_each_profile(bare, sim, other, config, tmp_path):
    """What a profile protects stays, and that in its resource alone."""
    protected = [stock(one, "Strangers", images=2, iterations=0, predictions=0) for one in (sim, other)][1]
    config.write(config.path.read_text() + 'protect = ["Strangers"]\n')  # of the last profile: berlin
    words = ("--all", "--tag", "alice", "--all-profiles", "--yes", "--evidence", tmp_path / "erasure.json", "--json")
    ran = bare("delete", "tags", *words, "--wait=1", CV_GDPR_DELETE_CALLS_PER_SECOND="0")
    assert ran.code == 0, ran.err
    left = [key for one in (sim, other) for key, project in one.store.projects.items() if "alice" in names_of(project)]
    assert left == [protected]
    for name in ("hamburg", "berlin"):
        assert by_profile(ran)[name]["result"]["evidence"] == str(tmp_path / f"erasure.{name}.json")
        assert bare("verify", tmp_path / f"erasure.{name}.json").code == 0


@pytest.mark.usefixtures("both")
def test_a_dry_run_needs_no_permission_and_deletes_nothing(bare, sim, other, config):
    config.write(config.path.read_text().replace("true", "false"))
    before = state(sim), state(other)
    ran = bare("delete", "images", "--all", "--all-profiles", "--dry-run", "--json", "--calls-per-second=0")
    assert ran.code == 0, ran.err
    for name, resource in (("hamburg", sim), ("berlin", other)):
        (project,) = resource.store.projects
        assert by_profile(ran)[name]["result"]["total"] == len(ids(resource, project, "images"))
    assert (state(sim), state(other)) == before


# case: (words after `delete --all --all-profiles`, words of the message)
REFUSED = {
    "neither ROW nor selector": (("--yes",), "needs a ROW or a selector"),
    "the account": (("account", "--yes"), "delete account never runs with --all-profiles"),
    "a plan": (("--plan", "plan.json", "--yes"), "--plan never runs with --all-profiles"),
    "without a terminal": (("images",), "no terminal to confirm on"),
    "one profile too": (("images", "--yes", "--profile", "berlin"), "give either --all-profiles or --profile"),
    "an endpoint too": (("images", "--yes", "--endpoint", "https://x"), "give either --all-profiles or --endpoint"),
    "a key file too": (("images", "--yes", "--key-file", "x"), "give either --all-profiles or --key-file"),
    "a key command too": (("images", "--yes", "--key-command", "x"), "give either --all-profiles or --key-command"),
    "ids from standard input": (("--yes", "--image-ids-file", "-"), "cannot be read once for each profile"),
    "evidence in a folder": (("images", "--yes", "--evidence", "."), "--evidence . is a folder"),
    "evidence at the top": (("images", "--yes", "--evidence", "/"), f"--evidence {Path('/')} is a folder"),
    "a plan above": (("images", "--dry-run", "--save-plan", ".."), "--save-plan .. is a folder"),
    "a plan in a folder": (("images", "--dry-run", "--save-plan", "/usr/"), f"--save-plan {Path('/usr')} is a folder"),
    "a project too": (("images", "--yes", "--project", "x"), "give either --all or --project"),
}


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("case", REFUSED)
def test_an_unsafe_erasure_of_all_is_refused(bare, sim, other, case):
    words, message = REFUSED[case]
    ran = bare("delete", "--all", "--all-profiles", *words)
    assert ran.code == 2
    assert message in ran.err
    assert not sim.calls
    assert not other.calls


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("value", ["false", ""])
def test_yes_needs_the_permission_of_each_profile(bare, sim, other, config, value):
    config.write(
        config.path.read_text().replace("unattended-delete = true\n", value and "unattended-delete = false\n", 1)
    )
    ran = bare("delete", "images", "--all", "--all-profiles", "--yes")
    assert ran.code == 2
    assert "unattended-delete = true in each profile; not so: hamburg" in ran.err
    assert not sim.calls
    assert not other.calls


@pytest.mark.usefixtures("both")
def test_delete_never_reads_all_profiles_from_a_variable(bare, sim):
    ran = bare("delete", "images", "--all", "--yes", CV_GDPR_DELETE_ALL_PROFILES="1")
    assert ran.code == 2
    assert "reads --all-profiles from the command line only" in ran.err
    assert not sim.calls


@pytest.mark.usefixtures("both")
def test_export_reads_all_profiles_from_a_variable(bare, other):
    everywhere = {"CV_GDPR_EXPORT_ALL_PROFILES": "1", "CV_GDPR_EXPORT_CALLS_PER_SECOND": "0"}
    assert set(by_profile(bare("export", "tags", "--all", "--json", **everywhere))) == {"hamburg", "berlin"}
    asked = len(other.calls)
    assert bare("export", "tags", "--all", "--profile", "hamburg", **everywhere).code == 0
    assert len(other.calls) == asked


def test_two_profiles_of_one_resource_are_refused(bare, sim, config):
    config.add("one", sim)
    config.add("two", sim, endpoint=f'"{sim.endpoint}/"')
    ran = bare("export", "--all", "--all-profiles")
    assert ran.code == 2
    assert "the profiles one and two have the same endpoint" in ran.err


def test_without_profiles_there_is_nothing_to_run(bare):
    ran = bare("export", "--all", "--all-profiles")
    assert ran.code == 2
    assert "has no profile" in ran.err


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("kind", ["an export", "a file"])
def test_folders_are_not_made_inside_an_export(bare, sim, tmp_path, kind):
    out = tmp_path / "out"
    if kind == "a file":
        out.touch()
    else:
        out.mkdir()
        (out / "bagit.txt").touch()
    ran = bare("export", "--all", "--all-profiles", "--out", out)
    assert ran.code == 2
    assert f"--out {out} is " in ran.err
    assert not sim.calls


# --- signals and terminals ------------------------------------------------------------------------------------------


def started(bare, *words, **settings):
    """Start the program as a process with the environment of `bare`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CV_GDPR", "VISION_"))}
    command = [sys.executable, "-m", "cv_gdpr", *map(str, words)]
    return Stoppable(command, env=kept | bare.variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)


DELETION = ("delete", "tags", "--all", "--yes", "--json", "--calls-per-second=0")


def under_way(bare, sim, other, *words):
    """Start a command whose processes then wait for an answer of their service."""
    for resource in (sim, other):
        resource.fault(Fault("GetTags", delay=90, times=None))
    process = started(bare, *words)
    deadline = time.monotonic() + 20 * SLOWER
    while not all("GetTags" in sent(one) for one in (sim, other)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


ENDINGS = [(signal.SIGINT, True), (signal.SIGTERM, False), (SIGHUP, False), (SIGQUIT, False)]


def children_of(process):
    """Return the numbers of the processes that a process started, where /proc has them."""
    need("processes")
    threads = Path("/proc", str(process.pid), "task").glob("*/children")
    return [number for one in threads for number in one.read_text().split()]


@pytest.mark.slow
@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("number", "twice"),
    [
        pytest.param(signal.SIGINT, False, id="Ctrl-C"),
        *(pytest.param(number, twice, marks=posix("signals")) for number, twice in ENDINGS),
    ],
)
def test_a_signal_ends_the_run_of_each_profile(bare, sim, other, number, twice):
    process = under_way(bare, sim, other, "export", "--all", "--all-profiles", "--json")
    process.send_signal(number)
    while twice and children_of(process):
        time.sleep(0.002)
    if twice:
        time.sleep(0.02)
        process.send_signal(number)  # while it prints the result
    out, err = process.communicate(timeout=60)
    document = json.loads(out)
    code = 128 + number
    assert (process.returncode, document["exitCode"], document["retryable"]) == (code, code, True), err
    codes = {code, 143} if WINDOWS else {code}  # where Ctrl-Break cannot be sent, they end as by SIGTERM
    assert {one["exitCode"] for one in document["profiles"]} <= codes
    assert b"Traceback" not in err
    assert (err.count(b" resumes all"), b"resumes it" in err) == (1, False), err


@pytest.mark.slow
@posix("processes")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")
@pytest.mark.usefixtures("both")
def test_no_erasure_outlives_the_command(bare, sim, other):
    """Processes of profiles that go on after the command was killed would delete what nobody sees the result of."""
    process = under_way(bare, sim, other, *DELETION, "--all-profiles")
    processes = children_of(process)
    assert len(processes) == 2
    process.kill()
    process.communicate(timeout=20)
    until = time.monotonic() + 20
    while any(map(runs, processes)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(runs, processes))


@pytest.mark.slow
@only_posix_terminals
@pytest.mark.usefixtures("both")
def test_a_person_confirms_each_profile_on_its_own(bare, sim, other):
    ours, theirs = pty.openpty()
    try:
        words = ("delete", "images", "--all", "--all-profiles", "--json", "--wait=1", "--calls-per-second=0")
        process = started(bare, *words, stdin=theirs)
        hosts = [one.endpoint.removeprefix("http://") for one in (sim, other)]
        os.write(ours, f"{hosts[0]}\nno\n".encode())
        out, err = process.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 2, err
    assert b"berlin: Error: " in err
    assert b"hamburg: " not in err
    assert [one["exitCode"] for one in json.loads(out)["profiles"]] == [0, 2]
    assert not ids(sim, next(iter(sim.store.projects)), "images")
    assert ids(other, next(iter(other.store.projects)), "images")


@pytest.mark.usefixtures("both")
def test_what_each_resource_holds_is_joined(bare, other):
    other.fault(Fault("GetTags", status=400, times=None))
    words = ("list", "tags", "--all", "--all-profiles", "--calls-per-second=0")
    ran = bare(*words, "--json")
    assert {name: (one["exitCode"], one["result"]["format"]) for name, one in by_profile(ran).items()} == {
        "hamburg": (0, "cv-gdpr-list/1"),
        "berlin": (3, "cv-gdpr-list/1"),
    }
    assert "tags 3" in bare(*words).out
    first, *lines = bare(*words, "--csv").out.splitlines()
    assert first.startswith("profile,project,")
    assert {line.partition(",")[0] for line in lines} == {"hamburg", "berlin"}
    assert sum(",alice," in line for line in lines) == 1
