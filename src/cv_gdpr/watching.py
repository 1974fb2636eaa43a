"""How work says how far it is; the command line shows that on a terminal."""

import threading
from collections.abc import Callable

Watch = Callable[[str, int, "int | None"], None]


class AtLeast(int):
    """A total that may still grow: not everything was counted yet."""


class _Now:
    """What shows the progress of this process."""

    watch: Watch | None = None


def tell(what: str, done: int, total: int | None = None) -> None:
    """Say what is being done, how many are done, and of how many; None where nobody knows."""
    if _Now.watch:
        _Now.watch(what, done, total)


def show_by(watch: Watch | None) -> None:
    """Have progress shown by this function; None: by none."""
    _Now.watch = watch
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

    def begin(self, total: int) -> None:
        """Say that none of so many are done: a step of the run begins."""
        self.done, self.total = 0, total
        anew()
        tell(self._what, 0, total)

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
