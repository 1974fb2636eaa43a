"""The question before a deletion: a person types the name of each project, or the host of the resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from cv_gdpr.cli.interrupting import interrupted
from cv_gdpr.cli.output import printable
from cv_gdpr.cli.plan_view import Shown, show
from cv_gdpr.errors import UsageError

if TYPE_CHECKING:
    from cv_gdpr.delete.plan import Plan, ProjectPlan


def confirm_plan(plan: Plan, beside: Shown) -> None:
    """Ask a person to type the name of each project, or the host; raise UsageError for a wrong answer."""
    if not plan.total:
        return
    show(plan, beside, error=True)
    from urllib.parse import urlsplit

    from cv_gdpr.table.labels import same_text

    if plan.scope.projects == "all":
        host = urlsplit(plan.endpoint)
        answers = [_Answer("the host of the resource", host.netloc, {host.netloc, str(host.hostname)})]
    else:
        answers = [_name_or_id(project) for project in plan.projects if project.total]
    for answer in answers:
        if same_text(ask(f"To delete this, type {answer.what} ({printable(answer.shown)})")) not in answer.right:
            raise UsageError(f"that is not {answer.what}", "nothing was deleted")


def ask(question: str) -> str:
    """Return what a person types; raise Interrupted, with what is true of the run, for Ctrl-C."""
    try:
        answer: str = click.prompt(question, err=True, default="", show_default=False)
    except click.Abort:
        click.echo("", err=True)  # ends the line of the question
        raise interrupted() from None
    return answer


class _Answer(NamedTuple):
    """What a person must type: what it is, how the question shows it, and the texts that are accepted."""

    what: str
    shown: str
    right: set[str]


def _name_or_id(project: ProjectPlan) -> _Answer:
    """Return what to type for a project: its name, or its id if the name cannot be typed."""
    from cv_gdpr.table.labels import same_text

    if project.name.strip() and project.name.isprintable():
        return _Answer("the name of the project", project.name, {same_text(project.name)})
    return _Answer("the id of the project", project.id, {project.id})
