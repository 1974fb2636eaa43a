"""The projects, rows and items in a scope. A listing that fails is an error, never an empty list."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from cv_gdpr.archive.names import UUID, same_id
from cv_gdpr.errors import MalformedAnswer, NotFound, ServiceError, Stops, Unreachable, Unsteady, UsageError
from cv_gdpr.languages import message
from cv_gdpr.naming import learn
from cv_gdpr.service.paging import identified, once
from cv_gdpr.table.categories import CATEGORIES, PICTURES, PREDICTIONS, Category, category, rows_about
from cv_gdpr.table.findings import Detail, Finding, Item, Tally, Unread
from cv_gdpr.table.labels import same_text
from cv_gdpr.table.readers import Project
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import AGE, METADATA, TAG, Matches, Selection, is_before, selected, taken_of
from cv_gdpr.verbatim import Json

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service


CANNOT_NARROW = message("%(selectors)s cannot narrow it")
FOR_SELECTED = message("%(reason)s; exported as far as it is about what was selected")
_APPLIES = "docs/commands.md lists which selector applies to which rows; run them one after the other"
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
    learn(entries)
    if not scope.projects:
        return entries
    wanted = {named(entries, name)["id"] for name in scope.projects}
    return [entry for entry in entries if entry["id"] in wanted]


def entry_of(service: "Service", identity: str) -> Json | None:
    """Return a project's entry in GetProjects as it is now, None if it is not listed; raise ServiceError."""
    return next((one for one in projects_in(service, Scope()) if has_id(one, identity)), None)


def project_of(service: "Service", identity: str) -> Project:
    """Return a project to read again, without a call for each of its items."""
    return Project(service, {"id": identity}, details=False)


def has_id(entry: Json, identity: str) -> bool:
    """Return whether a project (or iteration) has that id, in any spelling."""
    return same_id(str(entry["id"])) == same_id(identity)


def is_named(entry: Json, name: str) -> bool:
    """Return whether a project has that name, in any canonically equivalent spelling."""
    return same_text(str(entry.get("name"))) == same_text(name)


def named(entries: list[Json], name: str, kind: str = "project") -> Json:
    """Return the project (or iteration: `kind`) of that name or id; raise UsageError, with the candidates, unless there
    is exactly one."""
    matches = [entry for entry in entries if has_id(entry, name)]
    matches = matches or [entry for entry in entries if is_named(entry, name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        ids = ", ".join(entry["id"] for entry in matches)
        raise UsageError(f"{len(matches)} {kind}s are named {name!r}", f"name one by its id: {ids}")
    known = "; ".join(f"{entry.get('name')} ({entry['id']})" for entry in entries)
    hint = f"{_similar(entries, name)}{kind}s: {known}" if known else f"there are no {kind}s"
    raise UsageError(f"no {kind} has the name or id {name!r}", hint)


def _similar(entries: list[Json], name: str) -> str:
    """Return words that name the one whose name is most like a mistyped one, where there are several."""
    names = {str(entry.get("name")).casefold(): str(entry.get("name")) for entry in entries}
    near = difflib.get_close_matches(name.casefold(), list(names), n=1)
    return f"similar: {names[near[0]]}; " if near and len(entries) > 1 else ""


def rows_in(scope: Scope) -> tuple[Category, ...]:
    """Return the rows in scope, in the table's order; raise UsageError if a selector does not apply to a named row."""
    kinds = scope.selection.kinds
    if not scope.rows:
        rows = tuple(row for row in CATEGORIES if kinds <= row.selectors or (scope.copies and row.name in PICTURES))
        if not rows:
            raise UsageError(f"no row can be narrowed by all of {_typed(kinds, scope)}", _APPLIES)
        return rows
    rows = tuple(row for row in CATEGORIES if row.name in scope.rows)
    for row in rows:
        if unfit := sorted(kinds - row.selectors - row.guards):
            can = ", ".join(sorted(row.selectors)) or "no selector"
            raise UsageError(f"{_typed(unfit, scope)} cannot narrow {row.name}", f"{row.name} takes {can}")
    return rows


def _typed(kinds: Iterable[str], scope: Scope) -> str:
    """Return kinds of selector as they were typed: --older-than is one way to give --before."""
    return ", ".join("--older-than" if kind == AGE and scope.selection.older_than else kind for kind in sorted(kinds))


def not_searched(scope: Scope) -> dict[str, str]:
    """Return the rows that a selection leaves out, with the reason: a selector does not apply to them."""
    if not scope.selection:
        return {}
    kinds, searched = scope.selection.kinds, rows_in(scope)
    return {
        row.name: CANNOT_NARROW % {"selectors": _typed(kinds - row.selectors, scope)}
        for row in CATEGORIES
        if not scope.rows and row not in searched
    }


def rows_of_selected(scope: Scope) -> list[str]:
    """Return the rows out of scope whose lists an export reads for what they say of selected items."""
    rows = rows_in(scope) if scope.selection else ()
    names = {row.name for row in rows}
    return [about.name for row in rows for about in rows_about(row.name, names)]


def not_searched_but_for(scope: Scope, in_part: str) -> dict[str, str]:
    """Return `not_searched`; of `rows_of_selected` with the words `in_part`, which have a place for `%(reason)s`."""
    partly = rows_of_selected(scope)
    return {row: in_part % {"reason": why} if row in partly else why for row, why in not_searched(scope).items()}


def predictions_not_searched(project: Project, scope: Scope) -> int | None:
    """Return how many stored predictions of a project nothing searches; None if they cannot be counted.

    Raise ServiceError for what fails everywhere.
    """
    since = _unsearched_since(scope, project.id)
    if since is None:
        return 0
    try:
        stored = listed(project, category(PREDICTIONS), Matches(Selection()))
        return sum(not since or not is_before(item.record, since) for item in stored)
    except ServiceError as error:
        if not is_of_one_project(error):
            raise
        return None


def _unsearched_since(scope: Scope, project: str) -> str | None:
    """Return from when on nothing searches the stored predictions, empty: none were; None if all were searched.

    A selection by what predictions lack (tags, metadata) does not search them, unless rows were named without them.
    """
    chosen, copies = scope.selection, scope.copies
    if scope.rows or not chosen.kinds & {TAG, METADATA}:
        return None
    if not copies or not copies.predictions or project not in copies.projects:
        return ""
    return None if chosen.before and chosen.before <= copies.began else copies.began


def predictions_verdict(held: int, *, in_part: bool) -> Literal["incomplete", "not searched"]:
    """Return the verdict on the row predictions where some were not searched; `in_part`: others were."""
    return "incomplete" if held or in_part else "not searched"


def is_of_one_project(error: ServiceError) -> bool:
    """Return whether an error at one project says nothing about the others."""
    return error.stops <= Stops.PROJECT


def near_values(matches: Matches) -> list[str]:
    """Return values similar to those that matched nothing; they are data of others, so for a terminal only."""
    wanted = [(str(tag), matches.seen_tags) for tag in matches.absent(TAG)]
    for pair in matches.absent(METADATA):
        key, value = pair if isinstance(pair, tuple) else ("", pair)
        pairs = [one.partition("=") for one in matches.seen_metadata]
        values = {there for name, _, there in pairs if name == key}
        wanted.append((value, values) if values else (key, {name for name, _, _ in pairs}))
    near = [(given, difflib.get_close_matches(given, sorted(seen), n=5, cutoff=0.5)) for given, seen in wanted]
    return [one for given, found in near for one in to_be_shown(given, found)]


def to_be_shown(given: str, near: Iterable[str]) -> list[str]:
    """Return the similar values that may be shown: no ids or numbers, and none at all if an id or a number was given.

    Values similar to a mistyped number (of a patient, a telephone) belong to other people.
    """
    return [] if _is_number(given) else [one for one in near if not _is_number(one)]


def _is_number(value: str) -> bool:
    """Return whether a text, or the part after its equals sign, is an id or consists mostly of digits."""
    value = value.partition("=")[2] or value
    digits = sum(char.isdigit() for char in value)
    return bool(_ID.fullmatch(value)) or 2 * digits >= sum(char.isalnum() for char in value) > 0


def findings_of(project: Project, row: Category, matches: Matches) -> Iterator[Finding]:
    """Yield the findings of a row that the selection takes; an error costs what could not be read.

    Raise ServiceError for what stops more than a listing.
    """
    try:
        yield from selected(row.read_project(project), matches)
    except ServiceError as error:
        if error.stops > Stops.LISTING:
            raise
        yield Unread(row.name, error, row.first_file)


def described(project: Project, row: Category, matches: Matches, rows: Iterable[str]) -> Iterator[Finding]:
    """Yield what lists of rows out of scope (`rows` are in it) say of the items of a row that the selection takes.

    An item that only such a list still names is taken by what the list says of it. Call it when the row itself is
    read. Raise ServiceError for what stops more than a listing.
    """
    for other in rows_about(row.name, set(rows)) if matches.selection else ():
        try:
            for finding in other.read_subjects(project):
                if isinstance(finding, Detail):
                    yield from taken_of(finding, matches, row.name)
                else:
                    yield finding
        except ServiceError as error:
            if error.stops > Stops.LISTING:
                raise
            yield Unread(other.name, error, other.first_file)


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
