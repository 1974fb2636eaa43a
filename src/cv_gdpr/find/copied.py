"""Copies of what selectors take: --with-copies-from adds pictures that a bag shows to be copies."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.archive.bag import Bag, BagProject
from cv_gdpr.archive.bag_info import REDACTED
from cv_gdpr.archive.names import same_id
from cv_gdpr.errors import ServiceError, UsageError
from cv_gdpr.extras import install
from cv_gdpr.find.result import SAME, Match
from cv_gdpr.find.search import check, copies, has_extra, of_items
from cv_gdpr.table.categories import CATEGORIES, PICTURES, Category
from cv_gdpr.table.findings import Item
from cv_gdpr.table.inventory import is_of_one_project, listed, projects_in, rows_in
from cv_gdpr.table.readers import Project
from cv_gdpr.table.scope import CopiesFrom, Scope
from cv_gdpr.table.selection import IMAGE_ID, METADATA, PREDICTED, TAG, Matches
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.verified import verified

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service

_OF_PICTURES = frozenset({TAG, METADATA, IMAGE_ID, PREDICTED})
_AGAIN = "give an export of all that the scope holds: cv-gdpr export --all"


def with_copies(
    service: "Service",
    scope: Scope,
    folder: Path,
    *,
    only_same: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Scope:
    """Return the scope with what a bag shows to be copies of what its selectors take.

    They are applied to the service, and to the bag too: what was erased already may still have copies. `only_same`:
    identical bytes alone are taken; else every copy that is certain. What may be a copy besides is named.

    Raise UsageError for a bag of another resource, for one that is not complete, and without the extra find unless
    `only_same`; NotVerified; ServiceError.
    """
    if not scope.selection.kinds & _OF_PICTURES:
        raise UsageError("--with-copies-from stands beside a selector of pictures", "it adds copies of these")
    bag = _usable(folder, service.endpoint)
    entries = projects_in(service, scope)
    projects = {same_id(entry["id"]) for entry in entries}
    matches = Matches(scope.selection)
    in_bag = _selected_in(bag, scope, projects, matches)
    at_service, all_read = _selected_at(service, scope, entries)
    originals = in_bag | at_service
    search = _search(bag, originals, only_same=only_same, progress=progress)
    matched = (one._replace(id=same_id(one.id)) for one in search.matches if same_id(one.project) in projects)
    others = [one for one in matched if one.id not in originals]
    sure = [one for one in others if one.kind == SAME or (one.certain and not only_same)]
    known = {one.id: one.like for one in reversed(sure)}
    left = {one.id: one.like for one in reversed(others) if one.id not in known}
    since = {one: one for one in in_bag - at_service}  # selected in the bag, and no longer at the service
    known, left = (known, left | since) if only_same else (known | since, left)
    made = CopiesFrom(str(folder), bag.began, frozenset(one.id for one in bag.projects()), search.whole and all_read)
    found = frozenset(matches.found) if matches.taken else frozenset()
    chosen = scope.selection._replace(copies=known, doubtful=left, in_bag=found)
    return scope._replace(selection=chosen, copies=made)


class _Searched(NamedTuple):
    """What the bag shows to be like the originals; `whole`: each was compared with every picture of the bag."""

    matches: list[Match]
    whole: bool


def _search(
    bag: Bag, originals: set[str], *, only_same: bool, progress: Callable[[int, int], None] | None
) -> _Searched:
    """Search the bag for copies of some of its items; raise UsageError without the extra unless `only_same`."""
    if not (only_same or has_extra()):
        raise UsageError("copies other than identical bytes need the extra find", install("find"))
    pictures = {one: content for one, content in of_items(bag, originals).items() if content}
    readable = {one: content for one, content in pictures.items() if has_extra() and _can_be_compared(one, content)}
    others = {one: content for one, content in pictures.items() if one not in readable}
    found = copies(bag, readable, progress=progress) if readable else None
    matches = [*(found.matches if found else ()), *copies(bag, others, only_same=True).matches]
    held = set(PICTURES) <= bag.rows and REDACTED not in bag.summary
    whole = bool(originals) and originals == readable.keys() and held and not (found and found.exit_code)
    return _Searched(matches, whole)


def _can_be_compared(name: str, content: bytes) -> bool:
    """Return whether a picture can be decoded; one that cannot is compared by its bytes alone."""
    try:
        check({name: content})
    except UsageError:
        return False
    return True


def _usable(folder: Path, endpoint: str) -> Bag:
    bag, incomplete = verified(folder)
    if bag.endpoint != endpoint:
        raise UsageError(f"--with-copies-from {folder} is an export of another resource: {bag.endpoint}", _AGAIN)
    if incomplete:
        raise UsageError(f"--with-copies-from {folder} is not complete", _AGAIN)
    if bag.summary["selectors"]:
        raise UsageError(f"--with-copies-from {folder} was narrowed by selectors, so copies may lack in it", _AGAIN)
    return bag


def _selected_at(service: "Service", scope: Scope, entries: list[Json]) -> tuple[set[str], bool]:
    """Return the ids of the pictures that the selectors match at the service, and whether all projects could be read.

    They include what a hold keeps. A project that cannot be read has none: the plan, or the export, names it.
    """
    taken: set[str] = set()
    all_read = True
    for entry in entries:
        project = Project(service, entry, details=False)
        matches = Matches(scope.selection)
        try:
            for row in rows_in(scope):
                if row.name in PICTURES:
                    taken |= {same_id(item.id) for item in listed(project, row, matches)}
        except ServiceError as error:
            if not is_of_one_project(error):
                raise
            all_read = False
        taken |= matches.kept
    return taken, all_read


def _selected_in(bag: Bag, scope: Scope, projects: set[str], matches: Matches) -> set[str]:
    """Return the ids of the pictures in the bag that the selectors match, also of those that a hold keeps.

    An image of the workspace counts as the workspace lists it, whatever an older iteration says of it.
    """
    rows = {file.name: row for row in CATEGORIES if row.name in PICTURES for file in row.files if file.is_list}
    within = {name: row for name, row in rows.items() if row in rows_in(scope)}
    selected: set[str] = set()
    for project in bag.projects():
        if same_id(project.id) in projects:
            items = [(same_id(item.id), item.iteration, matches.takes(item)) for item in _items(bag, project, within)]
            in_workspace = {one for one, iteration, _ in items if not iteration}
            selected |= {one for one, iteration, taken in items if taken and (not iteration or one not in in_workspace)}
    return selected | matches.kept


def _items(bag: Bag, project: BagProject, rows: dict[str, Category]) -> Iterator[Item]:
    for one in bag.lists(project):
        if row := rows.get(one.name):
            for record in bag.records(project.where(one.file)):
                place = {"id": one.iteration} if one.iteration else None
                yield Item(row.name, row.id_in_bag(record, one.iteration), record, one.name, place)
