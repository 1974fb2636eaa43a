"""Live progress on a terminal: one line for each project; without a terminal, nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cv_gdpr.cli.output import console, printable, size

if TYPE_CHECKING:
    from rich.table import Table

    from cv_gdpr.export.project import ProjectExport

_LINES = 12  # projects shown at most: the active ones, then those that ended last


@contextmanager
def showing(*, quiet: bool) -> Iterator[Callable[[Sequence["ProjectExport"]], None]]:
    """Yield a function that takes the counters of projects; they are shown until the block ends."""
    screen = console(error=True)
    if quiet or not screen.is_terminal or screen.is_dumb_terminal:
        yield lambda _: None
        return
    from rich.live import Live

    watched: list[ProjectExport] = []
    with Live(console=screen, refresh_per_second=5, get_renderable=lambda: _table(watched), transient=True):
        yield watched.extend


def _table(exports: Sequence["ProjectExport"]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    active = [one for one in exports if one.state == "exporting"]
    ended = [one for one in exports if one.state not in {"exporting", "waiting"}]
    for one in (ended[-_LINES:] + active)[-_LINES:]:
        name = Text(printable(one.name)[:40])
        table.add_row(name, f"{one.items:,} items", size(one.bytes), one.state)
    waiting = len(exports) - len(active) - len(ended)
    if waiting:
        table.add_row(Text(f"{waiting} more projects"), "", "", "waiting")
    return table


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes how many are done, of how many; done, total, rate and time left are shown."""
    screen = console(error=True)
    if quiet or not screen.is_terminal or screen.is_dumb_terminal:
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=screen, transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def show(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")

        yield show
