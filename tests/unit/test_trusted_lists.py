"""Lists of an earlier export that are trusted: only complete ones, of iterations that have not changed."""

import json
import threading

import pytest

from cv_gdpr.export.reuse import Reuse
from tests.benchmarks.bags import NAME, PROJECT, identity, make
from tests.unit.test_earlier import ENDPOINT, forge

ITERATION = identity("iteration", 0)
NOW = {"id": ITERATION, "lastModified": "2024-01-01T00:00:00Z", "status": "Completed"}
LIST = f"iterations/Iteration-1-{ITERATION}/images.jsonl"
COUNT = 3


class Service:
    """What `Reuse` needs of a service: its endpoint, and whether the run stops."""

    endpoint = ENDPOINT
    stop = threading.Event()


@pytest.fixture
def trusted(tmp_path):
    """Return a function that says whether the list is trusted, in a bag with one file changed."""
    bag = tmp_path / "bag"
    make(bag, COUNT, 100, 1)
    (bag / "data" / NAME / "iterations.jsonl").write_text("")
    line = f"{'0' * 64}  data/{NAME}/iterations.jsonl\n"
    forge(bag, "manifest-sha256.txt", lambda text: text + line.encode())
    was = json.dumps(NOW, separators=(",", ":")).encode() + b"\n"
    forge(bag, f"data/{NAME}/iterations.jsonl", lambda _: was)

    def ask(file="listings.jsonl", old=b"", new=b"", *, count=COUNT, **now):
        forge(bag, f"data/{NAME}/{file}", lambda text: text.replace(old, new) if old else text + new)
        with Reuse((bag,), Service(), tmp_path / "out", trust=True) as reuse:
            ask.asked = []
            found = reuse.of(PROJECT, lambda: "").trusted(
                NOW | now, "images.jsonl", lambda: ask.asked.append(1) or count
            )
            ask.damaged = reuse.damaged
            return found and len(list(found.records))

    return ask


PROOF = b'"iteration": "' + ITERATION.encode()
CHANGED = {
    "another count": {"count": COUNT - 1},
    "modified": {"lastModified": "2024-01-01T00:00:01Z"},
    "in training": {"status": "Training"},
    "never modified": {"lastModified": None},
    "another iteration": {"id": identity("iteration", 1)},
}


def test_an_unchanged_list_is_trusted(trusted):
    assert trusted() == COUNT
    assert trusted.asked == [1]


@pytest.mark.parametrize("case", CHANGED)
def test_a_changed_iteration_is_not_trusted(trusted, case):
    assert trusted(**CHANGED[case]) is None
    assert len(trusted.asked) == int("count" in CHANGED[case])  # the count is asked for last
    assert trusted.damaged == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("listings.jsonl", b'"countedBefore":3', b'"countedBefore":4'),
        ("listings.jsonl", b'"listed":3', b'"listed":2'),
        ("listings.jsonl", b'"written":3', b'"written":[3]'),
        ("listings.jsonl", b'"written":3}', b'"written":3,"trusted":"yesterday"}'),
        ("listings.jsonl", LIST.encode(), b"../../../outside/images.jsonl"),
        ("listings.jsonl", b'"listed":3', b'"listed":"3"'),
        ("iterations.jsonl", b"lastModified", b"last"),
        ("iterations.jsonl", b"Completed", b"Failed"),
        ("iterations.jsonl", b'"id"', b'"ID"'),
    ],
)
def test_a_list_that_was_not_complete_is_not_trusted(trusted, file, old, new):
    assert trusted(file, old, new) is None
    assert (trusted.asked, trusted.damaged) == ([], [])


@pytest.mark.parametrize("file", ["listings.jsonl", "iterations.jsonl"])
@pytest.mark.parametrize("text", [b"[]\n", b"{\n", b'{"id":1,"id":1}\n', b"\xff\n"])
def test_a_damaged_document_is_named(trusted, file, text):
    assert trusted(file, new=text) is None
    assert [one["reason"] for one in trusted.damaged] == ["a line is not a record"]


def test_a_list_with_fewer_records_is_not_trusted(trusted):
    assert trusted(LIST, b"\n", b"") is None
    assert trusted.damaged[0]["reason"] == "it does not have as many records as its proof says"
