"""The API host: the gateway's checks (route, access, rate), then the operations; and the headers of every answer."""

from __future__ import annotations

import time
import uuid
from collections import deque

from custom_vision_simulator.access import Access
from custom_vision_simulator.answers import TOO_FAST, Answer, ServiceError, bad_request, gateway_error
from custom_vision_simulator.asks import Ask, path_ids
from custom_vision_simulator.host import Incoming
from custom_vision_simulator.links import Links
from custom_vision_simulator.records import Options
from custom_vision_simulator.routes import Route, find_route
from custom_vision_simulator.store import Store

_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
}
UNKNOWN = "Unknown"


class Api:
    """Answers API requests from a store."""

    def __init__(self, store: Store, options: Options, links: Links, access: Access) -> None:
        """Take the state, the options and the links that the operations use, and the check of keys and tokens."""
        self._access = access
        self._store = store
        self._options = options
        self._links = links
        self._recent: deque[float] = deque()

    def name_of(self, method: str, path: str) -> str:
        """Return the published name of the operation, or "Unknown" for a path that the service does not know."""
        found = find_route(method, path)
        return found[0].name if found else UNKNOWN

    def answer(self, incoming: Incoming) -> Answer:
        """Run the operation of a request and return its answer."""
        if (found := find_route(incoming.method, incoming.path)) is None:
            return gateway_error(404, "Resource not found")
        route, ids = found
        if refusal := self._access.refusal(incoming.headers, route.name):
            return refusal
        if not self._in_rate():
            return self._too_fast(route)
        with self._store.lock:
            self._store.settle()
            return self._carried_out(route, incoming, ids)

    def finish(self, answer: Answer) -> Answer:
        """Return the answer with the headers that the service puts on every answer (recorded sessions)."""
        ident = str(uuid.uuid4())
        common = {"Request-Id": ident, "apim-request-id": ident, **_HEADERS}
        return Answer(answer.status, answer.body, answer.content_type, {**common, **answer.headers})

    def latency(self) -> float:
        """Return the seconds to wait before each answer."""
        return self._options.api_latency

    def _carried_out(self, route: Route, incoming: Incoming, ids: dict[str, str]) -> Answer:
        query, body, files = incoming.query, incoming.body, incoming.files
        try:
            _check_readable(incoming)
            ask = Ask(self._store, self._options, self._links, path_ids(ids), query, body, files)
            _check_writable(route, ask)
            return route.handler(ask)
        except ServiceError as error:
            return error.answer()

    def _in_rate(self) -> bool:
        limit, moment = self._options.calls_per_second, time.monotonic()
        if limit is None:
            return True
        while self._recent and self._recent[0] <= moment - 1:
            self._recent.popleft()
        if len(self._recent) >= limit:
            return False
        self._recent.append(moment)
        return True

    def _too_fast(self, route: Route) -> Answer:
        headers = {"Retry-After": "1"} if self._options.retry_after else None
        return gateway_error(429, TOO_FAST.format(operation=route.name), headers)


def _check_readable(incoming: Incoming) -> None:
    if incoming.malformed:
        raise bad_request("BadRequest", incoming.malformed)


def _check_writable(route: Route, ask: Ask) -> None:
    if route.changes and "projectId" in ask.ids and ask.project.dr_mode:
        raise ServiceError(403, "ForbiddenDRModeEnabled", "The project is in disaster recovery mode")
