"""Shared by the two soak tests: a service in a separate process that fails at random, and runs that are killed."""

import logging
import multiprocessing
import os
import random
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from custom_vision_simulator import Fault
from custom_vision_simulator.faults import NO_FAULT, FaultBook

HUNG = 6.0  # seconds that a hung answer takes, longer than --read-timeout
SILENCE = "2"
API_FAULTS = (
    Fault("*", status=408, body=b""),
    Fault("*", status=429),
    Fault("*", status=429, headers={"Retry-After": "1"}),
    Fault("*", status=500, body=b""),
    Fault("*", status=503),
    Fault("*", drop=True),
    Fault("*", cut=40),
    Fault("*", delay=HUNG),
)
BLOB_FAULTS = (
    Fault("Blob", status=403, body="<Error>AuthenticationFailed</Error>"),
    Fault("Blob", status=408, body=b""),
    Fault("Blob", status=429),
    Fault("Blob", status=500),
    Fault("Blob", status=503),
    Fault("Blob", drop=True),
    Fault("Blob", cut=100),
    Fault("Blob", headers={"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}),
    Fault("Blob", status=200, body=b"", content_type="image/jpeg"),
    Fault("Blob", delay=HUNG),
)
SPAWN = multiprocessing.get_context("spawn")


def counters():
    """Return the request counters, which the service's process increments and this process reads."""
    return {name: SPAWN.Value("q", 0) for name in ("calls", "bad calls", "blobs", "bad blobs")}


class RandomFaults(FaultBook):
    """Random faults, all with the same rate; the counters are visible to other processes."""

    def __init__(self, rate, seed, counted):
        super().__init__()
        self.rate = rate
        self.random = random.Random(seed)  # noqa: S311 - chance
        self.counted = counted

    def possible(self, operation, method):
        """Return the faults that a request may have."""
        del method
        return BLOB_FAULTS if operation == "Blob" else API_FAULTS

    def take(self, operation, method, target):
        del target
        faults = self.possible(operation, method)
        kind = "blobs" if operation == "Blob" else "calls"
        drawn = int(self.random.random() / self.rate) if self.rate else len(faults)
        self.counted[kind].value += 1
        if drawn < len(faults):
            self.counted["bad " + kind].value += 1
            return faults[drawn]
        return NO_FAULT


class Forgetful(list):
    """A list that discards its entries: hundreds of thousands of recorded requests would only fill the memory."""

    def append(self, _):
        """Discard the entry."""


def failing(sim, faults):
    """Make a simulator fail at random, record no requests, and ignore killed clients."""
    sim.faults = faults
    sim.calls = sim.blob_requests = Forgetful()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL + 1)
    return sim


@contextmanager
def service(serve, *arguments):
    """Run `serve(*arguments, pipe)` in a separate process; yield this side of the pipe."""
    ours, theirs = SPAWN.Pipe()
    server = SPAWN.Process(target=serve, args=(*arguments, theirs), daemon=True)
    server.start()
    try:
        yield ours
    finally:
        ours.send("stop")
        server.join(10)
        server.kill()


def environment(endpoint, key):
    """Return the environment variables of a run against this service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CV_GDPR", "VISION_"))}
    return kept | {"CV_GDPR_ENDPOINT": endpoint, "CV_GDPR_TRAINING_KEY": key}


@dataclass
class Run:
    """One run: its duration, exit code, output, memory each second, and requests to the service."""

    code: int = 0
    seconds: float = 0.0
    peak: int = 0  # KiB, as the kernel counts it
    curve: list = field(default_factory=list)
    asked: Counter = field(default_factory=Counter)
    said: str = ""
    hung: bool = False

    @property
    def killed(self):
        """Whether it was killed as intended."""
        return self.code == -9 and not self.hung

    @property
    def end(self):
        """How it ended, in a few words."""
        if self.hung:
            return "hung"
        return "killed" if self.killed else f"exit {self.code}"

    @property
    def memory(self):
        """The memory over time, a dozen values in MiB."""
        return " ".join(mib(value) for value in self.curve[:: max(1, len(self.curve) // 12)])

    def asked_for(self, kind):
        """Return its number of requests of a kind and, in brackets, how many of them failed on purpose."""
        return f"{self.asked[kind]} ({self.asked['bad ' + kind]})"


def memory(pid, name):
    """Return a value of /proc/PID/status in KiB, or 0 if the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name + ":")), 0)


def run(command, variables, counted, *, due=None, begun=None, limit=None, **how):  # noqa: PLR0913
    """Run a command; kill it when `due` says so of its requests, or after `limit` seconds, when it counts as hung.

    `begun` is called with its process id. Without `due` and `limit` it is not killed.
    """
    done = Run()
    before = {name: counter.value for name, counter in counted.items()}
    started = time.monotonic()
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True, **how) as process:
        if begun:
            begun(process.pid)
        told = []
        reader = threading.Thread(target=lambda: told.extend(process.stderr), daemon=True)
        reader.start()
        while process.poll() is None:
            _watch(process.pid, time.monotonic() - started, done)
            done.asked = Counter({name: counter.value - before[name] for name, counter in counted.items()})
            done.hung = limit is not None and time.monotonic() - started > limit
            if done.hung or (due and due(done.asked)):
                process.kill()
            time.sleep(0.05)
        reader.join()
    done.code, done.said = process.returncode, "".join(told)
    done.seconds = time.monotonic() - started
    done.asked = Counter({name: counter.value - before[name] for name, counter in counted.items()})
    return done


def _watch(pid, now, done):
    done.peak = max(done.peak, memory(pid, "VmHWM"))
    if now >= len(done.curve) + 1:
        done.curve.append(memory(pid, "VmRSS"))


def mib(kib):
    """Return KiB as MiB."""
    return f"{kib / 1024:.0f}"
