"""Processes, signals and pipes by the means of each system."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

STOP_SIGNALS = [
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
    if name in signal.Signals.__members__  # SIGBREAK (Ctrl-Break, a closed window, a shutdown): on Windows only
]
_BREAK = "SIGBREAK"
PIPES_IN: dict[str, Any] = {"encoding": "utf-8", "newline": "\n"} if sys.platform == "win32" else {}
"""How output is encoded, as arguments of reconfigure, where the default is not the right one."""


def code_of_signal(number: int) -> int:
    """Return the exit code of a run that a signal has ended: 128 and its number, 130 for Ctrl-Break as for Ctrl-C."""
    ctrl_break = signal.Signals.__members__.get(_BREAK)
    return 128 + (signal.SIGINT if number == ctrl_break else number)


def is_broken_pipe(error: OSError) -> bool:
    """Return whether an error says that nobody reads the pipe any more: Windows says EINVAL."""
    return isinstance(error, BrokenPipeError) or (
        sys.platform == "win32" and error.errno == errno.EINVAL and error.filename is None
    )


def by_ulimit(option: str) -> str:
    """Return how a shell raises a limit of a process, in brackets; nothing on Windows, which has no such command."""
    return "" if sys.platform == "win32" else f" (ulimit {option})"


if sys.platform == "win32":
    import msvcrt

    POLLIN, POLLOUT = 1, 4
    # CREATE_NEW_PROCESS_GROUP, by its number, since subprocess would slow each start: Ctrl-C does not reach it.
    OF_ITS_OWN: dict[str, Any] = {"creationflags": 0x200}
    IN_A_GROUP = OF_ITS_OWN

    class Poll:
        """Waits for sockets, as select.poll does, which Windows lacks."""

        def __init__(self) -> None:
            self._wanted: dict[int, int] = {}

        def register(self, socket: int, bits: int) -> None:
            """Watch a socket for these bits, in place of those so far."""
            self._wanted[socket] = bits

        def unregister(self, socket: int) -> None:
            """No longer watch a socket; raise KeyError if it is not watched."""
            del self._wanted[socket]

        def poll(self, milliseconds: int) -> list[tuple[int, int]]:
            """Return the sockets that are ready, with their bits."""
            import select

            reading = [one for one, bits in self._wanted.items() if bits & POLLIN]
            writing = [one for one, bits in self._wanted.items() if bits & POLLOUT]
            # A failed connection shows only as exceptional.
            found = select.select(reading, writing, writing, milliseconds / 1000)
            ready: dict[int, int] = {}
            for sockets, bits in zip(found, (POLLIN, POLLOUT, POLLOUT), strict=True):
                for one in sockets:
                    ready[one] = ready.get(one, 0) | bits
            return list(ready.items())

    def pollable(pipe: int, longest: int) -> tuple[int, Callable[[], bytes], Callable[[], None]]:
        """Return what can be polled in place of a pipe, how to read and how to close it: Windows polls sockets only.

        A thread copies the pipe into a socket, by a number of its own: closing one that is being read would wait.
        """
        import socket

        ours, theirs = socket.socketpair()
        pipe = os.dup(pipe)

        def copy() -> None:
            with theirs, suppress(OSError):  # nobody reads the socket any more
                while part := os.read(pipe, longest):
                    theirs.sendall(part)
            os.close(pipe)

        def come() -> bytes:
            part = ours.recv(longest)
            if not part:
                ours.close()
            return part

        threading.Thread(target=copy, daemon=True, name="orders").start()
        return ours.fileno(), come, ours.close

    def split_words(command: str) -> list[str]:
        """Return the words of a command, with quotes as in a shell, and backslashes kept; raise ValueError."""
        from shlex import shlex

        words = shlex(command, posix=True, punctuation_chars=False)
        words.whitespace_split, words.escape, words.commenters = True, "", ""
        return list(words)

    def executable(word: str) -> str:
        """Return the file of a command: Windows looks for NAME.exe only, and az is az.cmd."""
        import shutil

        return shutil.which(word) or word

    def end_with_children(process: subprocess.Popen[bytes]) -> None:
        """End a process and those that it started; raise OSError."""
        import subprocess

        if process.poll() is None:
            taskkill = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")  # noqa: PTH118
            quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
            subprocess.run([taskkill, "/T", "/F", "/PID", str(process.pid)], check=False, **quiet)  # type: ignore[call-overload]  # noqa: S603
        process.kill()

    def interrupt(process: subprocess.Popen[bytes], number: int) -> None:
        """Pass a signal on to a process that has a group of its own: as Ctrl-Break, the only one that reaches it.

        Raise OSError, as where no console is there to send it.
        """
        del number
        process.send_signal(signal.CTRL_BREAK_EVENT)

    def passing(*pipes: int) -> tuple[dict[str, Any], list[int]]:
        """Return the arguments for Popen that pass pipes on, and the numbers by which the process `receive`s them."""
        import subprocess

        handles = [msvcrt.get_osfhandle(pipe) for pipe in pipes]
        for handle in handles:
            os.set_handle_inheritable(handle, True)
        return {"startupinfo": subprocess.STARTUPINFO(lpAttributeList={"handle_list": handles})}, handles

    def receive(number: int) -> int:
        """Return the pipe that the parent process has passed on; what this process starts does not get it."""
        os.set_handle_inheritable(number, False)
        return msvcrt.open_osfhandle(number, 0)  # whether it is read or written stands in the handle

    def stop_this_process() -> None:
        """Interrupt the main thread as SIGTERM does; os.kill would end the process at once."""
        signal.raise_signal(signal.SIGTERM)

else:
    import select

    POLLIN, POLLOUT, Poll = select.POLLIN, select.POLLOUT, select.poll

    OF_ITS_OWN: dict[str, Any] = {"start_new_session": True}  # Ctrl-C does not reach it
    IN_A_GROUP: dict[str, Any] = {"process_group": 0}

    def pollable(pipe: int, longest: int) -> tuple[int, Callable[[], bytes], Callable[[], None]]:
        """Return what can be polled in place of a pipe, how to read and how to close it: the pipe, whose owner does."""
        return pipe, lambda: os.read(pipe, longest), lambda: None

    def split_words(command: str) -> list[str]:
        """Return the words of a command, split as a shell splits them; raise ValueError."""
        from shlex import split

        return split(command)

    def executable(word: str) -> str:
        """Return the file of a command: the system looks for it."""
        return word

    def end_with_children(process: subprocess.Popen[bytes]) -> None:
        """End a process, which has a session of its own, and those that it started; raise OSError."""
        os.killpg(process.pid, signal.SIGKILL)

    def interrupt(process: subprocess.Popen[bytes], number: int) -> None:
        """Pass a signal on to a process; raise OSError."""
        process.send_signal(number)

    def passing(*pipes: int) -> tuple[dict[str, Any], list[int]]:
        """Return the arguments for Popen that pass pipes on, and the numbers by which the process `receive`s them."""
        return {"pass_fds": pipes}, list(pipes)

    def receive(number: int) -> int:
        """Return the pipe that the parent process has passed on; what this process starts does not get it."""
        os.set_inheritable(number, False)
        return number

    def stop_this_process() -> None:
        """Interrupt the main thread as SIGTERM does."""
        os.kill(os.getpid(), signal.SIGTERM)
