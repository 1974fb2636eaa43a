"""THE TABLE: for each kind of data, the operations that export it and the operation that deletes it.

The rows are those of Microsoft's page "Export or delete your data in Custom Vision" (PUBLISHED), in its order, and
one for what that page forgets. Commands, export, deletion, verification and documentation walk this tuple; a new row
is one record, and the reader it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.table import deleters, readers
from cv_gdpr.table.findings import Finding, Item

if TYPE_CHECKING:
    from cv_gdpr.service.client import Answer
    from cv_gdpr.verbatim import Json

PUBLISHED = "https://learn.microsoft.com/azure/ai-services/custom-vision-service/export-delete-data"


class Deleter(NamedTuple):
    """How things of a row are deleted: its turn (children before parents), ids a call, the call.

    The batch sizes are the published contract's: 256 images, 64 predictions, one of anything else.
    """

    turn: int
    batch: int
    call: Callable[[readers.Project, list[str]], Answer]


class Deletion(Enum):
    """The three ways in which a kind of data goes."""

    BY_API = "by the API"
    WITH_PARENT = "with its parent"
    OUTSIDE = "outside the API"


class Category(NamedTuple):
    """One row: its command, Microsoft's words for it, its operations, its readers, how it is deleted."""

    name: str
    data: str
    exported_by: tuple[str, ...]
    deletion: Deletion
    deleted_by: str
    deleter: Deleter | None = None
    read_resource: Callable[[readers.Resource], Iterator[Finding]] | None = None
    read_project: Callable[[readers.Project], Iterator[Finding]] | None = None
    renew: Callable[[readers.Project, Json | None, list[str]], Iterator[Item]] | None = None
    of_iterations: bool = False  # whether an iteration that is trained brings more of it
    selectors: frozenset[str] = frozenset()
    export_by_hand: str = ""  # what a person must do where no operation exports it
    delete_by_hand: str = ""  # ... and where none deletes it
    published: bool = True  # whether Microsoft's page has the row


CATEGORIES: tuple[Category, ...] = (
    Category(
        name="account",
        data="Account information (subscription keys)",
        exported_by=("GetAccountInfo",),
        deletion=Deletion.OUTSIDE,
        deleted_by="Azure portal, or CustomVision.ai settings: Delete your account",
        read_resource=readers.account,
        export_by_hand=(
            "Ask Azure Resource Manager: az cognitiveservices account show --name NAME --resource-group GROUP, "
            "and for the keys: az cognitiveservices account keys list --name NAME --resource-group GROUP"
        ),
        delete_by_hand=(
            "Delete the resource in the Azure portal (or the account in CustomVision.ai, settings). Azure keeps it "
            "recoverable for 48 hours; to end that: az cognitiveservices account purge --location LOCATION "
            "--resource-group GROUP --name NAME, with the right to purge at subscription scope"
        ),
    ),
    Category(
        name="iterations",
        data="Iteration details and list of iterations",
        exported_by=("GetIterations", "GetIteration"),
        deletion=Deletion.BY_API,
        deleted_by="DeleteIteration",
        deleter=Deleter(2, 1, deleters.iterations),
        read_project=readers.iterations,
        of_iterations=True,
    ),
    Category(
        name="performance",
        data="Iteration performance details",
        exported_by=("GetIterationPerformance", "GetImagePerformances", "GetImagePerformanceCount"),
        deletion=Deletion.WITH_PARENT,
        deleted_by="DeleteIteration",
        read_project=readers.performance,
        of_iterations=True,
    ),
    Category(
        name="projects",
        data="Projects and project details",
        exported_by=("GetProjects", "GetProject"),
        deletion=Deletion.BY_API,
        deleted_by="DeleteProject",
        deleter=Deleter(5, 1, deleters.projects),
        read_resource=readers.project_list,
        read_project=readers.project,
    ),
    Category(
        name="tags",
        data="Image tags",
        exported_by=("GetTags", "GetTag"),
        deletion=Deletion.BY_API,
        deleted_by="DeleteTag",
        deleter=Deleter(4, 1, deleters.tags),
        read_project=readers.tags,
        of_iterations=True,
        selectors=frozenset({"--tag"}),
    ),
    Category(
        name="images",
        data="Images",
        exported_by=("GetTaggedImages", "GetUntaggedImages", "GetImageCount", "GetUntaggedImageCount", "GetArtifact"),
        deletion=Deletion.BY_API,
        deleted_by="DeleteImages",
        deleter=Deleter(3, 256, deleters.images),
        read_project=readers.images,
        of_iterations=True,
        renew=readers.renewed_images,
        selectors=frozenset({"--tag", "--metadata", "--image-id"}),
    ),
    Category(
        name="exports",
        data="Exported models",
        exported_by=("GetExports",),
        deletion=Deletion.OUTSIDE,
        deleted_by="Deleted upon account deletion",
        read_project=readers.exports,
        of_iterations=True,
        renew=readers.renewed_exports,
        delete_by_hand=(
            "No operation deletes an exported model: it goes when the Azure resource is deleted. Copies in a storage "
            "container of yours (exportModelContainerUri in a project's settings) are yours to delete"
        ),
    ),
    Category(
        name="predictions",
        data="Images sent for prediction and what was predicted of them",
        exported_by=("QueryPredictions",),
        deletion=Deletion.BY_API,
        deleted_by="DeletePrediction",
        deleter=Deleter(1, 64, deleters.predictions),
        read_project=readers.predictions,
        renew=readers.renewed_predictions,
        selectors=frozenset({"--tag", "--image-id"}),
        published=False,
    ),
)
ROWS: tuple[str, ...] = tuple(category.name for category in CATEGORIES)


def category(name: str) -> Category:
    """Give the row of that name; raises KeyError."""
    return {row.name: row for row in CATEGORIES}[name]


BY_API: tuple[Category, ...] = tuple(row for row in CATEGORIES if row.deletion is Deletion.BY_API)
