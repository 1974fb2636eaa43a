"""Records as the JSON values that the service sends (recorded sessions v3.2 and v3.3, contract v3.4-preview).

Empty `tags`, `regions` and `metadata` of an image and an untrained iteration's `trainedAt` are absent, not null.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from custom_vision_simulator import paths
from custom_vision_simulator.answers import single
from custom_vision_simulator.links import Linker
from custom_vision_simulator.records import (
    Export,
    Guess,
    Image,
    ImageTag,
    Iteration,
    Prediction,
    Project,
    Region,
    Snapshot,
    Tag,
)

Shape = dict[str, Any]
_TAG_ID, _REGION_ID = attrgetter("tag_id"), attrgetter("id")
EXPORT_PLATFORMS = ["ONNX", "DockerFile", "TensorFlow", "CoreML", "OpenVino"]


def zoned(moment: datetime) -> str:
    """Return a date as projects, iterations and predictions write it: up to 3 decimals and Z (recorded sessions)."""
    text = moment.isoformat(timespec="milliseconds")[:23]
    return text.rstrip("0").rstrip(".") + "Z"


@lru_cache(maxsize=16384)
def naive(moment: datetime) -> str:
    """Return a date as images, their tags and regions write it: 6-7 decimals, no zone (recorded sessions)."""
    text = moment.isoformat(timespec="microseconds")[:26]
    extra = moment.microsecond % 10
    return f"{text}{extra}" if extra else text


def project_shape(project: Project, link: Linker) -> Shape:
    """Return a project; its thumbnail is the newest image's, null without images."""
    newest = next(reversed(project.workspace.images), None)
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "settings": project.settings,
        "created": zoned(project.created),
        "lastModified": zoned(project.last_modified),
        "thumbnailUri": link(paths.thumbnail(project.id, newest)) if newest else None,
        "drModeEnabled": project.dr_mode,
        "status": project.status,
    }


def tag_shape(tag: Tag, image_count: int) -> Shape:
    """Return a tag with the number of images that have it."""
    head = {"id": tag.id, "name": tag.name, "description": tag.description}
    return {**head, "type": tag.type, "imageCount": image_count}


class ImageShaper:
    """Shapes the images of one snapshot of a project, with links that share one expiry."""

    def __init__(self, project: Project, snapshot: Snapshot, link: Linker, originals: bool) -> None:
        """Take the images' project and snapshot, and whether originals are separate blobs."""
        self._project_id = project.id
        self._names: dict[str, str] = {tag.id: tag.name for tag in snapshot.tags.values()}
        self._link = link
        self._originals = originals

    def shape(self, image: Image) -> Shape:
        """Return an image as the listing operations send it."""
        head = {"id": image.id, "created": naive(image.created)}
        return {**head, **self.picture(image), **self._labels(image)}

    def picture(self, image: Image) -> Shape:
        """Return the size and the links of an image."""
        resized, thumbnail, original = self._uris(image)
        uris = {"resizedImageUri": resized, "thumbnailUri": thumbnail, "originalImageUri": original}
        return {"width": image.width, "height": image.height, **uris}

    def created(self, image: Image) -> Shape:
        """Return an image as the creating operations send it: tagName is null there (recorded sessions)."""
        shape = self.shape(image)
        for label in (*shape.get("tags", ()), *shape.get("regions", ())):
            label["tagName"] = None
        return shape

    def performance(self, image: Image, guesses: list[Shape]) -> Shape:
        """Return an image with its predictions as GetImagePerformances sends it: `imageUri`, no original."""
        resized, thumbnail, _ = self._uris(image)
        uris = {"imageUri": resized, "thumbnailUri": thumbnail}
        labels = {key: value for key, value in self._labels(image).items() if key != "metadata"}
        return {"predictions": guesses, **self._head(image), **uris, **labels}

    def _head(self, image: Image) -> Shape:
        return {"id": image.id, "created": naive(image.created), "width": image.width, "height": image.height}

    def _uris(self, image: Image) -> tuple[str, str, str]:
        project = self._project_id
        resized = self._link(paths.image(project, image.id))
        original = self._link(paths.original(project, image.id)) if self._originals else resized
        return resized, self._link(paths.thumbnail(project, image.id)), original

    def _labels(self, image: Image) -> Shape:
        # Tags and regions are in the order of their ids (all 8 lists of several tags in the recorded sessions).
        labels: Shape = {}
        if image.tags:
            labels["tags"] = [self._tag(each) for each in sorted(image.tags, key=_TAG_ID)]
        if image.regions:
            labels["regions"] = [self._region(each) for each in sorted(image.regions, key=_REGION_ID)]
        if image.metadata:
            labels["metadata"] = dict(image.metadata)
        return labels

    def _tag(self, tag: ImageTag) -> Shape:
        return {"tagId": tag.tag_id, "tagName": self._names.get(tag.tag_id), "created": naive(tag.created)}

    def _region(self, region: Region) -> Shape:
        return region_shape(region, self._names.get(region.tag_id))


def region_shape(region: Region, tag_name: str | None) -> Shape:
    """Return a region of an image as the service sends it."""
    head = {"regionId": region.id, "tagName": tag_name, "created": naive(region.created), "tagId": region.tag_id}
    return {**head, **box_shape((region.left, region.top, region.width, region.height))}


def box_shape(box: tuple[float, float, float, float]) -> Shape:
    """Return a box as four fractions of the image's width and height."""
    return dict(zip(("left", "top", "width", "height"), map(single, box), strict=True))


def iteration_shape(project: Project, iteration: Iteration) -> Shape:
    """Return an iteration; `trainedAt` is absent until it is trained (recorded sessions).

    Domain and platforms are null at first, then those of the iteration while it still trains (recorded sessions).
    """
    return {
        "id": iteration.id,
        "name": iteration.name,
        "status": iteration.status,
        "created": zoned(iteration.created),
        "lastModified": zoned(iteration.last_modified),
        **({"trainedAt": zoned(iteration.trained_at)} if iteration.trained_at else {}),
        "projectId": project.id,
        **_model_shape(iteration),
        "trainingType": iteration.training_type,
        "reservedBudgetInHours": iteration.budget_hours,
        "trainingTimeInMinutes": iteration.training_minutes,
        "publishName": iteration.publish_name,
        "originalPublishResourceId": iteration.publish_resource,
        "customBaseModelInfo": iteration.base_model,
        "trainingErrorDetails": iteration.error_details,
    }


def _model_shape(iteration: Iteration) -> Shape:
    if iteration.trained_at is None and not iteration.prepared:
        return {"exportable": False, "exportableTo": None, "domainId": None, "classificationType": None}
    return {
        "exportable": iteration.exportable,
        "exportableTo": EXPORT_PLATFORMS if iteration.exportable else [],
        "domainId": iteration.domain_id,
        "classificationType": iteration.classification_type,
    }


def export_shape(project: Project, iteration: Iteration, export: Export, link: Linker) -> Shape:
    """Return an exported model; downloadUri is null until it is Done (recorded sessions)."""
    path = paths.model(project.id, iteration.id, export)
    return {
        "platform": export.platform,
        "status": export.status,
        "downloadUri": link(path) if export.status == "Done" else None,
        "flavor": export.flavor,
        "newerVersionAvailable": export.newer_version,
    }


def guess_shape(guess: Guess) -> Shape:
    """Return one predicted tag; boundingBox is absent for classification."""
    tag = guess.tag
    shape = {"probability": single(guess.probability), "tagId": tag.id, "tagName": tag.name, "tagType": tag.type}
    return {**shape, "boundingBox": box_shape(guess.box)} if guess.box else shape


def prediction_shape(project: Project, prediction: Prediction) -> Shape:
    """Return a prediction as the quick test sends it."""
    return {
        "id": prediction.id,
        "project": project.id,
        "iteration": prediction.iteration_id,
        "created": zoned(prediction.created),
        "predictions": [guess_shape(each) for each in prediction.guesses],
    }


def stored_prediction_shape(project: Project, prediction: Prediction, link: Linker) -> Shape:
    """Return a prediction as QueryPredictions lists it; resized and original are one blob (recorded sessions)."""
    image = link(paths.prediction(project.id, prediction.id))
    uris = {
        "resizedImageUri": image,
        "thumbnailUri": link(paths.prediction(project.id, prediction.id, "t")),
        "originalImageUri": image,
    }
    return {**uris, "domain": prediction.domain_id, **prediction_shape(project, prediction)}
