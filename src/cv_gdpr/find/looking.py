"""Looks at one picture after the other for some photographs: at its features first, and at the few that are alike."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from cv_gdpr.errors import UsageError
from cv_gdpr.find.agreement import outline
from cv_gdpr.find.alignment import LONGEST, Described, described_photo
from cv_gdpr.find.features import LONGEST as OF_FEATURES
from cv_gdpr.find.features import Features, features, restored
from cv_gdpr.find.judging import judged
from cv_gdpr.find.matching import Sought, may_be_alike, sought
from cv_gdpr.find.pictures import Grey, Undecodable, decoded, shrunk
from cv_gdpr.find.result import Kind, Outline, View


class Alike(NamedTuple):
    """What a picture is to a photograph, with where the photograph lies in it."""

    kind: Kind
    score: float
    certain: bool
    why: str
    outline: Outline
    view: View


class _Photo(NamedTuple):
    name: str
    sought: Sought
    described: Described


class Looker:
    """The photographs that are searched for; safe for several threads.

    Raise UsageError for one that cannot be decoded.
    """

    def __init__(self, photos: Mapping[str, bytes]) -> None:
        self._photos = [_photo(name, content) for name, content in photos.items()]

    def look(self, stored: bytes | None, read: Callable[[], bytes]) -> tuple[bytes | None, dict[str, Alike]]:
        """Return the features of a picture if they were not stored yet, and what it is to each photograph.

        `read` returns the picture's bytes, and is called only if they are needed. Raise Undecodable.
        """
        known = _sound(stored)
        made = None if known else features(decoded(read(), OF_FEATURES).pixels)
        seen = known or restored(made or b"")
        likely = [photo for photo in self._photos if may_be_alike(photo.sought, seen)]
        if not likely:
            return made, {}
        pixels = decoded(read(), LONGEST).pixels
        found: dict[str, Alike] = {}
        for photo in likely:
            one = judged(photo.described, pixels)
            if one:
                height, width = pixels.shape
                corners = tuple((x / width, y / height) for x, y in outline(one.map, photo.described.pixels))
                found[photo.name] = Alike(one.kind, one.score, one.certain, one.why, Outline(corners), one.view)
        return made, found


def _photo(name: str, content: bytes) -> _Photo:
    pixels = pixels_of(name, content, LONGEST)
    return _Photo(name, sought(shrunk(pixels, OF_FEATURES)), described_photo(pixels))


def pixels_of(name: str, content: bytes, longest: int) -> Grey:
    """Return the pixels of a photograph; raise UsageError if it cannot be decoded."""
    try:
        return decoded(content, longest).pixels
    except Undecodable as error:
        raise UsageError(f"{name}: {error}", "name JPEG, PNG, BMP, GIF, TIFF or WebP files") from error


def _sound(stored: bytes | None) -> Features | None:
    """Return stored features; None if there are none, or they are of another form."""
    try:
        return restored(stored) if stored else None
    except ValueError:
        return None
