"""The certificate in each language: what it says, that it belongs to its evidence, and that a forged one is found."""

import json
import re

import pytest
from msgspec import convert
from msgspec.structs import replace

from cv_gdpr.evidence.certificate import certificate, foreign_markup
from cv_gdpr.evidence.checking import check
from cv_gdpr.evidence.records import TOOL, ByHand, DeletedResource, Evidence, HeldProject
from cv_gdpr.languages import LANGUAGES, language
from cv_gdpr.service.signin import KeySignIn
from cv_gdpr.table.categories import ACCOUNT, CATEGORIES
from tests.unit.happening import ONE, PROJECT, ended, ledger_of, left, looked, opened, planned, scope, selector, sent
from tests.unit.test_checking import listed_anew, write

OTHERS = LANGUAGES[1:]
OUTSIDE = [ByHand(row=row.name, words=row.delete_by_hand) for row in CATEGORIES if row.delete_by_hand]
TITLES = {
    "en": "Certificate of erasure",
    "de": "Löschbescheinigung",
    "es": "Certificado de supresión",
    "pt": "Certificado de eliminação",
    "zh": "删除证明",
}
EVERYTHING = {
    "iterations_trained_on_them": [ONE],
    "published_holding": {ONE: "live"},
    "unpublished": [ONE],
    "copies_outside": {"notificationQueueUri": "https://q"},
    "kept": [ONE],
    "kept_published": [ONE],
    "kept_for_images": [ONE],
    "predictions_not_searched": 3,
    "copies_of": {ONE: PROJECT, PROJECT: PROJECT},
    "copies_left": {ONE: PROJECT},
}


def evidence_in(folder, code, *, events=None, **fields):
    """Write the four files of an erasure with a certificate in a language; return the evidence's path."""
    usual = [opened({"images": ["a"]}, language=code, **fields), *sent("images", "a"), looked("images", gone=["a"])]
    return write(folder / "e.json", ledger_of(*ended(*(events or usual), outside=OUTSIDE)))


def page_of(path):
    return path.with_suffix(".html").read_text()


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_certificate_belongs_to_its_evidence(tmp_path, code):
    path = evidence_in(tmp_path, code)
    page = page_of(path)
    assert f'<html lang="{language(code).tag}">' in page
    assert f"<h1>{TITLES[code]}</h1>" in page
    assert foreign_markup(page) == []
    assert [check(path.with_suffix(suffix)) for suffix in (".json", ".jsonl", ".html", ".sha256")] == [[]] * 4


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_evidence_is_in_english(tmp_path, code):
    one, other = (json.loads(evidence_in(tmp_path, each).read_text()) for each in (code, "en"))
    assert (one["language"], one["verdict"]) == (code, other["verdict"])
    assert {name for name in one if one[name] != other[name]} <= {"language", "ledger"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_forged_certificate_is_found(tmp_path, code):
    path = evidence_in(tmp_path, code)
    html = path.with_suffix(".html")
    html.write_text(html.read_text().replace(TITLES[code], f"{TITLES[code]}!"))
    listed_anew(path)
    assert check(path) == ["e.html: differs from the certificate of this evidence"]


@pytest.mark.parametrize("code", OTHERS)
def test_a_certificate_in_another_language_is_found(tmp_path, code):
    path = evidence_in(tmp_path, code)
    body = json.loads(path.read_text()) | {"language": "en"}
    path.with_suffix(".html").write_text(certificate(convert(body, Evidence)))
    listed_anew(path)
    assert check(path) == ["e.html: differs from the certificate of this evidence"]
    path.write_text(json.dumps(body, indent=2) + "\n")
    listed_anew(path)
    assert check(path) == ["language: differs from the ledger"]


@pytest.mark.parametrize("code", OTHERS)
def test_the_english_version_prevails(tmp_path, code):
    (verdict,) = re.findall('<p class="verdict">(.*)</p>', page_of(evidence_in(tmp_path, "en")))
    path = evidence_in(tmp_path, code)
    assert f'<p lang="en">{verdict}</p>' in page_of(path)
    assert page_of(path).count('class="prevails"') == 1


def test_an_english_certificate_is_the_original(tmp_path):
    assert 'class="prevails"' not in page_of(evidence_in(tmp_path, "en"))


def fullest(code):
    """Return events of an erasure whose certificate has every part."""
    asked = scope(
        **{"rows": ["images"], "not_searched": {"tags": "--metadata cannot narrow it"}, "salt": "s"},
        selectors=[selector(matched=True)],
        with_iterations=True,
    )
    first = opened({"images": ["a", "b"]}, language=code, scope=asked, projects=[planned(**EVERYTHING)])
    reason = "something in it was left"
    return [first, *sent("images", "a"), left("images", "b", reason=reason), looked("images", gone=[], there=["a"])]


def of_a_resource(code):
    """Return events of the deletion of an Azure resource."""
    held = HeldProject(id=PROJECT, images=1, iterations=2, exported_models=0, stored_predictions=12345)
    resource = DeletedResource(
        id="/r",
        kind="k",
        location="l",
        siblings=[],
        projects=[held],
        failed=[],
        unread="it is deleted, or being deleted",
    )
    return [opened({ACCOUNT: ["r"]}, language=code, account=resource), *sent(ACCOUNT, "r"), looked(ACCOUNT, gone=["r"])]


WORDS = re.compile(r">([^<]*[a-z]{3}[^<]*)<")  # what a page says between tags, if it has a word


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("events", [fullest, of_a_resource])
def test_nothing_of_a_certificate_stays_in_english(tmp_path, code, events):
    pages = {}
    for each in ("en", code):
        pages[each] = page_of(evidence_in(tmp_path, each, events=events(each))).split("</style>")[1]
    english = set(WORDS.findall(pages["en"]))
    translation = re.sub('<p lang="en">.*</p>', "", pages[code])
    assert {one for one in english & set(WORDS.findall(translation)) if " " in one} <= {
        TOOL,
        "Plan (SHA-256)",
        "1 item",
    }  # Portuguese: item
    assert re.findall(r"\b(the|were|with|its|of)\b", translation) == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_numbers_in_a_certificate(tmp_path, code):
    page = page_of(evidence_in(tmp_path, code, events=of_a_resource(code)))
    assert language(code).number(12345) in page


def test_rows_that_were_not_searched_are_one_list(tmp_path):
    reason = "--image-id cannot narrow it"
    asked = scope(rows=["images"], not_searched=dict.fromkeys(("tags", "iterations", "projects"), reason))
    pages = [page_of(evidence_in(tmp_path, "de", scope=replace(asked, with_iterations=took))) for took in (False, True)]
    assert [page.count("--image-id") for page in pages] == [0, 0]
    lists = [re.search("<tr><th>Nicht durchsucht</th><td>.*?: (.*?)</td>", page)[1].count(";") for page in pages]
    assert lists == [2, 1]  # --with-iterations looked at them


def test_who_signed_in_is_translated(tmp_path):
    who = KeySignIn("0" * 32).who
    assert "Angemeldet als</th><td><bdi>der Inhaber eines" in page_of(evidence_in(tmp_path, "de", signed_in_as=who))


def test_a_project_without_items_is_not_erased_in_part(tmp_path):
    page = page_of(evidence_in(tmp_path, "en", projects=[planned(), planned(ONE)]))
    assert "Deleted (1). 1 further project in scope held nothing of it" in page
    assert f'<th>{PROJECT}</th><td class="number">1</td>' in page
    assert ONE not in page


def test_empty_lines_are_left_out(tmp_path):
    page = page_of(evidence_in(tmp_path, "en"))
    assert "<td>-</td>" not in page
    assert "<th>Reference</th>" not in page
    assert re.findall("<td></td>", page) == []
