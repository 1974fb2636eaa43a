"""The id and the tags of a record, from its JSON alone: what selectors compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cv_gdpr.verbatim import Json


def identity(record: Json) -> str:
    """Return the id of a record; raise KeyError where it has none."""
    named: str = record["id"]
    return named


def word(record: Json, field: str) -> str:
    """Return a word in a record, such as its status; an empty text where the service sends another type."""
    value = record.get(field)
    return value if isinstance(value, str) else ""


def of_model(record: Json) -> str:
    """Return platform and flavor of an exported model, as one word: it has no id."""
    return "-".join(str(record[part]) for part in ("platform", "flavor") if record.get(part)) or "unknown"


def of_tag(record: Json) -> set[str]:
    """Return the name of a tag."""
    return _texts([record], "name")


def of_image(record: Json) -> set[str]:
    """Return the names of the tags on an image, and on its regions."""
    return _texts(objects_in(record, "tags") + objects_in(record, "regions"), "tagName")


def most_probable(record: Json) -> set[str]:
    """Return the name of a prediction's most probable tag: a classifier gives every tag some probability."""
    best = max(objects_in(record, "predictions"), key=_probability, default={})
    return _texts([best], "tagName")


def _texts(parts: list[Json], field: str) -> set[str]:
    return {part[field] for part in parts if isinstance(part.get(field), str)}


def objects_in(record: Json, field: str) -> list[Json]:
    """Return the objects in a list of a record; none where it holds no list."""
    parts = record.get(field)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _probability(part: Json) -> float:
    try:
        return float(part.get("probability") or 0)
    except (TypeError, ValueError):
        return 0.0
