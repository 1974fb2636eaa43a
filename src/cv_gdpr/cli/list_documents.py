"""The JSON documents of `list`, as records; imported on use."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from cv_gdpr.cli.failure import Part
from cv_gdpr.cli.search_documents import SearchDocument, of_search
from cv_gdpr.held.resource import Verdict

if TYPE_CHECKING:
    from cv_gdpr.held.project import ProjectHoldings
    from cv_gdpr.held.resource import Holdings

_Images = Annotated[int | None, Meta(description="How many of the listed images; null: images were not listed.")]


class ListedRow(Part, kw_only=True, frozen=True):
    """How many items of a row of the table are held. Each counts once, however many iterations keep it."""

    row: str
    held: int
    verdict: Annotated[
        Verdict,
        Meta(description="incomplete, not searched: see `unlisted`, `predictionsNotSearched`; not listed: `byHand`."),
    ]
    calls: Annotated[int, Meta(description="How many calls the count took.")]


class ListedTag(Part, kw_only=True, frozen=True):
    """A tag, and how many of the listed images have it."""

    id: str
    name: str
    images: _Images


class ListedValue(Part, kw_only=True, frozen=True):
    """A value of metadata, and how many of the listed images have it."""

    value: str
    images: int


class ListedKey(Part, kw_only=True, frozen=True):
    """A key of metadata, and how many of the listed images have it."""

    key: str
    images: int
    values: Annotated[list[ListedValue] | None, Meta(description="null without --values.")]


class ListedIteration(Part, kw_only=True, frozen=True):
    """An iteration, and how many of the listed images it holds."""

    id: str
    name: str
    created: str
    published: Annotated[str | None, Meta(description="The name that it is published under; null: it is not.")]
    images: _Images


class ListedTests(Part, kw_only=True, frozen=True):
    """What the tests of an iteration say of the selected images; no list of images need have these any more."""

    iteration: str
    name: str
    images: Annotated[list[str], Meta(description="The ids of the images that were tested.")]


class ListedProject(Part, kw_only=True, frozen=True):
    """What a project holds of the rows in scope, as far as the selectors take it."""

    id: str
    name: str
    rows: dict[str, int]
    tags: list[ListedTag]
    metadata: list[ListedKey]
    iterations: list[ListedIteration]
    items: Annotated[
        dict[str, list[str]] | None, Meta(description="Row: the ids that the selectors took; null without selectors.")
    ]
    tests: Annotated[
        list[ListedTests] | None,
        Meta(description="Iterations that were tested with selected images; null: no selectors."),
    ]


class NotListed(Part, kw_only=True, frozen=True):
    """A list that could not be read, or not completely; what does not apply is null."""

    row: str
    project: str | None
    iteration: str | None
    reason: str


class ListDocument(SearchDocument, kw_only=True, frozen=True, tag="cv-gdpr-list/1"):
    """What `list` prints: how many items of each row are held, and by which projects, tags, metadata and iterations.

    Nothing was exported. Values of metadata are in it with `--values` only.
    """

    endpoint: Annotated[str, Meta(description="Of the resource that was asked.")]
    rows: list[ListedRow]
    projects: list[ListedProject]
    unlisted: list[NotListed]


def of_holdings(found: "Holdings", *, values: bool) -> ListDocument:
    """Return the document of what is held; `values`: with the values of metadata."""
    costs = found.calls_of_rows
    return ListDocument(
        exit_code=found.exit_code,
        retryable=found.retryable,
        **of_search(found),
        endpoint=found.endpoint,
        rows=[
            ListedRow(row=row, held=one.held, verdict=one.verdict, calls=costs[row]) for row, one in found.held.items()
        ],
        projects=[_of_project(one, values=values) for one in found.projects],
        unlisted=[NotListed(**one._asdict()) for one in found.unlisted],
    )


def _of_project(one: "ProjectHoldings", *, values: bool) -> ListedProject:
    selected = bool(one.scope.selection)
    return ListedProject(
        id=one.project.id,
        name=one.name,
        rows=one.counts,
        tags=[ListedTag(**tag._asdict()) for tag in one.tags],
        metadata=[
            ListedKey(key=key, images=one.with_key(key), values=_of_values(found) if values else None)
            for key, found in one.metadata.items()
        ],
        iterations=[
            ListedIteration(**(entry._asdict() | {"published": entry.published or None})) for entry in one.iterations
        ],
        items={row: list(ids) for row, ids in one.items.items()} if selected else None,
        tests=[ListedTests(**tests._asdict()) for tests in one.tests] if selected else None,
    )


def _of_values(found: dict[str, int]) -> list[ListedValue]:
    return [ListedValue(value=value, images=images) for value, images in found.items()]
