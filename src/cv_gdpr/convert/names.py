"""The names of tags in a data set: as they are where a format can hold them, else changed, each one differently."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

from cv_gdpr.archive.names import is_reserved
from cv_gdpr.convert.records import Class, Note
from cv_gdpr.table.labelled import Tag

_LONGEST = 100  # bytes of a folder's name: with the path of a data set still below the limits of file systems
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_IN_FILES = re.compile(r'[<>:"/\\|?*]')


class Naming(NamedTuple):
    """How a format names tags: what it makes of a name, what may not be equal in two, and why it changes one."""

    written: Callable[[str], str]
    same: Callable[[str], str]
    reason: str


def _as_text(name: str) -> str:
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", name)


def _as_folder(name: str) -> str:
    """Return a name that every file system can hold, and that no tool hides."""
    text = unicodedata.normalize("NFC", _NOT_IN_FILES.sub("-", _as_text(name)))
    text = "".join(letter if letter.isprintable() else "-" for letter in text).strip()
    text = text.encode()[:_LONGEST].decode(errors="ignore").rstrip(". ")
    text = "-" + text[1:] if text.startswith(".") else text
    stem, dot, rest = text.partition(".")  # Windows takes nul.txt for a device, whatever follows the first dot
    return f"{stem}-{dot}{rest}" if is_reserved(stem.rstrip()) else text


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


TEXT = Naming(_as_text, str, "it is not text in UTF-8, or another tag has this name")
FOLDER = Naming(_as_folder, _folded, "a folder cannot have this name, or another tag has it but for case or spelling")


def classes_of(tags: Iterable[Tag], naming: Naming) -> tuple[dict[str, Class], list[Note]]:
    """Return the class of each tag by the tag's id, numbered in the order of the ids, and a note for each new name."""
    classes: dict[str, Class] = {}
    notes, taken = [], set[str]()
    ordered = sorted(tags, key=lambda tag: tag.id)
    unchanged = {naming.same(tag.name) for tag in ordered if naming.written(tag.name) == tag.name}
    for tag in ordered:
        written = _free(tag, naming, taken, unchanged)
        taken.add(naming.same(written))
        classes[tag.id] = Class(len(classes), tag, written)
        if written != tag.name:
            notes.append(Note(f"named {written!r}, not {tag.name!r}: {naming.reason}", lost=False, tag=tag.id))
    return classes, notes


def _free(tag: Tag, naming: Naming, taken: set[str], unchanged: set[str]) -> str:
    """Return the name of a tag in the format; a number follows if it is taken, or is the true name of another tag."""
    first = naming.written(tag.name) or naming.written(tag.id) or "tag"
    written, number = first, 1
    while naming.same(written) in taken or (written != tag.name and naming.same(written) in unchanged):
        number += 1
        written = f"{first}-{number}"
    return written
