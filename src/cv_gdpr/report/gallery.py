"""Arranges the pictures of a project: pages of a gallery, boxes, and the index that filters search."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from cv_gdpr.archive.names import UUID
from cv_gdpr.languages import Language, moment_of, short, shown, without_time
from cv_gdpr.report.pages import weight
from cv_gdpr.report.records import Contents, Opinion, Picture, Project
from cv_gdpr.report.thumbnails import Made
from cv_gdpr.table.labelled import Box

ON_A_PAGE = 200
_Item = TypeVar("_Item")
_MOST_CELLS = 400_000  # bytes of the pictures of a page, beside the index
MOST_DRAWN = 200  # boxes over a thumbnail
_MOST_NAME = 6 * 61 + 4  # bytes of a shortened name in an index: at most, every letter is escaped
_MOST_INDEX = 1_500_000  # bytes of an index: with its page it stays below 2 MB
_CELL_BYTES, _BOX_BYTES = 1_000, 200  # without texts
_FARTHEST = 1e9  # pixels; a browser cannot draw what lies beyond
_WORKSPACE, _PREDICTION = 1, 2


class Drawn(NamedTuple):
    """A box in the pixels of the picture that it lies over."""

    x: float
    y: float
    width: float
    height: float
    words: str


class Shown(NamedTuple):
    """A picture as the pages show it: its thumbnail's sides (0: it has none), its tags in words, its file in the site.

    `can_be_shown`: a browser shows the file itself as boxes lie over it.
    """

    picture: Picture
    thumbnail: Made
    tags: tuple[str, ...]
    file: str
    can_be_shown: bool

    @property
    def page(self) -> str:
        """Its own page, in the folder of its project."""
        return f"pictures/{self.picture.stem}.html"

    @property
    def small(self) -> str:
        """Its thumbnail, in the folder of its project."""
        return f"thumbnails/{self.picture.stem}.jpg"

    def predicted(self, names: dict[str, str]) -> str:
        """Return the most probable tag that a model said of it; empty if none did."""
        best = [one.best for one in self.picture.opinions if one.best]
        return names.get(best[0].tag) or best[0].name or best[0].tag if best else ""

    def boxes(self, width: int, height: int, names: dict[str, str], most: int = MOST_DRAWN) -> list[Drawn]:
        """Return its first boxes over a picture of these sides, without those that lie far outside."""
        drawn = (
            _drawn(one.box, width, height, short(names.get(one.tag) or one.name or one.tag))
            for one in self.picture.regions[:most]
            if one.box
        )
        return [one for one in drawn if one]


def _drawn(box: Box, width: int, height: int, words: str) -> Drawn | None:
    try:
        places = box.left * width, box.top * height, box.width * width, box.height * height
    except OverflowError:  # the record states a side of hundreds of digits
        return None
    if max(map(abs, places)) > _FARTHEST:
        return None
    x, y, wide, high = (round(one, 1) for one in places)
    return Drawn(x, y, wide, high, words)


class GalleryPage(NamedTuple):
    """A page of the gallery, from 1; `file` is its name."""

    number: int
    pictures: list[Shown]

    @property
    def file(self) -> str:
        """Its name."""
        return page_name(self.number)


def page_name(number: int) -> str:
    """Return the name of a page of the gallery."""
    return "gallery.html" if number == 1 else f"gallery-{number}.html"


def gallery_pages(pictures: list[Shown]) -> list[GalleryPage]:
    """Return the pages of a gallery; of one without pictures, a single empty page."""
    cut = in_pages(pictures, _cell_bytes, ON_A_PAGE, _MOST_CELLS)
    return [GalleryPage(number, some) for number, some in enumerate(cut, 1)]


def in_pages(items: Iterable[_Item], size_of: Callable[[_Item], int], most: int, most_bytes: int) -> list[list[_Item]]:
    """Return items page by page, at most so many and so large on each; without any item, one empty page."""
    pages, size = [list[_Item]()], 0
    for one in items:
        size += size_of(one)
        if pages[-1] and (len(pages[-1]) == most or size > most_bytes):
            pages.append([])
            size = size_of(one)
        pages[-1].append(one)
    return pages


def _cell_bytes(one: Shown) -> int:
    """Return at least how many bytes a picture takes in the gallery."""
    drawn = sum(_BOX_BYTES + weight(short(each.name)) for each in one.picture.regions[:MOST_DRAWN])
    return _CELL_BYTES + drawn + sum(weight(short(tag)) + 2 for tag in one.tags)


def names_of(project: Project, contents: Contents) -> dict[str, str]:
    """Return the name of each tag that the workspace or an iteration has, by id: the workspace's counts."""
    names = {tag.id: tag.name for one in project.iterations for tag in one.tags}
    names |= {region.tag: region.name for one in contents.pictures for region in one.regions if region.tag not in names}
    return names | {use.tag.id: use.tag.name for use in contents.tags}


class Index(NamedTuple):
    """What filters search, as JSON; `pictures`: how many of the project it holds (all, unless they are too many)."""

    text: str
    pictures: int


def index_of(project: Project, pictures: list[Shown], names: dict[str, str], language: Language) -> Index:
    """Return the index of the first pictures of a project that fit into a page, nearly always all."""
    words, dates = _Words(), _Dates(language)
    rows, size = list[str](), 0
    for one in pictures:
        row = json.dumps([*_row(one, words), dates.of(one.picture.created)], separators=(",", ":"))
        size += len(row) + 1 + words.added()
        if size > _MOST_INDEX:
            break
        rows.append(row)
    tables = {
        "tags": [shown(short(names.get(one) or one)) for one in words.tags],
        "iterations": [shown(short(one, 200)) for one in _titles(project, list(words.iterations))],
        "iterationIds": list(words.iterations),
        "metadata": [shown("=".join(pair)) for pair in words.pairs],
        "date": language.pattern,
        "months": language.months,
    }
    head = json.dumps(tables)[:-1]
    return Index(script_safe(f'{head}, "rows": [{",".join(rows)}]}}'), len(rows))


def script_safe(text: str) -> str:
    """Return JSON that cannot end the element that holds it."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class _Words:
    """Numbers for the words that rows repeat."""

    def __init__(self) -> None:
        self.tags: dict[str, int] = {}
        self.iterations: dict[str, int] = {}
        self.pairs: dict[tuple[str, str], int] = {}
        self._told = 0
        self._size = 0

    def tag(self, name: str) -> int:
        """Return the number of a tag."""
        if name not in self.tags:
            self._size += _MOST_NAME
        return self.tags.setdefault(name, len(self.tags))

    def iteration(self, name: str) -> int:
        """Return the number of an iteration."""
        if name not in self.iterations:
            self._size += 4 * _MOST_NAME
        return self.iterations.setdefault(name, len(self.iterations))

    def pair(self, pair: tuple[str, str]) -> int:
        """Return the number of a pair of metadata."""
        if pair not in self.pairs:
            self._size += 6 * sum(map(len, pair)) + 8  # at most: every letter escaped
        return self.pairs.setdefault(pair, len(self.pairs))

    def added(self) -> int:
        """Return how many bytes the words took since it was asked last."""
        added, self._told = self._size - self._told, self._size
        return added


class _Dates:
    """Dates for rows, the latest first: the seconds between two are fewer letters than a date."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._last = 0

    def of(self, text: str) -> int | str:
        """Return how many seconds before the last row's moment (at first, before 1970) one is, or a page's words."""
        moment = moment_of(text)
        if moment is None or without_time(text):
            return shown(self._language.date(text))
        before, self._last = self._last, math.floor(moment.timestamp())
        return before - self._last


def _row(one: Shown, words: _Words) -> list[object]:
    picture = one.picture
    name = picture.stem.partition("-")[2]
    return [
        name.replace("-", "") if UUID.fullmatch(name) else name,
        _WORKSPACE * picture.in_workspace | _PREDICTION * picture.is_prediction,
        one.thumbnail.width,
        one.thumbnail.height,
        [words.tag(tag) for tag in picture.all_tags],
        [words.iteration(each) for each in picture.iterations],
        [words.pair(pair) for pair in picture.metadata],
        sorted({words.tag(tag) for tag in _predicted(picture.opinions)}),
    ]


def _predicted(opinions: tuple[Opinion, ...]) -> Iterator[str]:
    """Yield the tag that each opinion holds most probable."""
    for one in opinions:
        if one.best:
            yield one.best.tag


def _titles(project: Project, iterations: list[str]) -> list[str]:
    """Return the name of each iteration, with its id where several have the same."""
    names = {one.id: one.name for one in project.iterations}
    found = [names.get(one) or one for one in iterations]
    counts = Counter(found)
    return [f"{name} ({id_})" if counts[name] > 1 else name for name, id_ in zip(found, iterations, strict=True)]
