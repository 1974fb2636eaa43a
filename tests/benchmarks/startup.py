"""Measure start-up: the time until `--help`, a version and a usage error, beside that of importing click alone.

    python -m tests.benchmarks.startup [--runs 20]

All are started in turn, so that a busy machine slows each alike; the medians count. Seconds on the clock depend on what
else runs, seconds of the processor hardly: the ratio of those is compared with the bounds. Exits with 1 above one.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

_CLICK = "import click"
_PROGRAM = str(Path(sys.executable).parent / "cv-gdpr")
BOUNDS = {"--help": 1.5, "--version": 1.5, "export --help": 2.0, "export --bogus": 2.0}  # with fifty options
STARTED = {
    _CLICK: [sys.executable, "-c", "import click"],
    "--help": [_PROGRAM, "--help"],
    "export --help": [_PROGRAM, "export", "--help"],
    "--version": [_PROGRAM, "--version"],
    "export --bogus": [_PROGRAM, "export", "--bogus"],
}


def _say(line):
    sys.stdout.write(f"{line}\n")


def started(words):
    """Return the seconds on the clock and of the processor that a command takes."""
    unwanted = ("CV_GDPR", "VISION", "PYTHONDONTWRITEBYTECODE")  # without bytecode each run would compile all modules
    settings = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    began = time.perf_counter()
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(words, env=settings, **silent)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


def measured(runs):
    """Return the medians of each command, as `started` has them."""
    found = {name: [] for name in STARTED}
    for words in STARTED.values():
        started(words)  # compiles the modules
    for _ in range(runs):
        for name, words in STARTED.items():
            found[name].append(started(words))
    return {name: tuple(map(median, zip(*times, strict=True))) for name, times in found.items()}


def main():
    """Print the table; return 1 if a bound is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    found = measured(parser.parse_args().runs)
    clock, processor = found[_CLICK]
    _say("| started | ms | ms of the processor | times click's |\n| --- | ---: | ---: | ---: |")
    for name, (seconds, used) in found.items():
        ratio = f"{used / processor:.2f} ({seconds / clock:.2f} by the clock)"
        _say(f"| `{name}` | {seconds * 1000:.0f} | {used * 1000:.0f} | {ratio} |")
    return int(any(found[name][1] > most * processor for name, most in BOUNDS.items()))


if __name__ == "__main__":
    sys.exit(main())
