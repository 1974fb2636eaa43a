"""`cv-gdpr delete [ROW]`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from cv_gdpr.cli import options as shared
from cv_gdpr.cli.output import print_json, print_table, printable
from cv_gdpr.cli.plan_view import planned_code, show
from cv_gdpr.errors import Interrupted, NotAuthorised, ServiceError, UsageError
from cv_gdpr.table.categories import CATEGORIES, Category, Deletion
from cv_gdpr.table.scope import Scope

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.delete.plan import Plan, ProjectPlan
    from cv_gdpr.service.client import Connection, Service
    from cv_gdpr.verbatim import Json

_PATH = shared.FilePath()
_with_options = shared.together(
    shared.scope_options,
    shared.selector_options,
    shared.option("--dry-run", is_flag=True, help="Show the plan and stop; nothing is deleted."),
    shared.option("--save-plan", type=_PATH, metavar="FILE", help="Write the plan as JSON."),
    shared.only_typed(
        "--plan",
        "plan_file",
        type=_PATH,
        metavar="FILE",
        help="Execute exactly this plan, made earlier.",
    ),
    shared.only_typed("--yes", is_flag=True, help="Do not ask; for scripts."),
    shared.option(
        "--max-delete",
        type=click.IntRange(0),
        metavar="N",
        help="Refuse a plan of more than N things, those included that go along.",
    ),
    shared.option(
        "--protect",
        multiple=True,
        type=shared.OnePerLine(),
        metavar="P",
        help="Never touch this project (name or id); repeats. Also CV_GDPR_PROTECT, one a line.",
    ),
    shared.option(
        "--require-export",
        type=_PATH,
        metavar="DIR",
        help="Refuse to delete anything that the verified export in DIR does not hold as it is now.",
    ),
    shared.option(
        "--evidence",
        type=_PATH,
        metavar="NAME.json",
        help="Where to write the evidence, with its ledger (NAME.jsonl), certificate (NAME.html) and hashes "
        "(NAME.sha256); default: cv-gdpr-erasure-<UTC time>.json.",
    ),
    shared.option(
        "--wait",
        type=shared.Seconds(),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="How long asynchronous deletions, and iterations in training, are waited for.",
    ),
    shared.connection_options,
    shared.output_options,
)


@click.group(invoke_without_command=True, subcommand_metavar="[ROW]")
@_with_options
@click.pass_context
def delete(ctx: click.Context, /, **_: Any) -> int | None:
    """Erase the data of a resource, of some projects, or of one data subject, and prove it.

    First lists what is there and shows the plan; asks; then deletes children before parents, looks for everything
    again, and writes evidence. Without ROW: every row that the API can delete. Options work on either side of ROW.
    """
    ctx.obj = dict(ctx.params)
    if ctx.invoked_subcommand is None:
        return _run(ctx.obj, ())
    return None


def _help(category: Category) -> str:
    if category.deletion is Deletion.OUTSIDE:
        return f"{category.data}: {category.delete_by_hand}."
    if category.deletion is Deletion.WITH_PARENT:
        return (
            f"{category.data}: deleted with its iteration, so that the iterations are planned ({category.deleted_by})."
        )
    return f"{category.data}: {category.deleted_by}."


def _run(options: dict[str, Any], rows: tuple[str, ...]) -> int:
    options["protect"] = _protections(options["protect"], rows)
    scope = _scope(options, rows)
    connection = shared.connection(options)
    if rows and all(_deletion(row) is Deletion.OUTSIDE for row in rows):
        return _only_words(_outside(rows, selected=bool(scope.selection)), options)
    _check_before_asking(options)
    asked = _asked(scope, options["plan_file"])
    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.service.client import Service

    earlier = _earlier(options, connection, asked)
    if isinstance(earlier, Erased):
        return _report(earlier, {}, options)
    with Service(connection) as service:
        with _nothing_sent():
            plan = _plan(service, scope, options, resumed=earlier)
        outside = _outside(plan.rows_named, selected=bool(plan.scope.selectors))
        if options["dry_run"]:
            show(plan, outside, as_json=options["as_json"])
            return planned_code(plan)
        _confirm(plan, outside, options)
        return _execute(service, plan, outside, asked, options)


def _check_before_asking(options: dict[str, Any]) -> None:
    """Raise UsageError for what can be told before the service is asked for anything."""
    if not (options["dry_run"] or options["yes"] or (sys.stdin and sys.stdin.isatty())):
        raise UsageError("nobody is there to confirm", "a script says --yes; --dry-run shows the plan")
    if options["require_export"] and not options["require_export"].is_dir():
        raise UsageError(f"--require-export {options['require_export']} is not a folder", "nothing was sent")
    if options["evidence"]:
        from cv_gdpr.evidence.papers import check_name

        check_name(options["evidence"])


def _earlier(options: dict[str, Any], connection: Connection, asked: str) -> Erased | bool:
    """Return whether a run of this command is resumed, or what it came to if only its papers were missing."""
    from cv_gdpr.delete.execute import earlier_run
    from cv_gdpr.service.client import checked_endpoint

    if options["dry_run"]:
        return False
    endpoint = checked_endpoint(connection.endpoint)
    if not options["evidence"]:
        options["evidence"] = _left_unfinished(endpoint, asked)
    return bool(options["evidence"]) and earlier_run(options["evidence"], endpoint, asked)


def _plan(service: Service, scope: Scope, options: dict[str, Any], *, resumed: bool) -> Plan:
    """Return the plan, made or read, that no safety belt refuses; save it if that was asked for."""
    from cv_gdpr.delete.guards import check_size, refuse_protected, require_export
    from cv_gdpr.delete.plan import load_plan, save_plan
    from cv_gdpr.delete.planning import make_plan

    if options["plan_file"]:
        plan = load_plan(options["plan_file"], service.endpoint)
        refuse_protected(service, plan, options["protect"])
    else:
        plan = make_plan(service, scope, options["protect"], resumed=resumed)
    check_size(plan, options["max_delete"])
    if options["require_export"]:
        require_export(plan, options["require_export"])
    if options["save_plan"]:
        save_plan(plan, options["save_plan"])
    return plan


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """Say with an error that nothing was deleted yet."""
    try:
        yield
    except ServiceError as error:
        error.hint = f"nothing was deleted{f'; {error.hint}' if error.hint else ''}"
        raise


def _protections(given: tuple[str, ...], rows: tuple[str, ...]) -> tuple[str, ...]:
    """Return what --protect and every variable that sets it name: protections add up."""
    names = ["CV_GDPR_PROTECT", "CV_GDPR_DELETE_PROTECT", *(f"CV_GDPR_DELETE_{row.upper()}_PROTECT" for row in rows)]
    for name in names:
        shared.refuse_blank(name)
    lines = [line for name in names for line in os.environ.get(name, "").splitlines() if line.strip()]
    return tuple(dict.fromkeys((*given, *lines)))


def _scope(options: dict[str, Any], rows: tuple[str, ...]) -> Scope:
    if not options["plan_file"]:
        return shared.scope(options, rows)
    if rows or options["all_projects"] or options["projects"] or _selects(options) or options["save_plan"]:
        raise UsageError("--plan says itself what is deleted: give it without ROW, scope and selectors")
    return Scope()


def _left_unfinished(endpoint: str, asked: str) -> Path | None:
    """Return the evidence of a run of this command that was cut off here, if it was given no name; say so."""
    from cv_gdpr.evidence.papers import unfinished

    found = unfinished(endpoint, asked)
    if found:
        click.echo(f"Note: a run of this command was cut off here; its ledger is resumed: {found}", err=True)
    return found


def _asked(scope: Scope, plan_file: Path | None) -> str:
    """Give what tells this command from others; its salted hash stands in the ledger, that no other may resume."""
    import hashlib
    import json

    selection = {name: sorted(values) for name, values in scope.selection._asdict().items()}
    asked = {"projects": sorted(scope.projects), "rows": sorted(scope.rows), "selection": selection}
    if plan_file:
        from cv_gdpr.delete.plan import plan_bytes

        asked["plan"] = hashlib.sha256(plan_bytes(plan_file)).hexdigest()
    return json.dumps(asked, sort_keys=True)


def _selects(options: dict[str, Any]) -> bool:
    return any(options[name] for name in ("tags", "metadata", "image_ids", "image_ids_file"))


def _deletion(row: str) -> Deletion:
    return next(category.deletion for category in CATEGORIES if category.name == row)


def _outside(rows: tuple[str, ...], *, selected: bool) -> list[Json]:
    """Return, for each row in scope that no operation deletes, the words of what a person must do."""
    asked = rows or tuple(row.name for row in CATEGORIES if not selected)
    return [
        {"row": row.name, "words": row.delete_by_hand}
        for row in CATEGORIES
        if row.deletion is Deletion.OUTSIDE and (row.name in asked or (row.name == "exports" and selected))
    ]


def _only_words(outside: list[Json], options: dict[str, Any]) -> int:
    if options["as_json"]:
        print_json({"exitCode": 3, "deleted": 0, "outsideTheApi": outside})
    else:
        for one in outside:
            click.echo(f"{one['row']}: {one['words']}")
    click.echo("Error: no operation of the API deletes this; nothing was sent", err=True)
    return 3


# --- asking -----------------------------------------------------------------------------------------------------


def _confirm(plan: Plan, outside: list[Json], options: dict[str, Any]) -> None:
    """Ask a person to type what is to be deleted; raises UsageError if it is something else."""
    if options["yes"] or not plan.total:
        return
    show(plan, outside, error=True)
    from urllib.parse import urlsplit

    if plan.scope.projects == "all":
        host = urlsplit(plan.endpoint)
        answers = [("host of the resource", {host.netloc, str(host.hostname)})]
    else:
        answers = [_name_or_id(project) for project in plan.projects if project.total]
    for what, right in answers:
        if _typed(f"To delete this, type the {what}") not in right:
            raise UsageError(f"that is not the {what}", "nothing was sent")


def _typed(question: str) -> str:
    try:
        answer: str = click.prompt(question, err=True, default="", show_default=False)
    except click.Abort:
        raise Interrupted("interrupted", "nothing was sent") from None
    return answer


def _name_or_id(project: ProjectPlan) -> tuple[str, set[str]]:
    """Give what to type for a project: its id where its name is none that a person could type."""
    if project.name.strip() and project.name.isprintable():
        return f"name of project {project.id}", {project.name}
    return "id of the project", {project.id}


# --- doing ------------------------------------------------------------------------------------------------------


def _execute(service: Service, plan: Plan, outside: list[Json], asked: str, options: dict[str, Any]) -> int:
    from pathlib import Path

    from cv_gdpr.delete.execute import erase
    from cv_gdpr.delete.run import Terms
    from cv_gdpr.evidence.papers import unused
    from cv_gdpr.evidence.records import ByHand

    path = options["evidence"] or unused(Path())
    terms = Terms(
        asked=asked,
        protect=options["protect"],
        wait=options["wait"],
        from_file=bool(options["plan_file"]),
        confirmed=not options["yes"],
        say=lambda text: click.echo(f"Warning: {printable(text)}", err=True),
    )
    try:
        erased = erase(service, plan, path, [ByHand(**one) for one in outside], terms)
    except (KeyboardInterrupt, Interrupted):
        hint = f"its ledger tells what went; {_resume(path, saved=bool(options['save_plan']))}"
        raise Interrupted("interrupted", hint) from None
    return _report(erased, dict(service.calls), options)


def _resume(path: Path, *, saved: bool = False) -> str:
    import shlex

    how = f"{shlex.quote(str(path))}{', without --save-plan,' if saved else ''}"
    return f"the same command with --evidence {how} does what is left"


def _report(erased: Erased, calls: dict[str, int], options: dict[str, Any]) -> int:
    """Print what an erasure came to, and give its exit code."""
    from cv_gdpr.evidence.papers import certificate_of, hashes_of, ledger_of
    from cv_gdpr.evidence.records import as_json

    evidence = erased.evidence
    files = {
        "evidence": str(erased.path),
        "ledger": str(ledger_of(erased.path)),
        "certificate": str(certificate_of(erased.path)),
        "hashes": str(hashes_of(erased.path)),
    }
    if erased.completed:
        click.echo(
            f"Note: this erasure ended at {evidence.finished}; its evidence was completed from the ledger. "
            "The service was asked nothing, and nothing was deleted.",
            err=True,
        )
    if options["as_json"]:
        kept = (
            "verdict",
            "exitCode",
            "retryable",
            "scope",
            "counts",
            "residue",
            "notFound",
            "protected",
            "outsideTheApi",
            "planHash",
        )
        document = as_json(evidence)
        told = {name: document[name] for name in kept} | files
        print_json(told | {"completedFromLedger": erased.completed, "calls": calls})
    elif not options["quiet"]:
        click.echo(evidence.verdict)
        counts = sorted(evidence.counts.items())
        if counts:
            print_table("things in the plan", ("state", "things"), [(name, str(n)) for name, n in counts], numbers={1})
        for row, reason in evidence.scope.not_searched.items():
            click.echo(f"{row}: not searched, {reason}")
        for one in evidence.outside_the_api:
            click.echo(f"{one.row}: {one.words}")
        for name, path in files.items():
            click.echo(f"{name}: {path}")
        if options["verbose"]:
            print_table(
                "calls sent", ("operation", "calls"), [(k, str(n)) for k, n in sorted(calls.items())], numbers={1}
            )
    _print_shortfall(erased)
    return evidence.exit_code


def _print_shortfall(erased: Erased) -> None:
    evidence = erased.evidence
    if erased.stopped_by:
        click.echo(f"Error: {printable(erased.stopped_by.message)}", err=True)
        hint = f"{erased.stopped_by.hint}; " if erased.stopped_by.hint else ""
        click.echo(f"Hint: {printable(hint)}{_resume(erased.path)}", err=True)
    elif evidence.exit_code == NotAuthorised.exit_code:
        click.echo(f"Error: {printable(evidence.verdict)}", err=True)
    for value in evidence.not_found:
        click.echo(f"Error: found nowhere: {printable(value)}", err=True)
    bad = [one for one in evidence.items if one.state not in {"deleted", "gone already"}]
    for one in bad[:20]:
        told = f"{one.row} {one.id} of project {one.project}: {one.state}"
        reason = f" ({one.reason})" if one.reason else ""
        click.echo(f"Left: {printable(told + reason)}", err=True)
    if bad and not erased.stopped_by:
        click.echo(
            f"Error: {len(bad)} things of the plan are not proved to be gone; {erased.path} names each", err=True
        )
        click.echo("Hint: the same command (with a new --evidence) does what is left", err=True)


shared.add_rows(delete, _with_options, _run, _help)
