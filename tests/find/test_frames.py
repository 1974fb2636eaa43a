"""Frames of one fixed camera: none is a copy of another, however much of the view agrees."""

import numpy as np
import pytest

from cv_gdpr.archive.bag import Bag
from cv_gdpr.find.frames import SEVERAL, without_frames
from cv_gdpr.find.result import Match, View
from cv_gdpr.find.search import copies
from tests.find.bags import make
from tests.find.changes import as_jpeg, frame_of_camera, resized


def camera(photo, tmp_path, *, frames, empty):
    """Return a bag with frames of a camera and their bytes; `empty` of them show nobody."""
    random = np.random.default_rng(3)
    background = resized(photo("palaisdes-papes"), 640 / 480)
    visitors = [photo("dog")] * (frames - empty) + [None] * empty
    contents = [
        as_jpeg(frame_of_camera(background, visitor, random, height=random.uniform(0.1, 0.3)), 88)
        for visitor in visitors
    ]
    make(tmp_path / "bag", contents)
    return Bag(tmp_path / "bag"), contents


def searched(photo, tmp_path, *, frames, empty):
    """Return what is found of the first and of the last frame."""
    bag, contents = camera(photo, tmp_path, frames=frames, empty=empty)
    return copies(bag, {"visitor": contents[0], "nobody": contents[-1]})


@pytest.mark.slow
def test_frames_of_a_camera_are_not_copies(photo, tmp_path):
    found = searched(photo, tmp_path, frames=6, empty=2)
    assert [(one.like, one.kind) for one in found.matches if one.certain] == [("nobody", "same"), ("visitor", "same")]
    assert [(one.like, one.kind) for one in found.matches if not one.certain] == [("nobody", "copy")]
    assert len([one for one in found.other_frames if one.like == "visitor"]) == 5


@pytest.mark.photographs
def test_two_hundred_frames_of_a_camera(photo, tmp_path):
    bag, contents = camera(photo, tmp_path, frames=200, empty=20)
    found = copies(bag, {"nobody": contents[-1]})
    assert [one.kind for one in found.matches if one.certain] == ["same"]
    assert {one.kind for one in found.matches if not one.certain} == {"copy"}  # nothing moved: a person must look
    assert len(found.other_frames) >= 178  # a visitor may stand where hardly a pixel changes


def match(number, view, *, certain=False):
    """Return a match of a file of this number."""
    return Match("images", "p", str(number), "photo", "copy", 1.0, certain, "x", f"f{number}", view=view)


def test_a_captioned_copy_takes_no_certainty():
    found = [match(1, View.UNCHANGED, certain=True), *(match(number, View.DIFFERS) for number in range(2, 1 + SEVERAL))]
    assert without_frames(found) == (found, [])


def test_several_that_differ_are_frames():
    differing = [match(number, View.DIFFERS) for number in range(2, 2 + SEVERAL)] + [match(8, View.AGREES)]
    agreeing, turned = match(1, View.UNCHANGED, certain=True), match(9, View.OTHER, certain=True)
    left, frames = without_frames([agreeing, turned, *differing])
    assert [(one.id, one.certain) for one in left] == [("1", False), ("9", True)]
    assert [one.id for one in frames] == [one.id for one in differing]


def test_one_file_of_several_items_counts_once():
    items = [match(1, View.DIFFERS)._replace(id=str(number)) for number in range(SEVERAL)]
    assert without_frames(items) == (items, [])
