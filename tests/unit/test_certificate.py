"""The certificate: what its page shows, and which markup it never has."""

import re
from html import escape

import pytest
from jinja2 import UndefinedError

from cv_gdpr.evidence import certificate as module
from cv_gdpr.evidence.certificate import certificate, foreign_markup
from cv_gdpr.evidence.document import document_of
from cv_gdpr.evidence.events import Looked
from cv_gdpr.evidence.records import ByHand, DeletedResource, EarlierEvidence, Unread
from cv_gdpr.evidence.sentences import CHANGED, RECOVERABLE_UNTIL
from cv_gdpr.evidence.shape import META, Shape, shape_in
from cv_gdpr.evidence.summary import Cell, not_asked, summary_of
from cv_gdpr.table.categories import CATEGORIES, ROWS, category
from tests.directions import NAME, beside
from tests.unit.happening import (
    LISTED_FROM,
    ONE,
    PROJECT,
    chain_of,
    ended,
    failed,
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


# --- what it says of many things: bounded, and the sums are right -----------------------------------------------------


def several(projects, images=1, **fields):
    """Return evidence of an erasure of images in so many projects."""
    ids = [uuid(1000 + number) for number in range(projects)]
    plan = {one: {"images": [f"{one}/{number}" for number in range(images)]} for one in ids}
    gone = [Looked(project=one, row="images", gone=rows["images"], there=[]) for one, rows in plan.items()]
    begun = opened(planned=plan, projects=[planned(one) for one in ids], **fields)
    return document_of(chain_of(*ended(begun, *gone)), "e.jsonl")


@pytest.mark.parametrize(("projects", "lines", "together"), [(1, 1, 0), (8, 8, 0), (9, 8, 2), (300, 8, 293)])
def test_the_table_of_projects_is_bounded(projects, lines, together):
    told = several(projects, images=2)
    counts = summary_of(told).counts
    assert [len(counts.lines), sum(one.projects for one in counts.lines)] == [lines, projects]
    assert sum(one.cells[0].gone for one in counts.lines) == 2 * projects
    assert (counts.total.cells if counts.total else counts.lines[0].cells) == [Cell(2 * projects, 2 * projects)]
    page = certificate(told)
    assert (f"{together} further projects, together" in page) == bool(together)


@pytest.mark.parametrize("annex", [False, True])
def test_ids_stand_only_in_the_annex(annex):
    told = several(1, images=3, annex=annex)
    page = certificate(told)
    assert all((item.id in page) == annex for item in told.items)
    assert ("Annex: every id" in page) == annex
    assert foreign_markup(page) == []


@pytest.mark.slow
def test_a_page_does_not_grow_with_what_was_erased():
    pages = [certificate(several(number, images=50)) for number in (20, 400)]
    assert abs(len(pages[0]) - len(pages[1])) < 100


REMAINING = {
    "left": (left("images", *"abcdef", reason="something in it was left"), "no deletion was requested: something in"),
    "there": (looked("images", there="abcdef"), "the deletion failed"),
    "not seen": (failed(), "could not be looked for again: why"),
}


@pytest.mark.parametrize("name", REMAINING)
def test_what_remains_is_one_line_for_each_reason(name):
    event, words = REMAINING[name]
    told = document_of(chain_of(*ended(opened({"images": list("abcdef")}), event)), "e.jsonl")
    page = certificate(told)
    assert f"{words}" in page
    assert page.count("<li>Images (6): ") == 1
    assert "a, b, c, d and 2 more" in page


def of_a_person(rows, *events, **fields):
    """Return the page of an erasure of what a selector matched."""
    asked = scope(rows=["images"], salt="s", selectors=[selector(matched=True, name="--metadata")], **fields)
    return certificate(document_of(chain_of(*ended(opened(rows, scope=asked), *events)), "e.jsonl"))


def test_pictures_that_went_along_are_counted():
    events = [*sent("images", "a"), *sent("iterations", ONE), held(**{ONE: ["b", "c"]})]
    seen = [looked("images", gone="abc"), looked("iterations", gone=[ONE])]
    page = of_a_person({"images": list("abc"), "iterations": [ONE]}, *events, *seen, with_iterations=True)
    assert "2 images went with the iterations that alone held them" in page
    assert "pictures of other people" in page
    assert "No iteration that was trained on these images remains" in page


def test_the_person_is_described_and_not_named():
    page = of_a_person({"images": ["a"]}, *sent("images", "a"), looked("images", gone="a"))
    assert "what was written beside a picture (metadata) (1 value)" in page
    assert "--metadata" not in page


def test_models_that_nobody_looked_for_are_said():
    page = certificate(evidence())
    assert "Not looked for: iterations that remain may have been trained on these images" in page


def test_known_models_and_others_are_said_once():
    """Without a selector only the iterations are known that alone held an image."""
    events = [held(**{ONE: ["a"]}), *sent("images", "a", "b"), looked("images", gone="ab")]
    page = certificate(document_of(chain_of(*ended(opened({"images": ["a", "b"]}), *events)), "e.jsonl"))
    known = "1 iteration (a trained version of a model) that remains was trained on these images"
    assert page.count(known) == 1
    assert f"{ONE}. Whether other iterations were trained on them, too, was not looked for</li>" in page
    assert "Not looked for: iterations that remain may" not in page


@pytest.mark.parametrize(
    ("seals", "words"),
    [
        ({}, ("none when this page was made: hashes alone", "none when this page was made: the dates")),
        (
            {"signer": "SHA256:k", "authority": "http://a"},
            ("announced: with the key SHA256:k, in e.sha256.sig", "by http://a, bef"),
        ),
    ],
)
def test_it_says_who_is_to_vouch(seals, words):
    page = certificate(evidence(**seals))
    assert all(one in page for one in words)
    assert page.count("Neither shows that what they say is true.") == 1


def test_each_statement_on_retention_has_its_day():
    page = certificate(evidence())
    assert page.count("(so until 1 February 2026)") == 2
    assert page.count("(page of 7 July 2021)") == 1
    assert "it stays recoverable" not in page


def test_the_page_of_a_recheck_speaks_of_what_was_found():
    events = [opened({"images": list("ab")}, recheck_of="c" * 64), looked("images", gone=["a"], there=["b"])]
    page = certificate(document_of(chain_of(*ended(*events)), "e.jsonl"))
    assert "<h1>Record of a recheck</h1>" in page
    assert "Still gone (1); there again (1)" in page
    assert "so until" not in page  # it would count from the recheck
    assert "Not looked for: iterations" not in page


def test_a_shape_is_kept_in_its_page():
    hostile = '"><script>x()</script>\u202e' + "x" * 500
    shape = Shape(tool="t", names={PROJECT: hostile}, signer="SHA256:k", begun="2026-01-02T00:00:00Z", existed="unread")
    page = certificate(evidence(), shape)
    assert shape_in(page.encode()) == shape
    assert foreign_markup(page) == []
    assert "<script" not in page
    assert "\u202e" not in page
    assert "2 January 2026, 00:00:00 UTC (e.begin.tsr); the evidence: not read when" in page


@pytest.mark.parametrize("content", ["", "{", "[]", '{"language":"fr"}', '{"more":1}', "[" * 100_000])
def test_another_shape_is_not_taken(content):
    assert shape_in(f'<meta name="{META}" content="{escape(content)}">'.encode()) is None
    assert shape_in(b"") is None


def section(page, title):
    """Return what stands under a heading of a page."""
    return page.partition(f"<h2>{title}</h2>")[2].partition("<h2>")[0]


def test_a_row_named_alone_says_what_was_not_asked_for():
    fields = {"projects": [planned(iterations_trained_on_them=[ONE], published_holding={ONE: "live"})]}
    told = evidence(scope=scope(rows=["images"], salt="s", selectors=[selector(matched=True)]), **fields)
    page = certificate(told)
    remains = section(page, "What remains, and why")
    assert "This covers only: " in page
    assert "Not asked for, not searched: " in remains
    assert "Images sent for prediction" in remains.partition("not searched: ")[2]
    assert f"{ONE} (published as live)" in remains
    assert "This covers only: " in certificate(told, Shape(language="de"))  # the English version prevails


@pytest.mark.parametrize(
    ("fields", "left_out"),
    [
        ({}, []),
        ({"rows": ["projects"]}, ["account"]),
        ({"rows": ["images"], "not_searched": dict.fromkeys(ROWS, "why")}, []),
        ({"rows": ["images"], "with_iterations": True}, ["account", "projects", "tags", "exports", "predictions"]),
    ],
)
def test_rows_that_were_not_asked_for(fields, left_out):
    assert not_asked(evidence(scope=scope(**fields))) == left_out


# --- what a person asks of it ---------------------------------------------------------------------------------------


def test_it_says_when_the_data_were_listed():
    assert "<th>Data as of</th><td>1 January 2026, 00:00:00 UTC, when they were listed;" in certificate(evidence())


@pytest.mark.parametrize(
    ("counted", "words"),
    [
        ((2, 3), "5 counted in these projects."),
        ((0, None), "none counted in these projects."),
        ((None,), "not counted."),
    ],
)
def test_exported_models_are_counted(counted, words):
    projects = [planned(uuid(number), exported_models=one) for number, one in enumerate(counted)]
    events = [opened({"images": ["a"]}, projects=projects), *sent("images", "a"), looked("images", gone="a")]
    by_hand = ByHand(row="exports", words=category("exports").delete_by_hand)
    page = certificate(document_of(chain_of(*ended(*events, outside=[by_hand])), "e.jsonl"))
    assert f"Exported iterations (models): {words} No operation deletes an exported model" in page
    of_images = [opened({"images": ["a"]}, projects=projects, scope=scope(rows=["images"])), *events[1:]]
    alone = certificate(document_of(chain_of(*ended(*of_images)), "e.jsonl"))
    words = "Exported models that remain until the Azure resource is deleted: 5"
    assert (words in alone) == (counted == (2, 3))


def test_it_says_which_models_are_gone():
    events = [*sent("iterations", ONE), looked("iterations", gone=[ONE])]
    fields = {"projects": [planned(unpublished=[ONE])], "with_iterations": True}
    page = of_a_person({"iterations": [ONE]}, *events, with_iterations=True)
    assert f"<th>Models</th><td>1 iteration (a trained version of a model) is gone: {ONE}. No iteration that" in page
    events = [opened({"iterations": [ONE]}, projects=fields["projects"]), *events]
    page = certificate(document_of(chain_of(*ended(*events)), "e.jsonl"))
    assert f"is gone: {ONE}; taken out of use before: {ONE}</td>" in page


def test_a_recheck_says_what_it_rechecks():
    earlier = EarlierEvidence(file="a.json", finished="2025-12-01T00:00:00Z", reference="DSAR 7")
    events = [opened({"images": ["a"]}, recheck_of="c" * 64, rechecked=earlier), looked("images", gone=["a"])]
    page = certificate(document_of(chain_of(*ended(*events)), "e.jsonl"))
    words = "a.json, the evidence of 1 December 2025, 00:00:00 UTC; reference DSAR 7; SHA-256 " + "c" * 64
    assert f"<th>Recheck of</th><td>{words}</td>" in page
    assert page.count("(so until 31 December 2025)") == 2  # counted from the erasure


NOTHING = {
    "matched": ({"scope": scope(salt="s", selectors=[selector(matched=False)], missing_ok=True)}, "nothing matched"),
    "held": ({}, "nothing to delete"),
    "kept": ({"projects": [planned(kept_published=[ONE])]}, "nothing was deleted"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_where_nothing_was_deleted_no_erasure_is_certified(name):
    fields, title = NOTHING[name]
    page = certificate(document_of(chain_of(*ended(opened(**fields))), "e.jsonl"))
    assert f"<h1>Record of a search: {title}</h1>" in page
    assert "Search done by" in page
    assert not [one for one in ("Erasure done", "<th>Method", "<th>Verification", "trained on these") if one in page]
    assert page.count("(so until 1 February 2026)") == 1  # of predictions: nothing was deleted
    assert "within 30 days after they were deleted.<" in page


def test_what_was_not_found_is_said_in_words():
    asked = scope(salt="s", selectors=[selector(matched=False), selector(matched=False, name="--metadata")])
    page = certificate(document_of(chain_of(*ended(opened(scope=asked, unmatched=[f"--image-id {ONE}"]))), "e.jsonl"))
    tag, metadata = (f"{word} sha256:{'a' * 16}" for word in ("tag", "metadata"))
    assert f"<th>Requested, but no match</th><td>id {ONE}, {tag}, {metadata}</td>" in page


@pytest.mark.parametrize("code", ["en", "de"])
def test_no_command_stands_in_the_text(code):
    by_hand = [ByHand(row=row.name, words=row.delete_by_hand) for row in CATEGORIES if row.delete_by_hand]
    reasons = [CHANGED, RECOVERABLE_UNTIL % {"time": "2026-01-03T00:00:00Z"}]
    events = [opened({"images": ["a", "b"]}, language=code), *(map(left_for, "ab", reasons))]
    page = certificate(document_of(chain_of(*ended(*events, outside=by_hand)), "e.jsonl"))
    *text, last = re.findall('<p class="small">.*</p>', page.partition("</style>")[2])
    assert "cv-gdpr verify e.json" in last
    before = page.partition("</style>")[2].replace(last, "")
    assert text
    assert [word for word in (" --", "command", "Befehl") if word in before] == []


def left_for(image, reason):
    return left("images", image, reason=reason)


def test_names_from_right_to_left_are_isolated():
    earlier = EarlierEvidence(file=NAME, finished="2025-12-01T00:00:00Z", reference=NAME)
    fields = dict.fromkeys(("endpoint", "reference", "operator", "signed_in_as", "approved_by", "signer"), NAME)
    one = planned(
        iterations_trained_on_them=[ONE],
        published_holding={ONE: NAME},
        copies_outside={NAME: NAME},
        kept=[NAME],
        kept_published=[NAME],
        kept_for_images=[NAME],
        copies_left={NAME: NAME},
        copies_of={NAME: ONE},
        exported_models=1,
    )
    account = DeletedResource(
        **dict.fromkeys(("id", "kind", "location"), NAME), siblings=[NAME], projects=None, failed=[], unread=NAME
    )
    unread = Unread(project=PROJECT, reason=NAME, again=False)
    by_hand = [ByHand(row="account", words=NAME)]
    for more in ({"projects": [one]}, {"account": account}, {"recheck_of": "c" * 64, "rechecked": earlier}):
        begun = opened({"images": [NAME]}, failed=[unread], protected=[NAME], authority=NAME, **fields, **more)
        events = [begun, left("images", NAME, reason=NAME)]
        told = document_of(chain_of(*ended(*events, outside=by_hand)), f"{NAME}.jsonl")
        stamps = dict.fromkeys(("signer", "authority"), NAME) | {"begun": LISTED_FROM, "existed": LISTED_FROM}
        for shape in (None, Shape(annex=True, names={PROJECT: NAME, NAME: NAME}, **stamps)):
            page = certificate(told, shape)
            assert beside(page) == []
            assert foreign_markup(page) == []
