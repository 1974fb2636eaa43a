"""Opens single files of an export: JSON documents and JSON Lines of limited size, links refused; and digests."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cv_gdpr.platforms.files import NO_WAIT, open_file

LONGEST = 64 << 20  # most bytes of a line or a document
_AT_ONCE = 1 << 18  # bytes


class Hashed(NamedTuple):
    """A file's size in bytes and its digests, in the order of the algorithms asked for."""

    size: int
    digests: tuple[bytes, ...]


class InvalidContent(ValueError):
    """A file that an export cannot have written; the message says why."""


def open_regular(path: str | bytes | Path) -> int:
    """Open a regular file for reading and return its descriptor; raise OSError if it is missing, a link or a pipe."""
    try:
        handle = open_file(path, os.O_RDONLY | NO_WAIT)
    except OSError as error:
        if error.errno == errno.ELOOP:
            error.strerror = "a link, not a file"
        if error.errno == errno.EISDIR:  # on Windows, where a folder cannot be opened
            raise OSError(errno.EINVAL, "not a file", path) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a file", path)
    return handle


def digests(path: str | bytes | Path, algorithms: tuple[str, ...]) -> Hashed:
    """Return the size and digests of a file; raise OSError."""
    handle = open_regular(path)
    try:
        return digests_of(handle, algorithms)
    finally:
        os.close(handle)


def digests_of(handle: int, algorithms: tuple[str, ...]) -> Hashed:
    """Return the size and digests of the rest of an open file; raise OSError."""
    hashes = [hashlib.new(name, usedforsecurity=False) for name in algorithms]
    size = 0
    most = min(os.fstat(handle).st_size + 1, _AT_ONCE)  # a large buffer costs more than a small file
    while part := os.read(handle, most):
        size += len(part)
        for one in hashes:
            one.update(part)
    return Hashed(size, tuple(one.digest() for one in hashes))


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file; raise InvalidContent if one is longer than 64 MiB, and OSError."""
    with os.fdopen(open_regular(path), "rb", buffering=_AT_ONCE) as file:
        number = 0
        while line := file.readline(LONGEST + 1):
            number += 1
            if len(line) > LONGEST:
                raise InvalidContent(f"line {number} is longer than {LONGEST >> 20} MiB")
            yield line


def content_of(path: Path) -> bytes:
    """Return the content of a document; raise InvalidContent if it is larger than 64 MiB, and OSError."""
    with os.fdopen(open_regular(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > LONGEST:
            raise InvalidContent(f"larger than {LONGEST >> 20} MiB")
        return file.read()


def value_of(text: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; raise InvalidContent if it is not JSON, or has a key twice."""
    decode, encode = _fast()
    try:
        value = decode(text)
        if encode(value) == text.rstrip(b"\n"):
            return value  # encoding gives the same text again, so no duplicate key was dropped
    except (ValueError, RecursionError):  # msgspec refuses some valid JSON, such as a lone surrogate
        pass
    try:
        return json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except InvalidContent:
        raise
    except (ValueError, RecursionError):
        raise InvalidContent("not JSON") from None


@cache
def _fast() -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    """Return msgspec's decoder and encoder, together faster than `json.loads`; of duplicate keys they keep the last."""
    from msgspec.json import Decoder, Encoder

    return Decoder().decode, Encoder().encode


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise InvalidContent("an object has a key twice")
    return value


def _refuse_constant(text: str) -> float:
    raise InvalidContent(f"{text} is not JSON")
