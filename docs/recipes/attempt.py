#!/usr/bin/env python3
"""Run cv-gdpr with --json, and exit with 75 if its result says that the same command may do more.

Usage: attempt.py COMMAND [OPTION ...]. It needs cv-gdpr on the PATH. 75 is EX_TEMPFAIL of sysexits.h. Any other exit
code is that of cv-gdpr. The JSON document is printed as it is.
"""

import json
import subprocess
import sys

TRY_AGAIN = 75


def main(arguments: list[str]) -> int:
    """Run the command, print its document, and return the exit code for the scheduler."""
    ran = subprocess.run(["cv-gdpr", *arguments, "--json"], stdout=subprocess.PIPE, check=False)  # noqa: S603, S607
    sys.stdout.buffer.write(ran.stdout)
    sys.stdout.flush()
    if ran.returncode < 0:  # a signal that cv-gdpr could not answer: the out-of-memory killer
        return TRY_AGAIN
    return TRY_AGAIN if ran.returncode and _retryable(ran.stdout) else ran.returncode


def _retryable(document: bytes) -> bool:
    try:
        return json.loads(document).get("retryable") is True
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
