"""The scope of a run: projects, rows, and the selection within them."""

from typing import NamedTuple

from cv_gdpr.table.selection import Selection


class Scope(NamedTuple):
    """The projects, rows and selection of a run.

    `missing_ok`: a selector may match nothing. `with_iterations`: iterations that were trained on a
    selected image are deleted too. `copies_until`: when the export began whose copies are in the selection; predictions
    stored until then were searched by it.
    """

    projects: tuple[str, ...] = ()  # names or ids; empty: all
    rows: tuple[str, ...] = ()  # empty: all
    selection: Selection = Selection()
    missing_ok: bool = False
    with_iterations: bool = False
    copies_until: str = ""
