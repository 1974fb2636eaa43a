"""The use case of `list`: read everything in scope as an export does, keep counts and names, fetch no bytes."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from cv_gdpr.errors import CvGdprError, NotAuthorised, ServiceError, Stops, Unexpected, may_change, with_hint
from cv_gdpr.held.project import ProjectHoldings, Unlisted
from cv_gdpr.masking import masked
from cv_gdpr.table.account import by_hand, resource_of
from cv_gdpr.table.categories import ACCOUNT, PREDICTIONS, Category, reads_projects
from cv_gdpr.table.findings import Absence, Finding, Item, Unread
from cv_gdpr.table.inventory import (
    near_values,
    not_searched_but_for,
    predictions_verdict,
    projects_in,
    rows_in,
)
from cv_gdpr.table.outside import CopiesOutside, copies_outside
from cv_gdpr.table.readers import Project, Resource
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Matches, shown

if TYPE_CHECKING:
    from cv_gdpr.service.azure_resource import Wanted
    from cv_gdpr.service.client import Service

Watch = Callable[[int, int], None]
"""Gets how many projects were read, and how many there are."""


_TESTS_SEARCHED = "%(reason)s; its lists of tests were searched for what was selected"
Verdict: TypeAlias = Literal["complete", "incomplete", "not searched", "not listed"]


class RowHeld(NamedTuple):
    """How many items of a row are held, and whether all of its lists were read, or none."""

    held: int
    verdict: Verdict


@dataclass
class Holdings:
    """What is held in a scope, and what could not be listed, searched or found."""

    scope: Scope
    rows: tuple[Category, ...]
    matches: Matches
    projects: list[ProjectHoldings] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    endpoint: str = ""
    resource: str = ""  # the id of the Azure resource, where it was read
    by_hand: dict[str, str] = field(default_factory=dict)
    copies_outside: list[CopiesOutside] = field(default_factory=list)
    account: int = 0
    account_calls: int = 0
    refused: NotAuthorised | None = None  # by what the resource itself holds
    may_change: bool = False  # another try may list what this one could not of the account
    _unlisted: list[Unlisted] = field(default_factory=list)

    @property
    def unlisted(self) -> list[Unlisted]:
        """What could not be listed."""
        named = [Unlisted(row, None, None, why) for row, why in self.by_hand.items() if row in self.scope.rows]
        return self._unlisted + named + [one for project in self.projects for one in project.unlisted]

    @property
    def held(self) -> dict[str, RowHeld]:
        """Row -> what is held of it."""
        return {row.name: RowHeld(self._count(row.name), self._verdict(row.name)) for row in self.rows}

    def _verdict(self, row: str) -> Verdict:
        if row in self.by_hand:
            return "not listed"
        if any(one.row == row for one in self.unlisted):
            return "incomplete"
        if row == PREDICTIONS and self.predictions_not_searched:
            return predictions_verdict(self._count(row), in_part=self.scope.searches_copies)
        return "complete"

    @property
    def calls_of_rows(self) -> Counter[str]:
        """Row -> how many calls its count took."""
        return sum((project.calls for project in self.projects), Counter({ACCOUNT: self.account_calls}))

    def _count(self, row: str) -> int:
        return self.account if row == ACCOUNT else sum(project.counts[row] for project in self.projects)

    @property
    def bug(self) -> Unexpected | None:
        """A bug that was met at one project."""
        return next((project.bug for project in self.projects if project.bug), None)

    @property
    def absent(self) -> list[str]:
        """The selector values that matched nothing."""
        return sorted({shown(*value) for value in self.matches.unmatched})

    @property
    def unmatched(self) -> list[str]:
        """Those of them that are nowhere, since everything in scope was listed."""
        return [] if self.unlisted else self.absent

    @property
    def undecided(self) -> list[str]:
        """Those of them that may be in a list that could not be read."""
        return self.absent if self.unlisted else []

    @property
    def predictions_not_searched(self) -> dict[str, int | None]:
        """Project -> how many stored predictions nothing searched."""
        found = {one.project.id: one.predictions_not_searched for one in self.projects}
        return {project: count for project, count in found.items() if count != 0}

    @property
    def taken(self) -> set[str]:
        """The ids that the selection took."""
        return {one for _, one in self.matches.ids}

    @property
    def copies(self) -> dict[str, str]:
        """Id of a copy that is held -> id of the original."""
        return {one: of for one, of in self.scope.selection.copies.items() if one in self.taken}

    @property
    def doubtful(self) -> dict[str, str]:
        """What may be a copy and was not taken -> the original."""
        return {one: self.scope.selection.doubtful[one] for one in sorted(self.matches.doubtful)}

    @property
    def not_searched(self) -> dict[str, str]:
        """Row -> why the selectors do not search it, or how far they do."""
        return not_searched_but_for(self.scope, _TESTS_SEARCHED)

    @property
    def near(self) -> list[str]:
        """Values similar to those that matched nothing: for a terminal only."""
        return near_values(self.matches)

    @property
    def exit_code(self) -> int:
        """0 if everything in scope was listed and each selector matched, 3 if not, 1 if that is due to a bug."""
        if self.bug:
            return self.bug.exit_code
        lacking = self.absent and not self.scope.missing_ok
        return 3 if self.unlisted or lacking or self.predictions_not_searched or self.doubtful else 0

    @property
    def retryable(self) -> bool:
        """Whether the same command may list more."""
        return self.may_change or any(one.may_change for one in self.projects)


def holdings(
    service: "Service", scope: Scope, azure: "Wanted | None" = None, watch: Watch = lambda _done, _total: None
) -> Holdings:
    """Return what is held in a scope.

    Raise UsageError for an unknown project, ServiceError for what fails everywhere or if nothing was allowed.
    """
    began = time.monotonic()
    rows = rows_in(scope)
    entries = projects_in(service, scope) if any(reads_projects(row) for row in rows) else []
    found = Holdings(scope, rows, Matches(scope.selection), calls=service.calls, endpoint=service.endpoint)
    found.copies_outside = [one for entry in entries for one in copies_outside(entry)]
    with resource_of(azure, [row.name for row in rows]) as opened:
        before = service.calls.total()
        _read_account(found, Resource(service, [], azure=opened))
        found.account_calls = service.calls.total() - before
    of_projects = [row for row in rows if row.name != ACCOUNT]
    for number, entry in enumerate(entries):
        watch(number, len(entries))
        project = Project(service, entry, details=False)
        one = ProjectHoldings(project, of_projects, found.matches, scope)
        found.projects.append(one)
        one.read()
    _refuse_if_nothing_was_allowed(found)
    found.seconds = time.monotonic() - began
    return found


def _read_account(found: Holdings, resource: Resource) -> None:
    for row in found.rows:
        if row.name != ACCOUNT or not row.read_resource:
            continue
        try:
            for finding in row.read_resource(resource):
                _accept(found, row, finding, resource)
                if isinstance(finding, Item):
                    break  # what follows are details, the keys among them
        except ServiceError as error:
            if error.stops > Stops.LISTING:
                raise
            _miss(found, row, error)


def _accept(found: Holdings, row: Category, finding: Finding, resource: Resource) -> None:
    if isinstance(finding, Item):
        found.account += 1
        found.resource = str(resource.azure.place) if resource.azure else ""
    elif isinstance(finding, Absence) and finding.id == row.name:
        found.by_hand[row.name] = by_hand(finding.reason, row.export_by_hand)
    elif isinstance(finding, Unread):
        _miss(found, row, finding.error)


def _miss(found: Holdings, row: Category, error: CvGdprError) -> None:
    if isinstance(error, NotAuthorised):
        found.refused = error
    found.may_change = found.may_change or may_change(error)
    found._unlisted.append(Unlisted(row.name, None, None, masked(with_hint(error))))


def _refuse_if_nothing_was_allowed(found: Holdings) -> None:
    """Raise the refusal of a list, or of the account, if nothing that was asked for could be read."""
    if _is_account_alone(found.rows) and found.refused and not found.account:
        raise found.refused
    refused = [one.refused for one in found.projects if one.refused]
    if refused and not any(one.allowed for one in found.projects):
        raise refused[0]


def _is_account_alone(rows: Sequence[Category]) -> bool:
    return all(row.name == ACCOUNT for row in rows)
