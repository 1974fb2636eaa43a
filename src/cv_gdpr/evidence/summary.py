"""What the certificate says of evidence: counted and bounded, so that it is a page, whatever was erased."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from cv_gdpr.evidence.events import RECOVERABLE
from cv_gdpr.evidence.outcomes import DELETED, FAILED, GONE, LEFT, RESIDUE, UNPROVED
from cv_gdpr.evidence.records import Evidence, Item, Project, SearchedScope, State
from cv_gdpr.languages import message
from cv_gdpr.table.categories import ACCOUNT, CATEGORIES, IMAGES, ITERATIONS, PREDICTIONS, PROJECTS, TAGS
from cv_gdpr.table.inventory import CANNOT_NARROW
from cv_gdpr.table.selection import AGE, EXCEPT, IMAGE_ID, ITERATION, METADATA, PREDICTED, TAG

MOST_PROJECTS = 8  # lines of the table
MOST_REASONS = 6  # why something remains
MOST_IDS = 4  # of one kind, in the text

ASKED = {
    IMAGE_ID: message("the pictures themselves, by their ids (found by a photograph, or picked by hand)"),
    METADATA: message("what was written beside a picture (metadata)"),
    TAG: message("a tag of a picture"),
    PREDICTED: message("what a model said of a picture"),
    ITERATION: message("a trained version of a model (iteration)"),
}
"""What selectors select by, in words for people who never typed one."""
KINDS = {
    IMAGES: message("Images"),
    TAGS: message("Tags"),
    ITERATIONS: message("Iterations"),
    PREDICTIONS: message("Stored predictions"),
    PROJECTS: message("Projects"),
    ACCOUNT: message("Azure resource"),
    RECOVERABLE: message("What Azure keeps of the deleted resource"),
}
"""The kinds of data that can be in a plan, as short as a column needs them, in the order of the columns."""
REMAINS: dict[State, str] = {
    RESIDUE: message("still there, although the service accepted the deletion"),
    FAILED: message("still there: the deletion failed"),
    LEFT: message("still there: no deletion was requested"),
    UNPROVED: message("perhaps still there: could not be looked for again"),
}
SEARCHES = {
    "kept": message("Record of a search: nothing was deleted"),
    "matched": message("Record of a search: nothing matched"),
    "held": message("Record of a search: nothing to delete"),
}
"""Titles where nothing was in the plan: what was found is kept, nothing was selected, or nothing was held."""
_MISSING = {
    IMAGE_ID: message("id %(value)s"),
    EXCEPT: message("id of a hold %(value)s"),
    METADATA: message("metadata %(value)s"),
    TAG: message("tag %(value)s"),
    PREDICTED: message("predicted tag %(value)s"),
    ITERATION: message("iteration %(value)s"),
}
"""What was requested and not found: an id, or the beginning of a hash."""
_NARROWS = CANNOT_NARROW.partition("%(selectors)s")[2]


class Cell(NamedTuple):
    """How many items of one kind are gone, and how many were in the plan."""

    gone: int
    planned: int


class Line(NamedTuple):
    """A project, or several that are summed up, with a cell for each kind."""

    project: str  # its id; empty: several
    projects: int
    cells: list[Cell]


class Counts(NamedTuple):
    """The kinds of data in the plan, the projects with their numbers, and the sum of all if there are several."""

    kinds: list[str]
    lines: list[Line]
    total: Line | None


class Remaining(NamedTuple):
    """Items of one kind that remain in the same state for the same reason; the first of their ids."""

    row: str
    state: State
    reason: str
    number: int
    ids: list[str]


class Summary(NamedTuple):
    """What the page says of the items and projects."""

    counts: Counts
    remaining: list[Remaining]
    more_remaining: int  # items that remain for further reasons
    untouched: int  # projects in scope without an item in the plan
    along: int  # images that went with an iteration that alone held them
    trained: list[tuple[str, str]]  # iterations that remain: id, name it is published as
    unknown_models: bool  # models may remain, and nothing looked for those trained on the images
    kept: list[str]
    kept_published: list[str]
    kept_for_images: list[str]
    copies: int  # that were selected as well
    copies_left: list[str]
    predictions_not_searched: int
    predictions_not_counted: bool
    deleted_iterations: list[str]
    exported_models: int | None  # None: in none of the projects they were counted
    unpublished: list[str]
    outside: list[tuple[str, str, int]]  # setting, address of a container or queue, number of projects
    only_in_iterations: int


def summary_of(evidence: Evidence) -> Summary:
    """Return what the page says."""
    projects = evidence.projects
    planned = {item.project for item in evidence.items}
    remaining = _remaining(evidence.items)
    return Summary(
        counts=_counts(evidence.items),
        remaining=remaining[:MOST_REASONS],
        more_remaining=sum(one.number for one in remaining[MOST_REASONS:]),
        untouched=sum(one.id not in planned and not one.whole for one in projects),
        along=_along(evidence),
        trained=[(one, each.published_holding.get(one, "")) for each in projects for one in _trained(each)],
        unknown_models=_unknown_models(evidence),
        kept=[one for each in projects for one in each.kept],
        kept_published=[one for each in projects for one in each.kept_published],
        kept_for_images=[one for each in projects for one in each.kept_for_images],
        copies=sum(len(each.copies_of) for each in projects),
        copies_left=[one for each in projects for one in each.copies_left],
        predictions_not_searched=sum(each.predictions_not_searched or 0 for each in projects),
        predictions_not_counted=any(each.predictions_not_searched is None for each in projects),
        deleted_iterations=[one.id for one in evidence.items if one.row == ITERATIONS and one.state in {DELETED, GONE}],
        exported_models=_exported_models(projects),
        unpublished=[one for each in projects for one in each.unpublished],
        outside=_outside(projects),
        only_in_iterations=sum(each.images_only_in_iterations for each in projects),
    )


def _exported_models(projects: Iterable[Project]) -> int | None:
    counts = [each.exported_models for each in projects if each.exported_models is not None]
    return sum(counts) if counts else None


def _trained(project: Project) -> list[str]:
    """Return the iterations that remain, those that are published first: they are in use."""
    return sorted(project.iterations_trained_on_them, key=lambda one: one not in project.published_holding)


def _outside(projects: Iterable[Project]) -> list[tuple[str, str, int]]:
    found = Counter(place for each in projects for place in sorted(each.copies_outside.items()))
    return [(setting, address, number) for (setting, address), number in found.most_common()]


def _unknown_models(evidence: Evidence) -> bool:
    """Return whether images were deleted without selectors, and their project with its models stays."""
    whole = {one.id for one in evidence.projects if one.whole}
    here = [item for item in evidence.items if item.project not in whole and item.row in {IMAGES, ITERATIONS}]
    return (
        bool(here)
        and not (evidence.scope.selectors or evidence.recheck_of)
        and all(item.row == IMAGES for item in here)
    )


def _along(evidence: Evidence) -> int:
    """Return how many images were deleted with their iteration, without a request of their own."""
    whole = {one.id for one in evidence.projects if one.whole}
    gone = (item for item in evidence.items if item.row == IMAGES and item.state == DELETED and not item.status)
    return sum(item.project not in whole for item in gone)


def _counts(items: Iterable[Item]) -> Counts:
    numbers: dict[str, Counter[tuple[str, bool]]] = {}
    for item in items:
        numbers.setdefault(item.project, Counter())[item.row, item.state in {DELETED, GONE}] += 1
    kinds = [kind for kind in KINDS if any((kind, gone) in one for one in numbers.values() for gone in (True, False))]
    biggest = sorted(numbers, key=lambda one: -numbers[one].total())
    most = len(biggest) if len(biggest) <= MOST_PROJECTS else MOST_PROJECTS - 1
    lines = [Line(one, 1, _cells(kinds, [numbers[one]])) for one in biggest[:most]]
    if rest := biggest[most:]:
        lines.append(Line("", len(rest), _cells(kinds, [numbers[one] for one in rest])))
    total = Line("", len(biggest), _cells(kinds, list(numbers.values()))) if len(lines) > 1 else None
    return Counts(kinds, lines, total)


def _cells(kinds: list[str], numbers: list[Counter[tuple[str, bool]]]) -> list[Cell]:
    gone = [sum(one[kind, True] for one in numbers) for kind in kinds]
    there = [sum(one[kind, False] for one in numbers) for kind in kinds]
    return [Cell(some, some + rest) for some, rest in zip(gone, there, strict=True)]


def _remaining(items: Iterable[Item]) -> list[Remaining]:
    """Return what remains, the most numerous first."""
    found: dict[tuple[str, State, str], list[str]] = {}
    for item in items:
        if item.state in REMAINS:
            found.setdefault((item.row, item.state, item.reason), []).append(item.id)
    groups = [Remaining(*key, len(ids), ids) for key, ids in found.items()]
    return sorted(groups, key=lambda one: -one.number)


def title_of(evidence: Evidence) -> str:
    """Return the title of the page."""
    if evidence.recheck_of:
        return message("Record of a recheck")
    if kind := kind_of_search(evidence):
        return SEARCHES[kind]
    if evidence.exit_code:
        return message("Record of an erasure that is not complete")
    return message("Certificate of erasure")


def kind_of_search(evidence: Evidence) -> str:
    """Return which of SEARCHES it was, if nothing was in the plan, and nothing kept it from being made; or nothing."""
    if (
        evidence.items
        or evidence.failed
        or evidence.recheck_of
        or evidence.resource
        or evidence.exit_code not in {0, 3}
    ):
        return ""
    if any(one.kept or one.kept_published or one.kept_for_images or one.copies_left for one in evidence.projects):
        return "kept"
    return "matched" if evidence.scope.selectors else "held"


def not_found(evidence: Evidence) -> list[tuple[str, str]]:
    """Return what was requested and not found: the words for it, and the value."""
    each = (one.rpartition(" ") for one in evidence.not_found)
    return [(_MISSING.get(selector, "%(value)s"), value) for selector, _, value in each]


def asked_by(scope: SearchedScope) -> list[tuple[str, int]]:
    """Return by what was selected, and by how many values; neither age nor a hold."""
    found = Counter(one.selector for one in scope.selectors if one.selector not in {AGE, EXCEPT})
    return [(ASKED.get(name, name), number) for name, number in found.items()]


def not_searched(scope: SearchedScope) -> list[tuple[str, list[str]]]:
    """Return the rows that were not searched, by reason; an empty reason: they hold nothing to select them by."""
    found: dict[str, list[str]] = {}
    for row, reason in scope.not_searched.items():
        if row != ITERATIONS or not scope.with_iterations:
            found.setdefault("" if reason.endswith(_NARROWS) else reason, []).append(row)
    return list(found.items())


def not_asked(evidence: Evidence) -> list[str]:
    """Return the rows that a command that named rows did not ask for: nothing of them was searched or deleted."""
    scope = evidence.scope
    if isinstance(scope.rows, str) or evidence.recheck_of or evidence.resource:
        return []
    asked = {*scope.rows, *scope.not_searched} | ({ITERATIONS} if scope.with_iterations else set())
    asked |= {row.parent for row in CATEGORIES if row.name in asked and row.parent}
    if PROJECTS in scope.rows:
        asked |= {row.name for row in CATEGORIES if row.name != ACCOUNT}
    return [row.name for row in CATEGORIES if row.name not in asked and row.parent not in asked]


def row_name(name: str) -> str:
    """Return the published table's words for a row; of what is not a row of it, ours."""
    return KINDS[name] if name == RECOVERABLE else next((row.data for row in CATEGORIES if row.name == name), name)
