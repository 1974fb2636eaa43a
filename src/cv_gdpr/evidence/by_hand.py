"""What a person must delete, since no operation of the API does; it follows from what was asked for."""

from cv_gdpr.evidence.records import ByHand, SearchedScope
from cv_gdpr.table.categories import CATEGORIES, EXPORTS, Deletion


def by_hand(rows: tuple[str, ...], *, selected: bool) -> list[ByHand]:
    """Return what a person must do about each of these rows, or, without any, about all that were not `selected`."""
    asked = rows or tuple(row.name for row in CATEGORIES if not selected)
    return [
        ByHand(row=row.name, words=row.delete_by_hand)
        for row in CATEGORIES
        if row.deletion is Deletion.OUTSIDE and (row.name in asked or (row.name == EXPORTS and selected))
    ]


def by_hand_in(scope: SearchedScope) -> list[ByHand]:
    """Return what a person must do after an erasure of this scope."""
    return by_hand(rows_named(scope), selected=bool(scope.selectors))


def rows_named(scope: SearchedScope) -> tuple[str, ...]:
    """Return the rows that the command named; empty: all."""
    return () if isinstance(scope.rows, str) or scope.selectors else tuple(scope.rows)
