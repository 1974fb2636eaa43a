"""The bytes behind a blob path: uploaded files unchanged, pictures made from an id, and exported models.

A blob exists as long as its record exists somewhere: an image in the workspace or any iteration.
"""

from __future__ import annotations

import io
import re
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from custom_vision_simulator import paths
from custom_vision_simulator.jpeg import picture, sides_for
from custom_vision_simulator.records import Image, Iteration, Prediction, Project
from custom_vision_simulator.store import Store

THUMBNAIL_BYTES = 1000
FETCHED_BYTES = 20_000
ZIP_DATE = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Blob:
    """The content of a blob and when it was created."""

    data: bytes
    created: datetime

    @property
    def content_type(self) -> str:
        """Return image/jpeg for a JPEG, application/octet-stream for anything else."""
        return "image/jpeg" if self.data.startswith(b"\xff\xd8") else "application/octet-stream"


def image_bytes(image: Image) -> bytes:
    """Return the resized image: exactly the uploaded bytes, or a JPEG of the image's width, height and size."""
    if image.data is not None:
        return image.data
    return picture("image", image.id, image.size, (image.width, image.height))


def original_bytes(image: Image) -> bytes:
    """Return the larger bytes of an original stored as a separate blob ([infer]: never recorded)."""
    return picture("original", image.id, 2 * len(image_bytes(image)), (image.width, image.height))


def prediction_bytes(prediction: Prediction) -> bytes:
    """Return the image of a stored prediction."""
    if prediction.data is not None:
        return prediction.data
    return picture("prediction", prediction.id, prediction.size, sides_for(prediction.size))


def _thumbnail(ident: str) -> bytes:
    return picture("thumbnail", ident, THUMBNAIL_BYTES, sides_for(THUMBNAIL_BYTES))


def fetched(url: str) -> bytes | None:
    """Return a made-up picture for an http address, the same for the same address, or None for another text."""
    if not url.lower().startswith(("http://", "https://")):
        return None
    ident = sha256(url.encode(errors="surrogatepass")).hexdigest()
    return picture("fetched", ident, FETCHED_BYTES, sides_for(FETCHED_BYTES))


def model_bytes(iteration: Iteration, platform: str) -> bytes:
    """Return a small valid zip with a model and its labels; the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("model", ZIP_DATE), f"{platform} model of {iteration.id}\n")
        labels = "".join(f"{tag.name}\n" for tag in iteration.snapshot.tags.values())
        archive.writestr(zipfile.ZipInfo("labels.txt", ZIP_DATE), labels)
    return buffer.getvalue()


def find_blob(store: Store, path: str) -> Blob | None:
    """Return the blob at a path (with a leading slash), or None."""
    for pattern, find in _KINDS:
        if matched := pattern.fullmatch(path):
            project = store.projects.get(_dashed(matched[1]))
            return find(project, *matched.groups()[1:]) if project else None
    return None


def project_of(path: str) -> str | None:
    """Return the project id in a blob path, or None for a path of unknown form."""
    matches = (pattern.fullmatch(path) for pattern, _ in _KINDS)
    return next((_dashed(each[1]) for each in matches if each), None)


def _dashed(ident: str) -> str:
    return str(uuid.UUID(ident))


def _image(project: Project, kind: str, ident: str) -> Blob | None:
    image = project.find_image(_dashed(ident))
    if image is None:
        return None
    data = image_bytes(image) if kind == "i" else _thumbnail(image.id)
    return Blob(data, image.created)


def _original(project: Project, ident: str) -> Blob | None:
    image = project.find_image(_dashed(ident))
    return Blob(original_bytes(image), image.created) if image else None


def _model(project: Project, iteration_id: str, name: str) -> Blob | None:
    iteration = project.iterations.get(_dashed(iteration_id))
    if iteration is None:
        return None
    wanted = f"/m-{paths.bare(project.id)}/{iteration_id}.{name}"
    done = [each for each in iteration.exports if each.status == "Done"]
    export = next((each for each in done if paths.model(project.id, iteration.id, each) == wanted), None)
    return Blob(model_bytes(iteration, export.platform), iteration.created) if export else None


def _prediction(project: Project, kind: str, ident: str) -> Blob | None:
    prediction = project.predictions.get(_dashed(ident))
    if prediction is None:
        return None
    whole = kind == "o"
    data = prediction_bytes(prediction) if whole else _thumbnail(prediction.id)
    return Blob(data, prediction.created)


_HEX = "([0-9a-f]{32})"
_UUID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_KINDS: list[tuple[re.Pattern[str], Callable[..., Blob | None]]] = [
    (re.compile(f"/i-{_HEX}/([it])-{_HEX}"), _image),
    (re.compile(f"/o-{_HEX}/o-{_HEX}"), _original),
    (re.compile(rf"/m-{_HEX}/{_HEX}\.([A-Za-z0-9.]+)"), _model),
    (re.compile(f"/predictionimages/{_UUID}/([ot])-{_HEX}"), _prediction),
]
