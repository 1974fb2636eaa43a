"""What one project holds: its items, and what they say of tags, metadata and iterations."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cv_gdpr.errors import Forbidden, Unexpected, may_change, unexpected
from cv_gdpr.masking import masked
from cv_gdpr.table.categories import IMAGES, ITERATIONS, TAGS, Category
from cv_gdpr.table.findings import Detail, Finding, Item, Tally, Unread, Unready, counts_differ
from cv_gdpr.table.inventory import described, findings_of, predictions_not_searched
from cv_gdpr.table.labels import metadata_of, objects_in
from cv_gdpr.table.readers import IMAGE_PERFORMANCES, Project
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Matches
from cv_gdpr.verbatim import Json
from cv_gdpr.watching import Count


class Unlisted(NamedTuple):
    """A list that could not be read, or not completely; `project` is None for what the resource itself holds."""

    row: str
    project: str | None
    iteration: str | None
    reason: str


class Tag(NamedTuple):
    """A tag, and how many of the listed images have it; None: images were not listed."""

    id: str
    name: str
    images: int | None


class Iteration(NamedTuple):
    """An iteration, and how many of the listed images it holds; None: images were not listed."""

    id: str
    name: str
    created: str
    published: str
    images: int | None


class Tested(NamedTuple):
    """An iteration, and the selected images that its tests name; no list of images need have these any more."""

    iteration: str
    name: str
    images: list[str]


@dataclass
class ProjectHoldings:
    """What a project holds, in the rows in scope and as far as the selection takes it.

    Each image counts once, however many iterations keep it. What the tests of iterations name is kept by itself: that
    image may be deleted.
    """

    project: Project
    rows: Sequence[Category]
    matches: Matches
    scope: Scope
    seen: Count = field(default_factory=lambda: Count("items listed"))
    unlisted: list[Unlisted] = field(default_factory=list)
    may_change: bool = False  # another try may list what this one could not
    allowed: bool = False  # to read anything of it
    refused: Forbidden | None = None
    bug: Unexpected | None = None
    predictions_not_searched: int | None = 0  # None: they could not be counted
    calls: Counter[str] = field(default_factory=Counter)  # row -> how many calls its count took
    items: defaultdict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))  # row -> ids, in order
    _tag_names: dict[str, str] = field(default_factory=dict)
    _with_tag: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _with_value: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _iterations: dict[str, Json] = field(default_factory=dict)
    _in_iteration: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _tested: dict[str, Tested] = field(default_factory=dict)  # by the iteration's id

    @property
    def name(self) -> str:
        """The project's name."""
        return str(self.project.entry.get("name"))

    @property
    def counts(self) -> dict[str, int]:
        """Row -> how many items were listed; the row of a failed list has what was read before it failed."""
        return {row.name: len(self.items[row.name]) for row in self.rows}

    @property
    def tags(self) -> list[Tag]:
        """The tags that were listed, and those on the listed images."""
        named = self._tag_names
        return [Tag(one, name, self._images(self._with_tag[one])) for one, name in named.items()]

    @property
    def iterations(self) -> list[Iteration]:
        """The iterations that were listed, and those that hold a listed image."""
        return [
            Iteration(
                one,
                str(record.get("name")),
                str(record.get("created") or ""),
                str(record.get("publishName") or ""),
                self._images(self._in_iteration[one]),
            )
            for one, record in self._iterations.items()
        ]

    @property
    def tests(self) -> list[Tested]:
        """What the tests of iterations name of the selected images."""
        return list(self._tested.values())

    @property
    def metadata(self) -> dict[str, dict[str, int]]:
        """Key -> value -> how many of the listed images have it."""
        found: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (key, value), images in sorted(self._with_value.items()):
            found[key][value] = len(images)
        return dict(found)

    def with_key(self, key: str) -> int:
        """Return how many of the listed images have a key of metadata."""
        return len(set[str]().union(*(images for (one, _), images in self._with_value.items() if one == key)))

    def _images(self, ids: set[str]) -> int | None:
        return len(ids) if any(row.name == IMAGES for row in self.rows) else None

    def read(self) -> None:
        """Read the rows; raise errors that stop the whole run, note all others in `unlisted`."""
        calls = self.project.service.calls
        for row in self.rows:
            before = calls.total()
            try:
                for finding in self._findings(row):
                    self.seen.add()
                    self._accept(finding)
            except Exception as error:  # noqa: BLE001 - `unexpected` raises all but bugs
                self.bug = unexpected(error)
                self._miss(row.name, self.bug.message)
            self.calls[row.name] = calls.total() - before
        self.predictions_not_searched = predictions_not_searched(self.project, self.scope)

    def _findings(self, row: Category) -> Iterator[Finding]:
        """Yield what a row holds, and then, with selectors, what lists of other rows say of its selected items."""
        yield from findings_of(self.project, row, self.matches)
        yield from described(self.project, row, self.matches, (one.name for one in self.rows))

    def _miss(self, row: str, reason: str, iteration: Json | None = None, *, again: bool = True) -> None:
        self.may_change = self.may_change or again
        place = iteration["id"] if iteration else None
        self.unlisted.append(Unlisted(row, self.project.id, place, masked(reason)))

    def _accept(self, finding: Finding) -> None:
        self.allowed = self.allowed or not isinstance(finding, Unread)
        if isinstance(finding, Item):
            self._note(finding)
        elif isinstance(finding, Detail) and finding.file == IMAGE_PERFORMANCES:
            self._note_test(finding)
        elif isinstance(finding, Unready):
            self._miss(finding.row, finding.reason)
        elif isinstance(finding, Tally) and not finding.agrees:
            iteration = finding.iteration["id"] if finding.iteration else None
            counts = (finding.before, finding.after, finding.listed)
            self._miss(finding.row, counts_differ(*counts, finding.listed, iteration), finding.iteration)
        elif isinstance(finding, Unread):
            if isinstance(finding.error, Forbidden):
                self.refused = finding.error
            self._miss(finding.row, finding.error.message, finding.iteration, again=may_change(finding.error))

    def _note(self, item: Item) -> None:
        self.items[item.row][item.id] = None
        if item.row == IMAGES:
            self._note_image(item)
        elif item.row == TAGS:
            self._tag_names[item.id] = str(item.record.get("name"))
        elif item.row == ITERATIONS:
            self._iterations[item.id] = item.record

    def _note_test(self, detail: Detail) -> None:
        if place := detail.iteration:
            tests = self._tested.setdefault(place["id"], Tested(place["id"], str(place.get("name")), []))
            tests.images.append(str(detail.record["id"]))

    def _note_image(self, item: Item) -> None:
        for part in objects_in(item.record, "tags") + objects_in(item.record, "regions"):
            identity = str(part.get("tagId"))
            self._tag_names.setdefault(identity, str(part.get("tagName")))
            self._with_tag[identity].add(item.id)
        for pair in metadata_of(item.record):
            self._with_value[pair].add(item.id)
        if item.iteration:
            self._iterations.setdefault(item.iteration["id"], item.iteration)
            self._in_iteration[item.iteration["id"]].add(item.id)
