"""Commands run and measured: seconds, processor seconds with all children, peak memory; medians; Markdown tables."""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One run of a command: wall clock and processor time in seconds, memory in MiB, what it printed."""

    seconds: float
    processor: float
    peak: float
    printed: str


def run(command, environment=None, *, keep=False):
    """Run a command to its end and measure it; it must succeed."""
    unset = ("CV_GDPR", "VISION_", "PYTHONDONTWRITEBYTECODE")  # an installed program has its bytecode
    settled = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    with tempfile.TemporaryFile() as printed:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=settled | (environment or {}), stdout=printed if keep else subprocess.DEVNULL
        )
        peaks = [0.0]
        threading.Thread(target=watch_memory, args=(process.pid, peaks), daemon=True).start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[:6]} ended with {process.returncode}")
        printed.seek(0)
        return Run(seconds, used.ru_utime + used.ru_stime, max(peaks), printed.read().decode())


def watch_memory(pid, peaks):
    """Note the most memory that a process and all that it started held at one moment, in MiB, until it ends.

    The kernel's ru_maxrss begins with what this process here had when it forked, and knows no sum.
    """
    page = os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    with suppress(OSError):
        while True:
            peaks.append(page * sum(map(resident, family(pid))))
            Path(f"/proc/{pid}/status").stat()
            time.sleep(0.02)


def family(pid):
    """Give a process and its children, whichever of its threads started them, and theirs."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def resident(pid):
    """Give the pages of memory that a process holds, those that it shares included."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0


def median(runs):
    """Give the median of each figure."""
    return Run(
        *(statistics.median(getattr(one, name) for one in runs) for name in ("seconds", "processor", "peak")), ""
    )


def interleaved(commands, rounds, environment=None, folder=None):
    """Run commands (each made anew for an empty folder) in turn, `rounds` times; give the median of each."""
    runs = {name: [] for name in commands}
    for _ in range(rounds):
        for name, make in commands.items():
            out = Path(tempfile.mkdtemp(prefix="out-", dir=folder))
            os.sync()  # what the one before left behind is not to be paid for by the next
            runs[name].append(run(make(out), environment))
            shutil.rmtree(out)
    return {name: median(each) for name, each in runs.items()}


def table(heads, rows):
    """Give a Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def say(text=""):
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def processor_of(work):
    """Give the processor seconds of this process that a piece of work takes."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
