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


def predicted(record: Json, least: float | None) -> set[str]:
    """Return the names of the tags predicted with at least that probability; None: of the most probable one.

    A classifier gives every tag some probability.
    """
    parts = objects_in(record, "predictions")
    if least is None:
        least = max(map(_probability, parts), default=0.0)  # equal ones are equally probable
    return _texts([part for part in parts if _probability(part) >= least], "tagName")


def metadata_of(record: Json) -> list[tuple[str, str]]:
    """Return the pairs of an image's metadata, in the spelling of `same_text`."""
    pairs = record.get("metadata")
    if not isinstance(pairs, dict):
        return []
    return [(same_text(str(key)), same_text(str(value))) for key, value in pairs.items()]


def same_text(text: str) -> str:
    """Return a text in the one spelling of all that are canonically equivalent (Unicode NFC), to compare it."""
    if text.isascii():
        return text
    import unicodedata

    return unicodedata.normalize("NFC", text)


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
