"""Run and measure commands: seconds, processor seconds with all children, peak memory; medians; Markdown tables."""

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
    """Run a command and measure it; it must succeed."""
    unset = ("CV_GDPR", "VISION_", "PYTHONDONTWRITEBYTECODE")  # an installed program has cached bytecode
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
    """Track the peak memory of a process and all its children together, in MiB, until it ends.

    The kernel's ru_maxrss starts with the memory of the process that forked, and does not add children up.
    """
    page = os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    with suppress(OSError):
        while True:
            peaks.append(page * sum(map(resident, family(pid))))
            Path(f"/proc/{pid}/status").stat()
            time.sleep(0.02)


def family(pid):
    """Return a process and all its descendants, whichever thread started them."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def resident(pid):
    """Return the resident memory pages of a process, including shared ones."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0


def median(runs):
    """Return the median of each figure."""
    return Run(
        *(statistics.median(getattr(one, name) for one in runs) for name in ("seconds", "processor", "peak")), ""
    )


def interleaved(commands, rounds, environment=None, folder=None):
    """Run the commands in turn, `rounds` times, each in a new empty folder; return the median of each."""
    runs = {name: [] for name in commands}
    for _ in range(rounds):
        for name, make in commands.items():
            out = Path(tempfile.mkdtemp(prefix="out-", dir=folder))
            os.sync()  # so that one command's pending writes do not slow the next one
            runs[name].append(run(make(out), environment))
            shutil.rmtree(out)
    return {name: median(each) for name, each in runs.items()}


def table(heads, rows):
    """Return a Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def say(text=""):
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def processor_of(work):
    """Return the processor seconds that this process spends on a piece of work."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
