"""Makes the plan: lists the items in scope, and freezes their ids and marks."""

import difflib
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cv_gdpr.delete.dependents import dependents_of, held_among
from cv_gdpr.delete.failures import quoted
from cv_gdpr.delete.guards import protected_among
from cv_gdpr.delete.marks import mark
from cv_gdpr.delete.plan import Plan, ProjectPlan
from cv_gdpr.errors import CvGdprError, NotAuthorised, ServiceError, UsageError, unexpected
from cv_gdpr.evidence.records import TOOL, SearchedScope, SelectorHash, Unread
from cv_gdpr.masking import masked
from cv_gdpr.table.categories import BY_API, CATEGORIES, EXPORTS, IMAGES, ITERATIONS, PROJECTS, TAGS, Category, category
from cv_gdpr.table.findings import Item
from cv_gdpr.table.inventory import (
    check_tags,
    is_named,
    is_of_one_project,
    listed,
    named,
    near_hint,
    not_searched,
    projects_in,
    rows_in,
    to_be_shown,
)
from cv_gdpr.table.outside import copies_outside
from cv_gdpr.table.readers import Project
from cv_gdpr.table.scope import Matches, Scope, Selection
from cv_gdpr.verbatim import Json

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service


def make_plan(service: "Service", scope: Scope, protect: tuple[str, ...] = (), *, resumed: bool = False) -> Plan:
    """Return the plan of what is in scope; raise UsageError for an unknown name.

    A project whose listing fails is named in the plan, and nothing of it is planned; raise ServiceError if none could
    be read, and for what fails everywhere.

    `resumed`: the same command was cut off before, so a name that is not found is one that it deleted, and the plan
    may be empty.
    """
    began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"  # later additions may be missing in the plan
    rows_in(scope)
    projects, protected = _deletable(service, scope, protect, resumed=resumed)
    if not resumed:
        check_tags(projects, scope.selection)
    matches = Matches(scope.selection)
    rows = _rows_to_delete(scope)
    planned, errors = _plan_projects(projects if rows else [], rows, matches)
    if errors and not (planned or resumed):  # what an earlier run planned is to be looked for, whatever can be read
        raise _of_all(errors)
    failed = [Unread(project=one, reason=masked(quoted(error)), again=error.retryable) for one, error in errors.items()]
    if not (resumed or failed):  # a project that could not be read may have the value
        _check_values(scope.selection, matches)
    return Plan(
        tool=TOOL,
        endpoint=service.endpoint,
        created=began,
        scope=_describe(scope, matches),
        projects=planned,
        protected=protected,
        unmatched=[value for value in matches.unmatched if value.startswith("--image-id") and not failed],
        failed=failed,
    )


def _plan_projects(
    projects: list[Project], rows: tuple[Category, ...], matches: Matches
) -> tuple[list[ProjectPlan], dict[str, CvGdprError]]:
    """Return the plan of each project, and the error of each that could not be read; raise what fails everywhere."""
    planned: list[ProjectPlan] = []
    errors: dict[str, CvGdprError] = {}
    for project in projects:
        try:
            planned.append(_plan_project(project, rows, matches))
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
    return any(entry["id"] == name.lower() or is_named(entry, name) for entry in everything)


def _rows_to_delete(scope: Scope) -> tuple[Category, ...]:
    """Return the rows whose items are deleted: a row that goes with its parent adds that, a project adds all rows."""
    asked = {row.name for row in rows_in(scope)}
    asked |= {row.parent for row in CATEGORIES if row.name in asked and row.parent}
    if PROJECTS in asked:
        return BY_API
    return tuple(row for row in BY_API if row.name in asked)


def _describe(scope: Scope, matches: Matches) -> SearchedScope:
    """Return what was asked for, with the selectors' values as salted hashes."""
    salt = secrets.token_hex(16)
    searched = [row.name for row in rows_in(scope)] if scope.selection else list(scope.rows)
    return SearchedScope(
        projects="named" if scope.projects else "all",
        rows=searched or "all that the API deletes",
        not_searched=not_searched(scope),
        selectors=[SelectorHash(**one) for one in scope.selection.hashed(salt, matches.unmatched)],
        salt=salt if scope.selection else None,
    )


def _check_values(selection: Selection, matches: Matches) -> None:
    """Raise UsageError for metadata that no image has: a mistyped value must not count as an erasure."""
    for key, value in sorted(selection.metadata):
        if (key, value) not in matches.found:
            near = difflib.get_close_matches(f"{key}={value}", sorted(matches.seen_metadata), n=5, cutoff=0.6)
            shown = to_be_shown(value, near)
            hint = near_hint(near, shown, "if it was erased before, this is expected; otherwise check the spelling")
            raise UsageError(f"no image in scope has the metadata given for {key!r}", hint, near=shown)


def _plan_project(project: Project, rows: tuple[Category, ...], matches: Matches) -> ProjectPlan:
    whole = any(row.name == PROJECTS for row in rows)
    name = str(project.entry.get("name"))
    copies = {one.setting: one.address for one in copies_outside(project.entry)}
    plan = ProjectPlan(id=project.id, name=name, whole=whole, mark=mark(project.entry), copies_outside=copies)
    for row in rows:
        if row.name == IMAGES:
            _plan_images(project, row, matches, plan)
        else:
            items = (item for item in listed(project, row, matches) if not row.is_copy(item))
            plan.rows[row.name] = {item.id: mark(item.record, names=bool(matches.selection.tags)) for item in items}
    going = plan.rows.get(ITERATIONS, {})
    plan.iterations_holding = sorted(plan.held.keys() - going.keys()) if matches.selection else []
    plan.published = {
        one["id"]: str(one["publishName"])
        for one in project.iterations
        if one["id"] in going and one.get("publishName")
    }
    if IMAGES not in plan.rows:
        _plan_dependents(project, plan)
    if going:
        models = list(listed(project, category(EXPORTS), Matches(Selection())))
        plan.exported_models, plan.models = len(models), [item.id for item in models if item.blobs]
    return plan


def _plan_images(project: Project, row: Category, matches: Matches, plan: ProjectPlan) -> None:
    """Plan the selected images, and note which ones the workspace lists and which iterations hold them."""
    found = plan.rows.setdefault(IMAGES, {})
    in_workspace: set[str] = set()
    selected_there: set[str] = set()
    held: dict[str, list[str]] = {}

    def see(item: Item) -> None:
        """Note where an image is, whatever its labels; the workspace is read first."""
        if not item.iteration:
            in_workspace.add(item.id)
        elif item.id not in in_workspace or (matches.selection and item.id in found):
            held.setdefault(item.iteration["id"], []).append(item.id)

    for item in listed(project, row, matches, see):
        if item.id not in found:  # the first place counts: the workspace, if it lists the image
            found[item.id] = mark(item.record, names=bool(matches.selection.tags))
        if not item.iteration:
            selected_there.add(item.id)
        elif item.id not in in_workspace:
            plan.places.setdefault(item.id, item.iteration["id"])
    plan.held = held_among(held, found)
    plan.disputed = sorted((found.keys() & in_workspace) - selected_there)


def _plan_dependents(project: Project, plan: ProjectPlan) -> None:
    """Plan what the deletion of iterations or tags does to images that are not in scope themselves."""
    found = dependents_of(project, plan.rows.get(ITERATIONS, {}), plan.rows.get(TAGS, {}).keys())
    plan.losing_tags = {identity: loss.mark for identity, loss in found.losing.items()}
    plan.losing_regions = sum(loss.regions for loss in found.losing.values())
    plan.held = found.held
    if found.images:
        plan.along[IMAGES] = found.images


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
