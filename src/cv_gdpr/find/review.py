"""The page on which a person looks at the matches: each photograph beside each candidate, how alike they are, and why.

It loads nothing and runs nothing: the pictures are in it, small. Without the extra it shows names alone.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.archive.bag import Bag
from cv_gdpr.find.result import Found, Match, Outline
from cv_gdpr.find.search import content_of, has_extra

if TYPE_CHECKING:
    from jinja2 import Template

_MOST = 500  # matches with pictures; a page with more is too large for a browser
_FRAMES = 50  # other frames of a fixed camera with pictures


class Shown(NamedTuple):
    """A match with its two pictures, each as the link that a page has it in, or empty."""

    match: Match
    photo: str
    candidate: str


def review(found: Found, bag: Bag, photos: Mapping[str, bytes]) -> str:
    """Return the page for the matches in a verified bag."""
    own = {name: _picture(content) for name, content in photos.items()}

    def shown(matches: list[Match], most: int) -> list[Shown]:
        with_picture = [_picture(content_of(bag, one.file), one.outline) for one in matches[:most]]
        without = [""] * (len(matches) - len(with_picture))
        return [Shown(one, own[one.like], seen) for one, seen in zip(matches, with_picture + without, strict=True)]

    return _template().render(
        found=found, shown=shown(found.matches, _MOST), frames=shown(found.other_frames, _FRAMES), most=_MOST
    )


def _picture(content: bytes, outline: Outline | None = None) -> str:
    """Return a picture, small, as a link that holds it; empty without the extra, or if it cannot be decoded."""
    if not has_extra():
        return ""
    from cv_gdpr.find.thumbnails import thumbnail

    return thumbnail(content, outline)


@cache
def _template() -> "Template":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_packaged), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("review.html.jinja")


def _packaged(name: str) -> str:
    return files("cv_gdpr.find").joinpath(name).read_text("utf-8")
