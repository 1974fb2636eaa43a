"""Progress on a terminal, for what takes longer than two seconds: done, of how many, rate, time left."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
PROJECTS = "projects"  # the work that has all others in it
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


class Works:
    """The kinds of work under way, by name."""

    def __init__(self) -> None:
        self._now: dict[str, _Work] = {}

    def __bool__(self) -> bool:
        return bool(self._now)

    def tell(self, what: str, done: int, total: int | None) -> None:
        """Note how far a kind of work is."""
        before = self._now.get(what)
        if before is None:
            self.drop_over()
        if before is None or done < before.done:
            before = _Work(time.monotonic(), done, done, total, is_step=bool(before and before.is_step))
        self._now[what] = before._replace(done=done, total=total)

    def step(self, what: str, total: int | None) -> None:
        """Note that a step of the work begins, after the one before."""
        self._now = {name: work for name, work in self._now.items() if not (work.is_step or work.is_over)}
        self._now[what] = _Work(time.monotonic(), 0, 0, total, is_step=True)

    def drop_over(self) -> None:
        """Forget what is over."""
        self._now = {what: work for what, work in self._now.items() if not work.is_over}

    def rows(self) -> "list[tuple[str, _Work]]":
        """Return each with its name."""
        return list(self._now.items())


class Told:
    """What this run has told of its work, for one who shows it: by itself, nobody does."""

    def __init__(self) -> None:
        self.works = Works()
        self.projects: list[ProjectExport] = []

    def tell(self, what: str, done: int, total: int | None) -> None:
        """Note how far a kind of work is."""
        self.works.tell(what, done, total)
        self.soon()

    def step(self, what: str, total: int | None) -> None:
        """Note that a step of the work begins, after the one before."""
        self.works.step(what, total)
        self.soon()

    def soon(self) -> None:
        """Do what follows when work goes on, or a call begins."""

    def hide(self) -> None:
        """Do what must be done before something is printed."""


class Display(Told):
    """What is shown below everything that was printed; it is taken away before something else is printed."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        self._live: Live | None = None
        self._processes: dict[str, Sequence[str]] = {}
        self._since = time.monotonic()  # when this run began, or last printed something
        self._was_shown = False

    def of_process(self, name: str, cells: Sequence[str]) -> None:
        """Show how far a process is, in a line of its own; without cells, show it no more."""
        if cells:
            self._processes[name] = cells
            self.soon()
        else:
            self._processes.pop(name, None)

    def soon(self) -> None:
        """Show the work in two seconds, unless something else is printed before."""
        if self._timer or Quiet.on:
            return
        with self._lock:
            if self._timer is None:
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
            if not (self.works or self.projects or self._processes or waited_for()):
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
            self.works.drop_over()

    def _render(self, columns: int) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        works = [(what, *of_work(work)) for what, work in self.works.rows()]
        processes = list(_of_processes(tuple(self._processes.items()), columns))
        parts = [_of_works(rows, columns) for rows in (works, processes) if rows]
        if self.projects:
            parts.insert(0, _of_projects(tuple(self.projects), columns))
        if call := waited_for():
            parts.append(Text(f"{call.words}  {clock(time.monotonic() - call.since)}"))
        return Group(*parts)


def _of_works(rows: Sequence[tuple[str, ...]], columns: int) -> "RenderableType":
    """Return a line for each kind of work; where the columns have no room, each is folded as a text."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows = list(zip(*filter(any, zip(*rows, strict=True)), strict=True))  # without empty columns
    if sum(max(map(len, cells)) + 2 for cells in zip(*rows, strict=True)) - 2 > columns:
        return Group(*(Text("  ".join(filter(None, row))) for row in rows))
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*(Text(cell, no_wrap=True) for cell in row))
    return table


def _of_processes(processes: Iterable[tuple[str, Sequence[str]]], columns: int) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each process behind its name; the last one, of how many projects, only where it has room."""
    for name, cells in processes:
        row = (name[: _room(columns)], *cells)
        yield row if len("  ".join(filter(None, row))) <= columns else (*row[:-1], "")


def of_work(work: _Work) -> tuple[str, str, str]:
    """Return done of total, the rate, and the time left."""
    seconds = time.monotonic() - work.since
    if not (work.done or work.total):
        return clock(seconds), "", ""
    rate = (work.done - work.at_first) / seconds if seconds > 0.5 else 0.0
    least = "at least " if isinstance(work.total, AtLeast) else ""
    count = f"{work.done:,}" if work.total is None else f"{work.done:,} of {least}{work.total:,}"
    left = f"{least}{clock((work.total - work.done) / rate)} left" if rate and work.total else ""
    left = "" if work.done == work.total else left
    return count, f"{rate:,.0f}/s" if rate >= 1 else f"{rate * 60:,.0f}/min" if rate else "", left


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _room(columns: int) -> int:
    """Return the columns of a name."""
    return _NAME if columns >= 70 else _NAME // 2


def _of_projects(exports: Sequence["ProjectExport"], columns: int) -> "RenderableType":
    """Return a line for each project that is being exported, or was exported last."""
    from rich.table import Table
    from rich.text import Text

    from cv_gdpr.cli.output import printable, size

    table = Table.grid(padding=(0, 2))
    active = [one for one in exports if one.state == "exporting"]
    ended = [one for one in exports if one.state not in {"exporting", "waiting"}]
    for one in (ended[-_LINES:] + active)[-_LINES:]:
        name = printable(one.name)[: _room(columns)]
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


def begin(told: Told | None) -> Callable[[], None]:
    """Have the progress of this run shown by this, None: by nothing; return what is called before a line is printed."""
    _Now.told = told
    if told is None:
        show_by(None)
        return lambda: None
    show_by(told.tell, told.step, told.soon)
    return told.hide


class _Now:
    """What shows the progress of this run."""

    told: Told | None = None


def display() -> Display | None:
    """Return the display of this run, if it has one."""
    return _Now.told if isinstance(_Now.told, Display) else None


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes how many are done, of how many."""
    yield (lambda _done, _total: None) if quiet else (lambda done, total: tell(what, done, total))


@contextmanager
def showing(*, quiet: bool) -> Iterator[Callable[[Sequence["ProjectExport"]], None]]:
    """Yield a function that takes the counters of projects; they are shown until the block ends."""
    told = None if quiet else _Now.told
    if told is None:
        yield lambda _: None
        return
    ended = threading.Event()

    def watch(exports: Sequence["ProjectExport"]) -> None:
        told.projects.extend(exports)
        threading.Thread(target=_sum_up, args=(told.projects, ended), daemon=True).start()

    try:
        yield watch
    finally:
        ended.set()
        told.projects.clear()
        told.hide()


def _sum_up(exports: Sequence["ProjectExport"], ended: threading.Event) -> None:
    """Tell of all projects together until they have ended."""
    while not ended.wait(0.3):
        if (of := len(exports)) > 1:
            tell(PROJECTS, sum(one.state not in {"exporting", "waiting"} for one in tuple(exports)), of)
        tell("items", sum(one.items for one in tuple(exports)))
