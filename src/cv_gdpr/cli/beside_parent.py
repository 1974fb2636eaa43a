"""`python -m cv_gdpr.cli.beside_parent FD WORDS...`: this program, which is interrupted when its parent has ended.

The parent holds the other end of the pipe FD. However it ends, also by SIGKILL, that end closes.
"""

import os
import runpy
import signal
import sys
import threading


def _watch(pipe: int) -> None:
    os.read(pipe, 1)  # nothing is ever written
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    lifeline = int(sys.argv.pop(1))
    os.set_inheritable(lifeline, False)
    threading.Thread(target=_watch, args=(lifeline,), daemon=True, name="lifeline").start()
    runpy.run_module("cv_gdpr", run_name="__main__", alter_sys=True)
