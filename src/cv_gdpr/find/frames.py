"""Frames of one fixed camera: the same view, again and again, with something else in it. They are not copies.

Two frames in which nothing moved agree pixel by pixel, as a copy does. What tells a camera is the others: several
pictures with the same view in which something differs. Where they are, nothing but the same bytes is certain.
"""

from collections import defaultdict
from collections.abc import Iterable

from cv_gdpr.find.result import Match, View

SEVERAL = 3  # pictures: a copy or two may have a caption, which differs too
_WHY = "; several pictures have this view, as those of a fixed camera do"


def without_frames(matches: Iterable[Match]) -> tuple[list[Match], list[Match]]:
    """Return the matches without frames of a fixed camera, and those."""
    of_photo: defaultdict[str, list[Match]] = defaultdict(list)
    for one in matches:
        of_photo[one.like].append(one)
    left: list[Match] = []
    frames: list[Match] = []
    for found in of_photo.values():
        differing = {one.file for one in found if one.view is View.DIFFERS}
        if len(differing) < SEVERAL:
            left += found
            continue
        for one in found:
            if one.view is View.OTHER:
                left.append(one)
            elif one.certain:
                left.append(one._replace(certain=False, why=one.why + _WHY))
            else:
                frames.append(one._replace(why=one.why + _WHY))
    return left, frames
