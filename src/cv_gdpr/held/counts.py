"""What the service counts of a project, and how many calls its export will send: nothing that is large is listed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from cv_gdpr.errors import Forbidden, ServiceError, Stops
from cv_gdpr.held.project import Unlisted
from cv_gdpr.masking import masked
from cv_gdpr.table.categories import (
    EXPORTS,
    IMAGES,
    ITERATIONS,
    PERFORMANCE,
    PREDICTIONS,
    PROJECTS,
    TAGS,
    Category,
    category,
)
from cv_gdpr.table.costs import ImagesOf, of_image_performances, of_images
from cv_gdpr.table.findings import Blob, Finding, Item, Unread
from cv_gdpr.table.readers import Project, in_place, suggestions
from cv_gdpr.verbatim import Json, json_line


class StoredPrediction(NamedTuple):
    """A stored prediction: how many bytes its record has, and where its picture is."""

    record: int
    blobs: tuple[Blob, ...]


@dataclass
class ProjectCounts:
    """What is counted of a project. `calls` are those that an export of these rows will send, by operation.

    Stored predictions and suggestions have no count that an export could rely on: they are read once, as it will.
    """

    project: Project
    rows: Sequence[Category]
    calls: Counter[str] = field(default_factory=Counter)
    unlisted: list[Unlisted] = field(default_factory=list)
    allowed: bool = False
    refused: Forbidden | None = None
    places: list[ImagesOf] = field(default_factory=list)
    performances: list[tuple[Json, int]] = field(default_factory=list)  # an iteration, and how many images it has
    models: list[Blob] = field(default_factory=list)
    predictions: list[StoredPrediction] = field(default_factory=list)
    tags: int = 0  # of the workspace
    ids: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # row -> its items, but images

    @property
    def iterations(self) -> list[Json]:
        """The project's iterations, if a row in scope reads them."""
        return self.project.iterations if "iterations" in vars(self.project) else []

    def read(self) -> None:
        """Count; raise errors that stop the whole run, note all others in `unlisted`."""
        for row in self.rows:
            with self._noting(row.name):
                _COUNTING.get(row.name, _read_it)(self, row)
        if "iterations" in vars(self.project):
            self.calls["GetIterations"] += 2  # at the beginning, and at the end: was another one trained meanwhile?

    @contextmanager
    def _noting(self, row: str, iteration: Json | None = None) -> Iterator[None]:
        try:
            yield
        except ServiceError as error:
            if error.stops > Stops.LISTING:
                raise
            self.miss(row, error, iteration)

    def miss(self, row: str, error: ServiceError, iteration: Json | None = None) -> None:
        """Note what could not be counted."""
        if isinstance(error, Forbidden):
            self.refused = error
        place = iteration["id"] if iteration else None
        self.unlisted.append(Unlisted(row, self.project.id, place, masked(error.message)))

    def items(self, row: Category) -> Iterator[Item]:
        """Yield the items of a row, read without what is asked for each of them; note what cannot be read."""
        for finding in self.noted(row.read_project(self.project)):
            if isinstance(finding, Item):
                self.ids[row.name].add(finding.id)
                yield finding

    def noted(self, findings: Iterator[Finding]) -> Iterator[Finding]:
        """Yield findings; note what cannot be read."""
        for finding in findings:
            if isinstance(finding, Unread):
                self.miss(finding.row, finding.error, finding.iteration)
                continue
            self.allowed = True
            yield finding

    @contextmanager
    def as_sent(self, *but: str) -> Iterator[None]:
        """Add the calls that are sent inside to those of the export, except some operations."""
        before = self.project.service.calls.copy()
        yield
        sent = self.project.service.calls - before
        self.calls += Counter({name: count for name, count in sent.items() if name not in but})


def _projects(counts: ProjectCounts, row: Category) -> None:
    counts.calls["GetProject"] += sum(1 for _ in counts.items(row))


def _iterations(counts: ProjectCounts, row: Category) -> None:
    counts.calls["GetIteration"] += sum(1 for _ in counts.items(row))


def _performances(counts: ProjectCounts, row: Category) -> None:
    with counts.as_sent("GetIterations"):
        measured = [item.iteration for item in counts.items(row) if item.iteration]
    for iteration in measured:
        with counts._noting(row.name, iteration):
            project = counts.project
            count = int(project.service.call("get_image_performance_count", project.id, iteration["id"]))
            counts.performances.append((iteration, count))
            counts.calls += of_image_performances(count)


def _tags(counts: ProjectCounts, row: Category) -> None:
    with counts.as_sent("GetIterations"):
        found = list(counts.items(row))
    counts.tags = sum(item.iteration is None for item in found)
    counts.calls["GetTag"] += len(found)


def _images(counts: ProjectCounts, row: Category) -> None:
    project = counts.project
    for place in project.places:
        with counts._noting(row.name, place):
            count = int(project.service.call("get_image_count", project.id, **in_place(place)))
            untagged = int(project.service.call("get_untagged_image_count", project.id, **in_place(place)))
            counts.allowed = True
            counts.places.append(ImagesOf(place, count, min(untagged, count)))
            counts.calls += of_images(counts.places[-1])
    with counts.as_sent("GetIterations"):
        for _ in counts.noted(suggestions(project)):
            pass


def _models(counts: ProjectCounts, row: Category) -> None:
    with counts.as_sent("GetIterations"):
        counts.models = [blob for item in counts.items(row) for blob in item.blobs]


def _predictions(counts: ProjectCounts, row: Category) -> None:
    with counts.as_sent():
        counts.predictions = [StoredPrediction(len(json_line(one.record)), one.blobs) for one in counts.items(row)]


def _read_it(counts: ProjectCounts, row: Category) -> None:
    """Read a row whose calls nothing computes as an export does."""
    with counts.as_sent("GetIterations"):
        for _ in counts.items(row):
            pass


_COUNTING: dict[str, Callable[[ProjectCounts, Category], None]] = {
    PROJECTS: _projects,
    ITERATIONS: _iterations,
    PERFORMANCE: _performances,
    TAGS: _tags,
    IMAGES: _images,
    EXPORTS: _models,
    PREDICTIONS: _predictions,
}


def erasure_calls(counts: ProjectCounts, images: float) -> Counter[str]:
    """Return the calls of `delete --all` for a project that holds so many different images: plan, deletions, proof.

    Nobody must wait for a deletion to take effect, and nothing is left in place.
    """
    made = Counter[str]()
    for place in counts.places:
        made += of_images(place)
    iterations = len(counts.iterations)
    published = sum(bool(one.get("publishName")) for one in counts.iterations)
    made += _of_a_look(counts, iterations)
    made += of_images(ImagesOf(None, 0, 0))
    made += Counter(
        GetExports=iterations,
        UnpublishIteration=published,
        GetIteration=published,
        DeletePrediction=_batches(PREDICTIONS, len(counts.predictions)),
        DeleteIteration=iterations,
        DeleteImages=_batches(IMAGES, images),
        DeleteTag=counts.tags,
        DeleteProject=1,
    )
    return made + Counter(GetIterations=3, GetTags=1, QueryPredictions=1, GetProject=2, GetProjects=2)


def _of_a_look(counts: ProjectCounts, iterations: int) -> Counter[str]:
    """Return the calls by which the plan lists tags and stored predictions."""
    return Counter(GetTags=1 + iterations, QueryPredictions=counts.calls["QueryPredictions"])


def _batches(row: str, count: float) -> int:
    deleter = category(row).deleter
    return -int(-count // deleter.batch) if deleter else 0
