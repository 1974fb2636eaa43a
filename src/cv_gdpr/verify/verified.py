"""A bag that other commands may rely on: it verifies."""

from pathlib import Path

from cv_gdpr.archive.bag import Bag
from cv_gdpr.errors import NotVerified, UsageError


def verified(folder: Path) -> tuple[Bag, bool]:
    """Return a bag that verifies, and whether it says that something is missing in it.

    Raise NotVerified for one that does not verify, UsageError for a folder that is not a bag.
    """
    from cv_gdpr.verify import verify

    result = verify(folder)
    if result.differences and not (folder / "bagit.txt").is_file():
        raise UsageError(f"{folder}: {result.differences[0]}", "name the folder of a finished export")
    if result.differences:
        raise NotVerified(f"{folder} does not verify: {result.differences[0]}", "cv-gdpr verify names every difference")
    return Bag(folder), result.incomplete
