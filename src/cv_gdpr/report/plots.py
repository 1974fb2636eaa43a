"""Draws the measures of iterations as plain SVG: classes only, since the pages' policy forbids styles in attributes.

Every value is a share from 0 to 1, or None where the service sent no number; one outside of that is drawn at the edge.
Each series has a colour, a dash and a mark of its own, so that they differ without colours, and in print.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markupsafe import Markup

Value = float | None
WIDTH, HEIGHT = 480, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 28
"""The margins around the plot area: the texts stand in them."""
_INSET = 12  # between the plot area's sides and the first and last iteration
_MOST_LABELS = 16  # numbers of iterations below the plot
_LINES = (0.0, 0.25, 0.5, 0.75, 1.0)
_STRIP = 160, 18
_SPARK = 120, 26


class Series(NamedTuple):
    """A measure over the iterations, in their order."""

    name: str
    values: Sequence[Value]


class _Frame(NamedTuple):
    """Where shares and positions lie, in the units of the viewBox."""

    left: float
    right: float
    top: float
    bottom: float

    def x(self, share: float) -> float:
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, share: float) -> float:
        return round(self.bottom - share * (self.bottom - self.top), 1)


def over_iterations(title: str, words: str, series: Sequence[Series], percent: Callable[[float], str]) -> "Markup":
    """Return a plot of up to three measures: the iterations are numbered from 1, a missing value is a gap."""
    area = _Frame(LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM)
    inner = area._replace(left=area.left + _INSET, right=area.right - _INSET)
    count = max((len(one.values) for one in series), default=0)
    parts = [_one("title", title), _one("desc", words)]
    for share in _LINES:
        y = area.y(share)
        parts += [_one("line", x1=area.left, x2=area.right, y1=y, y2=y, class_="grid")]
        parts += [_one("text", percent(share), x=area.left - 8, y=y + 4, class_="left")]
    for number in range(0, count, math.ceil(count / _MOST_LABELS) or 1):
        parts += [_one("text", str(number + 1), x=inner.x(_at(number, count)), y=HEIGHT - 8, class_="below")]
    for index, one in enumerate(series):
        parts += _drawn(index, [_known(value) for value in one.values], inner, 4 if count <= 32 else 2.5)
    return _svg(WIDTH, HEIGHT, "plot", parts, role="img")


def strip(values: Sequence[Value]) -> "Markup":
    """Return the measures of one tag on a scale from 0 to 1; the numbers stand beside it, so it needs no words."""
    width, height = _STRIP
    area = _Frame(6, width - 6, 4, height - 4)
    parts = [_one("line", x1=area.left, x2=area.right, y1=height / 2, y2=height / 2, class_="grid")]
    parts += [_one("line", x1=area.x(at), x2=area.x(at), y1=3, y2=height - 3, class_="grid") for at in (0.0, 0.5, 1.0)]
    for index, value in enumerate(map(_known, values)):
        if value is not None:
            parts.append(_mark(index, area.x(value), height / 2, 4))
    return _svg(width, height, "strip", parts, aria_hidden="true")


def spark(values: Sequence[Value], index: int = 0) -> "Markup":
    """Return one measure over the iterations, small; the last number stands beside it, so it needs no words."""
    width, height = _SPARK
    known = list(map(_known, values))
    parts = [_one("line", x1=2, x2=width - 2, y1=height - 2, y2=height - 2, class_="grid")]
    parts += _drawn(index, known, _Frame(5, width - 5, 5, height - 5), 2.5)
    return _svg(width, height, "spark", parts, aria_hidden="true")


def key(index: int) -> "Markup":
    """Return the mark of a series, for the legend."""
    parts = [_one("line", x1=0, x2=24, y1=7, y2=7, class_=f"line s{index + 1}"), _mark(index, 12, 7, 4)]
    return _svg(24, 14, "key", parts, aria_hidden="true")


def _known(value: Value) -> Value:
    return min(max(value, 0.0), 1.0) if value is not None and math.isfinite(value) else None


def _at(number: int, count: int) -> float:
    return number / (count - 1) if count > 1 else 0.5


def _drawn(index: int, values: Sequence[Value], area: _Frame, radius: float) -> Iterator["Markup"]:
    """Yield a line for each run of values without a gap, and a mark for each value."""
    places = [
        (area.x(_at(number, len(values))), area.y(value)) if value is not None else None
        for number, value in enumerate(values)
    ]
    for is_gap, run in groupby(places, lambda one: one is None):
        points = " ".join(f"{x:g},{y:g}" for x, y in filter(None, run))
        if not is_gap and " " in points:
            yield _one("polyline", points=points, class_=f"line s{index + 1}")
    yield from (_mark(index, x, y, radius) for x, y in filter(None, places))


def _mark(index: int, x: float, y: float, radius: float) -> "Markup":
    """Return a disc, a square or a triangle."""
    name = f"mark s{index + 1}"
    if index == 0:
        return _one("circle", cx=x, cy=y, r=radius, class_=name)
    if index == 1:
        return _one("rect", x=x - radius, y=y - radius, width=2 * radius, height=2 * radius, class_=name)
    return _one("path", d=f"M{x:g} {y - radius:g}l{radius:g} {2 * radius:g}h{-2 * radius:g}z", class_=name)


def _svg(width: int, height: int, name: str, parts: Sequence["Markup"], **more: str) -> "Markup":
    from markupsafe import Markup

    size = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
    return _one("svg", Markup("").join(parts), class_=name, **size, **more)


def _one(name: str, content: str = "", **attributes: object) -> "Markup":
    """Return an element with escaped texts; `class_` is the attribute class, `aria_hidden` is aria-hidden."""
    from markupsafe import Markup, escape

    pairs = (
        (one.rstrip("_").replace("_", "-"), f"{value:g}" if isinstance(value, float) else value)
        for one, value in attributes.items()
    )
    words = "".join(f' {one}="{escape(value)}"' for one, value in pairs)
    return Markup(f"<{name}{words}>{escape(content)}</{name}>")  # noqa: S704 - escaped above
