"""A deletion plan as text: a block of short lines for each project."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from cv_gdpr.cli.erasure_view import by_hand_lines, kept_lines, not_searched_lines, published, stays_lines
from cv_gdpr.cli.output import plural, print_json, print_what_to_do, printable, to_do
from cv_gdpr.cli.searching import Originals, how_to_search, no_match, not_searched_predictions
from cv_gdpr.table.categories import IMAGES, ITERATIONS, PERFORMANCE, PROJECTS

if TYPE_CHECKING:
    from cv_gdpr.delete.plan import Plan, ProjectPlan
    from cv_gdpr.evidence.records import ByHand
    from cv_gdpr.table.selection import Selection


_NAMED = 3  # values that matched nothing, in a line of error; the plan names each


class Shown(NamedTuple):
    """What stands beside a plan: what a person must do, who is signed in, the selection as it was typed."""

    outside: list[ByHand]
    who: str
    selection: Selection


def show(plan: Plan, beside: Shown, *, code: int = 0, as_json: bool = False, error: bool = False) -> None:
    """Print a plan to standard output as text or JSON, with the exit code; with `error`, as text to standard error."""
    outside, who, selection = beside
    if as_json:
        from cv_gdpr.cli.documents import of_plan

        print_json(of_plan(plan, outside, who, code))
        return
    lines = [f"Would be deleted at {plan.endpoint}: {plural(plan.total, 'item')}"]
    for project in plan.projects:
        if project.total:
            lines += ["", *_project_lines(project)]
    for line in [*lines, "", f"signed in as {who}", *_reference(plan), *_plan_notes(plan, selection)]:
        click.echo(printable(line), err=error)
    first = _how_to_search(plan)
    if error:  # the question follows; what a person must do after the deletion stands after it
        print_what_to_do(first, error=error)
        return
    models = any(one.exported_models or one.iterations_holding for one in plan.projects)
    to_do([*first, *by_hand_lines([*plan.copies, *outside], plan.scope, models=models)])


def show_saved(plan: Plan, *, with_ids: bool) -> None:
    """Print a saved plan without the service, so that another person can read what they approve; `with_ids`: each."""
    from cv_gdpr.table.selection import Selection

    lines = [f"Would be deleted at {plan.endpoint}: {plural(plan.total, 'item')}"]
    for project in plan.projects:
        if project.total:
            lines += ["", *_project_lines(project), *(_id_lines(project) if with_ids else ())]
    for line in [*lines, "", *_reference(plan), *_plan_notes(plan, Selection()), *(one.words for one in plan.copies)]:
        click.echo(printable(line))


def _id_lines(project: ProjectPlan) -> list[str]:
    """Return a line for each item that would be deleted, by row."""
    return [f"  {row} {one}" for row, ids in project.planned().items() for one in ids]


def _reference(plan: Plan) -> list[str]:
    return [f"reference: {plan.reference}"] if plan.reference else []


def planned_code(plan: Plan) -> int:
    """Return the exit code of a dry run: 3 if something asked for is not in the plan, else 0."""
    from cv_gdpr.delete.execute import in_evidence

    lacking = (plan.unmatched or plan.scope.absent) and not plan.scope.missing_ok
    in_part = any(project.disputed or in_evidence(project).is_in_part for project in plan.projects)
    return 3 if lacking or plan.failed or in_part else 0


def planned_error(plan: Plan, selection: Selection) -> str:
    """Return why the exit code of a dry run is not 0, in one line; empty if it is."""
    if not planned_code(plan):
        return ""
    lacking = [] if plan.scope.missing_ok else no_match(plan.scope, plan.unmatched, selection)
    many = [f"{len(lacking)} values matched nothing"] if len(lacking) > _NAMED else lacking
    failed = [f"{plural(len(plan.failed), 'project')} could not be read"] if plan.failed else []
    return "; ".join((*failed, *many)) or "something that was asked for is not in the plan, which says why"


def _project_lines(project: ProjectPlan) -> list[str]:
    what = "the whole project" if project.whole else "part of it"
    lines = [f"{project.name} ({project.id}): {what}"]
    lines += [f"  {row:<12}{len(ids):>8}{_row_remark(project, row)}" for row, ids in project.rows.items()]
    for row, ids in project.along.items():
        lines.append(f"  {row:<12}{len(ids):>8}  not selected, but only in these iterations: go with them")
    if project.losing_tags:
        losing = f"{plural(len(project.losing_tags), 'image')} of the workspace, with"
        lines.append(f"  {losing} {plural(project.losing_regions, 'region')}, will lose these tags; the images stay")
    if project.exported_models:
        lines.append(
            f"  {'exports':<12}{project.exported_models:>8}  exported models: only deleting the resource deletes them"
        )
        lines.append("  what was downloaded of an exported model cannot be called back")
    if project.published:
        lines.append("  what is unpublished no longer answers requests for predictions")
    for copy, of in project.copies_of.items():
        lines.append(f"  copy: {copy} of {of}" if copy != of else f"  copy: {copy}, which the export shows selected")
    return lines


def _row_remark(project: ProjectPlan, row: str) -> str:
    if row == PROJECTS:
        return "  the project itself"
    if row == IMAGES and project.places:
        return f"  {len(project.places)} of them only in iterations"
    if row == ITERATIONS and project.published:
        names = ", ".join(f"{iteration} as {name!r}" for iteration, name in project.published.items())
        return f"  unpublished first: {names}"
    return ""


def _predictions_not_searched(plan: Plan) -> dict[str, int | None]:
    return {one.id: one.predictions_not_searched for one in plan.projects}


def _how_to_search(plan: Plan) -> list[str]:
    """Return how to search stored predictions that were not searched: best before the originals are gone."""
    absent = (plan.unmatched or plan.scope.absent) and not plan.total
    originals = Originals.NOT_FOUND if absent else Originals.PLANNED
    return how_to_search(_predictions_not_searched(plan), plan.scope.copies_from, originals)


def _plan_notes(plan: Plan, selection: Selection) -> list[str]:
    notes = [
        f"trained on these images, but not deleted: iteration {iteration} of project {project.id}"
        f"{published(project.published_holding.get(iteration))}"
        f"{'' if plan.scope.with_iterations else ' (--with-iterations deletes it)'}"
        for project in plan.projects
        for iteration in project.iterations_holding
        if iteration not in project.kept_for_images
    ]
    notes += [line for project in plan.projects for line in (*kept_lines(project), *stays_lines(project))]
    notes += not_searched_predictions(_predictions_not_searched(plan))
    if PERFORMANCE in plan.scope.rows:
        notes.append("performance: deleted with its iterations, which are in this plan")
    notes += [
        f"not deleted, since it matches in an iteration but not in the workspace: image {image} of project {project.id}"
        for project in plan.projects
        for image in project.disputed
    ]
    notes += not_searched_lines(plan.scope.not_searched)
    notes += [
        f"could not be read, so nothing of it is deleted: project {one.project}: {one.reason}" for one in plan.failed
    ]
    notes += [f"protected: project {identity}" for identity in plan.protected]
    return notes + no_match(plan.scope, plan.unmatched, selection)
