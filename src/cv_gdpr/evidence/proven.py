"""Evidence that others rely on: read once it is verified, with its hash."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from msgspec import convert

from cv_gdpr.errors import NotVerified, UsageError
from cv_gdpr.evidence.checking import check
from cv_gdpr.evidence.outcomes import DELETED, GONE
from cv_gdpr.evidence.records import Evidence, Item
from cv_gdpr.evidence.vouching import vouched
from cv_gdpr.sealing.checking import Anchors


class Proven(NamedTuple):
    """Verified evidence: its path, the SHA-256 of the file, what it says."""

    path: Path
    sha256: str
    evidence: Evidence

    @property
    def gone(self) -> list[Item]:
        """The items that it proves gone; what remained, or was never deleted, is not among them."""
        return [one for one in self.evidence.items if one.state in {DELETED, GONE}]


def proven(path: Path) -> Proven:
    """Return verified evidence; raise NotVerified if it differs, UsageError if the file is not evidence."""
    if path.suffix != ".json":
        raise UsageError(f"{path} is not evidence: its name does not end in .json", "name the evidence, NAME.json")
    if not path.is_file():
        why = "is not a file" if path.exists() else "does not exist"
        raise UsageError(f"{path} {why}", "name the evidence, NAME.json")
    if differences := [*check(path), *vouched(path, Anchors()).contradictions]:
        raise NotVerified(f"{path} does not verify: {differences[0]}", "cv-gdpr verify names every difference")
    content = path.read_bytes()
    return Proven(path, hashlib.sha256(content).hexdigest(), read(content))


def read(content: bytes) -> Evidence:
    """Return evidence that was checked, from the content of its file."""
    evidence: Evidence = convert(json.loads(content), Evidence)
    return evidence
