"""What Windows, or Wine in its place, lacks of what tests use. docs/platforms.md lists these reasons."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

WINDOWS = sys.platform == "win32"
LACKING = {
    "named pipes": "a named pipe in a folder, which a file of Windows cannot be",
    "terminals": "a pseudo-terminal; Windows' own (ConPTY) needs another library, and Wine has none",
    "modes": "a mode such as 0600; access lists take its place, and have tests of their own",
    "special files": "a device, or a folder of /proc",
    "names by links": "a final name that is given by a hard link; Windows renames, which replaces nothing there",
    "fsync of folders": "fsync(2) of a folder, or syncfs(2): Windows flushes by another call",
    "writev": "one call that writes several parts",
    "home folders": "the home folder of a user who does not exist: Windows makes one up beside that of the user",
    "owners": "a file that is given to another user id",
    "links": "a symbolic link, which Windows lets administrators alone make",
    "signals": "a signal from another process: Windows ends the process, and knows Ctrl-C and Ctrl-Break alone",
    "names in bytes": "a file name that is not text, or holds a character that Windows refuses",
    "open files": "a file that is removed or replaced while it is open",
    "shell": "a program of POSIX, such as sh, openssl, ssh-keygen, sha256sum",
    "limits": "a limit on a process (setrlimit), or on the size of a file system",
    "processes": "the processes that /proc shows",
    "memory": "the memory of a process, as /proc or getrusage(2) tells it",
    "locale": "a locale that decides how file names and output are encoded",
    "time zones": "a time zone from the variable TZ",
}


WINE = {
    "long names": "the error that Windows gives for a name of more than 255 characters",
    "Ctrl-Break": "Ctrl-Break, which Wine 8 cannot send: a test on Windows itself needs nothing else",
}


def posix(what: str) -> pytest.MarkDecorator:
    """Mark a test that needs something that Windows lacks: a key of `LACKING`."""
    return pytest.mark.posix(what)


def not_wine(what: str) -> pytest.MarkDecorator:
    """Mark a test that needs something that Wine lacks and Windows has: a key of `WINE`."""
    return pytest.mark.wine(what)


def need(what: str) -> None:
    """Skip the running test on Windows, which lacks this: a key of `LACKING`."""
    reason = f"{what}: {LACKING[what]}"
    if WINDOWS:
        pytest.skip(reason)


def skip_where_lacking(item: pytest.Item) -> None:
    """Skip a marked test where the system lacks what it needs."""
    for name, lacking, here in (("posix", LACKING, WINDOWS), ("wine", WINE, is_wine())):
        for mark in item.iter_markers(name):
            reason = f"{mark.args[0]}: {lacking[mark.args[0]]}"
            if here:
                item.add_marker(pytest.mark.skip(reason=reason if name == "posix" else f"Wine: {reason}"))


class Module:
    """A module of POSIX, imported on use; a test that uses it is skipped on Windows."""

    def __init__(self, name: str, what: str) -> None:
        self._name, self._what = name, what

    def __getattr__(self, name: str) -> Any:
        if not _called_by_tests(1):  # pytest asks all that a module holds for its marks: that must skip nothing
            raise AttributeError(name)
        need(self._what)
        module: ModuleType = import_module(self._name)
        return getattr(module, name)


fcntl, pty, termios = (Module(name, "terminals") for name in ("fcntl", "pty", "termios"))


def named_pipe(path: Path | str, mode: int = 0o666) -> None:
    """Make a named pipe."""
    need("named pipes")
    os.mkfifo(path, mode)


def is_private(path: Path) -> bool:
    """Return whether only its owner can use a file or folder."""
    from cv_gdpr.platforms import access

    if not WINDOWS:
        return not path.stat().st_mode & 0o077
    # A new file takes over its folder's access list, but not under Wine. A test's own folder (tmp...) is closed anyway.
    places = (path, path.parent) if is_wine() and not path.parent.name.startswith("tmp") else (path,)
    return any(access.others_who_read(place) == () for place in places)


SIGHUP, SIGQUIT, SIGKILL = (getattr(signal, name, signal.SIGTERM) for name in ("SIGHUP", "SIGQUIT", "SIGKILL"))
ENDED_ITSELF = SIGKILL if WINDOWS else -SIGKILL
"""The exit code of a process that has sent SIGKILL to itself."""


def is_wine() -> bool:
    """Return whether this Windows is Wine."""
    if sys.platform != "win32":
        return False
    import ctypes

    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


SLOWER = 10 if is_wine() else 1  # a process takes 4 s to start under Wine, and more on a busy machine


def assignment(line: str) -> tuple[str, str]:
    """Return name and value of a line that sets a variable, in sh or in PowerShell."""
    name, _, value = line.strip().removeprefix("export ").removeprefix("$env:").partition("=")
    return name, value.strip("'")


def mend_windows() -> None:
    """Let tests write and read text files as on POSIX, and skip a test that makes what Windows has not, as a link.

    The program itself is not touched: where it forgets an encoding, it still gets that of Windows.
    """
    if WINDOWS:
        for name, more in (("read_text", {}), ("write_text", {"newline": "\n"}), ("open", {})):
            setattr(Path, name, _in_utf_8(getattr(Path, name), more))
        os.symlink = _link_or_skip(os.symlink)
        Path.chmod = _closed_or_skip(Path.chmod)  # type: ignore[method-assign]
        subprocess.Popen.__init__ = _started_or_skip(subprocess.Popen.__init__)  # type: ignore[method-assign]
        for module, name, what in _ABSENT:
            setattr(module, name, _skipping(what))


_ABSENT = [(os, "mkfifo", "named pipes"), (os, "chown", "owners"), (time, "tzset", "time zones")]


def _skipping(what: str) -> Callable[..., None]:
    return lambda *_, **__: need(what)


def _in_utf_8(method: Callable[..., Any], more: dict[str, str]) -> Callable[..., Any]:
    def mended(path: Path, *arguments: Any, **named: Any) -> Any:
        binary = method.__name__ == "open" and "b" in (arguments[0] if arguments else named.get("mode", ""))
        free = len(arguments) < (1 if method.__name__ == "read_text" else 2)  # no encoding among the arguments
        if _called_by_tests(1) and not binary:
            named = {**({"encoding": "utf-8"} if free else {}), **more, **named}
        return method(path, *arguments, **named)

    return mended


def _started_or_skip(start: Callable[..., None]) -> Callable[..., None]:
    def starting(self: Any, command: Any, *arguments: Any, **named: Any) -> None:
        if isinstance(command, list) and str(command[0]).endswith((".sh", ".py")) and _called_by_tests(1):
            self._child_created = False
            need("shell")
        try:
            start(self, command, *arguments, **named)
        except FileNotFoundError:
            self._child_created = False
            if isinstance(command, list) and command[0] in _OF_POSIX and _called_by_tests(1):
                need("shell")
            raise

    return starting


_OF_POSIX = {"sh", "bash", "openssl", "ssh-keygen", "sha256sum", "cat", "curl", "unzip", "git"}


def _called_by_tests(above: int) -> bool:
    """Return whether the caller's caller, or the next one outside of these modules of Python, is a module of tests."""
    frame = sys._getframe(above + 1)
    while str(frame.f_globals.get("__name__")).startswith(("pathlib", "subprocess")) and frame.f_back:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__")).startswith("tests.")


def _closed_or_skip(change: Callable[..., None]) -> Callable[..., None]:
    from cv_gdpr.platforms import access

    def changing(path: Path, mode: int, **named: Any) -> None:
        if not _called_by_tests(1):
            change(path, mode, **named)
        elif mode not in {0o600, 0o700}:
            need("modes")
        elif not access.close_to_others(path):
            raise OSError(f"{path} cannot be closed to others")

    return changing


def _link_or_skip(link: Callable[..., None]) -> Callable[..., None]:
    def linking(target: Any, place: Any, *arguments: Any, **named: Any) -> None:
        try:
            link(target, place, *arguments, **named)
        except FileExistsError:
            raise
        except OSError:
            if not _called_by_tests(1):  # pytest makes links too, and does without
                raise
            need("links")
        if not os.path.lexists(place) and _called_by_tests(1):  # Wine 8 makes none, and says nothing
            need("links")

    return linking
