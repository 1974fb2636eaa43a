"""Events as lines: each has one spelling, and whatever else stands in a line is refused."""

import json

import pytest
from msgspec import ValidationError
from msgspec.structs import replace

from cv_gdpr.evidence.events import Recoverable, Resumed, event_of, line_of, line_schema
from cv_gdpr.evidence.records import ByHand, Evidence, Head, as_json, field_names
from tests.unit.happening import (
    PROJECT,
    calling,
    closing,
    failed,
    held,
    left,
    looked,
    numbered,
    opened,
    sent,
    stopped,
    vanished,
)

KINDS = [
    opened({"images": ["a"]}),
    Resumed(discarded_bytes=1),
    held(i=["a"]),
    vanished("images", "a"),
    left("images", "a", again=True),
    *sent("images", "a", reason="x", earlier_try=True),
    failed(),
    stopped(),
    looked("images", gone=["a"], there=["b"]),
    Recoverable(project=PROJECT, until="2026-01-03T00:00:00Z"),
    closing([opened()], code=5, refused=True),
]


def test_a_line_begins_with_its_number_and_ends_with_a_hash():
    event = replace(calling("images", "a", "é"), n=2, at="2026-01-01T00:00:00Z", previous="0" * 64)
    assert line_of(event) == (
        b'{"n":2,"at":"2026-01-01T00:00:00Z","event":"calling","project":"%s","row":"images","ids":["a","\\u00e9"],'
        b'"previous":"%s"}' % (PROJECT.encode(), b"0" * 64)
    )


@pytest.mark.parametrize("event", [failed("x"), left("tags", reason="x")], ids=["failed", "left"])
def test_a_line_without_a_hash_has_an_empty_one(event):
    assert line_of(event).endswith(b'"reason":"x","previous":""}')


@pytest.mark.parametrize("event", numbered(*KINDS), ids=lambda event: type(event).__name__)
def test_a_line_holds_its_event(event):
    whole = replace(event, previous="0" * 64)
    told = json.loads(line_of(whole))
    assert list(told)[:3] == ["n", "at", "event"]
    assert list(told)[-1] == "previous"
    assert told["event"] == type(event).__name__.lower()
    assert event_of(told) == whole


@pytest.mark.parametrize(
    "change", [{"event": "approved"}, {"more": 1}, {"ids": "a"}, {"at": "today"}, {"previous": "0"}, {"n": "1"}]
)
def test_whatever_else_a_line_tells_is_refused(change):
    (event,) = numbered(calling("images", "a"))
    told = json.loads(line_of(replace(event, previous="0" * 64)))
    with pytest.raises(ValidationError):
        event_of(told | change)


def test_the_schema_requires_what_the_ledger_fills_in():
    schema = line_schema()
    events = [record for record in schema["$defs"].values() if "event" in record["properties"]]
    assert len(events) == len({type(event) for event in KINDS})
    for record in events:
        assert record["required"][-3:] == ["n", "at", "previous"]
        assert record["required"][0] == "event"
        assert not [name for name in ("n", "at", "previous") if "default" in record["properties"][name]]
    (looking,) = (one for one in events if one["properties"]["event"]["enum"] == ["looked"])
    assert looking["required"] == ["event", "project", "row", "gone", "there", "n", "at", "previous"]
    assert not {"n", "at", "previous"} & set(schema["$defs"]["Head"]["required"])


def test_a_record_is_an_object_of_camel_case():
    assert as_json(ByHand(row="a", words="b")) == {"row": "a", "words": "b"}
    assert field_names(ByHand) == ("row", "words")
    assert {"exitCode", "outsideTheApi"} <= set(field_names(Head)) < set(field_names(Evidence))
