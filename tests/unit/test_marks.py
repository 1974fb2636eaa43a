"""Marks: equal for answers of equal content in any spelling and order, different after any change."""

import hashlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.delete.marks import canonical, mark, number_text
from cv_gdpr.verbatim import Record, json_value

SAME = [
    ("1E-05", "1e-5", "0.00001", "1.0E-05", "10E-6", "0.000010"),
    ("8.79471951E-13", "8.79471951e-13", "0.000000000000879471951", "879471951E-21"),
    ("0.10", "0.1", "1E-1", "0.1000"),
    ("1", "1.0", "1E0", "1E+00", "10E-1"),
    ("100", "1E2", "1.0E+02", "100.00"),
    ("0", "-0", "0.0", "-0.0", "0E5"),
    ("-0.5", "-5E-01", "-.5".replace("-.", "-0.")),
    ("12345678901234567890123456789012345678901", "1.2345678901234567890123456789012345678901E40"),
]


def marked(text):
    return mark(json_value(f'{{"id": "x", "predictions": [{{"probability": {text}}}]}}'))


@pytest.mark.parametrize("spellings", SAME, ids=lambda one: one[0])
def test_spellings_of_one_number_have_one_mark(spellings):
    assert len({marked(one) for one in spellings}) == 1


def test_numbers_of_other_values_have_other_marks():
    others = [one[0] for one in SAME]
    others += ["0.30000000000000004", "0.3", "0.1000000000000000055511151231257827", "1E+400", "1E+401", "-1", "1E-400"]
    others += ["1E+999999999999999999999", "2E+999999999999999999999"]
    assert len({marked(one) for one in others}) == len(others)


@pytest.mark.slow
@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(0, 6))
def test_spelling_of_a_number_does_not_change_its_mark(number, zeros):
    sign, digits, exponent = number.as_tuple()
    longer = Decimal((sign, digits + (0,) * zeros, exponent - zeros))
    assert number_text(longer) == number_text(number)
    assert Decimal(number_text(number)) == number


@pytest.mark.slow
@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_share_a_text_only_if_equal(one, other):
    assert (number_text(one) == number_text(other)) is (one == other)


RECORD = {
    "id": "x",
    "tags": [{"tagId": "b", "created": "2020"}, {"tagId": "a", "created": "2021"}],
    "regions": [{"regionId": "2", "tagId": "a", "left": 0.1}, {"regionId": "1", "tagId": "b", "left": 0.2}],
    "metadata": {"subject": "bob", "sourceUri": "one", "tagName": "x"},
    "originalImageUri": "https://h/i?sig=1",
    "resizedImageUri": "https://h/i?sig=2",
    "lastModified": "then",
}


@pytest.mark.slow
@given(st.randoms())
def test_order_of_lists_and_keys_does_not_change_the_mark(chance):
    record = json.loads(json.dumps(RECORD))
    for name in ("tags", "regions"):
        chance.shuffle(record[name])
    shuffled = dict(chance.sample(sorted(record.items(), key=repr), len(record)))
    assert mark(shuffled) == mark(RECORD)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["tags"].pop(),
        lambda record: record["tags"][0].update(tagId="c"),
        lambda record: record["regions"][0].update(left=0.10000001),
        lambda record: record["regions"].append(dict(record["regions"][0])),
        lambda record: record["metadata"].update(subject="eve"),
        lambda record: record["metadata"].update(sourceUri="two"),
        lambda record: record["metadata"].update(tagName="y"),
        lambda record: record.update(tags="0.1"),
        lambda record: record.update(width=None),
    ],
)
def test_a_change_changes_the_mark(change):
    record = json.loads(json.dumps(RECORD))
    change(record)
    assert mark(record) != mark(RECORD)


def test_links_and_volatile_fields_do_not_change_the_mark():
    assert mark(RECORD | {"originalImageUri": "https://other/", "lastModified": "now"}) == mark(RECORD)


@pytest.mark.parametrize(("one", "other"), [("1", '"1"'), ("true", "1"), ("false", "0"), ("null", "0"), ("[1]", "1")])
def test_numbers_texts_and_booleans_have_different_marks(one, other):
    assert marked(one) != marked(other)


def test_tag_names_change_the_mark_if_they_selected():
    renamed = RECORD | {"tags": [{"tagId": "b", "tagName": "bob", "created": "2020"}, RECORD["tags"][1]]}
    assert mark(renamed) == mark(RECORD)
    assert mark(renamed, names=True) != mark(RECORD, names=True)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Decimal("1500"), "15E2"),
        (Decimal("-0.0520"), "-52E-3"),
        (Decimal("0012"), "12E0"),
        (0.25, "25E-2"),
        (1e16, "1E16"),
        (Decimal("-0.00"), "0"),
        (Decimal((0, (0, 0, 1, 0), -1)), "1E0"),
        (Decimal("Infinity"), "F"),
    ],
)
def test_the_text_of_a_number(number, text):
    assert number_text(number) == text


def test_a_mark_does_not_change_between_versions():
    """A plan that an older version wrote holds marks: the same thing must have the same mark ever after."""
    record = {"id": "x", "tags": [{"tagName": "a", "tagId": "2"}, {"tagId": "1"}], "width": 5, "fileUri": "https://h/"}
    text = '{"id":"x","tags":[{"tagId":"1"},{"tagId":"2"}],"width":{"number":"5E0"}}'
    assert canonical({"b": [1, None], "a": "é"}) == b'{"a":"\\u00e9","b":[1,null]}'
    assert mark(record) == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_mark_of_a_listed_record_is_that_of_its_text():
    """A list is read with rounded numbers, so the text counts."""
    text = '{"id":"x","probability":0.1000000000000000055511151231257827}'
    assert mark(Record({"id": "x", "probability": 0.1}, text)) == mark(json_value(text))


@pytest.mark.parametrize("metadata", [["a"], "a", None])
def test_metadata_may_be_anything(metadata):
    assert mark({"metadata": metadata}) != mark({})


def test_metadata_keeps_names_that_look_like_links():
    assert mark({"domain": {"logoUri": "one"}}) == mark({"domain": {"logoUri": "two"}})
    assert mark({"metadata": {"deep": {"tagName": "one", "x": 1}}}) == mark({"metadata": {"deep": {"x": 1}}})
