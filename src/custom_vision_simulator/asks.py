"""What a handler is given: the request's parameters, the state and the links, with the service's checks on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from custom_vision_simulator.answers import bad_request
from custom_vision_simulator.links import Linker, Links
from custom_vision_simulator.records import NO_LIMITS, S0_LIMITS, Iteration, Limits, Options, Project, Snapshot
from custom_vision_simulator.shapes import ImageShaper
from custom_vision_simulator.store import Store


@dataclass(frozen=True, slots=True)
class Ask:
    """One API request on the state; `ids` are the path parameters, `files` the (name, bytes) of a form."""

    store: Store
    options: Options
    links: Links
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    files: tuple[tuple[str, bytes], ...]

    @property
    def project(self) -> Project:
        """Give the project of the path, or raise 404 NotFoundProject."""
        return self.store.project(self.ids["projectId"])

    @property
    def iteration(self) -> Iteration:
        """Give the iteration of the path, or raise 404 NotFoundProject or NotFoundIteration."""
        return self.store.iteration(self.ids["projectId"], self.ids["iterationId"])

    @property
    def snapshot(self) -> Snapshot:
        """Give the frozen copy of the iterationId in the query, the workspace without one."""
        return self.store.snapshot(self.ids["projectId"], self.query.get("iterationId", "").lower())

    @property
    def limits(self) -> Limits:
        """Give the quotas in force."""
        return S0_LIMITS if self.options.quotas else NO_LIMITS

    def link(self) -> Linker:
        """Give the function that makes links to blobs."""
        return self.links.linker()

    def shaper(self, snapshot: Snapshot) -> ImageShaper:
        """Give the shaper of that snapshot's images."""
        return ImageShaper(self.project, snapshot, self.link(), self.options.original_blobs)

    def flag(self, name: str, default: bool = False) -> bool:
        """Give a boolean of the query."""
        return self.query.get(name, str(default)).lower() == "true"

    def number(self, name: str, default: int) -> int:
        """Give a non-negative integer of the query, or raise 400 BadRequest."""
        text = self.query.get(name, str(default))
        if not text.isdecimal():
            raise bad_request("BadRequest", f"{name} must be a non-negative integer, not {text}")
        return int(text)

    def many(self, name: str, at_most: int, code: str = "BadRequestExceededBatchSize") -> list[str]:
        """Give the ids of a comma-separated parameter, or raise 400 with the code when there are too many."""
        ids = [each.strip().lower() for each in self.query.get(name, "").split(",") if each.strip()]
        if len(ids) > at_most:
            raise bad_request(code, f"{name}: {len(ids)} given, at most {at_most} allowed")
        return ids

    def required(self, name: str, code: str = "BadRequestRequiredParamIsNull") -> str:
        """Give a parameter of the query, or raise 400 with the code when it is missing or empty."""
        if not (text := self.query.get(name, "")):
            raise bad_request(code, f"{name} is required")
        return text

    def json(self) -> dict[str, Any]:
        """Give the JSON object of the body, or raise 400 BadRequest."""
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise bad_request("BadRequest", f"The body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise bad_request("BadRequest", "The body is not a JSON object")
        return value
