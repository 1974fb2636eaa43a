"""How a process of --all-profiles tells the command that runs it how far it is: by lines in a pipe, twice a second.

A thread of its own writes them. Whatever becomes of the reader, the work of the process waits for nothing.
"""

import os
import threading
import time
from contextlib import suppress

from cv_gdpr.cli.output import printable
from cv_gdpr.cli.progress import PROJECTS, Display, Told, Works, clock, display, of_work
from cv_gdpr.watching import waited_for

_EVERY = 0.5  # seconds
_CELLS = 5  # of a line: the work, its count, its rate, the time left or what is waited for, the count of projects


# --- the process ----------------------------------------------------------------------------------------------------


class _Parent:
    """The pipe to the command that runs this process, if it asks how far it is."""

    pipe: int | None = None


def write_to(pipe: int) -> None:
    """Have the progress of this process written into this pipe."""
    _Parent.pipe = pipe


def teller() -> Told | None:
    """Return what tells the progress of this process; None if nobody asks."""
    return None if _Parent.pipe is None else _Teller(_Parent.pipe)


class _Teller(Told):
    """Writes how far this process is into a pipe."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe
        threading.Thread(target=self._go_on, daemon=True, name="progress").start()

    def _go_on(self) -> None:
        with suppress(OSError):  # nobody reads it any more
            while True:
                time.sleep(_EVERY)
                if cells := _line_of(self.works):
                    os.write(self._pipe, ("\t".join(map(printable, cells)) + "\n").encode(errors="replace"))


def _line_of(works: Works) -> tuple[str, ...]:
    """Return the cells of a line: the work that says most, and how many projects have ended; none if all is silent."""
    told = {what: (work, *of_work(work)) for what, work in works.rows()}
    counts = {
        what: (what != PROJECTS, bool(left), not work.is_over, work.total or work.done)
        for what, (work, _, _, left) in told.items()
    }
    most = max(counts, key=counts.__getitem__, default="")
    count, rate, left = told[most][1:] if most else ("", "", "")
    projects = f"{PROJECTS} {told[PROJECTS][1]}" if PROJECTS in told and most != PROJECTS else ""
    if call := waited_for():
        left = f"{call.words}  {clock(time.monotonic() - call.since)}"
    cells = (most, count, rate, left, projects)
    return cells if any(cells) else ()


# --- the command that runs it ---------------------------------------------------------------------------------------


class Heard:
    """How far a process is, as it tells by `pipes`: one, if this run has a display, else none."""

    def __init__(self, name: str, *, wanted: bool) -> None:
        self.pipes: list[int] = []
        self._reader: threading.Thread | None = None
        shown_by = display() if wanted else None
        if shown_by:
            ours, theirs = os.pipe()
            self.pipes.append(theirs)
            self._reader = threading.Thread(target=_show, args=(shown_by, name, ours), name="progress")
            self._reader.start()

    def passed_on(self) -> None:
        """Note that the process has the pipe now, or was not started: then it is closed."""
        while self.pipes:
            os.close(self.pipes.pop())

    def end(self) -> None:
        """Wait until the line of the process, which has ended, is shown no more."""
        if self._reader:
            self._reader.join()


def _show(shown_by: Display, name: str, pipe: int) -> None:
    """Show each line behind the name of its process, until that has ended, however it did."""
    with os.fdopen(pipe, "rb") as lines:
        for line in lines:
            cells = [printable(cell) for cell in line.decode(errors="replace").rstrip("\n").split("\t")]
            if len(cells) == _CELLS:  # not cut off
                shown_by.of_process(name, cells)
    shown_by.of_process(name, ())
