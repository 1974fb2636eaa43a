"""Soak test of `export`: a service that fails often, and repeated kills; shows time, memory, downloads, exit codes.

    python -m tests.benchmarks.soak [--images 100000] [--kills 10] [--rate 0.01]

The simulator runs in a separate process. Every request to the API and to the blob host fails in each way with the given
rate. The export is killed at random moments and started again with the same --out; the last run is not killed.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from custom_vision_simulator import Simulator
from tests.benchmarks.soaking import SILENCE, RandomFaults, counters, environment, failing, mib, run, service


def serve(arguments, counted, pipe):
    """Run the simulator until asked to stop."""
    sim = failing(Simulator(), RandomFaults(arguments.rate, arguments.seed, counted))
    sim.fill(images=arguments.images, image_bytes=arguments.image_bytes, untagged=arguments.images // 10)
    with sim:
        pipe.send((sim.endpoint, sim.training_key))
        pipe.recv()


def exported(arguments, place, variables, counted):
    """Run the export, killing and restarting it; return the runs; the last one was not killed."""
    words = ["--out", str(place / "out"), "--calls-per-second", arguments.calls_per_second, "--read-timeout", SILENCE]
    command = [sys.executable, "-m", "cv_gdpr", "export", "images", "--all", "-q", *words]
    chance = random.Random(arguments.seed)  # noqa: S311 - chance
    most = 1.5 * arguments.images / (arguments.kills + 1)
    runs = []
    for _ in range(arguments.kills):
        number = int(chance.uniform(0, most))
        runs.append(run(command, variables, counted, due=lambda asked, number=number: asked["blobs"] >= number))
        if not runs[-1].killed:
            break
    if not runs or runs[-1].killed:
        runs.append(run(command, variables, counted))
    if runs[-1].code:
        sys.stderr.write(runs[-1].said)
    return runs


def table(arguments, runs, verified):
    """Return the report as Markdown."""
    lines = [
        "| run | end | seconds | peak MiB | memory MiB over time | calls (bad) | downloads (bad) |",
        "| ---: | --- | ---: | ---: | --- | ---: | ---: |",
    ]
    for number, one in enumerate(runs, 1):
        requests = f"{one.asked_for('calls')} | {one.asked_for('blobs')}"
        lines.append(f"| {number} | {one.end} | {one.seconds:.1f} | {mib(one.peak)} | {one.memory} | {requests} |")
    asked = sum((one.asked for one in runs), Counter())
    good = asked["blobs"] - asked["bad blobs"]
    seconds = sum(one.seconds for one in runs)
    lines += [
        "",
        f"{arguments.images} images of {arguments.image_bytes} bytes, each fault at {arguments.rate:.1%}, "
        f"{sum(one.killed for one in runs)} kills: {seconds:.0f} s, peak {mib(max(one.peak for one in runs))} MiB, "
        f"{arguments.images} downloads needed, {good} undisturbed and {asked['bad blobs']} disturbed ones done, "
        f"{asked['calls']} calls; exit {runs[-1].code}, verify {verified.code} "
        f"in {verified.seconds:.0f} s and {mib(verified.peak)} MiB.",
    ]
    return "\n".join(lines)


def options():
    """Return the options of the command line."""
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
    """Run the soak test and print the table; exit 0 if the export is complete and verified."""
    arguments = options()
    counted = counters()
    place = arguments.folder or Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        with service(serve, arguments, counted) as pipe:
            variables = environment(*pipe.recv())
            runs = exported(arguments, place, variables, counted)
            verify = [sys.executable, "-m", "cv_gdpr", "verify", "-q", str(place / "out")]
            verified = run(verify, variables, counted)
        sys.stdout.write(table(arguments, runs, verified) + "\n")
        if verified.code:
            sys.stderr.write(verified.said)
    finally:
        if not arguments.folder:
            shutil.rmtree(place)
    sys.exit(runs[-1].code or verified.code)


if __name__ == "__main__":
    main()
