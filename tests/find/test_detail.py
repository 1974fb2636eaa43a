"""Certain is only what agrees in every detail: another name or another small person is a copy to look at."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

import cv_gdpr
from cv_gdpr.find.looking import Looker
from tests.find.changes import WHOLE, as_jpeg, caption_below, frame_of_camera, resized

ASTRONAUT = Path(cv_gdpr.__file__).parent / "demo_pictures" / "astronaut.jpg"


def also(*rows):
    """Return rows of a table that are tested with the slow ones."""
    return [pytest.param(*row, marks=pytest.mark.photographs) for row in rows]


def look(photo, other):
    """Return what a picture is to a photograph, of both the bytes."""
    _, found = Looker({"photo": photo}).look(None, lambda: other)
    return found.get("photo")


def written(pixels, text, scale, at, level=255):
    """Return a picture with a text written in it, in thin strokes."""
    return cv2.putText(pixels.copy(), text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (level,) * 3, 1)


def form(name, born, *, scale, sides=(900, 1200)):
    """Return a form in which name and birth date are filled in."""
    width, height = sides
    page = np.full((height, width, 3), 245, np.uint8)
    cv2.rectangle(page, (20, 20), (width - 20, height - 20), (0, 0, 0), 2)
    for row in range((height - 200) // 50):
        page = written(page, f"{row}. Question of the form: __________", scale, (40, 160 + 50 * row), 20)
    page = written(page, f"Name: {name}", scale, (40, 60), 20)
    return written(page, f"Born: {born}", scale, (40, 100), 20)


def standing(pixels, person, tall):
    """Return a picture with a person far away in it."""
    pixels = pixels.copy()
    there = cv2.resize(person, (tall * 3 // 4, tall), interpolation=cv2.INTER_AREA)
    pixels[900 : 900 + tall, 1000 : 1000 + there.shape[1]] = there
    return pixels


FORMS = [
    (0.4, 95, 1),
    (0.7, 50, 0.5),
    *also((0.4, 50, 0.5), (0.5, 95, 1), (0.5, 50, 0.5), (1.0, 95, 1), (1.0, 50, 0.5)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "quality", "size"), FORMS)
def test_a_form_with_another_name_is_not_certain(scale, quality, size):
    other = form("Boris Klein", "1971-12-31", scale=scale)
    found = look(as_jpeg(form("Alice Meyer", "1990-01-01", scale=scale)), as_jpeg(resized(other, size), quality))
    assert found is None or not found.certain


LETTERS = [("Mayer", 1, 0.4), *also(("Meyer", 7, 0.4), ("Mayer", 1, 0.7), ("Meyer", 7, 0.7))]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "day", "scale"), LETTERS)
def test_one_other_letter_is_not_certain(name, day, scale):
    one = form("Alice Meyer", "1990-01-01", scale=scale)
    found = look(as_jpeg(one), as_jpeg(form(f"Alice {name}", f"1990-01-0{day}", scale=scale), 80))
    assert (found.kind, found.certain) == ("copy", False)
    assert "a small detail may differ" in found.why


@pytest.mark.slow
@pytest.mark.parametrize("size", [0.5, *also((1,))])
def test_the_same_form_is_certain(size):
    page = form("Alice Meyer", "1990-01-01", scale=0.7)
    found = look(as_jpeg(page, 95), as_jpeg(resized(page, size), 90))
    assert found.certain, found.why


NAMES = [("colosseum", 0.25, 255), ("owl", 0.25, 128), ("cat", 0.6, 255)]
MORE = [
    row for row in itertools.product(("colosseum", "owl", "cat"), (0.25, 0.4, 0.6), (255, 128, 40)) if row not in NAMES
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scale", "level"), [*NAMES, *also(*MORE)])
def test_another_name_in_a_photo_is_not_certain(photo, name, scale, level):
    height, width = photo(name).shape[:2]
    alice, boris = (
        written(photo(name), text, scale, (width // 3, height // 2), level) for text in ("Alice 4711", "Boris 0815")
    )
    assert not look(as_jpeg(alice, 95), as_jpeg(boris, 90)).certain
    assert not look(as_jpeg(alice, 95), as_jpeg(photo(name), 90)).certain


@pytest.mark.slow
@pytest.mark.parametrize(("tall", "size"), [(20, 0.5), *also((20, 1), (30, 1), (40, 1), (50, 0.5))])
def test_another_or_no_small_person_is_not_certain(photo, tall, size):
    place = cv2.resize(photo("colosseum"), (2000, 1300), interpolation=cv2.INTER_CUBIC)
    wanted = as_jpeg(standing(place, photo("cat"), tall))
    for other in (standing(place, photo("dog"), tall), place):
        found = look(wanted, as_jpeg(resized(other, size)))
        assert (found.kind, found.certain) == ("copy", False)


@pytest.mark.slow
def test_two_captions_are_not_certain(photo):
    captioned = caption_below(photo("owl"))
    height = captioned.shape[0]
    one, two = (written(captioned, text, 0.4, (250, height - 12), 0) for text in ("Alice Meyer", "Boris Klein"))
    assert not look(as_jpeg(one), as_jpeg(two)).certain


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "quality"), [(1, 95), *also((1, 75), (3, 95), (3, 75), (3, 50))])
def test_two_frames_where_nothing_moved_are_not_certain(photo, noise, quality):
    random = np.random.default_rng(3)
    place = cv2.resize(photo("palaisdes-papes"), (640, 480))
    one, two = (as_jpeg(frame_of_camera(place, None, random, noise=noise), quality) for _ in range(2))
    assert not look(one, two).certain


@pytest.mark.slow
def test_what_was_reduced_too_far_is_not_certain(photo):
    wanted = as_jpeg(photo("owl"))
    assert "too different" in look(wanted, as_jpeg(resized(photo("owl"), 0.45))).why
    assert "too small" in look(as_jpeg(resized(photo("owl"), 0.4)), as_jpeg(resized(photo("owl"), 0.4), 70)).why


MORE_PLAIN = [("jpeg 90",), ("grey",), ("darker",), ("twice the size",), ("turned left",), ("mirrored",)]
PLAIN = ["jpeg 50", "half the size", *also(*MORE_PLAIN)]


@pytest.mark.slow
@pytest.mark.parametrize("change", PLAIN)
def test_a_plain_change_stays_certain(change):
    found = look(ASTRONAUT.read_bytes(), as_jpeg(WHOLE[change](cv2.imread(str(ASTRONAUT))), 95))
    assert (found.kind, found.certain) == ("copy", True), found.why


@pytest.mark.slow
@pytest.mark.parametrize("name", ["astronaut-smaller", "astronaut-mirrored"])
def test_the_copies_of_the_demo_are_certain(name):
    found = look(ASTRONAUT.read_bytes(), ASTRONAUT.with_stem(name).read_bytes())
    assert (found.kind, found.certain) == ("copy", True), found.why
