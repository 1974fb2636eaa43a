"""What a picture is to a photograph: a copy, or a part, certain or not, and why; or nothing."""

from typing import NamedTuple

import numpy as np

from cv_gdpr.find.agreement import WHOLE, Agreement, agreement
from cv_gdpr.find.alignment import Described, Laid, Map, laid, whole_upon_whole
from cv_gdpr.find.pictures import Grey
from cv_gdpr.find.result import COPY, PART, Kind, View

ENOUGH = 18  # features that agree on where a photograph lies: by chance, hardly more than 15 do
_MOST_OF_IT = 0.5  # of the area in which features agree must agree pixel by pixel
_NEARLY_ALL = 0.9  # ... where few features agree
_ALL = 0.99  # ... where none do
_CERTAIN = 1.0  # tolerances: the largest local difference; of 174 copies measured, 97 % were below 0.8
_DIFFERS = 2.0  # tolerances: more than a change of brightness leaves
_HALF = 0.5  # least of the other picture that a photograph with a frame covers
_LITTLE = 0.08  # least that a part covers of one of the pictures


class Judged(NamedTuple):
    """What a picture is to a photograph: kind, score (0 to 1), whether that is certain, in words why, and the map.

    `view`: whether the whole pictures lie upon each other, upright, as two frames of a fixed camera do.
    """

    kind: Kind
    score: float
    certain: bool
    why: str
    map: Map
    view: View = View.OTHER


def judged(photo: Described, other: Grey) -> Judged | None:
    """Return what a picture is to a photograph, or None if it is neither a copy nor a part."""
    found = laid(photo, other)
    if found and (best := _judged(photo, other, found)):
        return best
    whole = [one for found in whole_upon_whole(photo.pixels, other) if (one := _judged(photo, other, found))]
    return max(whole, key=lambda one: one.score, default=None)


def _judged(photo: Described, other: Grey, found: Laid) -> Judged | None:
    seen = agreement(photo.pixels, other, found.map)
    if seen is None or seen.share < _least(found.agreeing):
        return None
    kind = _kind(seen)
    if max(seen.of_photo, seen.of_other) < _LITTLE:
        return None
    certain = kind is COPY and found.agreeing >= ENOUGH and seen.worst < _CERTAIN
    changes = _changes(seen.map)
    upright = found.agreeing >= ENOUGH and min(seen.of_photo, seen.of_other) >= WHOLE and not changes
    view = View.OTHER if not upright else View.DIFFERS if seen.worst >= _DIFFERS else View.AGREES
    return Judged(kind, round(seen.share, 4), certain, _why(seen, found.agreeing, kind, changes), seen.map, view)


def _least(agreeing: int) -> float:
    """Return how much of the area must agree."""
    if agreeing >= ENOUGH:
        return _MOST_OF_IT
    return _NEARLY_ALL if agreeing else _ALL


def _kind(seen: Agreement) -> Kind:
    if min(seen.of_photo, seen.of_other) >= WHOLE:
        return COPY
    framed = max(seen.of_photo, seen.of_other) >= WHOLE and min(seen.of_photo, seen.of_other) >= _HALF
    return COPY if framed and seen.framed else PART


def _why(seen: Agreement, agreeing: int, kind: Kind, changes: list[str]) -> str:
    """Return in words what agrees and what does not."""
    words = [*changes]
    if min(seen.of_photo, seen.of_other) < WHOLE:
        words.append(f"{seen.of_photo:.0%} of the photo is {seen.of_other:.0%} of this picture")
        if kind is COPY:
            words.append("the rest is a frame or a caption")
    words.append(f"{agreeing} features agree" if agreeing else "too plain for features")
    if seen.worst < _CERTAIN:
        words.append("every pixel agrees")
    else:
        words.append(f"{seen.share:.0%} of the area agrees: something covers the rest, or differs there")
    return "; ".join(words)


def _changes(found: Map) -> list[str]:
    """Return in words how the photograph was turned, mirrored and stretched."""
    linear = found[:, :2]
    mirrored = np.linalg.det(linear) < 0
    turned = linear @ np.diag([-1.0, 1.0]) if mirrored else linear
    angle = round(float(np.degrees(np.arctan2(turned[1, 0] - turned[0, 1], turned[0, 0] + turned[1, 1]))))
    larger, smaller = np.linalg.svd(linear, compute_uv=False)
    words = ["mirrored"] if mirrored else []
    if abs(angle) > 1:
        words.append(f"turned by {angle}°")
    if larger > 1.03 * smaller:
        words.append("stretched")
    return words
