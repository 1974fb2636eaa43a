"""The JSON bodies that the operations accept (published contract), and where another body differs from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_UUID = re.compile("[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)
_COUNT_END = 2**31


@dataclass(frozen=True)
class Value:
    """One value: what it must be, and the test of it."""

    what: str
    test: Callable[[Any], bool]


@dataclass(frozen=True)
class Must:
    """A shape whose value must be there and not null."""

    shape: Any


def mismatch(value: Any, shape: Any, where: str = "The body") -> str | None:
    """Return the first difference of a JSON value from a shape, or None; null counts as absent.

    A shape is a `Value`, a list with the shape of its elements, or a dictionary of the fields that are read.
    """
    return next(_mismatches(value, shape, where), None)


def _mismatches(value: Any, shape: Any, where: str) -> Iterator[str]:
    if isinstance(shape, Must):
        if value is None:
            yield f"{where} is required"
        shape = shape.shape
    if value is None:
        return
    if isinstance(shape, dict):
        yield from _fields(value, shape, where)
    elif isinstance(shape, list):
        yield from _elements(value, Must(shape[0]), where)
    elif not shape.test(value):
        yield f"{where} is not {shape.what}"


def _fields(value: Any, shape: dict[str, Any], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is not an object"
        return
    for name, inner in shape.items():
        yield from _mismatches(value.get(name), inner, f"{where}: {name}")


def _elements(value: Any, shape: Must, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where} is not a list"
        return
    for number, each in enumerate(value):
        yield from _mismatches(each, shape, f"{where}[{number}]")


def is_uuid(text: str) -> bool:
    """Return whether a text is a UUID, with or without its dashes."""
    return bool(_UUID.fullmatch(text))


def canonical(ident: str) -> str:
    """Return a UUID in lower case with its dashes."""
    bare = ident.lower().replace("-", "")
    return f"{bare[:8]}-{bare[8:12]}-{bare[12:16]}-{bare[16:20]}-{bare[20:]}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


TEXT = Value("a string", lambda value: isinstance(value, str))
ID = Value("a UUID", lambda value: isinstance(value, str) and is_uuid(value))
COUNT = Value("a whole number", lambda value: type(value) is int and 0 <= value < _COUNT_END)
FRACTION = Value("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
TEXTS = Value("an object of strings", _is_map)

_BOX = {"left": Must(FRACTION), "top": Must(FRACTION), "width": Must(FRACTION), "height": Must(FRACTION)}
_LABELS = {"tagIds": [ID], "regions": [{"tagId": Must(ID), **_BOX}]}
_PAIR = {"imageId": Must(ID), "tagId": Must(ID)}
_CHOICE = {"tagIds": [ID], "threshold": FRACTION}
_CUSTOM_BASE = {"projectId": Must(ID), "iterationId": Must(ID)}
_SETTINGS = {
    "domainId": ID,
    "classificationType": TEXT,
    "targetExportPlatforms": [TEXT],
    "imageProcessingSettings": {"augmentationMethods": {}},
}


def _batch(entry: dict[str, Any]) -> dict[str, Any]:
    return {"images": [{**entry, **_LABELS}], "tagIds": [ID], "metadata": TEXTS}


FILES = _batch({"name": TEXT, "contents": TEXT})
URLS = _batch({"url": Must(TEXT)})
PREDICTIONS = _batch({"id": Must(ID)})
TAGGED = {"tags": [_PAIR]}
REGIONS = {"regions": [{**_PAIR, **_BOX}]}
PROJECT = {"name": TEXT, "description": TEXT, "settings": _SETTINGS}
CREATE_PROJECT = {"exportModelContainerUri": TEXT, "notificationQueueUri": TEXT}
TAG = {"name": TEXT, "description": TEXT, "type": TEXT}
ITERATION = {"name": TEXT}
TRAINING = {"selectedTags": [ID], "customBaseModelInfo": _CUSTOM_BASE}
URL = {"url": Must(TEXT)}
SUGGESTED_COUNT = _CHOICE
SUGGESTED = {**_CHOICE, "session": TEXT, "continuation": TEXT, "maxCount": COUNT, "sortBy": TEXT}
PREDICTION_QUERY = {
    "session": TEXT,
    "continuation": TEXT,
    "maxCount": COUNT,
    "orderBy": TEXT,
    "tags": [{"id": Must(ID), "minThreshold": FRACTION, "maxThreshold": FRACTION}],
    "iterationId": ID,
    "startTime": TEXT,
    "endTime": TEXT,
    "application": TEXT,
}
