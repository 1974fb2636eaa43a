"""How work says how far it is; the command line shows that on a terminal."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Watch = Callable[[str, int, "int | None"], None]
_LONG = 2.0  # seconds after which a call counts as one that is waited for


class AtLeast(int):
    """A total that may still grow: not everything was counted yet."""


class _Now:
    """What shows the progress of this process, what begins a step of it, and what is called when a call begins."""

    watch: Watch | None = None
    step: Callable[[str, "int | None"], None] | None = None
    calling: Callable[[], None] | None = None


def tell(what: str, done: int, total: int | None = None) -> None:
    """Say what is being done, how many are done, and of how many; None where nobody knows."""
    if _Now.watch:
        _Now.watch(what, done, total)


def step(what: str, total: int | None = None) -> None:
    """Say that a step of the work begins, and that the one before has ended; `total`: how many it counts, if any."""
    if _Now.step:
        _Now.step(what, total)
    else:
        tell(what, 0, total)


def show_by(
    watch: Watch | None,
    begin: Callable[[str, "int | None"], None] | None = None,
    calling: Callable[[], None] | None = None,
) -> None:
    """Have progress shown by this function; None: by none.

    `begin` is given each step and its total, `calling` is called when a call or another try of it begins.
    """
    _Now.watch, _Now.step, _Now.calling = watch, begin, calling
    anew()


def anew() -> None:
    """Begin to count what the service lists and is asked for: the next step of the work begins."""
    for one in (LISTED, ASKED):
        one.restart()


class Count:
    """How many are done of a kind of work, counted one by one."""

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what = what
        self.total = total
        self.done = 0

    def begin(self, total: int | None) -> None:
        """Say that none of so many are done (None: nobody knows how many): a step of the run begins."""
        self.done, self.total = 0, total
        anew()
        step(self._what, total)

    def add(self, number: int = 1) -> None:
        """Say that so many more are done."""
        self.done += number
        tell(self._what, self.done, self.total)


class Growing:
    """How many are done of a kind of work whose parts become known one by one; for several threads."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self.done = self.total = 0

    def restart(self) -> None:
        """Begin at nothing."""
        with self._lock:
            self.done = self.total = 0

    def expect(self, number: int) -> None:
        """Say that so many more will be done."""
        with self._lock:
            self.total += number

    def add(self, number: int) -> None:
        """Say that so many more are done."""
        with self._lock:
            self.done += number
            self.total = max(self.total, self.done)
            tell(self._what, self.done, AtLeast(self.total))


LISTED, ASKED = Growing("records listed"), Growing("ids asked for")
"""Records of lists that the service counts, and items that it is asked for by id, in this step of a run."""


class Call:
    """A call that is under way: to whom, which, since when, how often it was tried, and how the last try ended."""

    def __init__(self, operation: str, asked: str) -> None:
        self._operation, self._asked = operation, asked
        self.since = time.monotonic()
        self._tries, self._status = 1, ""

    def again(self, status: int) -> None:
        """Say that a try failed with this HTTP status (0: no answer came), and that another one follows."""
        self._tries += 1
        self._status = str(status or "no answer")
        if _Now.calling:
            _Now.calling()

    @property
    def words(self) -> str:
        """What is waited for."""
        tries = f", try {self._tries}, {self._status}" if self._tries > 1 else ""
        return f"waiting for {self._asked} ({self._operation}{tries})"


_under_way: dict[int, Call] = {}


@contextmanager
def waiting_for(operation: str, asked: str = "the service") -> Iterator[Call]:
    """Yield a call that is under way, with all its tries, until the block ends."""
    call = Call(operation, asked)
    _under_way[id(call)] = call
    if _Now.calling:
        _Now.calling()
    try:
        yield call
    finally:
        del _under_way[id(call)]


def waited_for() -> Call | None:
    """Return the oldest of the calls that take long, None if none does."""
    oldest = min(tuple(_under_way.values()), key=lambda call: call.since, default=None)
    return oldest if oldest and time.monotonic() - oldest.since >= _LONG else None
