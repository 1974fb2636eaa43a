"""The scope of a run: projects, rows, and the selection within them."""

from typing import NamedTuple

from cv_gdpr.table.selection import Selection


class CopiesFrom(NamedTuple):
    """The bag whose copies are in a selection: its folder, when its export began, its projects.

    `predictions`: it holds the stored predictions, so that it counts as a search of those stored until then.
    """

    folder: str
    began: str
    projects: frozenset[str]
    predictions: bool


class Scope(NamedTuple):
    """The projects, rows and selection of a run.

    `missing_ok`: a selector may match nothing. `with_iterations`: iterations that were trained on a
    selected image are deleted too. `copies`: the bag whose copies are in the selection.
    """

    projects: tuple[str, ...] = ()  # names or ids; empty: all
    rows: tuple[str, ...] = ()  # empty: all
    selection: Selection = Selection()
    missing_ok: bool = False
    with_iterations: bool = False
    copies: CopiesFrom | None = None

    @property
    def searches_copies(self) -> bool:
        """Whether stored predictions are searched for copies, as far as they are not newer than the bag."""
        return self.copies is not None and self.copies.predictions
