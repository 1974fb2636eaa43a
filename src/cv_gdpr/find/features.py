"""What is kept of each picture to recognise it by: local features, and the picture itself at 16 x 16 pixels.

The local features are the strongest of SIFT (Lowe 2004), of each its place, size and direction, and 128 bits: for each
number of its descriptor whether it is above the median. For copies of one photograph these bits match as well as the
numbers do, and are compared many times faster.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from cv_gdpr.find.pictures import Grey, shrunk

Points: TypeAlias = NDArray[np.float32]  # x, y, size, direction in degrees
Words: TypeAlias = NDArray[np.uint64]  # two for each point

VERSION = 1  # another one for each change of what is kept
LONGEST = 448  # pixels of the longer side of a picture
MOST = 400  # features of a picture
SMALL = 16  # pixels of each side of the small picture
_FAINTEST = 0.02  # contrast of a feature: half of SIFT's usual, so that plain pictures have some
_POINT = np.dtype([("x", "<u2"), ("y", "<u2"), ("size", "u1"), ("direction", "u1"), ("word", "<u8", 2)])
_HEAD = np.dtype([("width", "<u2"), ("height", "<u2"), ("small", "u1", (SMALL, SMALL))])
_FRACTIONS = 64  # of a pixel
_SIZES = 16  # for each doubling
_TURN = 256 / 360


class Features(NamedTuple):
    """What is kept of a picture; `width` and `height` are those that the points refer to."""

    width: int
    height: int
    small: Grey
    points: Points
    words: Words


def features(pixels: Grey) -> bytes:
    """Return the features of a picture in their stored form."""
    reduced = shrunk(pixels, LONGEST)
    points, words = described(reduced, MOST)
    head = np.zeros((), _HEAD)
    head["height"], head["width"] = reduced.shape
    head["small"] = cv2.resize(reduced, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    stored = np.zeros(len(points), _POINT)
    stored["x"], stored["y"] = (points[:, :2].clip(0, LONGEST + 1) * _FRACTIONS).round().T
    stored["size"] = (np.log2(points[:, 2].clip(1)) * _SIZES).round().clip(0, 255)
    stored["direction"] = (points[:, 3] * _TURN).round() % 256
    stored["word"] = words
    return head.tobytes() + stored.tobytes()


def restored(stored: bytes) -> Features:
    """Return features from their stored form; raise ValueError if it is of another form."""
    head = np.frombuffer(stored, _HEAD, 1)[0]
    found = np.frombuffer(stored, _POINT, offset=_HEAD.itemsize)
    sides = int(head["width"]), int(head["height"])
    if not 0 < min(sides) <= max(sides) <= LONGEST or len(found) > MOST:
        raise ValueError("not the features of a picture")
    points = np.empty((len(found), 4), np.float32)
    points[:, 0], points[:, 1] = found["x"] / _FRACTIONS, found["y"] / _FRACTIONS
    points[:, 2], points[:, 3] = 2.0 ** (found["size"] / _SIZES), found["direction"] / _TURN
    return Features(*sides, head["small"], points, np.ascontiguousarray(found["word"]))


def described(pixels: Grey, most: int) -> tuple[Points, Words]:
    """Return the strongest features of a picture, the strongest first: their points and words."""
    found, numbers = cv2.SIFT.create(most, 3, _FAINTEST, 10, 1.6).detectAndCompute(pixels, None)
    if numbers is None:
        return np.zeros((0, 4), np.float32), np.zeros((0, 2), np.uint64)
    order = np.argsort([-one.response for one in found], kind="stable")[:most]
    points = np.array([(*found[at].pt, found[at].size, found[at].angle) for at in order], np.float32)
    return points, _words(np.asarray(numbers, np.float32)[order])


def _words(numbers: NDArray[np.float32]) -> Words:
    above = numbers > np.median(numbers, axis=1, keepdims=True)
    return np.packbits(above, axis=1).view(np.uint64)


def variants(small: Grey) -> Iterator[Grey]:
    """Yield a small picture in the eight ways in which it can be turned by 90 degrees and mirrored."""
    for one in (small, small[:, ::-1]):
        for turns in range(4):
            yield np.rot90(one, turns)
