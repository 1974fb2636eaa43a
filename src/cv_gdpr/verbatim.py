"""What the service sends, kept as it was sent but for the credentials in it, which are cut out before it is stored."""

import json
import os
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Self, TypeAlias

from cv_gdpr.masking import SIGNATURE, SIGNED_QUERY

_QUERY = re.compile(r'\?[^"]*"')
_URI_KEYS = ('Uri":"', 'uri":"', 'Uri": "', 'uri": "')  # how a value named ...Uri begins
_URI_QUERY = re.compile(r'("\w*[uU]ri": ?"(?:[^"?\\]|\\.)*)\?(?:[^"\\]|\\.)*')
_MARK = os.urandom(16).hex()  # what nobody can send, before a number's text


Json: TypeAlias = dict[str, Any]
"""A JSON object."""


class NumberText(Decimal):
    """A number that Python would write in another way than it was sent (1E-05, 0.10)."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Take the text as it was sent."""
        try:
            number = super().__new__(cls, text)
        except InvalidOperation:  # beyond all that a Decimal holds
            number = super().__new__(cls, float(text))
        number.text = text
        return number


class Record(dict[str, Any]):
    """An object of a list, and its text as it was sent: to write it anew would cost more than to have it read."""

    __slots__ = ("text",)

    def __init__(self, value: dict[str, Any], text: str) -> None:
        super().__init__(value)
        self.text = text


def json_value(text: bytes | str) -> Any:
    """Give the value of a JSON text, with what `json_text` needs to write it again as it was; raises ValueError."""
    return json.loads(text, parse_float=_number, parse_int=_integer, parse_constant=_no_number)


def json_list(text: bytes) -> Any:
    """Give the value of a JSON text as `json_value` does; if it is a list, its objects as Records."""
    split, read, refused = _fast_reader()
    try:
        return [_element(read(part), part) for part in split(text)]
    except refused:  # no list, no JSON, or what only Python's own reader takes: a byte order mark, half a surrogate
        return json_value(text)


@cache
def _fast_reader() -> tuple[Callable[[bytes], list[Any]], Callable[[Any], Any], tuple[type[Exception], ...]]:
    """Give what splits a list into its elements' texts, what reads one, and how they refuse.

    msgspec takes half the time of `json.loads`, and tells where an element begins and ends.
    """
    from msgspec import DecodeError, Raw
    from msgspec.json import Decoder

    return Decoder(list[Raw]).decode, Decoder().decode, (DecodeError, UnicodeDecodeError)


def _element(value: Any, part: Any) -> Any:
    return Record(value, str(part, "utf-8")) if type(value) is dict else json_value(bytes(part))


def _number(text: str) -> float | NumberText:
    number = float(text)
    return number if f"{number!r}" == text else NumberText(text)


def _integer(text: str) -> int | NumberText:
    return NumberText(text) if text == "-0" else int(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _marked(value: Any) -> str:
    if isinstance(value, NumberText):
        return _MARK + value.text
    raise TypeError(f"{type(value).__name__} is no JSON")


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_marked)
_PRETTY = json.JSONEncoder(ensure_ascii=False, indent=2, default=_marked)
_SURROGATE = re.compile("[\ud800-\udfff]")


def json_text(value: Any, *, indent: bool = False) -> str:
    """Give `value` as JSON text; keys, order and numbers as they came, every signature cut off its URI."""
    if isinstance(value, Record):
        text = value.text if not indent and _may_stay(value.text) else _written(json_value(value.text), indent=indent)
    else:
        text = _written(value, indent=indent)
    return _redacted(text)


def _may_stay(text: str) -> bool:
    """Say whether a text is a line as it is, and laid out and escaped so that every link in it is recognised."""
    plain = "\\" not in text and "\n" not in text and "\r" not in text and "\t" not in text
    plain = plain and (" " not in text or ('" :' not in text and '":  ' not in text))
    return plain and (text.isascii() or not _SURROGATE.search(text))


def _written(value: Any, *, indent: bool) -> str:
    text = _PRETTY.encode(value) if indent else _COMPACT.encode(value)
    if not text.isascii() and _SURROGATE.search(text):  # UTF-8 cannot hold it alone, but a JSON escape can
        layout: dict[str, Any] = {"indent": 2} if indent else {"separators": (",", ":")}
        text = json.dumps(value, default=_marked, **layout)
    return re.sub(f'"{_MARK}([^"]*)"', r"\1", text) if _MARK in text else text


def _redacted(text: str) -> str:
    if "\\" in text:  # a quotation mark may be escaped
        text = SIGNED_QUERY.sub("", _URI_QUERY.sub(r"\1", text))
    elif "?" in text:
        text = _QUERY.sub(_without_credentials, text)
    # Whatever is left of one: after a fragment, a blank, an escaped question mark, or in a connection string.
    return SIGNATURE.sub(r"\1", text) if "sig" in text.lower() else text


def json_line(value: Any) -> bytes:
    """Give `value` as a line of a JSON Lines file, as `json_text` does."""
    return json_text(value).encode() + b"\n"


def _without_credentials(query: re.Match[str]) -> str:
    """Give what may stay of a question mark and what follows it in a string, up to the quotation mark at its end."""
    begun = query.string.rfind('"', 0, query.start()) + 1
    return '"' if query.string.endswith(_URI_KEYS, 0, begun) else SIGNED_QUERY.sub("", query.group())


def stays(text: str) -> bool:
    """Say whether a text is stored as it is, with nothing cut out of it."""
    return "sig" not in text.lower() or json_text(text) == _written(text, indent=False)
