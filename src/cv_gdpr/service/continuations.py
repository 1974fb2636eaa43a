"""Lists stored predictions completely, page by page, although others may be added and deleted meanwhile.

No operation counts them, and the position of a continuation is undocumented: a deletion may hide another record.
So they are read again until two passes agree on the ids that were stored before the first pass began, by the service's
clock. With live traffic no more can be proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cv_gdpr.errors import AnswerTooLong, MalformedAnswer, Unsteady
from cv_gdpr.service.paging import identified
from cv_gdpr.watching import PREDICTIONS, SUGGESTIONS

if TYPE_CHECKING:
    from cv_gdpr.service.client import Answer
    from cv_gdpr.verbatim import Json

    Query = Callable[[Json], Answer]

_PASSES = 6
_FEWER = 64  # records of a page, after one that was too long
_IDLE_PAGES = 50  # pages in a row without progress towards an end
_MOST = 2_000_000  # predictions of one project; the service keeps them for 30 days


QUERY_PREDICTIONS = "QueryPredictions"
OLDEST: Json = {"maxCount": 0, "orderBy": "Oldest"}
"""The first token of a query for stored predictions."""


def stored_records(query: Query, token: Json, operation: str = QUERY_PREDICTIONS) -> Iterator[Json]:
    """Yield each stored prediction once; `query` sends QueryPredictions with a token.

    Raise MalformedAnswer if paging does not end, and Unsteady if the passes never agree.
    """
    given: set[str] = set()
    agreed: set[str] | None = None
    begun: datetime | None = None
    listed, read_again = PREDICTIONS if operation == QUERY_PREDICTIONS else SUGGESTIONS
    for number in range(_PASSES):
        one = _Pass(query, begun, token, operation)
        one.count = read_again.add if number else listed.add
        read_again.expect(len(given))
        try:
            for record in one.records():
                if record["id"] not in given:
                    given.add(record["id"])
                    yield record
        finally:
            if not number:
                listed.end()
        if one.pages == 1 or one.before == agreed:  # a single page is a snapshot
            return
        begun, agreed = one.begun, one.before
    raise Unsteady(
        f"{operation}: {_PASSES} passes did not agree on what was stored before the first one",
        "predictions are being deleted at the same time; run the command again",
    )


class _Pass:
    """One reading from the first page to the last; `before` are the ids that were stored before `begun`."""

    def __init__(self, query: Query, begun: datetime | None, token: Json, operation: str) -> None:
        self._query = query
        self._token = token
        self._operation = operation
        self.begun = begun
        self.count: Callable[[int], None] = lambda _: None  # is called with the number of records of a page
        self.before: set[str] = set()
        self.pages = 0
        self._seen: set[str] = set()
        self._most = 0  # records of a page; 0: as many as the service likes
        self._oldest, self._newest = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)

    def records(self) -> Iterator[Json]:
        """Yield each record of the pass once; raise MalformedAnswer if paging does not end."""
        token = self._token
        tokens: set[str] = set()
        idle = 0
        while True:
            results, token = self._page(token)
            new = [record for record in results if record["id"] not in self._seen]
            self._seen.update(record["id"] for record in new)
            idle = 0 if self._makes_progress(new) else idle + 1
            yield from new
            self.count(len(new))
            onward = token.get("continuation")
            if not onward:
                return
            if not isinstance(onward, str) or onward in tokens or idle >= _IDLE_PAGES or len(self._seen) > _MOST:
                raise MalformedAnswer(f"{self._operation}: the pages do not end")
            tokens.add(onward)

    def _page(self, token: Json) -> tuple[list[Json], Json]:
        answer = self._answer(token)
        self.begun = self.begun or _moment_of(answer.date)
        self.pages += 1
        results, following = answer.body.get("results"), answer.body.get("token")
        if not isinstance(results, list) or not isinstance(following, dict):
            raise MalformedAnswer(f"{self._operation}: the service answered without a token or a list of results")
        return identified(results), following

    def _answer(self, token: Json) -> Answer:
        """Return the answer to a token, with fewer records if it is too long; raise AnswerTooLong for a single one."""
        while True:
            try:
                return self._query(token | {"maxCount": self._most} if self._most else token)
            except AnswerTooLong:
                if self._most == 1:
                    raise
                self._most = self._most // 2 if self._most else _FEWER

    def _makes_progress(self, new: list[Json]) -> bool:
        """Return whether a page leads towards the end: a record from before this run, at a time not read yet."""
        further = False
        for record in new:
            created = _created(record)
            if created is None or self.begun is None or created < self.begun:
                self.before.add(record["id"])
                further = further or created is None or not self._oldest <= created <= self._newest
            if created:
                self._oldest, self._newest = min(self._oldest, created), max(self._newest, created)
        return further


def _created(record: Json) -> datetime | None:
    moment: Any = record.get("created")
    try:
        created = datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        return None
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _moment_of(date: str) -> datetime:
    """Return the time in an answer's Date header, else this machine's time."""
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
