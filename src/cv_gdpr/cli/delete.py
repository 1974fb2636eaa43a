"""`cv-gdpr delete [ROW]`."""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from cv_gdpr.categories import CATEGORIES, Category, Deletion
from cv_gdpr.cli import options as shared
from cv_gdpr.cli.output import print_json, print_table, printable
from cv_gdpr.cli.plan_view import planned_code, show
from cv_gdpr.errors import Interrupted, UsageError
from cv_gdpr.findings import Json, Scope

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.delete import Erased
    from cv_gdpr.plan import Plan, ProjectPlan
    from cv_gdpr.service.client import Service

_PATH = shared.FilePath()
_with_options = shared.together(
    shared.scope_options,
    shared.selector_options,
    shared.option("--dry-run", is_flag=True, help="Show the plan and stop; nothing is deleted."),
    shared.option("--save-plan", type=_PATH, metavar="FILE", help="Write the plan as JSON."),
    shared.option("--plan", "plan_file", type=_PATH, metavar="FILE", help="Execute exactly this plan, made earlier."),
    shared.option("--yes", is_flag=True, help="Do not ask; for scripts."),
    shared.option("--max-delete", type=click.IntRange(0), metavar="N", help="Refuse a plan of more than N things."),
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
        metavar="FILE",
        help="Where to write the evidence, with its ledger (FILE.jsonl) and printable page; "
        "default: cv-gdpr-erasure-<UTC time>.json.",
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
    for variable in ("CV_GDPR_PROTECT", "CV_GDPR_DELETE_PROTECT"):
        options["protect"] += tuple(filter(None, os.environ.get(variable, "").split("\n")))
    scope = _scope(options, rows)
    connection = shared.connection(options)
    outside = _outside(scope)
    if rows and all(_deletion(row) is Deletion.OUTSIDE for row in rows):
        return _only_words(outside, options)
    if not (options["dry_run"] or options["yes"] or (sys.stdin and sys.stdin.isatty())):
        raise UsageError("nobody is there to confirm", "a script says --yes; --dry-run shows the plan")
    from cv_gdpr.delete import check_evidence_path
    from cv_gdpr.plan import check_size, load_plan, make_plan, save_plan
    from cv_gdpr.service.client import Service

    if options["evidence"] and not options["dry_run"]:
        check_evidence_path(options["evidence"])
    with Service(connection) as service:
        if options["plan_file"]:
            plan = load_plan(options["plan_file"], service.endpoint)
            _refuse_protected(service, plan, options["protect"])
        else:
            plan = make_plan(service, scope, options["protect"])
        check_size(plan, options["max_delete"])
        if options["require_export"]:
            _require_export(plan, options["require_export"])
        if options["save_plan"]:
            save_plan(plan, options["save_plan"])
        if options["dry_run"]:
            show(plan, outside, as_json=options["as_json"])
            return planned_code(plan)
        _confirm(plan, outside, options)
        return _execute(service, plan, outside, options)


def _scope(options: dict[str, Any], rows: tuple[str, ...]) -> Scope:
    if not options["plan_file"]:
        return shared.scope(options, rows)
    if rows or options["all_projects"] or options["projects"] or _selects(options) or options["save_plan"]:
        raise UsageError("--plan says itself what is deleted: give it without ROW, scope and selectors")
    return Scope()


def _selects(options: dict[str, Any]) -> bool:
    return any(options[name] for name in ("tags", "metadata", "image_ids", "image_ids_file"))


def _deletion(row: str) -> Deletion:
    return next(category.deletion for category in CATEGORIES if category.name == row)


def _outside(scope: Scope) -> list[Json]:
    """Give, for each row in scope that no operation deletes, the words of what a person must do."""
    asked = scope.rows or tuple(row.name for row in CATEGORIES if not scope.selection)
    return [
        {"row": row.name, "words": row.delete_by_hand}
        for row in CATEGORIES
        if row.deletion is Deletion.OUTSIDE and (row.name in asked or (row.name == "exports" and scope.selection))
    ]


def _only_words(outside: list[Json], options: dict[str, Any]) -> int:
    if options["as_json"]:
        print_json({"exitCode": 3, "deleted": 0, "outsideTheApi": outside})
    else:
        for one in outside:
            click.echo(f"{one['row']}: {one['words']}")
    click.echo("Error: no operation of the API deletes this; nothing was sent", err=True)
    return 3


def _refuse_protected(service: "Service", plan: "Plan", protect: tuple[str, ...]) -> None:
    from cv_gdpr.plan import protected_ids

    named = protected_ids(service, protect) if protect else set()
    for project in plan.projects:
        if project.id in named:
            raise UsageError(f"project {project.id} is in the plan, and protected", "nothing was sent")


def _require_export(plan: "Plan", folder: "Path") -> None:
    from cv_gdpr.archive.holding import endpoint_of, records_held, rows_of
    from cv_gdpr.plan import not_held
    from cv_gdpr.verify import verify

    if not folder.is_dir():
        raise UsageError(f"--require-export {folder} is not a folder", "name the folder of a finished export")
    differences = verify(folder).differences
    if differences:
        raise UsageError(f"--require-export {folder} is not proved: {differences[0]}", "nothing was sent")
    if endpoint_of(folder) != plan.endpoint:
        raise UsageError(f"--require-export {folder} is of another endpoint: {endpoint_of(folder)}")
    if "performance" not in rows_of(folder) and any(one.rows.get("iterations") for one in plan.projects):
        raise UsageError(
            f"--require-export {folder} does not hold the iterations' performance, which goes with them",
            "export again, with the row performance; nothing was sent",
        )
    lacking = not_held(plan, records_held(folder))
    if lacking:
        row, identity = lacking[0]
        raise UsageError(
            f"--require-export {folder} does not hold {len(lacking)} things of the plan as they are now, the first: "
            f"{row} {identity}",
            "export again, then delete; nothing was sent",
        )


# --- asking -----------------------------------------------------------------------------------------------------


def _confirm(plan: "Plan", outside: list[Json], options: dict[str, Any]) -> None:
    """Ask a person to type what is to be deleted; raises UsageError if it is something else."""
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
        if click.prompt(f"To delete this, type the {what}", err=True, default="", show_default=False) not in right:
            raise UsageError(f"that is not the {what}", "nothing was sent")


def _name_or_id(project: "ProjectPlan") -> tuple[str, set[str]]:
    """Give what to type for a project: its id where its name is none that a person could type."""
    if project.name.strip() and project.name.isprintable():
        return f"name of project {project.id}", {project.name}
    return "id of the project", {project.id}


# --- doing ------------------------------------------------------------------------------------------------------


def _execute(service: "Service", plan: "Plan", outside: list[Json], options: dict[str, Any]) -> int:
    from datetime import UTC, datetime
    from pathlib import Path

    from cv_gdpr.delete import erase

    path = options["evidence"] or Path(f"cv-gdpr-erasure-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json")
    try:
        erased = erase(
            service,
            plan,
            path,
            outside=outside,
            wait=options["wait"],
            from_file=bool(options["plan_file"]),
            say=lambda text: click.echo(f"Warning: {printable(text)}", err=True),
        )
    except (KeyboardInterrupt, Interrupted):
        import shlex

        how = f"--evidence {shlex.quote(str(path))}{', without --save-plan,' if options['save_plan'] else ''}"
        hint = f"its ledger tells what went; the same command with {how} does what is left"
        raise Interrupted("interrupted", hint) from None
    _report(erased, dict(service.calls), options)
    return int(erased.evidence["exitCode"])


def _report(erased: "Erased", calls: dict[str, int], options: dict[str, Any]) -> None:
    from cv_gdpr.report.evidence import certificate_of, ledger_of

    evidence = erased.evidence
    files = {
        "evidence": str(erased.path),
        "ledger": str(ledger_of(erased.path)),
        "certificate": str(certificate_of(erased.path)),
    }
    if options["as_json"]:
        kept = (
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
        print_json({name: evidence[name] for name in kept} | files | {"calls": calls})
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


def _print_shortfall(erased: "Erased") -> None:
    evidence = erased.evidence
    if erased.stopped_by:
        click.echo(f"Error: {printable(erased.stopped_by.message)}", err=True)
        if erased.stopped_by.hint:
            click.echo(f"Hint: {printable(erased.stopped_by.hint)}", err=True)
    for value in evidence["notFound"]:
        click.echo(f"Error: found nowhere: {printable(value)}", err=True)
    bad = [one for one in evidence["items"] if one["state"] not in {"deleted", "gone already"}]
    for one in bad[:20]:
        told = f"{one['row']} {one['id']} of project {one['project']}: {one['state']}"
        reason = f" ({one['reason']})" if one["reason"] else ""
        click.echo(f"Left: {printable(told + reason)}", err=True)
    if bad and not erased.stopped_by:
        click.echo(
            f"Error: {len(bad)} things of the plan are not proved to be gone; {erased.path} names each", err=True
        )
        click.echo("Hint: the same command (with a new --evidence) does what is left", err=True)


shared.add_rows(delete, _with_options, _run, _help)
