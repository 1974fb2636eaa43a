"""`python -m tests.keys PIPE STDIN COMMAND...`: a command in this console, whose keys are pressed as the pipe says.

Windows only. It imports little, since each test that stops a command starts it. STDIN is "console" for a command that
reads from it.
"""

import os
import signal
import subprocess
import sys
import threading

from cv_gdpr.platforms.processes import receive

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
