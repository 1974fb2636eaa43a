"""Lets coverage follow the process that downloads, which starts without site-packages and is killed in the end."""

import subprocess
from contextlib import suppress
from typing import Any

_MEASURE = "import coverage; coverage.process_startup()\n"
_TO_END = 5.0  # seconds


class MeasuredPopen(subprocess.Popen):
    """A process; if it is the one that downloads, it is measured, and may end by itself before it is killed."""

    def __init__(self, args: Any, *rest: Any, **options: Any) -> None:
        self._downloads = isinstance(args, list) and args[1:3] == ["-I", "-S"]
        if self._downloads:
            program = args[-2].replace("from cv_gdpr.", f"{_MEASURE}from cv_gdpr.", 1)
            args = [*args[:-2], program, args[-1]]
        super().__init__(args, *rest, **options)

    def kill(self) -> None:
        """End the process: by the end of its orders, so that what was measured is written, else by a signal."""
        if self._downloads and self.stdin:
            with suppress(subprocess.TimeoutExpired, OSError):
                self.stdin.close()
                self.wait(_TO_END)
        super().kill()
