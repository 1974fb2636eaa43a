"""Marks: hashes of planned items, which show whether an item changed since.

Two answers of the service that say the same have one mark. A number counts by its value, since the service spells
numbers as .NET does (8.79471951E-13, 1E-05) and an exported record keeps that spelling. The order of a list counts for
nothing: no operation promises one (recorded: GetImagesByIds and GetTaggedImages sort differently).
"""

import hashlib
import json
from collections.abc import Set
from decimal import Decimal
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from cv_gdpr.errors import MalformedAnswer
from cv_gdpr.masking import without_signature_values
from cv_gdpr.verbatim import Json, Record, json_value

_CHANGING = frozenset({"lastModified", "imageCount", "originalPublishResourceId"})
_NAMES = frozenset({"tagName"})


def mark(record: Json, *, names: bool = False) -> str:
    """Return 16 hex digits that change when an item changes: of its record, without links and counters.

    Raise MalformedAnswer for a listed record that is nested too deeply to be read again.

    `names`: the names of its tags count too, as where it was selected by one. Else another name of a tag is the tag's.
    """
    left_out = _CHANGING if names else _CHANGING | _NAMES
    return hashlib.sha256(_lasting_text(_exact(record), left_out).encode()).hexdigest()[:16]


def _exact(record: Json) -> Json:
    """Return a record with its exact numbers, since lists are read with rounded ones; raise MalformedAnswer."""
    if not isinstance(record, Record):
        return record
    try:
        exact: Json = json_value(record.text)
    except RecursionError:
        raise MalformedAnswer("a record is nested too deeply to be compared") from None
    return exact


def canonical(value: Any) -> bytes:
    """Return the canonical JSON text of a value without NumberText."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class _Value:
    """A value in a record, the values in it that count, and its canonical text once those have theirs."""

    __slots__ = ("inner", "keeps_all", "names", "text", "value")

    def __init__(self, value: Any, *, keeps_all: bool = False) -> None:
        self.value = value
        self.keeps_all = keeps_all  # metadata: its names are a person's
        self.names: list[str] = []
        self.inner: list[_Value] = []
        self.text = ""

    def open(self, left_out: Set[str]) -> list["_Value"]:
        """Find the values in this one that count, and return them."""
        value = self.value
        if isinstance(value, list):
            self.inner = [_Value(part) for part in value]
        elif isinstance(value, dict):
            kept = (name for name in value if self.keeps_all or not (name in left_out or name.endswith("Uri")))
            self.names = sorted(kept)
            self.inner = [
                _Value(value[name], keeps_all=name == "metadata" and not self.keeps_all) for name in self.names
            ]
        return self.inner

    def write(self) -> None:
        """Set the text, made from the texts of the values in this one."""
        texts = [one.text for one in self.inner]
        if isinstance(self.value, list):
            self.text = f"[{','.join(sorted(texts))}]"
        elif isinstance(self.value, dict):
            fields = zip(self.names, texts, strict=True)
            self.text = f"{{{','.join(f'{quoted(name)}:{text}' for name, text in fields)}}}"
        else:
            self.text = _plain_text(self.value)


def _lasting_text(record: Json, left_out: Set[str]) -> str:
    """Return the canonical text of what lasts in a record; no recursion, since a record may be nested deeply."""
    values = [_Value(record)]
    for one in values:
        values += one.open(left_out)
    for one in reversed(values):  # what is within a value comes after it
        one.write()
        one.inner = []  # its texts are no longer needed
    return values[0].text


def _plain_text(value: Any) -> str:
    """Return the text of a value without parts; a link loses its signature, since an exported record has none."""
    if isinstance(value, str):
        return quoted(without_signature_values(value))
    if isinstance(value, (float, Decimal)) or type(value) is int:
        return f'{{"number":{quoted(number_text(value))}}}'
    return json.dumps(value)


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
