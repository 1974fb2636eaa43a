"""--with-copies-from: the copies that a bag shows are added to a selection, and doubtful ones are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.service.client import Service
    from cv_gdpr.table.scope import Scope


def add_copies(service: Service, scope: Scope, folder: Path, *, only_same: bool, quiet: bool = False) -> Scope:
    """Return the scope with the copies; print what is too doubtful to be selected. Raise as `with_copies` does."""
    from cv_gdpr.cli.progress import counting
    from cv_gdpr.find.copied import with_copies

    with counting("pictures", quiet=quiet) as progress:
        found = with_copies(service, scope, folder, only_same=only_same, progress=progress)
    for one in found.uncertain:
        words = f"{one.row} {one.id} of project {one.project} may be a copy of {one.like} ({one.kind}, {one.why})"
        click.echo(f"Not selected: {words}; look at it: cv-gdpr find", err=True)
    return found.scope
