"""What the readers yield: items, details, absences, and the counts that prove a listing.

They are named tuples: a run makes hundreds of thousands of them, and importing dataclasses would slow every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cv_gdpr.table import shortfalls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cv_gdpr.errors import ServiceError
    from cv_gdpr.verbatim import Json

WORKSPACE: Json | None = None
"""The place of everything that belongs to the project itself and not to an iteration."""


MOST_OF_IMAGE = 100 << 20
"""The most bytes of an image: the service accepts 6 MB (Custom Vision limits and quotas)."""

MOST_OF_MODEL = 5 << 30
"""The most bytes of an exported model: known ones have some hundred megabytes."""


class Blob(NamedTuple):
    """Bytes that belong to an item: their URI as sent, signature included, and the name of the file to write."""

    stem: str  # path in the project's folder, without suffix
    uri: str
    suffix: str = ""  # only if the bytes do not show their type
    most: int = MOST_OF_IMAGE
    stale: bool = False  # its link comes from an earlier export, without signature: it must be renewed first


class Item(NamedTuple):
    """An item of a row: its id, its place, its JSON as sent, the file for that, and its bytes."""

    row: str
    id: str
    record: Json
    file: str  # its name in the folder of its place: a line in a .jsonl, or a .json of its own
    iteration: Json | None = WORKSPACE
    blobs: tuple[Blob, ...] = ()


class Detail(NamedTuple):
    """More JSON about an item, written beside it and not counted."""

    row: str
    record: Json
    file: str
    iteration: Json | None = WORKSPACE


class Absence(NamedTuple):
    """Something that the service states it does not have: noted, and not an error."""

    row: str
    id: str
    reason: str
    iteration: Json | None = WORKSPACE
    gone: bool = False  # it was listed, and deleted before its bytes were downloaded


class Unread(NamedTuple):
    """A part of a row that could not be read: what a file of one place holds, or holds of one item.

    Where the file is the list of iterations, it is what the row holds in every iteration.
    """

    row: str
    error: ServiceError
    file: str
    iteration: Json | None = WORKSPACE
    id: str = ""


class Unready(NamedTuple):
    """An item that the service is still making, or failed to make: what is listed of it is not all."""

    row: str
    id: str
    reason: str


class Tally(NamedTuple):
    """The proof of one listing: how many the service counted before and after, how many it listed.

    `trusted`: it was not read, but taken from an earlier export that read it at this time; it was counted once.
    """

    row: str
    file: str
    before: int
    after: int
    listed: int
    iteration: Json | None = WORKSPACE
    trusted: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the counts before and after are the number of listed records."""
        return self.before == self.after == self.listed


class Trusted(NamedTuple):
    """A list of an earlier export that is not read again: its length, when it was read, and its records."""

    listed: int
    read: str
    records: Iterator[Json]


COUNTS_DIFFER = "the service counts "
"""How the reason of every listing that does not agree with its counts begins."""


def counts_differ(before: int, after: int, listed: int, written: int, iteration: str | None) -> str:
    """Return the reason why a listing is not complete although it was read; `iteration` is the id of its place."""
    pattern = shortfalls.COUNTS_OF_ITERATION_DIFFER if iteration else shortfalls.COUNTS_OF_WORKSPACE_DIFFER
    return pattern % {"before": before, "after": after, "listed": listed, "written": written, "iteration": iteration}


Finding: TypeAlias = Item | Detail | Absence | Tally | Unread | Unready
