"""`--log-file FILE`: a line of JSON for the begin and the end of a run, and for every call; no contents, no keys.

The service package reports its calls to the logger `cv_gdpr.calls`, each with a record of what may be written.
"""

import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from cv_gdpr import __version__
from cv_gdpr.errors import UsageError
from cv_gdpr.platforms.files import reason_of

if TYPE_CHECKING:
    from pathlib import Path

CALLS = logging.getLogger("cv_gdpr.calls")
_LONGEST_LINE = 1 << 16  # bytes


class _Written(logging.Handler):
    """Appends each record as one line of JSON; stops at the first error of the disk, and keeps it."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.broken: OSError | None = None
        self._file = _opened(path)
        self._began = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the fields of a call."""
        self.line("call", getattr(record, "fields", {}))

    def line(self, event: str, fields: dict[str, Any]) -> None:
        """Append one line; in one piece, for other processes may append to the same file."""
        import json
        from datetime import UTC, datetime

        from cv_gdpr.masking import masked

        if self.broken:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # Each text by itself: a placeholder in the middle of JSON could take a quote with it.
        shown = {name: masked(value) if isinstance(value, str) else value for name, value in fields.items()}
        text = json.dumps({"time": now, "process": os.getpid(), "event": event, **shown})
        try:
            data = f"{text}\n".encode()
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            self.broken = error

    def end(self, code: int) -> None:
        """Write that the run ends, and close the file."""
        self.line("end", {"exitCode": code, "seconds": round(time.monotonic() - self._began, 3)})
        self.close()

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            os.close(self._file)


class _Run:
    """The log of this run."""

    log: _Written | None = None


def forget() -> None:
    """Begin a run, which has no log yet."""
    if _Run.log:
        CALLS.removeHandler(_Run.log)
        _Run.log = None


def begin(command: str, path: str, options: Mapping[str, Any]) -> None:
    """Open the log of a run; raise UsageError if it cannot be written there, or is in the way of the `options`."""
    forget()
    if path == "-":
        raise UsageError("--log-file - names no file", "name a file; messages go to standard error in any case")
    _refuse_in_the_way(path, options)
    try:
        _refuse_redirected(path)
        _refuse_other_files(path)
        log = _Written(path)
    except OSError as error:
        raise UsageError(f"--log-file {path}: {reason_of(error, path)}", "nothing was done") from None
    log.line("begin", {"command": command, "version": __version__})
    if log.broken:
        log.close()
        raise UsageError(f"--log-file {path}: {log.broken.strerror}", "nothing was done")
    _Run.log = log
    CALLS.setLevel(logging.INFO)
    CALLS.propagate = False  # -v shows other messages, not these
    CALLS.addHandler(log)


def _refuse_in_the_way(path: str, options: Mapping[str, Any]) -> None:
    """Raise UsageError if the log would lie in an export, old or new, or be another file of the command."""
    from pathlib import Path

    from cv_gdpr.settings import config_path

    log = Path(path)
    _refuse_around(log, options.get("out"))
    _refuse_in_export(log)
    _refuse_beside(log, options.get("evidence") or options.get("path"))  # certify names it so
    values = [one for value in options.values() for one in (value if isinstance(value, tuple) else (value,))]
    values.append(config_path())
    if any(isinstance(one, Path) and one.resolve() == log.resolve() for one in values):
        raise UsageError(f"--log-file {path} is a path that the command itself reads or writes", "name another file")


def _refuse_redirected(path: str) -> None:
    """Raise UsageError if the shell sends standard output or standard error to this file: each would overwrite it."""
    if not os.path.isfile(path):  # noqa: PTH113 - pathlib is imported on use
        return
    for number, name in ((1, "standard output"), (2, "standard error")):
        with suppress(OSError):  # closed
            if os.path.samestat(os.fstat(number), os.stat(path)):  # noqa: PTH116
                raise UsageError(f"--log-file {path} is where {name} goes", "name another file")


def _refuse_around(log: "Path", out: "Path | None") -> None:
    """Raise UsageError if one of log and --out lies in the other."""
    from cv_gdpr.archive.new_folder import lies_in

    pair = (("--log-file", log), ("--out", out or log))
    for (one, inner), (other, outer) in (pair, pair[::-1]) if out else ():
        if lies_in(inner, outer):
            raise UsageError(f"{one} {inner} lies in {other} {outer}", "name a file elsewhere")


def _refuse_in_export(log: "Path") -> None:
    """Raise UsageError if the log would lie in an export, finished or not."""
    from cv_gdpr.archive.folder import STATE
    from cv_gdpr.archive.new_folder import refuse_within

    for folder in log.resolve().parents:
        if (folder / "bagit.txt").is_file() or (folder / STATE).is_dir():
            refuse_within("--log-file", log, folder, "file")


def _refuse_beside(log: "Path", evidence: "Path | None") -> None:
    """Raise UsageError if the log would have a name that belongs to evidence: NAME.jsonl is its ledger."""
    if evidence and log.resolve().parent == evidence.resolve().parent and log.name.startswith(f"{evidence.stem}."):
        raise UsageError(f"--log-file {log} has the name of a file beside {evidence}", "name another file")


def _refuse_other_files(path: str) -> None:
    """Raise UsageError for a file that is not such a log; warn of a log that others can read."""
    if not os.path.isfile(path):  # noqa: PTH113 - pathlib is imported on use
        return
    with open(path, "rb") as file:  # noqa: PTH123
        first = file.readline(_LONGEST_LINE)
    if first and not _is_ours(first):
        raise UsageError(f"--log-file {path} is another file, not a log of cv-gdpr", "name a new file")
    from cv_gdpr.cli.readers import warn_of_readers

    warn_of_readers(path, "--log-file")


def _is_ours(line: bytes) -> bool:
    """Return whether a line is one of such a log."""
    import json

    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and list(fields)[:3] == ["time", "process", "event"]


def is_broken() -> bool:
    """Return whether a line of the log could not be written."""
    return bool(_Run.log and _Run.log.broken)


def end(code: int) -> int:
    """Close the log; return the exit code, which is 3 in place of 0 where the log is not whole, and say so."""
    log = _Run.log
    if log is None:
        return code
    broken_before = log.broken
    log.end(code)
    forget()
    if log.broken:
        reason = log.broken.strerror
        click.echo(f"Error: --log-file {log.path}: {reason}; lines are missing from it, the work was done", err=True)
    return 3 if broken_before and code == 0 else code


def _opened(path: str) -> int:
    """Return the file, opened to append, created for its owner alone."""
    from cv_gdpr.archive.writing import close_to_others

    if os.path.isdir(path):  # noqa: PTH112 - pathlib is imported on use
        raise IsADirectoryError(21, "Is a directory")
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    flags |= sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY"))  # those that the system has
    is_new = not os.path.lexists(path)
    handle = os.open(path, flags, 0o600)
    if is_new:
        close_to_others(path)
    return handle
