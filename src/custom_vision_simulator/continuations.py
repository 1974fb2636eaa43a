"""Pages that are read by a token's continuation: of stored predictions and of suggested images.

The protocol is inferred: no session of several pages was recorded.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from custom_vision_simulator.answers import bad_request

PAGE_DEFAULT = 100
Item = TypeVar("Item")
Place = tuple[Any, str]


@dataclass(frozen=True)
class Turn:
    """Which page of a list is wanted, and in which order.

    A continuation names the last item before the page, or with `offsets` the number of items before it.
    """

    size: int
    continuation: str | None
    descending: bool
    offsets: bool


def turn(query: dict[str, Any], descending: bool, offsets: bool) -> Turn:
    """Return the page that a query's token asks for: maxCount items, 100 when that is 0 ([infer])."""
    return Turn(query.get("maxCount") or PAGE_DEFAULT, query.get("continuation"), descending, offsets)


def page(items: list[Item], place: Callable[[Item], Place], wanted: Turn) -> tuple[list[Item], str | None]:
    """Return a page and the continuation for the next one, None at the end; raise 400 for an unknown continuation."""
    ordered = sorted(items, key=place, reverse=wanted.descending)
    rest = _after(ordered, place, wanted)
    if len(rest) <= wanted.size:
        return rest, None
    last = rest[wanted.size - 1]
    mark = len(ordered) - len(rest) + wanted.size if wanted.offsets else place(last)
    return rest[: wanted.size], base64.b64encode(json.dumps(mark).encode()).decode()


def _after(ordered: list[Item], place: Callable[[Item], Place], wanted: Turn) -> list[Item]:
    if not wanted.continuation:
        return ordered
    mark = _mark(wanted.continuation)
    if isinstance(mark, int):
        return ordered[mark:]
    try:
        return [each for each in ordered if (place(each) < mark if wanted.descending else place(each) > mark)]
    except TypeError as error:
        raise _unknown() from error


def _mark(continuation: str) -> int | Place:
    try:
        mark = json.loads(base64.b64decode(continuation, validate=True))
    except (ValueError, RecursionError) as error:
        raise _unknown() from error
    if type(mark) is int and mark >= 0:
        return mark
    if not isinstance(mark, list):
        raise _unknown()
    return tuple(mark)


def _unknown() -> Exception:
    return bad_request("BadRequestPredictionInvalidQueryParameters", "Unknown continuation")
