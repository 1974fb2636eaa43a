"""The result of an erasure, for a person or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import click

from cv_gdpr.cli.output import plural, print_json, print_sentences, print_table, printable, printable_hint, to_do
from cv_gdpr.cli.parameters import same_connection
from cv_gdpr.cli.searching import Originals, how_to_search, no_match, not_searched_predictions
from cv_gdpr.errors import NotAuthorised
from cv_gdpr.platforms.shells import command, quoted
from cv_gdpr.table.categories import ACCOUNT, EXPORTS, category
from cv_gdpr.table.selection import BY_ID, Selection

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.cli.arguments import OutputOptions
    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.delete.plan import ProjectPlan
    from cv_gdpr.evidence.records import ByHand, Evidence, Project, SearchedScope

_SHOWN = 20  # items


class Beside(NamedTuple):
    """What the result names beside the evidence: the export that --require-export names, the selection as typed."""

    bag: Path | None = None
    selection: Selection = Selection()


_NOTHING_BESIDE = Beside()
_NOT_IN_THE_API = "no API operation deletes this; nothing was deleted"


def print_instructions(outside: list[ByHand], output: OutputOptions) -> int:
    """Print what a person must do for rows that no operation deletes, and return the exit code."""
    if output.as_json:
        from cv_gdpr.cli.documents import of_instructions

        print_json(of_instructions(_NOT_IN_THE_API, outside))
    else:
        to_do(f"{one.row}: {one.words}" for one in outside if not output.quiet)
    click.echo(f"Error: {_NOT_IN_THE_API}", err=True)
    return 3


def resume_hint(path: Path, *, saved: bool = False) -> str:
    """Return how to delete the rest after a run was cut off; `saved`: that run wrote its plan to a file."""
    how = f"{quoted(str(path))}{', without --save-plan,' if saved else ''}"
    return f"the same command with --evidence {how} deletes the rest"


def report(erased: Erased, calls: dict[str, int], output: OutputOptions, beside: Beside = _NOTHING_BESIDE) -> int:
    """Print the result of an erasure and return its exit code."""
    from cv_gdpr.cli.sealing import print_lacking

    evidence, files = erased.evidence, _always(erased.path)
    if erased.completed:
        click.echo(
            f"Note: this erasure ended at {evidence.finished}; its evidence was completed from the ledger. "
            "No call was sent, and nothing was deleted.",
            err=True,
        )
    if output.as_json:
        from cv_gdpr.cli.documents import of_erasure

        print_json(of_erasure(erased, files, calls, redact_command(erased, beside.bag)))
    elif not output.quiet:
        _print_result(erased, calls, output.verbose)
        if command := redact_command(erased, beside.bag):
            to_do([f"{beside.bag} now holds a copy of what was erased; to take it out: {command}"])
    _print_shortfall(erased, beside.selection)
    if not output.quiet:
        to_do(_how_to_search(evidence))
    print_lacking(erased.lacking, erased.path)
    return erased.exit_code


def _how_to_search(evidence: Evidence) -> list[str]:
    """Return how to search the stored predictions that were not searched, now that the originals are gone."""
    by_project = {one.id: one.predictions_not_searched for one in evidence.projects}
    absent = (evidence.not_found or evidence.scope.absent) and not evidence.items
    originals = Originals.NOT_FOUND if absent else Originals.ERASED
    return how_to_search(by_project, evidence.scope.copies_from, originals)


def print_files(evidence: Path) -> None:
    """Print a line for each file that a run with evidence at this path has written, with what it is."""
    for name, path in (_always(evidence) | _sealed(evidence)).items():
        click.echo(f"{name}: {printable(path)}")


def _always(evidence: Path) -> dict[str, str]:
    """Return the files that each run writes, by what they are."""
    from cv_gdpr.evidence.files import certificate_of, hashes_of, ledger_of

    return {
        "evidence": str(evidence),
        "ledger": str(ledger_of(evidence)),
        "certificate": str(certificate_of(evidence)),
        "hashes": str(hashes_of(evidence)),
    }


def _sealed(evidence: Path) -> dict[str, str]:
    """Return the signature and the time-stamps that lie beside evidence, by what they are."""
    from cv_gdpr.evidence.files import begin_token_of, signature_of, signed_at_of, token_of

    named = {
        "signature": signature_of(evidence),
        "time-stamp of the signature": signed_at_of(evidence),
        "time-stamp of the beginning": begin_token_of(evidence),
        "time-stamp": token_of(evidence),
    }
    return {name: str(path) for name, path in named.items() if path.is_file()}


def redact_command(erased: Erased, bag: Path | None) -> str | None:
    """Return the command with which an earlier export follows this erasure; None where nothing was deleted."""
    if bag is None or not erased.evidence.counts.get("deleted"):
        return None
    return command("cv-gdpr", "redact", str(erased.path), str(bag))


def _print_result(erased: Erased, calls: dict[str, int], verbose: int) -> None:
    evidence = erased.evidence
    click.echo(evidence.verdict)
    counts = sorted(evidence.counts.items())
    if counts:
        print_table("items in the plan", ("state", "items"), [(name, str(n)) for name, n in counts], numbers={1})
    if before := erased.deleted_before:
        click.echo(f"resumed: {before} {'was' if before == 1 else 'were'} deleted before")
    kept = [line for project in evidence.projects for line in kept_lines(project)]
    for line in (*not_searched_lines(evidence.scope.not_searched), *_models_lines(evidence), *kept):
        click.echo(printable(line))
    print_files(erased.path)
    if verbose:
        print_table("calls sent", ("operation", "calls"), [(k, str(n)) for k, n in sorted(calls.items())], numbers={1})
    models = any(one.exported_models or one.iterations_trained_on_them for one in evidence.projects)
    to_do([*_how_to_delete_models(evidence), *by_hand_lines(erased.outside_the_api, evidence.scope, models=models)])


def by_hand_lines(outside: list[ByHand], scope: SearchedScope, *, models: bool) -> list[str]:
    """Return what a person must do for what the run touches; `models`: it touches exported models, or may.

    Documents and evidence name each row that no operation deletes.
    """
    with_account = scope.projects == "all" and not scope.selectors
    concerned = {ACCOUNT: with_account, EXPORTS: models}
    return [
        f"{one.row}: {one.words}"
        for one in outside
        if concerned.get(one.row, True) or one.words != category(one.row).delete_by_hand
    ]


def not_searched_lines(not_searched: Mapping[str, str]) -> list[str]:
    """Return a line for each reason for which rows were not searched."""
    rows_of: dict[str, list[str]] = {}
    for row, reason in not_searched.items():
        rows_of.setdefault(reason, []).append(row)
    return [f"not searched: {', '.join(rows)} ({reason})" for reason, rows in rows_of.items()]


def _models_lines(evidence: Evidence) -> list[str]:
    """Return a line for each project in which models remain that were trained on what was erased."""
    return [
        f"still there: iteration {iteration} of project {one.id}{published(one.published_holding.get(iteration))}, "
        "trained on what was erased"
        for one, iteration in _models_left(evidence)
    ]


def _how_to_delete_models(evidence: Evidence) -> list[str]:
    """Return the command that deletes each model which was trained on what was erased."""
    return [
        f"iteration {iteration} was trained on what was erased; to delete it: "
        f"cv-gdpr delete iterations --project {one.id} --iteration {iteration}{same_connection()}"
        for one, iteration in _models_left(evidence)
    ]


def _models_left(evidence: Evidence) -> list[tuple[Project, str]]:
    return [
        (one, iteration)
        for one in evidence.projects
        for iteration in one.iterations_trained_on_them
        if iteration not in one.kept_for_images
    ]


def published(name: str | None) -> str:
    """Return words that say as what an iteration is published."""
    return f", published as {name!r}" if name else ""


def kept_lines(project: ProjectPlan | Project) -> list[str]:
    """Return a line for each thing that a hold keeps."""
    return [f"kept by --except-ids-file: {one} of project {project.id}" for one in project.kept]


def stays_lines(project: ProjectPlan | Project) -> list[str]:
    """Return a line for each iteration that was selected and stays nevertheless."""
    where = f"of project {project.id}"
    published = "is published: unpublish it, or name it with --iteration"
    return [
        *(f"kept: iteration {one} {where} {published}" for one in project.kept_published),
        *(f"kept: iteration {one} {where} alone holds a kept image" for one in project.kept_for_images),
        *(f"not selected: {one} {where} may be a copy of {of}" for one, of in project.copies_left.items()),
    ]


def _print_shortfall(erased: Erased, selection: Selection) -> None:
    """Name what was not done, then say in one line of error what happened, and in one hint what to do."""
    evidence = erased.evidence
    for project in evidence.failed:
        text = f"project {project.project} could not be read, so nothing of it was deleted: {project.reason}"
        click.echo(f"Failed: {printable(text)}", err=True)
    ids = [value for value in evidence.not_found if value.split(" ")[0] in BY_ID]
    for line in no_match(evidence.scope, ids, selection):
        click.echo(f"Missing: {printable(line)}", err=True)
    print_sentences(line for project in evidence.projects for line in stays_lines(project))
    by_project = {one.id: one.predictions_not_searched for one in evidence.projects}
    print_sentences(not_searched_predictions(by_project))
    for one in erased.left[:_SHOWN]:
        place = "" if evidence.resource else f" of project {one.project}"
        item = f"{one.row} {one.id}{place}: {one.state}"
        reason = f" ({one.reason})" if one.reason else ""
        click.echo(f"Left: {printable(item + reason)}", err=True)
    if error := _error_of(erased):
        click.echo(f"Error: {printable(error)}", err=True)
    if hint := _hint_of(erased):
        click.echo(f"Hint: {printable_hint(hint)}", err=True)


def _error_of(erased: Erased) -> str:
    """Return the line that says why the exit code is not 0."""
    evidence = erased.evidence
    if erased.stopped_by:
        return erased.stopped_by.message
    if evidence.exit_code == NotAuthorised.exit_code:
        return evidence.verdict
    unsearched = [one for one in evidence.projects if one.predictions_not_searched != 0]
    kept = [one for project in evidence.projects for one in (*project.kept_published, *project.kept_for_images)]
    left = [one for project in evidence.projects for one in project.copies_left]
    parts = (
        (erased.left, f"{plural(len(erased.left), 'item')} in the plan not proved to be gone"),
        (evidence.failed, f"{plural(len(evidence.failed), 'project')} could not be read"),
        (
            evidence.not_found if not evidence.scope.missing_ok else (),
            f"{plural(len(evidence.not_found), 'value')} matched nothing",
        ),
        (unsearched, f"stored predictions of {plural(len(unsearched), 'project')} not searched"),
        (kept, f"{plural(len(kept), 'iteration')} kept"),
        (left, f"what may be a copy was not selected ({len(left)})"),
    )
    said = "; ".join(words for found, words in parts if found)
    return f"{said}; {erased.path} names each" if said else ""


def _hint_of(erased: Erased) -> str:
    evidence = erased.evidence
    if erased.stopped_by:
        before = f"{erased.stopped_by.hint}; " if erased.stopped_by.hint else ""
        return before + resume_hint(erased.path)
    if evidence.resource and (hint := _hint_on_resource(erased)):
        return hint
    if evidence.retryable:
        return "the same command (with a new --evidence) deletes the rest"
    return "see the reasons; a new plan shows the rest" if erased.left or evidence.failed else ""


def _hint_on_resource(erased: Erased) -> str:
    """Return what a person must do first where Resource Manager refused to delete or to purge; else an empty text."""
    from cv_gdpr.evidence.events import RECOVERABLE
    from cv_gdpr.service.resource_manager import role_for

    again = "then the same command with a new --evidence deletes the rest"
    for one in erased.left:
        if one.status == 403:
            role = role_for("DeletedAccounts-Purge" if one.row == RECOVERABLE else "Accounts-Delete")
            return f"the identity needs the role {role}; {again}"
        if "ScopeLocked" in one.reason:
            return f"remove the lock (Azure portal, Locks); {again}"
    return ""
