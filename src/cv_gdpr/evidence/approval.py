"""The approval of a plan, kept beside the evidence: NAME.plan.json, and the signature of who approved it."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from cv_gdpr.archive.reading import reading
from cv_gdpr.archive.writing import storing, write_new
from cv_gdpr.errors import UsageError
from cv_gdpr.evidence.events import Opened
from cv_gdpr.evidence.files import approval_of, plan_of
from cv_gdpr.evidence.ledger import Chain
from cv_gdpr.sealing.checking import NONE, PROVEN, WRONG, Anchors, Signed, Stamped, signature_on
from cv_gdpr.sealing.ssh import is_pattern, is_same_name


class Approval(NamedTuple):
    """Who approved a plan, with which key, and the two files that prove it."""

    by: str
    key: str
    plan: bytes
    signature: bytes

    @property
    def words(self) -> str:
        """Who approved it, as the ledger says it."""
        return f"{self.by} ({self.key})"

    @property
    def sha256(self) -> str:
        """The SHA-256 of the signature, which the ledger holds."""
        return hashlib.sha256(self.signature).hexdigest()


class Approved(NamedTuple):
    """Who approved the plan, according to the ledger, what the signature beside it proves, and what differs."""

    stated: str
    signed: Signed
    differences: list[str]

    @property
    def words(self) -> str:
        """The same for a person."""
        if self.signed.proof == PROVEN:
            return f"approved by {self.signed.by} with the key {self.signed.key}: proven"
        why = {NONE: "the plan and its signature are not beside it", WRONG: self.signed.why}
        hint = why.get(self.signed.proof, self.signed.why or "--signer FILE proves it")
        return f"approved by {self.stated}: not proven; {hint}"


def keep(evidence: Path, approval: Approval) -> list[Path]:
    """Write the plan and its signature beside the evidence, and return what was written.

    Raise UsageError for other files in their place, StorageError.
    """
    wanted = {plan_of(evidence): approval.plan, approval_of(evidence): approval.signature}
    missing = {place: content for place, content in wanted.items() if not _holds(place, content)}
    for place, content in missing.items():
        with storing(place):
            write_new(place, content)
    return list(missing)


def _holds(place: Path, content: bytes) -> bool:
    """Return whether a file has this content, False where there is none; raise UsageError for another file."""
    if not place.exists() and not place.is_symlink():
        return False
    if not place.is_file() or place.read_bytes() != content:
        raise UsageError(f"{place} exists, and is not of this plan", "name another file with --evidence")
    return True


def approved(evidence: Path, chain: Chain, anchors: Anchors, begun: Stamped, signed: Signed) -> Approved | None:
    """Return what the files beside evidence prove of the approval that its ledger names; None if it names none.

    `begun` is the time-stamp of the ledger's first line, which names the approval's hash; `signed` who signed the
    evidence: nobody approves a plan of their own.
    """
    runs = [event for event in chain.events if isinstance(event, Opened)]
    stated = next((run.approved_by for run in runs if run.approved_by), "")
    if not stated:
        return None
    plan, place = content_at(plan_of(evidence)), approval_of(evidence)
    at = begun.time if begun.proof == PROVEN and runs[0].approval else None
    found = signature_on(plan, place, anchors, at)
    wrong = [f"{place.name}: {found.why}"] if found.proof == WRONG else []
    if found.proof == NONE and (anchors.signers or any(run.approval for run in runs)):
        wrong.append(f"{place.name}: missing, though the ledger says that {stated} approved the plan")
    if found.proof != NONE and not plan:
        wrong = [f"{plan_of(evidence).name}: missing, though the ledger says that {stated} approved it"]
    elif found.proof != NONE:
        wrong += [f"{plan_of(evidence).name}: {why}" for why in _of_plan(plan, runs)]
        wrong += [f"{place.name}: {why}" for why in _of_signature(content_at(place), runs, found, signed)]
    return Approved(stated, found, wrong)


def _of_plan(content: bytes, runs: list[Opened]) -> list[str]:
    """Return why a plan is not the one that was carried out."""
    try:
        hash_, endpoint, ids = _read(content)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return ["not a plan of cv-gdpr"]
    differs = []
    for run in runs:
        carried_out = {
            (project, row, one) for project, rows in run.planned.items() for row in rows for one in rows[row]
        }
        if run.plan_hash != hash_ or run.endpoint != endpoint or not carried_out <= ids:
            differs.append("not the plan that was carried out, according to the ledger")
    return differs[:1]


def _read(content: bytes) -> tuple[str, str, set[tuple[str, str, str]]]:
    """Return hash, endpoint and ids of a plan, whose signature covers all of them."""
    plan: Any = json.loads(content)
    ids = {
        (one["id"], row, id_)
        for one in plan["projects"]
        for kind in ("rows", "along")
        for row, marks in one.get(kind, {}).items()
        for id_ in marks
    }
    return plan["hash"], plan["endpoint"], ids


def _of_signature(content: bytes, runs: list[Opened], found: Signed, signed: Signed) -> list[str]:
    """Return where the signature of a plan contradicts the ledger, or the signature of the evidence."""
    differs, held = [], hashlib.sha256(content).hexdigest()
    for run in runs:
        if run.approval and run.approval != held:
            differs.append("not the signature that the ledger names")
        if run.approved_by and found.key and not run.approved_by.endswith(f" ({found.key})"):
            differs.append(f"signed with the key {found.key}, though the ledger says {run.approved_by}")
        elif run.approved_by and found.proof == PROVEN and run.approved_by != f"{found.by} ({found.key})":
            differs.append(f"signed by {found.by}, though the ledger says {run.approved_by}")
    same_name = found.proof == signed.proof == PROVEN and is_same_name(found.by, signed.by) and not is_pattern(found.by)
    if found.key and (found.key == signed.key or same_name):
        differs.append("who approved the plan signed the evidence, too: it takes two persons")
    return list(dict.fromkeys(differs))


def content_at(path: Path) -> bytes:
    """Return what a file holds; nothing where there is none, or what is not a file. Raise Unreadable."""
    with reading(path):
        return path.read_bytes() if path.is_file() else b""
