"""Operations that create, label and delete images."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from custom_vision_simulator.answers import Answer, bad_request, empty, json_answer
from custom_vision_simulator.asks import Ask
from custom_vision_simulator.projects import without
from custom_vision_simulator.records import TAKE_MAX, Image, ImageTag, Project, Region
from custom_vision_simulator.shapes import ImageShaper, box_shape, naive
from custom_vision_simulator.store import find_tag, new_id, now, remove_images

BATCH_MAX = 64
UPLOAD_MAX = 6 * 1024 * 1024
METADATA_PAIRS = 10
TIED = 4


@dataclass(frozen=True, slots=True)
class _Upload:
    name: str
    data: bytes
    tag_ids: list[str]
    regions: list[dict[str, Any]]


def create_images_from_files(ask: Ask) -> Answer:
    """Store the base64 files of a batch; 400 BadRequestExceededBatchSize above 64."""
    batch = ask.json()
    common = batch.get("tagIds") or []
    uploads = [_file_upload(each, common) for each in batch.get("images") or []]
    return _create(ask, uploads, batch.get("metadata") or {})


def create_images_from_data(ask: Ask) -> Answer:
    """Store the files of a multipart form, or one raw body."""
    tag_ids = ask.many("tagIds", 20)
    files = ask.files or (("", ask.body),)
    return _create(ask, [_Upload(name, data, tag_ids, []) for name, data in files], {})


def _file_upload(entry: dict[str, Any], common: list[str]) -> _Upload:
    try:
        data = base64.b64decode(entry.get("contents") or "", validate=True)
    except binascii.Error as error:
        raise bad_request("BadRequestImageBatch", f"contents is not base64: {error}") from error
    own = entry.get("tagIds") or []
    return _Upload(entry.get("name") or "", data, [*own, *common], entry.get("regions") or [])


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
    return {"sourceUrl": upload.name, "status": status, "image": shape}


def _stored(project: Project, upload: _Upload, metadata: dict[str, str], moment: datetime) -> tuple[str, Image | None]:
    images = project.workspace.images
    digest = sha256(upload.data).digest()
    if (known := project.digests.get(digest)) in images:
        return "OKDuplicate", images[known]
    if problem := _problem(project, upload):
        return problem, None
    image = _new_image(upload, metadata, moment)
    images[image.id] = image
    project.digests[digest] = image.id
    return "OK", image


def _problem(project: Project, upload: _Upload) -> str | None:
    if not upload.data:
        return "ErrorImageFormat"
    if len(upload.data) > UPLOAD_MAX:
        return "ErrorImageSize"
    wanted = {*upload.tag_ids, *(each["tagId"] for each in upload.regions)}
    return None if wanted <= project.workspace.tags.keys() else "ErrorInvalidTag"


def _new_image(upload: _Upload, metadata: dict[str, str], moment: datetime) -> Image:
    regions = tuple(_region(each, moment) for each in upload.regions)
    tag_ids = dict.fromkeys([*upload.tag_ids, *(each.tag_id for each in regions)])
    tags = tuple(ImageTag(each, moment) for each in tag_ids)
    size = len(upload.data)
    return Image(new_id(), moment, 900, 1600, tags, regions, dict(metadata), size, upload.data)


def _region(entry: dict[str, Any], moment: datetime) -> Region:
    sides = (float(entry[key]) for key in ("left", "top", "width", "height"))
    return Region(new_id(), entry["tagId"], moment, *sides)


def update_image_metadata(ask: Ask) -> Answer:
    """Set metadata of up to 64 images, each with a status; 207 when one is unknown or has too many pairs."""
    images, metadata = ask.project.workspace.images, ask.json()
    entries = [_metadata_entry(images, each, metadata) for each in ask.many("imageIds", BATCH_MAX)]
    successful = all(each["status"] == "OK" for each in entries)
    return json_answer({"isBatchSuccessful": successful, "images": entries}, 200 if successful else 207)


def _metadata_entry(images: dict[str, Image], image_id: str, changes: dict[str, str]) -> dict[str, Any]:
    if image_id not in images:
        return {"imageId": image_id, "status": "ErrorImageNotFound", "metadata": None}
    image = images[image_id]
    merged = {**image.metadata, **changes}
    if len(merged) > METADATA_PAIRS:
        return {"imageId": image_id, "status": "ErrorLimitExceed", "metadata": dict(image.metadata)}
    images[image_id] = replace(image, metadata=merged)
    return {"imageId": image_id, "status": "OK", "metadata": merged}


def create_image_tags(ask: Ask) -> Answer:
    """Put tags on images; the answer lists pairs that existed before as duplicated."""
    workspace, entries = ask.project.workspace, ask.json().get("tags") or []
    created, duplicated = [], []
    for entry in entries:
        tag, image = find_tag(workspace, entry["tagId"]), workspace.images.get(entry["imageId"])
        if image is None:
            raise bad_request("BadRequestInvalidIds", f"No image {entry['imageId']}")
        if any(each.tag_id == tag.id for each in image.tags):
            duplicated.append(entry)
            continue
        workspace.images[image.id] = replace(image, tags=(*image.tags, ImageTag(tag.id, now())))
        created.append(entry)
    return json_answer({"created": created, "duplicated": duplicated, "exceeded": []})


def delete_image_tags(ask: Ask) -> Answer:
    """Remove tags from images of the workspace, with the regions that have these tags."""
    images = ask.project.workspace.images
    tag_ids = set(ask.many("tagIds", 20))
    for image_id in ask.many("imageIds", BATCH_MAX):
        if image_id in images:
            images[image_id] = without(images[image_id], lambda each: each.tag_id in tag_ids)
    return empty()


def create_image_regions(ask: Ask) -> Answer:
    """Put regions on images, and add their tags where missing."""
    workspace = ask.project.workspace
    created = []
    for entry in ask.json().get("regions") or []:
        find_tag(workspace, entry["tagId"])
        image = workspace.images.get(entry["imageId"])
        if image is None:
            raise bad_request("BadRequestInvalidIds", f"No image {entry['imageId']}")
        region = _region(entry, now())
        workspace.images[image.id] = _with_region(image, region)
        created.append(_created_region(image, region, workspace.tags[region.tag_id].name))
    return json_answer({"created": created, "duplicated": [], "exceeded": []})


def _with_region(image: Image, region: Region) -> Image:
    known = any(each.tag_id == region.tag_id for each in image.tags)
    tags = image.tags if known else (*image.tags, ImageTag(region.tag_id, region.created))
    return replace(image, tags=tags, regions=(*image.regions, region))


def _created_region(image: Image, region: Region, tag_name: str) -> dict[str, Any]:
    head = {"imageId": image.id, "regionId": region.id, "tagName": tag_name, "created": naive(region.created)}
    box = box_shape((region.left, region.top, region.width, region.height))
    return {**head, "tagId": region.tag_id, **box}


def delete_image_regions(ask: Ask) -> Answer:
    """Remove regions from images of the workspace; the tag stays on the image ([infer])."""
    images = ask.project.workspace.images
    region_ids = set(ask.many("regionIds", BATCH_MAX))
    for image in list(images.values()):
        kept = tuple(each for each in image.regions if each.id not in region_ids)
        if len(kept) != len(image.regions):
            images[image.id] = replace(image, regions=kept)
    return empty()


def delete_images(ask: Ask) -> Answer:
    """Delete images: by ids from the workspace at once (204), with allImages or allIterations later (202; contract)."""
    project = ask.project
    all_images, everywhere = ask.flag("allImages"), ask.flag("allIterations")
    ids = set(ask.many("imageIds", TAKE_MAX))
    if not ids and not all_images:
        raise bad_request("BadRequestInvalidIds", "Neither imageIds nor allImages given")
    if all_images:
        ids = _all_ids(project, everywhere)
    if not all_images and not everywhere:
        remove_images(project, ids, everywhere=False)
        return empty()
    ask.store.later(ask.options.delete_delay, partial(remove_images, project, ids, everywhere))
    return empty(202)


def _all_ids(project: Project, everywhere: bool) -> set[str]:
    # [infer] allIterations includes images that only an iteration still holds.
    ids = set(project.workspace.images)
    if everywhere:
        ids.update(*(each.snapshot.images for each in project.iterations.values()))
    return ids
