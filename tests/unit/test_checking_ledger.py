"""The check of a ledger by itself: what breaks its chain, and what contradicts the lines before it."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from cv_gdpr import __version__
from cv_gdpr.evidence.checking import check, check_chain, compare, compare_chain
from cv_gdpr.evidence.events import PUBLICATIONS, Resumed
from cv_gdpr.evidence.ledger import chained
from cv_gdpr.evidence.records import FIRST_FORMAT, TOOL, ByHand, Unread
from tests.unit.happening import PROJECT, calling, ended, ledger_of, opened, scope, selector, sent
from tests.unit.test_checking import ENDED, EVENTS, by, edit, listed_anew, path, write

__all__ = ["path"]  # a fixture

FIRST = Path(__file__).parents[1] / "delete" / "ledger-of-the-first-format.jsonl"


CHAINS = {
    "broken": (ledger_of(*ENDED).replace(b'"n":2', b'"n":9'), "line 2 does not follow"),
    "torn": (ledger_of(*ENDED) + b"{", "its last line is incomplete: the run was interrupted"),
    "empty": (b"", "not a ledger of cv-gdpr"),
    "without a beginning": (ledger_of(*EVENTS[1:]), "not a ledger of cv-gdpr"),
    "open": (ledger_of(*EVENTS), "it was never closed: the run was interrupted"),
    "resumed": (
        ledger_of(*ended(*EVENTS, code=5), Resumed(discarded_bytes=0)),
        "it was never closed: the run was interrupted",
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_ledger_that_is_not_whole(path, name):
    content, why = CHAINS[name]
    path.with_suffix(".jsonl").write_bytes(content)
    listed_anew(path)
    (found,) = check_chain(Path("/x/e.jsonl"), chained(content))
    assert found.startswith(f"e.jsonl: {why}")
    assert check(path) == check(path.with_suffix(".jsonl")) == [found]


def contradicting(**fields):
    """Return a ledger whose end states something else."""
    *events, end = ENDED
    return ledger_of(*events, replace(end, document=replace(end.document, **fields)))


SAYS = "e.jsonl: its last event contradicts the events before it: "
STATED = {
    "nothing": ({}, []),
    "nothing left to do": ({"outside_the_api": []}, ["outsideTheApi"]),
    "words of its own": ({"outside_the_api": [ByHand(row="account", words="done")]}, ["outsideTheApi"]),
    "another verdict": ({"verdict": "x"}, ["verdict"]),
    "another start": ({"started": "2026-02-02T00:00:00Z", "exit_code": 3}, ["exitCode", "started"]),
    "another tool": ({"tool": "cv-gdpr 9"}, ["a tool that did not write it"]),
    "no retention": ({"retention": []}, ["retention"]),
    "another method": ({"method": replace(ENDED[-1].document.method, note="x")}, ["method"]),
    "failed": ({"failed": [Unread(project=PROJECT, reason="x", again=False)]}, ["failed"]),
    "the first format": ({"format": FIRST_FORMAT}, []),
}


@pytest.mark.parametrize("name", STATED)
def test_an_end_that_contradicts_its_run(name):
    fields, differing = STATED[name]
    assert check_chain(Path("e.jsonl"), chained(contradicting(**fields))) == [f"{SAYS}{one}" for one in differing]


OTHER_METHOD = replace(ENDED[-1].document.method, note="in other words")


@pytest.mark.parametrize(
    ("fields", "differing"),
    [
        ({"verdict": "x", "method": OTHER_METHOD, "retention": []}, []),
        ({"plan_hash": "0" * 64}, ["planHash"]),
        ({"format": FIRST_FORMAT}, []),
        ({"format": FIRST_FORMAT, "verdict": "x"}, []),
    ],
    ids=["words", "a hash", "the first format", "the first format in other words"],
)
def test_another_version_may_word_it_differently(fields, differing):
    assert check_chain(Path("e.jsonl"), chained(by("cv-gdpr 9", **fields))) == [f"{SAYS}{one}" for one in differing]


WORDED = (
    "verdict in e.jsonl: by cv-gdpr 9, otherwise than cv-gdpr {version} writes it: pip install cv-gdpr==9 compares it"
)


def test_what_another_version_worded_is_named_as_not_compared(tmp_path):
    ledger = write(tmp_path / "e.json", by("cv-gdpr 9", verdict="x")).with_suffix(".jsonl")
    assert compare(ledger) == ([], [WORDED.format(version=__version__)])
    assert compare_chain(ledger, chained(by("cv-gdpr 9"))) == ([], [])


@pytest.mark.parametrize(
    ("tool", "known"),
    [
        (TOOL, True),
        ("cv-gdpr 1.0.0rc1", True),
        ("cv-gdpr 1.2.3.post1.dev4+deb12.1", True),
        ("cv-gdpr", False),
        ("cv-gdpr latest", False),
        ("cv-gdpr 1.0\n", False),
        ("cv-gdpr 1.0; rm x", False),
        ("cv-gdpr  1.0", False),
        ("cv-gdpr \u0661.0", False),
        ("cv-gdpr " + "9" * 10, False),
        ("another 1.0", False),
    ],
)
def test_a_version_that_cv_gdpr_may_have(tool, known):
    found = check_chain(Path("e.jsonl"), chained(by(tool)))
    assert found == ([] if known else [f"e.jsonl: line 1 names a version that cv-gdpr cannot have: {tool}"])


def test_the_last_run_wrote_the_end():
    stopped = ended(replace(EVENTS[0], tool="cv-gdpr 9"), code=5)
    stopped[-1] = replace(stopped[-1], document=replace(stopped[-1].document, tool="cv-gdpr 9"))
    content = ledger_of(*ended(*stopped, Resumed(discarded_bytes=0), *EVENTS))
    assert check_chain(Path("e.jsonl"), chained(content)) == []


def test_runs_with_other_selectors_contradict_each_other():
    first = opened(scope=scope(selectors=[selector(matched=True)], salt="s"))
    second = opened(scope=scope(selectors=[selector(matched=True)] * 2, salt="s"))
    content = ledger_of(first, second, ENDED[-1])
    assert check_chain(Path("e.jsonl"), chained(content)) == [f"{SAYS}a value that cv-gdpr does not write"]


EARLY, LATE = "2026-01-01T23:59:59.999Z", "2026-01-02T00:00:00.001Z"
SEQUENCES = {
    "a line earlier": (
        [EVENTS[0], calling("images", "a", at=EARLY), *EVENTS[2:]],
        f"line 2 is of {EARLY}, earlier than the line before it",
    ),
    "a day of no calendar": (
        [EVENTS[0], calling("images", "a", at="2026-02-30T00:00:00Z"), *EVENTS[2:]],
        "line 2 holds a time of no calendar: 2026-02-30T00:00:00Z",
    ),
    "a listing after its run began": (
        [replace(EVENTS[0], listed_from="2026-01-02T00:00:01Z"), *EVENTS[1:]],
        "line 1: the listing began at 2026-01-02T00:00:01Z, after this line (2026-01-02T00:00:00.000Z)",
    ),
    "a listing of no calendar": ([replace(EVENTS[0], listed_from="2026-02-30T00:00:00Z"), *EVENTS[1:]], "a time of no"),
    "nothing planned": ([opened(), *EVENTS[1:]], "line 2: deletes what no line before it plans"),
    "another row": ([opened({"tags": ["a"]}), *EVENTS[1:]], "line 2: deletes what no line before it plans"),
    "an answer to nothing": ([EVENTS[0], *EVENTS[2:]], "line 2: answers a deletion that no line before it sends"),
    "a recheck that deletes": ([replace(EVENTS[0], recheck_of="c" * 64), *EVENTS[1:]], "line 2: a recheck deletes"),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_lines_that_contradict_those_before_them(name):
    events, why = SEQUENCES[name]
    (found,) = check_chain(Path("e.jsonl"), chained(ledger_of(*ended(*events))))
    assert found.startswith(f"e.jsonl: {why}")


@pytest.mark.parametrize("finished", [EARLY, LATE])
def test_an_end_outside_the_last_two_lines(finished):
    found = check_chain(Path("e.jsonl"), chained(contradicting(finished=finished)))
    assert found == [f"e.jsonl: line 5: the run ended at {finished}, which is not between the last two lines"]


def test_unpublishing_is_not_planned_by_id():
    events = [EVENTS[0], *sent(PUBLICATIONS, "i"), *EVENTS[1:]]
    assert check_chain(Path("e.jsonl"), chained(ledger_of(*ended(*events)))) == []


def test_an_end_with_an_exit_code_of_its_own(tmp_path):
    content = ledger_of(*ended(*EVENTS, code=5))
    assert check_chain(Path("e.jsonl"), chained(content)) == []
    assert check(write(tmp_path / "e.json", content)) == []


def test_a_ledger_of_the_first_format(tmp_path):
    ledger = tmp_path / "e.jsonl"
    shutil.copy(FIRST, ledger)
    assert check(ledger) == []


def test_a_broken_ledger_hides_no_other_difference(path):
    edit(path.with_suffix(".jsonl"), b'"n":2', b'"n":9')
    path.with_suffix(".html").unlink()
    found = check(path)
    assert [one.partition(":")[0] for one in found] == ["e.jsonl", "e.html", "e.jsonl"]
