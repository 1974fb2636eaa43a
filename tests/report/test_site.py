"""The site of a report: what every page promises, whatever the service sent."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from cv_gdpr.archive.bag import Bag
from cv_gdpr.languages import language
from cv_gdpr.report.pages import Pages
from cv_gdpr.report.reading import read_export
from cv_gdpr.report.records import Row
from tests.platforms import is_private
from tests.report.conftest import HOSTILE

ALLOWED = {"href", "src", "class", "id", "lang", "scope", "tabindex", "role", "hidden", "alt", "width", "height"}


class Page(HTMLParser):
    """The elements of a page, its links, its scripts and its styles."""

    def __init__(self, path):
        super().__init__()
        self.path, self.attributes, self.links, self.inside = path, [], [], {"script": [], "style": []}
        self.policy = ""
        self._open = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        self._open = tag if tag in self.inside and ("type", "application/json") not in attrs else ""
        self.attributes += [name for name, _ in attrs]
        self.links += [value for name, value in attrs if name in {"href", "src"} and not value.startswith("#")]
        about = dict(attrs)
        if about.get("http-equiv") == "Content-Security-Policy":
            self.policy = about["content"]

    def handle_endtag(self, _):
        self._open = ""

    def handle_data(self, data):
        if self._open:
            self.inside[self._open].append(data)


@pytest.fixture(scope="module")
def pages(made):
    """All pages of the site."""
    return [Page(path) for path in sorted(made.site.rglob("*.html"))]


@pytest.mark.slow
def test_the_result_names_the_page_to_open(made):
    document = made.ran.json
    assert (made.ran.code, made.ran.err) == (0, "")
    assert document["firstPage"] == str(made.site / "index.html")
    assert document["files"] == {"linked": 4} or document["files"] == {"cloned": 4}
    assert [one["boxes"] for one in document["projects"]] == [1, 0]
    assert [one["iterationsOnly"] for one in document["projects"]] == [1, 0]


@pytest.mark.slow
def test_the_bag_stays_as_it_was(made):
    assert {path: path.read_bytes() for path in made.bag.rglob("*") if path.is_file()} == made.before


def test_only_its_owner_can_read_the_site(made):
    assert all(is_private(path) for path in (made.site, *made.site.rglob("*")) if path.is_dir())
    assert all(is_private(path) for path in made.site.rglob("*.*") if path.parent.name != "files")


def test_each_page_allows_only_its_own_style_and_script(pages):
    assert len(pages) == 1 + 2 * 2 + 1 + 4
    for page in pages:
        parts = dict(part.split(" ", 1) for part in page.policy.split("; "))
        assert parts.pop("default-src") == "'none'"
        allowed = {"style-src": page.inside["style"], "script-src": page.inside["script"]}
        for name, texts in allowed.items():
            hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts]
            assert parts.pop(name, "") == " ".join(hashes), page.path
        assert parts == {"img-src": "'self'", "base-uri": "'none'", "form-action": "'none'"}


def test_only_the_filters_have_a_script(pages):
    assert {page.path.name for page in pages if page.inside["script"]} == {"gallery.html"}


def test_no_page_has_a_handler_or_an_inline_style(pages):
    for page in pages:
        assert not [name for name in page.attributes if name.startswith("on") or name == "style"], page.path


def test_every_link_leads_to_a_file_of_the_site(made, pages):
    for page in pages:
        for link in page.links:
            target = (page.path.parent / unquote(link.partition("#")[0])).resolve()
            assert target.is_file(), (page.path, link)
            assert target.is_relative_to(made.site)


def test_hostile_texts_are_shown_as_text(pages):
    texts = [page.path.read_text("utf-8") for page in pages]
    assert not any(HOSTILE in text or "\u202e" in text or "<img src=x" in text for text in texts)
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in text for text in texts)
    assert any(r"\u202egnp.exe" in text for text in texts)


def test_a_box_lies_where_the_record_says(made):
    (page,) = (page for page in made.site.glob("*/pictures/*.html") if "<rect" in page.read_text("utf-8"))
    text = page.read_text("utf-8")
    assert 'viewBox="0 0 200 100"' in text
    assert '<rect x="50.0" y="50.0" width="100.0" height="25.0"/>' in text


def test_a_picture_without_boxes_shows_its_record(made):
    texts = [page.read_text("utf-8") for page in made.site.glob("*/pictures/*.html")]
    assert sum("only iterations hold it" in text for text in texts) == 1
    assert all(re.search(r"<pre tabindex=.0.>\{\n", text) for text in texts)


@pytest.mark.slow
def test_another_language(made, tmp_path):
    out = tmp_path / "bericht"
    assert made.run("report", made.bag, "--out", out, "--lang", "de").code == 0
    assert '<html lang="de">' in (out / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("changed", "headline"),
    [
        ({}, "The export is complete"),
        ({"redacted": 6}, "The export was complete. 6 items were removed later"),
        ({"rows": (Row("account", "Account", 0, 0, "give --resource-id ID"),)}, "is here, but for:"),
        ({"is_complete": False}, "The export is not complete."),
    ],
)
def test_the_overview_has_one_headline(made, changed, headline):
    whole = read_export(Bag(made.bag))._replace(redacted=0, is_complete=True, unmatched=0, rows=())
    values = {"projects": [], "project_names": {}, "row_words": {}, "most_gaps": 9, "task_words": {}}
    page = Pages(language("en")).render("overview.html.jinja", export=whole._replace(**changed), **values)
    headlines = ("The export is complete", "The export was complete", "here, but for:", "The export is not complete")
    assert headline in page
    assert sum(one in page for one in headlines) == 1
    assert "--resource-id" not in page
