"""`cv-gdpr report`: what it refuses, its exit codes, and what it leaves on the disk."""

import sys
from types import SimpleNamespace

import pytest

from cv_gdpr.cli.report import _reasons
from cv_gdpr.extras import install
from tests.benchmarks.bags import identity
from tests.convert.bags import MULTI_CLASS, Project, image, make, tag
from tests.find import bags

CAT = tag("cat")


@pytest.fixture
def bag(tmp_path):
    """A bag of two images."""
    return make(tmp_path / "bag", Project(MULTI_CLASS, [CAT], [image(1, CAT), image(2)]))


@pytest.mark.slow
def test_the_words_for_people(run, bag, tmp_path):
    ran = run("report", bag)
    assert (ran.code, ran.err) == (0, "")
    assert f"open {tmp_path / 'bag-report' / 'index.html'} in a browser" in ran.out
    again = run("report", bag)
    assert again.code == 2
    assert "nothing is overwritten" in again.err


def test_a_changed_export_is_refused(run, bag, tmp_path):
    (bag / "data" / "export.json").write_text("{}")
    ran = run("report", bag)
    assert ran.code == 4
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


def test_an_unfinished_export_is_refused(run, bag, tmp_path):
    (bag / "bagit.txt").unlink()
    assert run("report", bag).code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


def test_the_site_may_not_lie_in_the_export(run, bag):
    ran = run("report", bag, "--out", bag / "data" / "site")
    assert ran.code == 2
    assert "lies in the export" in ran.err


def test_without_the_extra_the_line_that_installs_it(run, bag, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    ran = run("report", bag)
    assert ran.code == 2
    assert f"Hint: {install('report')}" in ran.err


@pytest.mark.slow
def test_a_picture_that_cannot_be_shown_is_named(run, tmp_path):
    make(tmp_path / "bag", Project(MULTI_CLASS, [CAT], [image(1, CAT)]), content=b"\xff\xd8\xff\xe0 no picture")
    ran = run("report", tmp_path / "bag", "--json")
    assert ran.code == 3
    assert [one["id"] for one in ran.json["notShown"]] == [identity("image", 1)]
    assert "picture cannot be shown" in next((tmp_path / "bag-report").glob("*/pictures/*.html")).read_text("utf-8")


@pytest.mark.slow
def test_what_is_missing_is_on_the_first_page(run, tmp_path):
    make(tmp_path / "bag", Project(MULTI_CLASS, [CAT], [image(1, CAT), image(2)]), lost=[2])
    ran = run("report", tmp_path / "bag", "--json")
    assert (ran.code, ran.json["incomplete"], ran.json["projects"][0]["withoutFile"]) == (3, True, 1)
    page = (tmp_path / "bag-report" / "index.html").read_text("utf-8")
    assert "What is missing, and why" in page
    assert identity("image", 2) in page


@pytest.mark.parametrize(
    ("is_cover", "said"),
    [
        (False, "the first page says what is missing, and why"),
        (True, "the cover sheet says that something is missing; data/missing.jsonl says what and why"),
    ],
)
def test_where_it_says_what_is_missing(is_cover, said):
    result = SimpleNamespace(not_shown=[], incomplete=True, for_a_person=is_cover)
    assert list(_reasons(result)) == [f"the export is not complete: {said}"]


def test_an_interrupted_run_leaves_nothing(run, bag, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cv_gdpr.report.site.index_of", stop)
    assert run("report", bag).code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


@pytest.mark.slow
def test_stored_predictions_have_pages(run, tmp_path):
    bags.make(tmp_path / "bag", predictions=[b"BM", b""])
    ran = run("report", tmp_path / "bag", "--json")
    assert ran.json["projects"][0]["predictions"] == 2
    assert len(list((tmp_path / "bag-report").glob("*/pictures/prediction-*.html"))) == 2


@pytest.mark.slow
def test_the_result_names_each_project(made, tmp_path):
    ran = made.run("report", made.bag, "--out", tmp_path / "named")
    assert "Visitors" in ran.out
    assert "Pets" in ran.out
