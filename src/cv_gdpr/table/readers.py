"""How each row of the table is read: its reader calls the service and yields findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.archive.names import MODELS
from cv_gdpr.errors import MalformedAnswer, NotAuthorised, NotFound, ServiceError, Stops
from cv_gdpr.naming import learn
from cv_gdpr.service.batches import asked_in_parts
from cv_gdpr.service.continuations import OLDEST, stored_records
from cv_gdpr.service.paging import PAGE, Listing, Part, identified, once
from cv_gdpr.table import blobs, labels, shortfalls
from cv_gdpr.table.findings import WORKSPACE, Absence, Detail, Finding, Item, Tally, Trusted, Unread, Unready
from cv_gdpr.watching import ASKED

if TYPE_CHECKING:
    from cv_gdpr.service.azure_resource import AzureResource
    from cv_gdpr.service.client import Answer, Service
    from cv_gdpr.verbatim import Json


IMAGE_PERFORMANCES = "image-performances.jsonl"
_UNREADY = {  # Project.status (published contract v3.4-preview: Succeeded, Importing, Failed)
    "Importing": shortfalls.IMPORTING,
    "Failed": shortfalls.IMPORT_FAILED,
}


class Resource(NamedTuple):
    """A resource to read: the service, the entries of GetProjects in scope, and the Azure resource if it is named."""

    service: Service
    projects: list[Json]
    include_keys: bool = False
    azure: AzureResource | None = None


class Project:
    """A project to read: the service, and the project's entry in GetProjects.

    `details` says whether each tag, iteration and project is asked for by itself too, and what a row has beside items.
    `trusted` may return a list of an iteration, by its file, that need not be read; it asks for the count itself.
    `has_taken` may say whether selectors took an item that was read, by row and id: of another one no more is read.
    """

    trusted: Callable[[Json, str, Callable[[], int]], Trusted | None] | None = None
    has_taken: Callable[[str, str], bool] | None = None

    def __init__(self, service: Service, entry: Json, *, details: bool = True) -> None:
        self.service = service
        self.entry = entry
        self.details = details

    @property
    def id(self) -> str:
        """The project's id."""
        return str(self.entry["id"])

    @cached_property
    def iterations(self) -> list[Json]:
        """GetIterations, asked once. The workspace is never in it (recorded sessions, API v2.0 on)."""
        found = once(identified(self.service.call("get_iterations", self.id)))
        learn(found)
        return found

    @property
    def places(self) -> Iterator[Json | None]:
        """The workspace, then every iteration: an image may live in any of them, and only in one."""
        yield WORKSPACE
        yield from self.iterations


def _itself(record: Json, identity: str) -> Json:
    """Return a record that was requested by id; raise MalformedAnswer if its id differs."""
    if record.get("id") != identity:
        raise MalformedAnswer(f"the service answered with another record than {identity}")
    return record


def _each(
    row: str, file: str, places: Iterable[Json | None], read: Callable[[Json | None], Iterator[Finding]]
) -> Iterator[Finding]:
    """Yield what is read of each place for a file; a place that fails costs itself alone."""
    for place in places:
        try:
            yield from read(place)
        except ServiceError as error:
            if error.stops > Stops.LISTING:
                raise
            yield Unread(row, error, file, place)


def in_place(iteration: Json | None) -> dict[str, str]:
    """Return the argument by which an operation reads an iteration; none for the workspace."""
    return {"iteration_id": iteration["id"]} if iteration else {}


# --- the resource -----------------------------------------------------------------------------------------------


def nothing(_: Project) -> Iterator[Finding]:
    """Yield nothing: no project holds this kind of data."""
    yield from ()


def project_list(resource: Resource) -> Iterator[Finding]:
    """GetProjects: the entries in scope, as listed."""
    for entry in resource.projects:
        yield Detail("projects", entry, "projects.jsonl")


# --- a project --------------------------------------------------------------------------------------------------


def project(project: Project) -> Iterator[Finding]:
    """GetProject."""
    record = project.service.call("get_project", project.id) if project.details else project.entry
    yield Item("projects", project.id, _itself(record, project.id), "project.json")
    if (status := labels.word(record, "status")) in _UNREADY:
        yield Unready("projects", project.id, _UNREADY[status])


def iterations(project: Project) -> Iterator[Finding]:
    """GetIterations, and GetIteration of each."""
    for entry in project.iterations:
        yield Detail("iterations", entry, "iterations.jsonl")
    yield from _each("iterations", "iteration.json", project.iterations, lambda entry: _iteration(project, entry))


def _iteration(project: Project, entry: Json | None) -> Iterator[Finding]:
    if entry:
        record = project.service.call("get_iteration", project.id, entry["id"]) if project.details else entry
        yield Item("iterations", entry["id"], _itself(record, entry["id"]), "iteration.json", entry)


def performance(project: Project) -> Iterator[Finding]:
    """GetIterationPerformance and GetImagePerformances of each iteration that has them."""
    read = partial(_performance_of, project)
    yield from _each("performance", "performance.json", project.iterations, read)


def _performance_of(project: Project, iteration: Json | None) -> Iterator[Finding]:
    if not iteration:
        return
    try:
        record = project.service.call("get_iteration_performance", project.id, iteration["id"])
    except ServiceError as error:
        if not _has_no_performance(error, iteration):
            raise
        yield Absence("performance", iteration["id"], f"{error.code or error.status}: none", iteration)
        return
    yield Item("performance", iteration["id"], record, "performance.json", iteration)
    if not project.details:
        return
    read = partial(_image_performances, project)
    yield from _each("performance", IMAGE_PERFORMANCES, [iteration], read)


def image_performances(project: Project) -> Iterator[Finding]:
    """GetImagePerformances of each iteration, for what it says of the images that selectors took."""
    read = partial(_image_performances_if_any, project)
    yield from _each("performance", IMAGE_PERFORMANCES, project.iterations, read)


def _image_performances_if_any(project: Project, iteration: Json | None) -> Iterator[Finding]:
    try:
        yield from _image_performances(project, iteration)
    except ServiceError as error:
        if not iteration or not _has_no_performance(error, iteration):
            raise
        yield Absence("performance", iteration["id"], f"{error.code or error.status}: none", iteration)


def _has_no_performance(error: ServiceError, iteration: Json) -> bool:
    """Return whether an error means that there is none: by the service's code, or since training never completed."""
    if isinstance(error, NotAuthorised):
        return False
    if error.code == "NotFoundIterationPerformance":
        return True
    return error.status in {400, 404} and iteration.get("status") != "Completed"


def _image_performances(project: Project, iteration: Json | None) -> Iterator[Finding]:
    if not iteration:
        return
    arguments = (project.id, iteration["id"])
    pages = project.service.paged("get_image_performances", *arguments, order_by="Oldest")

    count = partial(project.service.call, "get_image_performance_count", *arguments)
    if known := _trusted(project, iteration, IMAGE_PERFORMANCES, count):
        for record in known.records:
            yield Detail("performance", record, IMAGE_PERFORMANCES, iteration)
        yield _trusted_tally(known, "performance", IMAGE_PERFORMANCES, iteration)
        return
    listing = Listing(
        count=count,
        parts=lambda counted: [Part(pages, counted)],
    )
    for record in listing.records():
        yield Detail("performance", record, IMAGE_PERFORMANCES, iteration)
    yield _tally(listing, "performance", IMAGE_PERFORMANCES, iteration)


def tags(project: Project) -> Iterator[Finding]:
    """GetTags and GetTag for the workspace, and for each iteration where they differ from the workspace's."""
    of_workspace: dict[str, Json] = {}

    def read(place: Json | None) -> Iterator[Finding]:
        listed = {tag["id"]: tag for tag in _tags_in(project, place)}
        if place is WORKSPACE:
            of_workspace.update(listed)
        if place is WORKSPACE or listed != of_workspace:
            yield from _tag_findings(project, listed, place)

    yield from _each("tags", "tags.jsonl", project.places, read)


def _tags_in(project: Project, iteration: Json | None) -> list[Json]:
    return identified(project.service.call("get_tags", project.id, **in_place(iteration)))


def _tag_findings(project: Project, listed: dict[str, Json], iteration: Json | None) -> Iterator[Finding]:
    for identity, tag in listed.items():
        yield Item("tags", identity, tag, "tags.jsonl", iteration)
        if not project.details or (project.has_taken and not project.has_taken("tags", identity)):
            continue
        try:
            yield _tag_detail(project, identity, iteration)
        except ServiceError as error:
            if error.stops > Stops.LISTING:
                raise
            yield Unread("tags", error, "tag-details.jsonl", iteration, identity)


def _tag_detail(project: Project, identity: str, iteration: Json | None) -> Finding:
    try:
        record = _itself(project.service.call("get_tag", project.id, identity, **in_place(iteration)), identity)
    except NotFound:
        if identity in {tag["id"] for tag in _tags_in(project, iteration)}:
            raise  # still listed: it is not gone, the service does not give it
        return Absence("tags", identity, "listed, but gone when asked for", iteration)
    return Detail("tags", record, "tag-details.jsonl", iteration)


def images(project: Project) -> Iterator[Finding]:
    """GetTaggedImages and GetUntaggedImages of the workspace and of every iteration.

    An image deleted from the workspace lives on in the iterations trained on it and is in no default listing.
    """
    yield from _each("images", "images.jsonl", project.places, partial(_images_in, project))
    if project.details:
        yield from suggestions(project)


def suggestions(project: Project) -> Iterator[Finding]:
    """QuerySuggestedImages of each iteration."""
    yield from _each("images", "image-suggestions.jsonl", project.iterations, partial(_suggestions_of, project))


def _suggestions_of(project: Project, iteration: Json | None) -> Iterator[Finding]:
    """QuerySuggestedImages: the tags and regions that the service suggested for untagged images, kept per iteration.

    No operation deletes them: they go with their image (published contract v3.4-preview, tagsandregions/suggestions).
    """
    if not iteration or iteration.get("status") != "Completed":
        return
    tag_ids = [tag["id"] for tag in _tags_in(project, iteration)]
    token = {"tagIds": tag_ids, "threshold": 0.0, "maxCount": 0, "sortBy": "UncertaintyAscending"}

    def query(token: Json) -> Answer:
        return project.service.ask("query_suggested_images", project.id, iteration["id"], token)

    for record in stored_records(query, token, "QuerySuggestedImages") if tag_ids else ():
        yield Detail("images", record, "image-suggestions.jsonl", iteration)


def _images_in(project: Project, iteration: Json | None) -> Iterator[Finding]:
    place = in_place(iteration)
    count = partial(project.service.call, "get_image_count", project.id, **place)
    if known := _trusted(project, iteration, "images.jsonl", count):
        for record in known.records:
            files = tuple(blob._replace(stale=True) for blob in blobs.of_image(record))
            yield Item("images", record["id"], record, "images.jsonl", iteration, files)
        yield _trusted_tally(known, "images", "images.jsonl", iteration)
        return
    listing = Listing(
        count=count,
        parts=lambda counted: _image_parts(project, place, counted),
        still=lambda ids: {item.id for item in renewed_images(project, iteration, sorted(ids))},
    )
    for record in listing.records():
        yield Item("images", record["id"], record, "images.jsonl", iteration, blobs.of_image(record))
    yield _tally(listing, "images", "images.jsonl", iteration)


def _image_parts(project: Project, place: dict[str, str], counted: int) -> list[Part]:
    """Return the lists of a place's images: in the workspace, the shorter list before and after the longer one.

    An image that is tagged or untagged meanwhile changes from one list to the other, and may never be in the one that
    is being read. The images of an iteration are as they were when it was trained.
    """
    tagged = project.service.paged("get_tagged_images", project.id, order_by="Oldest", **place)
    untagged = project.service.paged("get_untagged_images", project.id, order_by="Oldest", **place)
    if place:
        return [Part(tagged, counted), Part(untagged, counted)]
    try:
        without = min(project.service.call("get_untagged_image_count", project.id), counted)
    except NotFound:
        without = 0  # it only says which list is the shorter; the counts around all lists are the proof
    with_tag, without_tag = Part(tagged, counted - without), Part(untagged, without)
    if without_tag.expected < with_tag.expected:
        return [without_tag, with_tag, without_tag]
    return [with_tag, without_tag, with_tag]


def _trusted(project: Project, iteration: Json | None, file: str, count: Callable[[], int]) -> Trusted | None:
    """Return an iteration's list in an earlier export if it need not be read again; never one of the workspace."""
    return project.trusted(iteration, file, count) if project.trusted and iteration else None


def _trusted_tally(known: Trusted, row: str, file: str, iteration: Json | None) -> Tally:
    return Tally(row, file, known.listed, known.listed, known.listed, iteration, known.read)


def _tally(listing: Listing, row: str, file: str, iteration: Json | None) -> Tally:
    return Tally(row, file, listing.before, listing.after, listing.listed, iteration)


def exports(project: Project) -> Iterator[Finding]:
    """GetExports of every iteration; a model whose status is Done comes with its bytes."""
    yield from _each("exports", "exports.jsonl", project.iterations, partial(_exports_of, project))


def _exports_of(project: Project, iteration: Json | None) -> Iterator[Finding]:
    if not iteration:
        return
    for record in project.service.call("get_exports", project.id, iteration["id"]):
        if not isinstance(record, dict):
            raise MalformedAnswer("the service listed an exported model that is not an object")
        name = labels.of_model(record)
        files = blobs.of_model(record, f"{MODELS}/{iteration['id']}/{name}")
        yield Item("exports", f"{iteration['id']}/{name}", record, "exports.jsonl", iteration, files)
        if not files:
            yield Absence("exports", f"{iteration['id']}/{name}", f"status {record.get('status')}", iteration)


def predictions(project: Project) -> Iterator[Finding]:
    """QueryPredictions, until two passes agree; the service keeps predictions for 30 days."""
    for record in stored_records(lambda token: project.service.ask("query_predictions", project.id, token), OLDEST):
        yield Item("predictions", record["id"], record, "predictions.jsonl", blobs=blobs.of_prediction(record))


# --- renewing links ---------------------------------------------------------------------------------------------


def renewed_images(project: Project, iteration: Json | None, ids: list[str]) -> Iterator[Item]:
    """Yield the images that GetImagesByIds returns for the ids in one place, with new links.

    An image that is not there is not among them, nor one that the service will not even give by itself.
    """

    def ask(batch: list[str]) -> list[Json]:
        return identified(project.service.call("get_images_by_ids", project.id, image_ids=batch, **in_place(iteration)))

    for record in asked_in_parts(ask, ids, PAGE):
        yield Item("images", record["id"], record, "images.jsonl", iteration, blobs.of_image(record))


def renewed_exports(project: Project, iteration: Json | None, ids: list[str]) -> Iterator[Item]:
    """GetExports of an iteration, with new links."""
    if iteration:
        yield from (item for item in _exports_of(project, iteration) if isinstance(item, Item) and item.id in ids)


def renewed_predictions(project: Project, iteration: Json | None, ids: list[str]) -> Iterator[Item]:
    """QueryPredictions until the ids are found: no operation returns a stored prediction by its id."""
    del iteration
    wanted = set(ids)
    for item in predictions(project):
        if isinstance(item, Item) and item.id in wanted:
            wanted.discard(item.id)
            yield item
            if not wanted:
                return


# --- whether something is still there ---------------------------------------------------------------------------


def images_still_given(project: Project, ids: list[str]) -> set[str]:
    """Return the ids that GetImagesByIds finds in the workspace or in an iteration."""
    return {item.id for place in project.places for item in renewed_images(project, place, ids)}


def iterations_still_given(project: Project, ids: list[str]) -> set[str]:
    """Return the ids for which GetIteration still answers."""
    return _given(project, "get_iteration", ids)


def tags_still_given(project: Project, ids: list[str]) -> set[str]:
    """Return the ids for which GetTag still answers."""
    return _given(project, "get_tag", ids)


def _given(project: Project, operation: str, ids: list[str]) -> set[str]:
    ASKED.expect(len(ids))
    found = set()
    for one in ids:
        if _is_given(project, operation, one):
            found.add(one)
        ASKED.add(1)
    return found


def _is_given(project: Project, operation: str, identity: str) -> bool:
    """Return whether the service still returns an item that its list lacks: only a 404 means that it is gone."""
    try:
        project.service.call(operation, project.id, identity)
    except NotFound:
        return False
    return True
