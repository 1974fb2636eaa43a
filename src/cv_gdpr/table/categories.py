"""THE TABLE: one record for each kind of data (a new row goes here), and the order in which rows are deleted.

The rows are those of Microsoft's page "Export or delete your data in Custom Vision" (PAGE), in its order, and one for
what that page omits. Commands, export, deletion, verification and documentation walk this tuple. CONTRIBUTING.md lists
what a new row needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.archive.layout import File, Holds, Layout, Place
from cv_gdpr.archive.names import MODELS, model_stem, safe_stem
from cv_gdpr.languages import message
from cv_gdpr.table import account, blobs, deleters, labels, readers
from cv_gdpr.table.findings import Blob, Finding, Item

if TYPE_CHECKING:
    from cv_gdpr.service.client import Answer
    from cv_gdpr.verbatim import Json


PAGE = "https://learn.microsoft.com/azure/ai-services/custom-vision-service/export-delete-data"

ACCOUNT, ITERATIONS, PERFORMANCE, PROJECTS = "account", "iterations", "performance", "projects"
TAGS, IMAGES, EXPORTS, PREDICTIONS = "tags", "images", "exports", "predictions"
"""Rows with rules of their own: containers, what iterations are trained on, what only a person can do."""

PICTURES = (IMAGES, PREDICTIONS)
"""The rows of pictures, in which copies of a photograph are found."""


ITERATION_LIST = "iterations.jsonl"
"""The file of GetIterations, without which no row can be read in any iteration."""


class PublishedRow(NamedTuple):
    """A row of Microsoft's table: its words for the data, what exports it, what deletes it."""

    data: str
    exported_by: tuple[str, ...]
    deleted_by: str


class Deleter(NamedTuple):
    """How items of a row are deleted: ids a call, the call.

    The batch sizes are the published contract's: 256 images, 64 predictions, one of anything else.
    """

    batch: int
    call: Callable[[readers.Project, list[str]], Answer]


class Deletion(Enum):
    """The three ways in which a kind of data is deleted."""

    BY_API = "by the API"
    WITH_PARENT = "with its parent"
    OUTSIDE = "outside the API"


class Category(NamedTuple):
    """One row: its command, the rows of Microsoft's table that it covers, how it is read, stored, deleted, proved gone.

    `look_up` returns those of the ids that the service still gives when it is asked for them by id. `by_id_first`: that
    is cheaper than a listing, so that it alone is asked while an asynchronous deletion runs.
    """

    name: str
    data: str
    exported_by: tuple[str, ...]
    deletion: Deletion
    deleted_by: str
    covers: tuple[PublishedRow, ...] = ()  # none: Microsoft's page omits this kind of data
    files: tuple[File, ...] = ()
    folders: tuple[str, ...] = ()  # of its bytes, in a project's folder
    blobs: Callable[[Json, str], tuple[Blob, ...]] = blobs.none
    identity: Callable[[Json], str] = labels.identity
    deleter: Deleter | None = None
    parent: str = ""  # the row whose items take it with them when they are deleted
    read_resource: Callable[[readers.Resource], Iterator[Finding]] | None = None
    read_project: Callable[[readers.Project], Iterator[Finding]] = readers.nothing
    read_subjects: Callable[[readers.Project], Iterator[Finding]] = readers.nothing  # its files with a `subject`
    renew: Callable[[readers.Project, Json | None, list[str]], Iterator[Item]] | None = None
    look_up: Callable[[readers.Project, list[str]], set[str]] | None = None
    by_id_first: bool = False
    of_iterations: bool = False  # an iteration that is trained brings more of it
    stored_anew: bool = False  # the service may store other bytes at the same address, so that none are reused
    copied: bool = False  # an iteration keeps a copy of its own, which goes with the iteration
    per_iteration: bool = False  # an id names one item within its iteration only, and may come again
    selectors: frozenset[str] = frozenset()
    guards: frozenset[str] = frozenset()  # selectors that narrow what goes with an item, where the row is named
    tag_names: Callable[[Json], set[str]] = labels.of_image
    export_by_hand: str = ""  # what a person must do where no operation exports it
    delete_by_hand: str = ""  # ... and where none deletes it

    def id_in_bag(self, record: Json, place: str) -> str:
        """Return the id of a record of a bag's list; `place` is the identity of its iteration, empty: the workspace."""
        name = self.identity(record)
        return f"{place}/{name}" if self.per_iteration else name

    def blobs_in_bag(self, record: Json, place: str) -> list[tuple[str, str]]:
        """Return stem and link of each blob of a record of a bag's list, as the bag's index names them."""
        if self.per_iteration:
            stem = model_stem(place, self.identity(record))
            return [(stem, blob.uri) for blob in self.blobs(record, stem)]
        return [(safe_stem(blob.stem), blob.uri) for blob in self.blobs(record, "")]

    @property
    def first_file(self) -> str:
        """The file of the listing that its reader begins with, which costs the row if it fails."""
        if self.of_iterations:
            return ITERATION_LIST
        return next((file.name for file in self.files if Place.PROJECT in file.places), "")

    def is_copy(self, item: Item) -> bool:
        """Return whether an item is an iteration's copy, which goes with the iteration."""
        return self.copied and item.iteration is not None


CATEGORIES: tuple[Category, ...] = (
    Category(
        name=ACCOUNT,
        data=message("Account information (subscription keys)"),
        covers=(
            PublishedRow(
                "Account information (subscription keys)",
                ("GetAccountInfo",),
                'in the Azure portal, or "Delete your account"',
            ),
        ),
        exported_by=("Accounts-Get", *account.BESIDE, "GetAccountInfo"),
        deletion=Deletion.OUTSIDE,
        deleted_by="Accounts-Delete and DeletedAccounts-Purge, or the Azure portal",
        files=(
            File("account.json", (Place.RESOURCE,)),
            *(File(name, (Place.RESOURCE,), Holds.DETAILS) for name in account.FILES),
        ),
        read_resource=account.account,
        export_by_hand=message("Azure Resource Manager has it: give --resource-id ID"),
        delete_by_hand=message(
            "cv-gdpr delete account --resource-id ID deletes the Azure resource, as the Azure "
            "portal and CustomVision.ai (settings) do. Azure keeps it recoverable for 48 hours; --purge ends that"
        ),
    ),
    Category(
        name=ITERATIONS,
        data=message("Iteration details and list of iterations"),
        covers=(
            PublishedRow("Iteration details", ("GetIteration",), "DeleteIteration"),
            PublishedRow("List of iterations", ("GetIterations",), "DeleteIteration"),
        ),
        exported_by=("GetIterations", "GetIteration"),
        deletion=Deletion.BY_API,
        deleted_by="DeleteIteration",
        files=(
            File(ITERATION_LIST, (Place.PROJECT,), Holds.ENTRIES, owner="projectId"),
            File("iteration.json", (Place.ITERATION,), owner="projectId"),
        ),
        deleter=Deleter(1, deleters.iterations),
        read_project=readers.iterations,
        look_up=readers.iterations_still_given,
        of_iterations=True,
        selectors=frozenset({"--iteration", "--before"}),
        guards=frozenset({"--except-ids-file"}),
    ),
    Category(
        name=PERFORMANCE,
        data=message("Iteration performance details"),
        covers=(PublishedRow("Iteration performance details", ("GetIterationPerformance",), "DeleteIteration"),),
        exported_by=("GetIterationPerformance", "GetImagePerformances", "GetImagePerformanceCount"),
        deletion=Deletion.WITH_PARENT,
        deleted_by="DeleteIteration",
        files=(
            File("performance.json", (Place.ITERATION,)),
            File(readers.IMAGE_PERFORMANCES, (Place.ITERATION,), Holds.DETAILS, counted=True, subject=IMAGES),
        ),
        parent=ITERATIONS,
        read_project=readers.performance,
        read_subjects=readers.image_performances,
        of_iterations=True,
        selectors=frozenset({"--iteration"}),
    ),
    Category(
        name=PROJECTS,
        data=message("Projects and project details"),
        covers=(PublishedRow("Projects and project details", ("GetProject", "GetProjects"), "DeleteProject"),),
        exported_by=("GetProjects", "GetProject"),
        deletion=Deletion.BY_API,
        deleted_by="DeleteProject",
        files=(File("projects.jsonl", (Place.RESOURCE,), Holds.ENTRIES), File("project.json", (Place.PROJECT,))),
        deleter=Deleter(1, deleters.projects),
        read_resource=readers.project_list,
        read_project=readers.project,
    ),
    Category(
        name=TAGS,
        data=message("Image tags"),
        covers=(PublishedRow("Image tags", ("GetTag", "GetTags"), "DeleteTag"),),
        exported_by=("GetTags", "GetTag"),
        deletion=Deletion.BY_API,
        deleted_by="DeleteTag",
        files=(
            File("tags.jsonl", (Place.PROJECT, Place.ITERATION)),
            File("tag-details.jsonl", (Place.PROJECT, Place.ITERATION), Holds.DETAILS, each=True),
        ),
        deleter=Deleter(1, deleters.tags),
        read_project=readers.tags,
        look_up=readers.tags_still_given,
        of_iterations=True,
        copied=True,
        selectors=frozenset({"--tag"}),
        tag_names=labels.of_tag,
    ),
    Category(
        name=IMAGES,
        data=message("Images"),
        covers=(PublishedRow("Images", ("GetTaggedImages", "GetUntaggedImages"), "DeleteImages"),),
        exported_by=(
            *("GetTaggedImages", "GetUntaggedImages", "GetImageCount", "GetUntaggedImageCount"),
            *("QuerySuggestedImages", "GetTags", "GetArtifact"),
        ),
        deletion=Deletion.BY_API,
        deleted_by="DeleteImages",
        files=(
            File("images.jsonl", (Place.PROJECT, Place.ITERATION), counted=True),
            File("image-suggestions.jsonl", (Place.ITERATION,), Holds.DETAILS, owner="project"),
        ),
        folders=("images", "images-resized"),
        blobs=blobs.of_image,
        deleter=Deleter(256, deleters.images),
        read_project=readers.images,
        renew=readers.renewed_images,
        look_up=readers.images_still_given,
        by_id_first=True,
        of_iterations=True,
        selectors=frozenset({"--tag", "--metadata", "--image-id", "--before", "--except-ids-file"}),
    ),
    Category(
        name=EXPORTS,
        data=message("Exported iterations (models)"),
        covers=(PublishedRow("Exported iterations (models)", ("GetExports",), "Deleted upon account deletion"),),
        exported_by=("GetExports",),
        deletion=Deletion.OUTSIDE,
        deleted_by="Deleted upon account deletion",
        files=(File("exports.jsonl", (Place.ITERATION,)),),
        folders=(MODELS,),
        blobs=blobs.of_model,
        identity=labels.of_model,
        read_project=readers.exports,
        renew=readers.renewed_exports,
        of_iterations=True,
        stored_anew=True,  # newerVersionAvailable: a model may be exported again, at the same address
        selectors=frozenset({"--iteration"}),
        per_iteration=True,
        delete_by_hand=message(
            "No operation deletes an exported model: it goes when the Azure resource is deleted. Copies in a storage "
            "container of yours (exportModelContainerUri in a project's settings) are yours to delete"
        ),
    ),
    Category(
        name=PREDICTIONS,
        data=message("Images sent for prediction and what was predicted of them"),
        exported_by=("QueryPredictions",),
        deletion=Deletion.BY_API,
        deleted_by="DeletePrediction",
        files=(File("predictions.jsonl", (Place.PROJECT,), owner="project"),),
        folders=("predictions", "predictions-resized"),
        blobs=blobs.of_prediction,
        deleter=Deleter(64, deleters.predictions),
        read_project=readers.predictions,
        renew=readers.renewed_predictions,
        selectors=frozenset({"--predicted-tag", "--image-id", "--before", "--except-ids-file"}),
    ),
)

DELETION_ORDER: tuple[str, ...] = (PREDICTIONS, ITERATIONS, IMAGES, TAGS, PROJECTS)
"""Children before parents. A row that it does not name goes before all of these: nothing else depends on it."""

ROWS: tuple[str, ...] = tuple(row.name for row in CATEGORIES)
BY_API: tuple[Category, ...] = tuple(row for row in CATEGORIES if row.deletion is Deletion.BY_API)

_BY_NAME = {row.name: row for row in CATEGORIES}


def category(name: str) -> Category:
    """Return the row of that name; raise KeyError."""
    return _BY_NAME[name]


def reads_projects(row: Category) -> bool:
    """Return whether a row is read from projects, or lists them."""
    return row.name == PROJECTS or row.read_project is not readers.nothing


def rows_about(row: str, rows: Collection[str]) -> list[Category]:
    """Return the rows, other than `rows`, with a list whose records describe items of a row."""
    return [one for one in CATEGORIES if one.name not in rows and any(file.subject == row for file in one.files)]


def in_deletion_order() -> list[Category]:
    """Return the rows that the API deletes, children before parents."""
    turns = {name: turn for turn, name in enumerate(DELETION_ORDER)}
    return sorted(BY_API, key=lambda row: turns.get(row.name, -1))


def layout() -> Layout:
    """Return the names of all files that an export writes."""
    return Layout(
        (file for row in CATEGORIES for file in row.files), (folder for row in CATEGORIES for folder in row.folders)
    )
