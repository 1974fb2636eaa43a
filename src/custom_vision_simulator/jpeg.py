"""Gray JPEGs of any size in pixels and bytes, cheap to make; and the width and height of an uploaded picture.

A picture is flat but for its first blocks, which depend on its id: two bits for each other block of 8 x 8 pixels.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import sha256

Size = tuple[int, int]
START = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
_END = b"\xff\xd9"
_TABLES = (
    b"\xff\xdb\x00\x43\x00" + b"\x08" * 64  # quantisation by 8: a difference of 1 is one gray level
    + b"\xff\xc4\x00\x15\x00" + bytes([1, 1, *[0] * 14]) + b"\x00\x04"  # DC codes: 0 for no difference, 10 for 8 to 15
    + b"\xff\xc4\x00\x14\x10" + bytes([1, *[0] * 15]) + b"\x00"  # AC code: 0 for the end of a block
)  # fmt: skip
_SCAN = bytes.fromhex("ffda0008010100003f00")
_SEGMENT_MOST = 0xFFFF - 2
_FILLER = b"".join(sha256(index.to_bytes(4, "big")).digest() for index in range(2048))
_PAINTED = 16  # blocks that depend on the id
_SIDES: tuple[Size, ...] = (
    (900, 1600),
    (90, 160),
    (18, 32),
)  # 900 x 1600 is the commonest size in the recorded sessions
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of the segments with the width and height


def picture(note: str, ident: str, size: int, sides: Size) -> bytes:
    """Return a JPEG of these sides in pixels, with a note in a comment; `size` bytes, or more where that is too few."""
    comment = _segment(f"{note} {ident}".encode())
    head, tail = _head(sides), _flat_blocks(sides)
    painted = _painted_blocks(ident, sides)
    missing = size - len(START) - len(comment) - len(head) - len(painted) - len(tail)
    return b"".join((START, comment, _padding(max(0, missing)), head, painted, tail))


def sides_for(size: int) -> Size:
    """Return the width and height of a picture that fits into that many bytes, or of the smallest one."""
    return next((each for each in _SIDES if _least(each) <= size), _SIDES[-1])


def sides_of(data: bytes) -> Size:
    """Return the width and height of a JPEG or PNG; 900 x 1600 for anything else, which the service would refuse."""
    if data.startswith(b"\x89PNG") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    return _jpeg_sides(data) if data.startswith(b"\xff\xd8") else _SIDES[0]


def _jpeg_sides(data: bytes) -> Size:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return _SIDES[0]


@lru_cache(maxsize=8)
def _least(sides: Size) -> int:
    return len(picture("prediction", "0" * 36, 0, sides))


def _segment(content: bytes) -> bytes:
    return b"\xff\xfe" + (len(content) + 2).to_bytes(2, "big") + content


@lru_cache(maxsize=16)
def _padding(size: int) -> bytes:
    # Comments, which every decoder skips. Too few bytes for a comment are fill bytes, allowed before a marker.
    parts = []
    while size >= 4:
        content = min(size - 4, _SEGMENT_MOST)
        parts.append(_segment(_FILLER[:content]))
        size -= content + 4
    return b"".join(parts) + b"\xff" * size


@lru_cache(maxsize=8)
def _head(sides: Size) -> bytes:
    width, height = sides
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    return _TABLES + frame + _SCAN


def _blocks(sides: Size) -> tuple[int, int]:
    blocks = -(-sides[0] // 8) * -(-sides[1] // 8)
    painted = min(_PAINTED, blocks) // 8 * 8  # eight blocks of seven bits are whole bytes
    return painted, blocks - painted


def _painted_blocks(ident: str, sides: Size) -> bytes:
    painted, _ = _blocks(sides)
    nibbles = sha256(ident.encode()).hexdigest()[:painted]
    # Up by 8 to 15 levels and down again: 10, sign, three bits of the difference, and 0 for the end of the block.
    bits = "".join(f"10{1 - at % 2}{int(each, 16) % 8:03b}0" for at, each in enumerate(nibbles))
    return int(bits or "0", 2).to_bytes(len(bits) // 8, "big")


@lru_cache(maxsize=8)
def _flat_blocks(sides: Size) -> bytes:
    _, flat = _blocks(sides)
    whole, rest = divmod(flat, 4)
    last = bytes([0xFF >> 2 * rest]) if rest else b""
    return bytes(whole) + last + _END
