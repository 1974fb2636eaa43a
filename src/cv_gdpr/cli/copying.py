"""--with-copies-from: the copies that a bag shows are added to a selection, and doubtful ones are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.service.client import Service
    from cv_gdpr.table.scope import Scope


def add_copies(service: Service, scope: Scope, folder: Path, *, only_same: bool, quiet: bool = False) -> Scope:
    """Return the scope with the copies. Raise as `with_copies` does."""
    from cv_gdpr.cli.progress import counting
    from cv_gdpr.find.copied import with_copies

    with counting("pictures", quiet=quiet) as progress:
        return with_copies(service, scope, folder, only_same=only_same, progress=progress)
