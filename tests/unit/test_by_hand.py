"""What a person must still delete follows from the scope alone, so that `verify` derives it again."""

import pytest

from cv_gdpr.evidence.by_hand import by_hand_in
from tests.unit.happening import scope, selector

SELECTED = {"selectors": [selector(matched=True)], "salt": "s"}


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        ({"rows": "all that the API deletes"}, ["account", "exports"]),
        ({"rows": ["tags", "images"]}, []),
        ({"rows": ["tags", "exports"]}, ["exports"]),
        ({"rows": ["account"]}, ["account"]),
        ({"rows": ["tags"]} | SELECTED, ["exports"]),
        ({"rows": "all that the API deletes"} | SELECTED, ["exports"]),
    ],
    ids=["all", "rows", "a row outside", "the account", "a person, and rows", "a person"],
)
def test_what_a_person_must_do(fields, rows):
    found = by_hand_in(scope(**fields))
    assert [one.row for one in found] == rows
    assert all(one.words for one in found)
