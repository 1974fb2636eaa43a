"""The table of routes (published contracts v3.4-preview and v1.2) with the handler of each operation."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from custom_vision_simulator import (
    images,
    iterations,
    listings,
    predictions,
    projects,
    suggestions,
    transfers,
    uploads,
)
from custom_vision_simulator.answers import Answer
from custom_vision_simulator.asks import Ask

Handler = Callable[[Ask], Answer]
BASE = "/customvision/v3.4-preview/training"
PROJECT = "/projects/{projectId}"
ITERATION = PROJECT + "/iterations/{iterationId}"
TAG = PROJECT + "/tags/{tagId}"


def matched(template: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    """Return the parameters that a path has for a template of the same length, in any case, or None."""
    ids: dict[str, str] = {}
    for wanted, given in zip(template, segments, strict=True):
        if wanted.startswith("{"):
            ids[wanted[1:-1]] = given
        elif wanted.lower() != given.lower():
            return None
    return ids


@dataclass(frozen=True, slots=True)
class Route:
    """An operation: published name, method, path template, handler, and whether it changes the project."""

    name: str
    method: str
    segments: tuple[str, ...]
    handler: Handler
    changes: bool

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the path parameters, or None when the path does not match."""
        return matched(self.segments, segments)


_TABLE: list[tuple[str, str, str, Handler]] = [
    ("GetDomains", "GET", "/domains", projects.get_domains),
    ("GetDomain", "GET", "/domains/{domainId}", projects.get_domain),
    ("GetProjects", "GET", "/projects", projects.get_projects),
    ("CreateProject", "POST", "/projects", projects.create_project),
    ("GetProject", "GET", PROJECT, projects.get_project),
    ("UpdateProject", "PATCH", PROJECT, projects.update_project),
    ("DeleteProject", "DELETE", PROJECT, projects.delete_project),
    ("ExportProject", "GET", PROJECT + "/export", transfers.export_project),
    ("ImportProject", "POST", "/projects/import", transfers.import_project),
    ("GetArtifact", "GET", PROJECT + "/artifacts", projects.get_artifact),
    ("GetTags", "GET", PROJECT + "/tags", projects.get_tags),
    ("CreateTag", "POST", PROJECT + "/tags", projects.create_tag),
    ("GetTag", "GET", TAG, projects.get_tag),
    ("UpdateTag", "PATCH", TAG, projects.update_tag),
    ("DeleteTag", "DELETE", TAG, projects.delete_tag),
    ("GetImages", "GET", PROJECT + "/images", listings.get_images),
    ("GetImageCount", "GET", PROJECT + "/images/count", listings.get_image_count),
    ("GetTaggedImages", "GET", PROJECT + "/images/tagged", listings.get_tagged_images),
    ("GetTaggedImageCount", "GET", PROJECT + "/images/tagged/count", listings.get_tagged_image_count),
    ("GetUntaggedImages", "GET", PROJECT + "/images/untagged", listings.get_untagged_images),
    ("GetUntaggedImageCount", "GET", PROJECT + "/images/untagged/count", listings.get_untagged_image_count),
    ("QuerySuggestedImages", "POST", PROJECT + "/images/suggested", suggestions.query_suggested_images),
    (
        "QuerySuggestedImageCount",
        "POST",
        PROJECT + "/images/suggested/count",
        suggestions.query_suggested_image_count,
    ),
    (
        "SuggestTagsAndRegions",
        "POST",
        PROJECT + "/tagsandregions/suggestions",
        suggestions.suggest_tags_and_regions,
    ),
    (
        "GetImageRegionProposals",
        "POST",
        PROJECT + "/images/{imageId}/regionproposals",
        suggestions.get_image_region_proposals,
    ),
    ("GetImagesByIds", "GET", PROJECT + "/images/id", listings.get_images_by_ids),
    ("CreateImagesFromData", "POST", PROJECT + "/images", uploads.create_images_from_data),
    ("CreateImagesFromFiles", "POST", PROJECT + "/images/files", uploads.create_images_from_files),
    ("CreateImagesFromUrls", "POST", PROJECT + "/images/urls", uploads.create_images_from_urls),
    (
        "CreateImagesFromPredictions",
        "POST",
        PROJECT + "/images/predictions",
        uploads.create_images_from_predictions,
    ),
    ("DeleteImages", "DELETE", PROJECT + "/images", images.delete_images),
    ("UpdateImageMetadata", "POST", PROJECT + "/images/metadata", images.update_image_metadata),
    ("CreateImageTags", "POST", PROJECT + "/images/tags", images.create_image_tags),
    ("DeleteImageTags", "DELETE", PROJECT + "/images/tags", images.delete_image_tags),
    ("CreateImageRegions", "POST", PROJECT + "/images/regions", images.create_image_regions),
    ("DeleteImageRegions", "DELETE", PROJECT + "/images/regions", images.delete_image_regions),
    ("GetIterations", "GET", PROJECT + "/iterations", iterations.get_iterations),
    ("GetIteration", "GET", ITERATION, iterations.get_iteration),
    ("UpdateIteration", "PATCH", ITERATION, iterations.update_iteration),
    ("DeleteIteration", "DELETE", ITERATION, iterations.delete_iteration),
    ("PublishIteration", "POST", ITERATION + "/publish", iterations.publish_iteration),
    ("UnpublishIteration", "DELETE", ITERATION + "/publish", iterations.unpublish_iteration),
    ("GetIterationPerformance", "GET", ITERATION + "/performance", iterations.get_iteration_performance),
    ("GetImagePerformances", "GET", ITERATION + "/performance/images", iterations.get_image_performances),
    (
        "GetImagePerformanceCount",
        "GET",
        ITERATION + "/performance/images/count",
        iterations.get_image_performance_count,
    ),
    ("GetExports", "GET", ITERATION + "/export", iterations.get_exports),
    ("ExportIteration", "POST", ITERATION + "/export", iterations.export_iteration),
    ("TrainProject", "POST", PROJECT + "/train", iterations.train_project),
    ("QueryPredictions", "POST", PROJECT + "/predictions/query", predictions.query_predictions),
    ("DeletePrediction", "DELETE", PROJECT + "/predictions", predictions.delete_prediction),
    ("QuickTestImage", "POST", PROJECT + "/quicktest/image", predictions.quick_test_image),
    ("QuickTestImageUrl", "POST", PROJECT + "/quicktest/url", predictions.quick_test_image_url),
]
_READING_POSTS = {
    "QueryPredictions",
    "QuerySuggestedImages",
    "QuerySuggestedImageCount",
    "GetImageRegionProposals",
    "QuickTestImage",
    "QuickTestImageUrl",
}


def _route(name: str, method: str, path: str, handler: Handler) -> Route:
    changes = method != "GET" and name not in _READING_POSTS
    return Route(name, method, tuple(path.strip("/").split("/")), handler, changes)


ROUTES = [_route(name, method, BASE + path, handler) for name, method, path, handler in _TABLE]
ROUTES.append(_route("GetAccountInfo", "GET", "/customvision/v1.2/Training/account", projects.get_account_info))
_BY_LENGTH: dict[tuple[str, int], list[Route]] = defaultdict(list)
for _each in ROUTES:
    _BY_LENGTH[_each.method, len(_each.segments)].append(_each)


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route and path parameters of a request, or None; doubled slashes count as one (recorded sessions)."""
    segments = re.sub("/+", "/", path).strip("/").split("/")
    for route in _BY_LENGTH.get((method, len(segments)), ()):
        if (ids := route.match(segments)) is not None:
            return route, ids
    return None
