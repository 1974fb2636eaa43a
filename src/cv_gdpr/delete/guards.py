"""What keeps a plan from being executed: its size, a protection, and an export that does not hold what would go."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cv_gdpr.delete.holding import endpoint_of, models_held, records_held, rows_of
from cv_gdpr.delete.marks import mark
from cv_gdpr.delete.plan import Plan
from cv_gdpr.errors import UsageError
from cv_gdpr.table.inventory import projects_in
from cv_gdpr.table.scope import Scope
from cv_gdpr.verbatim import Json

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service

_NOT_SENT = "nothing was sent"
_AGAIN = f"export again, then delete; {_NOT_SENT}"


def check_size(plan: Plan, max_delete: int | None) -> None:
    """Raise UsageError if a plan is larger than allowed; what goes along counts."""
    if max_delete is not None and plan.total > max_delete:
        raise UsageError(f"the plan would delete {plan.total} things, more than --max-delete {max_delete}", _NOT_SENT)


def refuse_protected(service: "Service", plan: Plan, protect: tuple[str, ...]) -> None:
    """Raise UsageError if a saved plan holds a project that is protected, or a protection names no project."""
    protected = protected_among(projects_in(service, Scope()), protect) if protect else set()
    for project in plan.projects:
        if project.id in protected:
            raise UsageError(f"project {project.id} is in the plan, and protected", _NOT_SENT)


def require_export(plan: Plan, folder: Path) -> None:
    """Raise UsageError unless the export, verified now, holds all that would go or lose something, as it is now."""
    from cv_gdpr.verify import verify

    if not folder.is_dir():
        raise UsageError(f"--require-export {folder} is not a folder", "name the folder of a finished export")
    differences = verify(folder).differences
    if differences:
        raise UsageError(f"--require-export {folder} is not proved: {differences[0]}", _NOT_SENT)
    if endpoint_of(folder) != plan.endpoint:
        raise UsageError(f"--require-export {folder} is of another endpoint: {endpoint_of(folder)}")
    if "performance" not in rows_of(folder) and any(one.rows.get("iterations") for one in plan.projects):
        raise UsageError(
            f"--require-export {folder} does not hold the iterations' performance, which goes with them",
            f"export again, with the row performance; {_NOT_SENT}",
        )
    lacking = _not_held(plan, records_held(folder)) or _models_not_held(plan, folder)
    if lacking:
        row, identity = lacking[0]
        raise UsageError(
            f"--require-export {folder} does not hold {len(lacking)} things of the plan as they are now, the first: "
            f"{row} {identity}",
            _AGAIN,
        )


def _models_not_held(plan: Plan, folder: Path) -> list[tuple[str, str]]:
    """Return each exported model that is Done and not held: once its iteration is gone, nobody can ask for it."""
    due = [(project.id, model) for project in plan.projects for model in project.models]
    held = models_held(folder) if due else set()
    return [("exports", model) for project, model in due if (project, model) not in held]


def _not_held(plan: Plan, held: Iterable[tuple[str, str, Json]]) -> list[tuple[str, str]]:
    """Return row and id of each thing in the plan that is not among `held` (project, row, record) as it is now."""
    wanted = {
        (project.id, row, one): then
        for project in plan.projects
        for row, ids in (*project.rows.items(), *project.along.items(), ("images", project.losing_tags))
        for one, then in ids.items()
    }
    for project_id, row, record in held:
        key = (project_id, row, str(record.get("id")))
        if key not in wanted:
            continue
        unpublished = record | {"publishName": None} if row == "iterations" else record
        forms = [(one, names) for one in (record, unpublished) for names in {False, plan.by_tag}]
        if wanted[key] in {mark(one, names=names) for one, names in forms}:
            del wanted[key]
    return [(row, one) for _, row, one in wanted]


def protected_among(entries: list[Json], protect: tuple[str, ...], *, known: bool = True) -> set[str]:
    """Return the ids of every project that a protection may mean.

    Raise UsageError for one that names no project, since it would protect nothing, unless `known` is False.
    """
    protected: set[str] = set()
    for name in protect:
        found = {entry["id"] for entry in entries if entry["id"] == name.lower() or entry.get("name") == name}
        if known and not found:
            raise UsageError(f"--protect {name!r} names no project of this resource", "check the project name")
        protected |= found
    return protected
