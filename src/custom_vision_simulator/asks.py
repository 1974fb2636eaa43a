"""What every handler receives: the request's parameters with the service's checks on them, the state and the links."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from custom_vision_simulator.answers import bad_request
from custom_vision_simulator.bodies import Must, canonical, is_uuid, mismatch
from custom_vision_simulator.links import Linker, Links
from custom_vision_simulator.records import NO_LIMITS, S0_LIMITS, Iteration, Limits, Options, Project, Snapshot
from custom_vision_simulator.shapes import ImageShaper
from custom_vision_simulator.store import Store

_DIGITS_MOST = 9


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
        return self.store.snapshot(self.ids["projectId"], self.ident("iterationId"))

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
        """Return a boolean parameter of the query; raise 400 for other text."""
        return self.choice(name, ("true", "false"), str(default)) == "true"

    def number(self, name: str, default: int) -> int:
        """Return a non-negative integer parameter of the query; raise 400 BadRequest for other text."""
        text = self.query.get(name, str(default))
        if not (text.isdecimal() and len(text) <= _DIGITS_MOST):
            raise bad_request("BadRequest", f"{name} must be a non-negative integer, not {text}")
        return int(text)

    def choice(self, name: str, known: Sequence[str], default: str, code: str = "BadRequest") -> str:
        """Return the known word that a parameter names, in any case; raise 400 with the code for another."""
        return one_of(name, self.query.get(name, default), known, code)

    def ident(self, name: str) -> str:
        """Return an id in the query, or an empty text; raise 400 BadRequestInvalidIds when it is not a UUID."""
        text = self.query.get(name, "")
        return _checked(name, text) if text else ""

    def many(self, name: str, at_most: int, code: str = "BadRequestExceededBatchSize") -> list[str]:
        """Return the ids of a comma-separated parameter; raise 400 with the code when there are too many."""
        ids = [each.strip() for each in self.query.get(name, "").split(",") if each.strip()]
        if len(ids) > at_most:
            raise bad_request(code, f"{name}: {len(ids)} given, at most {at_most} allowed")
        return [_checked(name, each) for each in ids]

    def required(self, name: str, code: str = "BadRequestRequiredParamIsNull") -> str:
        """Return a parameter of the query; raise 400 with the code when it is missing or empty."""
        if not (text := self.query.get(name, "")):
            raise bad_request(code, f"{name} is required")
        return text

    def json(self, shape: Any) -> dict[str, Any]:
        """Return the JSON object in the body; raise 400 BadRequest unless it has that shape."""
        try:
            value = json.loads(self.body, parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError) as error:
            raise bad_request("BadRequest", f"The body is not JSON: {error}") from error
        if difference := mismatch(value, Must(shape)):
            raise bad_request("BadRequest", difference)
        fields: dict[str, Any] = value
        return fields

    def options_json(self, shape: Any) -> dict[str, Any]:
        """Return the JSON object in a body that may be empty, like `json`."""
        return self.json(shape) if self.body.strip() else {}


def one_of(name: str, text: str, known: Sequence[str], code: str) -> str:
    """Return the known word that a text names, in any case; raise 400 with the code for another.

    Clients write the names of platforms in any case (Microsoft's cvsutils: lower).
    """
    found = next((each for each in known if each.lower() == text.lower()), None)
    if found is None:
        raise bad_request(code, f"{name}: {text} is not one of {', '.join(known)}")
    return found


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return number


def path_ids(ids: Mapping[str, str]) -> dict[str, str]:
    """Return the ids of a path as the state has them; raise 400 BadRequestInvalidIds for another text ([infer])."""
    return {name: _checked(name, text) for name, text in ids.items()}


def _checked(name: str, text: str) -> str:
    if not is_uuid(text):
        raise bad_request("BadRequestInvalidIds", f"{name}: {text} is not a UUID")
    return canonical(text)
