"""--all-profiles: one process for each profile, several at a time, and one result of all.

A process each: its keys, its rate limit and its failure stay its own.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

import click

from cv_gdpr.cli.arguments import OutputOptions, ScopeOptions, part_of
from cv_gdpr.cli.estimate_view import summary as of_estimate
from cv_gdpr.cli.list_view import print_csv, summary
from cv_gdpr.cli.output import print_json, print_table, printable
from cv_gdpr.cli.parameters import TYPED
from cv_gdpr.cli.scoping import scope_of
from cv_gdpr.errors import UsageError, worst
from cv_gdpr.platforms.processes import IN_A_GROUP, STOP_SIGNALS, code_of_signal, interrupt, passing
from cv_gdpr.platforms.waiting import results
from cv_gdpr.settings import Profile, doubled, profiles
from cv_gdpr.table.categories import ACCOUNT

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.cli.setup_documents import ProfileResult

_AT_ONCE = 4  # processes; an export takes about 100 MB of memory
_OWN = frozenset({"all_profiles", "quiet", "as_json"})  # options that are not passed on
_NO_RESULT = "no result: it was interrupted, or ended unexpectedly"
_MEANINGS = {
    0: "done",
    1: "stopped by an error",
    2: "refused: wrong options or settings",
    3: "done in part",
    4: "a difference was found",
    5: "not authorised, or not reachable",
}


class Job(NamedTuple):
    """The command of one profile, and whether a person answers its questions on this terminal.

    `resume` is what it says of resuming it alone: here the command of all profiles does that.
    """

    profile: str
    words: tuple[str, ...]
    on_terminal: bool
    resume: str = ""


class _Ended(NamedTuple):
    """How a process ended, and what it printed."""

    profile: str
    exit_code: int
    out: bytes


def export_each(parameters: Mapping[str, Any], rows: tuple[str, ...], out: "Path | None") -> int:
    """Export the resource of each profile into a folder of its name in `out`; return the worst exit code."""
    from cv_gdpr.archive.folder import new_folder, refuse_inside_export
    from cv_gdpr.export.result import resuming

    _check_scope(parameters, rows)
    names = chosen_profiles()
    if out:
        refuse_inside_export(out)
    base = out or new_folder()
    paths = {name: parameters[name] for name in _FOLDERS if parameters.get(name)}
    _check_earlier(parameters)
    words = command(rows, {"out", "reuse", "trust_listings", *paths})
    jobs = [
        Job(name, (*words, f"--out={own}", *_own_paths(paths, name), *_earlier(parameters, name)), False, resuming(own))
        for name, own in ((name, base / name) for name in names)
    ]
    return run(jobs, parameters, resume=f"the same command with --out {base} resumes all")


def list_each(parameters: Mapping[str, Any], rows: tuple[str, ...], *, as_csv: bool) -> int:
    """List what the resource of each profile holds; return the worst exit code."""
    _check_scope(parameters, rows)
    paths = {name: parameters[name] for name in _FOLDERS if parameters.get(name)}
    words = command(rows, {"as_csv", *paths})
    jobs = [Job(name, (*words, *_own_paths(paths, name)), False) for name in chosen_profiles()]
    return run(jobs, parameters, as_csv=as_csv)


def delete_each(parameters: Mapping[str, Any], rows: tuple[str, ...]) -> int:
    """Erase in the resource of each profile; return the worst exit code.

    With --yes all at once; else a person confirms one after the other. Each profile has files of its own.
    """
    chosen = chosen_profiles()
    _refuse_unsafe(parameters, rows, chosen)
    _check_scope(parameters, rows)
    paths = {name: parameters[name] for name in ("evidence", "save_plan", *_FOLDERS) if parameters[name]}
    words = command(rows, set(paths))
    asks = not (parameters["yes"] or parameters["dry_run"])
    return run([Job(name, (*words, *_own_paths(paths, name)), asks) for name in chosen], parameters)


def _check_earlier(parameters: Mapping[str, Any]) -> None:
    """Raise UsageError for a --reuse that is one export, or no folder: each profile has its own in it."""
    for folder in parameters["reuse"]:
        if not folder.is_dir():
            raise UsageError(f"--reuse {folder} is not a folder", "name the --out of an earlier run for all profiles")
        if (folder / "bagit.txt").exists():
            words = f"--reuse {folder} is an export itself, but each profile has its own"
            raise UsageError(words, "name the --out of an earlier run for all profiles")


def _earlier(parameters: Mapping[str, Any], profile: str) -> Iterator[str]:
    """Yield the options that name a profile's earlier exports; a profile that is new has none."""
    found = [folder / profile for folder in parameters["reuse"] if (folder / profile).is_dir()]
    yield from (f"--reuse={folder}" for folder in found)
    if found and parameters["trust_listings"]:
        yield "--trust-listings"


_FOLDERS = ("require_export", "with_copies_from")
"""The options that name exports: a subfolder for each profile."""


def _own_paths(paths: Mapping[str, "Path"], profile: str) -> Iterator[str]:
    """Yield the options whose paths differ by profile: NAME.PROFILE.json; for exports, the subfolder PROFILE.

    Raise UsageError for a folder in place of a file.
    """
    for name, path in paths.items():
        if name not in _FOLDERS and (path.name in {"", ".."} or path.is_dir()):
            raise UsageError(
                f"--{name.replace('_', '-')} {path} is a folder", "name a file: each profile gets one beside it"
            )
        own = path / profile if name in _FOLDERS else path.with_name(f"{path.stem}.{profile}{path.suffix}")
        yield f"--{name.replace('_', '-')}={own}"


def _refuse_unsafe(parameters: Mapping[str, Any], rows: tuple[str, ...], chosen: Mapping[str, Profile]) -> None:
    """Raise UsageError for an erasure in all resources that nobody has asked for clearly enough."""
    if ACCOUNT in rows:
        raise UsageError(f"delete {ACCOUNT} never runs with --all-profiles", "name one resource with --profile")
    if parameters["plan_file"]:
        raise UsageError("--plan never runs with --all-profiles", "a plan belongs to one resource: use --profile")
    if not rows and not part_of(parameters, ScopeOptions).has_selector:
        raise UsageError(
            "delete --all-profiles needs a ROW or a selector", "to erase whole resources, run it for each --profile"
        )
    refusing = [name for name, one in chosen.items() if not one.unattended_delete]
    if parameters["yes"] and not parameters["dry_run"] and refusing:
        raise UsageError(
            f"--yes with --all-profiles needs unattended-delete = true in each profile; not so: {', '.join(refusing)}",
            "nothing was sent; without --yes, a person confirms each",
        )
    if not (parameters["yes"] or parameters["dry_run"] or (sys.stdin and sys.stdin.isatty())):
        raise UsageError("no terminal to confirm on", "give --yes in a script; --dry-run shows the plans")


def _check_scope(parameters: Mapping[str, Any], rows: tuple[str, ...]) -> None:
    given = part_of(parameters, ScopeOptions)
    if given.image_ids_file == "-":
        raise UsageError("--image-ids-file - cannot be read once for each profile", "name a file")
    scope_of(given, rows, None)


def chosen_profiles() -> dict[str, Profile]:
    """Return all profiles; raise UsageError if two of them are one resource."""
    found = profiles()
    for one, other in doubled(found):
        raise UsageError(
            f"the profiles {one} and {other} have the same endpoint", "name one of them with --profile, or remove one"
        )
    return found


def command(rows: Sequence[str], replaced: Set[str]) -> list[str]:
    """Return the words of the command that was given, without the options that --all-profiles replaces."""
    ctx = click.get_current_context()
    words = [ctx.command_path.split()[1], *rows]
    for option, value in ctx.meta.get(TYPED, []):
        if option.name not in _OWN and option.name not in replaced:
            words += _words(option, value)
    return words


def _words(option: click.Option, value: Any) -> Iterator[str]:
    longest = max(option.opts, key=len)
    if option.count:
        yield from [longest] * int(value)
    elif option.is_flag:
        yield longest
    else:
        values = value if option.multiple else [value]
        yield from (f"{longest}={one}" for one in values)


def run(jobs: Sequence[Job], parameters: Mapping[str, Any], *, as_csv: bool = False, resume: str = "") -> int:
    """Run the jobs, print the result of all, and return the worst of their exit codes.

    `resume` says how to resume what was cut off.
    """
    output = part_of(parameters, OutputOptions)
    at_once = 1 if any(job.on_terminal for job in jobs) else _AT_ONCE
    with closing(_Lifeline()) as lifeline:
        running = _Running(output, lifeline, len(jobs), resume)
        with running.forwarding_signals():  # until the report is printed: a second Ctrl-C would cut it off
            with ThreadPoolExecutor(at_once, "profile") as pool:
                ended = results(pool.submit(running.run, job) for job in jobs)
            running.tell_how_to_resume()
            return _report(ended, running.stopped_by, output, as_csv=as_csv)


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

    def run(self, job: Job) -> _Ended:
        """Run the process of a profile to its end; nothing is started after a signal."""
        if self.stopped_by:
            return _Ended(job.profile, code_of_signal(self.stopped_by), b"")
        if not self._silent:
            self._write(f"{job.profile}: started")
        try:
            process = self._started(job)
        except OSError as error:
            self._write(f"{job.profile}: Error: it cannot be started: {error.strerror}")
            return _Ended(job.profile, 1, b"")
        try:
            out = self._collect(job, process)
        finally:
            self._processes.remove(process)
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        self._count(job.profile, code)
        return _Ended(job.profile, code, out)

    def _started(self, job: Job) -> subprocess.Popen[bytes]:
        passed, number = passing(self._lifeline.theirs)
        program = ("cv_gdpr.cli.beside_parent", str(number), job.profile if job.on_terminal else "")
        process = subprocess.Popen(  # noqa: S603 - this program itself
            [
                sys.executable or "",
                "-P",
                "-m",
                *program,
                *job.words,
                f"--profile={job.profile}",
                "--json",
                *self._quiet,
            ],
            stdin=None if job.on_terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if job.on_terminal else subprocess.PIPE,
            env=_environment(),
            **passed,
            **({} if job.on_terminal else IN_A_GROUP),  # Ctrl-C reaches it through this process alone
        )
        self._processes.append(process)
        if self.stopped_by:  # the signal came while it was being started
            self._interrupt(process)
        return process

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
            self._write(f"{profile}: {_meaning(code)}; {self._ended} of {self._number} profiles have ended")

    def _write(self, line: str) -> None:
        with self._printing:
            click.echo(printable(line), err=True)


def _environment() -> dict[str, str]:
    """Return the environment of the processes: each has its --profile, whatever a variable says."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_ALL_PROFILES")}


def _meaning(code: int) -> str:
    return "interrupted" if code > 128 else _MEANINGS.get(code, "stopped by an error")


# --- the result ---------------------------------------------------------------------------------------------------


def _report(ended: Sequence[_Ended], stopped_by: int, output: OutputOptions, *, as_csv: bool) -> int:
    from cv_gdpr.cli.setup_documents import ProfilesDocument

    results = [_result(one) for one in ended]
    code = code_of_signal(stopped_by) if stopped_by else worst(one.exit_code for one in results)
    if output.as_json:
        print_json(ProfilesDocument(exit_code=code, retryable=any(one.retryable for one in results), profiles=results))
    elif as_csv:
        listed = [(one.profile, one.result) for one in results if one.result and "rows" in one.result]
        print_csv(listed, profiles=True)
    elif not output.quiet:
        rows = [_row(one) for one in results]
        print_table(f"{len(rows)} profiles", ("profile", "code", "verdict", "result", "written"), rows, numbers={1})
    return code


def _row(one: "ProfileResult") -> tuple[str, ...]:
    """Return the cells about a profile; the name of what it wrote stands alone, so that it can be copied."""
    written = (one.result or {}).get("folder") or (one.result or {}).get("evidence") or ""
    return one.profile, str(one.exit_code), _meaning(one.exit_code), _summary(one.result), written


def _result(ended: _Ended) -> "ProfileResult":
    import json

    from cv_gdpr.cli.setup_documents import ProfileResult

    try:
        document = json.loads(ended.out) if ended.out else None
    except ValueError:
        document = None
    retryable = bool(document["retryable"]) if document else ended.exit_code > 128
    return ProfileResult(profile=ended.profile, exit_code=ended.exit_code, retryable=retryable, result=document)


def _summary(document: dict[str, Any] | None) -> str:
    """Return one line about a result, by its format."""
    if document is None:
        return _NO_RESULT
    kind = document["format"].partition("/")[0]
    return _SUMMARIES[kind](document) if kind in _SUMMARIES else ""


def _of_export(document: dict[str, Any]) -> str:
    exported, held = (sum(row[count] for row in document["rows"]) for count in ("exported", "held"))
    absent = "".join(f"; {row} not exported: {words}" for row, words in document["byHand"].items())
    return f"{exported} of {held} exported{absent}"


def _of_plan(document: dict[str, Any]) -> str:
    """Return how many items would be deleted, and in numbers what the plan leaves; --json holds each plan."""
    holding = sum(len(project["iterationsHolding"]) for project in document["projects"])
    notes = (
        (document["scope"]["notSearched"], f"not searched: {', '.join(document['scope']['notSearched'])}"),
        (holding, f"trained on these, and not deleted: {holding} iterations"),
        (document["protected"], f"protected: {len(document['protected'])} projects"),
        (document["failed"], f"could not be read: {len(document['failed'])} projects"),
        (document["unmatched"], f"not found: {len(document['unmatched'])} values"),
    )
    return "; ".join([f"{document['total']} would be deleted", *(words for found, words in notes if found)])


_SUMMARIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "cv-gdpr-export": _of_export,
    "cv-gdpr-delete": lambda document: str(document["verdict"]),
    "cv-gdpr-plan": _of_plan,
    "cv-gdpr-list": summary,
    "cv-gdpr-estimate": of_estimate,
    "cv-gdpr-error": lambda _: "its Error line says why",
}
