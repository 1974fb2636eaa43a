"""Copies that `redact` cannot reach: what else was made of an export."""

import os
from pathlib import Path

CANNOT_REACH = (
    "redact changes this export alone. Not reached are copies of it: reports and data sets made of it, zips and other "
    "archives, backups, and what was handed over"
)


def seen_beside(bag: Path) -> list[Path]:
    """Return what lies beside a bag and by its name was made of it: NAME-report, NAME.zip; other bags are not."""
    try:
        names = sorted(os.listdir(bag.parent))  # noqa: PTH208
    except OSError:
        return []
    starts = (f"{bag.name}-", f"{bag.name}.", f"{bag.name}_")
    found = [bag.parent / name for name in names if name.startswith(starts)]
    return [path for path in found if not (path / "bagit.txt").exists()]
