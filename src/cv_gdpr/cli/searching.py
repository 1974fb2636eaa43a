"""The words about what was not found, and about stored predictions that nothing searched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING

from cv_gdpr.cli.output import plural
from cv_gdpr.cli.parameters import same_connection
from cv_gdpr.table.selection import Selection

if TYPE_CHECKING:
    from cv_gdpr.evidence.records import SearchedScope

_HASHED = "a hash of the value, which plan and evidence do not hold, for privacy"
NO_TAG_NO_METADATA = "a prediction has no tag and no metadata"
_EXPORT = "cv-gdpr export --all"
_BY_PHOTO = (
    f"{_EXPORT} --out BAG, cv-gdpr find BAG PHOTO --out FOUND with a photograph of the person, and then this "
    "command with --image-ids-file FOUND/ids.txt in place of the selectors"
)
_SHORT_OF = (
    "the stored predictions that were not searched are newer than the export of --with-copies-from, or it lacks "
    "pictures that they would be compared with"
)
_NEW_EXPORT = "make a new export of everything, and run again with that (needs the extra find)"


class Originals(Enum):
    """Where the pictures are that the selectors describe, when a person reads how to search for copies of them."""

    HELD = "held"
    PLANNED = "about to be deleted"
    ERASED = "deleted by this run"
    NOT_FOUND = "nowhere: mistyped, never stored, or erased before"


_HOW = {
    Originals.HELD: f"to search the stored predictions: {_BY_PHOTO}, or with --with-copies-from BAG",
    Originals.PLANNED: (
        "search the stored predictions first, since the originals will be gone after the deletion: "
        f"{_BY_PHOTO}, or with --with-copies-from BAG"
    ),
    Originals.ERASED: (
        f"to search the stored predictions: {_BY_PHOTO}, or with --with-copies-from and an export made before this "
        "erasure"
    ),
    Originals.NOT_FOUND: (
        "no picture that the selectors describe is held: check how they are spelled. If it was erased, copies may be "
        f"among the stored predictions; to search these: {_BY_PHOTO}, or with --with-copies-from and an export made "
        "before that erasure"
    ),
}
_HOW_AFTER_COPIES = {
    Originals.HELD: f"{_SHORT_OF}: {_NEW_EXPORT}; if the original is not held any more: {_BY_PHOTO}",
    Originals.PLANNED: f"{_SHORT_OF}; before the deletion, since the originals will be gone after it: {_NEW_EXPORT}",
    Originals.ERASED: f"{_SHORT_OF}: {_BY_PHOTO}",
    Originals.NOT_FOUND: (
        "the service and the export of --with-copies-from hold no picture that the selectors describe: check how they "
        "are spelled. If it was erased, copies of it may be among the stored predictions; to search these: "
        f"{_BY_PHOTO}, or give an export made before that erasure"
    ),
}


def not_searched_predictions(by_project: Mapping[str, int | None]) -> list[str]:
    """Return a line for each project in which nothing searched the stored predictions."""
    return [
        f"not searched: {predictions_in_words(count)} in project {project}: {NO_TAG_NO_METADATA}"
        for project, count in by_project.items()
        if count != 0
    ]


def how_to_search(by_project: Mapping[str, int | None], copies_from: str | None, originals: Originals) -> list[str]:
    """Return how a person searches the stored predictions that nothing searched; nothing if there are none.

    `copies_from` is when the export began that was searched for copies; None: there was none.
    """
    if all(count == 0 for count in by_project.values()):
        return []
    words = (_HOW_AFTER_COPIES if copies_from else _HOW)[originals]
    return [words.replace(_EXPORT, f"{_EXPORT}{same_connection()}")]


def predictions_in_words(count: int | None) -> str:
    """Return a number of stored predictions in words; None: it is not known."""
    return "the stored predictions (not counted)" if count is None else plural(count, "stored prediction")


def no_match(scope: SearchedScope, ids: Iterable[str], selection: Selection) -> list[str]:
    """Return a line for each value that matched nothing in the rows that were searched.

    It is there as it was typed, or as a hash where this command does not know it. It need not be unknown to the
    service: a tag that no image has matches none.
    """
    rows = scope.rows if isinstance(scope.rows, str) else ", ".join(scope.rows)
    values = (selection.typed(scope.salt, one.sha256) or f"{one.short} ({_HASHED})" for one in scope.absent)
    return [f"nothing in {rows} matches {value}" for value in (*ids, *values)]
