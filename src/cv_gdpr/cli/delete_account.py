"""`cv-gdpr delete account`: the plan of a whole Azure resource, the question, its deletion, the purge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import click

from cv_gdpr.cli.confirming import ask
from cv_gdpr.cli.erasure_view import Beside, report, resume_hint
from cv_gdpr.cli.interrupting import if_interrupted
from cv_gdpr.cli.output import plural, print_json, printable
from cv_gdpr.cli.sealing import before_deletion, seals_of
from cv_gdpr.errors import NotFound, ServiceError, UsageError
from cv_gdpr.languages import message
from cv_gdpr.table.categories import ACCOUNT

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.cli.arguments import OutputOptions
    from cv_gdpr.delete.account import AccountPlan
    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.evidence.records import LanguageCode
    from cv_gdpr.evidence.seals import Seals
    from cv_gdpr.service.azure_resource import AzureResource, Wanted
    from cv_gdpr.service.client import Connection
    from cv_gdpr.service.resource_manager import ResourceId


class AccountOptions(NamedTuple):
    """How to confirm and prove the deletion of a resource, and what must hold of its contents."""

    dry_run: bool
    yes: bool
    confirm: str | None
    purge: bool
    protect: tuple[str, ...]
    max_delete: int | None
    require_export: Path | None
    evidence: Path | None
    wait: float
    reference: str | None
    operator: str | None
    sign_with: Path | None
    timestamp_from: str | None
    lang: LanguageCode | None
    annex: bool


_NOTHING = "nothing was deleted"
NOTHING_MORE_DELETED = "this run deleted nothing; the ledger says what the run before it deleted"
_DELETED = message("it is deleted, or being deleted")
_NOT_ITS_KEY = message("the key is not one of this resource, and its endpoint is a region's")
_NO_PROJECTS = {"CustomVision.Prediction": "it holds no projects: a prediction resource has none of its own"}


def refuse_of_account(rows: tuple[str, ...], *, confirm: str | None, purge: bool) -> None:
    """Raise UsageError for an option of the row account without it."""
    for name, given in (("--confirm", confirm is not None), ("--purge", purge)):
        if given and rows != (ACCOUNT,):
            raise UsageError(f"{name} belongs to delete {ACCOUNT}, which deletes the whole Azure resource", _NOTHING)


def delete_account(
    wanted: Wanted, connection: Callable[[], Connection], options: AccountOptions, output: OutputOptions
) -> int:
    """Plan, confirm, delete, look again and report; return the exit code.

    `connection` returns how the training API is reached, which is asked for what the resource holds.
    """
    if options.yes and options.confirm is None and not options.dry_run:
        words = f"delete {ACCOUNT} --yes needs --confirm NAME, the name of the resource"
        raise UsageError(words, _NOTHING)
    import json

    from cv_gdpr.delete.account import begun_with, check_unchanged, plan_account
    from cv_gdpr.delete.execute import Erased, earlier_run
    from cv_gdpr.evidence.files import unfinished
    from cv_gdpr.service.azure_resource import AzureResource

    with before_deletion(_NOTHING):
        sealing = seals_of(*((None, None) if options.dry_run else (options.sign_with, options.timestamp_from)))
    with AzureResource(wanted) as azure:
        place = str(_place(azure))
        asked = json.dumps({"account": place, "purge": options.purge})
        evidence = options.evidence or (None if options.dry_run else unfinished(place, asked))
        earlier: Erased | bool = False
        if evidence and not options.dry_run:
            earlier = earlier_run(evidence, place, asked, sealing)
        if earlier:
            if_interrupted(NOTHING_MORE_DELETED)
        if isinstance(earlier, Erased):
            return report(earlier, {}, output, Beside(options.require_export))
        began = begun_with(evidence, azure.place) if evidence and earlier else None
        plan = plan_account(azure, purge=options.purge, resumed=began)
        if plan.live and not plan.deleting:
            plan = _with_contents(azure, plan, connection, options)
        else:
            plan = _unread(plan, _DELETED, guarded=_is_guarded(options) and not earlier)
        if options.dry_run:
            _show(plan, azure.manager.who, as_json=output.as_json)
            return 0
        if not (options.yes and output.quiet):
            _show(plan, azure.manager.who, error=True)
        _confirm(plan, options)
        if plan.live and not plan.deleting:
            check_unchanged(azure, plan)
        with before_deletion(NOTHING_MORE_DELETED if earlier else _NOTHING):
            done = _delete(azure, plan, evidence, asked, options, sealing=sealing)
        return report(done, {}, output, Beside(options.require_export))


def _place(azure: AzureResource) -> ResourceId:
    try:
        return azure.place
    except NotFound as error:
        raise UsageError(error.message, error.hint) from None


def _with_contents(
    azure: AzureResource, plan: AccountPlan, connect: Callable[[], Connection], options: AccountOptions
) -> AccountPlan:
    """Return the plan with what the resource holds, after the checks of --protect, --max-delete, --require-export.

    Raise UsageError where one of them was given and the contents cannot be read.
    """
    from cv_gdpr.delete.guards import check_size, refuse_protected, require_account, require_export
    from cv_gdpr.delete.planning import make_plan
    from cv_gdpr.service.client import Service
    from cv_gdpr.service.resource_manager import PREDICTION
    from cv_gdpr.table.scope import Scope

    guarded = _is_guarded(options)
    if options.require_export:
        require_account(str(plan.place), options.require_export)
        plan = plan._replace(export=str(options.require_export))
    if plan.kind == PREDICTION:
        return plan  # it has no projects of its own
    connection = connect()
    if connection.unsigned:
        return _unread(plan, _no_sign_in(connection), guarded=guarded)
    try:
        if not azure.holds_what(connection.training_key, connection.endpoint):
            return _unread(plan, _NOT_ITS_KEY, guarded=guarded)
        with Service(connection) as service:
            contents = make_plan(service, Scope())
            refuse_protected(service, contents, options.protect)
    except ServiceError as error:
        return _unread(plan, error.message, guarded=guarded)
    if contents.failed and guarded:
        return _unread(plan, contents.failed[0].reason, guarded=True)
    check_size(contents, options.max_delete)
    if options.require_export:
        require_export(contents, options.require_export)
    return plan._replace(contents=contents)


def _no_sign_in(connection: Connection) -> str:
    from cv_gdpr.service.signin import is_regional

    why = "no training key and no --auth entra"
    return f"{why}, which the endpoint of a region does not take" if is_regional(connection.endpoint) else why


def _is_guarded(options: AccountOptions) -> bool:
    return bool(options.protect or options.max_delete is not None or options.require_export)


def _unread(plan: AccountPlan, why: str, *, guarded: bool) -> AccountPlan:
    if guarded:
        raise UsageError(f"what the resource holds could not be read, nor checked: {why}", _NOTHING)
    return plan._replace(unread=why)


def _confirm(plan: AccountPlan, options: AccountOptions) -> None:
    """Ask a person to type the resource's name; raise UsageError for a wrong one, also in --confirm."""
    if options.yes:
        typed = options.confirm or ""
    else:
        doing = "delete" if plan.live else "purge"
        question = f"To {doing} this, type the name of the resource ({printable(plan.place.name)})"
        typed = ask(question)
    if typed.strip().lower() != plan.place.name.lower():  # names of resources have no case
        raise UsageError("that is not the name of the resource", _NOTHING)


def _delete(  # noqa: PLR0913 - what is executed, and how
    azure: AzureResource,
    plan: AccountPlan,
    evidence: Path | None,
    asked: str,
    options: AccountOptions,
    *,
    sealing: Seals,
) -> Erased:
    from pathlib import Path

    from cv_gdpr.delete.account import erase_account
    from cv_gdpr.delete.run import Terms
    from cv_gdpr.delete.waiting import Deadline
    from cv_gdpr.evidence.files import unused
    from cv_gdpr.platforms.waiting import Event

    path = evidence or unused(Path())
    terms = Terms(
        asked=asked,
        reference=options.reference or "",
        operator=options.operator or "",
        seals=sealing,
        language=options.lang,
        annex=options.annex,
        say=lambda text: click.echo(f"Warning: {printable(text)}", err=True),
    )
    if_interrupted(f"the ledger says what was deleted; {resume_hint(path)}")
    return erase_account(azure, plan, path, terms, Deadline(Event(), options.wait))


# --- the plan -----------------------------------------------------------------------------------------------------


def _show(plan: AccountPlan, who: str, *, as_json: bool = False, error: bool = False) -> None:
    if as_json:
        from cv_gdpr.cli.account_documents import of_account_plan

        print_json(of_account_plan(plan, who))
        return
    for line in _lines(plan, who):
        click.echo(printable(line), err=error)


def _lines(plan: AccountPlan, who: str) -> list[str]:
    if not (plan.live or (plan.purge and plan.account)):
        return [f"Deleted by an earlier run: {plan.place.name}; this run looks for it, and completes the evidence"]
    head = "Would be deleted: the Azure resource" if plan.live else "Would be purged: the deleted Azure resource"
    tags = plan.account.get("tags")
    named = ", ".join(f"{name}={value}" for name, value in tags.items()) if isinstance(tags, dict) else ""
    return [
        f"{head} {plan.place.name}",
        f"  id        {plan.place}",
        f"  kind      {plan.kind}",
        f"  location  {plan.location}",
        f"  tags      {named or 'none'}",
        f"  locks     {', '.join(plan.locks) or 'none'}",
        "",
        *(_contents(plan) if plan.live else []),
        f"stays: {', '.join(plan.siblings)}" if plan.siblings else "it has no sibling resource",
        *([f"exported: {plan.export} holds all of it, and verifies"] if plan.export else []),
        "purged at once: it cannot be recovered" if plan.purge else "Azure keeps it recoverable for 48 hours",
        f"signed in as {who}",
    ]


def _contents(plan: AccountPlan) -> list[str]:
    from cv_gdpr.delete.account import resource_of

    held = resource_of(plan)
    if held.projects is None:
        return [f"deleted with it: what it holds, which is unknown: {plan.unread}"]
    named = {project.id: project.name for project in plan.contents.projects} if plan.contents else {}
    lines = [
        f"deleted with it: project {named[one.id]} ({one.id}): {plural(one.images, 'image')}, "
        f"{plural(one.iterations, 'iteration')}, {plural(one.exported_models, 'exported model')}, "
        f"{plural(one.stored_predictions, 'stored prediction')}"
        for one in held.projects
    ]
    lines += [f"deleted with it: project {one.project}, which could not be read: {one.reason}" for one in held.failed]
    return lines or [_NO_PROJECTS.get(plan.kind, "it holds no projects")]
