"""How a photograph lies in another picture: SIFT's features, and a map of the plane that many of them agree on."""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from cv_gdpr.find.features import Points, Words, described
from cv_gdpr.find.matching import nearest
from cv_gdpr.find.pictures import Grey, shrunk

Map: TypeAlias = NDArray[np.float64]  # 2 x 3: of points of the photograph to points of the other picture

LONGEST = 640  # pixels of the longer side
_MOST = 1000  # features of each picture
_SMALLER = 256  # pixels at which the photograph is described once more: a copy may be much smaller
_OFF = 3.0  # pixels that a feature may lie off
_FEWEST = 8  # features that a map needs
_MANY = 40  # features that leave no doubt
_STRETCH = 2.5  # most by which one direction grows more than another


class Described(NamedTuple):
    """A photograph, and its features as it is and mirrored."""

    pixels: Grey
    ways: tuple[tuple[Points, Words], ...]


class Laid(NamedTuple):
    """A map of the photograph into another picture, and how many features agree on it; 0: none, it was assumed."""

    map: Map
    agreeing: int


def described_photo(pixels: Grey) -> Described:
    """Return a photograph with its features at two sizes."""
    reduced = shrunk(pixels, LONGEST)
    mirrored = np.ascontiguousarray(reduced[:, ::-1])
    return Described(reduced, tuple(_at_two_sizes(one) for one in (reduced, mirrored)))


def _at_two_sizes(pixels: Grey) -> tuple[Points, Words]:
    points, words = described(pixels, _MOST)
    small = shrunk(pixels, _SMALLER)
    if small is pixels:
        return points, words
    more, more_words = described(small, _MOST)
    more[:, :3] *= max(pixels.shape) / max(small.shape)
    return np.concatenate([points, more]), np.concatenate([words, more_words])


def laid(photo: Described, other: Grey) -> Laid | None:
    """Return how the photograph lies in another picture, or None if its features do not agree on that."""
    points, words = described(other, _MOST)
    upright = _agreed(*photo.ways[0], points, words)
    if upright and upright.agreeing >= _MANY:
        return upright
    mirrored = _agreed(*photo.ways[1], points, words)
    if mirrored is None or (upright and upright.agreeing >= mirrored.agreeing):
        return upright
    return Laid(_mirrored(mirrored.map, photo.pixels.shape[1]), mirrored.agreeing)


def _agreed(points: Points, words: Words, others: Points, other_words: Words) -> Laid | None:
    ours, theirs = nearest(words, other_words)
    if len(ours) < _FEWEST:
        return None
    found, inside = cv2.estimateAffine2D(
        points[ours, :2],
        others[theirs, :2],
        method=cv2.RANSAC,
        ransacReprojThreshold=_OFF,
        maxIters=2000,
        confidence=0.999,
    )
    if found is None or int(inside.sum()) < _FEWEST:
        return None
    lies = Laid(np.asarray(found, np.float64), int(inside.sum()))
    return lies if _plausible(lies.map) else None


def _plausible(found: Map) -> bool:
    larger, smaller = np.linalg.svd(found[:, :2], compute_uv=False)
    return bool(smaller > 0.02 and larger < 50 and larger <= _STRETCH * smaller)


def _mirrored(found: Map, width: int) -> Map:
    """Return the map of the photograph for one of its mirror image."""
    flip = np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    return np.asarray(found @ flip, np.float64)


def whole_upon_whole(photo: Grey, other: Grey) -> Iterator[Laid]:
    """Yield the eight maps that lay a whole photograph upon a whole picture, turned by 90 degrees and mirrored."""
    height, width = (side - 1.0 for side in photo.shape)
    bottom, right = (side - 1.0 for side in other.shape)
    corners = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float32)
    own = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    for order in (corners, corners[::-1]):
        for turn in range(4):
            three = np.roll(order, turn, axis=0)[:3]
            yield Laid(np.asarray(cv2.getAffineTransform(own[:3], three), np.float64), 0)
