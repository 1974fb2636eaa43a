#!/usr/bin/env python3
"""Run cv-gdpr with --json, and exit with 75 if its result says that the same command may do more.

Usage: attempt.py [--result FILE] COMMAND [OPTION ...]. It needs cv-gdpr on the PATH. 75 is EX_TEMPFAIL of sysexits.h.
Any other exit code is that of cv-gdpr. The JSON document is printed as it is; with --result it is written to FILE, and
one line about it is printed. Signals are passed on: cv-gdpr ends in order, and so does this.
"""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TRY_AGAIN = 75
_SIGNALS = [signal.Signals[name] for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)]


def main(arguments: list[str]) -> int:
    """Run the command, print its document, and return the exit code for the scheduler."""
    result = arguments[1] if arguments[:1] == ["--result"] else ""
    code, printed = _run(arguments[2:] if result else arguments)
    document = _read(printed)
    if result:
        Path(result).write_bytes(printed)
        sys.stdout.write(json.dumps(_in_short(document, code) | {"result": result}) + "\n")
    else:
        sys.stdout.buffer.write(printed)
    if code < 0:  # a signal that cv-gdpr could not answer: the out-of-memory killer
        return TRY_AGAIN
    return TRY_AGAIN if 0 < code < 128 and document.get("retryable") is True else code


def _run(arguments: list[str]) -> tuple[int, bytes]:
    """Run cv-gdpr, pass signals on to it, and return its exit code and what it printed."""
    received: list[int] = []
    processes: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _: object) -> None:
        received.append(number)
        for process in processes:
            process.send_signal(number)

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, forward)
    processes.append(subprocess.Popen(["cv-gdpr", *arguments, "--json"], stdout=subprocess.PIPE))  # noqa: S603, S607
    for number in received:  # while it was being started
        processes[0].send_signal(number)
    printed, _ = processes[0].communicate()
    return processes[0].returncode, printed


def _read(printed: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(printed))
    except ValueError:
        return {}


def _in_short(document: dict[str, Any], code: int) -> dict[str, Any]:
    """Return what a log needs of a document."""
    named = ("format", "retryable", "complete", "message", "folder")
    missing = {"missing": len(document["missing"])} if "missing" in document else {}
    ended = {"ended": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "exitCode": code}
    return ended | {name: document[name] for name in named if name in document} | missing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
