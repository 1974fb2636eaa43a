"""Progress on a terminal, for what takes longer than two seconds: done, of how many, rate, time left."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from cv_gdpr.cli.screen import Quiet
from cv_gdpr.watching import AtLeast, show_by, tell, waited_for

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from cv_gdpr.export.project import ProjectExport

_AFTER = 2.0  # seconds in which nothing is shown
_AGAIN = 0.5  # seconds until it is asked again whether there is something to show
_AT_LEAST = 0.2  # seconds before it is shown again
_LINES = 12  # projects shown at most: the active ones, then those that ended last
_NAME = 28  # characters of a project's name


class _Work(NamedTuple):
    """A kind of work: when it was first told of and how far it was then, how far it is now."""

    since: float
    at_first: int
    done: int
    total: int | None
    is_step: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it ends when other work begins: all is done, or it is a step that counts nothing."""
        return self.done == self.total or (self.is_step and not self.done and self.total is None)


class _Display:
    """What is shown below everything that was printed; it is taken away before something else is printed."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        self._live: Live | None = None
        self._works: dict[str, _Work] = {}
        self.projects: list[ProjectExport] = []
        self._since = time.monotonic()  # when this run began, or last printed something
        self._was_shown = False

    def tell(self, what: str, done: int, total: int | None) -> None:
        """Note how far a kind of work is, and show it in two seconds."""
        before = self._works.get(what)
        if before is None:
            self._works = {name: work for name, work in self._works.items() if not work.is_over}
        if before is None or done < before.done:
            before = _Work(time.monotonic(), done, done, total, is_step=bool(before and before.is_step))
        self._works[what] = before._replace(done=done, total=total)
        self.soon()

    def step(self, what: str, total: int | None) -> None:
        """Note that a step of the work begins, after the one before."""
        self._works = {name: work for name, work in self._works.items() if not (work.is_step or work.is_over)}
        self._works[what] = _Work(time.monotonic(), 0, 0, total, is_step=True)
        self.soon()

    def soon(self) -> None:
        """Show the work in two seconds, unless something else is printed before."""
        if self._timer is None and not Quiet.on:
            with self._lock:
                wait = 0.0 if self._was_shown else self._since + _AFTER - time.monotonic()
                self._timer = self._started(max(_AT_LEAST, wait))

    def _started(self, wait: float) -> threading.Timer:
        timer = threading.Timer(wait, self._show)
        timer.daemon = True
        timer.start()
        return timer

    def _show(self) -> None:
        with self._lock:
            if self._timer is None or self._live:
                return
            if not (self._works or self.projects or waited_for()):
                self._timer = self._started(_AGAIN)
                return
            from rich.console import Console
            from rich.live import Live

            screen = Console(file=_raw(sys.stderr), force_terminal=True, highlight=False)
            self._live = Live(
                console=screen,
                refresh_per_second=5,
                get_renderable=lambda: self._render(screen.width),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
            self._was_shown = True

    def hide(self) -> None:
        """Take away what is shown; the next work is shown again."""
        with self._lock:
            if self._timer:
                self._timer.cancel()
                self._timer = None
            if self._live:
                self._live.stop()
                self._live = None
            else:
                self._since, self._was_shown = time.monotonic(), False
            self._works = {what: work for what, work in self._works.items() if not work.is_over}

    def _render(self, columns: int) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        works = [(what, *_of_work(work)) for what, work in tuple(self._works.items())]
        parts = [_of_projects(tuple(self.projects), columns), _of_works(works, columns)]
        if call := waited_for():
            parts.append(Text(f"{call.words}  {_clock(time.monotonic() - call.since)}"))
        return Group(*parts)


def _of_works(rows: Sequence[tuple[str, ...]], columns: int) -> "RenderableType":
    """Return a line for each kind of work; where the columns have no room, each is folded as a text."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if sum(max(map(len, cells)) + 2 for cells in zip(*rows, strict=True)) - 2 > columns:
        return Group(*(Text("  ".join(filter(None, row))) for row in rows))
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*(Text(cell, no_wrap=True) for cell in row))
    return table


def _of_work(work: _Work) -> tuple[str, str, str]:
    """Return done of total, the rate, and the time left."""
    seconds = time.monotonic() - work.since
    if not (work.done or work.total):
        return _clock(seconds), "", ""
    rate = (work.done - work.at_first) / seconds if seconds > 0.5 else 0.0
    least = "at least " if isinstance(work.total, AtLeast) else ""
    count = f"{work.done:,}" if work.total is None else f"{work.done:,} of {least}{work.total:,}"
    left = f"{least}{_clock((work.total - work.done) / rate)} left" if rate and work.total else ""
    left = "" if work.done == work.total else left
    return count, f"{rate:,.0f}/s" if rate >= 1 else f"{rate * 60:,.0f}/min" if rate else "", left


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _of_projects(exports: Sequence["ProjectExport"], columns: int) -> "RenderableType":
    """Return a line for each project that is being exported, or was exported last."""
    from rich.table import Table
    from rich.text import Text

    from cv_gdpr.cli.output import printable, size

    table = Table.grid(padding=(0, 2))
    active = [one for one in exports if one.state == "exporting"]
    ended = [one for one in exports if one.state not in {"exporting", "waiting"}]
    for one in (ended[-_LINES:] + active)[-_LINES:]:
        name = printable(one.name)[: _NAME if columns >= 70 else _NAME // 2]
        there = f"files that were there: {one.there:,}" if one.there else ""
        cells = (name, f"{one.items:,} item" + ("" if one.items == 1 else "s"), size(one.bytes), one.state, there)
        table.add_row(*(Text(cell, no_wrap=True) for cell in cells))
    if waiting := len(exports) - len(active) - len(ended):
        table.add_row(Text(f"{waiting} more projects"), "", "", "waiting")
    return table


def _raw(stream: Any) -> Any:
    """Return the stream below ours, which would hide the display for each of its lines."""
    return getattr(stream, "below", stream)


# --- for the commands -----------------------------------------------------------------------------------------------


def begin() -> Callable[[], None]:
    """Show the progress of this run; return what takes it away."""
    display = _Now.display = _Display()
    show_by(display.tell, display.step, display.soon)
    return display.hide


class _Now:
    """The display of this run."""

    display: _Display | None = None


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes how many are done, of how many."""
    yield (lambda _done, _total: None) if quiet else (lambda done, total: tell(what, done, total))


@contextmanager
def showing(*, quiet: bool) -> Iterator[Callable[[Sequence["ProjectExport"]], None]]:
    """Yield a function that takes the counters of projects; they are shown until the block ends."""
    display = None if quiet or not sys.stderr.isatty() else _Now.display
    if display is None:
        yield lambda _: None
        return
    ended = threading.Event()

    def watch(exports: Sequence["ProjectExport"]) -> None:
        display.projects.extend(exports)
        threading.Thread(target=_sum_up, args=(display.projects, ended), daemon=True).start()

    try:
        yield watch
    finally:
        ended.set()
        display.projects.clear()
        display.hide()


def _sum_up(exports: Sequence["ProjectExport"], ended: threading.Event) -> None:
    """Tell of all projects together until they have ended."""
    while not ended.wait(0.3):
        if (of := len(exports)) > 1:
            tell("projects", sum(one.state not in {"exporting", "waiting"} for one in tuple(exports)), of)
        tell("items", sum(one.items for one in tuple(exports)))
