"""A long export of a service that fails all the time, killed again and again: time, memory, downloads, exit codes.

    python tests/benchmarks/soak.py [--images 100000] [--kills 10] [--rate 0.01]

The simulator runs in a process of its own. Every request to the API and to the blob host meets each fault with the
given rate. The export is killed at random moments and started again with the same --out; the last run is left alone.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from cv_gdpr.simulator import Fault, Simulator
from cv_gdpr.simulator.faults import NO_FAULT, FaultBook

HUNG = 6.0  # seconds that a hung answer takes, beyond the export's --read-timeout
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


class RandomFaults(FaultBook):
    """Faults that fire by chance, each with one rate; what fired is counted where other processes see it."""

    def __init__(self, rate, seed, counters):
        super().__init__()
        self.rate = rate
        self.random = random.Random(seed)  # noqa: S311 - chance
        self.counters = counters
        self.active = True

    def take(self, operation, method, target):
        del method, target
        faults = BLOB_FAULTS if operation == "Blob" else API_FAULTS
        kind = "blobs" if operation == "Blob" else "calls"
        drawn = int(self.random.random() / self.rate) if self.rate else len(faults)
        self.counters[kind].value += 1
        if drawn < len(faults):
            self.counters["bad " + kind].value += 1
            return faults[drawn]
        return NO_FAULT


class Forgetful(list):
    """A list that keeps nothing: hundreds of thousands of recorded requests would only fill the memory."""

    def append(self, _):
        """Keep nothing."""


def serve(arguments, counters, pipe):
    """Run the simulator until told to stop."""
    sim = Simulator()
    sim.calls = sim.blob_requests = Forgetful()
    sim.faults = RandomFaults(arguments.rate, arguments.seed, counters)
    sim.fill(images=arguments.images, image_bytes=arguments.image_bytes, untagged=arguments.images // 10)
    with sim:
        pipe.send((sim.endpoint, sim.training_key))
        pipe.recv()


@dataclass
class Run:
    """One run of the export: how long, how it ended, its memory each second, what it asked of the service."""

    code: int = 0
    seconds: float = 0.0
    peak: int = 0  # KiB, as the kernel counts it
    curve: list = field(default_factory=list)
    asked: Counter = field(default_factory=Counter)


def memory(pid, name):
    """Give a line of /proc/PID/status in KiB, 0 if there is none any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name + ":")), 0)


def run(command, environment, counters, kill_after):
    """Run a command, killed when that many blobs were asked for (None: left alone)."""
    done = Run()
    before = {name: counter.value for name, counter in counters.items()}
    started = time.monotonic()
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        told = []
        reader = threading.Thread(target=lambda: told.extend(process.stderr), daemon=True)
        reader.start()
        sampled = 0.0
        while process.poll() is None:
            now = time.monotonic() - started
            done.peak = max(done.peak, memory(process.pid, "VmHWM"))
            if now - sampled >= 1:
                sampled = now
                done.curve.append(memory(process.pid, "VmRSS"))
            if kill_after is not None and counters["blobs"].value - before["blobs"] >= kill_after:
                process.kill()
            time.sleep(0.05)
        reader.join()
    done.code = process.returncode
    done.seconds = time.monotonic() - started
    done.asked = Counter({name: counter.value - before[name] for name, counter in counters.items()})
    if done.code not in {0, -9}:
        sys.stderr.write("".join(told))
    return done


def mib(kib):
    """Give KiB as MiB."""
    return f"{kib / 1024:.0f}"


def table(arguments, runs, verified):
    """Give the report as Markdown."""
    lines = [
        "| run | end | seconds | peak MiB | memory MiB over time | calls (bad) | downloads (bad) |",
        "| ---: | --- | ---: | ---: | --- | ---: | ---: |",
    ]
    for number, one in enumerate(runs, 1):
        thinned = one.curve[:: max(1, len(one.curve) // 12)]
        curve = " ".join(mib(value) for value in thinned)
        end = "killed" if one.code == -9 else f"exit {one.code}"
        calls, blobs = (f"{one.asked[kind]} ({one.asked['bad ' + kind]})" for kind in ("calls", "blobs"))
        lines.append(f"| {number} | {end} | {one.seconds:.1f} | {mib(one.peak)} | {curve} | {calls} | {blobs} |")
    asked = sum((one.asked for one in runs), Counter())
    good = asked["blobs"] - asked["bad blobs"]
    seconds = sum(one.seconds for one in runs)
    lines += [
        "",
        f"{arguments.images} images of {arguments.image_bytes} bytes, each fault at {arguments.rate:.1%}, "
        f"{sum(one.code == -9 for one in runs)} kills: {seconds:.0f} s, peak {mib(max(one.peak for one in runs))} MiB, "
        f"{arguments.images} downloads needed, {good} undisturbed and {asked['bad blobs']} disturbed ones done, "
        f"{asked['calls']} calls; exit {runs[-1].code}, verify {verified.code} "
        f"in {verified.seconds:.0f} s and {mib(verified.peak)} MiB.",
    ]
    return "\n".join(lines)


def options():
    """Give the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--image-bytes", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls-per-second", default="10")
    parser.add_argument("--folder", type=Path, help="where to export to, and to leave it there")
    return parser.parse_args()


def main():
    """Run it all and print the table; exit 0 if the export ended whole and verified."""
    arguments = options()
    spawn = multiprocessing.get_context("spawn")
    counters = {name: spawn.Value("q", 0) for name in ("calls", "bad calls", "blobs", "bad blobs")}
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=serve, args=(arguments, counters, theirs), daemon=True)
    server.start()
    endpoint, key = ours.recv()
    place = arguments.folder or Path(tempfile.mkdtemp(prefix="soak-"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CV_GDPR", "VISION_"))}
    environment |= {"CV_GDPR_ENDPOINT": endpoint, "CV_GDPR_TRAINING_KEY": key}
    words = ["--out", str(place / "out"), "--calls-per-second", arguments.calls_per_second, "--read-timeout", SILENCE]
    command = [sys.executable, "-m", "cv_gdpr", "export", "images", "--all", "-q", *words]
    chance = random.Random(arguments.seed)  # noqa: S311 - chance
    most = 1.5 * arguments.images / (arguments.kills + 1)
    runs = []
    for _ in range(arguments.kills):
        runs.append(run(command, environment, counters, int(chance.uniform(0, most))))
        if runs[-1].code != -9:
            break
    if not runs or runs[-1].code == -9:
        runs.append(run(command, environment, counters, None))
    verify = [sys.executable, "-m", "cv_gdpr", "verify", "-q", str(place / "out")]
    verified = run(verify, environment, counters, None)
    ours.send("stop")
    server.join(10)
    sys.stdout.write(table(arguments, runs, verified) + "\n")
    if not arguments.folder:
        shutil.rmtree(place)
    sys.exit(runs[-1].code or verified.code)


if __name__ == "__main__":
    main()
