"""`cv-gdpr delete [ROW]`: the plan, the question, the erasure; `erasure_view` prints the result."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from cv_gdpr.cli.arguments import ConnectionOptions, OutputOptions, ScopeOptions, part_of
from cv_gdpr.cli.confirming import confirm_plan
from cv_gdpr.cli.connecting import azure_of, connection_for_account, connection_of, protected_by
from cv_gdpr.cli.copying import add_copies
from cv_gdpr.cli.delete_account import NOTHING_MORE_DELETED, AccountOptions, delete_account, refuse_of_account
from cv_gdpr.cli.delete_options import DeleteOptions, with_options
from cv_gdpr.cli.erasure_view import Beside, print_instructions, report, resume_hint
from cv_gdpr.cli.groups import Rows
from cv_gdpr.cli.interrupting import if_interrupted
from cv_gdpr.cli.output import printable, show_similar
from cv_gdpr.cli.parameters import refuse_blank, same_connection
from cv_gdpr.cli.plan_view import Shown, planned_code, planned_error, show
from cv_gdpr.cli.scoping import add_rows, for_all_profiles, scope_of
from cv_gdpr.cli.sealing import approval_of, before_deletion, seals_of
from cv_gdpr.errors import CvGdprError, ServiceError, StorageError, UsageError
from cv_gdpr.naming import learn
from cv_gdpr.patterns import lines_of
from cv_gdpr.table.categories import ACCOUNT, IMAGES, Category, Deletion, category
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import AGE, EXCEPT, Matches

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.delete.plan import Plan
    from cv_gdpr.evidence.records import ByHand
    from cv_gdpr.evidence.seals import Seals
    from cv_gdpr.service.client import Connection, Service


_NOTHING_DELETED = "nothing was deleted"


@click.group(cls=Rows, invoke_without_command=True, subcommand_metavar="[ROW]")
@with_options
@click.pass_context
def delete(ctx: click.Context, /, **_: Any) -> int | None:
    """Erase the data of a resource, of some projects, or of one data subject, and prove it.

    It shows a plan of what would be deleted, and asks. Then it deletes, looks for every item again, and writes the
    evidence. Without ROW: every row that the API can delete. Options may stand before or after ROW.
    """
    ctx.obj = dict(ctx.params)
    if ctx.invoked_subcommand is None:
        return _run(ctx.obj, ())
    return None


def _help(row: Category) -> str:
    if row.deletion is Deletion.OUTSIDE:
        return f"{row.data}: {row.delete_by_hand}."
    if row.deletion is Deletion.WITH_PARENT:
        return f"{row.data}: deleted with its iteration; deletes the iterations ({row.deleted_by})."
    return f"{row.data}: {row.deleted_by}."


def _summary(row: Category) -> str:
    """Return what the list of rows says of a row."""
    how = "" if row.deletion is Deletion.BY_API else f"; deleted {row.deletion.value}"
    return row.data + how


def _run(parameters: Mapping[str, Any], rows: tuple[str, ...]) -> int:
    if for_all_profiles(parameters):
        from cv_gdpr.cli.all_profiles import delete_each

        return delete_each(parameters, rows)
    options, output = part_of(parameters, DeleteOptions), part_of(parameters, OutputOptions)
    given = part_of(parameters, ConnectionOptions)
    options = options._replace(protect=_protected_projects((*options.protect, *protected_by(given)), rows))
    refuse_of_account(rows, confirm=options.confirm, purge=options.purge)
    if options.approved_by and not options.plan_file:
        raise UsageError("--approved-by needs --plan: only a saved plan can be approved", _NOTHING_DELETED)
    named = os.environ.get("CV_GDPR_DELETE_APPROVED_BY")
    if named and options.approved_by and os.path.realpath(named) != os.path.realpath(options.approved_by):
        raise UsageError("--approved-by names another list than CV_GDPR_DELETE_APPROVED_BY", _NOTHING_DELETED)
    if options.approved_by and not options.sign_with:
        words = "--approved-by needs --sign: otherwise nothing shows that another person approved the plan"
        raise UsageError(words, _NOTHING_DELETED)
    scope = _scope(part_of(parameters, ScopeOptions), rows, options, given.key_file)
    if rows == (ACCOUNT,) and (wanted := azure_of(given)):
        _refuse_parts(scope, options)
        _check_before_asking(options, "--yes --confirm NAME, the name of the resource,")
        chosen = AccountOptions._make(getattr(options, name) for name in AccountOptions._fields)
        return delete_account(wanted, lambda: connection_for_account(given, wanted, with_contents=True), chosen, output)
    connection = connection_of(given, of_account=rows == (ACCOUNT,))
    if rows and all(_deletion_of(row) is Deletion.OUTSIDE for row in rows):
        from cv_gdpr.evidence.by_hand import by_hand

        return print_instructions(by_hand(rows, selected=bool(scope.selection)), output)
    _check_before_asking(options)
    return _erase(connection, scope, options, output)


def _erase(connection: Connection, scope: Scope, options: DeleteOptions, output: OutputOptions) -> int:
    """Plan, confirm, delete and report; or only report, if an earlier run of this command lacked its evidence."""
    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.evidence.by_hand import by_hand_in
    from cv_gdpr.service.client import Service

    saved = _saved_plan(options.plan_file)
    with before_deletion(_NOTHING_DELETED):
        sealing = _seals(options, saved)
    asked = _command_identity(scope, saved, options.with_copies_from)
    earlier: Erased | bool = False
    if not options.dry_run:
        options, earlier = _earlier_or_resumed(options, connection, asked, sealing)
        scope = _as_begun(scope, options.evidence, connection.endpoint) if earlier is True else scope
    if earlier:
        if_interrupted(NOTHING_MORE_DELETED)
    if isinstance(earlier, Erased):
        return report(earlier, {}, output, Beside(options.require_export))
    with Service(connection) as service:
        with _hint_nothing_deleted(resumed=earlier):
            plan = _plan(service, scope, options, saved, resumed=earlier, as_json=output.as_json)
        outside = by_hand_in(plan.scope)
        if options.dry_run:
            return _shown(plan, Shown(outside, service.sign_in.who, scope.selection), options, output)
        if not options.yes:
            with _hint_nothing_deleted(resumed=earlier):
                confirm_plan(plan, Shown(outside, service.sign_in.who, scope.selection))
        with before_deletion(NOTHING_MORE_DELETED if earlier else _NOTHING_DELETED):
            erased = _execute_plan(service, plan, outside, asked, options, sealing=sealing)
        return report(erased, dict(service.calls), output, Beside(options.require_export, scope.selection))


def _shown(plan: Plan, beside: Shown, options: DeleteOptions, output: OutputOptions) -> int:
    """Show what would be deleted, and return the exit code; raise UsageError for more than --max-delete."""
    from cv_gdpr.delete.guards import check_size

    try:
        check_size(plan, options.max_delete)
        refusal, code = None, planned_code(plan)
    except UsageError as error:
        refusal, code = error, error.exit_code
    if output.as_json or not output.quiet:
        show(plan, beside, code=code, as_json=output.as_json)
    if refusal:
        raise refusal
    if lacking := planned_error(plan, beside.selection):
        click.echo(f"Error: {printable(lacking)}", err=True)
    return code


def _seals(options: DeleteOptions, saved: bytes | None) -> Seals:
    """Return who vouches for the evidence; raise UsageError for a plan that is not approved. A dry run signs none."""
    seals = seals_of(*((None, None) if options.dry_run else (options.sign_with, options.timestamp_from)))
    if options.approved_by and options.plan_file and saved is not None:
        return approval_of(options.plan_file, saved, options.approved_by, seals, options.operator)
    return seals


def _refuse_parts(scope: Scope, options: DeleteOptions) -> None:
    """Raise UsageError for options with which less than the whole Azure resource would be deleted."""
    if scope.projects or scope.selection or options.plan_file or options.save_plan:
        words = f"delete {ACCOUNT} deletes the whole resource: give no --project, selector, --plan or --save-plan"
        raise UsageError(words, "nothing was deleted")


def _check_before_asking(options: DeleteOptions, confirmed: str = "--yes") -> None:
    """Raise UsageError for what can be refused before any call is sent; `confirmed`: what a script gives."""
    if not (options.dry_run or options.yes or (sys.stdin and sys.stdin.isatty())):
        raise UsageError("no terminal to confirm on", f"give {confirmed} in a script; --dry-run shows the plan")
    if options.require_export and not options.require_export.is_dir():
        raise UsageError(f"--require-export {options.require_export} is not a folder", "nothing was deleted")
    if options.evidence:
        from cv_gdpr.evidence.files import check_name

        check_name(options.evidence)


def _earlier_or_resumed(
    options: DeleteOptions, connection: Connection, asked: str, sealing: Seals
) -> tuple[DeleteOptions, Erased | bool]:
    """Return whether to resume an earlier run of this command, or its result if only its evidence was missing.

    The returned options name the evidence of that run, even where none was given.
    """
    from cv_gdpr.delete.execute import earlier_run
    from cv_gdpr.service.endpoint import checked_endpoint

    endpoint = checked_endpoint(connection.endpoint)
    evidence = options.evidence or _find_unfinished(endpoint, asked)
    if not evidence:
        return options, False
    return options._replace(evidence=evidence), earlier_run(evidence, endpoint, asked, sealing)


def _as_begun(scope: Scope, evidence: Path | None, endpoint: str) -> Scope:
    """Return the scope with the age that the run fixed which this one resumes."""
    from cv_gdpr.delete.execute import openings
    from cv_gdpr.service.endpoint import checked_endpoint

    if not (evidence and scope.selection.older_than):
        return scope
    begun = openings(evidence, checked_endpoint(endpoint))
    before = next((run.scope.before for run in begun if run.scope.before), scope.selection.before)
    return scope._replace(selection=scope.selection._replace(before=before))


def _saved_plan(path: Path | None) -> bytes | None:
    """Return the content of --plan, read once: it may be a pipe."""
    if not path:
        return None
    from cv_gdpr.delete.plan import plan_bytes

    return plan_bytes(path)


def _plan(  # noqa: PLR0913 - what a plan is made from
    service: Service, scope: Scope, options: DeleteOptions, saved: bytes | None, *, resumed: bool, as_json: bool
) -> Plan:
    """Return the plan, new or from --plan, after the safety checks; write it if --save-plan is given."""
    from cv_gdpr.delete.guards import check_size, refuse_protected, require_export
    from cv_gdpr.delete.plan import load_plan
    from cv_gdpr.delete.planning import make_plan
    from cv_gdpr.table.inventory import near_values

    if options.plan_file and saved is not None:
        plan = load_plan(options.plan_file, saved, service.endpoint)
        learn({"id": one.id, "name": one.name} for one in plan.projects)
        refuse_protected(service, plan, options.protect)
    else:
        if options.with_copies_from:
            scope = add_copies(service, scope, options.with_copies_from, only_same=options.yes)
        matches = Matches(scope.selection)
        plan = make_plan(service, scope, options.protect, resumed=resumed, matches=matches)
        if not as_json:
            show_similar(near_values(matches))
        if options.yes and not (resumed or options.dry_run):
            _check_hold(plan)
    if not options.dry_run:  # that shows the plan first
        check_size(plan, options.max_delete)
    if options.require_export:
        require_export(plan, options.require_export)
    return _saved(plan, options, options.save_plan) if options.save_plan else plan


def _saved(plan: Plan, options: DeleteOptions, path: Path) -> Plan:
    """Write a plan to a file, unless it is larger than --max-delete allows; return it as it is written."""
    from msgspec.structs import replace

    from cv_gdpr.delete.plan import save_plan
    from cv_gdpr.platforms.shells import command

    plan = replace(plan, reference=options.reference or "")
    if options.max_delete is None or plan.total <= options.max_delete:
        save_plan(plan, path)
        carries_out = command("cv-gdpr", "delete", "--plan", str(path)) + same_connection()
        click.echo(f"Note: {printable(f'the plan is in {path}; {carries_out} executes it')}", err=True)
    return plan


def _check_hold(plan: Plan) -> None:
    """Raise UsageError for an id of --except-ids-file that is found nowhere: mistyped, it would keep nothing."""
    unknown = [value for value in plan.unmatched if value.startswith(EXCEPT)]
    if unknown and not plan.scope.missing_ok:
        hint = f"{_NOTHING_DELETED}; check the id, or give --missing-ok where the file names other things as well"
        raise UsageError(f"nothing in scope has the id: {unknown[0]}", hint)


@contextmanager
def _hint_nothing_deleted(*, resumed: bool) -> Iterator[None]:
    """Add to the hint of a service error that nothing was deleted; `resumed`: an earlier run may have deleted."""
    try:
        yield
    except CvGdprError as error:
        if isinstance(error, ServiceError):
            error.hint = f"{_NOTHING_DELETED}{f'; {error.hint}' if error.hint else ''}"
        if resumed and error.hint:
            error.hint = error.hint.replace(_NOTHING_DELETED, NOTHING_MORE_DELETED)
        raise


def _protected_projects(given: tuple[str, ...], rows: tuple[str, ...]) -> tuple[str, ...]:
    """Return the projects named by --protect, the profile, and every variable for it: they add up."""
    names = ["CV_GDPR_PROTECT", "CV_GDPR_DELETE_PROTECT", *(f"CV_GDPR_DELETE_{row.upper()}_PROTECT" for row in rows)]
    for name in names:
        refuse_blank(name)
    lines = [line for name in names for line in lines_of(os.environ.get(name, "")) if line.strip()]
    return tuple(dict.fromkeys((*given, *lines)))


def _scope(given: ScopeOptions, rows: tuple[str, ...], options: DeleteOptions, key_file: str | None) -> Scope:
    if not options.plan_file:
        return _checked(scope_of(given, rows, key_file), with_iterations=options.with_iterations)
    chosen = given.all_projects or given.projects or given.has_selector or given.missing_ok or options.with_iterations
    if rows or chosen or options.save_plan:
        raise UsageError("--plan already says what to delete: give no ROW, scope, selectors or --save-plan")
    return Scope()


def _checked(scope: Scope, *, with_iterations: bool) -> Scope:
    """Return the scope of a deletion; raise UsageError for a selection that would take too much or nothing."""
    if scope.selection.only_age and not scope.rows:
        words = "age alone deletes only with a ROW: images, predictions or iterations"
        raise UsageError(words, "for example: cv-gdpr delete predictions --all --older-than 30d")
    images = not scope.rows or IMAGES in scope.rows
    if with_iterations and not (images and scope.selection and scope.selection.kinds <= category(IMAGES).selectors):
        raise UsageError("--with-iterations needs a selector of images", "for example --tag or --metadata")
    return scope._replace(with_iterations=with_iterations)


def _find_unfinished(endpoint: str, asked: str) -> Path | None:
    """Return the evidence path of a run of this command that was cut off in this folder, and print it; else None."""
    from cv_gdpr.evidence.files import unfinished

    found = unfinished(endpoint, asked)
    if found:
        click.echo(f"Note: resuming a run of this command that was cut off here: {found}", err=True)
    return found


def _command_identity(scope: Scope, plan: bytes | None, copies_from: Path | None) -> str:
    """Return a text that identifies this command; the ledger holds its salted hash: only the same command resumes."""
    import hashlib
    import json

    chosen = scope.selection
    asked = {
        "projects": sorted(scope.projects),
        "rows": sorted(scope.rows),
        "selection": [(kind, text) for kind, _, text in chosen.each() if kind != AGE],
        "probability": chosen.min_probability,
        "age": chosen.older_than or chosen.before,
        "withIterations": scope.with_iterations,
        "missingOk": scope.missing_ok,
        "copiesFrom": str(copies_from) if copies_from else None,
    }
    if plan is not None:
        asked["plan"] = hashlib.sha256(plan).hexdigest()
    return json.dumps(asked, sort_keys=True)


def _deletion_of(row: str) -> Deletion:
    return category(row).deletion


# --- execution --------------------------------------------------------------------------------------------------


def _execute_plan(  # noqa: PLR0913 - what is executed, and how
    service: Service, plan: Plan, outside: list[ByHand], asked: str, options: DeleteOptions, *, sealing: Seals
) -> Erased:
    from pathlib import Path

    from cv_gdpr.delete.execute import erase
    from cv_gdpr.delete.run import Terms
    from cv_gdpr.evidence.files import unused

    path = options.evidence or unused(Path())
    terms = Terms(
        asked=asked,
        protect=options.protect,
        wait=options.wait,
        from_file=bool(options.plan_file),
        confirmed=not options.yes,
        reference=options.reference or "",
        operator=options.operator or "",
        seals=sealing,
        language=options.lang,
        annex=options.annex,
        say=lambda text: click.echo(f"Warning: {printable(text)}", err=True),
    )
    if_interrupted(f"the ledger says what was deleted; {resume_hint(path, saved=bool(options.save_plan))}")
    try:
        return erase(service, plan, path, outside, terms)
    except StorageError as error:
        _hint_at_ledger(error, path, saved=bool(options.save_plan))
        raise


def _hint_at_ledger(error: StorageError, path: Path, *, saved: bool) -> None:
    """Say in an error of the disk how to go on, if a ledger was begun: the last deletion may lack its line."""
    from cv_gdpr.evidence.files import ledger_of

    ledger = ledger_of(path)
    if not error.hint and ledger.is_file() and ledger.stat().st_size:
        error.hint = f"a deletion may have been sent; once the disk has room, {resume_hint(path, saved=saved)}"
        error.retryable = True


add_rows(delete, with_options, _run, _help, _summary)
