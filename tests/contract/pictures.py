"""Small pictures that differ from each other, made here: the service refuses a second copy of an image."""

import struct
import zlib
from collections.abc import Callable
from functools import cache

SIDE = 64
CIRCLE, SQUARE = "circle", "square"
_INSIDE: dict[str, Callable[[int, int, int], bool]] = {
    CIRCLE: lambda x, y, size: x * x + y * y < size * size,
    SQUARE: lambda x, y, size: max(abs(x), abs(y)) < size,
}


@cache
def picture(shape: str, size: int) -> bytes:
    """Return a PNG of a filled shape, `size` pixels from its middle to its edge."""
    inside, middle = _INSIDE[shape], SIDE // 2
    rows = (
        b"\0" + b"".join(b"\xc0\x20\x20" if inside(x - middle, y - middle, size) else b"\xff" * 3 for x in range(SIDE))
        for y in range(SIDE)
    )
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
