"""Runs a command on a real terminal, or with one of its streams on one."""

import os
import subprocess
import sys
from contextlib import suppress

from tests.endurance.enduring import environment
from tests.platforms import pty


def on_terminal(sim, *words, streams=("stderr",), cwd=None, **variables):
    """Run a command with those streams on a terminal; return its exit code and the bytes written to each."""
    ours, theirs = pty.openpty()
    pipes = {name: theirs if name in streams else subprocess.PIPE for name in ("stdout", "stderr")}
    command = [sys.executable, "-m", "cv_gdpr", *map(str, words)]
    settings = environment(sim, **variables)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=settings, cwd=cwd, **pipes) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # reading a closed terminal raises OSError
            while part := os.read(ours, 65536):
                shown += part
        piped = {name: pipe.read() for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr)) if pipe}
    os.close(ours)
    return process.returncode, {"stdout": shown, "stderr": shown} | piped
