"""Paged lists read to a proof, between two counts, while somebody else may change what they list.

A page says which places of the list it holds (`skip`, `take`), not which records come next: if an early record is
deleted meanwhile, all later ones move up, and one would be missed though another that is added keeps the counts equal.
So each page begins with the last record of the page before, and a page whose first record was never seen is asked for
again from further ahead. The service lists the oldest first and a record's age never changes, hence whatever is in a
list from beginning to end is found, however often the list moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cv_gdpr.errors import MalformedAnswer

if TYPE_CHECKING:
    from concurrent.futures import Future

    from cv_gdpr.verbatim import Json

    class Paged(Protocol):
        """A list that is read by pages: at once, or in the background."""

        def page(self, skip: int) -> list[Any]:
            """Give the page that begins at a place of the list; raises ServiceError."""

        def soon(self, skip: int) -> Future[list[Any]]:
            """Ask for that page in the background."""


PAGE = 256  # the most images that one call lists (published contract: `take`)
_AHEAD = 3  # pages asked for before they are needed: an answer of 0.3 s still lets 10 calls a second be spent
_BACK = 15  # records to go back to find the place again; four times as many where that was not enough
_PASSES = 3  # how often a listing is read again when the counts around it do not agree
_TOO_LONG = 1000  # characters of an id
_SLACK = 10_000  # records that may be added while a list is read


class Part(NamedTuple):
    """One of the lists that make up a listing, and how many records it is expected to hold at most."""

    pages: Paged
    expected: int


class Listing:
    """Paged lists between two counts, read again while these do not agree.

    `parts` gives the lists for a count, `still` which of some ids the service gives one by one (None: nothing that was
    listed ever goes).
    """

    before = after = listed = 0

    def __init__(
        self,
        count: Callable[[], int],
        parts: Callable[[int], Iterable[Part]],
        still: Callable[[set[str]], set[str]] | None = None,
    ) -> None:
        self.count = count
        self.parts = parts
        self.still = still

    def records(self) -> Iterator[Json]:
        """Give each record once; raises ServiceError.

        A service may leave something out of one pass: what several found together is enough where all counts agree, and
        `still` says that what the last did not list is there yet.
        """
        given: dict[str, int] = {}
        counted: set[int] = set()
        for attempt in range(_PASSES):
            self.before = self.after if attempt else self.count()
            in_pass: dict[str, int] = {}
            for record in self._in_pass(in_pass, thorough=attempt > 0):
                if record["id"] not in given:
                    yield record
            self.after = self.count()
            counted |= {self.before, self.after}
            given = given | in_pass if given else in_pass  # one of them may hold hundreds of thousands
            self.listed = len(in_pass)
            if self.before == self.after == self.listed:
                return
            if counted == {len(given)} and self._still_there(given.keys() - in_pass.keys()):
                self.listed = len(given)
                return

    def _still_there(self, strays: set[str]) -> bool:
        return self.still is None or strays <= self.still(strays)

    def _in_pass(self, seen: dict[str, int], *, thorough: bool) -> Iterator[Json]:
        """Give each record that no list of this pass had before; `seen` says in which list each id was read last."""
        for number, part in enumerate(self.parts(self.before)):
            yield from _walk(part, number, seen, most=2 * self.before + _SLACK, thorough=thorough)


def _walk(part: Part, number: int, seen: dict[str, int], *, most: int, thorough: bool) -> Iterator[Json]:
    """Give each record new to the pass, to the first short page (`thorough`: to the one that brings nothing more)."""
    ahead = _Ahead(part)
    skip, furthest, back = 0, 0, _BACK
    while True:
        page = identified(ahead.page(skip))
        if skip and (not page or seen.get(page[0]["id"]) != number):
            skip, back = max(0, skip - back), 4 * back
            ahead.spend()
            continue
        came = False
        for record in page:
            before = seen.get(record["id"])
            if before != number:
                seen[record["id"]] = number
                came = True
                if before is None:
                    yield record
        if (len(page) < PAGE and not thorough) or (not came and skip >= furthest):
            return
        if len(seen) > most:
            raise MalformedAnswer(f"the service lists more than {most} things, far more than it counts")
        furthest, back = max(furthest, skip), _BACK
        skip += len(page) - 1


class _Ahead:
    """The pages of a list, some of them asked for before they are needed."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._asked: dict[int, Future[list[Any]]] = {}
        self._returns = 20 + part.expected // PAGE

    def page(self, skip: int) -> list[Any]:
        """Give the page at a place; after a full one, ask for those that will follow."""
        asked = self._asked.pop(skip, None)
        if asked is None:
            self._forget()
        page = asked.result() if asked else self._part.pages.page(skip)
        if len(page) == PAGE:
            for onward in range(skip + PAGE - 1, skip + _AHEAD * PAGE, PAGE - 1):
                if onward < self._part.expected - 1 and onward not in self._asked:
                    self._asked[onward] = self._part.pages.soon(onward)
        return page

    def spend(self) -> None:
        """Count a return to an earlier place; raises MalformedAnswer when that does not end."""
        self._returns -= 1
        if not self._returns:
            raise MalformedAnswer("the service's list does not stand still: no two pages of it fit together")

    def _forget(self) -> None:
        for future in self._asked.values():
            future.cancel()
        self._asked.clear()


def identified(records: Iterable[Any]) -> list[Json]:
    """Give the records of a listing; raises MalformedAnswer if one is no object with an id."""
    from cv_gdpr.verbatim import stays  # which --help and a slip of the fingers can do without

    checked = list(records)
    for record in checked:
        if (
            not isinstance(record, dict)
            or not isinstance(record.get("id"), str)
            or not 0 < len(record["id"]) < _TOO_LONG
            or not stays(record["id"])  # it could not be written down
        ):
            raise MalformedAnswer("the service listed something that has no id")
    return checked


def once(records: list[Json]) -> list[Json]:
    """Give records without those whose id came before."""
    return list({record["id"]: record for record in reversed(records)}.values())[::-1]
