"""A process that runs `cv-gdpr` and is killed at an exact step: `python killing.py STEP COUNT WORDS...`."""

import os
import shutil
import sys

from cv_gdpr.cli import main
from cv_gdpr.redact import exchange
from tests.platforms import SIGKILL


def die_at(name, count):
    """Kill this process when a function is called for the given time: `!` after its name, once it is done."""
    plain, afterwards = name.rstrip("!"), name.endswith("!")
    holder = {"rmtree": shutil, "_exchanged": exchange}.get(plain, os)
    function, calls = getattr(holder, plain), []

    def counted(*args, **words):
        calls.append(args)
        if len(calls) == count and not afterwards:
            os.kill(os.getpid(), SIGKILL)
        result = function(*args, **words)
        if len(calls) == count:
            os.kill(os.getpid(), SIGKILL)
        return result

    setattr(holder, plain, counted)


if __name__ == "__main__":
    step, times, way, *words = sys.argv[1:]
    if way == "two-renames":
        exchange._exchanged = lambda *_: False
    die_at(step, int(times))
    main(words)
