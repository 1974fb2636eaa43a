"""The certificate as it prints: one page for one person, in each language; few for a hundred thousand things."""

import time
from functools import partial

import pytest
from msgspec.structs import replace

from cv_gdpr.evidence.certificate import certificate
from cv_gdpr.evidence.document import document_of
from cv_gdpr.evidence.events import Looked
from cv_gdpr.evidence.records import ByHand
from cv_gdpr.evidence.shape import Shape
from cv_gdpr.languages import LANGUAGES
from cv_gdpr.table.categories import CATEGORIES
from tests.browser.chromium import PHONE, barriers, needed, printed
from tests.unit.happening import (
    ONE,
    OTHER,
    PROJECT,
    TWO,
    chain_of,
    ended,
    held,
    left,
    looked,
    opened,
    planned,
    scope,
    selector,
    sent,
    uuid,
)

needed()

KEY = "SHA256:uZ3yq5cH0m1xk9f8w7v6u5t4s3r2q1p0onmlkjihgfe"
OUTSIDE = [ByHand(row=row.name, words=row.delete_by_hand) for row in CATEGORIES if row.name == "exports"]
SIGNED = {  # the last of the lines for a person; below stands how to check the files
    "en": "Signature",
    "de": "Unterschrift",
    "es": "Firma",
    "pt": "Assinatura",
    "zh": "签名",
}


LONG = "Reference 2026-017 " * 10 + "1234567890"  # as long as --reference and --operator may be
NAMES = {PROJECT: "Visitors of the museum, with a name that nobody would give to a project by hand"}


def of_one_person(code="en", **fields):
    """Return evidence of the usual erasure: one person's images, with the iteration that was trained on them."""
    reason = "--metadata cannot narrow it"
    asked = scope(
        rows=["images"],
        salt="s",
        selectors=[selector(matched=True, name="--metadata")],
        not_searched=dict.fromkeys(("iterations", "performance", "projects", "tags", "exports"), reason),
        with_iterations=True,
    )
    images = [uuid(number) for number in range(1, 13)]
    begun = opened(
        {"images": images, "iterations": [TWO]},
        language=code,
        scope=asked,
        signed_in_as="the holder of a training key (sha256:1f2e3d4c5b6a7988)",
        projects=[planned(exported_models=2, unpublished=[TWO], predictions_not_searched=2), planned(OTHER)],
        signer=KEY,
        authority="http://timestamp.example.org/tsr",
        **{"reference": "DSAR 2026-017", "operator": "Dr. É. Müller"} | fields,
    )
    calls = [held(**{TWO: images[-2:]}), *sent("images", *images[:-2]), *sent("iterations", TWO)]
    seen = [looked("images", gone=images), looked("iterations", gone=[TWO])]
    return document_of(chain_of(*ended(begun, *calls, *seen, outside=OUTSIDE)), "erasure-DSAR-2026-017.jsonl")


def of_many(projects=100, images=1000):
    """Return evidence of a hundred thousand images in a hundred projects; a few tags are left."""
    ids = [uuid(10**9 + number) for number in range(projects)]
    plan = {one: {"images": [uuid(10_000 * number + each) for each in range(images)]} for number, one in enumerate(ids)}
    gone = [Looked(project=one, row="images", gone=rows["images"], there=[]) for one, rows in plan.items()]
    stay = {"copies_outside": {"notificationQueueUri": "https://example.queue.core.windows.net/q"}}
    more = [planned(one, iterations_trained_on_them=[ONE], published_holding={ONE: "live"}, **stay) for one in ids]
    begun = opened(planned=plan | {PROJECT: {"tags": list("abcdef")}}, projects=more, reference="DSAR 2026-018")
    return document_of(chain_of(*ended(begun, *gone, left("tags", *"abcdef"), outside=OUTSIDE)), "e.jsonl")


def paper(folder, told, shape=None):
    path = folder / "paper.html"
    path.write_text(certificate(told, shape), encoding="utf-8")
    return path


@pytest.mark.parametrize("code", LANGUAGES)
def test_one_person_is_one_page(visitor, tmp_path, code):
    page = visitor.open(paper(tmp_path, of_one_person(code)))
    for size in ("A4", "Letter"):
        (text,) = printed(page, format=size)
        assert "DSAR 2026-017" in text
        assert KEY in text
        assert text.startswith("1 / 1")
        assert text.rindex(KEY) < text.rindex(SIGNED[code]) < text.index("cv-gdpr verify erasure")
    assert code != "en" or barriers(page) == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_names_and_long_references_fit_the_page(visitor, tmp_path, code):
    stamps = {"signer": KEY, "begun": "2026-01-02T00:00:00Z", "existed": "2026-01-02T00:00:01Z"}
    shape = Shape(language=code, names=NAMES, **stamps)
    page = visitor.open(paper(tmp_path, of_one_person(code, reference=LONG, operator=LONG), shape))
    assert [len(printed(page, format=size)) for size in ("A4", "Letter")] == [1, 1]


def test_names_and_the_time_stamps_do_not_break_the_page(visitor, tmp_path):
    stamps = {"signer": KEY, "begun": "2026-01-02T00:00:00Z", "existed": "2026-01-02T00:00:01Z"}
    page = visitor.open(paper(tmp_path, of_one_person(), Shape(names=NAMES, annex=True, **stamps)))
    first, annex = printed(page)
    assert "Visitors of the museum" in first
    assert annex.startswith("2 / 2\nAnnex: every id")
    assert all(uuid(number) in "".join(annex.split()) for number in range(1, 13))


@pytest.mark.slow
def test_a_hundred_thousand_things_are_few_pages(visitor, tmp_path):
    """Within five seconds: of this processor for the page, of the clock for each print."""
    told = of_many()
    assert len(told.items) > 100_000
    began = time.process_time()
    page = visitor.open(paper(tmp_path, told))
    made, began = time.process_time() - began, time.monotonic()
    both = [printed(page, format=size) for size in ("A4", "Letter")]
    assert made + (time.monotonic() - began) / 2 < 5
    assert [len(pages) <= 2 for pages in both] == [True, True]
    assert "94 further projects, together" in " ".join(" ".join(both[0]).split())
    assert all(word in both[0][-1] for word in ("Erasure done by", "Name", "Role", "Date and place", "Signature"))


@pytest.mark.parametrize("told", [of_one_person, partial(of_many, 20, 5)])
def test_nothing_is_cut_on_paper_or_on_a_phone(visitor, tmp_path, told):
    for annex in (False, True):
        path = paper(tmp_path, told(), Shape(names={PROJECT: "x" * 300}, annex=annex))
        for size in ((688, 1000), PHONE):  # CSS pixels of A4 between the margins
            page = visitor.open(path, size=size)
            page.emulate_media(media="print" if size != PHONE else "screen")
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_line_for_the_signature_is_not_split(visitor, tmp_path):
    """However long the page before is: the block moves to the next page as a whole."""
    for number in (0, 5, 10, 15):
        told = of_one_person()
        words = [ByHand(row="account", words="word " * 12)] * number
        content = certificate(replace(told, outside_the_api=[*told.outside_the_api, *words]))
        path = tmp_path / f"{number}.html"
        path.write_text(content, encoding="utf-8")
        pages = printed(visitor.open(path))
        words = ("Who vouches for it", "Erasure done by", "Date and place")
        held = [[word in one for word in words] for one in pages]
        assert held in ([[True] * 3], [[False] * 3, [True] * 3])
        assert "· DSAR 2026-017 · SHA-256 " in pages[-1]
