"""Operations that create images: from files, data, addresses and stored predictions."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from custom_vision_simulator import bodies
from custom_vision_simulator.answers import Answer, bad_request, json_answer
from custom_vision_simulator.asks import Ask
from custom_vision_simulator.blobs import fetched, prediction_bytes
from custom_vision_simulator.bodies import canonical
from custom_vision_simulator.images import BATCH_MAX, new_region
from custom_vision_simulator.jpeg import sides_of
from custom_vision_simulator.records import Image, ImageTag, Project
from custom_vision_simulator.shapes import ImageShaper
from custom_vision_simulator.store import new_id, now

UPLOAD_MAX = 6 * 1024 * 1024
TIED = 4


@dataclass(frozen=True, slots=True)
class _Upload:
    source: str
    data: bytes | None  # None: there is nothing at the source
    tag_ids: list[str] = field(default_factory=list)
    regions: list[dict[str, Any]] = field(default_factory=list)


def create_images_from_files(ask: Ask) -> Answer:
    """Store the base64 files of a batch; 400 BadRequestExceededBatchSize above 64."""
    return _create_batch(ask, ask.json(bodies.FILES), lambda each: (each.get("name") or "", _decoded(each)))


def create_images_from_urls(ask: Ask) -> Answer:
    """Store a made-up picture for each http address, the same for the same address; nothing is fetched."""
    return _create_batch(ask, ask.json(bodies.URLS), lambda each: (each["url"], fetched(each["url"])))


def create_images_from_predictions(ask: Ask) -> Answer:
    """Store the images of stored predictions, each as an image with a new id (recorded sessions).

    The prediction stays stored, and an unknown one has the status ErrorSource ([infer]).
    """
    predictions = ask.project.predictions

    def source(entry: dict[str, Any]) -> tuple[str, bytes | None]:
        prediction = predictions.get(canonical(entry["id"]))
        return entry["id"], prediction_bytes(prediction) if prediction else None

    return _create_batch(ask, ask.json(bodies.PREDICTIONS), source)


def create_images_from_data(ask: Ask) -> Answer:
    """Store the files of a multipart form, or one raw body."""
    tag_ids = ask.many("tagIds", 20)
    files = ask.files or (("", ask.body),)
    return _create(ask, [_Upload(name, data, tag_ids) for name, data in files], {})


def _create_batch(
    ask: Ask, batch: dict[str, Any], source: Callable[[dict[str, Any]], tuple[str, bytes | None]]
) -> Answer:
    common = batch.get("tagIds") or []
    uploads = [
        _Upload(*source(each), [*(each.get("tagIds") or []), *common], each.get("regions") or [])
        for each in batch.get("images") or []
    ]
    return _create(ask, uploads, batch.get("metadata") or {})


def _decoded(entry: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(entry.get("contents") or "", validate=True)
    except ValueError as error:
        raise bad_request("BadRequestImageBatch", f"contents is not base64: {error}") from error


def _create(ask: Ask, uploads: list[_Upload], metadata: dict[str, str]) -> Answer:
    project = ask.project
    if not uploads:
        raise bad_request("BadRequestImageBatch", "The batch holds no images")
    if len(uploads) > BATCH_MAX:
        raise bad_request("BadRequestExceededBatchSize", f"{len(uploads)} images given, at most {BATCH_MAX} allowed")
    shaper, started = ask.shaper(project.workspace), now()
    # Some images of one upload share their `created` time: 9 of 40 in the recorded sessions.
    moments = [started + timedelta(milliseconds=index // TIED) for index in range(len(uploads))]
    pairs = zip(uploads, moments, strict=True)
    results = [_create_one(project, upload, metadata, moment, shaper) for upload, moment in pairs]
    successful = all(each["status"] == "OK" for each in results)
    failed = any(each["status"].startswith("Error") for each in results)
    return json_answer({"isBatchSuccessful": successful, "images": results}, 207 if failed else 200)


def _create_one(
    project: Project, upload: _Upload, metadata: dict[str, str], moment: datetime, shaper: ImageShaper
) -> dict[str, Any]:
    status, image = _stored(project, upload, metadata, moment)
    shape = shaper.created(image) if image else None
    return {"sourceUrl": upload.source, "status": status, "image": shape}


def _stored(project: Project, upload: _Upload, metadata: dict[str, str], moment: datetime) -> tuple[str, Image | None]:
    if upload.data is None:
        return "ErrorSource", None
    images = project.workspace.images
    digest = sha256(upload.data).digest()
    if (known := project.digests.get(digest)) in images:
        return "OKDuplicate", images[known]
    if problem := _problem(project, upload):
        return problem, None
    image = _new_image(upload, upload.data, metadata, moment)
    images[image.id] = image
    project.digests[digest] = image.id
    return "OK", image


def _problem(project: Project, upload: _Upload) -> str | None:
    if not upload.data:
        return "ErrorImageFormat"
    if len(upload.data) > UPLOAD_MAX:
        return "ErrorImageSize"
    wanted = {*map(canonical, upload.tag_ids), *(canonical(each["tagId"]) for each in upload.regions)}
    return None if wanted <= project.workspace.tags.keys() else "ErrorInvalidTag"


def _new_image(upload: _Upload, data: bytes, metadata: dict[str, str], moment: datetime) -> Image:
    regions = tuple(new_region(each, moment) for each in upload.regions)
    tag_ids = dict.fromkeys([*map(canonical, upload.tag_ids), *(each.tag_id for each in regions)])
    tags = tuple(ImageTag(each, moment) for each in tag_ids)
    width, height = sides_of(data)
    return Image(new_id(), moment, width, height, tags, regions, dict(metadata), len(data), data)
