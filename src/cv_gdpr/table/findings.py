"""What reading a resource yields, one thing after the other: the words that readers and use cases share.

Named tuples, since hundreds of thousands of them are made, and since each data class would add to every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from cv_gdpr.verbatim import Json

WORKSPACE: Json | None = None
"""The place of things that belong to a project itself, beside the iterations trained from it."""


MOST_OF_IMAGE = 100 << 20
"""Bytes that an image may have: the service takes 6 MB (Custom Vision limits and quotas)."""

MOST_OF_MODEL = 5 << 30
"""Bytes that an exported model may have: those known are of some hundred megabytes."""


class Blob(NamedTuple):
    """Bytes that belong to an item: a URI as the service gave it (signature and all), and the file to be."""

    stem: str  # path in the project's folder, without suffix
    uri: str
    suffix: str = ""  # only where the bytes do not tell their type
    most: int = MOST_OF_IMAGE


class Item(NamedTuple):
    """One thing that the service holds: its row, id, place, verbatim JSON, the file for that, and its bytes."""

    row: str
    id: str
    record: Json
    file: str  # name in the folder of its place; .jsonl holds a line each, .json this alone
    iteration: Json | None = WORKSPACE
    blobs: tuple[Blob, ...] = ()


class Detail(NamedTuple):
    """More JSON about things that are counted elsewhere, written beside them."""

    row: str
    record: Json
    file: str
    iteration: Json | None = WORKSPACE


class Absence(NamedTuple):
    """Something that the service says it does not have or does not give: recorded, and no error."""

    row: str
    id: str
    reason: str
    iteration: Json | None = WORKSPACE
    gone: bool = False  # it was listed, and somebody deleted it before its bytes were fetched


class Tally(NamedTuple):
    """The proof of one listing: how many the service counted before and after, how many it listed."""

    row: str
    file: str
    before: int
    after: int
    listed: int
    iteration: Json | None = WORKSPACE

    @property
    def agrees(self) -> bool:
        """Say whether nothing can be missing."""
        return self.before == self.after == self.listed


Finding: TypeAlias = Item | Detail | Absence | Tally
