"""How work says how far it is; the command line shows that on a terminal."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

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
    for one in (LISTED, ASKED, *PREDICTIONS, *SUGGESTIONS):
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
            if self.total:
                tell(self._what, self.done, AtLeast(self.total))


class Uncounted:
    """How many are listed of what no operation of the service counts, so that nobody knows of how many."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self.done = 0

    def restart(self) -> None:
        """Begin at nothing."""
        with self._lock:
            self.done = 0

    def add(self, number: int) -> None:
        """Say that so many more were listed, and that more may follow."""
        with self._lock:
            self.done += number
            if number:
                tell(self._what, self.done)

    def end(self) -> None:
        """Say that a list has ended, and these are all so far."""
        with self._lock:
            if self.done:
                tell(self._what, self.done, self.done)


LISTED, ASKED = Growing("records listed"), Growing("ids asked for")
"""Records of lists that the service counts, and items that it is asked for by id, in this step of a run."""
PREDICTIONS = Uncounted("stored predictions listed"), Growing("predictions read again")
SUGGESTIONS = Uncounted("suggestions listed"), Growing("suggestions read again")
"""Records that the service does not count: as they come, and once more, until two passes agree."""


class Call:
    """A call that is under way: to whom, which, since when, how often it was tried, and how the last try ended."""

    def __init__(self, operation: str, asked: str) -> None:
        self._operation, self._asked = operation, asked
        self.since = time.monotonic()
        self.tries, self._status = 1, ""
        self.waits = False  # for a call of its own: the sign-in that it needs

    def begin(self) -> Self:
        """Count it as under way, until it ends."""
        _under_way[id(self)] = self
        if _Now.calling:
            _Now.calling()
        return self

    def end(self) -> None:
        """Say that it ended."""
        _under_way.pop(id(self), None)

    def again(self, status: int, tries: int | None = None) -> None:
        """Say that a try failed with this HTTP status (0: no answer came), and another follows: number `tries`."""
        self.tries = tries or self.tries + 1
        self._status = str(status or "no answer")
        if _Now.calling:
            _Now.calling()

    def anew(self) -> None:
        """Say that there was an answer just now, and that others are waited for."""
        self.since, self.tries = time.monotonic(), 1

    @property
    def words(self) -> str:
        """What is waited for."""
        tries = f", try {self.tries}, {self._status}" if self.tries > 1 else ""
        return f"waiting for {self._asked} ({self._operation}{tries})"


_under_way: dict[int, Call] = {}
_of_thread = threading.local()  # `call`: the one that this thread is in


@contextmanager
def waiting_for(operation: str, asked: str = "the service") -> Iterator[Call]:
    """Yield a call that is under way, with all its tries, until the block ends."""
    call, around = Call(operation, asked).begin(), getattr(_of_thread, "call", None)
    _of_thread.call = call
    if around:
        around.waits = True
    try:
        yield call
    finally:
        call.end()
        _of_thread.call = around
        if around:
            around.waits = False


def tried_again(status: int) -> None:
    """Say that the call that this thread is in is tried again, after this status: for retries inside of a library."""
    if call := getattr(_of_thread, "call", None):
        call.again(status)


def waited_for() -> Call | None:
    """Return the oldest of the calls that take long, None if none does."""
    calls = (call for call in tuple(_under_way.values()) if not call.waits)
    oldest = min(calls, key=lambda call: call.since, default=None)
    return oldest if oldest and time.monotonic() - oldest.since >= _LONG else None
