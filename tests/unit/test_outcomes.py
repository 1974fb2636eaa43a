"""The outcome of each planned item, from the events of a ledger alone."""

import pytest

from cv_gdpr.evidence.events import Resumed
from cv_gdpr.evidence.outcomes import Outcome, counted, items_of, outcomes_of
from cv_gdpr.evidence.records import Item
from tests.unit.happening import (
    LATER,
    OTHER,
    PROJECT,
    answered,
    calling,
    failed,
    held,
    left,
    looked,
    opened,
    sent,
    stopped,
    vanished,
)

IMAGE, ITERATION = "image", "iteration"
ALL = {"images": ["a"], "iterations": ["i"], "projects": [PROJECT]}
LOST = {"status": 0, "reason": "no connection"}


def of(*events, rows=None, row="images", identity="a"):
    """Return the outcome of one item after these events of a run that planned it."""
    flat = [one for event in events for one in (event if isinstance(event, list) else [event])]
    outcomes = outcomes_of([opened(rows or {"images": ["a"]}), *flat])
    (found,) = (one for one in outcomes if (one.project, one.row, one.id) == (PROJECT, row, identity))
    return found


def told(outcome):
    return outcome.state, outcome.reason


gone, there = looked("images", gone=["a"]), looked("images", there=["a"])
ONE_ITEM = {
    "nothing happened": ([], "not verified", ""),
    "sent": ([calling("images", "a")], "not verified", "no answer came"),
    "accepted": ([sent("images", "a")], "not verified", ""),
    "refused": ([sent("images", "a", status=409, reason="busy")], "not verified", "busy"),
    "left": ([left("images", "a")], "left", "why"),
    "left and there": ([left("images", "a"), there], "left", "why"),
    "left and gone": ([left("images", "a"), gone], "gone already", ""),
    "left after a refusal and gone": ([sent("images", "a", status=409), left("images", "a"), gone], "deleted", ""),
    "vanished": ([vanished("images", "a")], "gone already", ""),
    "vanished and gone": ([vanished("images", "a"), gone], "gone already", ""),
    "vanished, sent, gone": ([vanished("images", "a"), sent("images", "a"), gone], "deleted", ""),
    "gone, sent by nobody": ([gone], "gone already", ""),
    "there, sent by nobody": ([there], "failed", ""),
    "there, with a reason": ([failed(), there], "failed", "why"),
    "accepted and gone": ([sent("images", "a"), gone], "deleted", ""),
    "accepted and there": ([sent("images", "a"), there], "residue", ""),
    "accepted and there, 202": ([sent("images", "a", status=202), there], "residue", ""),
    "accepted and there, 200": ([sent("images", "a", status=200), there], "residue", ""),
    "accepted and there, 299": ([sent("images", "a", status=299), there], "residue", ""),
    "199 and there": ([sent("images", "a", status=199, reason="odd"), there], "failed", "odd"),
    "300 and there": ([sent("images", "a", status=300, reason="odd"), there], "failed", "odd"),
    "refused and there": ([sent("images", "a", status=409, reason="busy"), there], "failed", "busy"),
    "refused and gone": ([sent("images", "a", status=409, reason="busy"), gone], "deleted", ""),
    "not found and gone": ([sent("images", "a", status=404), gone], "gone already", ""),
    "not found after a lost try": ([sent("images", "a", status=404, earlier_try=True), gone], "deleted", ""),
    "no answer and gone": ([calling("images", "a"), gone], "deleted", ""),
    "no answer and there": ([calling("images", "a"), there], "failed", "no answer came"),
    "lost and gone": ([sent("images", "a", **LOST), gone], "deleted", ""),
    "lost and there": ([sent("images", "a", **LOST), there], "failed", "no connection"),
    "accepted, then failed, and there": ([sent("images", "a"), failed(), there], "residue", ""),
    "gone and found again": ([sent("images", "a"), gone, there], "residue", ""),
    "sent twice, refused last": (
        [sent("images", "a"), sent("images", "a", status=409, reason="busy"), there],
        "failed",
        "busy",
    ),
    "sent twice, not found last": (
        [sent("images", "a", status=500, earlier_try=True), sent("images", "a", status=404), gone],
        "deleted",
        "",
    ),
    "not asked for": ([failed()], "not verified", "why"),
    "the run ended": ([stopped()], "not verified", "why"),
    "the first reason counts": ([failed("first"), stopped("second")], "not verified", "first"),
    "another project failed": ([failed(project=OTHER)], "not verified", ""),
    "left, then failed": ([left("images", "a", reason=""), failed()], "left", ""),
    "gone, then failed": ([sent("images", "a"), gone, failed()], "deleted", ""),
    "another item": ([sent("images", "b"), looked("images", gone=["b"])], "not verified", ""),
    "another row": ([sent("tags", "a"), looked("tags", gone=["a"])], "not verified", ""),
    "an unknown item first": ([looked("images", gone=["x", "a"])], "gone already", ""),
    "another project": ([calling("images", "a", project=OTHER)], "not verified", ""),
}


@pytest.mark.parametrize("name", ONE_ITEM)
def test_the_outcome_of_one_item(name):
    events, state, reason = ONE_ITEM[name]
    assert told(of(*events)) == (state, reason)


def test_one_that_was_left_hides_no_other():
    both = {"images": ["b", "a"]}
    assert of(left("images", "b"), looked("images", there=["b", "a"]), rows=both).state == "failed"


def test_an_outcome_repeats_the_last_answer():
    first = answered("images", "a", status=409, at="first", request_id="q", reason="busy")
    found = of(calling("images", "a", at="before"))
    assert (found.at, found.status, found.request_id, found.lost) == ("before", 0, "", False)
    found = of(calling("images", "a", at="before"), first)
    assert found == Outcome(PROJECT, "images", "a", "not verified", 409, "q", "first", "busy")
    assert of(first, answered("images", "a", at="last")) == Outcome(
        PROJECT, "images", "a", "not verified", 204, "r", "last", ""
    )
    assert of(answered("images", "a", status=0, earlier_try=True), answered("images", "a")).lost is True


def test_items_keep_the_order_of_the_plan():
    events = [opened({"images": ["b", "a"], "tags": ["c"]}), *sent("tags", "c"), *sent("images", "a")]
    assert [(one.row, one.id) for one in outcomes_of(events)] == [("images", "b"), ("images", "a"), ("tags", "c")]
    two = opened(planned={OTHER: {"tags": ["t"]}, PROJECT: {"tags": ["t"]}})
    assert [one.project for one in outcomes_of([two, opened({"tags": ["t"]})])] == [OTHER, PROJECT]


# --- resumed ----------------------------------------------------------------------------------------------------

again = opened({"images": ["a"]})
RESUMED = {
    "accepted before": ([sent("images", "a"), again, gone], "deleted", ""),
    "accepted before, vanished": ([sent("images", "a"), again, vanished("images", "a")], "not verified", ""),
    "sent before, then not found": (
        [calling("images", "a"), again, sent("images", "a", status=404), gone],
        "deleted",
        "",
    ),
    "accepted before, then not found": (
        [sent("images", "a"), again, sent("images", "a", status=404), gone],
        "deleted",
        "",
    ),
    "500 before, then not found": (
        [sent("images", "a", status=500), again, sent("images", "a", status=404), gone],
        "deleted",
        "",
    ),
    "499 before, then not found": (
        [sent("images", "a", status=499), again, sent("images", "a", status=404), gone],
        "gone already",
        "",
    ),
    "300 before, then not found": (
        [sent("images", "a", status=300), again, sent("images", "a", status=404), gone],
        "gone already",
        "",
    ),
    "refused before, vanished": (
        [sent("images", "a", status=409), again, vanished("images", "a")],
        "gone already",
        "",
    ),
    "lost before the last run": (
        [sent("images", "a", **LOST), again, again, sent("images", "a", status=404), gone],
        "deleted",
        "",
    ),
    "left before": ([left("images", "a", again=True), again], "not verified", ""),
    "not planned again": ([sent("images", "a"), opened({"tags": ["t"]}), gone], "deleted", ""),
    "a line of its own": ([Resumed(discarded_bytes=1), gone], "gone already", ""),
}


@pytest.mark.parametrize("name", RESUMED)
def test_earlier_answers_decide_who_deleted(name):
    events, state, reason = RESUMED[name]
    assert told(of(*events)) == (state, reason)


def test_a_resumed_run_forgets_what_no_longer_holds():
    rows = {"images": ["a"], "iterations": ["i"]}
    before = [held(i=["a"]), *sent("images", "a", status=500, at="then"), left("images", "a", again=True)]
    found = of(*before, rows=rows)
    assert (found.goes_with, found.again, found.lost) == ([(PROJECT, "iterations", "i")], True, False)
    found = of(*before, opened(rows), rows=rows)
    assert found == Outcome(PROJECT, "images", "a", "not verified", 500, "r", "then", "", [], True, False)


# --- images that go with their iterations --------------------------------------------------------------------------

WITH = {"images": ["a"], "iterations": ["i", "j"]}
i_gone, i_there = looked("iterations", gone=["i"]), looked("iterations", there=["i"])
ALONG = {
    "iteration deleted": ([held(i=["a"]), sent("iterations", "i"), gone], "deleted", "", False),
    "iteration deleted, still there": ([held(i=["a"]), sent("iterations", "i"), there], "residue", "", False),
    "iteration refused": (
        [held(i=["a"]), sent("iterations", "i", status=409), there],
        "failed",
        "its iteration is still there",
        False,
    ),
    "iteration refused, gone": ([held(i=["a"]), sent("iterations", "i", status=409), gone], "gone already", "", False),
    "iteration not found": ([held(i=["a"]), sent("iterations", "i", status=404), gone], "gone already", "", False),
    "iteration lost": (
        [held(i=["a"]), sent("iterations", "i", status=404, earlier_try=True), gone],
        "deleted",
        "",
        False,
    ),
    "iteration left": (
        [held(i=["a"]), left("iterations", "i"), there],
        "left",
        "its iteration is still there",
        False,
    ),
    "iteration left for now": (
        [held(i=["a"]), left("iterations", "i", again=True), there],
        "left",
        "its iteration is still there",
        True,
    ),
    "one of two left": (
        [held(i=["a"], j=["a"]), left("iterations", "i", again=True), sent("iterations", "j"), there],
        "left",
        "its iteration is still there",
        True,
    ),
    "one left, one refused": (
        [held(i=["a"], j=["a"]), left("iterations", "i", again=True), sent("iterations", "j", status=409), there],
        "failed",
        "its iteration is still there",
        False,
    ),
    "one of two deleted": ([held(i=["a"], j=["a"]), sent("iterations", "i"), gone], "gone already", "", False),
    "both deleted": ([held(i=["a"], j=["a"]), sent("iterations", "i", "j"), gone], "deleted", "", False),
    "both deleted, still there": ([held(i=["a"], j=["a"]), sent("iterations", "i", "j"), there], "residue", "", False),
    "its own reason counts": (
        [held(i=["a"]), failed("first"), left("iterations", "i"), there],
        "left",
        "first",
        False,
    ),
    "its own refusal counts": (
        [held(i=["a"]), sent("images", "a", status=409, reason="busy"), sent("iterations", "i"), there],
        "failed",
        "busy",
        False,
    ),
    "left itself": ([held(i=["a"]), left("images", "a"), sent("iterations", "i"), there], "left", "why", False),
    "an iteration that is not planned": ([held(k=["a"]), sent("iterations", "k"), gone], "gone already", "", False),
    "one planned, one not": ([held(k=["a"], i=["a"]), sent("iterations", "i"), gone], "deleted", "", False),
    "an image that is not planned": ([held(i=["x", "a"]), sent("iterations", "i"), gone], "deleted", "", False),
    "of another project": ([held(OTHER, i=["a"]), sent("iterations", "i"), gone], "gone already", "", False),
    "vanished with it": ([held(i=["a"]), sent("iterations", "i"), vanished("images", "a")], "not verified", "", False),
    "vanished without it": ([held(i=["a"]), vanished("images", "a")], "gone already", "", False),
}


@pytest.mark.parametrize("name", ALONG)
def test_the_outcome_of_an_image_that_goes_along(name):
    events, state, reason, may_pass = ALONG[name]
    found = of(*events, rows=WITH)
    assert (*told(found), found.again) == (state, reason, may_pass)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"status": 204}, "deleted"),
        ({"status": 404}, "gone already"),
        ({"status": 404, "earlier_try": True}, "deleted"),
        ({"status": 500, "earlier_try": True}, "gone already"),
        ({"status": 300}, "gone already"),
    ],
)
def test_all_of_a_project_goes_with_it(answer, state):
    events = sent("projects", PROJECT, **answer)
    assert of(*events, gone, rows=ALL).state == state
    assert of(*events, looked("iterations", gone=["i"]), rows=ALL, row="iterations", identity="i").state == state


@pytest.mark.parametrize(
    ("outcome", "may_change"),
    [
        ({"state": "residue"}, True),
        ({"state": "failed"}, True),
        ({"state": "not verified"}, True),
        ({"state": "left", "again": True}, True),
        ({"state": "left"}, False),
        ({"state": "deleted", "again": True}, False),
        ({"state": "gone already", "again": True}, False),
    ],
)
def test_which_outcomes_the_same_command_may_change(outcome, may_change):
    assert Outcome(PROJECT, "images", "a", **outcome).may_change is may_change


def test_the_evidence_holds_each_item_and_their_number():
    outcomes = outcomes_of([opened({"images": ["a", "b"]}), *sent("images", "a", status=409, reason="busy"), there])
    assert counted(outcomes) == {"failed": 1, "not verified": 1}
    first = Item(
        project=PROJECT, row="images", id="a", state="failed", status=409, request_id="r", at=LATER, reason="busy"
    )
    second = Item(
        project=PROJECT, row="images", id="b", state="not verified", status=0, request_id="", at="", reason=""
    )
    assert items_of(outcomes) == [first, second]
