"""Run cv-gdpr and kill it with SIGKILL just before a given change of the disk.

    python dying.py FOLDER CHANGE PAPER delete --all ...

FOLDER, an absolute path, holds the evidence. CHANGE counts all changes of files in it, durable writes included. PAPER
counts only those after the ledger was closed, from the first that is neither of the ledger nor of the lock. Both count
from 1; 0 means never.
"""

import os
import runpy
import signal
import sys

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.link", "os.symlink", "os.truncate"}
folder = sys.argv[1]
left = {"any": int(sys.argv[2]), "paper": int(sys.argv[3])}
begun = False  # whether the files after the ledger are being written


def changed(path):
    """Count a change just before it is made, and kill this process if it is the given one."""
    global begun  # noqa: PLW0603 - one program, one count
    begun = begun or (path != folder and not path.endswith((".jsonl", ".lock")))
    for kind in ("any", "paper") if begun else ("any",):
        left[kind] -= 1
        if left[kind] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def noticed(event, arguments):
    """Receive the interpreter's audit events."""
    opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if (opened or event in CHANGES) and isinstance(arguments[0], str | os.PathLike):
        path = os.path.join(folder, arguments[0])  # noqa: PTH118 - a bare name is a file in the folder
        if path.startswith(folder + os.sep):
            changed(path)


def synced(handle):
    """Count a durable write as a change."""
    path = os.path.realpath(f"/proc/self/fd/{handle}")
    if path == folder or path.startswith(folder + os.sep):
        changed(path)
    return fsync(handle)


fsync, os.fsync = os.fsync, synced
sys.addaudithook(noticed)
sys.argv[:] = ["cv-gdpr", *sys.argv[4:]]
runpy.run_module("cv_gdpr", run_name="__main__", alter_sys=True)
