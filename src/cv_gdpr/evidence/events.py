"""The events that a ledger may hold, and their fields. Declare each new event here."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from cv_gdpr.verbatim import Json

Check: TypeAlias = Callable[[Any], bool]
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", re.ASCII)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def is_time(value: Any) -> bool:
    """Return whether a value is a UTC time as cv-gdpr writes it."""
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _number(value: Any) -> bool:
    return type(value) is int  # not isinstance: True is an instance of int


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(map(_object, value))


def _each(check: Check) -> Check:
    """Return a check that a value is an object whose values all pass `check`."""
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


_OF_EACH = {"n": _number, "at": is_time, "event": _text, "previous": _text}
_THINGS: dict[str, Check] = {"project": _text, "row": _text, "ids": _texts}

EVENTS: dict[str, dict[str, Check]] = {
    "opened": {
        "tool": _text,
        "endpoint": _text,
        "asked": _object,  # salt, and SHA-256 of salt and request: only the same command may resume
        "listedFrom": is_time,  # when the listing began: items stored later may not be in the plan
        "planHash": _text,
        "scope": _object,
        "planned": _each(_each(_texts)),  # project id -> row -> ids
        "projects": _objects,  # what the evidence says about each project, besides its items
        "protected": _texts,
        "unmatched": _texts,
    },
    "resumed": {"discardedBytes": _number},
    "vanished": _THINGS,
    "held": {"project": _text, "iterations": _each(_texts)},  # iteration id -> ids of its training images
    "left": _THINGS | {"reason": _text},
    "calling": _THINGS,
    "answered": _THINGS | {"status": _number, "requestId": _text, "reason": _text, "earlierTry": _truth},
    "failed": {"project": _text, "reason": _text},
    "stopped": {"project": _text, "reason": _text},
    "looked": {"project": _text, "row": _text, "gone": _texts, "there": _texts},
    "closed": {"stopped": _number, "document": _object},
}
_OPTIONAL = {"answered": {"reason", "earlierTry"}}  # only after a refusal


def fault(event: Json) -> str:
    """Return what is invalid about an event, in words, or an empty string."""
    name = event.get("event")
    fields = EVENTS.get(name) if isinstance(name, str) else None
    if fields is None:
        return "an event that cv-gdpr does not write"
    fields = _OF_EACH | fields
    if unknown := sorted(event.keys() - fields.keys()):
        return f"a field that cv-gdpr does not write in {name}: {unknown[0]}"
    if lacking := sorted(fields.keys() - event.keys() - _OPTIONAL.get(str(name), set())):
        return f"{name} without {lacking[0]}"
    wrong = [field for field, value in event.items() if not fields[field](value)]
    return f"{name} with an invalid {wrong[0]}" if wrong else ""
