"""The table walked over a scope: which projects, which rows, which items. A listing that fails is an error."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cv_gdpr.archive.names import UUID
from cv_gdpr.categories import CATEGORIES, Category
from cv_gdpr.errors import MalformedAnswer, NotFound, Unreachable, Unsteady, UsageError
from cv_gdpr.findings import Detail, Finding, Item, Json, Scope, Selection, Tally
from cv_gdpr.listing import identified, once
from cv_gdpr.readers import Project

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


@dataclass
class Matches:
    """Which values of a selection have matched something so far, and whether all kinds together ever took a thing."""

    selection: Selection
    found: set[object] = field(default_factory=set)
    taken: bool = False
    seen_metadata: set[str] = field(default_factory=set)  # KEY=VALUE, kept only to suggest near ones

    def takes(self, row: str, record: Json) -> bool:
        """Say whether the selection takes this record of a row, and remember which values did."""
        chosen = self.selection
        if chosen.metadata:
            self.seen_metadata.update(f"{key}={value}" for key, value in _metadata(record))
        by_kind = [
            (chosen.tags, chosen.tags & _tag_names(row, record)),
            (chosen.metadata, chosen.metadata & set(_metadata(record))),
            (chosen.image_ids, chosen.image_ids & {str(record.get("id"))}),
        ]
        hits = [hit for values, hit in by_kind if values]
        self.found.update(*hits)
        if not all(hits):
            return False
        self.taken = True
        return True

    @property
    def unmatched(self) -> list[str]:
        """The values that matched nothing, each as its option would be written; metadata by its key alone.

        A value that only the other kinds keep out has matched, unless nothing at all was taken.
        """
        chosen, found = self.selection, self.found if self.taken else set()
        return sorted(
            [f"--tag {name}" for name in chosen.tags - found]
            + [f"--metadata {key}=…" for key, value in chosen.metadata if (key, value) not in found]
            + [f"--image-id {identity}" for identity in chosen.image_ids - found]
        )


def _tag_names(row: str, record: Json) -> set[str]:
    if row == "tags":
        return _texts([record], "name")
    if row == "predictions":
        # A classifier gives every tag some probability; the subject is the most probable one.
        best = max(_objects(record, "predictions"), key=_probability, default={})
        return _texts([best], "tagName")
    return _texts(_objects(record, "tags") + _objects(record, "regions"), "tagName")


def _texts(parts: list[Json], field: str) -> set[str]:
    return {part[field] for part in parts if isinstance(part.get(field), str)}


def _objects(record: Json, field: str) -> list[Json]:
    parts = record.get(field)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _probability(part: Json) -> float:
    try:
        return float(part.get("probability") or 0)
    except (TypeError, ValueError):
        return 0.0


def _metadata(record: Json) -> Iterator[tuple[str, str]]:
    pairs = record.get("metadata")
    if isinstance(pairs, dict):
        yield from ((str(key), str(value)) for key, value in pairs.items())


def selected(findings: Iterator[Finding], matches: Matches) -> Iterator[Finding]:
    """Give the findings that the selection takes; tallies and absences pass, they prove the listing itself."""
    for finding in findings:
        takeable = isinstance(finding, (Item, Detail)) and matches.selection
        if not takeable or matches.takes(finding.row, finding.record):  # type: ignore[union-attr]
            yield finding


def listed(
    project: Project, row: Category, matches: Matches, see: Callable[[Item], None] = lambda _: None
) -> Iterator[Item]:
    """Yield the items of a row that the selection takes; raise Unsteady where a listing cannot be trusted.

    `see` is told each item before that, whether the selection takes it or not.
    """
    assert row.read_project  # noqa: S101 - for the type checker
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
