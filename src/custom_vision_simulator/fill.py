"""Fills the state with made-up projects without HTTP calls: the same ones for the same seed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from custom_vision_simulator.domains import DETECTION_COMPACT, GENERAL_COMPACT
from custom_vision_simulator.iterations import complete, freeze
from custom_vision_simulator.jpeg import sides_for
from custom_vision_simulator.predictions import guesses
from custom_vision_simulator.projects import project_settings
from custom_vision_simulator.records import Image, ImageTag, Prediction, Project, Region, Tag
from custom_vision_simulator.store import Store

START = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
TIED = 3


@dataclass(frozen=True)
class Filling:
    """How much to add: for each project, but `regions` for each tagged image; `untagged` `images` have no tag.

    `image_bytes` is the size of each picture; the smallest picture has 213 bytes, one of 900 x 1600 pixels 5866.
    """

    projects: int = 1
    images: int = 5000
    image_bytes: int = 20_000
    untagged: int = 0
    tags: int = 3
    iterations: int = 0
    predictions: int = 0
    regions: int = 0
    seed: int = 0


def fill(store: Store, filling: Filling) -> list[str]:
    """Add the projects and return their ids, which depend on the seed and on the number of earlier fillings."""
    with store.lock:
        store.fillings += 1
        names = [f"{filling.seed}/{store.fillings}/{index}" for index in range(filling.projects)]
        made = [_project(name, index, filling) for index, name in enumerate(names)]
        store.projects.update((each.id, each) for each in made)
        return [each.id for each in made]


def _project(name: str, index: int, filling: Filling) -> Project:
    domain = DETECTION_COMPACT if filling.regions else GENERAL_COMPACT
    settings = project_settings(domain, "Multilabel", [])
    created = START + timedelta(minutes=index)
    project = Project(_ident(name), f"Project {index + 1}", "", settings, created, created)
    _add_tags(project, name, filling)
    _add_images(project, name, filling)
    for number in range(filling.iterations):
        iteration = freeze(project, _ident(f"{name}/iteration/{number}"))
        complete(iteration)
    _add_predictions(project, name, filling)
    return project


def _ident(name: str) -> str:
    return str(uuid.UUID(bytes=blake2b(name.encode(), digest_size=16).digest(), version=4))


def _add_tags(project: Project, name: str, filling: Filling) -> None:
    for number in range(filling.tags):
        tag = Tag(_ident(f"{name}/tag/{number}"), f"tag {number + 1}")
        project.workspace.tags[tag.id] = tag


def _add_images(project: Project, name: str, filling: Filling) -> None:
    tag_ids = list(project.workspace.tags)
    for number in range(filling.images):
        ident = _ident(f"{name}/image/{number}")
        moment = START + timedelta(microseconds=number // TIED * 1001)
        tagged = bool(tag_ids) and number >= filling.untagged
        tag_id = tag_ids[number % len(tag_ids)] if tagged else None
        project.workspace.images[ident] = _image(ident, moment, tag_id, filling)


def _image(ident: str, moment: datetime, tag_id: str | None, filling: Filling) -> Image:
    width, height = sides_for(filling.image_bytes)
    if tag_id is None:
        return Image(ident, moment, width, height, size=filling.image_bytes)
    tags = (ImageTag(tag_id, moment),)
    regions = tuple(_region(ident, number, tag_id, moment) for number in range(filling.regions))
    return Image(ident, moment, width, height, tags, regions, size=filling.image_bytes)


def _region(image_id: str, number: int, tag_id: str, moment: datetime) -> Region:
    left = number % 10 * 0.05
    return Region(_ident(f"{image_id}/region/{number}"), tag_id, moment, left, 0.1, 0.25, 0.5)


def _add_predictions(project: Project, name: str, filling: Filling) -> None:
    trained = list(project.iterations.values())
    for number in range(filling.predictions):
        ident = _ident(f"{name}/prediction/{number}")
        moment = START + timedelta(seconds=number)
        iteration = trained[number % len(trained)] if trained else None
        # A stored prediction still names its iteration after that was deleted.
        iteration_id = iteration.id if iteration else _ident(f"{name}/deleted iteration")
        found = guesses(iteration, ident) if iteration else ()
        domain = project.settings["domainId"]
        stored = Prediction(ident, moment, iteration_id, domain, found, filling.image_bytes)
        project.predictions[ident] = stored
