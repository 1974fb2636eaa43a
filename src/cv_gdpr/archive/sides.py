"""Width and height of a picture as its file's header states them, without decoding it."""

import os
from pathlib import Path
from typing import NamedTuple

from cv_gdpr.archive.json_files import open_regular

_HEADERS_OF_SIZE = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the frame headers of JPEG
_HEAD = 1 << 12  # bytes that hold the header of nearly every picture
_MOST = 1 << 24  # bytes in which a header is sought: metadata may lie before it


class Sides(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def sides_in(path: Path) -> Sides | None:
    """Return the sides of a picture (JPEG, PNG, GIF, BMP); None if its header does not state them. Raise OSError."""
    with os.fdopen(open_regular(path), "rb") as file:
        head = file.read(_HEAD)
        found = sides_of(head)
        if found or len(head) < _HEAD or not head.startswith(b"\xff\xd8"):
            return found
        return sides_of_jpeg(head + file.read(_MOST))


def sides_of(head: bytes) -> Sides | None:
    """Return the sides that the beginning of a file states, or None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
        return _sides(head[16:20], head[20:24], "big")
    if head.startswith(b"GIF8"):
        return _sides(head[6:8], head[8:10], "little")
    if head.startswith(b"BM") and len(head) >= 26:
        height = int.from_bytes(head[22:26], "little", signed=True)  # negative: the rows go from top to bottom
        return _sides(head[18:22], abs(height).to_bytes(4, "little"), "little")
    return sides_of_jpeg(head)


def _sides(width: bytes, height: bytes, order: str) -> Sides | None:
    if order == "big":
        found = Sides(int.from_bytes(width, "big"), int.from_bytes(height, "big"))
    else:
        found = Sides(int.from_bytes(width, "little"), int.from_bytes(height, "little"))
    return found if all(found) else None


def sides_of_jpeg(content: bytes) -> Sides | None:
    """Return the sides that the header of a JPEG states, or None."""
    at = 2
    while content[:2] == b"\xff\xd8" and at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if marker in _HEADERS_OF_SIZE:
            height, width = int.from_bytes(content[at + 5 : at + 7]), int.from_bytes(content[at + 7 : at + 9])
            return Sides(width, height) if width and height else None
        at += 1 if marker == 0xFF else 2 + length
    return None
