"""JSON of the service, read and written exactly as sent, except for credentials, which are removed before storing."""

import json
import os
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, NamedTuple, Self, TypeAlias

from cv_gdpr.errors import MalformedAnswer
from cv_gdpr.links import without_query
from cv_gdpr.masking import without_credentials, without_signature

LINK_FIELDS = frozenset({"originalImageUri", "resizedImageUri", "thumbnailUri", "imageUri", "downloadUri"})
"""The fields in which the service sends signed links (published contract v3.4-preview)."""

_METADATA = "metadata"  # its keys and values are a user's, whatever they are called
_LINKS = re.compile(rf'("(?:{"|".join(sorted(LINK_FIELDS))})": ?"[^"?#]*)[?#][^"]*"')
_MARK = os.urandom(16).hex()  # random sentinel around a number's original text


Json: TypeAlias = dict[str, Any]
"""A JSON object."""


class DuplicateKey(ValueError):
    """An object names a key twice: readers keep different values of the two, so neither can be relied on."""


class NumberText(Decimal):
    """A number whose text in Python would differ from the text sent (1E-05, 0.10)."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Take the text as it was sent."""
        try:
            number = super().__new__(cls, text)
        except InvalidOperation:  # too large for a Decimal
            number = super().__new__(cls, float(text))
        number.text = text
        return number


class Record(dict[str, Any]):
    """An object of a list with its text as sent: encoding it again would cost more than reading it did."""

    __slots__ = ("text",)

    def __init__(self, value: dict[str, Any], text: str) -> None:
        super().__init__(value)
        self.text = text


def json_value(text: bytes | str) -> Any:
    """Return the value of a JSON text, so that `json_text` can write it as it was; raise ValueError."""
    return json.loads(text, parse_float=_number, parse_int=_integer, parse_constant=_no_number)


def json_list(text: bytes) -> Any:
    """Return the value of a JSON text as `json_value` does, but the objects of a list as Records.

    Raise ValueError, which is a DuplicateKey for an object that names a key twice.
    """
    fast = _fast_reader()
    try:
        return [_element(fast, part) for part in fast.split(text)]
    except fast.refused:  # not a list, not JSON, or valid for Python's reader only: byte order mark, lone surrogate
        return _unique_value(text)


def json_record(line: bytes) -> Record:
    """Return the object in a line of a list as `json_list` returns one; raise ValueError."""
    fast = _fast_reader()
    try:
        value = _element(fast, line.rstrip(b"\n"))
    except fast.refused:
        value = _unique_value(line)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - content, not a mistake of the caller
    return value if isinstance(value, Record) else Record(value, line.decode().rstrip("\n"))


class _FastReader(NamedTuple):
    """What splits a list into its elements' texts, what reads an element and writes it, and what the first two raise.

    msgspec takes half the time of `json.loads`, and keeps the text of each element.
    """

    split: Callable[[bytes], list[Any]]
    read: Callable[[Any], Any]
    write: Callable[[Any], bytes]
    refused: tuple[type[Exception], ...]


@cache
def _fast_reader() -> _FastReader:
    from msgspec import DecodeError, Raw
    from msgspec.json import Decoder, Encoder

    return _FastReader(Decoder(list[Raw]).decode, Decoder().decode, Encoder().encode, (DecodeError, UnicodeDecodeError))


def _element(fast: _FastReader, part: Any) -> Any:
    """Return an element of a list; raise DuplicateKey.

    msgspec keeps the last of two equal keys. What is written again byte for byte had none, which takes 2 microseconds
    to see; anything else (a number spelled 1E-05, an escape, a space) is read once more.
    """
    value, sent = fast.read(part), bytes(part)
    if type(value) is not dict:
        return _unique_value(sent)
    if fast.write(value) != sent:
        json.loads(sent, object_pairs_hook=_unique)
    return Record(value, str(sent, "utf-8"))


def _unique_value(text: bytes) -> Any:
    """Return the value of a JSON text as `json_value` does; raise DuplicateKey."""
    return json.loads(
        text, parse_float=_number, parse_int=_integer, parse_constant=_no_number, object_pairs_hook=_unique
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DuplicateKey("an object names a key twice")
    return found


def _number(text: str) -> float | NumberText:
    number = float(text)
    return number if f"{number!r}" == text else NumberText(text)


def _integer(text: str) -> int | NumberText:
    return NumberText(text) if text == "-0" else int(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _marked(value: Any) -> str:
    if isinstance(value, NumberText):
        return _MARK + value.text
    raise TypeError(f"{type(value).__name__} is not JSON")


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_marked)
_PRETTY = json.JSONEncoder(ensure_ascii=False, indent=2, default=_marked)
_SURROGATE = re.compile("[\ud800-\udfff]")


def json_text(value: Any, *, indent: bool = False) -> str:
    """Return `value` as JSON text, as `stored_text` does."""
    return stored_text(value, indent=indent)[0]


def stored_text(value: Any, *, indent: bool = False) -> tuple[str, int]:
    """Return `value` as JSON text, and how many credentials were removed from texts that a user wrote.

    Keys, order, numbers and texts are kept as sent. Removed are the queries of the service's own links (`LINK_FIELDS`),
    which are not counted, and in every other text the value of a signature that the service sent in this run, or that
    is part of a whole shared access signature.

    Raise MalformedAnswer for a value that is nested too deeply to be written.
    """
    if isinstance(value, Record) and not indent and _may_stay(value.text) and not _has_links(value.get(_METADATA)):
        text = value.text
        if "?" in text or "#" in text:  # a record of an earlier export has no queries: this takes a tenth of the time
            text = _LINKS.sub(r'\1"', text)
        if "sig" not in text.lower():
            return text, 0
    cleaned = _Cleaned()
    try:
        value = json_value(value.text) if isinstance(value, Record) else value
        return _written(cleaned.of(value), indent=indent), cleaned.removed
    except RecursionError:
        raise MalformedAnswer("a record is nested too deeply to be written") from None


class _Cleaned:
    """Values without credentials; `removed` counts those that were in texts."""

    def __init__(self) -> None:
        self.removed = 0

    def of(self, value: Any, *, links: bool = True) -> Any:
        """Return a value without credentials; `links`: fields named in LINK_FIELDS are the service's."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {self._text(name): self._field(name, part, links=links) for name, part in value.items()}
        return [self.of(part, links=links) for part in value] if isinstance(value, list) else value

    def _field(self, name: str, value: Any, *, links: bool) -> Any:
        if links and name in LINK_FIELDS and isinstance(value, str):
            return without_signature(without_query(value))  # one in its path, too: nobody wrote a link
        return self.of(value, links=links and name != _METADATA)

    def _text(self, text: str) -> str:
        kept, removed = without_credentials(text)
        self.removed += removed
        return kept


def _has_links(metadata: Any) -> bool:
    """Return whether a user gave a metadata key the name of one of the service's links."""
    return isinstance(metadata, dict) and not LINK_FIELDS.isdisjoint(metadata)


def _may_stay(text: str) -> bool:
    """Return whether a text is a single line, formatted so that every link in it is recognised."""
    plain = "\\" not in text and "\n" not in text and "\r" not in text and "\t" not in text
    plain = plain and (" " not in text or ('" :' not in text and '":  ' not in text))
    return plain and (text.isascii() or not _SURROGATE.search(text))


def _written(value: Any, *, indent: bool) -> str:
    text = _PRETTY.encode(value) if indent else _COMPACT.encode(value)
    if not text.isascii() and _SURROGATE.search(text):  # a lone surrogate needs a JSON escape: UTF-8 cannot hold it
        layout: dict[str, Any] = {"indent": 2} if indent else {"separators": (",", ":")}
        text = json.dumps(value, default=_marked, **layout)
    return re.sub(f'"{_MARK}([^"]*)"', r"\1", text) if _MARK in text else text


def json_line(value: Any) -> bytes:
    """Return `value`, written by `json_text`, as a line of a JSON Lines file."""
    return json_text(value).encode() + b"\n"


def stays(text: str) -> bool:
    """Return whether a text is stored unchanged, with nothing removed."""
    return not without_credentials(text)[1]
