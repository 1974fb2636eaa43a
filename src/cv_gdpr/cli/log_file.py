"""`--log-file FILE`: a line of JSON for the begin and the end of a run, and for every call; no contents, no keys.

The service package reports its calls to the logger `cv_gdpr.calls`, each with a record of what may be written.
"""

import logging
import os
import time
from contextlib import suppress
from typing import Any

import click

from cv_gdpr import __version__
from cv_gdpr.errors import UsageError
from cv_gdpr.platforms.files import reason_of

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


def begin(ctx: click.Context, path: str, out: str | None) -> None:
    """Open the log of this run, which writes to `out`; raise UsageError if the log cannot be written there."""
    forget()
    _refuse_within(path, out)
    try:
        _refuse_other_files(path)
        log = _Written(path)
    except OSError as error:
        raise UsageError(f"--log-file {path}: {reason_of(error, path)}", "nothing was done") from None
    log.line("begin", {"command": ctx.command_path, "version": __version__})
    if log.broken:
        log.close()
        raise UsageError(f"--log-file {path}: {log.broken.strerror}", "nothing was done")
    _Run.log = log
    CALLS.setLevel(logging.INFO)
    CALLS.propagate = False  # -v shows other messages, not these
    CALLS.addHandler(log)


def _refuse_within(path: str, out: str | None) -> None:
    """Raise UsageError if the log would lie in the folder that the run writes, or be the file that it writes."""
    if not out:
        return
    from pathlib import Path

    from cv_gdpr.archive.new_folder import lies_in

    if lies_in(Path(path), Path(out)):
        raise UsageError(f"--log-file {path} lies in --out {out}", "name a file elsewhere")


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
