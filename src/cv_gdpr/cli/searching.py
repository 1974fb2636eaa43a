"""The words about what was not found, and about stored predictions that nothing searched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cv_gdpr.cli.output import plural
from cv_gdpr.table.selection import Selection

if TYPE_CHECKING:
    from cv_gdpr.evidence.records import SearchedScope

_HOW = (
    "to search them: cv-gdpr export --all --out BAG, cv-gdpr find BAG PHOTO --out FOUND, and then this command with "
    "--image-ids-file FOUND/ids.txt in place of the selectors, or with --with-copies-from BAG"
)
_NEWER = (
    "they are newer than the export of --with-copies-from, or it lacks pictures that they would be compared with: make "
    "a new export of everything, and run again with that (needs the extra find)"
)


def not_searched_predictions(by_project: Mapping[str, int | None], copies_from: str | None = None) -> list[str]:
    """Return a line for each project in which nothing searched the stored predictions, and one that says how to.

    `copies_from` is when the export began that was searched for copies: these predictions are newer.
    """
    lines = [
        f"not searched: {_words(count)} in project {project}: a prediction has no tag and no metadata"
        for project, count in by_project.items()
        if count != 0
    ]
    return [*lines, _NEWER if copies_from else _HOW] if lines else []


def _words(count: int | None) -> str:
    return "the stored predictions (not counted)" if count is None else plural(count, "stored prediction")


def not_found(scope: SearchedScope, ids: Iterable[str], selection: Selection) -> list[str]:
    """Return each value that matched nothing, as it was typed; a hash where this command does not know it."""
    return [*ids, *(selection.typed(scope.salt, one.sha256) or one.short for one in scope.absent)]
