"""Checks before a plan is executed: --max-delete, --protect and --require-export."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.folder import MISSING
from cv_gdpr.delete.marks import mark
from cv_gdpr.delete.plan import Plan
from cv_gdpr.delete.required_export import Held, gaps_of, items_held
from cv_gdpr.errors import UsageError
from cv_gdpr.table.categories import ACCOUNT, CATEGORIES, EXPORTS, IMAGES, ITERATIONS, Category
from cv_gdpr.table.inventory import has_id, is_named, projects_in
from cv_gdpr.table.scope import Scope
from cv_gdpr.verbatim import Json

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service

_NOTHING_DELETED = "nothing was deleted"
_AGAIN = f"export again, then delete; {_NOTHING_DELETED}"


_WITH_ACCOUNT = f"export again with export --all and --resource-id; {_NOTHING_DELETED}"


def check_size(plan: Plan, max_delete: int | None) -> None:
    """Raise UsageError if a plan is larger than allowed, with the items that go along."""
    if max_delete is not None and plan.total > max_delete:
        raise UsageError(
            f"the plan would delete {plan.total} items, more than --max-delete {max_delete}", _NOTHING_DELETED
        )


def refuse_protected(service: "Service", plan: Plan, protect: tuple[str, ...]) -> None:
    """Raise UsageError if a plan holds a protected project, or if a protection names no project."""
    protected = protected_among(projects_in(service, Scope()), protect) if protect else set()
    for project in plan.projects:
        if project.id in protected:
            raise UsageError(f"project {project.id} is in the plan, and protected", _NOTHING_DELETED)


def require_export(plan: Plan, folder: Path) -> None:
    """Raise UsageError unless the export verifies and holds, unchanged, all that would be deleted or lose something."""
    require_held(plan, _proved(folder))


def require_account(place: str, folder: Path) -> None:
    """Raise UsageError unless the export verifies and holds the Azure resource of that id, with nothing missing."""
    bag, where = _proved(folder), "data/account.json"
    held = bag.document(where).get("id") if bag.has(where) else None
    if str(held).lower() != place.lower():
        what = f"the account: {where} is {'of another resource' if held else 'not there, or not from Resource Manager'}"
        raise UsageError(f"--require-export {folder} does not hold {what}", _WITH_ACCOUNT)
    if gap := next((one for one in bag.records(f"data/{MISSING}") if one["row"] == ACCOUNT), None):
        raise UsageError(f"--require-export {folder} lacks a part of the account: {gap['reason']}", _WITH_ACCOUNT)


def _proved(folder: Path) -> Bag:
    from cv_gdpr.verify import verify

    if not folder.is_dir():
        raise UsageError(f"--require-export {folder} is not a folder", "name the folder of a finished export")
    differences = verify(folder).differences
    if differences:
        raise UsageError(f"--require-export {folder} is not proved: {differences[0]}", _NOTHING_DELETED)
    return Bag(folder)


def require_held(plan: Plan, bag: Bag) -> None:
    """Raise UsageError unless a verified bag holds, unchanged, all that would be deleted or lose something."""
    folder = bag.folder
    if bag.endpoint != plan.endpoint:
        raise UsageError(f"--require-export {folder} is of another endpoint: {bag.endpoint}")
    if lost := _goes_unexported(plan, bag.rows):
        raise UsageError(
            f"--require-export {folder} does not hold the {lost.parent}' {lost.name}, which goes with them",
            f"export again, with the row {lost.name}; {_NOTHING_DELETED}",
        )
    if gap := next(gaps_of(bag, plan), None):
        raise UsageError(f"--require-export {folder} lacks what would go: {_named(gap)}: {gap['reason']}", _AGAIN)
    lacking = _not_held(plan, items_held(bag))
    if lacking:
        row, identity = lacking[0]
        raise UsageError(
            f"--require-export {folder} does not hold {len(lacking)} items of the plan as they are now, the first: "
            f"{row} {identity}",
            _AGAIN,
        )


def _named(gap: Json) -> str:
    """Return the words for an entry of missing.jsonl."""
    place = f"iteration {gap['iteration']} of " if gap["iteration"] else ""
    what = " ".join(filter(None, (gap["row"], gap["id"])))
    return f"{what} of {place}project {gap['project']}{' (' + gap['file'] + ')' if gap['file'] else ''}"


def _goes_unexported(plan: Plan, exported: frozenset[str]) -> Category | None:
    """Return a row that the export lacks although its items go with planned ones."""
    going = {name for project in plan.projects for name, ids in project.rows.items() if ids}
    return next((row for row in CATEGORIES if row.parent in going and row.name not in exported), None)


def _not_held(plan: Plan, held: Iterable[Held]) -> list[tuple[str, str]]:
    """Return row and id of each item that would be deleted or lose something, and that is not held unchanged.

    An exported model has no mark. It must be held, since it cannot be requested once its iteration is gone.
    """
    wanted = _wanted(plan)
    for one in held:
        then = wanted.get(one[:3])
        if then is not None and (one.row == EXPORTS or then in _marks_of(one, names=plan.by_tag)):
            del wanted[one[:3]]
    return [(row, one) for _, row, one in wanted]


def _wanted(plan: Plan) -> dict[tuple[str, str, str], str]:
    """Return the mark of each item that an export must hold, by project, row and id; empty for a model."""
    marked = {
        (project.id, row, one): then
        for project in plan.projects
        for row, ids in (*project.rows.items(), *project.along.items(), (IMAGES, project.losing_tags))
        for one, then in ids.items()
    }
    return marked | {(project.id, EXPORTS, model): "" for project in plan.projects for model in project.models}


def _marks_of(held: Held, *, names: bool) -> set[str]:
    """Return the marks that an exported item may have in a plan: an iteration may be unpublished since."""
    records = [held.record]
    if held.row == ITERATIONS:
        records.append(held.record | {"publishName": None})
    return {mark(record, names=with_names) for record in records for with_names in {False, names}}


def protected_among(entries: list[Json], protect: tuple[str, ...], *, known: bool = True) -> set[str]:
    """Return the ids of every project that a protection may mean.

    Raise UsageError for one that names no project, since it would protect nothing, unless `known` is False.
    """
    protected: set[str] = set()
    for name in protect:
        found = {entry["id"] for entry in entries if has_id(entry, name) or is_named(entry, name)}
        if known and not found:
            hint = "correct or remove the name where it stands: --protect, or protect in the profile of config.toml"
            raise UsageError(f"the protected project {name!r} is not in this resource", hint)
        protected |= found
    return protected
