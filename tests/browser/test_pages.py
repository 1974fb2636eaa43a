"""Single pages that commands write: the certificate of an erasure, the page on which matches are looked at."""

import pytest

from cv_gdpr.demo import PHOTO, PICTURES
from cv_gdpr.evidence.certificate import certificate
from tests.browser.chromium import PHONE, barriers, needed, printed
from tests.find.bags import make
from tests.unit.test_certificate import evidence

needed()

HOSTILE = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"


@pytest.fixture
def certified(tmp_path):
    """The file of a certificate whose reference is markup."""
    path = tmp_path / "erasure.html"
    path.write_text(certificate(evidence(reference=HOSTILE)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def review(run, tmp_path_factory):
    """The page of a search that found a copy."""
    folder = tmp_path_factory.mktemp("review")
    make(folder / "bag", [(PICTURES / name).read_bytes() for name in ("astronaut-smaller.jpg", "coffee.jpg")])
    assert run("find", folder / "bag", PHOTO, "--out", folder / "found", "-q").code == 0
    return folder / "found" / "review.html"


def test_a_certificate_is_for_everyone(visitor, certified):
    page = visitor.open(certified)
    assert barriers(page) == []
    assert page.title() == "Certificate of erasure"
    assert page.get_by_text(HOSTILE).is_visible()


def test_a_certificate_prints_with_its_signatures(visitor, certified):
    pages = printed(visitor.open(certified))
    assert len(pages) == 1
    assert "Certificate of erasure" in pages[0]
    assert "Erasure verified by\nName" in pages[0]


def test_a_review_shows_both_pictures(visitor, review):
    page = visitor.open(review)
    assert barriers(page) == []
    widths = page.locator("img").evaluate_all("pictures => pictures.map(one => one.naturalWidth)")
    assert len(widths) == 2
    assert all(widths)


def test_a_review_needs_no_script_and_fits_a_phone(visitor, review):
    page = visitor.open(review, size=PHONE, java_script_enabled=False)
    assert page.get_by_role("heading", level=1).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
