"""The register that `verify` prints of many files and folders: one line for each export, erasure, recheck and plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from cv_gdpr.archive.reading import reading
from cv_gdpr.cli.output import plural, print_csv, print_json, print_table, printable
from cv_gdpr.cli.register_items import EVIDENCE, EXPORT, FOREIGN, LEDGER, PLAN, UNREADABLE, Item
from cv_gdpr.cli.screen import cells
from cv_gdpr.errors import CvGdprError, NotSealed, NotVerified, Unreadable, UsageError, worst
from cv_gdpr.sealing.checking import NONE, PROVEN, UNPROVEN, WRONG, Anchors, Signed, Stamped

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.cli.arguments import OutputOptions
    from cv_gdpr.evidence.events import Opened
    from cv_gdpr.evidence.records import EarlierEvidence, Evidence, SearchedScope

_HEADINGS = ("name", "kind", "reference", "date", "scope", "outcome", "whole", "signed", "time-stamped")
_MORE = ("resource", "projects", "differences", "run exit code")  # of the CSV, behind all others
_ROOM = 80 - len("      resource: ")  # columns of a list
_UNKNOWN = Signed(UNPROVEN), Stamped(UNPROVEN)


class People(NamedTuple):
    """Who is behind evidence, and which evidence a recheck looked at again: the SHA-256 of its file."""

    operator: str = ""
    approved_by: str = ""
    recheck_of: str = ""


class About(NamedTuple):
    """What a thing is about: endpoint, or Azure resource that was deleted; ids of projects; exit code of the run.

    Empty where it is unknown: what differs is not taken on its word.
    """

    resource: str = ""
    projects: Sequence[str] = ()
    run_exit_code: int | None = None


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
    whole: bool | None  # None: it is foreign, cannot be read, or its words cannot be compared
    differences: list[str]  # also a signature or time-stamp that is lacking or wrong
    exit_code: int
    people: People = People()
    uncompared: Sequence[str] = ()  # words of another version; unless `whole` is None, who signed them vouches
    about: About = About()
    plan_hash: str = ""  # of a plan, or of the plan that an erasure carried out


def entries_of(items: Sequence[Item], anchors: Anchors, show: Callable[[int, int], None]) -> list[Entry]:
    """Return the lines of all items; that of a plan says what verified evidence among them says of its erasure."""
    entries = []
    for number, item in enumerate(items):
        show(number, len(items))
        entries.append(entry_of(item, anchors))
    done: dict[str, list[str]] = {}
    for one in entries:
        if one.kind == "erasure" and one.whole and one.exit_code != NotVerified.exit_code:
            done.setdefault(one.plan_hash, []).append(f"its erasure, {one.item.path}: {one.outcome}")
    return [
        one._replace(outcome="; ".join((one.outcome, *done[one.plan_hash])))
        if one.kind == PLAN and one.plan_hash in done
        else one
        for one in entries
    ]


def entry_of(item: Item, anchors: Anchors) -> Entry:
    """Return the line of an item; an error that it causes is its line, too."""
    makers = {EVIDENCE: _of_evidence, LEDGER: _of_ledger, EXPORT: _of_export, PLAN: _of_plan}
    try:
        if item.kind in makers:
            with reading(item.path):
                return makers[item.kind](item, anchors)
        return _unknown(item, item.kind, item.why, UsageError.exit_code if item.kind == UNREADABLE else 3)
    except CvGdprError as error:
        if isinstance(error, UsageError) and not isinstance(error, (NotSealed, Unreadable)):
            return _unknown(item, FOREIGN, error.message, 3)
        return _unknown(item, _kind(item), error.message, error.exit_code)
    except (ValueError, ArithmeticError, RecursionError) as error:  # a date that no calendar has, for example
        return _unknown(item, _kind(item), f"a value that is invalid: {error}", 4)


def _kind(item: Item) -> str:
    return "erasure" if item.kind == EVIDENCE else item.kind


def _unknown(item: Item, kind: str, why: str, code: int) -> Entry:
    """Return the line of a thing that could not be checked, or that differs so much (4) that nothing else is known."""
    whole, outcome, differences = (False, "not verified", [why]) if code == NotVerified.exit_code else (None, why, [])
    return Entry(item, kind, "", "", "", outcome, *_UNKNOWN, whole, differences, code)


def _of_evidence(item: Item, anchors: Anchors) -> Entry:
    from cv_gdpr.evidence.vouching import verified

    done = verified(item.path, anchors)
    read, vouching = None if done.found.differences else _read(item.path), done.vouching
    kind = "recheck" if read and read.recheck_of else "erasure"
    said = _said(read) if read else ("", "", "", "not verified")
    seals = (vouching.signed, vouching.existed) if vouching else _UNKNOWN
    approved = vouching.approved.stated if vouching and vouching.approved else ""
    people = People(read.operator, approved, read.recheck_of or "") if read else People()
    about = _about(read) if read else About()
    line = Entry(item, kind, *said, *seals, done.whole, done.differences, done.exit_code, people, about=about)
    return line._replace(uncompared=done.found.uncompared, plan_hash=read.plan_hash if read else "")


def _said(evidence: Evidence) -> tuple[str, str, str, str]:
    """Return reference, date, scope and outcome."""
    reference = evidence.reference or _reference_before(evidence.rechecked)
    return reference, evidence.finished, scope_of(evidence), evidence.verdict


def _reference_before(rechecked: EarlierEvidence | None) -> str:
    """Return the reference of the erasure that a recheck looks at again: that of a recheck without its own."""
    return rechecked.reference if rechecked else ""


def _about(evidence: Evidence) -> About:
    held = (evidence.resource.projects or ()) if evidence.resource else ()
    ids = (*(one.id for one in (*evidence.projects, *held)), *(one.project for one in evidence.failed))
    looked_at = (one.project for one in evidence.items) if evidence.recheck_of else ()
    return About(evidence.endpoint, _projects((*ids, *looked_at), evidence.endpoint), evidence.exit_code)


def _projects(ids: Iterable[str], endpoint: str) -> tuple[str, ...]:
    """Return each id once; items of an Azure resource have its own id in place of a project's."""
    return tuple(dict.fromkeys(one for one in ids if one != endpoint))


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
    from cv_gdpr.evidence.events import Opened
    from cv_gdpr.evidence.ledger import chained
    from cv_gdpr.evidence.vouching import verified_ledger

    done, events = verified_ledger(item.path, anchors), chained(item.path.read_bytes()).events
    date = events[0].at if events else ""
    runs = [event for event in events if isinstance(event, Opened)]
    about = _about_runs(runs) if runs else About()
    words = "no evidence beside it: an interrupted run, or a file is missing"
    seals, code = (Signed(NONE), Stamped(NONE)), done.exit_code or 3
    said, people = (_reference_in(runs), date, "", words), _people_in(runs)
    line = Entry(item, LEDGER, *said, *seals, done.whole, done.differences, code, people, about=about)
    return line._replace(uncompared=done.found.uncompared)


def _reference_in(runs: Sequence[Opened]) -> str:
    from cv_gdpr.evidence.events import reference_in

    return reference_in(runs) or _reference_before(runs[-1].rechecked if runs else None)


def _people_in(runs: Sequence[Opened]) -> People:
    from cv_gdpr.evidence.events import operator_in

    approved = next((run.approved_by for run in runs if run.approved_by), "")
    return People(operator_in(runs), approved, (runs[-1].recheck_of or "") if runs else "")


def _about_runs(runs: Sequence[Opened]) -> About:
    """Return what the runs of a ledger are about; those of a recheck name their projects only in their plans."""
    ids = (one for run in runs for one in (*(project.id for project in run.projects), *run.planned))
    return About(runs[0].endpoint, _projects(ids, runs[0].endpoint))


def _of_export(item: Item, anchors: Anchors) -> Entry:
    from cv_gdpr.archive.bag_info import ENDPOINT, FINISHED
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
    of = About(said.get(ENDPOINT, ""), result.projects)
    return Entry(item, EXPORT, *about, *seals, whole, found, 4 if found else result.exit_code, about=of)


def _of_plan(item: Item, anchors: Anchors) -> Entry:
    from cv_gdpr.delete.plan import load_plan, plan_bytes
    from cv_gdpr.sealing.checking import signature_on

    content = plan_bytes(item.path)
    beside = item.path.with_name(f"{item.path.name}.sig")
    signed = signature_on(content, beside, anchors, None)
    found = [f"{beside.name}: {signed.why}"] if signed.proof == WRONG else []
    found += [f"{beside.name}: missing: not signed"] if signed.proof == NONE and anchors.signers else []
    found += [f"{item.path.name}.tsr: missing: a plan is not time-stamped"] if anchors.authorities else []
    try:
        plan = load_plan(item.path, content)
    except UsageError as error:
        return Entry(item, PLAN, "", "", "", "", signed, Stamped(NONE), False, [error.message, *found], 4)
    outcome = f"{plural(plan.total, 'item')} to delete"
    code = 4 if found else 0
    said = plan.reference, plan.created, _in_words(plan.scope), outcome
    about = About(plan.endpoint, [*(one.id for one in plan.projects), *(one.project for one in plan.failed)])
    return Entry(item, PLAN, *said, signed, Stamped(NONE), True, found, code, about=about, plan_hash=plan.hash)


# --- output -------------------------------------------------------------------------------------------------------


def print_register(items: list[Item], anchors: Anchors, output: OutputOptions, *, as_csv: bool) -> int:
    """Verify each item, print the register, and return the worst exit code."""
    from cv_gdpr.cli.progress import counting

    with counting("verifying", quiet=output.quiet or output.as_json or as_csv) as show:
        entries = entries_of(items, anchors, show)
    if output.as_json:
        from cv_gdpr.cli.verify_documents import of_register

        print_json(of_register(entries))
    elif as_csv:
        columns = (*_HEADINGS, "operator", "approved by", "recheck of", "exit code", *_MORE)
        print_csv([columns, *map(_csv_line, entries)])
    elif not output.quiet:
        headings, rows = _table(entries)
        print_table("register", headings, rows, numbers=set(), piped=120, folds=True)
    for one in entries:
        _print_why(one)
    _print_error(entries)
    for one in entries:
        if one.kind == LEDGER and one.differences:
            hint_at_resuming(one.item.path)
    return worst(one.exit_code for one in entries)


def _print_why(entry: Entry) -> None:
    """Print each thing that keeps an item from being verified."""
    found = [
        *(("differs", difference) for difference in entry.differences),
        *(("not compared", words) for words in entry.uncompared if _is_unknown(entry)),
        *([("foreign", entry.outcome)] if entry.kind == FOREIGN else []),
        *([("not checked", entry.outcome)] if _is_unknown(entry) and not entry.uncompared else []),
    ]
    for what, why in found:
        click.echo(f"{what}: {printable(f'{entry.item.path}: {why}')}", err=True)


def hint_at_resuming(ledger: Path) -> None:
    """Print how to resume a run that was interrupted, if this is the ledger of one."""
    from cv_gdpr.evidence.checking import resumed_by
    from cv_gdpr.platforms.shells import quoted

    if ledger.suffix == ".jsonl" and (name := resumed_by(ledger)):
        place = printable(quoted(str(ledger.with_suffix(".json"))))
        click.echo(f"Hint: the same {name} command with --evidence {place} resumes it", err=True)


def _is_unknown(entry: Entry) -> bool:
    """Return whether something of cv-gdpr could not be checked, at least in part, and nothing of it differs."""
    return entry.whole is None and entry.kind != FOREIGN and entry.exit_code != 4


def _print_error(entries: list[Entry]) -> None:
    differing = sum(one.exit_code == 4 for one in entries)
    foreign, unknown = sum(one.kind == FOREIGN for one in entries), sum(map(_is_unknown, entries))
    other = sum(one.exit_code != 0 for one in entries) - differing - foreign - unknown
    parts = (
        (differing, f"{differing} of {len(entries)} do not verify"),
        (unknown, f"{unknown} could not be checked"),
        (foreign, f"{plural(foreign, 'thing')} not of cv-gdpr"),
        (other, f"{other} not complete"),
    )
    if said := "; ".join(words for count, words in parts if count):
        click.echo(f"Error: {said}", err=True)


def _table(entries: list[Entry]) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Return headings and rows; the resource is a column if there are several, and each has room in a line."""
    rows, resources = [_cells(one) for one in entries], [one.about.resource for one in entries]
    several = len(set(filter(None, resources))) > 1
    if not several or max(map(cells, resources)) > _ROOM:
        return _HEADINGS, list(rows)
    return (*_HEADINGS, "resource"), [(*row, place) for row, place in zip(rows, resources, strict=True)]


def _cells(entry: Entry) -> tuple[str, ...]:
    about = entry.kind, entry.reference, entry.date, entry.scope, entry.outcome
    return (str(entry.item.path), *about, _whole(entry), _signed(entry), _stamped(entry))


def _whole(entry: Entry) -> str:
    """Return whether the files are what they were, in a word; of something foreign that is not asked."""
    return "" if entry.kind == FOREIGN else {True: "yes", False: "NO", None: "UNKNOWN"}[entry.whole]


def _signed(entry: Entry) -> str:
    """Return in few words who signed."""
    signed, no = entry.signed, "MISSING" if _is_missing(entry, ".sig") else "no"
    words = {PROVEN: signed.by, UNPROVEN: f"with {signed.key}" if signed.key else "", WRONG: "WRONG", NONE: no}
    holds = signed.proof in {PROVEN, UNPROVEN} and entry.whole is False and entry.kind in {EXPORT, "erasure", "recheck"}
    return f"{words[signed.proof]} (contents differ)".strip() if holds else words[signed.proof]


def _stamped(entry: Entry) -> str:
    """Return in few words since when it exists."""
    existed, no = entry.existed, "MISSING" if _is_missing(entry, ".tsr") else "no"
    unproven = f"{existed.shown}, not proven" if existed.time else ""
    return {PROVEN: existed.shown, UNPROVEN: unproven, WRONG: "WRONG", NONE: no}[existed.proof]


def _is_missing(entry: Entry, suffix: str) -> bool:
    return any(f"{suffix}: missing" in one for one in entry.differences)


def _csv_line(one: Entry) -> Sequence[object]:
    resource, projects, code = one.about
    more = resource, "; ".join(projects), "; ".join(one.differences), "" if code is None else code
    return *_cells(one), *one.people, one.exit_code, *more
