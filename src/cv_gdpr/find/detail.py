"""Whether two pictures agree in every detail: a name in a form, or a person far away, is gone at the size of a search.

Both are compared at the highest resolution that both have. What differs counts by the tolerance of compression, and
where both have an edge, by how far it may be off: a stroke that only one of them has is no such edge.
"""

from typing import NamedTuple

import cv2
import numpy as np

from cv_gdpr.find.agreement import (
    WHOLE,
    Floats,
    Mask,
    at_one_size,
    brightness,
    covered_by,
    laid_upon,
    placed,
    refined,
    slope,
)
from cv_gdpr.find.alignment import LONGEST as OF_MAP
from cv_gdpr.find.alignment import Map
from cv_gdpr.find.pictures import Grey, Picture, shrunk

LONGEST = 2048  # pixels at which two pictures are compared
_SMALLEST = 200  # pixels of the longer side: in a smaller picture a name is a few grey pixels
_REDUCED = 2.05  # most by which one of the pictures may be larger than both are compared at: a name would be lost
_LEVELS = 4.0  # of brightness (of 256) that may differ ...
_PIXELS = 0.1  # ... and how far an edge of both may be off
_BLUR = 1.2  # pixels: compression changes single ones
_WINDOW = (3, 3)  # pixels: a difference counts as far as it fills this
_MOST = 1.05  # tolerances: of pairs in which another name was written, hardly one was below 1.1 ...
_LEAST, _USUAL = 0.5, 3.5  # ... and those stood out: so hardly more than it is in nine tenths of the picture
_BESIDE = 0.985  # of a picture that must lie upon the other, if it has no frame
_BORDER = np.ones((5, 5))
_FLAT = 0.3  # of a picture, where it is the flattest: there its grain is seen
_AROUND = (9, 9)
_GRAINY = 0.05  # levels squared: less of grain tells nothing
_ONE_GRAIN = 0.76  # of the grain that a copy shares with its picture; that of two frames of a camera is independent


class _Pair(NamedTuple):
    """Two pictures of one size, the second laid upon the first, and where both have pixels."""

    one: Floats
    two: Floats
    inside: Mask


def doubt(photo: Picture, other: Picture, found: Map) -> str:
    """Return in words why a picture may show something else than a photograph in a detail; empty if it does not.

    `found`: the map of the one into the other at the size at which it was found.
    """
    if min(max(one.pixels.shape) for one in (photo, other)) < _SMALLEST:
        return "too small to tell whether every detail agrees"
    small, theirs, moved = at_one_size(photo.pixels, other.pixels, _enlarged(found, photo, other), LONGEST)
    if _reduced(photo, small) > _REDUCED or _reduced(other, theirs) > _REDUCED:
        return "sizes too different to tell whether every detail agrees"
    moved = refined(small, theirs, moved)
    upon, inside = laid_upon(small, theirs, moved)
    if _lies_beside(inside) or _lies_beside(covered_by(small, theirs, moved)):
        return "a narrow strip lies in one of them only"
    within = cv2.erode(inside.astype(np.uint8), _BORDER, borderValue=0) > 0
    pair = _Pair(small.astype(np.float32), upon.astype(np.float32), within)
    if not _agrees(pair):
        return "a small detail may differ"
    return "" if _has_one_grain(pair) else "the grain differs, as in two frames of a camera"


def _enlarged(found: Map, photo: Picture, other: Picture) -> Map:
    """Return the map between pictures as they are, for one between them as a search compares them."""
    of_photo, of_other = (placed(shrunk(one.pixels, OF_MAP).shape, one.pixels.shape) for one in (photo, other))
    return np.asarray((of_other @ np.vstack([found, [0.0, 0.0, 1.0]]) @ np.linalg.inv(of_photo))[:2], np.float64)


def _reduced(picture: Picture, compared: Grey) -> float:
    """Return by how much a picture is larger, in the direction of its longer side, than it is compared at."""
    return max(picture.width, picture.height) / float(max(compared.shape))


def _lies_beside(shared: Mask) -> bool:
    """Return whether more lies beside than a misplaced edge, and less than a frame, which was judged before."""
    return WHOLE <= float(shared.mean()) < _BESIDE


def _agrees(pair: _Pair) -> bool:
    """Return whether the largest difference anywhere is within the tolerance, seen from either picture."""
    one, two, inside = pair
    return bool(inside.any()) and all(_is_as(*way, inside) for way in ((one, two), (two, one)))


def _is_as(one: Floats, two: Floats, inside: Mask) -> bool:
    """Return whether `two` differs nowhere from `one` made as bright by more than compression explains."""
    expected = np.interp(one, *brightness(one[inside], two[inside])).astype(np.float32)
    rest = np.abs(cv2.GaussianBlur(two - expected, (0, 0), _BLUR))
    edges = np.minimum(slope(two), slope(expected))
    differs = cv2.blur(rest / (_LEVELS + _PIXELS * edges), _WINDOW)[inside]
    return float(differs.max()) < min(_MOST, _LEAST + _USUAL * float(np.quantile(differs, 0.9)))


def _has_one_grain(pair: _Pair) -> bool:
    """Return whether the grain where pictures are flattest is that of one picture, or there is hardly any."""
    one, two = _grain(pair.one), _grain(pair.two)
    energy = np.minimum(cv2.blur(one * one, _AROUND), cv2.blur(two * two, _AROUND))
    flat = pair.inside & (energy <= np.quantile(energy[pair.inside], _FLAT))
    least = min(float(np.mean(one[flat] ** 2)), float(np.mean(two[flat] ** 2)))
    return least < _GRAINY or float(np.mean(one[flat] * two[flat])) >= _ONE_GRAIN * least


def _grain(pixels: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.0) - cv2.GaussianBlur(pixels, (0, 0), 3.0), np.float32)
