"""The site for a data subject, and the file to send: what they must not hold, and what they replace."""

import json
import os
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from markupsafe import escape

from cv_gdpr.report.cover import gaps_of, holds_tests
from cv_gdpr.report.records import Gap
from tests.browser.sites import HOSTILE, export, filled, report


@pytest.fixture(scope="module")
def bags(tmp_path_factory):
    """Exports of a service with three projects: of everything, and of one person's pictures, found by metadata."""
    folder = tmp_path_factory.mktemp("bags")
    with filled() as cli:
        yield SimpleNamespace(
            whole=export(cli, folder / "all"),
            one=export(cli, folder / "one", "--metadata", "subject=collins"),
            none=export(cli, folder / "none", "--metadata", "subject=nobody", "--missing-ok"),
        )


def foreign(bag, whole):
    """Return the names, folders and ids of all other projects, images and predictions, in each way to write them."""
    own = {path.stem for path in bag.glob("data/*/images/*")}
    mine = {path.parent.parent.name[-36:] for path in bag.glob("data/*/images/*")}
    others = [path for path in whole.glob("data/*/project.json") if path.parent.name[-36:] not in mine]
    words = {path.parent.name.rpartition("-")[0][:-23].rstrip("-") for path in others}
    for path in others:
        words |= {json.loads(path.read_bytes())["name"], path.parent.name[-36:]}
    words |= {path.stem for kind in ("images", "predictions") for path in whole.glob(f"data/*/{kind}/*")} - own
    return {spelt for one in words for spelt in (one, str(escape(one)), json.dumps(one)[1:-1], quote(one))}


@pytest.mark.slow
def test_the_site_names_nobody_else(run, bags):
    cover = report(run, bags.one)
    words = foreign(bags.one, bags.whole)
    assert {"Launch site", "Launch-site", HOSTILE} <= words
    everything = [path for path in cover.rglob("*") if path.is_file()]
    assert len(everything) == 4  # the sheet, the picture's page, its file, its thumbnail
    for path in everything:
        content = path.read_bytes()
        assert not [one for one in words if one.encode() in content or one in str(path.relative_to(cover))]


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--zip", "taken.zip"), ("--zip", "one/new.zip")])
def test_no_file_is_replaced(run, bags, words, monkeypatch):
    monkeypatch.chdir(bags.one.parent)
    (bags.one.parent / "taken.zip").write_bytes(b"mine")
    ran = run("report", bags.one, *words)
    assert (ran.code, (bags.one.parent / "taken.zip").read_bytes()) == (2, b"mine")
    assert run("verify", bags.one).code in {0, 3}


@pytest.mark.slow
def test_a_contact_is_for_a_cover_sheet(run, bags):
    ran = run("report", bags.whole, "--contact", "me")
    assert ran.code == 2
    assert "--contact is for a cover sheet" in ran.err
    assert not bags.whole.with_name("all-report").exists()


@pytest.mark.slow
def test_the_operator_is_asked_to_look_first(run, bags, tmp_path):
    ran = run("report", bags.one, "--zip", tmp_path / "answer.zip", "--json")
    assert (ran.code, ran.json["out"], ran.json["coverSheet"]) == (0, None, True)
    assert ran.json["zip"] == str(tmp_path / "answer.zip")
    assert ran.json["firstPage"].endswith(os.path.join("answer", "index.html"))  # noqa: PTH118
    assert "it may show other people" in ran.err
    whole = run("report", bags.whole, "--zip", tmp_path / "all.zip")
    assert "other people" not in whole.out + whole.err
    assert {one.name for one in tmp_path.iterdir()} == {"answer.zip", "all.zip"}


@pytest.mark.slow
def test_a_search_without_a_match_has_a_sheet(bags, run):
    ran = run("report", bags.none, "--out", bags.none.parent / "nothing")
    page = (bags.none.parent / "nothing" / "index.html").read_text("utf-8")
    assert page.index("No picture of you was found") < page.index("Searched by")
    assert "Models that were trained" not in page
    assert "the pictures that were found" not in page
    assert "look at each picture" not in ran.out + ran.err
    assert [one.name for one in (bags.none.parent / "nothing").iterdir()] == ["index.html"]


@pytest.mark.slow
def test_a_translated_sheet_has_the_english_one_beside(run, bags):
    site = report(run, bags.one, "--lang", "de", to="antwort")
    german, english = ((site / name).read_text("utf-8") for name in ("index.html", "index.en.html"))
    assert 'href="index.en.html"' in german
    assert '<html lang="en">' in english
    assert "An answer to your request" in english
    assert "prevails" not in english


def test_reasons_are_those_of_the_persons_pictures_only():
    mine = Gap("p", "images", "", "", "mine", "404")
    others = (
        Gap("p", "images", "", "", "other", "404 other"),
        Gap("p", "images", "", "images.jsonl", "", "counted 120"),
    )
    assert gaps_of(SimpleNamespace(gaps=(mine, mine)), {"mine"}) == (["404"], False)
    assert gaps_of(SimpleNamespace(gaps=(mine, *others)), {"mine"}) == (["404"], True)
    assert gaps_of(SimpleNamespace(gaps=()), {"mine"}) == ([], False)


@pytest.mark.slow
def test_the_sheet_claims_no_more_than_it_holds(run, bags):
    page = (report(run, bags.one, to="claims") / "index.html").read_text("utf-8")
    assert "everything that" not in page
    assert "Keep them like the export" not in page
    assert "What models said of each picture in the tests" not in page
    assert "Pictures that show you without carrying what was searched by" in page
    by_nobody = page.partition("Data that are not kept by person")[2].partition("</li>")[0]
    assert "Exported iterations" in by_nobody
    assert "Iteration performance details" in by_nobody
    assert "sent for prediction" not in by_nobody


@pytest.mark.parametrize(
    ("rows", "of_selected", "failed", "held"),
    [
        (["images"], ["performance"], "images", True),
        (["images"], ["performance"], "performance", False),
        (["images"], [], "images", False),
        (["performance"], [], "images", True),
        (["performance"], [], "performance", False),
    ],
)
def test_only_what_was_read_is_enclosed(rows, of_selected, failed, held):
    """An export of before has no list of the rows that were read for what they say of selected pictures."""
    summary = {"ofSelected": of_selected} if of_selected else {}
    gaps = (Gap("p", failed, "i", "image-performances.jsonl", "", "400"),)
    assert holds_tests(SimpleNamespace(rows=rows, summary=summary), SimpleNamespace(gaps=gaps)) is held


@pytest.mark.slow
def test_each_picture_has_a_link_in_words(run, bags):
    page = (report(run, bags.one, to="linked") / "index.html").read_text("utf-8")
    assert "all enclosed data of this picture</a>" in page
