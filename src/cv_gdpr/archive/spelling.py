"""How names of files are spelt on disk: as UTF-8 under any locale, and perhaps decomposed by the file system (macOS).

The manifest of a bag names files in UTF-8 (RFC 8493, section 2.2.3), and so does the disk: a name in the bytes of the
locale would be another file on every other machine. HFS+ stores "é" as "e" and an accent: such names count as equal.
"""

import os
import sys
import unicodedata

_IS_UTF_8 = sys.getfilesystemencoding() == "utf-8"


def on_disk(path: str) -> str:
    """Return the path that this process must use so that the bytes on disk are the text in UTF-8."""
    return path if _IS_UTF_8 or path.isascii() else os.fsdecode(path.encode(errors="surrogateescape"))


def utf_8(path: str) -> str:
    """Return the text that the bytes of a path are in UTF-8: the inverse of `on_disk`."""
    return path if _IS_UTF_8 or path.isascii() else os.fsencode(path).decode(errors="surrogateescape")


def composed(name: str) -> str:
    """Return a name as it was written, from a name as a folder lists it."""
    return name if name.isascii() else unicodedata.normalize("NFC", utf_8(name))


def composed_bytes(path: bytes) -> bytes:
    """Return a path as it was written, from the bytes that a folder or a manifest lists."""
    if path.isascii():
        return path
    text = path.decode(errors="surrogateescape")
    return unicodedata.normalize("NFC", text).encode(errors="surrogateescape")
