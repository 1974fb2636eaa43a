"""Which findings a selection takes: never what it says nothing of, and never a word of other people's records."""

import pytest

from cv_gdpr.errors import MalformedAnswer, NotFound, ServiceError, without_text
from cv_gdpr.table.findings import Absence, Detail, Item, Tally, Unread
from cv_gdpr.table.selection import Matches, Selection, selected, selection_of, taken_of

ONE, TWO, THREE = (f"0b8b3e9a-1111-4222-8333-94444444444{one}" for one in "abc")
BEFORE = "2026-01-31T00:00:00Z"
OLD, NEW = "2025-01-01T00:00:00", "2026-11-01T00:00:00"
HERS = selection_of(metadata=[("subject", "collins")])
TAG = selection_of(tags=["collins"])
MODEL = selection_of(iterations=["first"])
A, B = {"id": ONE, "name": "first"}, {"id": TWO, "name": "second"}
FAILED = ServiceError("GetTag: the service answered 500: X no tag for Smith", status=500, code="X")


def picture(identity, person="collins", created=OLD):
    record = {"id": identity, "created": created, "metadata": {"subject": person}}
    return Item("images", identity, record, "images.jsonl")


def entry(identity, person="collins"):
    record = {"id": identity, "tags": [{"tagName": person}], "metadata": {"subject": person}}
    return Detail("performance", record, "image-performances.jsonl", A)


def tag(identity, name):
    return Item("tags", identity, {"id": identity, "name": name}, "tags.jsonl")


def passed(selection, *findings):
    return list(selected(iter(findings), Matches(selection)))


@pytest.mark.parametrize("typed", [ONE.upper(), f" {{{ONE}}}", ONE.replace("-", ""), "first", "f" * 32, "Jose\u0301"])
def test_an_iteration_by_its_id_or_name(typed):
    """A name may look like an id without dashes."""
    named = {"first": "first", "Jose\u0301": "Jos\u00e9"}.get(typed, "f" * 32)
    mine = Item("iterations", ONE, {"id": ONE, "name": named}, "iteration.json")
    other = Item("iterations", TWO, {"id": TWO, "name": "other"}, "iteration.json")
    assert passed(selection_of(iterations=[typed]), mine, other) == [mine]


def test_a_stranger_without_a_date_costs_nobody():
    hers, stranger = picture(ONE), picture(TWO, "smith", None)
    assert passed(HERS._replace(before=BEFORE), stranger, hers, picture(THREE, created=NEW)) == [hers]


def test_hers_without_a_date_costs_itself_alone():
    hers = picture(ONE)
    lacking, taken = passed(HERS._replace(before=BEFORE), picture(TWO, created=None), hers)
    assert taken == hers
    assert isinstance(lacking, Unread)
    assert isinstance(lacking.error, MalformedAnswer)
    assert (lacking.row, lacking.id, lacking.file) == ("images", TWO, "images.jsonl")


def test_age_alone_needs_the_date_of_each():
    assert [one.id for one in passed(Selection(before=BEFORE), picture(ONE), picture(TWO, "smith", None))] == [ONE, TWO]


def test_a_copy_needs_a_date_too():
    chosen = HERS._replace(before=BEFORE, copies={TWO: ONE, THREE: ONE})
    assert passed(chosen, picture(TWO, ""), picture(THREE, "", NEW)) == [picture(TWO, "")]


@pytest.mark.parametrize(
    ("selection", "detail", "taken"),
    [
        (HERS, entry(ONE), True),
        (HERS, entry(ONE, "smith"), True),
        (HERS, entry(TWO), False),
        (HERS, entry(THREE), True),
        (HERS, entry(THREE, "smith"), False),
        (HERS, entry(ONE.upper(), "smith"), True),
        (HERS, entry(TWO.upper()), False),
        (selection_of(image_ids=[ONE]), entry(ONE.upper(), "smith"), True),
        (selection_of(image_ids=[THREE]), entry(THREE.upper(), "smith"), True),
    ],
)
def test_details_go_with_their_item(selection, detail, taken):
    """THREE is in no list of items: only of such a picture its own record decides."""
    matches = Matches(selection)
    list(selected(iter([picture(ONE), picture(TWO, "smith")]), matches))
    assert list(taken_of(detail, matches, "images")) == ([detail] if taken else [])


def test_an_exception_in_any_spelling_is_kept():
    matches = Matches(HERS._replace(except_ids=frozenset({ONE})))
    assert list(selected(iter([picture(ONE.upper()), picture(TWO)]), matches)) == [picture(TWO)]
    assert matches.kept == {ONE}


@pytest.mark.parametrize(
    ("selection", "lacking", "passes"),
    [
        (Selection(), Unread("tags", FAILED, "tag-details.jsonl", None, TWO), True),
        (TAG, Unread("tags", FAILED, "tag-details.jsonl", None, ONE), True),
        (TAG, Unread("tags", FAILED, "tag-details.jsonl", None, TWO), False),
        (TAG, Absence("tags", ONE, "gone"), True),
        (TAG, Absence("tags", TWO, "gone"), False),
        (TAG, Unread("tags", FAILED, "tags.jsonl", B), True),
        (HERS, Unread("images", FAILED, "images.jsonl", B), True),
        (HERS, Unread("images", FAILED, "iterations.jsonl"), True),
        (HERS, Tally("images", "images.jsonl", 1, 1, 1, B), True),
        (MODEL, Unread("iterations", FAILED, "iteration.json", A), True),
        (MODEL, Unread("iterations", FAILED, "iteration.json", B), False),
        (MODEL, Unread("iterations", FAILED, "iterations.jsonl"), True),
        (MODEL, Unread("performance", FAILED, "performance.json", A), True),
        (MODEL, Unread("performance", FAILED, "performance.json", B), False),
        (MODEL, Absence("performance", ONE, "none", A), True),
        (MODEL, Absence("performance", TWO, "none", B), False),
        (MODEL, Tally("performance", "image-performances.jsonl", 1, 1, 1, A), True),
        (MODEL, Tally("performance", "image-performances.jsonl", 1, 1, 1, B), False),
        (MODEL, Absence("exports", f"{ONE}/ONNX", "status Exporting", A), True),
        (MODEL, Absence("exports", f"{TWO}/ONNX", "status Exporting", B), False),
    ],
)
def test_what_is_lacking_of_others_does_not_pass(selection, lacking, passes):
    matches = Matches(selection)
    known = [tag(ONE, "collins"), tag(TWO, "smith")] if lacking.row == "tags" else []
    if lacking.row == "iterations":
        known = [Detail("iterations", one, "iterations.jsonl") for one in (A, B)]
    assert (lacking in list(selected(iter([*known, lacking]), matches))) is passes


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FAILED, "GetTag: the service answered 500: X"),
        (NotFound("the service answered 404: Smith", status=404), "the service answered 404"),
        (ServiceError("the service answered 400: X: Smith", status=400, code="X"), "the service answered 400: X"),
        (MalformedAnswer("GetTag: the service answered 200 with an empty body", status=200), None),
        (ServiceError("GetTag: no answer"), None),
    ],
)
def test_the_text_of_the_service_is_left_out(error, said):
    assert without_text(error) == (said or error.message)


def test_ids_of_no_form_are_compared_as_they_are():
    matches = Matches(selection_of(image_ids=["Picture"]))
    assert not matches.takes(picture("picture"))
    assert matches.takes(picture("Picture"))
