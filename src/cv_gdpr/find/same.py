"""Finds pictures with the same bytes as a photograph, by the hashes that the verified bag records; needs no extra."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cv_gdpr.errors import UsageError
from cv_gdpr.find.candidates import Candidate
from cv_gdpr.find.result import SAME, Match

_LARGEST = 1 << 28  # bytes of a photograph
_WHY = "the same bytes"


def read_photo(path: Path) -> bytes:
    """Return the content of a photograph; raise UsageError if it cannot be read."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "name the photographs in it, as in: cv-gdpr find BAG FOLDER/*.jpg")
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > _LARGEST:
        raise UsageError(f"{path} is larger than {_LARGEST >> 20} MiB")
    if not content:
        raise UsageError(f"{path} is empty")
    return content


def hashes_of(photos: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Return the names of the photographs with each SHA-256."""
    found: dict[str, list[str]] = {}
    for name, content in photos.items():
        found.setdefault(hashlib.sha256(content).hexdigest(), []).append(name)
    return found


def same(held: Iterable[Candidate], wanted: Mapping[str, list[str]]) -> Iterator[Match]:
    """Yield each item that has a file with the same bytes as a photograph: SHA-256 -> its names."""
    for one in held:
        named: set[str] = set()
        for sha256, file in one.files.items():
            for like in wanted.get(sha256, ()):
                if like not in named:
                    named.add(like)
                    yield match_of(one, like, file)


def match_of(one: Candidate, like: str, file: str) -> Match:
    """Return the match of an item whose file has the same bytes."""
    return Match(one.row, one.project, one.id, like, SAME, 1.0, True, _WHY, file, tuple(one.iterations))
