"""What a deletion takes along: images that only deleted iterations hold, and tags that images lose."""

from collections.abc import Container, Set
from typing import NamedTuple

from cv_gdpr.delete.marks import mark
from cv_gdpr.table.categories import IMAGES, category
from cv_gdpr.table.findings import Item
from cv_gdpr.table.inventory import listed
from cv_gdpr.table.labels import objects_in
from cv_gdpr.table.readers import Project
from cv_gdpr.table.selection import Matches, Selection
from cv_gdpr.verbatim import Json


class Loss(NamedTuple):
    """An image that stays and loses tags: its mark, the tags, and how many regions it loses with them."""

    mark: str
    tags: frozenset[str]
    regions: int


class Dependents(NamedTuple):
    """Images that are deleted too (id -> mark), the iterations that hold them, and images that lose tags."""

    images: dict[str, str]
    held: dict[str, list[str]]
    losing: dict[str, Loss]


def dependents_of(project: Project, iterations: Container[str], tags: Set[str]) -> Dependents:
    """Return the images that live only in these iterations, and the workspace's images with one of these tags.

    Raise ServiceError, and Unsteady where the listing of the images cannot be trusted.
    """
    staying: set[str] = set()
    only_there: dict[str, str] = {}
    held: dict[str, list[str]] = {}
    losing: dict[str, Loss] = {}
    for item in listed(project, category(IMAGES), Matches(Selection())) if iterations or tags else ():
        if item.iteration and not iterations:
            break  # tags go from the workspace alone, which is read first
        if loss := _loss(item, tags):
            losing[item.id] = loss
        if item.iteration and item.iteration["id"] in iterations:
            if item.id not in only_there:
                only_there[item.id] = mark(item.record)
            held.setdefault(item.iteration["id"], []).append(item.id)
        else:
            staying.add(item.id)
    images = {identity: then for identity, then in only_there.items() if identity not in staying}
    return Dependents(images, held_among(held, images), losing)


def held_among(held: dict[str, list[str]], ids: Container[str]) -> dict[str, list[str]]:
    """Return those of the ids that each iteration holds."""
    among = {place: [one for one in every if one in ids] for place, every in held.items()}
    return {place: some for place, some in among.items() if some}


def _loss(item: Item, tags: Set[str]) -> Loss | None:
    """Return what an image of the workspace would lose: a region is deleted with its tag."""
    if item.iteration:
        return None
    regions = [tag for tag in _labels(item.record, "regions") if tag in tags]
    lost = frozenset(regions) | (tags & set(_labels(item.record, "tags")))
    return Loss(mark(item.record), frozenset(lost), len(regions)) if lost else None


def _labels(record: Json, name: str) -> list[str]:
    """Return the tag ids in a list of an image's tags or regions."""
    return [str(label.get("tagId")) for label in objects_in(record, name)]
