"""What the pictures of a bag are labelled with: tags, boxes, and what a project is for."""

import math
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from cv_gdpr.archive.bag import Bag, BagProject
from cv_gdpr.table.labels import word
from cv_gdpr.verbatim import Json

_DETECTION = frozenset(  # domains of type ObjectDetection (GetDomains, recorded in 2020; "Select a domain" of the docs)
    {
        "da2e3a8a-40a5-4171-82f4-58522f70fbc1",  # General
        "9c616dff-2e7d-ea11-af59-1866da359ce6",  # General [A1]
        "1d8ffafe-ec40-4fb2-8f90-72b3b6cecea4",  # Logo
        "3780a898-81c3-4516-81ae-3a139614e1f3",  # Products on Shelves
        "a27d5ca5-bb19-49d8-a70a-fec086c47f5b",  # General (compact)
        "7ec2ac80-887b-48a6-8df9-8b1357765430",  # General (compact) [S1]
    }
)


class Task(Enum):
    """What a project's models do."""

    MULTI_CLASS = "multi-class classification"
    MULTI_LABEL = "multi-label classification"
    DETECTION = "object detection"


class Box(NamedTuple):
    """A region of a picture, as shares of its width and height: those that the service sends."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height


class Tag(NamedTuple):
    """A tag; `type` is Regular, Negative or GeneralProduct."""

    id: str
    name: str
    type: str = "Regular"


def detects(settings: Mapping[str, str]) -> bool:
    """Return whether a project's domain is one of object detection."""
    return settings.get("domainId", "").lower() in _DETECTION


def settings_of(bag: Bag, project: BagProject, of_iteration: str) -> dict[str, str]:
    """Return domain and type of a project, or those that the iteration was trained with.

    `of_iteration`: the path of its document in the bag.
    """
    found: dict[str, str] = {}
    for where in (project.where("project.json"), of_iteration):
        document = bag.document(where) if bag.has(where) else {}
        own = document["settings"] if isinstance(document.get("settings"), dict) else document
        found |= {name: word(own, name) for name in ("domainId", "classificationType") if word(own, name)}
    return found


def listed_tags(bag: Bag, project: BagProject, own: str) -> dict[str, Tag]:
    """Return tags by id; `own`: the file of an iteration, there only if it differs from the project's."""
    records = bag.records(own if bag.has(own) else project.where("tags.jsonl"))
    return {one["id"]: Tag(one["id"], word(one, "name"), word(one, "type") or "Regular") for one in records}


def box_of(region: Json) -> Box | None:
    """Return where a region lies, or None unless it has four numbers."""
    try:
        box = Box(*(float(region[side]) for side in Box._fields))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return box if all(map(math.isfinite, box)) and min(box.width, box.height) >= 0 else None
