"""How work says how far it is; the command line shows that on a terminal."""

from collections.abc import Callable

Watch = Callable[[str, int, "int | None"], None]


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


class Count:
    """How many are done of a kind of work, counted one by one."""

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what = what
        self.total = total
        self.done = 0

    def add(self, number: int = 1) -> None:
        """Say that so many more are done."""
        self.done += number
        tell(self._what, self.done, self.total)
