"""`python -m cv_gdpr.cli.beside_parent FD[,FD] PROFILE WORDS...`: this program, interrupted when its parent has ended.

The parent holds the other end of the first pipe. However it ends, also by SIGKILL, that end closes. By a second pipe,
this process tells how far it is. With a PROFILE, messages on the terminal that both share begin with its name.
"""

import os
import re
import runpy
import sys
import threading
from typing import Any, TextIO

from cv_gdpr.cli.progress_pipe import write_to
from cv_gdpr.platforms.processes import receive, stop_this_process

_COLOUR = r"\x1b\[\d+m"
_MESSAGE = re.compile(f"^(?=(?:{_COLOUR})?(?:Error|Hint|Warning):(?:{_COLOUR})? )", re.MULTILINE)


class Prefixed:
    """A text stream whose messages begin with a name; tables and questions stay as they are."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def write(self, text: str) -> int:
        """Write a text, whose messages are whole lines; return its length."""
        self._stream.write(_MESSAGE.sub(f"{self._name}: ", text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _watch(pipe: int) -> None:
    os.read(pipe, 1)  # nothing is ever written
    stop_this_process()


def _hold(lifeline: int) -> None:
    threading.Thread(target=_watch, args=(lifeline,), daemon=True, name="lifeline").start()


if __name__ == "__main__":
    lifeline, *telling = (receive(int(number)) for number in sys.argv.pop(1).split(","))
    _hold(lifeline)
    if telling:
        write_to(telling[0])
    if profile := sys.argv.pop(1):
        sys.stderr = Prefixed(sys.stderr, profile)
    runpy.run_module("cv_gdpr", run_name="__main__", alter_sys=True)
