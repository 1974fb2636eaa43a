"""The cover sheet for a data subject: what it shows, what it must not show, how it prints."""

import json
from urllib.parse import quote

import pytest
from markupsafe import escape

from tests.browser.chromium import PHONE, barriers, needed, printed
from tests.browser.sites import HOSTILE

needed()


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


def test_it_is_for_everyone(visitor, cover):
    page = visitor.open(cover / "index.html")
    assert barriers(page) == []
    page.emulate_media(color_scheme="dark")
    assert barriers(page) == []
    phone = visitor.open(cover / "index.html", size=PHONE, java_script_enabled=False)
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_it_says_what_is_kept(visitor, cover):
    text = visitor.open(cover / "index.html").locator("main").inner_text()
    for words in (
        "DSAR 2026-017",
        "privacy@example.com",
        "1 picture, with everything that is kept with it",
        "“Iteration-1” in the project “Visitors-pets”: 1 of these pictures",
        "subject: collins",
        "consent: 2024-03-01",
        "person",
        "were not searched",
        "Article 17",
        "Article 77",
    ):
        assert words in text


def test_it_names_nobody_else(bags, cover):
    words = foreign(bags["one"], bags["all"])
    assert {"Launch site", "Launch-site", HOSTILE} <= words
    everything = [path for path in cover.rglob("*") if path.is_file()]
    assert len(everything) == 4  # the sheet, the picture's page, its file, its thumbnail
    for path in everything:
        content = path.read_bytes()
        assert not [one for one in words if one.encode() in content or one in str(path.relative_to(cover))]


def test_each_page_leads_back_to_it(visitor, cover):
    page = visitor.open(next(cover.glob("*/pictures/*.html")))
    assert barriers(page) == []
    page.get_by_role("link", name="Your data").click()
    assert page.title() == "Your data"


def test_it_prints_on_two_pages(visitor, cover):
    pages = printed(visitor.open(cover / "index.html"))
    assert len(pages) == 2
    assert pages[0].startswith("Your data")
    assert "Article 15" in " ".join(pages[0].split())
    assert "subject: collins" in " ".join(pages[1].split())


def test_the_file_opens_where_it_is_unpacked(visitor, run, bags, tmp_path):
    from zipfile import ZipFile

    ran = run("report", bags["one"], "--zip", tmp_path / "answer.zip")
    assert ran.code == 0
    assert "it may show other people" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["answer.zip"]
    assert (tmp_path / "answer.zip").stat().st_mode & 0o777 == 0o600
    with ZipFile(tmp_path / "answer.zip") as packed:
        ways = {one.filename.rpartition(".")[2]: one.compress_type for one in packed.infolist()}
        packed.extractall(tmp_path)
    assert ways == {"html": 8, "jpg": 0}
    page = visitor.open(tmp_path / "answer" / "index.html")
    page.locator("a.look").first.click()
    assert page.locator(".whole img").evaluate("one => one.naturalWidth") > 0


@pytest.mark.parametrize("words", [("--zip", "taken.zip"), ("--zip", "one/new.zip")])
def test_no_file_is_replaced(run, bags, tmp_path, words, monkeypatch):
    monkeypatch.chdir(bags["one"].parent)
    (bags["one"].parent / "taken.zip").write_bytes(b"mine")
    ran = run("report", bags["one"], *words)
    assert (ran.code, (bags["one"].parent / "taken.zip").read_bytes()) == (2, b"mine")
    assert run("verify", bags["one"]).code in {0, 3}
    assert list(tmp_path.iterdir()) == []
