"""The certificate: what its page shows, and which markup it never has."""

import pytest
from jinja2 import UndefinedError

from cv_gdpr.evidence import certificate as module
from cv_gdpr.evidence.certificate import certificate, foreign_markup
from cv_gdpr.evidence.document import document_of
from tests.unit.happening import chain_of, ended, looked, opened, sent


def evidence(**fields):
    events = [opened({"images": ["image-a"]}, **fields), *sent("images", "image-a"), looked("images", gone=["image-a"])]
    return document_of(chain_of(*ended(*events)), "e.jsonl")


@pytest.fixture(scope="module")
def page():
    """The page of an erasure, of a template that is read for it."""
    module._template.cache_clear()
    return certificate(evidence())


@pytest.fixture
def _template_read_anew():
    module._template.cache_clear()


def test_the_page_shows_the_evidence(page):
    document = evidence()
    for word in (
        document.verdict.split(", ")[0].capitalize(),
        document.plan_hash,
        document.ledger.last,
        document.tool,
    ):
        assert word in page
    assert page.startswith("<!doctype html>\n")
    assert page.endswith("</html>\n")


@pytest.mark.usefixtures("_template_read_anew")
def test_texts_are_escaped():
    page = certificate(evidence(endpoint="https://<b>&"))
    assert "https://&lt;b&gt;&amp;" in page
    assert foreign_markup(page) == []


@pytest.mark.usefixtures("_template_read_anew")
def test_a_field_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError, match="evidence"):
        module._template("en").render()


def test_the_template_is_read_once():
    assert module._template("en") is module._template("en")


def test_a_certificate_has_no_foreign_markup(page):
    assert foreign_markup(page) == []


MARKUP = {
    "an element": ("</body>", "<img></body>", ["img"]),
    "an element that ends": ("</body>", "</a></body>", ["a"]),
    "an element closed at once": ("</body>", "<br/></body>", ["br", "br", "a < outside a tag"]),
    "an attribute": ("<body>", "<body onload='x()'>", ["onload=x()"]),
    "a known attribute with another value": ('lang="en"', 'lang="fr"', ["lang=fr"]),
    "an attribute without a value": ("<body>", "<body hidden>", ["hidden=None"]),
    "a declaration": ("<!doctype html>", "<!doctype svg>", ["doctype svg"]),
    "a comment": ("</body>", "<!-- x --></body>", ["a comment  x ", "a < outside a tag"]),
    "an instruction": ("</body>", "<?x y></body>", ["an instruction x y", "a < outside a tag"]),
    "other markup": ("</body>", "<![if x]></body>", ["if x", "a < outside a tag"]),
    "a style": ("<style>", "<style>td { display: none }", ["a foreign style"]),
    "half a tag": ("</body>", "< script></body>", ["a < outside a tag"]),
    "several": ("</body>", "<img src='x'><b></b></body>", ["img", "src=x", "b", "b"]),
    "a declaration twice": ("<body>", "<!doctype html><body>", []),
    "a known element": ("</body>", "<p></p></body>", []),
    "a word": ("</body>", "x</body>", []),
}


@pytest.mark.parametrize("name", MARKUP)
def test_foreign_markup_is_found(page, name):
    old, new, found = MARKUP[name]
    assert old in page
    assert foreign_markup(page.replace(old, new, 1)) == found


def test_markup_at_the_end_of_a_page_is_found(page):
    assert foreign_markup(page + "<img") == ["a < outside a tag"]
    assert foreign_markup("") == []
