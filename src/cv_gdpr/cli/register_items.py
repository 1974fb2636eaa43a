"""The things that `verify` and `certify` treat as a whole: which of them a file or folder belongs to."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cv_gdpr.errors import Unreadable, UsageError
from cv_gdpr.evidence import files
from cv_gdpr.platforms.files import reason_of

EVIDENCE, LEDGER, EXPORT, PLAN, FOREIGN, UNREADABLE = "evidence", "ledger", "export", "plan", "foreign", "unreadable"
_APPROVAL = (".plan.json.sig", ".plan.json")
_BESIDE = tuple(ending for ending in files.endings() if ending not in _APPROVAL)  # a plan may have no evidence yet


class Item(NamedTuple):
    """A thing that is verified as a whole: what it is, and its folder or its main file."""

    kind: str
    path: Path
    why: str = ""  # it is foreign, or cannot be read


def items_of(paths: Iterable[Path]) -> list[Item]:
    """Return what the paths belong to, each once however it is named, in their order."""
    found: dict[tuple[str, str], Item] = {}
    for path in paths:
        try:
            item = item_of(path)
        except Unreadable as error:
            item = Item(UNREADABLE, path, error.message.removeprefix(f"{path} "))
        found.setdefault((item.kind, os.path.realpath(item.path)), item)
    return list(found.values())


def item_of(path: Path) -> Item:
    """Return what a path belongs to: a ledger, a certificate or a signature belongs to its evidence.

    A link stands for what it leads to, unless there are files beside it that belong to its name. Raise Unreadable.
    """
    try:
        item = _item_at(path)
        if path.is_symlink() and _is_alone(item):
            target = _item_at(Path(os.path.realpath(path)))
            item = target if target.kind != FOREIGN else item
    except OSError as error:
        raise Unreadable(f"{path} {_why(error, path)}") from error
    return item


def _why(error: OSError, path: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return "is a link to nothing" if path.is_symlink() else "does not exist"
    return f"cannot be read: {reason_of(error, path)}"


def _item_at(path: Path) -> Item:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return _folder(path)
    evidence = _evidence_of(path) or _approved_for(path) or _printed(path)
    if evidence and _is_evidence(evidence):
        return Item(EVIDENCE, evidence)
    if export := _export_around(path):
        return Item(EXPORT, export)
    if evidence:
        there = os.path.lexists(evidence)
        return Item(EVIDENCE, evidence) if there else Item(LEDGER, files.ledger_of(evidence))
    return _other(path) if stat.S_ISREG(mode) else Item(FOREIGN, path, "neither a file nor a folder")


def _other(path: Path) -> Item:
    plan = path.with_name(path.name.removesuffix(".sig"))
    if _is_plan(plan):
        return Item(PLAN, plan)
    with path.open("rb") as file:
        file.read(1)  # it may be evidence that cannot be read
    return Item(FOREIGN, path, "not of cv-gdpr, or its evidence is missing")


def _folder(path: Path) -> Item:
    with os.scandir(path):  # raises what the questions below may take for no
        (path / ".").stat()
    if export := path if _is_export(path) else _export_around(path):
        return Item(EXPORT, export)
    from cv_gdpr.platforms.shells import all_in
    from cv_gdpr.verify import number_of_exports_in

    each = f"cv-gdpr verify {all_in(str(path))}"
    if _evidence_in(path):
        return Item(FOREIGN, path, f"holds evidence: {each}")
    return Item(FOREIGN, path, f"holds exports: {each}" if number_of_exports_in(path) else "not an export")


def _is_export(folder: Path) -> bool:
    from cv_gdpr.archive.folder import STATE

    return any((folder / name).exists() for name in ("bagit.txt", "tagmanifest-sha256.txt", STATE))


def _export_around(path: Path) -> Path | None:
    """Return the export that a file or folder is a part of."""
    return next((folder for folder in path.parents if (folder / "bagit.txt").is_file()), None)


def _evidence_of(path: Path) -> Path | None:
    """Return the evidence that a file belongs to by its name, which may be missing beside a ledger."""
    for ending in _BESIDE:
        if path.name.endswith(ending) and path.name != ending:
            evidence = path.with_name(f"{path.name.removesuffix(ending)}.json")
            if _is_evidence(evidence) or files.ledger_of(evidence).is_file():
                return evidence
    return None


def _is_alone(item: Item) -> bool:
    """Return whether the files that belong to a thing are not beside it."""
    if item.kind == EVIDENCE:
        return not os.path.lexists(files.ledger_of(item.path))
    if item.kind == PLAN:
        return not os.path.lexists(item.path.with_name(f"{item.path.name}.sig"))
    return item.kind == FOREIGN


def refuse_evidence_in(folder: Path) -> None:
    """Raise UsageError for a folder that is not an export, and holds evidence."""
    if folder.is_dir() and not _is_export(folder) and _evidence_in(folder):
        from cv_gdpr.platforms.shells import all_in

        words = f"cv-gdpr verify {all_in(str(folder))}"
        raise UsageError(f"{folder} is not an export: it holds evidence", words)


def _evidence_in(folder: Path) -> bool:
    return any(_is_evidence(path) for path in folder.glob("*.json"))


def _printed(path: Path) -> Path | None:
    """Return the evidence whose certificate was printed to this PDF, NAME.pdf or NAME-more.pdf; the longest counts."""
    ends = (at for at in range(len(path.name) - len(".pdf"), 0, -1) if not path.name[at].isalnum())
    names = [path.name[:at] for at in ends]
    there = (path.with_name(f"{name}.json") for name in names if path.name.endswith(".pdf"))
    return next((evidence for evidence in there if _is_evidence(evidence)), None)


def _approved_for(path: Path) -> Path | None:
    """Return the evidence of the erasure that carried out this plan, if the plan lies beside it with its approval."""
    suffix = next((one for one in _APPROVAL if path.name.endswith(one)), None)
    if suffix is None:
        return None
    hashes = path.with_name(f"{path.name.removesuffix(suffix)}.sha256")
    listed = hashes.is_file() and f"  {path.name}\n".encode() in hashes.read_bytes()
    return hashes.with_suffix(".json") if listed and hashes.with_suffix(".json").exists() else None


def _is_evidence(path: Path) -> bool:
    return b"cv-gdpr-evidence/" in _beginning(path)


def _is_plan(path: Path) -> bool:
    return b"cv-gdpr-plan/" in _beginning(path)


def _beginning(path: Path) -> bytes:
    """Return the first bytes of a file, which name its format; none of what is not a file, or cannot be read.

    A path may be only a guess from the name of another. The check of what it belongs to says why it cannot be read.
    """
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(200)
    except OSError:
        return b""
