"""Operations that label and delete images."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from custom_vision_simulator import bodies
from custom_vision_simulator.answers import Answer, bad_request, empty, json_answer
from custom_vision_simulator.asks import Ask
from custom_vision_simulator.bodies import canonical
from custom_vision_simulator.projects import without
from custom_vision_simulator.records import TAKE_MAX, Image, ImageTag, Project, Region, Snapshot
from custom_vision_simulator.shapes import region_shape
from custom_vision_simulator.store import find_tag, new_id, now, remove_images

BATCH_MAX = 64
METADATA_PAIRS = 10


def update_image_metadata(ask: Ask) -> Answer:
    """Set metadata of up to 64 images, each with a status; 207 when one is unknown or has too many pairs."""
    images, metadata = ask.project.workspace.images, ask.json(bodies.TEXTS)
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
    workspace, entries = ask.project.workspace, ask.json(bodies.TAGGED).get("tags") or []
    created, duplicated = [], []
    for entry in entries:
        tag, image = find_tag(workspace, canonical(entry["tagId"])), _image(workspace, entry)
        if any(each.tag_id == tag.id for each in image.tags):
            duplicated.append(entry)
            continue
        workspace.images[image.id] = replace(image, tags=(*image.tags, ImageTag(tag.id, now())))
        created.append(entry)
    return json_answer({"created": created, "duplicated": duplicated, "exceeded": []})


def _image(workspace: Snapshot, entry: dict[str, Any]) -> Image:
    if (image := workspace.images.get(canonical(entry["imageId"]))) is None:
        raise bad_request("BadRequestInvalidIds", f"No image {entry['imageId']}")
    return image


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
    for entry in ask.json(bodies.REGIONS).get("regions") or []:
        find_tag(workspace, canonical(entry["tagId"]))
        image = _image(workspace, entry)
        region = new_region(entry, now())
        workspace.images[image.id] = _with_region(image, region)
        # tagName is null here (recorded sessions).
        created.append({"imageId": image.id, **region_shape(region, None)})
    return json_answer({"created": created, "duplicated": [], "exceeded": []})


def new_region(entry: dict[str, Any], moment: datetime) -> Region:
    """Return a region with a new id from an entry of a body."""
    sides = (float(entry[key]) for key in ("left", "top", "width", "height"))
    return Region(new_id(), canonical(entry["tagId"]), moment, *sides)


def _with_region(image: Image, region: Region) -> Image:
    known = any(each.tag_id == region.tag_id for each in image.tags)
    tags = image.tags if known else (*image.tags, ImageTag(region.tag_id, region.created))
    return replace(image, tags=tags, regions=(*image.regions, region))


def delete_image_regions(ask: Ask) -> Answer:
    """Remove regions from images of the workspace; a tag goes with its last region (recorded sessions)."""
    images = ask.project.workspace.images
    region_ids = set(ask.many("regionIds", BATCH_MAX))
    for image in list(images.values()):
        if any(each.id in region_ids for each in image.regions):
            images[image.id] = _without_regions(image, region_ids)
    return empty()


def _without_regions(image: Image, region_ids: set[str]) -> Image:
    kept = tuple(each for each in image.regions if each.id not in region_ids)
    lost = {each.tag_id for each in image.regions} - {each.tag_id for each in kept}
    return replace(image, regions=kept, tags=tuple(each for each in image.tags if each.tag_id not in lost))


def delete_images(ask: Ask) -> Answer:
    """Delete images: by ids from the workspace at once (204), with allImages or allIterations later (202; contract).

    The contract wants either imageIds or allImages; both or neither are refused.
    """
    project = ask.project
    all_images, everywhere = ask.flag("allImages"), ask.flag("allIterations")
    ids = set(ask.many("imageIds", TAKE_MAX))
    if bool(ids) == all_images:
        raise bad_request("BadRequestInvalidIds", "Give either imageIds or allImages")
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
