"""Whether two pictures agree pixel by pixel, once one is laid upon the other: the largest local difference decides.

A mean would hide what matters: of two frames of a fixed camera nearly every pixel agrees, but for those of a person.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from cv_gdpr.find.alignment import Map
from cv_gdpr.find.pictures import Grey

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]

_LONGEST = 400  # pixels at which two pictures are compared
_LEVELS = 6.0  # of brightness (of 256) that may differ in a plain area: more than compression changes ...
_PIXELS = 0.5  # ... and how far an edge may be off
_WINDOW = 7  # pixels: a difference counts as far as it fills a square of this side
_FILLED = 0.3  # how much of a square must lie in both pictures
_BINS = 32  # of brightness
_FEW = 20  # pixels of a bin that tell nothing
WHOLE = 0.94  # of a picture that lies upon another: all but a narrow border
_LEAST = 100  # pixels that must lie upon each other
_MOVED_BY = 12.0  # pixels: a refined map that moves a corner further has gone astray
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
_FLAT = 4  # levels around the brightness of a frame ...
_OF_FRAME = 0.8  # ... that this much of it has; the rest may be a caption
_NEIGHBOURS = 17  # pixels: a square that reaches across an edge
_STEP = 16  # levels between a frame and a picture ...
_OF_EDGE = 0.5  # ... along this much of their edge: where a crop ends, the picture continues


class Agreement(NamedTuple):
    """How two pictures agree where they lie upon each other.

    `share`: how much of that area agrees. `worst`: the largest local difference, where 1 is the tolerance. `of_photo`,
    `of_other`: how much of each picture lies upon the other. `framed`: what lies beside is a frame, or a bar with
    a caption. `map`: the refined map of the photograph into the other picture.
    """

    share: float
    worst: float
    of_photo: float
    of_other: float
    framed: bool
    map: Map


def agreement(photo: Grey, other: Grey, found: Map) -> Agreement | None:
    """Return how a photograph and another picture agree under a map; None if too little of them is in both."""
    small, theirs, moved = _at_one_size(photo, other, found)
    moved = _refined(small, theirs, moved)
    upon, inside = _laid_upon(small, theirs, moved)
    if inside.sum() < _LEAST:
        return None
    local = _local(_errors(small, upon, inside), inside)[inside]
    covered = _covered(small, theirs, moved)
    back = _sizes(theirs.shape, other.shape) @ _square(moved) @ np.linalg.inv(_sizes(small.shape, photo.shape))
    return Agreement(
        share=float((local < 1).mean()),
        worst=float(local.max()),
        of_photo=float(inside.mean()),
        of_other=float(covered.mean()),
        framed=_is_framed(small, inside) and _is_framed(theirs, covered),
        map=back[:2],
    )


def _at_one_size(photo: Grey, other: Grey, found: Map) -> tuple[Grey, Grey, Map]:
    """Return both pictures so small that their pixels are of one size, and the map between them."""
    scale = float(np.sqrt(abs(np.linalg.det(found[:, :2]))))
    factor = min(1.0, _LONGEST / max(photo.shape), scale)
    small, theirs = _resized(photo, factor), _resized(other, min(1.0, factor / scale))
    moved = np.linalg.inv(_sizes(theirs.shape, other.shape)) @ _square(found) @ _sizes(small.shape, photo.shape)
    return small, theirs, moved[:2]


def _resized(pixels: Grey, factor: float) -> Grey:
    height, width = (max(1, round(side * factor)) for side in pixels.shape)
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _sizes(small: tuple[int, ...], large: tuple[int, ...]) -> Map:
    """Return the map of the pixels of a reduced picture to those of the large one: the edges stay, not the centres."""
    across, down = large[1] / small[1], large[0] / small[0]
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1.0]])


def _square(found: Map) -> Map:
    return np.vstack([found, [0.0, 0.0, 1.0]])


def _refined(small: Grey, theirs: Grey, moved: Map) -> Map:
    """Return the map that lets the brightness of both pictures agree best (ECC, Evangelidis and Psarakis 2008)."""
    start = np.asarray(moved, np.float32)
    try:
        _, better = cv2.findTransformECC(small, theirs, start.copy(), cv2.MOTION_AFFINE, _STOP, np.array([]), 3)
    except cv2.error:  # it does not converge
        return moved
    height, width = small.shape
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float32).T
    astray = float(np.abs((better - start) @ corners).max()) > _MOVED_BY
    return moved if astray else np.asarray(better, np.float64)


def _laid_upon(small: Grey, theirs: Grey, moved: Map) -> tuple[Grey, Mask]:
    """Return the other picture as the photograph sees it, and where it has pixels."""
    height, width = small.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    upon = cv2.warpAffine(theirs, moved, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    full = np.full(theirs.shape, 255, np.uint8)
    inside = cv2.warpAffine(full, moved, (width, height), flags=flags) > 250
    return np.asarray(upon, np.uint8), cv2.erode(inside.astype(np.uint8), np.ones((3, 3)), borderValue=1) > 0


def _covered(small: Grey, theirs: Grey, moved: Map) -> Mask:
    """Return which pixels of the other picture the photograph covers."""
    height, width = theirs.shape
    full = np.full(small.shape, 255, np.uint8)
    covered = cv2.warpAffine(full, moved, (width, height), flags=cv2.INTER_LINEAR)
    return cv2.dilate(covered, np.ones((3, 3))) > 5


def _local(errors: Floats, inside: Mask) -> Floats:
    """Return the mean of the errors around each pixel, of those inside."""
    square = (_WINDOW, _WINDOW)
    area = cv2.blur(inside.astype(np.float32), square, borderType=cv2.BORDER_CONSTANT)
    total = cv2.blur(np.where(inside, errors, 0).astype(np.float32), square, borderType=cv2.BORDER_CONSTANT)
    return np.where(area > _FILLED, total / np.maximum(area, _FILLED), 0).astype(np.float32)


def _errors(small: Grey, upon: Grey, inside: Mask) -> Floats:
    """Return by how many tolerances each pixel differs, after a change of brightness of the one or the other."""
    one, two = small.astype(np.float32), upon.astype(np.float32)
    both = [_error_of(*pair, inside) for pair in ((one, two), (two, one))]
    return min(both, key=lambda error: float(error[inside].mean()))


def _error_of(one: Floats, two: Floats, inside: Mask) -> Floats:
    """Return by how many tolerances `two` differs from `one` made as bright."""
    expected = np.interp(one, *_brightness(one[inside], two[inside])).astype(np.float32)
    rest = np.abs(cv2.GaussianBlur(two - expected, (0, 0), 1.0))
    return np.asarray(rest / (_LEVELS + _PIXELS * np.maximum(_slope(two), _slope(expected))), np.float32)


def _brightness(one: Floats, two: Floats) -> tuple[Floats, Floats]:
    """Return the curve from the brightness of one picture to that of another; it never falls."""
    bins = np.minimum(one * (_BINS / 256), _BINS - 1).astype(np.intp)
    order = np.argsort(bins, kind="stable")
    ends = np.cumsum(np.bincount(bins, minlength=_BINS))
    parts = [part for part in np.split(order, ends[:-1]) if len(part) >= _FEW]
    at = np.array([np.median(one[part]) for part in parts], np.float32)
    return at, np.maximum.accumulate(np.array([np.median(two[part]) for part in parts], np.float32))


def _slope(values: Floats) -> Floats:
    across = cv2.Sobel(values, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(values, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(cv2.dilate(cv2.magnitude(across, down), np.ones((3, 3))), np.float32)


def _is_framed(pixels: Grey, shared: Mask) -> bool:
    """Return whether what lies beside the shared area is flat, and set off from it; True if nothing is there."""
    rest = pixels[~shared]
    if rest.size <= (1 - WHOLE) * pixels.size:
        return True
    flat = np.abs(rest.astype(np.int16) - int(np.median(rest))) <= _FLAT
    within = shared.astype(np.float32)
    edge = (cv2.dilate(within, np.ones((9, 9))) > 0) & (cv2.dilate(within, np.ones((5, 5))) == 0)  # beside the blur
    inner = cv2.erode(within, np.ones((5, 5)), borderValue=1)
    weight = cv2.blur(inner, (_NEIGHBOURS, _NEIGHBOURS))
    mean = cv2.blur(pixels * inner, (_NEIGHBOURS, _NEIGHBOURS)) / np.maximum(weight, 1e-3)
    known = edge & (weight > 1e-3)
    steps = np.abs(pixels[known] - mean[known]) > _STEP
    return float(flat.mean()) >= _OF_FRAME and bool(steps.size) and float(steps.mean()) >= _OF_EDGE


def outline(found: Map, photo: Grey) -> Iterator[tuple[float, float]]:
    """Yield where the corners of the photograph lie in the other picture."""
    height, width = photo.shape
    for x, y in ((0, 0), (width, 0), (width, height), (0, height)):
        across, down = found @ (x, y, 1.0)
        yield float(across), float(down)
