"""What a report shows: the export, its projects, their iterations and their pictures. Texts are as they were sent."""

from typing import NamedTuple

from cv_gdpr.archive.names import identity
from cv_gdpr.table.labelled import Box, Tag, Task


class Row(NamedTuple):
    """A row of the table: how many items the service held, how many were exported.

    `by_hand`: what a person must do to export it; `removed`: how many were taken out later, by `redact`.
    """

    name: str
    data: str
    held: int
    exported: int
    by_hand: str = ""
    removed: int = 0


class Gap(NamedTuple):
    """Something that the export names as missing, and why; what does not apply is empty."""

    project: str
    row: str
    iteration: str
    file: str
    id: str
    reason: str


class Measures(NamedTuple):
    """How well a model did in the service's own test, from 0 to 1; None where the service sent no number."""

    precision: float | None
    recall: float | None
    average_precision: float | None


class TagMeasures(NamedTuple):
    """The measures of one tag."""

    tag: str
    name: str
    measures: Measures


class Performance(NamedTuple):
    """The measures of an iteration, and of each of its tags."""

    whole: Measures
    tags: tuple[TagMeasures, ...]


class ExportedModel(NamedTuple):
    """A model that the service exported; `file`: its path in the bag, empty if the export has none."""

    platform: str
    flavor: str
    status: str
    file: str


class Iteration(NamedTuple):
    """An iteration of a project: what it was trained on, how well, and under which name it was published.

    `images`: how many images it was trained on; None if the export does not hold their list. `text`: its record.
    """

    id: str
    folder: str
    name: str
    status: str
    created: str
    trained: str
    domain: str
    classification: str
    training_type: str
    minutes: int | None
    published_as: str
    published_to: str
    error: str
    performance: Performance | None
    models: tuple[ExportedModel, ...]
    tags: tuple[Tag, ...]
    images: int | None
    text: str

    @property
    def page(self) -> str:
        """Its page, in the folder of its project."""
        return f"iteration-{identity(self.id)}.html"

    @property
    def is_trained(self) -> bool:
        """Whether it was trained."""
        return bool(self.trained)


class TagUse(NamedTuple):
    """A tag, on how many pictures of the workspace it is, and how many boxes have it."""

    tag: Tag
    description: str
    pictures: int
    boxes: int


class Region(NamedTuple):
    """A region of a picture, and its tag by id; `name` is that of the record, `box` None if it is not four numbers."""

    tag: str
    name: str
    box: Box | None


class Said(NamedTuple):
    """What a model said of a picture: a tag with a probability, and perhaps where."""

    tag: str
    name: str
    probability: float | None
    box: Box | None = None


class Opinion(NamedTuple):
    """What one iteration said of a picture: in its test, as a suggestion, or when asked (a stored prediction).

    `truth`: the tags that a test compared it with, those of boxes among them: the name of each by its id.
    """

    kind: str
    iteration: str
    said: tuple[Said, ...]
    truth: tuple[tuple[str, str], ...] = ()

    @property
    def best(self) -> Said | None:
        """What it held most probable."""
        return max(self.said, key=lambda one: one.probability or 0.0, default=None)


TEST, SUGGESTION, STORED = "test", "suggestion", "stored"
"""The kinds of opinions."""


class Source(NamedTuple):
    """A record of a picture as it was sent, and the lists that hold it (paths below the project's folder)."""

    text: str
    files: tuple[str, ...]


class Picture(NamedTuple):
    """A picture: an image of the workspace or of iterations only, or one that was sent for prediction.

    `file` and `small` are paths in the bag of its bytes and of its resized copy, empty if the export has none; `width`
    and `height` are pixels of the file, or those of the record, 0 where neither states them. `tags` are ids.
    """

    id: str
    is_prediction: bool
    in_workspace: bool
    created: str
    file: str
    small: str
    width: int
    height: int
    tags: tuple[str, ...]
    regions: tuple[Region, ...]
    metadata: tuple[tuple[str, str], ...]
    iterations: tuple[str, ...]
    opinions: tuple[Opinion, ...]
    sources: tuple[Source, ...]

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The ids of its tags and of those of its boxes, each once."""
        return tuple(dict.fromkeys((*self.tags, *(region.tag for region in self.regions))))

    @property
    def stem(self) -> str:
        """The name of its page and its files, without a suffix."""
        return f"{'prediction' if self.is_prediction else 'image'}-{identity(self.id)}"


class Project(NamedTuple):
    """A project of the export, without its pictures; `text`: its record as JSON, empty if it was not exported."""

    id: str
    folder: str
    name: str
    description: str
    created: str
    modified: str
    domain: str
    task: Task | None
    iterations: tuple[Iteration, ...]
    text: str

    @property
    def place(self) -> str:
        """Its folder in the site."""
        return f"project-{identity(self.id)}"


class Counts(NamedTuple):
    """How many pictures of a project the export has a record of."""

    workspace: int
    tagged: int
    iterations_only: int
    predictions: int
    boxes: int
    without_file: int

    @property
    def untagged(self) -> int:
        """Of the workspace, those without a tag."""
        return self.workspace - self.tagged


class Contents(NamedTuple):
    """What a project holds: its tags, its pictures by date, and how many of each kind."""

    tags: tuple[TagUse, ...]
    pictures: tuple[Picture, ...]
    counts: Counts


class Export(NamedTuple):
    """The export as a whole: what was asked for, when and where, what is missing in it, and what was not searched."""

    folder: str
    tool: str
    endpoint: str
    resource: str
    reference: str
    operator: str
    started: str
    finished: str
    before: str
    all_projects: bool
    selectors: int
    unmatched: int
    rows: tuple[Row, ...]
    projects: tuple[Project, ...]
    gaps: tuple[Gap, ...]
    is_complete: bool
    not_searched: tuple[tuple[str, str], ...]
    predictions_not_searched: tuple[tuple[str, int | None], ...]
    copies_outside: tuple[tuple[str, str], ...]
    redacted: int
    files: int
    bytes: int
