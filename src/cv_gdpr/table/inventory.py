"""The table walked over a scope: which projects, which rows, which items. A listing that fails is an error."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from cv_gdpr.archive.names import UUID
from cv_gdpr.errors import MalformedAnswer, NotFound, Unreachable, Unsteady, UsageError
from cv_gdpr.service.paging import identified, once
from cv_gdpr.table.categories import CATEGORIES, Category
from cv_gdpr.table.findings import Finding, Item, Tally
from cv_gdpr.table.readers import Project
from cv_gdpr.table.scope import Matches, Scope, Selection, selected
from cv_gdpr.verbatim import Json

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service


_ID = re.compile("[0-9A-Fa-f-]{8,}")


def projects_in(service: "Service", scope: Scope) -> list[Json]:
    """Give the entries of GetProjects in scope, in the service's order; raises UsageError for an unknown name."""
    try:
        entries = once(identified(service.call("get_projects")))
    except NotFound as error:  # an endpoint of something else
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
    """Return a project to be read afresh, without asking for each of its things alone."""
    return Project(service, {"id": identity}, details=False)


def named(entries: list[Json], name: str) -> Json:
    """Give the one project of that name or id; raises UsageError that lists the candidates."""
    matches = [entry for entry in entries if entry["id"] == name.lower()]
    matches = matches or [entry for entry in entries if entry.get("name") == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        ids = ", ".join(entry["id"] for entry in matches)
        raise UsageError(f"{len(matches)} projects are named {name!r}", f"name one by its id: {ids}")
    known = "; ".join(f"{entry.get('name')} ({entry['id']})" for entry in entries)
    raise UsageError(f"no project has the name or id {name!r}", f"there are: {known}" if known else "there is none")


def rows_in(scope: Scope) -> tuple[Category, ...]:
    """Give the rows in scope, in the table's order; raises UsageError where a selector cannot narrow a row."""
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
    """Give the rows that a selection leaves out, each with the reason: no selector given can narrow them."""
    if not scope.selection:
        return {}
    kinds = scope.selection.kinds
    return {
        row.name: f"{', '.join(sorted(kinds - row.selectors))} cannot narrow it"
        for row in CATEGORIES
        if not scope.rows and not kinds <= row.selectors
    }


def check_tags(projects: Iterable[Project], selection: Selection) -> None:
    """Raise UsageError, with near names, for a selected tag that no project in scope ever had."""
    if not selection.tags:
        return
    known: set[str] = set()
    for project in projects:
        for place in project.places:
            arguments = {"iteration_id": place["id"]} if place else {}
            try:
                tags = identified(project.service.call("get_tags", project.id, **arguments))
            except NotFound:
                if not place:
                    raise
                continue  # an iteration that was deleted meanwhile
            known.update(str(tag.get("name")) for tag in tags)
    for name in sorted(selection.tags - known):
        near = difflib.get_close_matches(name, known, n=5, cutoff=0.5) or sorted(known)[:20]
        shown = to_be_shown(name, near)
        hint = near_hint(near, shown, "the projects in scope have no tags")
        raise UsageError(f"no project in scope has a tag named {name!r}", hint, near=shown)


def to_be_shown(given: str, near: Iterable[str]) -> list[str]:
    """Give those of the near values that may be shown: none where an id or a number was given, and no id or number.

    A mistyped number (of a patient, a telephone) would lead to other persons'.
    """
    return [] if _is_number(given) else [one for one in near if not _is_number(one)]


def near_hint(near: list[str], shown: list[str], none: str) -> str | None:
    """Give the hint for whoever is not shown them."""
    if shown:
        return "on a terminal, what is near it is shown"
    return None if near else none


def _is_number(value: str) -> bool:
    """Say whether a text, or what follows its equals sign, is an id or a number for the greater part."""
    value = value.partition("=")[2] or value
    digits = sum(char.isdigit() for char in value)
    return bool(_ID.fullmatch(value)) or 2 * digits >= sum(char.isalnum() for char in value) > 0


def listed(
    project: Project, row: Category, matches: Matches, see: Callable[[Item], None] = lambda _: None
) -> Iterator[Item]:
    """Yield the items of a row that the selection takes; raise Unsteady where a listing cannot be trusted.

    `see` is told each item before that, whether the selection takes it or not.
    """
    for finding in selected(_shown(row.read_project(project), see), matches):
        if isinstance(finding, Tally) and not finding.agrees:
            raise Unsteady(
                f"{row.name} of project {project.id}: the service counts {finding.before} before and {finding.after} "
                f"after, and lists {finding.listed}",
                "somebody may be adding or deleting at the same time; run the command again",
            )
        if isinstance(finding, Item):
            if row.deleter and not UUID.fullmatch(finding.id):
                # It would be put into the address of a deletion.
                raise MalformedAnswer(f"{row.name} of project {project.id}: the service listed an id that is no UUID")
            yield finding


def _shown(findings: Iterator[Finding], see: Callable[[Item], None]) -> Iterator[Finding]:
    for finding in findings:
        if isinstance(finding, Item):
            see(finding)
        yield finding
