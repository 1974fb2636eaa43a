"""What every handler receives: the request's parameters with the service's checks on them, the state and the links."""

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
    """One API request and the state; `ids` are the path parameters, `files` the (name, bytes) pairs of a form."""

    store: Store
    options: Options
    links: Links
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    files: tuple[tuple[str, bytes], ...]

    @property
    def project(self) -> Project:
        """Return the project in the path; raise 404 NotFoundProject."""
        return self.store.project(self.ids["projectId"])

    @property
    def iteration(self) -> Iteration:
        """Return the iteration in the path; raise 404 NotFoundProject or NotFoundIteration."""
        return self.store.iteration(self.ids["projectId"], self.ids["iterationId"])

    @property
    def snapshot(self) -> Snapshot:
        """Return the frozen copy of the query's iterationId, or the workspace when there is none."""
        return self.store.snapshot(self.ids["projectId"], self.query.get("iterationId", "").lower())

    @property
    def limits(self) -> Limits:
        """Return the quotas that apply."""
        return S0_LIMITS if self.options.quotas else NO_LIMITS

    def link(self) -> Linker:
        """Return a function from blob path to link."""
        return self.links.linker()

    def shaper(self, snapshot: Snapshot) -> ImageShaper:
        """Return the shaper for that snapshot's images."""
        return ImageShaper(self.project, snapshot, self.link(), self.options.original_blobs)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean parameter of the query."""
        return self.query.get(name, str(default)).lower() == "true"

    def number(self, name: str, default: int) -> int:
        """Return a non-negative integer parameter of the query; raise 400 BadRequest for other text."""
        text = self.query.get(name, str(default))
        if not text.isdecimal():
            raise bad_request("BadRequest", f"{name} must be a non-negative integer, not {text}")
        return int(text)

    def many(self, name: str, at_most: int, code: str = "BadRequestExceededBatchSize") -> list[str]:
        """Return the ids of a comma-separated parameter; raise 400 with the code when there are too many."""
        ids = [each.strip().lower() for each in self.query.get(name, "").split(",") if each.strip()]
        if len(ids) > at_most:
            raise bad_request(code, f"{name}: {len(ids)} given, at most {at_most} allowed")
        return ids

    def required(self, name: str, code: str = "BadRequestRequiredParamIsNull") -> str:
        """Return a parameter of the query; raise 400 with the code when it is missing or empty."""
        if not (text := self.query.get(name, "")):
            raise bad_request(code, f"{name} is required")
        return text

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body; raise 400 BadRequest for anything else."""
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise bad_request("BadRequest", f"The body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise bad_request("BadRequest", "The body is not a JSON object")
        return value
