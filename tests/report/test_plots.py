"""The plots: SVG that is well-formed, stays within its frame, and leaves out what the service did not measure."""

import itertools
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.report.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Series, key, over_iterations, spark, strip

NAN = float("nan")


def percent(share):
    return f"{share:.0%}"


def drawn(*series, title="Plot"):
    """Return the root of a plot of these series of values."""
    named = [Series(f"series {number}", values) for number, values in enumerate(series)]
    return ElementTree.fromstring(over_iterations(title, "words", named, percent))  # noqa: S314 - our own text


def elements(root, class_):
    return [one for one in root.iter() if class_ in one.get("class", "").split()]


def numbers(text):
    return [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?", text)]


def places(root):
    """Return the centre of each mark."""
    found = []
    for one in elements(root, "mark"):
        if one.tag == "circle":
            found.append((float(one.get("cx")), float(one.get("cy"))))
        elif one.tag == "rect":
            half = float(one.get("width")) / 2
            found.append((float(one.get("x")) + half, float(one.get("y")) + half))
        else:
            x, y, half, *_ = numbers(one.get("d"))
            found.append((x, y + half))
    return found


# Values of one series; the marks, and the points of each line.
CASES = {
    "no iteration": ((), 0, []),
    "a single iteration": ((0.5,), 1, []),
    "two": ((0.5, 0.75), 2, [2]),
    "none was measured": ((None, None), 0, []),
    "the first was not measured": ((None, 0.5, 0.5), 2, [2]),
    "one in the middle was not": ((0.1, 0.2, None, 0.4, 0.5), 4, [2, 2]),
    "a single one between gaps": ((None, 0.2, None), 1, []),
    "not a number": ((0.1, NAN, 0.3), 2, []),
    "infinite": ((0.1, float("inf"), float("-inf")), 1, []),
    "64 iterations": ((0.5,) * 64, 64, [64]),
}


@pytest.mark.parametrize("case", CASES)
def test_each_value_has_a_mark_and_gaps_have_none(case):
    values, marks, lines = CASES[case]
    root = drawn(values)
    assert len(places(root)) == marks
    assert [len(one.get("points").split()) for one in elements(root, "line")] == lines


def test_a_value_has_its_place():
    assert places(drawn((0.0, 1.0))) == [(LEFT + 12, HEIGHT - BOTTOM), (WIDTH - RIGHT - 12, TOP)]
    assert places(drawn((0.5,))) == [((LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2)]
    assert places(drawn((-3, 7))) == places(drawn((0, 1)))


@pytest.mark.parametrize(
    ("count", "labels"), [(1, [1]), (3, [1, 2, 3]), (16, [*range(1, 17)]), (17, [*range(1, 18, 2)])]
)
def test_iterations_are_numbered(count, labels):
    assert [int(one.text) for one in elements(drawn((0.5,) * count), "below")] == labels


def test_three_series_differ_without_their_colours():
    root = drawn((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))
    assert [one.tag for one in elements(root, "mark")] == ["circle"] * 2 + ["rect"] * 2 + ["path"] * 2
    assert [one.get("class") for one in elements(root, "line")] == ["line s1", "line s2", "line s3"]


def test_a_plot_has_a_title_and_words():
    root = drawn((0.5,), title="<b> & 'co'")
    assert root.get("role") == "img"
    assert [(one.tag, one.text) for one in root][:2] == [("title", "<b> & 'co'"), ("desc", "words")]


def test_small_ones_have_no_words():
    for one in (strip([0.1, None, NAN]), spark([0.1, None, 0.3], 2), key(1)):
        root = ElementTree.fromstring(one)  # noqa: S314 - our own text
        assert root.get("aria-hidden") == "true"
        assert "".join(root.itertext()) == ""
    assert len(elements(ElementTree.fromstring(strip([0.1, None, NAN])), "mark")) == 1  # noqa: S314 - our own text


measures = st.lists(st.none() | st.floats() | st.floats(0, 1), max_size=70)


@pytest.mark.slow
@given(st.lists(measures, max_size=3))
def test_everything_lies_within_the_frame(series):
    root = drawn(*series)
    for x, y in places(root):
        assert LEFT < x < WIDTH - RIGHT
        assert TOP <= y <= HEIGHT - BOTTOM
    for line in elements(root, "line"):
        assert all(0 <= one <= WIDTH for one in numbers(line.get("points")))
    assert "style" not in ElementTree.tostring(root, "unicode")


@pytest.mark.slow
@given(st.integers(1, 300))
def test_no_text_overlaps_another_or_the_plot(count):
    root = drawn((0.5,) * count)
    widest = 7  # units of a digit, at 12 units a letter
    below = sorted((float(one.get("x")), len(one.text) * widest) for one in elements(root, "below"))
    assert all(x + width / 2 < after - wide / 2 for (x, width), (after, wide) in itertools.pairwise(below))
    assert all(float(one.get("y")) - 12 >= HEIGHT - BOTTOM for one in elements(root, "below"))
    for one in elements(root, "left"):  # their ends are aligned
        assert float(one.get("x")) < LEFT
        assert float(one.get("x")) - len(one.text) * widest > 0
