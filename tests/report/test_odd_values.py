"""Values that no sensible service sends: the report shows them as they are, and goes on."""

import json

import pytest

from cv_gdpr.languages import language
from cv_gdpr.report import iterations
from cv_gdpr.report.gallery import Shown, in_pages, index_of
from cv_gdpr.report.reading import number_in
from cv_gdpr.report.records import Iteration, Picture, Region, Said
from cv_gdpr.report.records import Project as ProjectRecord
from cv_gdpr.report.thumbnails import Made
from cv_gdpr.table.labelled import Box
from tests.convert.bags import FINDING, Project, image, make, region, tag

DIGITS = 10**400


def test_a_number_of_many_digits_is_shown_as_sent():
    assert language("de").percent(1e300) == "1e+300"
    assert language("de").number(DIGITS) == str(DIGITS)
    assert language("de").number(1234.5) == "1.234,5"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-05:00"])
def test_a_date_outside_of_the_calendar_is_shown_as_sent(text):
    assert language("en").date(text) == text


def test_a_measure_of_many_digits_is_left_out():
    assert number_in({"precision": DIGITS}, "precision") is None


def picture(*boxes, **fields):
    """Return a picture with these boxes, as pages show it."""
    regions = tuple(Region("t", "cat", Box(*box)) for box in boxes)
    empty = dict.fromkeys(("metadata", "iterations", "opinions", "sources"), ())
    about = {"created": "", "file": "", "small": "", "width": 0, "height": 0, "tags": ("t",)} | fields
    made = Picture("1", False, True, regions=regions, **empty, **about)
    return Shown(made, Made(320, 240), ("cat",), "", False)


@pytest.mark.parametrize(("box", "width"), [((1e300, 0, 1, 1), 200), ((1e308,) * 4, 200), ((0.5,) * 4, DIGITS)])
def test_a_box_far_outside_is_not_drawn(box, width):
    found = picture(box, (0.1, 0.1, 0.2, 0.2)).boxes(width, 100, {})
    assert [one.x for one in found] == ([20.0] if width == 200 else [])


def test_a_tag_that_was_renamed_is_still_right():
    of = picture().picture
    assert iterations.Tested(of, ("new name",), Said("t", "old name", 0.9)).is_right
    assert not iterations.Tested(of, ("new name",), Said("u", "new name", 0.9)).is_right


def test_iterations_of_one_name_have_their_ids():
    fields = dict.fromkeys(Iteration._fields, "")
    of_one_name = tuple(Iteration(**fields | {"id": id_, "name": name}) for id_, name in zip("abc", "112", strict=True))
    project = ProjectRecord("p", "p", "", "", "", "", "", None, of_one_name, "")
    one = picture()
    found = index_of(project, [one._replace(picture=one.picture._replace(iterations=tuple("abc")))], {}, language("en"))
    tables = json.loads(found.text)
    assert tables["iterations"] == ["1 (a)", "1 (b)", "2"]
    assert tables["iterationIds"] == ["a", "b", "c"]


def test_pages_are_cut_by_bytes_and_by_number():
    assert in_pages([5, 5, 5, 20, 1, 1, 1], int, 3, 10) == [[5, 5], [5], [20], [1, 1, 1]]
    assert in_pages([1] * 7, int, 3, 10) == [[1] * 3, [1] * 3, [1]]
    assert in_pages([], int, 3, 10) == [[]]


@pytest.mark.slow
def test_no_page_is_large_whatever_is_on_it(run, tmp_path):
    names, cat = [tag(f"{number}" + "x" * 10_000) for number in range(20)], tag("cat")
    few, many = (
        [region(of[number % len(of)], 0.1, 0.1, 0.2, 0.2, number=number) for number in range(count)]
        for of, count in ((names, 100), ([cat], 6_000))
    )
    held = [image(1, regions=few, metadata={"k": "v" * 90_000}), image(2, regions=many), image(3, names[0])]
    ran = run("report", make(tmp_path / "bag", Project(FINDING, [*names, cat], held)), "--json")
    assert (ran.code, ran.err) == (0, "")
    assert 100_000 < ran.json["largestPage"] < 2_000_000
    pages = [path.read_text("utf-8") for path in (tmp_path / "bag-report").glob("*/pictures/*.html")]
    assert any(names[0]["name"] in text for text in pages)
    galleries = [path.read_text("utf-8") for path in (tmp_path / "bag-report").glob("*/gallery*.html")]
    assert not any(names[0]["name"][:100] in text for text in galleries)
