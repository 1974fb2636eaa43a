"""The processes of --all-profiles: started several at a time, stopped by signals, their messages shown as they come.

A process each: its keys, its rate limit and its failure stay its own.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from types import MappingProxyType
from typing import IO, Any, NamedTuple, cast

import click

from cv_gdpr.cli.arguments import OutputOptions, part_of
from cv_gdpr.cli.finished_profiles import Finished
from cv_gdpr.cli.output import printable
from cv_gdpr.cli.profile_results import Ended, meaning, report
from cv_gdpr.cli.progress_pipe import Heard
from cv_gdpr.platforms.processes import IN_A_GROUP, STOP_SIGNALS, code_of_signal, interrupt, passing
from cv_gdpr.platforms.waiting import results

_AT_ONCE = 4  # processes; an export takes about 100 MB of memory


class Job(NamedTuple):
    """The command of one profile, and whether a person answers its questions on this terminal.

    `resume` is what it says of resuming it alone: here the command of all profiles does that.
    """

    profile: str
    words: tuple[str, ...]
    on_terminal: bool
    resume: str = ""


def run(
    jobs: Sequence[Job],
    parameters: Mapping[str, Any],
    *,
    as_csv: bool = False,
    resume: str = "",
    finished: Mapping[str, Finished] = MappingProxyType({}),
) -> int:
    """Run the jobs, print the result of all, and return the worst of their exit codes.

    `resume` says how to resume what was cut off; `finished` is what needs no job, by profile.
    """
    output = part_of(parameters, OutputOptions)
    at_once = 1 if any(job.on_terminal for job in jobs) else _AT_ONCE
    with closing(_Lifeline()) as lifeline:
        running = _Running(output, lifeline, len(jobs), resume)
        with running.forwarding_signals():  # until the report is printed: a second Ctrl-C would cut it off
            with ThreadPoolExecutor(at_once, "profile") as pool:
                ended = results(pool.submit(running.run, job) for job in jobs)
            running.tell_how_to_resume()
            return report(ended, running.stopped_by, output, finished, as_csv=as_csv)


class _Lifeline:
    """A pipe by which the processes notice when this one has ended, or has cut it."""

    def __init__(self) -> None:
        self.theirs, ours = os.pipe()
        self._ours: int | None = ours

    def cut(self) -> None:
        """End the processes, as by SIGTERM."""
        if self._ours is not None:
            ours, self._ours = self._ours, None
            os.close(ours)

    def close(self) -> None:
        """Close both ends."""
        self.cut()
        os.close(self.theirs)


class _Running:
    """The processes that run now; passes the signals that this process receives on to them."""

    def __init__(self, output: OutputOptions, lifeline: _Lifeline, number: int, resume: str) -> None:
        self._lifeline = lifeline
        self._resume, self._cut_off = resume, False
        self._silent = output.quiet or output.as_json or not sys.stderr.isatty()  # about progress
        self._quiet = ["--quiet"] if output.quiet else []
        self._number, self._ended = number, 0
        self._printing = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self.stopped_by = 0  # a signal

    @contextmanager
    def forwarding_signals(self) -> Iterator[None]:
        """Pass signals on instead of being stopped by them: the processes end in order, and their results are kept."""
        before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        caught = [number for number, handler in before.items() if handler not in {signal.SIG_IGN, None}]
        try:
            for number in caught:
                signal.signal(number, lambda received, _: self._forward(received))
            yield
        finally:
            for number in caught:
                signal.signal(number, before[number])

    def _forward(self, number: int) -> None:
        self.stopped_by = self.stopped_by or number
        for process in tuple(self._processes):
            self._interrupt(process)

    def _interrupt(self, process: subprocess.Popen[bytes]) -> None:
        try:
            interrupt(process, self.stopped_by)
        except OSError:  # it has just ended; or this system cannot pass the signal on
            if process.poll() is None:
                self._lifeline.cut()

    def run(self, job: Job) -> Ended:
        """Run the process of a profile to its end; nothing is started after a signal."""
        if self.stopped_by:
            return Ended(job.profile, code_of_signal(self.stopped_by), b"")
        if not self._silent:
            self._write(f"{job.profile}: started")
        is_heard = not (self._silent or job.on_terminal)  # on the terminal it shows by itself how far it is
        try:
            heard = Heard(job.profile, wanted=is_heard)
            process = self._started(job, heard)
        except OSError as error:
            self._write(f"{job.profile}: Error: it cannot be started: {error.strerror}")
            return Ended(job.profile, 1, b"")
        try:
            out = self._collect(job, process)
        finally:
            self._processes.remove(process)
        heard.end()
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        self._count(job.profile, code)
        return Ended(job.profile, code, out)

    def _started(self, job: Job, heard: Heard) -> subprocess.Popen[bytes]:
        try:
            process = self._popen(job, heard.pipes)
        finally:
            heard.passed_on()
        self._processes.append(process)
        if self.stopped_by:  # the signal came while it was being started
            self._interrupt(process)
        return process

    def _popen(self, job: Job, telling: Sequence[int]) -> subprocess.Popen[bytes]:
        passed, numbers = passing(self._lifeline.theirs, *telling)
        program = [sys.executable or "", "-P", "-m", "cv_gdpr.cli.beside_parent", ",".join(map(str, numbers))]
        named = job.profile if job.on_terminal else ""
        return subprocess.Popen(  # noqa: S603 - this program itself
            [*program, named, *job.words, f"--profile={job.profile}", "--json", *self._quiet],
            stdin=None if job.on_terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if job.on_terminal else subprocess.PIPE,
            env=_environment(),
            **passed,
            **({} if job.on_terminal else IN_A_GROUP),  # Ctrl-C reaches it through this process alone
        )

    def _collect(self, job: Job, process: subprocess.Popen[bytes]) -> bytes:
        """Return what the process printed once it has ended; show its warnings and errors as they come."""
        reader: threading.Thread | None = None
        if process.stderr:
            reader = threading.Thread(target=self._show, args=(job, process.stderr), name="messages")
            reader.start()
        with cast(IO[bytes], process.stdout) as stream:  # it is a pipe
            out = stream.read()
        process.wait()
        if reader:
            reader.join()
        return out

    def _show(self, job: Job, messages: IO[bytes]) -> None:
        with messages:
            for line in messages:
                if text := self._of_all(line.decode(errors="replace").rstrip(), job.resume):
                    self._write(f"{job.profile}: {text}")

    def _of_all(self, text: str, resume: str) -> str:
        """Return a message without what it says of resuming one profile; empty if it says nothing else."""
        if not resume or resume not in text:
            return text
        self._cut_off = True
        left = text.replace(resume, "").rstrip("; ")
        return "" if left == "Hint:" else left

    def tell_how_to_resume(self) -> None:
        """Say once how to resume all that was cut off."""
        if self._cut_off:
            self._write(f"Hint: {self._resume}")

    def _count(self, profile: str, code: int) -> None:
        """Tell a person how a profile ended, and how many have."""
        with self._printing:
            self._ended += 1
        if not self._silent:
            self._write(f"{profile}: {meaning(code)}; {self._ended} of {self._number} profiles have ended")

    def _write(self, line: str) -> None:
        with self._printing:
            click.echo(printable(line), err=True)


def _environment() -> dict[str, str]:
    """Return the environment of the processes: each has its --profile, whatever a variable says."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_ALL_PROFILES")}
