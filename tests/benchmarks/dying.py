"""Run cv-gdpr and kill -9 it right before an exact change of the disk.

    python dying.py FOLDER CHANGE PAPER delete --all ...

FOLDER, an absolute path, is where the evidence lies. CHANGE counts all changes of files in it, durable writes
included; PAPER counts those from the first one on that is of neither ledger nor lock, when the ledger is closed.
Both count from 1; 0 is never.
"""

import os
import runpy
import signal
import sys

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.link", "os.symlink", "os.truncate"}
folder = sys.argv[1]
left = {"any": int(sys.argv[2]), "paper": int(sys.argv[3])}
begun = False  # to write the papers


def changed(path):
    """Count a change that is about to be made, and die if it is the one."""
    global begun  # noqa: PLW0603 - one program, one count
    begun = begun or (path != folder and not path.endswith((".jsonl", ".lock")))
    for kind in ("any", "paper") if begun else ("any",):
        left[kind] -= 1
        if left[kind] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def noticed(event, arguments):
    """Hear of what the interpreter is about to do."""
    opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if (opened or event in CHANGES) and isinstance(arguments[0], str | os.PathLike):
        path = os.path.join(folder, arguments[0])  # noqa: PTH118 - a name alone is of a file in the folder
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
