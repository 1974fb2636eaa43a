"""Makes the plan: lists the items in scope, and freezes their ids and marks."""

import secrets
from collections.abc import Container, Set
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.delete.dependents import dependents_of, held_among
from cv_gdpr.delete.failures import quoted
from cv_gdpr.delete.guards import protected_among
from cv_gdpr.delete.marks import mark
from cv_gdpr.delete.plan import Plan, ProjectPlan
from cv_gdpr.errors import CvGdprError, NotAuthorised, ServiceError, UsageError, unexpected
from cv_gdpr.evidence.records import TOOL, SearchedScope, SelectorHash, Unread
from cv_gdpr.evidence.sentences import ALL_ROWS
from cv_gdpr.masking import masked
from cv_gdpr.table.categories import (
    BY_API,
    CATEGORIES,
    EXPORTS,
    IMAGES,
    ITERATIONS,
    PROJECTS,
    TAGS,
    Category,
    category,
)
from cv_gdpr.table.findings import Item
from cv_gdpr.table.inventory import (
    has_id,
    is_named,
    is_of_one_project,
    listed,
    named,
    not_searched,
    predictions_not_searched,
    projects_in,
    rows_in,
)
from cv_gdpr.table.outside import copies_outside
from cv_gdpr.table.readers import Project
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import BY_ID, EXCEPT, Matches, Selection, shown
from cv_gdpr.verbatim import Json
from cv_gdpr.watching import Count

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service


def make_plan(
    service: "Service",
    scope: Scope,
    protect: tuple[str, ...] = (),
    *,
    resumed: bool = False,
    matches: Matches | None = None,
) -> Plan:
    """Return the plan of what is in scope; raise UsageError for an unknown name. `matches` notes what was found.

    A project whose listing fails is named in the plan, and nothing of it is planned; raise ServiceError if none could
    be read, and for what fails everywhere.

    `resumed`: the same command was cut off before, so a name that is not found is one that it deleted, and the plan
    may be empty.
    """
    began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"  # later additions may be missing in the plan
    rows_in(scope)
    matches = matches or Matches(scope.selection)
    projects, protected = _deletable(service, scope, protect, resumed=resumed)
    rows = _rows_to_delete(scope)
    planned, errors = _plan_projects(
        projects if rows else [], _Plan(rows, scope, matches, Count("items looked at for the plan"))
    )
    if errors and not (planned or resumed):  # what an earlier run planned is to be looked for, whatever can be read
        raise _of_all(errors)
    failed = [Unread(project=one, reason=masked(quoted(error)), again=error.retryable) for one, error in errors.items()]
    return Plan(
        tool=TOOL,
        endpoint=service.endpoint,
        created=began,
        scope=_describe(scope, matches, decided=not failed),
        projects=planned,
        protected=protected,
        unmatched=[] if failed else [shown(*value) for value in matches.unmatched if value[0] in BY_ID],
        failed=failed,
    )


def _plan_projects(projects: list[Project], making: "_Plan") -> tuple[list[ProjectPlan], dict[str, CvGdprError]]:
    """Return the plan of each project, and the error of each that could not be read; raise what fails everywhere."""
    planned: list[ProjectPlan] = []
    errors: dict[str, CvGdprError] = {}
    for project in projects:
        try:
            planned.append(_plan_project(project, making))
        except ServiceError as error:
            if not is_of_one_project(error):
                raise
            errors[project.id] = error
        except Exception as error:  # noqa: BLE001 - `unexpected` raises all but bugs
            errors[project.id] = unexpected(error)
    return planned, errors


def _of_all(errors: dict[str, CvGdprError]) -> CvGdprError:
    """Return one error for all projects: that nothing was allowed only if each was refused (403)."""
    refused_last = sorted(errors.values(), key=lambda error: isinstance(error, NotAuthorised))
    error = refused_last[0]
    if len(errors) > 1:
        error.message += f"; none of the {len(errors)} projects could be read: {', '.join(errors)}"
    return error


def _deletable(
    service: "Service", scope: Scope, protect: tuple[str, ...], *, resumed: bool
) -> tuple[list[Project], list[str]]:
    everything = projects_in(service, Scope())
    protected = protected_among(everything, protect)
    names = [name for name in scope.projects if not resumed or _is_there(everything, name)]
    wanted = [named(everything, name) for name in names] if scope.projects else everything
    for entry in wanted:
        if scope.projects and entry["id"] in protected:
            raise UsageError(f"project {entry['id']} is protected", "--protect, or CV_GDPR_PROTECT, names it")
    ids = {entry["id"] for entry in wanted} - protected
    projects = [Project(service, entry, details=False) for entry in everything if entry["id"] in ids]
    return projects, sorted(protected)


def _is_there(everything: list[Json], name: str) -> bool:
    return any(has_id(entry, name) or is_named(entry, name) for entry in everything)


def _rows_to_delete(scope: Scope) -> tuple[Category, ...]:
    """Return the rows whose items are deleted: a row that goes with its parent adds that, a project adds all rows."""
    asked = {row.name for row in rows_in(scope)}
    asked |= {row.parent for row in CATEGORIES if row.name in asked and row.parent}
    if PROJECTS in asked:
        return BY_API
    return tuple(row for row in BY_API if row.name in asked)


def _describe(scope: Scope, matches: Matches, *, decided: bool) -> SearchedScope:
    """Return what was asked for, with the selectors' values as salted hashes.

    Unless `decided`, a project could not be read, and may have the values that matched nothing.
    """
    salt = secrets.token_hex(16)
    chosen = scope.selection
    searched = [row.name for row in rows_in(scope)] if chosen else list(scope.rows)
    hashed = chosen.hashed(salt, matches.unmatched, decided=decided)
    return SearchedScope(
        projects="named" if scope.projects else "all",
        rows=searched or ALL_ROWS,
        not_searched=not_searched(scope),
        selectors=[SelectorHash(**one) for one in hashed],
        salt=salt if chosen else None,
        before=chosen.before,
        older_than=chosen.older_than,
        min_probability=chosen.min_probability,
        missing_ok=scope.missing_ok,
        with_iterations=scope.with_iterations,
        copies_from=scope.copies.began if scope.copies else None,
    )


class _Plan(NamedTuple):
    """What the plan of each project is made from: the rows to delete, the scope, what matched so far.

    `seen` counts what was looked at.
    """

    rows: tuple[Category, ...]
    scope: Scope
    matches: Matches
    seen: Count


def _plan_project(project: Project, making: _Plan) -> ProjectPlan:
    matches = making.matches
    name = str(project.entry.get("name"))
    copies = {one.setting: one.address for one in copies_outside(project.entry)}
    whole = any(row.name == PROJECTS for row in making.rows)
    plan = ProjectPlan(id=project.id, name=name, whole=whole, mark=mark(project.entry), copies_outside=copies)
    kept_before, doubtful_before = set(matches.kept), set(matches.doubtful)
    for row in making.rows:
        if row.name == IMAGES:
            _plan_images(project, row, making, plan)
        else:
            all_of_it = listed(project, row, matches, lambda _: making.seen.add())
            items = (item for item in all_of_it if not row.is_copy(item))
            plan.rows[row.name] = {item.id: mark(item.record, names=matches.selection.by_tag) for item in items}
    plan.kept = sorted(matches.kept - kept_before)
    plan.copies_of = {one: of for one, of in matches.selection.copies.items() if _is_planned(plan, one)}
    _plan_iterations(project, making, plan)
    doubtful = sorted(matches.doubtful - doubtful_before)
    plan.copies_left = {one: matches.selection.doubtful[one] for one in doubtful if not _is_planned(plan, one)}
    plan.predictions_not_searched = predictions_not_searched(project, making.scope)
    return plan


def _is_planned(plan: ProjectPlan, identity: str) -> bool:
    return any(identity in ids for ids in plan.rows.values())


def _plan_iterations(project: Project, making: _Plan, plan: ProjectPlan) -> None:
    """Complete the plan of iterations: those trained on selected images, what is published, what goes along."""
    selection = making.matches.selection
    records = {one["id"]: one for one in project.iterations} if plan.held or plan.rows.get(ITERATIONS) else {}
    published = {one: str(record["publishName"]) for one, record in records.items() if record.get("publishName")}
    if making.scope.with_iterations and plan.held:
        plan.rows[ITERATIONS] = {one: mark(records[one]) for one in plan.held if one in records}
    going = plan.rows.get(ITERATIONS, {})
    if selection.only_age:
        plan.kept_published = sorted(going.keys() & published.keys())
        plan.rows |= {ITERATIONS: _without(going, plan.kept_published)} if plan.kept_published else {}
    if IMAGES not in plan.rows or making.scope.with_iterations:
        seen = _plan_dependents(project, plan, selection.except_ids)
        making.matches.found.update((EXCEPT, one) for one in selection.except_ids & seen)
    going = plan.rows.get(ITERATIONS, {})
    plan.iterations_holding = sorted(plan.held.keys() - going.keys()) if selection else []
    plan.published = {one: name for one, name in published.items() if one in going}
    plan.published_holding = {one: published[one] for one in plan.iterations_holding if one in published}
    if going:
        models = list(listed(project, category(EXPORTS), Matches(Selection())))
        plan.exported_models, plan.models = len(models), [item.id for item in models if item.blobs]


def _without(marks: dict[str, str], ids: Container[str]) -> dict[str, str]:
    return {one: then for one, then in marks.items() if one not in ids}


def _plan_images(project: Project, row: Category, making: _Plan, plan: ProjectPlan) -> None:
    """Plan the selected images, and note which ones the workspace lists and which iterations hold them."""
    matches = making.matches
    found = plan.rows.setdefault(IMAGES, {})
    in_workspace: set[str] = set()
    selected_there: set[str] = set()
    held: dict[str, list[str]] = {}

    def see(item: Item) -> None:
        """Note where an image is, whatever its labels; the workspace is read first."""
        making.seen.add()
        if not item.iteration:
            in_workspace.add(item.id)
        elif item.id not in in_workspace or (matches.selection and item.id in found):
            held.setdefault(item.iteration["id"], []).append(item.id)

    for item in listed(project, row, matches, see):
        if item.id not in found:  # the first place counts: the workspace, if it lists the image
            found[item.id] = mark(item.record, names=matches.selection.by_tag)
        if not item.iteration:
            selected_there.add(item.id)
        elif item.id not in in_workspace:
            plan.places.setdefault(item.id, item.iteration["id"])
    plan.held = held_among(held, found)
    plan.disputed = sorted((found.keys() & in_workspace) - selected_there)


def _plan_dependents(project: Project, plan: ProjectPlan, kept: Set[str]) -> Set[str]:
    """Plan what the deletion of iterations or tags does to images that are not in scope themselves.

    An iteration that alone holds one of the `kept` images stays. Return the ids of the images that are concerned.
    """
    iterations, images = plan.rows.get(ITERATIONS, {}), plan.rows.get(IMAGES, {})
    tags = set() if IMAGES in plan.rows else plan.rows.get(TAGS, {}).keys()
    found = dependents_of(project, iterations, tags)
    if lost := kept & found.images.keys():
        plan.kept_for_images = sorted(one for one, held in found.held.items() if not lost.isdisjoint(held))
        plan.rows[ITERATIONS] = _without(iterations, plan.kept_for_images)
        return lost | _plan_dependents(project, plan, frozenset())
    plan.losing_tags = {identity: loss.mark for identity, loss in found.losing.items()}
    plan.losing_regions = sum(loss.regions for loss in found.losing.values())
    for place, ids in found.held.items():
        plan.held[place] = list(dict.fromkeys([*plan.held.get(place, []), *ids]))
    if along := _without(found.images, images):
        plan.along[IMAGES] = along
    return {one for ids in found.held.values() for one in ids}


def current_marks(project: Project, plan: ProjectPlan, *, names: bool) -> dict[str, dict[str, str]]:
    """List the planned items again and return their present marks (`names`: as in `mark`); raise ServiceError."""
    marks: dict[str, dict[str, str]] = {}
    for row in BY_API:
        if row.name in plan.rows or plan.whole:
            now = marks.setdefault(row.name, {})
            for item in listed(project, row, Matches(Selection())):
                if not row.is_copy(item) and item.id not in now:
                    now[item.id] = mark(_as_published(item, plan), names=names)
    return marks


def _as_published(item: Item, plan: ProjectPlan) -> Json:
    """Return a record as it was planned: unpublishing is a deletion's first step and not a change."""
    name = plan.published.get(item.id)
    if item.row == ITERATIONS and name and not item.record.get("publishName"):
        return item.record | {"publishName": name}
    return item.record
