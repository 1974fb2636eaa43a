"""Print what `cv-gdpr list --all --estimate` says of a large resource.

    python -m tests.benchmarks.estimate [--images 100000] [--iterations 10] [--bytes 200000]

It fills the simulator with one project and runs the command against it. Calls are exact, and the bytes are those that
the simulator was filled with. The transfer rate is that of the simulator on this machine, so it is not printed.
"""

import argparse
import json
import sys
import time

from custom_vision_simulator import Simulator
from tests.commandline import CommandLine


def _say(line):
    sys.stdout.write(f"{line}\n")


def main():
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--bytes", type=int, default=200_000)
    given = parser.parse_args()
    with Simulator() as sim:
        sim.fill(images=given.images, iterations=given.iterations, image_bytes=given.bytes, untagged=given.images // 10)
        began = time.perf_counter()
        ran = CommandLine(sim.endpoint, sim.training_key)("list", "--all", "--estimate", "--json")
        seconds = time.perf_counter() - began
    document = json.loads(ran.out)
    own = sum(document["calls"].values())
    _say(f"{given.images:,} images of {given.bytes:,} bytes in {given.iterations} iterations; exit code {ran.code}\n")
    _say("| | calls | minutes at 10 calls a second |\n| --- | ---: | ---: |")
    for what, calls in (("export", document["export"]["total"]), ("erasure", document["erasure"]["total"])):
        _say(f"| {what} | {calls:,} | {calls / 600:.1f} |")
    _say(f"| this estimate | {own:,} | {own / 600:.1f} |")
    found = document["bytes"]
    _say(
        f"\nbytes: {found['estimate']:,} ({found['low']:,} to {found['high']:,}); the command took {seconds:.0f} s here"
    )


if __name__ == "__main__":
    main()
