"""The command line: parse, confirm, call one use case, print. Heavy modules are imported on use."""

import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import ClassVar, NamedTuple, NoReturn

import click

from cv_gdpr import __version__
from cv_gdpr.cli.groups import Group
from cv_gdpr.cli.interrupting import expect_interruption, interrupted
from cv_gdpr.cli.output import expect_document, print_json, print_to_do, printable, printable_hint
from cv_gdpr.cli.screen import Quiet, Stream
from cv_gdpr.errors import REPORT_IT, CvGdprError, Interrupted, UsageError, shortage
from cv_gdpr.masking import RUN, masked
from cv_gdpr.naming import NAMES
from cv_gdpr.platforms.names import allow_long_paths
from cv_gdpr.platforms.processes import PIPES_IN, STOP_SIGNALS, code_of_signal, is_broken_pipe

_INVALID_PATH = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR})
_SIGNAL_BURST = 0.5  # seconds in which several signals count as one: the first already stops the work
_WORKERS = ("project", "artifacts", "renew", "pages")  # how the names of worker threads begin

_EXIT_CODES = """\b
Exit codes:
  0    everything asked for is done and verified
  1    an unexpected error or a service error stopped the work
  2    usage: wrong options or input, or no terminal to confirm on
  3    done in part: the result names everything that was not done
  4    verification found a difference
  5    not authorised, or the service could not be reached
  130  interrupted; the same command resumes
       (143 if by SIGTERM, 129 by SIGHUP, 131 by SIGQUIT)"""


_NAMES = {"list": ("listing", "list_held")}  # module and function of a command with the name of a builtin


class _Commands(Group):
    """The commands, each imported on use, so that --help and usage errors stay fast."""

    grouped: ClassVar[dict[str, dict[str, str]]] = {
        "At the service": {
            "list": "List what a resource holds, or holds of one data subject, without exporting it.",
            "export": "Export the data of a resource, or of some projects, into a verifiable folder.",
            "delete": "Erase the data of a resource, of some projects, or of one data subject, and prove it.",
            "recheck": "Ask the service again for everything that evidence says is gone.",
        },
        "On an export or on evidence, without the service": {
            "verify": "Check exports, and the evidence of erasures, without the service.",
            "certify": "Complete, sign, time-stamp and print evidence, without the service.",
            "find": "Find copies of a photograph in an export, without the service.",
            "convert": "Make data sets for other tools of an export: COCO, YOLO, Azure AutoML, CSV.",
            "report": "Make pages of an export that a person can read, offline, in a browser.",
            "redact": "Take what an erasure erased out of exports that were made before it.",
        },
        "Without an Azure account": {
            "demo": "Fill, export and verify a simulated resource; no Azure account needed.",
            "simulate": "Run a simulated Custom Vision training service on this machine until Ctrl-C.",
        },
        "On this machine": {
            "doctor": "Check that everything is set up right, and change nothing.",
            "completion": "Print the script with which a shell completes commands, rows and options.",
        },
    }

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with this name, imported now; None if there is no such command."""
        del ctx
        if cmd_name not in self.summaries():
            return None
        module, function = _NAMES.get(cmd_name, (cmd_name, cmd_name))
        command: click.Command = getattr(import_module(f"cv_gdpr.cli.{module}"), function)
        return command

    def summaries(self) -> dict[str, str]:
        """Return what the list in --help says of each command."""
        return {name: words for group in self.grouped.values() for name, words in group.items()}

    def sections(self) -> dict[str, list[str]]:
        """Return the headings in --help, each with its commands."""
        return {heading: list(group) for heading, group in self.grouped.items()}


@click.group(
    cls=_Commands,
    epilog=_EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "CV_GDPR"},
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def cli() -> None:
    """Export and erase everything that an Azure Custom Vision resource holds, and prove it.

    Set CV_GDPR_ENDPOINT (or VISION_TRAINING_ENDPOINT) to the resource's endpoint and CV_GDPR_TRAINING_KEY (or
    VISION_TRAINING_KEY) to its training key. To try it without an Azure account: cv-gdpr demo.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; a failure prints one or two lines, with -vv its traceback too."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - closed by the caller (>&-)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    _register_keys()
    allow_long_paths()
    expect_document()
    expect_interruption(given[0] if given else "")
    NAMES.clear()
    Quiet.on = False
    if isinstance(sys.stderr, io.TextIOWrapper) and PIPES_IN:
        sys.stderr.reconfigure(**PIPES_IN)
    sys.stderr = Stream(sys.stderr, mask=True)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The terminal's encoding may lack characters of a name. A pipe of Windows has the code page of old programs.
        sys.stdout.reconfigure(errors="backslashreplace", **PIPES_IN)
        if sys.stdout.isatty():
            sys.stdout = Stream(sys.stdout, mask=False)
    Stream.before = staticmethod(hide := _progress())
    received: list[int] = []
    moments: list[float] = []
    for ending in STOP_SIGNALS if arguments is None else STOP_SIGNALS[1:]:
        if signal.getsignal(ending) != signal.SIG_IGN:  # nohup ignores SIGHUP: keep that
            signal.signal(ending, lambda number, _: _interrupt(received, moments, number))
    _prepare_completion()
    if verbosity := _verbosity(given):
        _log_retries(verbosity)
    try:
        code = cli.main(given, prog_name="cv-gdpr", standalone_mode=False)
        print_to_do()
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - the last handler: one line, with -vv all of it
        if isinstance(error, OSError) and is_broken_pipe(error):  # the reader closed the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        else:
            code = _report_failure(error, given, received)
    except KeyboardInterrupt:
        code = _report_failure(interrupted(), given, received)
    with suppress(OSError):  # after a failure; that may have been the same
        print_to_do()
    hide()
    code = _close_log(code)
    if arguments is None:
        _exit_despite_workers(code)
    sys.exit(code if isinstance(code, int) else 0)


def _prepare_completion() -> None:
    """Let PowerShell's words be completed too; exit, with nothing printed into its prompt, if a shell asks without its
    variables."""
    if shell := os.environ.get("_CV_GDPR_COMPLETE"):
        from cv_gdpr.cli.completion import prepare

        if not prepare(shell):
            sys.exit(0)


def _register_keys() -> None:
    """Register every key in the environment, used or not, so that no message shows one."""
    RUN.forget()
    for name, value in os.environ.items():
        if name.startswith(("CV_GDPR_", "VISION_")) and name.endswith("_KEY"):
            RUN.know_key(value.strip())


def _progress() -> Callable[[], None]:
    """Show progress on a terminal, or tell it to the command that runs this process; return what takes it away."""
    from cv_gdpr.cli.progress import Display, begin
    from cv_gdpr.cli.progress_pipe import teller

    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return begin(teller() or (Display() if is_terminal else None))


def _close_log(code: object) -> object:
    """Write the last line of --log-file; return the exit code that counts then."""
    if "cv_gdpr.cli.log_file" not in sys.modules:
        return code
    from cv_gdpr.cli.log_file import end

    return end(code if isinstance(code, int) else 0)


def _log_retries(verbosity: int) -> None:
    import logging

    logging.basicConfig(format="%(message)s")
    logging.getLogger("cv_gdpr").setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)


def _interrupt(received: list[int], moments: list[float], number: int) -> None:
    """Raise KeyboardInterrupt for a first signal; ignore others that come with it, or while the failure is printed."""
    now = time.monotonic()
    # Decide before the lists change: the next signal may arrive between the two lines.
    raising = not moments or now - moments[0] > _SIGNAL_BURST
    moments.append(now)
    received.append(number)
    if raising and (0 not in received or number == signal.SIGINT):
        raise KeyboardInterrupt


def _exit_despite_workers(code: object) -> None:
    """End the process now if a worker thread still waits for an answer: all results are on the disk already."""
    waiting = [thread for thread in threading.enumerate() if thread.name.startswith(_WORKERS)]
    for thread in waiting:
        thread.join(0.2)
    if any(thread.is_alive() for thread in waiting):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


def _report_failure(error: Exception, given: list[str], received: list[int]) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message() + "\n", err=True)
    code, retryable, message, hint = _failure(error)
    received.append(0)
    if code == Interrupted.exit_code and received[0]:
        code = code_of_signal(received[0])
    as_json = _is_given(given, "--json") or _json_from_environment(given)
    if as_json:
        with suppress(OSError):  # the failure may be that standard output is on a full disk
            _print_failure(code, retryable, masked(message), str(masked(hint)) if hint else None)
    click.echo(f"Error: {printable(message)}", err=True)
    if isinstance(error, UsageError) and error.near and not as_json and sys.stderr.isatty():
        hint = f"similar: {', '.join(error.near)}"
    if hint:
        click.echo(f"Hint: {printable_hint(hint)}", err=True)
    if _verbosity(given) > 1:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True)
    return code


def _print_failure(code: int, retryable: bool, message: str, hint: str | None) -> None:
    from cv_gdpr.cli.failure import ErrorDocument

    print_json(ErrorDocument(exit_code=code, retryable=retryable, message=message, hint=hint))


class _Failure(NamedTuple):
    exit_code: int
    retryable: bool
    message: str
    hint: str | None


def _failure(error: Exception) -> _Failure:
    if isinstance(error, Interrupted) and not error.hint:
        error = interrupted()
    if isinstance(error, CvGdprError):
        return _Failure(error.exit_code, error.retryable, error.message, error.hint)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return _usage("no command given", "cv-gdpr --help lists the commands; cv-gdpr demo shows an export")
    if isinstance(error, click.Abort):
        return _failure(interrupted())
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        from cv_gdpr.cli.clicks_words import in_words

        return _usage(in_words(error), f"{context.command_path} --help" if context else None)
    if isinstance(error, OSError) and error.errno in _INVALID_PATH:  # a path from the command line
        return _usage(*_unexpected(error))
    return _Failure(CvGdprError.exit_code, CvGdprError.retryable, *(shortage(error) or _unexpected(error)))


def _usage(message: str, hint: str | None) -> _Failure:
    return _Failure(UsageError.exit_code, UsageError.retryable, message, hint)


def _unexpected(error: Exception) -> tuple[str, str | None]:
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or error}", None
    if isinstance(error, UnicodeEncodeError) and error.encoding != "utf-8":
        name = ascii(error.object[error.start : error.end])
        return f"the locale's encoding ({error.encoding}) cannot hold {name}", "set PYTHONUTF8=1, and try again"
    return f"unexpected {type(error).__name__}: {error}", REPORT_IT


def _is_given(given: list[str], option: str) -> bool:
    return option in given[: given.index("--")] if "--" in given else option in given


def _json_from_environment(given: list[str]) -> bool:
    """Return whether CV_GDPR_<COMMAND>_JSON or CV_GDPR_<COMMAND>_<ROW>_JSON asks for JSON."""
    names = [f"CV_GDPR_{given[0]}_JSON", *(f"CV_GDPR_{given[0]}_{word}_JSON" for word in given[1:])] if given else []
    return any(click.BOOL.str_to_bool(os.environ.get(name.upper(), "")) for name in names)


def _verbosity(given: list[str]) -> int:
    return sum(word.count("v") if word.strip("v") == "-" else word == "--verbose" for word in given)
