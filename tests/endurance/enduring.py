"""Shared by the endurance tests: hooks on requests, runs in separate processes, and bags to compare."""

import itertools
import os
import subprocess
import sys
import time
from contextlib import contextmanager

from custom_vision_simulator import Options, Simulator
from custom_vision_simulator.faults import FaultBook
from tests.console import Stoppable
from tests.export.exporting import assert_bag, files, payload
from tests.platforms import SIGKILL, SLOWER


class Tripwire(FaultBook):
    """A FaultBook with a hook that acts when the service receives request number k."""

    def __init__(self):
        super().__init__()
        self.received = 0
        self.acts = {}

    def at(self, number, act):
        """Act when that request (counted from 1, over both hosts) arrives, before it is answered."""
        self.acts[number] = act

    def take(self, operation, method, target):
        self.received += 1
        if act := self.acts.get(self.received):
            act()
        return super().take(operation, method, target)


@contextmanager
def simulator(**options):
    """Yield a running simulator with hooks on its requests."""
    sim = Simulator(Options(**options))
    sim.faults = Tripwire()
    with sim:
        yield sim


def before(sim, operations, act):
    """Call `act` before each request for one of these operations is answered, with its number from 0."""
    take, numbers = sim.faults.take, itertools.count()

    def acting(operation, method, target):
        if operation in operations:
            act(next(numbers))
        return take(operation, method, target)

    sim.faults.take = acting


def environment(sim, **more):
    """Return the environment of a subprocess that calls a simulator, with little patience."""
    unset = ("CV_GDPR", "VISION_", "PYTHONDONTWRITEBYTECODE")  # without bytecode, each one starts more slowly
    if not more.pop("measured", True):
        unset += ("COVERAGE_",)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    named = {"CV_GDPR_ENDPOINT": sim.endpoint, "CV_GDPR_TRAINING_KEY": sim.training_key}
    for command in ("EXPORT", "DELETE"):
        named |= {f"CV_GDPR_{command}_CALLS_PER_SECOND": "0", f"CV_GDPR_{command}_PATIENCE": "2"}
    return kept | named | more


@contextmanager
def started(sim, *words, program=("-m", "cv_gdpr"), **more):
    """Start a command in a separate process; kill it in the end if it still runs."""
    command = [sys.executable, *program, *(str(word) for word in words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Stoppable(command, env=environment(sim, **more), encoding="utf-8", **pipes) as process:
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def kill(process):
    """Kill -9."""
    process.send_signal(SIGKILL)


def until(condition, seconds=20.0):
    """Wait for a condition; fail if it stays false."""
    limit = time.monotonic() + seconds * SLOWER
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.005)


def undisturbed(sim, cli, folder, *words):
    """Return what an undisturbed export holds."""
    sim.clear_faults()
    ran = cli("export", *(words or ("--all",)), "-q", "--out", folder)
    assert ran.code == 0, ran.err
    return payload(folder)


def assert_whole(cli, out, expected):
    """Assert that a folder is a bag that verifies, holds exactly that, and nothing temporary."""
    assert_bag(out)
    ran = cli("verify", out)
    assert ran.code == 0, ran.err
    held = payload(out)
    assert held.keys() == expected.keys()
    assert [name for name, content in held.items() if content != expected[name]] == []
    assert {path.relative_to(out).parts[0] for path in files(out)} == {
        "data", "bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"
    }  # fmt: skip


def blobs(sim):
    """Return how often each blob was requested."""
    asked = {}
    for call in list(sim.blob_requests):
        asked[call.path] = asked.get(call.path, 0) + 1
    return asked
