"""How many calls the readers send for lists of known lengths, by operation: nothing is read twice to know it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.service.paging import calls_for

if TYPE_CHECKING:
    from cv_gdpr.verbatim import Json


class ImagesOf(NamedTuple):
    """How many images a place holds, and how many of them have no tag."""

    iteration: Json | None
    images: int
    untagged: int


def of_images(place: ImagesOf) -> Counter[str]:
    """Return the calls of `readers.images` for one place, without the suggestions."""
    untagged, tagged = place.untagged, place.images - place.untagged
    if place.iteration:
        expected, lists = (place.images, place.images), (1, 1)
    else:  # the shorter list is read before and after the longer one
        expected, lists = (tagged, untagged), (1, 2) if untagged < tagged else (2, 1)
    return Counter(
        GetImageCount=2,
        GetUntaggedImageCount=int(place.iteration is None),
        GetTaggedImages=lists[0] * calls_for(tagged, expected[0]),
        GetUntaggedImages=lists[1] * calls_for(untagged, expected[1]),
    )


def of_image_performances(count: int) -> Counter[str]:
    """Return the calls of `readers.performance` for the images of one iteration."""
    return Counter(GetImagePerformanceCount=2, GetImagePerformances=calls_for(count, count))
