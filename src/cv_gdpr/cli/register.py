"""The register that `verify` prints of many files and folders: one line for each export, erasure, recheck and plan."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from cv_gdpr.cli.output import csv_cell, plural, print_json, print_table, printable
from cv_gdpr.errors import CvGdprError, UsageError, worst
from cv_gdpr.languages import LANGUAGES
from cv_gdpr.sealing.checking import NONE, PROVEN, UNPROVEN, WRONG, Anchors, Signed, Stamped

if TYPE_CHECKING:
    from cv_gdpr.cli.arguments import OutputOptions
    from cv_gdpr.evidence.records import Evidence, SearchedScope

EVIDENCE, LEDGER, EXPORT, PLAN, FOREIGN = "evidence", "ledger", "export", "plan", "foreign"
_BESIDE = (
    *(".sha256.sig.tsr", ".sha256.sig", ".begin.tsr", ".tsr", ".sha256"),
    *(f".certificate.{code}.html" for code in LANGUAGES),
    *(".html", ".jsonl", ".json"),
)
_APPROVAL = (".plan.json.sig", ".plan.json")
_HEADINGS = ("name", "kind", "reference", "date", "scope", "outcome", "whole", "signed", "time-stamped")
_UNKNOWN = Signed(UNPROVEN), Stamped(UNPROVEN)


class Item(NamedTuple):
    """A thing that is verified as a whole: what it is, and its folder or its main file."""

    kind: str
    path: Path
    why: str = ""  # it is foreign


class People(NamedTuple):
    """Who is behind evidence, and which evidence a recheck looked at again: the SHA-256 of its file."""

    operator: str = ""
    approved_by: str = ""
    recheck_of: str = ""


class Entry(NamedTuple):
    """A line of the register."""

    item: Item
    kind: str
    reference: str
    date: str
    scope: str
    outcome: str
    signed: Signed
    existed: Stamped
    whole: bool
    differences: list[str]  # also a signature or time-stamp that is lacking or wrong
    exit_code: int
    people: People = People()


def item_of(path: Path) -> Item:
    """Return what a path belongs to: a ledger, a certificate or a signature belongs to its evidence."""
    from cv_gdpr.archive.folder import STATE

    if path.is_dir():
        is_export = any((path / name).exists() for name in ("bagit.txt", "tagmanifest-sha256.txt", STATE))
        if is_export:
            return Item(EXPORT, path)
        holds = f"holds evidence: cv-gdpr verify {path}/*" if _evidence_in(path) else "not an export"
        return Item(FOREIGN, path, holds)
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    for suffix in _BESIDE:
        evidence = path.with_name(f"{path.name.removesuffix(suffix)}.json")
        ledger = evidence.with_suffix(".jsonl")
        if path.name.endswith(suffix) and path.name != suffix and (_is_evidence(evidence) or ledger.is_file()):
            return Item(EVIDENCE, evidence) if evidence.exists() else Item(LEDGER, ledger)
    if evidence_of_it := _approved_for(path) or _printed(path):
        return Item(EVIDENCE, evidence_of_it)
    plan = path.with_name(path.name.removesuffix(".sig"))
    return Item(PLAN, plan) if _is_plan(plan) else Item(FOREIGN, path, "not of cv-gdpr, or its evidence is missing")


def refuse_evidence_in(folder: Path) -> None:
    """Raise UsageError for a folder that is not an export, and holds evidence."""
    if folder.is_dir() and item_of(folder).kind == FOREIGN and _evidence_in(folder):
        raise UsageError(f"{folder} is not an export: it holds evidence", f"cv-gdpr verify {folder}/*")


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
    """Return the first bytes of a file, which name its format; none of what is not a file."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(200)


def items_of(paths: Iterable[Path]) -> list[Item]:
    """Return what the paths belong to, each once, in their order."""
    return list(dict.fromkeys(map(item_of, paths)))


def entry_of(item: Item, anchors: Anchors) -> Entry:
    """Return the line of an item; an error that it causes is its line, too."""
    makers = {EVIDENCE: _of_evidence, LEDGER: _of_ledger, EXPORT: _of_export, PLAN: _of_plan}
    try:
        if item.kind in makers:
            return makers[item.kind](item, anchors)
        return _foreign(item, item.why)
    except UsageError as error:
        return _foreign(item, error.message)
    except CvGdprError as error:
        return Entry(item, item.kind, "", "", "", "", *_UNKNOWN, False, [error.message], error.exit_code)
    except OSError as error:
        return Entry(item, item.kind, "", "", "", "", *_UNKNOWN, False, [str(error.strerror or error)], 1)
    except (ValueError, ArithmeticError, RecursionError) as error:  # a date that no calendar has, for example
        return Entry(item, item.kind, "", "", "", "", *_UNKNOWN, False, [f"a value that is invalid: {error}"], 4)


def _foreign(item: Item, why: str) -> Entry:
    return Entry(item, FOREIGN, "", "", "", why, *_UNKNOWN, False, [], 3)


def _of_evidence(item: Item, anchors: Anchors) -> Entry:
    from cv_gdpr.evidence.vouching import checked

    differences, vouching = checked(item.path, anchors)
    found = [*differences, *(vouching.differences if vouching else ())]
    read = _read(item.path) if not differences else None
    kind = "recheck" if read and read.recheck_of else "erasure"
    said = (read.reference, read.finished, scope_of(read), read.verdict) if read else ("", "", "", "not verified")
    seals = (vouching.signed, vouching.existed) if vouching else _UNKNOWN
    approved = vouching.approved.stated if vouching and vouching.approved else ""
    people = People(read.operator, approved, read.recheck_of or "") if read else People()
    return Entry(item, kind, *said, *seals, not differences, found, 4 if found else 0, people)


def _read(path: Path) -> Evidence:
    from cv_gdpr.evidence.proven import read

    return read(path.read_bytes())


def scope_of(evidence: Evidence) -> str:
    """Return the scope of an erasure in words."""
    return "the Azure resource" if evidence.resource else _in_words(evidence.scope)


def _in_words(scope: SearchedScope) -> str:
    rows = scope.rows if isinstance(scope.rows, str) else ", ".join(scope.rows)
    chosen = ", ".join(dict.fromkeys(one.selector for one in scope.selectors))
    return f"{scope.projects} projects; {rows}{f'; {chosen}' if chosen else ''}"


def _of_ledger(item: Item, anchors: Anchors) -> Entry:
    from cv_gdpr.evidence.checking import check
    from cv_gdpr.evidence.ledger import chained

    differences = check(item.path)
    whole, events = not differences, chained(item.path.read_bytes()).events
    asked = (anchors.signers, "not signed"), (anchors.authorities, "not time-stamped")
    differences += [f"{item.path.name}: {words}: its evidence is missing" for anchor, words in asked if anchor]
    date = events[0].at if events else ""
    words = "no evidence beside it: an interrupted run, or a file is missing"
    code = 4 if differences else 3
    return Entry(item, LEDGER, "", date, "", words, Signed(NONE), Stamped(NONE), whole, differences, code)


def _of_export(item: Item, anchors: Anchors) -> Entry:
    from cv_gdpr.archive.bag_info import FINISHED
    from cv_gdpr.sealing.bags import vouched
    from cv_gdpr.verify import verify

    result, vouching = verify(item.path), vouched(item.path, anchors)
    said = dict(result.bag_info)
    outcome = f"not complete: {plural(result.missing, 'item')} missing" if result.incomplete else "complete"
    outcome = "not verified" if result.differences else outcome
    outcome += f"; {plural(result.redacted, 'item')} taken out after erasures" if result.redacted else ""
    found = [*result.differences, *vouching.differences]
    scope = "; ".join(filter(None, (said.get("Export-Scope", ""), said.get("Export-Rows", ""))))
    about = said.get("External-Identifier", ""), said.get(FINISHED, ""), scope, outcome
    seals, whole = (vouching.signed, vouching.existed), not result.differences
    return Entry(item, EXPORT, *about, *seals, whole, found, 4 if found else result.exit_code)


def _of_plan(item: Item, anchors: Anchors) -> Entry:
    from cv_gdpr.delete.plan import load_plan, plan_bytes
    from cv_gdpr.sealing.checking import signature_on

    content = plan_bytes(item.path)
    beside = item.path.with_name(f"{item.path.name}.sig")
    signed = signature_on(content, beside, anchors, None)
    found = [f"{beside.name}: {signed.why}"] if signed.proof == WRONG else []
    found += [f"{beside.name}: missing: not signed"] if signed.proof == NONE and anchors.signers else []
    try:
        plan = load_plan(item.path, content)
    except UsageError as error:
        return Entry(item, PLAN, "", "", "", "", signed, Stamped(NONE), False, [error.message, *found], 4)
    outcome = f"{plural(plan.total, 'item')} to delete"
    code = 4 if found else 0
    about = "", plan.created, _in_words(plan.scope), outcome
    return Entry(item, PLAN, *about, signed, Stamped(NONE), True, found, code)


# --- output -------------------------------------------------------------------------------------------------------


def print_register(items: list[Item], anchors: Anchors, output: OutputOptions, *, as_csv: bool) -> int:
    """Verify each item, print the register, and return the worst exit code."""
    entries = list(_checked(items, anchors, quiet=output.quiet or output.as_json or as_csv))
    if output.as_json:
        from cv_gdpr.cli.verify_documents import of_register

        print_json(of_register(entries))
    elif as_csv:
        _print_csv(entries)
    elif not output.quiet:
        print_table("register", _HEADINGS, map(_cells, entries), numbers=set(), piped=120, folds=True)
    for one in entries:
        for difference in one.differences:
            click.echo(f"differs: {printable(f'{one.item.path}: {difference}')}", err=True)
        if one.kind == FOREIGN:
            click.echo(f"foreign: {printable(f'{one.item.path}: {one.outcome}')}", err=True)
    _print_error(entries)
    return worst(one.exit_code for one in entries)


def _checked(items: list[Item], anchors: Anchors, *, quiet: bool) -> Iterator[Entry]:
    from cv_gdpr.cli.progress import counting

    with counting("verifying", quiet=quiet) as show:
        for number, item in enumerate(items):
            show(number, len(items))
            yield entry_of(item, anchors)


def _print_error(entries: list[Entry]) -> None:
    differing = sum(one.exit_code == 4 for one in entries)
    foreign = sum(one.kind == FOREIGN for one in entries)
    other = sum(one.exit_code != 0 for one in entries) - differing - foreign
    parts = (
        (differing, f"{differing} of {len(entries)} do not verify"),
        (foreign, f"{plural(foreign, 'thing')} not of cv-gdpr"),
        (other, f"{other} not complete"),
    )
    if said := "; ".join(words for count, words in parts if count):
        click.echo(f"Error: {said}", err=True)


def _cells(entry: Entry) -> tuple[str, ...]:
    about = entry.kind, entry.reference, entry.date, entry.scope, entry.outcome
    return (str(entry.item.path), *about, _whole(entry), _signed(entry), _stamped(entry))


def _whole(entry: Entry) -> str:
    """Return whether the files are what they were, in a word; nothing is known of something foreign."""
    return "" if entry.kind == FOREIGN else "yes" if entry.whole else "NO"


def _signed(entry: Entry) -> str:
    """Return in few words who signed."""
    signed, no = entry.signed, "MISSING" if _is_missing(entry, ".sig") else "no"
    words = {PROVEN: signed.by, UNPROVEN: f"with {signed.key}" if signed.key else "", WRONG: "WRONG", NONE: no}
    holds = signed.proof in {PROVEN, UNPROVEN} and not entry.whole and entry.kind in {EXPORT, "erasure", "recheck"}
    return f"{words[signed.proof]} (contents differ)".strip() if holds else words[signed.proof]


def _stamped(entry: Entry) -> str:
    """Return in few words since when it exists."""
    existed, no = entry.existed, "MISSING" if _is_missing(entry, ".tsr") else "no"
    unproven = f"{existed.shown}, not proven" if existed.time else ""
    return {PROVEN: existed.shown, UNPROVEN: unproven, WRONG: "WRONG", NONE: no}[existed.proof]


def _is_missing(entry: Entry, suffix: str) -> bool:
    return any(f"{suffix}: missing" in one for one in entry.differences)


def _print_csv(entries: list[Entry]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*_HEADINGS, "operator", "approved by", "recheck of", "exit code"))
    writer.writerows([*map(csv_cell, (*_cells(one), *one.people)), one.exit_code] for one in entries)
