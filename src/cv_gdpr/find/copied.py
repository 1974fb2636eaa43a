"""Copies of what selectors take: --with-copies-from adds pictures that a bag shows to be copies."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.archive.bag import Bag, BagProject
from cv_gdpr.errors import ServiceError, UsageError
from cv_gdpr.find.candidates import PICTURES
from cv_gdpr.find.result import SAME, Match
from cv_gdpr.find.search import copies, of_items
from cv_gdpr.table.categories import CATEGORIES, PREDICTIONS, Category
from cv_gdpr.table.findings import Item
from cv_gdpr.table.inventory import is_of_one_project, listed, projects_in, rows_in
from cv_gdpr.table.readers import Project
from cv_gdpr.table.scope import CopiesFrom, Scope
from cv_gdpr.table.selection import Matches
from cv_gdpr.verify.verified import verified

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service

_STARTED = "Export-Started: "
_AGAIN = "give an export of all that the scope holds: cv-gdpr export --all"


class Copied(NamedTuple):
    """A scope whose selection holds the copies too, and the matches that are not certain enough to be selected."""

    scope: Scope
    uncertain: list[Match]


def with_copies(
    service: "Service",
    scope: Scope,
    folder: Path,
    *,
    only_same: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Copied:
    """Return the scope with what a bag shows to be copies of what its selectors take.

    They are applied to the service, and to the bag too: what was erased already may still have copies. `only_same`:
    identical bytes alone are copies; else every copy that is certain. Raise UsageError for a bag of another resource,
    one that is not complete, and without the extra find unless `only_same`; NotVerified; ServiceError.
    """
    if not scope.selection or scope.selection.only_age:
        raise UsageError("--with-copies-from stands beside another selector", "it adds copies of what that selects")
    bag = _usable(folder, service.endpoint)
    projects = {entry["id"] for entry in projects_in(service, scope)}
    in_bag = _selected_in(bag, scope, projects)
    originals = in_bag | _selected_at(service, scope)
    found = copies(bag, of_items(bag, originals), only_same=only_same, progress=progress)
    if found.only_same:
        raise UsageError("copies other than identical bytes need the extra find", "pip install 'cv-gdpr[find]'")
    matches = [one for one in found.matches if one.project in projects and one.id not in originals]
    sure = [one for one in matches if one.kind == SAME or one.certain]
    known = {one.id: one.like for one in reversed(sure)} | {one: one for one in in_bag}
    made = CopiesFrom(str(folder), _started(bag), frozenset(one.id for one in bag.projects()), PREDICTIONS in bag.rows)
    chosen = scope.selection._replace(copies=known)
    return Copied(scope._replace(selection=chosen, copies=made), [one for one in matches if one.id not in known])


def _usable(folder: Path, endpoint: str) -> Bag:
    bag, incomplete = verified(folder)
    if bag.endpoint != endpoint:
        raise UsageError(f"--with-copies-from {folder} is an export of another resource: {bag.endpoint}", _AGAIN)
    if incomplete:
        raise UsageError(f"--with-copies-from {folder} is not complete", _AGAIN)
    if bag.summary["selectors"]:
        raise UsageError(f"--with-copies-from {folder} was narrowed by selectors, so copies may lack in it", _AGAIN)
    return bag


def _started(bag: Bag) -> str:
    lines = (bag.folder / "bag-info.txt").read_text("utf-8").splitlines()
    return next(line.removeprefix(_STARTED) for line in lines if line.startswith(_STARTED))


def _selected_at(service: "Service", scope: Scope) -> set[str]:
    """Return the ids of the pictures that the selectors take at the service; a project that cannot be read has none."""
    taken: set[str] = set()
    for entry in projects_in(service, scope):
        project = Project(service, entry, details=False)
        try:
            for row in rows_in(scope):
                if row.name in PICTURES:
                    taken |= {item.id for item in listed(project, row, Matches(scope.selection))}
        except ServiceError as error:
            if not is_of_one_project(error):
                raise
    return taken


def _selected_in(bag: Bag, scope: Scope, projects: set[str]) -> set[str]:
    """Return the ids of the pictures in the bag that the selectors take."""
    rows = {file.name: row for row in CATEGORIES if row.name in PICTURES for file in row.files if file.is_list}
    within = {name: row for name, row in rows.items() if row in rows_in(scope)}
    matches = Matches(scope.selection)
    return {
        item.id
        for project in bag.projects()
        if project.id in projects
        for item in _items(bag, project, within)
        if matches.takes(item)
    }


def _items(bag: Bag, project: BagProject, rows: dict[str, Category]) -> Iterator[Item]:
    for one in bag.lists(project):
        if row := rows.get(one.name):
            for record in bag.records(project.where(one.file)):
                place = {"id": one.iteration} if one.iteration else None
                yield Item(row.name, row.id_in_bag(record, one.iteration), record, one.name, place)
