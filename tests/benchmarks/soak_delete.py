"""Soak test of `delete`: a service that fails often, and repeated kills; checks what was deleted, kept and reported.

    python -m tests.benchmarks.soak_delete [--mode everything|tag|metadata] [--images 20000] [--kills 20]

The simulator runs in a separate process. Every request fails in each way with the given rate; a deletion may also be
carried out although its answer is an error or lost, be acknowledged but not carried out, or take seconds. The erasure
is killed (kill -9) at random moments, at the arrival of a call, just before a change of the disk, and after its ledger
was closed; each time the same command with the same --evidence is started again. The last run is not killed. If it
ends with 3 or 4 (after a deletion was acknowledged but not carried out), the command runs again with new evidence.

Afterwards the service's store and its record of calls are compared with the evidence and the ledger. Exits 1 if
anything is wrong; each fault is a line on standard error.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from cv_gdpr.evidence.files import certificate_of, ledger_of
from tests.benchmarks.erasable import REFERENCE, SUBJECT, TAG, Trap, serve
from tests.benchmarks.judging import Told, doomed, figures, judged
from tests.benchmarks.soaking import SILENCE, Run, counters, environment, mib, run, service

MODES = {
    "everything": ["--all"],
    "tag": ["--all", "--tag", TAG],
    "metadata": ["images", "--all", "--metadata", "=".join(next(iter(SUBJECT.items())))],
}
WAYS = ("time", "call", "change")
OPENING = 6  # changes of the disk until the first deletion is sent; each one makes two
PAPERS = 4  # changes of the disk, at most, that are made after the ledger is closed and before a kill
AGAIN = 5  # how often a run may end with 1, as after a disturbed listing
ROUNDS = 12  # runs that may follow the last kill
PAUSE = 0.3  # most seconds between a call and a kill at a random moment
DYING = str(Path(__file__).with_name("dying.py"))


@dataclass(frozen=True)
class Kill:
    """When to kill a run: at which call, how long after it, at which change, or at which later file (0: never)."""

    way: str
    call: int = 0
    pause: float = 0.0
    change: int = 0
    paper: int = 0


@dataclass
class Soak:
    """The runs of one erasure, the evidence that they wrote, and what went wrong with them."""

    arguments: argparse.Namespace
    place: Path
    pipe: object
    trap: Trap
    variables: dict
    counted: dict
    chance: random.Random
    evidence: list = field(default_factory=list)
    runs: list = field(default_factory=list)  # each with its intended kill
    complaints: list = field(default_factory=list)
    done: bool = False

    def new_evidence(self):
        """Choose the evidence's name for the next runs."""
        self.evidence.append(self.place / f"erasure-{len(self.evidence) + 1}.json")
        self.pipe.send(ledger_of(self.evidence[-1]))

    def run_all(self):
        """Run the command, killing and restarting it, until the end."""
        self.new_evidence()
        random_ones = self.arguments.kills - self.arguments.closing
        for number in range(self.arguments.kills):
            if not self.done:
                self.attempt(self._kill(number, random_ones))
        for _ in range(ROUNDS):
            if not self.done:
                self.attempt(None)
        if not self.done:
            self.complaints.append(f"no end after {len(self.runs)} runs")

    def _kill(self, number, random_ones):
        # A run that will be killed ends before it has written all its files.
        paper = self.chance.randint(1, PAPERS) if self.arguments.closing else 0
        if number >= random_ones:
            return Kill("closing", paper=paper)
        self.pipe.send("expected")
        reading, deleting = self.pipe.recv()
        share = min(1.0, 2 / (random_ones - number))  # so that the later kills have something left to interrupt
        way = self.chance.choice(WAYS)
        if way == "change":
            return Kill(way, change=int(self.chance.uniform(1, OPENING + 2 * share * deleting)), paper=paper)
        call = int(self.chance.uniform(1, reading + share * deleting))
        return Kill(way, call=call, pause=self.chance.uniform(0, PAUSE), paper=paper)

    def attempt(self, kill):
        """Run the command once, and decide from its exit code how to continue."""
        one = self._run(kill)
        self.runs.append((kill.way if kill else "", one))
        sys.stderr.write(f"run {len(self.runs)}: {one.end}, {one.seconds:.1f} s, {one.asked_for('calls')} calls\n")
        codes = [run.code for _, run in self.runs]
        if one.hung:
            self.complaints.append(f"run {len(self.runs)} hung for {self.arguments.limit:.0f} s")
        elif one.code == 0 or (one.code == 2 and self._is_finished()):
            self.done = True
        elif one.code in {3, 4}:
            self.new_evidence()
        elif not one.killed and (one.code != 1 or codes[-AGAIN:] == [1] * AGAIN):
            self.complaints.append(f"run {len(self.runs)} ended with {one.code}: {' '.join(one.said.split())}")
            self.done = codes[-2:] == [one.code] * 2  # new evidence does not help either
            self.new_evidence()

    def _is_finished(self):
        """Return whether evidence is there already, as after a kill right before the end."""
        return self.verified(self.evidence[-1]).code == 0 and certificate_of(self.evidence[-1]).exists()

    def _run(self, kill):
        words = [*MODES[self.arguments.mode], "--protect", REFERENCE, "--yes", "-q", "--evidence"]
        words += [str(self.evidence[-1]), "--wait", self.arguments.wait, "--read-timeout", SILENCE]
        words += ["--calls-per-second", self.arguments.calls_per_second]
        program = ["-m", "cv_gdpr"]
        if kill:
            program = [DYING, str(self.place), str(kill.change), str(kill.paper)]
        due = self._due(kill) if kill and kill.way == "time" else None
        begun = None
        if kill and kill.way == "call":
            number = self.counted["calls"].value + kill.call
            begun = lambda pid: self.trap.set(pid, number)  # noqa: E731
        command = [sys.executable, *program, "delete", *words]
        how = {"cwd": self.place, "stdout": sys.stderr, "limit": self.arguments.limit}
        try:
            return run(command, self.variables, self.counted, due=due, begun=begun, **how)
        finally:
            self.trap.set(0, 0)  # another process may get the same id

    @staticmethod
    def _due(kill):
        since = []

        def due(asked):
            if asked["calls"] >= kill.call:
                since.append(time.monotonic())
            return bool(since) and time.monotonic() - since[0] >= kill.pause

        return due

    def verified(self, evidence):
        """Run `cv-gdpr verify` on evidence."""
        command = [sys.executable, "-m", "cv_gdpr", "verify", "-q", str(evidence)]
        return run(command, self.variables, self.counted)


def evidence_of(soak):
    """Return what each erasure that began left on the disk; complain of what is not proved."""
    found = []
    for path in filter(lambda path: ledger_of(path).exists(), soak.evidence):
        verified = (
            soak.verified(path)
            if path.exists()
            else Run(code=-1, said="it was never written; the ledger stays without it")
        )
        if verified.code:
            soak.complaints.append(f"{path.name} is not proved: {' '.join(verified.said.split())}")
        if not certificate_of(path).exists():
            soak.complaints.append(f"{path.name} has no certificate")
        found.append(Told(path))
    hidden = sorted(path.name for path in soak.place.glob(".*"))
    soak.complaints += [f"{name} was left lying beside the evidence" for name in hidden]
    return found


def table(soak, words):
    """Return the report as Markdown."""
    lines = [
        "| run | to be killed at | end | seconds | peak MiB | memory MiB over time | calls (bad) |",
        "| ---: | --- | --- | ---: | ---: | --- | ---: |",
    ]
    for number, (way, one) in enumerate(soak.runs, 1):
        lines.append(
            f"| {number} | {way} | {one.end} | {one.seconds:.1f} | {mib(one.peak)} | {one.memory} "
            f"| {one.asked_for('calls')} |"
        )
    arguments, runs = soak.arguments, [one for _, one in soak.runs]
    calls, bad = (sum(one.asked[kind] for one in runs) for kind in ("calls", "bad calls"))
    lines += [
        "",
        f"{arguments.mode}: {arguments.images} images, {arguments.iterations} iterations, {arguments.predictions} "
        f"predictions, each fault at {arguments.rate:.1%}, {sum(one.killed for one in runs)} kills: {len(runs)} runs, "
        f"{sum(one.seconds for one in runs):.0f} s, peak {mib(max(one.peak for one in runs))} MiB, {calls} calls, "
        f"{bad} of them bad; {len(soak.evidence)} times evidence, the last run's exit {runs[-1].code}; {words}.",
    ]
    return "\n".join(lines)


def options():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=MODES, default="everything")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--predictions", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--closing", type=int, help="how many of these come after the ledger was closed; else a fifth")
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls-per-second", default="0")
    parser.add_argument("--wait", default="10", help="seconds that a deletion is waited for")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds after which a run counts as hung")
    parser.add_argument("--folder", type=Path, help="where the evidence goes, and to leave it there")
    arguments = parser.parse_args()
    if arguments.closing is None:
        arguments.closing = arguments.kills // 5
    return arguments


def main():
    """Run it all and print the table; exit 1 if anything is wrong."""
    arguments = options()
    if arguments.folder:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    counted, trap = counters(), Trap()
    place = (arguments.folder or Path(tempfile.mkdtemp(prefix="soak-"))).resolve()
    chance = random.Random(arguments.seed)  # noqa: S311 - chance
    try:
        with service(serve, arguments, counted, trap) as pipe:
            access, target, tag = pipe.recv()
            soak = Soak(arguments, place, pipe, trap, environment(*access), counted, chance)
            pipe.send("held")
            before = pipe.recv()
            soak.run_all()
            pipe.send("held")
            after = pipe.recv()
            pipe.send("received")
            received = pipe.recv()
        left = evidence_of(soak)
        to_go = doomed(before, arguments.mode, target, tag)
        soak.complaints += judged(before, after, to_go, received, left)
        sys.stdout.write(table(soak, figures(left, received)) + "\n")
    finally:
        if not arguments.folder:
            shutil.rmtree(place)
    sys.stderr.writelines(f"Wrong: {one}\n" for one in soak.complaints)
    sys.exit(bool(soak.complaints))


if __name__ == "__main__":
    main()
