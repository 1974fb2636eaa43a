"""The projects, rows and items in a scope. A listing that fails is an error, never an empty list."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from cv_gdpr.archive.names import UUID
from cv_gdpr.errors import MalformedAnswer, NotFound, ServiceError, Stops, Unreachable, Unsteady, UsageError
from cv_gdpr.service.paging import identified, once
from cv_gdpr.table.categories import CATEGORIES, Category
from cv_gdpr.table.findings import Finding, Item, Tally, Unread
from cv_gdpr.table.readers import Project
from cv_gdpr.table.scope import Matches, Scope, Selection, same_text, selected
from cv_gdpr.verbatim import Json

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service


_ID = re.compile("[0-9A-Fa-f-]{8,}")


def projects_in(service: "Service", scope: Scope) -> list[Json]:
    """Return the entries of GetProjects in scope, in the service's order; raise UsageError for an unknown name."""
    try:
        entries = once(identified(service.call("get_projects")))
    except NotFound as error:  # the endpoint of another service, unless it was the right one a moment ago
        if service.was_good:
            raise
        hint = "check the endpoint: no Custom Vision service answers there"
        raise Unreachable(error.message, hint, status=error.status, code=error.code) from None
    if not scope.projects:
        return entries
    wanted = {named(entries, name)["id"] for name in scope.projects}
    return [entry for entry in entries if entry["id"] in wanted]


def entry_of(service: "Service", identity: str) -> Json | None:
    """Return a project's entry in GetProjects as it is now, None if it is not listed; raise ServiceError."""
    return next((one for one in projects_in(service, Scope()) if one["id"] == identity), None)


def project_of(service: "Service", identity: str) -> Project:
    """Return a project to read again, without a call for each of its items."""
    return Project(service, {"id": identity}, details=False)


def is_named(entry: Json, name: str) -> bool:
    """Return whether a project has that name, in any canonically equivalent spelling."""
    return same_text(str(entry.get("name"))) == same_text(name)


def named(entries: list[Json], name: str, kind: str = "project") -> Json:
    """Return the project (or iteration: `kind`) of that name or id; raise UsageError, with the candidates, unless there
    is exactly one."""
    matches = [entry for entry in entries if entry["id"] == name.lower()]
    matches = matches or [entry for entry in entries if is_named(entry, name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        ids = ", ".join(entry["id"] for entry in matches)
        raise UsageError(f"{len(matches)} {kind}s are named {name!r}", f"name one by its id: {ids}")
    known = "; ".join(f"{entry.get('name')} ({entry['id']})" for entry in entries)
    hint = f"{kind}s: {known}" if known else f"there are no {kind}s"
    raise UsageError(f"no {kind} has the name or id {name!r}", hint)


def rows_in(scope: Scope) -> tuple[Category, ...]:
    """Return the rows in scope, in the table's order; raise UsageError if a selector does not apply to a named row."""
    kinds = scope.selection.kinds
    if not scope.rows:
        return tuple(row for row in CATEGORIES if kinds <= row.selectors)
    rows = tuple(row for row in CATEGORIES if row.name in scope.rows)
    for row in rows:
        if unfit := sorted(kinds - row.selectors):
            can = ", ".join(sorted(row.selectors)) or "no selector"
            raise UsageError(f"{', '.join(unfit)} cannot narrow {row.name}", f"{row.name} takes {can}")
    return rows


def not_searched(scope: Scope) -> dict[str, str]:
    """Return the rows that a selection leaves out, with the reason: a selector does not apply to them."""
    if not scope.selection:
        return {}
    kinds = scope.selection.kinds
    return {
        row.name: f"{', '.join(sorted(kinds - row.selectors))} cannot narrow it"
        for row in CATEGORIES
        if not scope.rows and not kinds <= row.selectors
    }


def is_of_one_project(error: ServiceError) -> bool:
    """Return whether an error at one project says nothing about the others."""
    return error.stops <= Stops.PROJECT


def check_tags(projects: Iterable[Project], selection: Selection) -> None:
    """Raise UsageError, with similar names, for a selected tag that no workspace or iteration in scope has.

    Where a project cannot be read, it may have the tag: then no tag is unknown.
    """
    if not selection.tags:
        return
    known: set[str] = set()
    for project in projects:
        try:
            known |= _tag_names(project)
        except ServiceError as error:
            if not is_of_one_project(error):
                raise
            return  # reading it again, as what is asked for, names the project and the reason
    for name in sorted(selection.tags - known):
        near = difflib.get_close_matches(name, known, n=5, cutoff=0.5) or sorted(known)[:20]
        shown = to_be_shown(name, near)
        hint = near_hint(near, shown, "the projects in scope have no tags")
        raise UsageError(f"no project in scope has a tag named {name!r}", hint, near=shown)


def _tag_names(project: Project) -> set[str]:
    """Return the names of the tags of the workspace and of every iteration; raise ServiceError."""
    names: set[str] = set()
    for place in project.places:
        arguments = {"iteration_id": place["id"]} if place else {}
        try:
            tags = identified(project.service.call("get_tags", project.id, **arguments))
        except NotFound:
            if not place:
                raise
            continue  # the iteration was deleted during the run
        names.update(same_text(str(tag.get("name"))) for tag in tags)
    return names


def to_be_shown(given: str, near: Iterable[str]) -> list[str]:
    """Return the similar values that may be shown: no ids or numbers, and none at all if an id or a number was given.

    Values similar to a mistyped number (of a patient, a telephone) belong to other people.
    """
    return [] if _is_number(given) else [one for one in near if not _is_number(one)]


def near_hint(near: list[str], shown: list[str], none: str) -> str | None:
    """Return the hint that replaces the similar values where they are not shown; None if there are none to show."""
    if shown:
        return "on a terminal, similar values are shown"
    return None if near else none


def _is_number(value: str) -> bool:
    """Return whether a text, or the part after its equals sign, is an id or consists mostly of digits."""
    value = value.partition("=")[2] or value
    digits = sum(char.isdigit() for char in value)
    return bool(_ID.fullmatch(value)) or 2 * digits >= sum(char.isalnum() for char in value) > 0


def listed(
    project: Project, row: Category, matches: Matches, see: Callable[[Item], None] = lambda _: None
) -> Iterator[Item]:
    """Yield the items of a row that the selection takes; raise Unsteady if the counts around a listing differ.

    `see` gets each item before that, whether the selection takes it or not. Raise MalformedAnswer for an id that is
    not a UUID, if the row's items can be deleted.
    """
    for finding in selected(_shown(row.read_project(project), see), matches):
        if isinstance(finding, Tally) and not finding.agrees:
            raise Unsteady(
                f"{row.name} of project {project.id}: the service counts {finding.before} before and {finding.after} "
                f"after, and lists {finding.listed}",
                "another program may be adding or deleting; run the command again",
            )
        if isinstance(finding, Unread):
            raise finding.error
        if isinstance(finding, Item):
            if row.deleter and not UUID.fullmatch(finding.id):
                # A deletion call would contain it in its address.
                raise MalformedAnswer(f"{row.name} of project {project.id}: one listed id is not a UUID")
            yield finding


def _shown(findings: Iterator[Finding], see: Callable[[Item], None]) -> Iterator[Finding]:
    for finding in findings:
        if isinstance(finding, Item):
            see(finding)
        yield finding
