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
    shared.option("--dry-run", is_flag=True, help="Show the plan and exit; nothing is deleted."),
    shared.option("--save-plan", type=_PATH, metavar="FILE", help="Also write the plan to FILE, for --plan."),
    shared.only_typed(
        "--plan",
        "plan_file",
        type=_PATH,
        metavar="FILE",
        help="Delete exactly what this saved plan lists; anything newer stays.",
    ),
    shared.only_typed("--yes", is_flag=True, help="Delete without asking; for scripts."),
    shared.option(
        "--max-delete",
        type=click.IntRange(0),
        metavar="N",
        help="Refuse a plan of more than N things, counting what is deleted along with them.",
    ),
    shared.option(
        "--protect",
        multiple=True,
        type=shared.OnePerLine(),
        metavar="P",
        help="Never change this project (name or id); repeats. Also set by CV_GDPR_PROTECT, one per line.",
    ),
    shared.option(
        "--require-export",
        type=_PATH,
        metavar="DIR",
        help="Refuse unless the export in DIR verifies and holds everything in the plan as it is now.",
    ),
    shared.option(
        "--evidence",
        type=_PATH,
        metavar="NAME.json",
        help="Write the evidence here, with the ledger (NAME.jsonl), certificate (NAME.html) and hashes "
        "(NAME.sha256) beside it. Default: cv-gdpr-erasure-<UTC time>.json.",
    ),
    shared.option(
        "--wait",
        type=shared.Seconds(),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for slow deletions and for iterations in training.",
    ),
    shared.connection_options,
    shared.output_options,
)


@click.group(invoke_without_command=True, subcommand_metavar="[ROW]")
@_with_options
@click.pass_context
def delete(ctx: click.Context, /, **_: Any) -> int | None:
    """Erase the data of a resource, of some projects, or of one data subject, and prove it.

    Shows a plan of what would be deleted, and asks. Then deletes children before parents, checks that everything is
    gone, and writes evidence. Without ROW: every row that the API can delete. Options may stand before or after ROW.
    """
    ctx.obj = dict(ctx.params)
    if ctx.invoked_subcommand is None:
        return _run(ctx.obj, ())
    return None


def _help(category: Category) -> str:
    if category.deletion is Deletion.OUTSIDE:
        return f"{category.data}: {category.delete_by_hand}."
    if category.deletion is Deletion.WITH_PARENT:
        return f"{category.data}: deleted with its iteration; deletes the iterations ({category.deleted_by})."
    return f"{category.data}: {category.deleted_by}."


def _run(options: dict[str, Any], rows: tuple[str, ...]) -> int:
    options["protect"] = _protected_projects(options["protect"], rows)
    scope = _scope(options, rows)
    connection = shared.connection(options)
    if rows and all(_deletion_of(row) is Deletion.OUTSIDE for row in rows):
        return _print_instructions(_outside_the_api(rows, selected=bool(scope.selection)), options)
    _check_before_asking(options)
    asked = _command_identity(scope, options["plan_file"])
    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.service.client import Service

    earlier = _earlier_or_resumed(options, connection, asked)
    if isinstance(earlier, Erased):
        return _report(earlier, {}, options)
    with Service(connection) as service:
        with _hint_nothing_deleted():
            plan = _plan(service, scope, options, resumed=earlier)
        outside = _outside_the_api(plan.rows_named, selected=bool(plan.scope["selectors"]))
        if options["dry_run"]:
            show(plan, outside, as_json=options["as_json"])
            return planned_code(plan)
        _confirm_plan(plan, outside, options)
        return _execute_plan(service, plan, outside, asked, options)


def _check_before_asking(options: dict[str, Any]) -> None:
    """Raise UsageError for what can be refused before any call is sent."""
    if not (options["dry_run"] or options["yes"] or (sys.stdin and sys.stdin.isatty())):
        raise UsageError("no terminal to confirm on", "give --yes in a script; --dry-run shows the plan")
    if options["require_export"] and not options["require_export"].is_dir():
        raise UsageError(f"--require-export {options['require_export']} is not a folder", "nothing was sent")
    if options["evidence"]:
        from cv_gdpr.evidence.papers import check_name

        check_name(options["evidence"])


def _earlier_or_resumed(options: dict[str, Any], connection: Connection, asked: str) -> Erased | bool:
    """Return whether to resume an earlier run of this command, or its result if only its evidence was missing."""
    from cv_gdpr.delete.execute import earlier_run
    from cv_gdpr.service.endpoint import checked_endpoint

    if options["dry_run"]:
        return False
    endpoint = checked_endpoint(connection.endpoint)
    if not options["evidence"]:
        options["evidence"] = _find_unfinished(endpoint, asked)
    return bool(options["evidence"]) and earlier_run(options["evidence"], endpoint, asked)


def _plan(service: Service, scope: Scope, options: dict[str, Any], *, resumed: bool) -> Plan:
    """Return the plan, new or from --plan, after the safety checks; write it if --save-plan is given."""
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
def _hint_nothing_deleted() -> Iterator[None]:
    """Add to the hint of a service error that nothing was deleted."""
    try:
        yield
    except ServiceError as error:
        error.hint = f"nothing was deleted{f'; {error.hint}' if error.hint else ''}"
        raise


def _protected_projects(given: tuple[str, ...], rows: tuple[str, ...]) -> tuple[str, ...]:
    """Return the projects named by --protect and by every variable for it: they add up."""
    names = ["CV_GDPR_PROTECT", "CV_GDPR_DELETE_PROTECT", *(f"CV_GDPR_DELETE_{row.upper()}_PROTECT" for row in rows)]
    for name in names:
        shared.refuse_blank(name)
    lines = [line for name in names for line in os.environ.get(name, "").splitlines() if line.strip()]
    return tuple(dict.fromkeys((*given, *lines)))


def _scope(options: dict[str, Any], rows: tuple[str, ...]) -> Scope:
    if not options["plan_file"]:
        return shared.scope(options, rows)
    if rows or options["all_projects"] or options["projects"] or _has_selector(options) or options["save_plan"]:
        raise UsageError("--plan already says what to delete: give no ROW, scope, selectors or --save-plan")
    return Scope()


def _find_unfinished(endpoint: str, asked: str) -> Path | None:
    """Return the evidence path of a run of this command that was cut off in this folder, and print it; else None."""
    from cv_gdpr.evidence.papers import unfinished

    found = unfinished(endpoint, asked)
    if found:
        click.echo(f"Note: resuming a run of this command that was cut off here: {found}", err=True)
    return found


def _command_identity(scope: Scope, plan_file: Path | None) -> str:
    """Return a text that identifies this command; the ledger holds its salted hash: only the same command resumes."""
    import hashlib
    import json

    selection = {name: sorted(values) for name, values in scope.selection._asdict().items()}
    asked = {"projects": sorted(scope.projects), "rows": sorted(scope.rows), "selection": selection}
    if plan_file:
        from cv_gdpr.delete.plan import plan_bytes

        asked["plan"] = hashlib.sha256(plan_bytes(plan_file)).hexdigest()
    return json.dumps(asked, sort_keys=True)


def _has_selector(options: dict[str, Any]) -> bool:
    return any(options[name] for name in ("tags", "metadata", "image_ids", "image_ids_file"))


def _deletion_of(row: str) -> Deletion:
    return next(category.deletion for category in CATEGORIES if category.name == row)


def _outside_the_api(rows: tuple[str, ...], *, selected: bool) -> list[Json]:
    """Return, for each row in scope that no operation deletes, what a person must do."""
    asked = rows or tuple(row.name for row in CATEGORIES if not selected)
    return [
        {"row": row.name, "words": row.delete_by_hand}
        for row in CATEGORIES
        if row.deletion is Deletion.OUTSIDE and (row.name in asked or (row.name == "exports" and selected))
    ]


def _print_instructions(outside: list[Json], options: dict[str, Any]) -> int:
    if options["as_json"]:
        print_json({"exitCode": 3, "deleted": 0, "outsideTheApi": outside})
    else:
        for one in outside:
            click.echo(f"{one['row']}: {one['words']}")
    click.echo("Error: no API operation deletes this; nothing was sent", err=True)
    return 3


# --- confirmation -------------------------------------------------------------------------------------------------


def _confirm_plan(plan: Plan, outside: list[Json], options: dict[str, Any]) -> None:
    """Ask a person to type the name of each project, or the host; raise UsageError for a wrong answer."""
    if options["yes"] or not plan.total:
        return
    show(plan, outside, error=True)
    from urllib.parse import urlsplit

    if plan.scope["projects"] == "all":
        host = urlsplit(plan.endpoint)
        answers = [("host of the resource", {host.netloc, str(host.hostname)})]
    else:
        answers = [_name_or_id(project) for project in plan.projects if project.total]
    for what, right in answers:
        if _ask(f"To delete this, type the {what}") not in right:
            raise UsageError(f"that is not the {what}", "nothing was sent")


def _ask(question: str) -> str:
    try:
        answer: str = click.prompt(question, err=True, default="", show_default=False)
    except click.Abort:
        raise Interrupted("interrupted", "nothing was sent") from None
    return answer


def _name_or_id(project: ProjectPlan) -> tuple[str, set[str]]:
    """Return what to type for a project: its name, or its id if the name cannot be typed."""
    if project.name.strip() and project.name.isprintable():
        return f"name of project {project.id}", {project.name}
    return "id of the project", {project.id}


# --- execution --------------------------------------------------------------------------------------------------


def _execute_plan(service: Service, plan: Plan, outside: list[Json], asked: str, options: dict[str, Any]) -> int:
    from pathlib import Path

    from cv_gdpr.delete.execute import erase
    from cv_gdpr.delete.run import Terms
    from cv_gdpr.evidence.papers import unused

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
        erased = erase(service, plan, path, outside, terms)
    except (KeyboardInterrupt, Interrupted):
        hint = f"the ledger says what was deleted; {_resume_hint(path, saved=bool(options['save_plan']))}"
        raise Interrupted("interrupted", hint) from None
    return _report(erased, dict(service.calls), options)


def _resume_hint(path: Path, *, saved: bool = False) -> str:
    import shlex

    how = f"{shlex.quote(str(path))}{', without --save-plan,' if saved else ''}"
    return f"the same command with --evidence {how} deletes the rest"


def _report(erased: Erased, calls: dict[str, int], options: dict[str, Any]) -> int:
    """Print the result of an erasure and return its exit code."""
    from cv_gdpr.evidence.papers import certificate_of, hashes_of, ledger_of

    evidence = erased.evidence
    files = {
        "evidence": str(erased.path),
        "ledger": str(ledger_of(erased.path)),
        "certificate": str(certificate_of(erased.path)),
        "hashes": str(hashes_of(erased.path)),
    }
    if erased.completed:
        click.echo(
            f"Note: this erasure ended at {evidence['finished']}; its evidence was completed from the ledger. "
            "No call was sent, and nothing was deleted.",
            err=True,
        )
    if options["as_json"]:
        shown = (
            "verdict",
            "exitCode",
            "scope",
            "counts",
            "residue",
            "notFound",
            "protected",
            "outsideTheApi",
            "planHash",
        )
        document = {name: evidence[name] for name in shown} | files
        print_json(document | {"completedFromLedger": erased.completed, "calls": calls})
    elif not options["quiet"]:
        click.echo(evidence["verdict"])
        counts = sorted(evidence["counts"].items())
        if counts:
            print_table("things in the plan", ("state", "things"), [(name, str(n)) for name, n in counts], numbers={1})
        for row, reason in evidence["scope"].get("notSearched", {}).items():
            click.echo(f"{row}: not searched, {reason}")
        for one in evidence["outsideTheApi"]:
            click.echo(f"{one['row']}: {one['words']}")
        for name, path in files.items():
            click.echo(f"{name}: {path}")
        if options["verbose"]:
            print_table(
                "calls sent", ("operation", "calls"), [(k, str(n)) for k, n in sorted(calls.items())], numbers={1}
            )
    _print_shortfall(erased)
    return int(evidence["exitCode"])


def _print_shortfall(erased: Erased) -> None:
    evidence = erased.evidence
    if erased.stopped_by:
        click.echo(f"Error: {printable(erased.stopped_by.message)}", err=True)
        hint = f"{erased.stopped_by.hint}; " if erased.stopped_by.hint else ""
        click.echo(f"Hint: {printable(hint)}{_resume_hint(erased.path)}", err=True)
    elif evidence["exitCode"] == NotAuthorised.exit_code:
        click.echo(f"Error: {printable(evidence['verdict'])}", err=True)
    for value in evidence["notFound"]:
        click.echo(f"Error: not found: {printable(value)}", err=True)
    remaining = [one for one in evidence["items"] if one["state"] not in {"deleted", "gone already"}]
    for one in remaining[:20]:
        thing = f"{one['row']} {one['id']} of project {one['project']}: {one['state']}"
        reason = f" ({one['reason']})" if one["reason"] else ""
        click.echo(f"Left: {printable(thing + reason)}", err=True)
    if remaining and not erased.stopped_by:
        click.echo(
            f"Error: {len(remaining)} things in the plan are not proved gone; {erased.path} names each", err=True
        )
        click.echo("Hint: the same command (with a new --evidence) deletes the rest", err=True)


shared.add_rows(delete, _with_options, _run, _help)
