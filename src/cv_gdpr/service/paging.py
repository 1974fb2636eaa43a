"""Reads paged lists completely, between two counts, although others may change the lists meanwhile.

A page is addressed by position (`skip`, `take`). If an early record is deleted meanwhile, all later ones move up and
one is missed, while an added record can keep the counts equal. So each page begins with the last record of the page
before, and if a page's first record was not seen yet, reading goes back some records. The service lists the oldest
first and a record's age never changes, so a record that stays in the list is found however often the list moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cv_gdpr.errors import AnswerTooLong, MalformedAnswer
from cv_gdpr.watching import LISTED

if TYPE_CHECKING:
    from concurrent.futures import Future

    from cv_gdpr.verbatim import Json

    class Paged(Protocol):
        """A list that is read in pages, directly or in the background."""

        def page(self, skip: int, take: int) -> list[Any]:
            """Return the page of at most `take` records that begins at that position; raise ServiceError."""

        def soon(self, skip: int) -> Future[list[Any]]:
            """Request a page of `PAGE` records in the background."""


PAGE = 256  # the most images that one call lists (published contract: `take`)
_AHEAD = 3  # pages requested in advance: with answers of 0.3 s, enough for 10 calls a second
_BACK = 15  # records to go back after the list moved; four times as many at each further attempt
_PASSES = 3  # how often a listing is read at most while the counts around it disagree
_TOO_LONG = 1000  # characters of an id
_SLACK = 10_000  # records that may be added while a list is read


class Part(NamedTuple):
    """One of the lists of a listing, and the most records that it is expected to hold."""

    pages: Paged
    expected: int


class Listing:
    """Paged lists between two counts, read again while these disagree.

    `parts` returns the lists for a count; `still` returns those of some ids that the service still holds (None: nothing
    that was listed is ever deleted).
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
        """Yield each record once; raise ServiceError.

        A service may omit a record in one pass. The union of several passes is complete if all counts equal its size
        and `still` confirms the records that the last pass did not list.
        """
        given: dict[str, int] = {}
        counted: set[int] = set()
        for attempt in range(_PASSES):
            self.before = self.after if attempt else self.count()
            LISTED.expect(self.before)
            in_pass: dict[str, int] = {}
            for record in self._in_pass(in_pass, thorough=attempt > 0):
                if record["id"] not in given:
                    yield record
            self.after = self.count()
            counted |= {self.before, self.after}
            given = given | in_pass if given else in_pass  # avoids a copy: it may hold hundreds of thousands
            self.listed = len(in_pass)
            if self.before == self.after == self.listed:
                return
            if counted == {len(given)} and self._still_there(given.keys() - in_pass.keys()):
                self.listed = len(given)
                return

    def _still_there(self, strays: set[str]) -> bool:
        return self.still is None or strays <= self.still(strays)

    def _in_pass(self, seen: dict[str, int], *, thorough: bool) -> Iterator[Json]:
        """Yield each record that is new in this pass; `seen` maps each id to the list that had it last."""
        for number, part in enumerate(self.parts(self.before)):
            yield from _walk(part, number, seen, most=2 * self.before + _SLACK, thorough=thorough)


def _walk(part: Part, number: int, seen: dict[str, int], *, most: int, thorough: bool) -> Iterator[Json]:
    """Yield each record new in the pass, up to the first short page (`thorough`: up to a page without anything new)."""
    ahead = _Ahead(part)
    skip, overlap, furthest, back = 0, 0, 0, _BACK
    while True:
        page = identified(ahead.page(skip))
        if overlap and (not page or seen.get(page[0]["id"]) != number):
            skip, back = max(0, skip - back), 4 * back
            overlap = min(skip, overlap)
            ahead.spend()
            continue
        came, known = False, len(seen)
        for record in page:
            before = seen.get(record["id"])
            if before != number:
                seen[record["id"]] = number
                came = True
                if before is None:
                    yield record
        LISTED.add(len(seen) - known)
        if (len(page) < ahead.take and not thorough) or (not came and skip >= furthest):
            return
        if len(seen) > most:
            raise MalformedAnswer(f"the service lists more than {most} records, far more than it counts")
        furthest, back = max(furthest, skip), _BACK
        overlap = int(len(page) > 1)  # a page of one record has no room for the last one before
        skip += len(page) - overlap


class _Ahead:
    """The pages of a list, some of them requested in advance; `take` is how many records a page holds.

    After an answer that is too long all further pages are smaller, down to one record.
    """

    def __init__(self, part: Part) -> None:
        self._part = part
        self.take = PAGE
        self._asked: dict[int, Future[list[Any]]] = {}
        self._returns = 20 + part.expected // PAGE

    def page(self, skip: int) -> list[Any]:
        """Return the page at that position; after a full one, request the following pages."""
        asked = self._asked.pop(skip, None)
        if asked is None:
            self._forget()
        page = self._smaller(skip, asked)
        if len(page) == PAGE:
            for onward in range(skip + PAGE - 1, skip + _AHEAD * PAGE, PAGE - 1):
                if onward < self._part.expected - 1 and onward not in self._asked:
                    self._asked[onward] = self._part.pages.soon(onward)
        return page

    def _smaller(self, skip: int, asked: Future[list[Any]] | None) -> list[Any]:
        """Return a page, with fewer records if it is too long; raise AnswerTooLong for a single record."""
        while True:
            try:
                return asked.result() if asked else self._part.pages.page(skip, self.take)
            except AnswerTooLong:
                if self.take == 1:
                    raise
            self.take, asked = self.take // 2, None
            self._forget()

    def spend(self) -> None:
        """Count a step back; raise MalformedAnswer when there are too many."""
        self._returns -= 1
        if not self._returns:
            raise MalformedAnswer("the service's list kept changing while it was read: no two pages of it fit together")

    def _forget(self) -> None:
        for future in self._asked.values():
            future.cancel()
        self._asked.clear()


def calls_for(count: int, expected: int) -> int:
    """Return how many pages `_walk` requests of a list that holds `count` records and is expected to hold `expected`.

    The list stays as it is meanwhile. Too high an expectation costs up to two pages beyond its end.
    """
    last = max(0, (count - 1) // (PAGE - 1))  # the number of its last page, counted from 0
    beyond = [last + more for more in range(1, _AHEAD) if last and (last + more) * (PAGE - 1) < expected - 1]
    return last + 1 + len(beyond)


def identified(records: Iterable[Any]) -> list[Json]:
    """Return the records of a listing; raise MalformedAnswer if one is not an object with an id."""
    from cv_gdpr.verbatim import stays  # imported on use, so that usage errors stay fast

    checked = list(records)
    for record in checked:
        if (
            not isinstance(record, dict)
            or not isinstance(record.get("id"), str)
            or not 0 < len(record["id"]) < _TOO_LONG
            or not stays(record["id"])  # a credential in it would be cut out
        ):
            raise MalformedAnswer("the service listed a record without an id")
    return checked


def once(records: list[Json]) -> list[Json]:
    """Return the first record of each id."""
    return list({record["id"]: record for record in reversed(records)}.values())[::-1]
