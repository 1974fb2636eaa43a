"""The cover sheet for a data subject: what it shows, what it must not show, how it prints."""

from zipfile import ZipFile

import pytest

from cv_gdpr.languages import LANGUAGES
from tests.browser.chromium import PHONE, barriers, needed, printed
from tests.browser.sites import report

needed()


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
        "1 picture",
        "“Iteration 1” in the project “Visitors & pets”: 1 of these pictures",
        "subject: collins",
        "consent: 2024-03-01",
        "person",
        "were not searched",
        "Article 17",
        "Article 77",
    ):
        assert words in text


def test_each_page_leads_back_to_it(visitor, cover):
    page = visitor.open(next(cover.glob("*/pictures/*.html")))
    assert barriers(page) == []
    page.get_by_role("link", name="Your data").click()
    assert page.title() == "Your data"


def test_it_prints_on_three_pages(visitor, cover):
    pages = printed(visitor.open(cover / "index.html"))
    assert len(pages) == 3, pages
    assert pages[0].startswith("Your data")
    assert "Article 15" in " ".join(pages[1].split())
    assert "subject: collins" in " ".join(pages[2].split())
    assert all(len(page) > 200 for page in pages)  # none for the footer alone


def test_the_file_opens_where_it_is_unpacked(visitor, run, bags, tmp_path):
    ran = run("report", bags["one"], "--zip", tmp_path / "answer.zip")
    assert ran.code == 0
    assert "it may show other people" in ran.out
    assert [path.name for path in tmp_path.iterdir()] == ["answer.zip"]
    assert (tmp_path / "answer.zip").stat().st_mode & 0o777 == 0o600
    with ZipFile(tmp_path / "answer.zip") as packed:
        ways = {one.filename.rpartition(".")[2]: one.compress_type for one in packed.infolist()}
        packed.extractall(tmp_path)
    assert ways == {"html": 8, "jpg": 0}
    page = visitor.open(tmp_path / "answer" / "index.html")
    page.locator("a.look").first.click()
    assert page.locator(".whole img").evaluate("one => one.naturalWidth") > 0


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_language_is_for_everyone_and_prints(visitor, run, bags, lang):
    site = report(run, bags["one"], "--lang", lang, to=f"one-{lang}")
    page = visitor.open(site / "index.html")
    assert barriers(page) == []
    assert page.locator("html").get_attribute("lang").startswith(lang)
    pages = printed(page)
    assert len(pages) in {2, 3}
    assert "DSAR 2026-017" in pages[0]
    assert "collins" in "".join(pages[1:])
