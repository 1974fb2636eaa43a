"""Marks: hashes of planned items, which show whether an item changed since.

Two answers of the service that say the same have one mark. A number counts by its value, since the service spells
numbers as .NET does (8.79471951E-13, 1E-05) and an exported record keeps that spelling. The order of a list counts for
nothing: no operation promises one (recorded: GetImagesByIds and GetTaggedImages sort differently).
"""

import hashlib
import json
from collections.abc import Set
from decimal import Decimal
from typing import Any

from cv_gdpr.errors import MalformedAnswer
from cv_gdpr.masking import without_signature_values
from cv_gdpr.verbatim import Json, Record, json_value

_CHANGING = frozenset({"lastModified", "imageCount", "originalPublishResourceId"})
_NAMES = frozenset({"tagName"})


def mark(record: Json, *, names: bool = False) -> str:
    """Return 16 hex digits that change when an item changes: of its record, without links and counters.

    Raise MalformedAnswer for a record that is nested hundreds of levels deep.

    `names`: the names of its tags count too, as where it was selected by one. Else another name of a tag is the tag's.
    """
    exact = json_value(record.text) if isinstance(record, Record) else record  # lists are read with rounded numbers
    left_out = _CHANGING if names else _CHANGING | _NAMES
    try:
        return hashlib.sha256(canonical(_lasting(exact, left_out))).hexdigest()[:16]
    except RecursionError:
        raise MalformedAnswer("a record is nested too deeply to be compared") from None


def canonical(value: Any) -> bytes:
    """Return the canonical JSON text of a value without NumberText."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _lasting(value: Any, left_out: Set[str]) -> Any:
    """Return a value as it is hashed: without signatures, since an exported record has none."""
    if isinstance(value, str):
        return without_signature_values(value)
    if isinstance(value, dict):
        kept = (name for name in value if name not in left_out and not name.endswith("Uri"))
        return {name: _lasting_field(name, value[name], left_out) for name in kept}
    if isinstance(value, list):
        return sorted((_lasting(part, left_out) for part in value), key=canonical)
    if isinstance(value, (float, Decimal)) or type(value) is int:
        return {"number": number_text(value)}
    return value


def _lasting_field(name: str, value: Any, left_out: Set[str]) -> Any:
    if name == "metadata" and isinstance(value, dict):  # its names are a person's
        return {key: _lasting(part, left_out) for key, part in value.items()}
    return _lasting(value, left_out)


def number_text(number: float | Decimal) -> str:
    """Return the one text of a number's value: its digits without zeros at the end, and the exponent of the last.

    Nothing is rounded: Decimal's own `normalize` would, to 28 digits.
    """
    sign, digits, exponent = Decimal(repr(number) if isinstance(number, float) else number).as_tuple()
    if not isinstance(exponent, int):
        return getattr(number, "text", str(exponent))  # beyond all that a Decimal holds
    text = "".join(map(str, digits))
    significant = text.rstrip("0")
    if not significant:
        return "0"
    return f"{'-' if sign else ''}{significant}E{exponent + len(text) - len(significant)}"
