"""A command that a test stops as a person does: by a signal on POSIX, by the console's Ctrl-C on Windows.

Windows sends Ctrl-C to every process of a console. So the command gets a console of its own, and a process beside it
(`python -m tests.console PIPE STDIN COMMAND...`) that presses the keys which the test names in a pipe.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cv_gdpr.platforms.processes import passing, receive
from tests.platforms import SIGKILL, WINDOWS, not_wine, posix

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
        passed, number = passing(theirs)
        helper = [sys.executable, "-m", "tests.console", str(number), "console" if typing else "", *command]
        options["env"] = {**(options.get("env") or os.environ), "PYTHONPATH": str(_ROOT)}
        super().__init__(helper, creationflags=subprocess.CREATE_NO_WINDOW, **passed, **options)
        os.close(theirs)
        self._keys = os.fdopen(ours, "w", encoding="utf-8")

    def send_signal(self, number):
        """Stop it; on Windows only by Ctrl-C, Ctrl-Break, or at once."""
        if self._keys is None:
            super().send_signal(number)
        elif self.poll() is None:
            self._press(_KEYS[number])

    def kill(self):
        """End it at once."""
        self.send_signal(SIGKILL)

    def type(self, line):
        """Write a line to the console."""
        self._press(f"T{line}")

    def _press(self, key):
        try:
            print(key, file=self._keys, flush=True)
        except OSError:  # it has just ended
            self._keys = None
            raise


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _Key(ctypes.Structure):
        """INPUT_RECORD with a KEY_EVENT_RECORD."""

        _fields_ = [
            ("kind", wintypes.WORD),
            ("down", wintypes.BOOL),
            ("repeat", wintypes.WORD),
            ("code", wintypes.WORD),
            ("scan", wintypes.WORD),
            ("letter", wintypes.WCHAR),
            ("state", wintypes.DWORD),
        ]

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)

    def _type(text):
        import msvcrt

        keys = (_Key * (2 * len(text)))(
            *[_Key(1, down, 1, 13 if c == "\r" else 0, 0, c, 0) for c in text for down in (1, 0)]
        )
        with open("CONIN$", "r+b", buffering=0) as console:  # noqa: PTH123
            handle = msvcrt.get_osfhandle(console.fileno())
            _kernel.WriteConsoleInputW(wintypes.HANDLE(handle), keys, len(keys), ctypes.byref(wintypes.DWORD()))

    def _obey(keys, process):
        with os.fdopen(keys, encoding="utf-8") as lines:
            for line in lines:
                if line[0] == "K":
                    process.kill()
                elif line[0] == "T":
                    _type(line[1:].rstrip("\n") + "\r")
                elif not _kernel.GenerateConsoleCtrlEvent("CB".index(line[0]), 0):
                    sys.stderr.write(f"no key was pressed: {ctypes.WinError(ctypes.get_last_error())}\n")

    def _main(pipe, kind, command):
        keys = receive(int(pipe))
        for number in (signal.SIGINT, signal.SIGBREAK):
            signal.signal(number, lambda *_: None)
        _kernel.SetConsoleCtrlHandler(None, False)  # what this process was started by may have told it to ignore Ctrl-C
        stdin = open("CONIN$", "r+b", buffering=0) if kind else None  # noqa: PTH123, SIM115
        process = subprocess.Popen(command, stdin=stdin)
        threading.Thread(target=_obey, args=(keys, process), daemon=True).start()
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue

    if __name__ == "__main__":
        code = _main(*sys.argv[1:3], sys.argv[3:])
        os._exit(code - (1 << 32) if code >> 31 else code)  # as STATUS_CONTROL_C_EXIT, which os._exit takes as signed
