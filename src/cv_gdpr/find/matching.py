"""The first, fast look: which pictures may be copies of a photograph, judged by their features alone.

Of a copy, or a part, many features say the same about where the photograph lies in it, how large and how turned: they
agree with each other (Hough's vote, as in Lowe 2004). Of other pictures hardly three do.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cv_gdpr.find.features import Features, Points, Words, features, restored, variants
from cv_gdpr.find.pictures import Grey

STRONGEST = 200  # features of the photograph that are compared
ENOUGH = 5  # features that agree
_NEARER = 0.8  # how much nearer the best match must be than the second
_TURN = 25.0  # degrees within which directions agree
_DOUBLINGS = 0.6  # within which sizes agree
_PLACE = 0.2  # of the longer side, within which places agree
_ALIKE = 0.96  # correlation of two small pictures
_PLAIN = 4.0  # standard deviation of the brightness below which a small picture shows nothing


class Sought(NamedTuple):
    """What is sought of a photograph: its features, those of its mirror image, and its small picture in 8 ways."""

    width: int
    height: int
    ways: tuple[tuple[Points, Words], ...]
    small: NDArray[np.float32]


def sought(pixels: Grey) -> Sought:
    """Return what is sought of a photograph that has been reduced to the size of features."""
    own, mirrored = (restored(features(np.ascontiguousarray(one))) for one in (pixels, pixels[:, ::-1]))
    ways = tuple((one.points[:STRONGEST], one.words[:STRONGEST]) for one in (own, mirrored))
    return Sought(own.width, own.height, ways, np.stack([_normal(one) for one in variants(own.small)]))


def may_be_alike(wanted: Sought, found: Features) -> bool:
    """Return whether a picture may be a copy of a photograph, or a part of it."""
    return resembles(wanted, found) or any(votes(wanted, way, found) >= ENOUGH for way in (0, 1))


def resembles(wanted: Sought, found: Features) -> bool:
    """Return whether the small pictures are alike, turned or mirrored or not; this finds plain pictures too."""
    return bool((wanted.small @ _normal(found.small)).max() >= _ALIKE)


def _normal(small: Grey) -> NDArray[np.float32]:
    """Return brightness without mean and of length 1, so that a product is a correlation; 0 for a plain picture."""
    values = small.astype(np.float32).ravel()
    values -= values.mean()
    length = float(np.sqrt(values @ values))
    return values / length if length > _PLAIN * np.sqrt(values.size) else values * 0


def votes(wanted: Sought, way: int, found: Features) -> int:
    """Return how many features agree on where the photograph (1: its mirror image) lies in a picture."""
    points, words = wanted.ways[way]
    ours, theirs = nearest(words, found.words)
    if len(ours) < ENOUGH:
        return 0
    return int(_agreeing(points[ours], found.points[theirs], wanted.width, wanted.height).sum(axis=1).max())


def nearest(ours: Words, theirs: Words) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs of features that match each other much better than any other; each feature at most once."""
    if len(ours) < 2 or len(theirs) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    apart = np.bitwise_count(ours[:, None, 0] ^ theirs[None, :, 0])
    apart += np.bitwise_count(ours[:, None, 1] ^ theirs[None, :, 1])
    rows, best = np.arange(len(ours)), apart.argmin(axis=1)
    first = apart[rows, best].astype(np.int16)
    apart[rows, best] = 255
    clear = np.nonzero(first < _NEARER * apart.min(axis=1))[0]
    clear = clear[np.argsort(first[clear], kind="stable")]
    once = clear[np.unique(best[clear], return_index=True)[1]]
    return once, best[once]


def _agreeing(ours: Points, theirs: Points, width: int, height: int) -> NDArray[np.bool_]:
    """Return which pairs agree with which about size, direction, and place of the photograph's centre."""
    doublings = np.log2(theirs[:, 2] / ours[:, 2])
    turned = theirs[:, 3] - ours[:, 3]
    scale, angle = 2.0**doublings, np.deg2rad(turned)
    away = np.array([width / 2, height / 2], np.float32) - ours[:, :2]
    x = theirs[:, 0] + scale * (np.cos(angle) * away[:, 0] - np.sin(angle) * away[:, 1])
    y = theirs[:, 1] + scale * (np.sin(angle) * away[:, 0] + np.cos(angle) * away[:, 1])
    near = (scale * max(width, height) * _PLACE)[:, None]
    agree = np.abs((_between(turned) + 180) % 360 - 180) < _TURN
    agree &= np.abs(_between(doublings)) < _DOUBLINGS
    agree &= (np.abs(_between(x)) < near) & (np.abs(_between(y)) < near)
    return np.asarray(agree, np.bool_)


def _between(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return values[:, None] - values[None]
