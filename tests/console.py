"""A command that a test stops as a person does: by a signal on POSIX, by the console's Ctrl-C on Windows.

Windows sends Ctrl-C to every process of a console. So the command gets a console of its own, and a process beside it
(tests/keys.py) that presses the keys which the test names in a pipe.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from cv_gdpr.platforms.processes import passing
from tests.platforms import SIGKILL, SLOWER, WINDOWS, not_wine, posix

ENDINGS = [
    pytest.param(signal.SIGINT, 130, id="Ctrl-C"),
    pytest.param(signal.SIGTERM, 143, id="SIGTERM", marks=posix("signals")),
]
"""How a run is stopped from outside, with its exit code."""
if WINDOWS:
    ENDINGS.append(pytest.param(signal.SIGBREAK, 130, id="Ctrl-Break", marks=not_wine("Ctrl-Break")))

KILLED = 1 if WINDOWS else -SIGKILL
"""The exit code of a process that was killed."""

_ROOT = Path(__file__).parent.parent
_KEYS = {signal.SIGINT: "C", getattr(signal, "SIGBREAK", None): "B", SIGKILL: "K"}


class Stoppable(subprocess.Popen):
    """A process that `send_signal` stops; on Windows by Ctrl-C (SIGINT), Ctrl-Break (SIGBREAK), or at once (SIGKILL).

    With `typing` its standard input is a console, and `type` writes to it; on Windows only.
    """

    def __init__(self, command, *, typing=False, **options):
        self._keys = None
        if not WINDOWS:
            super().__init__(command, **options)
            return
        theirs, ours = os.pipe()
        passed, (number,) = passing(theirs)
        helper = [sys.executable, "-m", "tests.keys", str(number), "console" if typing else "", *command]
        settings = dict(options.get("env") or os.environ)
        modules = [str(_ROOT), *filter(None, [settings.get("PYTHONPATH")])]
        options["env"] = settings | {"PYTHONPATH": os.pathsep.join(modules)}
        super().__init__(helper, creationflags=subprocess.CREATE_NO_WINDOW, **passed, **options)
        os.close(theirs)
        self._keys = os.fdopen(ours, "w", encoding="utf-8")

    def send_signal(self, number):
        """Stop it; on Windows only by Ctrl-C, Ctrl-Break, or at once."""
        if not WINDOWS:
            super().send_signal(number)
        elif self.poll() is None:
            self._press(_KEYS[number])

    def communicate(self, input=None, timeout=None):
        """Return what it still writes, once it has ended."""
        return super().communicate(input, timeout and timeout * SLOWER)

    def wait(self, timeout=None):
        """Wait until it has ended."""
        code = super().wait(timeout)
        if self._keys is not None:
            self._keys.close()
            self._keys = None
        return code

    def kill(self):
        """End it at once."""
        self.send_signal(SIGKILL)

    def type(self, line):
        """Write a line to the console."""
        self._press(f"T{line}")

    def _press(self, key):
        with suppress(OSError):  # it has just ended
            print(key, file=self._keys, flush=True)
