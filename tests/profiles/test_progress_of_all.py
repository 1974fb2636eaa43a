"""--all-profiles on a terminal shows how far each profile is; no process waits for one who reads that slowly."""

import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.platforms.processes import passing
from tests.endurance.enduring import environment
from tests.environment.terminals import on_terminal
from tests.platforms import SIGKILL, need
from tests.profiles.profiling import only_posix_terminals

pytestmark = pytest.mark.slow

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LIVE = re.compile(r"(hamburg|berlin) +(records listed|items listed|items|projects) +[\d,]+.*")
LIST = ("list", "images", "--all", "--read-timeout", "30", "--calls-per-second", "3")


@pytest.fixture
def slow(sim, other, config):
    """The environment for two profiles, whose resources take seconds to list their images."""
    for name, one in (("hamburg", sim), ("berlin", other)):
        one.fill(images=1800)
        one.fault(Fault("GetUntaggedImages", delay=0.6, times=None))
        config.add(name, one)
    return {"CV_GDPR_CONFIG": str(config.path)}


def lines_of(shown):
    """Return the lines that were written to a terminal, those that were taken away too."""
    return [line.strip() for line in re.split(r"[\r\n]+", CONTROL.sub("\n", shown.decode())) if line.strip()]


@only_posix_terminals
def test_a_live_line_shows_how_far_each_profile_is(sim, slow):
    code, told = on_terminal(sim, *LIST, "--all-profiles", **slow)
    assert code == 0
    live = [line for line in lines_of(told["stderr"]) if LIVE.fullmatch(line)]
    for name in ("hamburg", "berlin"):
        of_profile = [line for line in live if line.startswith(name)]
        assert any("of at least 1,800" in line for line in of_profile), live
        assert any(re.search(r"[\d,]+/(s|min)", line) for line in of_profile), live
    assert max(map(len, live)) <= 80


@only_posix_terminals
def test_messages_stand_whole_above_the_live_lines(sim, other, slow, tmp_path):
    other.fault(Fault("GetTags", status=400, times=None))
    words = ("export", "--all", "--all-profiles", "--out", tmp_path / "out", *LIST[3:])
    code, told = on_terminal(sim, *words, **slow)
    assert code == 3
    lines = lines_of(told["stderr"])
    messages = [line for line in lines if not LIVE.fullmatch(line) and not line.startswith("waiting")]
    assert len(messages) < len(lines)
    kinds = ("started", "Missing:", "Error:", "Hint:", "done; ", "done in part; ")
    begins = [line for line in messages if line.startswith(("hamburg", "berlin"))]
    assert all(line.partition(": ")[2].startswith(kinds) for line in begins), begins
    assert sum("have ended" in line for line in messages) == 2


@only_posix_terminals
@pytest.mark.parametrize(
    ("words", "variables"), [(("-q",), {}), (("--json",), {}), ((), {"TERM": "dumb"})], ids=("quiet", "json", "dumb")
)
def test_no_live_line_shows_where_nobody_wants_it(sim, slow, words, variables):
    code, told = on_terminal(sim, *LIST, "--all-profiles", *words, **slow | variables)
    assert code == 0
    assert b"\x1b" not in told["stderr"]
    assert not [line for line in lines_of(told["stderr"]) if LIVE.fullmatch(line)]


@only_posix_terminals
def test_the_line_of_a_killed_process_goes_away(sim, other, slow):
    """The others go on."""
    need("processes")
    other.fault(Fault("GetUntaggedImages", delay=3, times=None))

    def kill(operation, method, target, take=other.faults.take):
        if operation == "GetUntaggedImages":
            for number in processes_of("berlin"):
                with suppress(OSError):
                    os.kill(number, SIGKILL)
        return take(operation, method, target)

    other.faults.take = kill
    code, told = on_terminal(sim, *LIST, "--all-profiles", **slow)
    assert code == 137
    after = lines_of(told["stderr"].partition(b"berlin: interrupted; 1 of 2")[2])
    assert any(line.startswith("hamburg  ") for line in after), after
    assert not any(line.startswith("berlin  ") for line in after), after


def processes_of(profile):
    """Yield the numbers of the processes of a profile, where /proc has them."""
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = one.read_bytes().split(b"\0")
            if f"--profile={profile}".encode() in words and b"cv_gdpr.cli.beside_parent" in words:
                yield int(one.parent.name)


@pytest.fixture
def beside(sim, slow):
    """Run the process of a profile beside a parent that does with the pipe of its progress what the test says."""
    lifeline, ours = os.pipe()
    telling = []

    def run(theirs):
        telling.append(theirs)
        passed, numbers = passing(lifeline, theirs)
        command = [sys.executable, "-m", "cv_gdpr.cli.beside_parent", ",".join(map(str, numbers)), "", *LIST]
        settings = environment(sim, **slow)
        command += ["--profile=hamburg", "--json"]
        return subprocess.run(command, env=settings, capture_output=True, timeout=60, check=False, **passed)

    yield run
    for pipe in (lifeline, ours, *telling):
        os.close(pipe)


def test_a_process_tells_how_far_it_is_in_whole_lines(beside):
    reading, theirs = os.pipe()
    assert beside(theirs).returncode == 0
    told = os.read(reading, 65536).decode()
    os.close(reading)
    lines = told.splitlines()
    assert told.endswith("\n")
    assert 2 <= len(lines) <= 40
    assert {line.count("\t") for line in lines} == {4}
    assert any(re.match(r"records listed\t[\d,]+ of at least 1,800\t\d+/s\tat least ", line) for line in lines)


def test_no_process_waits_for_one_who_never_reads(beside):
    reading, theirs = os.pipe()

    def fill():
        with suppress(OSError):
            while os.write(theirs, bytes(4096)):
                pass

    filling = threading.Thread(target=fill, daemon=True)
    filling.start()
    ran = beside(theirs)
    assert filling.is_alive()  # the pipe is full
    os.close(reading)
    filling.join(20)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_process_goes_on_without_its_reader(beside):
    reading, theirs = os.pipe()
    os.close(reading)
    ran = beside(theirs)
    assert (ran.returncode, ran.stderr) == (0, b"")
