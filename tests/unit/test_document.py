"""The evidence of an erasure, derived from the events of its ledger."""

import pytest
from msgspec.structs import replace

from cv_gdpr.evidence.document import (
    METHOD,
    RETENTION,
    close,
    document_of,
    exit_code,
    head,
    retryable,
    verdict,
)
from cv_gdpr.evidence.events import Closed, Resumed
from cv_gdpr.evidence.ledger import Ledger
from cv_gdpr.evidence.outcomes import Outcome, outcomes_of
from cv_gdpr.evidence.records import FIRST_FORMAT, FORMAT, TOOL, ByHand, Head, LedgerEnd, Project, Run, Unread
from tests.unit.happening import (
    ENDPOINT,
    LATER,
    LISTED_FROM,
    OTHER,
    PROJECT,
    answered,
    chain_of,
    closing,
    ended,
    held,
    left,
    looked,
    numbered,
    opened,
    planned,
    scope,
    selector,
    sent,
)

UNREAD = Unread(project=OTHER, reason="the service answered 500", again=True)
BY_HAND = ByHand(row="account", words="delete the resource")


def outcomes(*states, **fields):
    return [Outcome(PROJECT, "images", str(number), state, **fields) for number, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "stopped", "in_part", "code"),
    [
        ((), 0, False, 0),
        (("deleted", "gone already"), 0, False, 0),
        (("deleted", "residue"), 0, False, 4),
        (("failed", "residue"), 0, True, 4),
        (("deleted", "failed"), 0, False, 3),
        (("deleted", "left"), 0, False, 3),
        (("deleted", "not verified"), 0, False, 3),
        (("deleted",), 0, True, 3),
        (("residue",), 5, False, 5),
        ((), 130, False, 130),
    ],
)
def test_the_exit_code(states, stopped, in_part, code):
    assert exit_code(outcomes(*states), stopped, in_part=in_part) == code


@pytest.mark.parametrize(
    ("end", "states", "expected"),
    [
        ({"code": 5}, (), True),
        ({"code": 5, "refused": True}, ("failed",), False),
        ({}, (), False),
        ({}, ("deleted", "left"), False),
        ({}, ("deleted", "failed"), True),
    ],
)
def test_whether_the_same_command_may_do_more(end, states, expected):
    assert retryable(outcomes(*states), closing([opened()], **end)) is expected


@pytest.mark.parametrize("again", [True, False])
def test_a_project_that_was_not_read_may_be_read_later(again):
    failed = [Unread(project=PROJECT, reason="x", again=False), Unread(project=OTHER, reason="x", again=again)]
    assert retryable([], closing([opened(failed=failed)])) is again


OTHER_PICTURES = "It does not say whether other pictures of the person exist."
SELECTED = {"scope": scope(selectors=[selector(matched=True)], salt="s")}
BEFORE = f"stored before {LISTED_FROM}"


@pytest.mark.parametrize(
    ("code", "states", "fields", "words"),
    [
        (0, (), {}, f"nothing to delete: nothing in scope, {BEFORE}, was there"),
        (0, (), SELECTED, f"nothing to delete: the search found nothing {BEFORE}. {OTHER_PICTURES}"),
        (0, ("deleted", "gone already"), SELECTED, f"erased: what the search found, {BEFORE}. {OTHER_PICTURES}"),
        (0, ("gone already",), SELECTED, f"gone already: what the search found, {BEFORE}. {OTHER_PICTURES}"),
        (
            0,
            ("gone already", "deleted"),
            {},
            f"erased: everything in the plan, {BEFORE}. It does not say what was stored since.",
        ),
        (3, (), {}, "nothing matched what was asked for"),
        (
            3,
            (),
            {"failed": [UNREAD]},
            "nothing deleted: projects in scope could not be read, and nothing to delete was found in the others",
        ),
        (3, ("failed",), {}, "done in part"),
        (3, ("deleted",), {"failed": [UNREAD]}, "done in part"),
        (4, ("residue",), {}, "residue: deleted according to the service, but still there"),
        (5, ("deleted",), {}, "not carried out in full: refused or not reachable"),
        (5, (), {}, "not carried out in full: refused or not reachable"),
        (4, (), {}, "residue: deleted according to the service, but still there"),
    ],
)
def test_the_verdict(code, states, fields, words):
    assert verdict(code, outcomes(*states), opened(**fields)) == words


def test_the_head_of_the_evidence():
    first = opened({"images": ["a", "b"], "tags": ["t"]}, protected=[OTHER])
    events = numbered(first, *sent("images", "a"), looked("images", gone=["a"]))
    assert head(events, [BY_HAND], 0, LATER) == Head(
        format=FORMAT,
        tool=TOOL,
        endpoint=ENDPOINT,
        started=events[0].at,
        finished=LATER,
        verdict="done in part",
        exit_code=3,
        method=METHOD,
        scope=scope(),
        plan_hash="b" * 64,
        runs=[Run(started=events[0].at, plan_hash="b" * 64, items=3)],
        projects=[
            Project(
                id=PROJECT,
                whole=False,
                images_only_in_iterations=0,
                exported_models=None,
                iterations_trained_on_them=[],
                unpublished=[],
                state=None,
            )
        ],
        protected=[OTHER],
        not_found=[],
        outside_the_api=[BY_HAND],
        retention=list(RETENTION),
    )


def test_the_head_states_the_last_run():
    first = opened({"images": ["a"]}, protected=["x"])
    fields = {"plan_hash": "c" * 64, "endpoint": "https://other", "protected": [OTHER], "failed": [UNREAD]}
    second = opened({"images": ["a"]}, scope=scope(rows=["images"]), listed_from="2026-01-05T00:00:00Z", **fields)
    events = numbered(first, *sent("images", "a"), second, looked("images", gone=["a"]))
    found = head(events, [], 0, LATER)
    assert (found.started, [run.started for run in found.runs]) == (events[0].at, [events[0].at, events[3].at])
    assert [run.plan_hash for run in found.runs] == ["b" * 64, "c" * 64]
    assert (found.plan_hash, found.endpoint, found.protected) == ("c" * 64, "https://other", [OTHER])
    assert (found.scope, found.failed, found.exit_code) == (scope(rows=["images"]), [UNREAD], 3)
    found = head(numbered(first, opened(listed_from="2026-01-05T00:00:00Z")), [], 5, LATER)
    assert (found.exit_code, found.verdict) == (5, "not carried out in full: refused or not reachable")
    later = opened(listed_from="2026-01-05T00:00:00Z")
    gone = looked("images", gone=["a"])
    assert "stored before 2026-01-05" in head(numbered(first, later, gone), [], 0, LATER).verdict


def test_what_an_earlier_run_deleted_was_found():
    missing = ["--image-id a", "--image-id x"]
    events = [opened({"images": ["a"]}), *sent("images", "a"), opened(unmatched=missing), looked("images", gone=["a"])]
    found = head(numbered(*events), [], 0, LATER)
    assert (found.not_found, found.exit_code) == (["--image-id x"], 3)
    events[3] = opened(unmatched=missing[:1])
    found = head(numbered(*events), [], 0, LATER)
    assert (found.not_found, found.exit_code) == ([], 0)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([[True, False]], [True, False]),
        ([[True, False], [False, False]], [True, False]),
        ([[False, False], [False, True]], [False, True]),
    ],
)
def test_a_selector_matched_if_it_matched_in_any_run(runs, expected):
    scopes = [scope(selectors=[selector(matched=did) for did in run], salt="s") for run in runs]
    found = head(numbered(*(opened(scope=one) for one in scopes)), [], 0, LATER)
    assert found.scope == scope(selectors=[selector(matched=did) for did in expected], salt="s")


def test_runs_with_other_selectors_have_no_evidence():
    scopes = [scope(selectors=[selector(matched=True)] * number, salt="s") for number in (2, 1)]
    with pytest.raises(ValueError, match="zip"):
        head(numbered(*(opened(scope=one) for one in scopes)), [], 0, LATER)


# --- projects ---------------------------------------------------------------------------------------------------


def projects(*events):
    flat = [one for event in events for one in (event if isinstance(event, list) else [event])]
    return head(numbered(*flat), [], 0, LATER).projects


def test_what_the_evidence_says_of_a_project():
    told = planned(
        whole=True,
        images_only_in_iterations=2,
        exported_models=3,
        iterations_trained_on_them=["j", "i"],
        copies_outside={"notificationQueueUri": "https://h"},
    )
    (found,) = projects(opened({"images": ["a"]}, projects=[told]))
    assert found == Project(
        id=PROJECT,
        whole=True,
        images_only_in_iterations=2,
        exported_models=3,
        iterations_trained_on_them=["i", "j"],
        unpublished=[],
        copies_outside={"notificationQueueUri": "https://h"},
        state=None,
    )


def test_the_state_of_a_project():
    rows = {"projects": [PROJECT], "images": [PROJECT]}
    events = [opened(rows), sent("projects", PROJECT), looked("projects", gone=[PROJECT])]
    assert [one.state for one in projects(*events)] == ["deleted"]
    assert [one.state for one in projects(opened({"images": [PROJECT]}))] == [None]
    two = opened({"projects": [PROJECT]}, projects=[planned(OTHER), planned()])
    assert [(one.id, one.state) for one in projects(two)] == [(OTHER, None), (PROJECT, "not verified")]


@pytest.mark.parametrize(
    ("events", "holding"),
    [
        ([], ["i"]),
        ([held(j=["a"], k=[])], ["i", "j"]),
        ([held(OTHER, j=["a"])], ["i"]),
        ([sent("iterations", "i"), looked("iterations", gone=["i"])], []),
        ([looked("iterations", gone=["i"])], []),
        ([sent("iterations", "i"), looked("iterations", there=["i"])], ["i"]),
        ([looked("images", gone=["i"])], ["i"]),
        ([held(j=["a"]), sent("iterations", "j"), looked("iterations", gone=["j"])], ["i"]),
    ],
    ids=["planned", "held", "of another", "deleted", "gone", "residue", "an image", "one of two"],
)
def test_which_iterations_were_trained_on_them(events, holding):
    begun = opened({"iterations": ["i", "j"], "images": ["i"]}, projects=[planned(iterations_trained_on_them=["i"])])
    (found,) = projects(begun, *events)
    assert found.iterations_trained_on_them == holding


@pytest.mark.parametrize(
    ("events", "unpublished"),
    [
        ([], []),
        ([answered("publications", "i", status=204)], ["i"]),
        ([answered("publications", "i", status=199)], []),
        ([answered("publications", "i", status=200)], ["i"]),
        ([answered("publications", "i", status=299)], ["i"]),
        ([answered("publications", "i", status=300)], []),
        ([answered("iterations", "i")], []),
        ([sent("iterations", "i"), looked("iterations", gone=["i"])], ["i"]),
        ([answered("publications", "j", "x", "i")], ["i", "j"]),
    ],
)
def test_which_publications_ended(events, unpublished):
    begun = opened({"iterations": ["i", "j"]}, projects=[planned(unpublished=["i", "j"])])
    (found,) = projects(begun, *events)
    assert found.unpublished == unpublished


ENDS = [answered("publications", "i", "j")]


@pytest.mark.parametrize(
    ("field", "first", "second", "merged"),
    [
        ("whole", True, False, True),
        ("whole", False, True, True),
        ("whole", False, False, False),
        ("images_only_in_iterations", 2, 1, 2),
        ("images_only_in_iterations", 1, 2, 2),
        ("exported_models", None, 1, 1),
        ("exported_models", 2, None, 2),
        ("exported_models", 2, 1, 2),
        ("exported_models", 0, None, 0),
        ("exported_models", None, None, None),
        ("iterations_trained_on_them", ["j"], ["i"], ["i", "j"]),
        ("unpublished", ["j"], ["i"], ["i", "j"]),
        ("copies_outside", {"a": "1", "b": "1"}, {"b": "2"}, {"a": "1", "b": "2"}),
    ],
)
def test_a_project_is_what_all_runs_know_of_it(field, first, second, merged):
    runs = [opened(projects=[planned(**{field: value})]) for value in (first, second)]
    (found,) = projects(runs[0], ENDS, runs[1])
    assert getattr(found, field) == merged


def test_projects_of_earlier_runs_stay():
    found = projects(opened(projects=[planned(OTHER)]), opened(projects=[planned()]))
    assert [one.id for one in found] == [OTHER, PROJECT]


# --- the whole document --------------------------------------------------------------------------------------------


def test_the_document_of_a_closed_ledger():
    events = [
        opened({"images": ["a", "b"], "tags": ["t"]}),
        *sent("images", "a", "b"),
        looked("images", gone=["a"], there=["b"]),
        left("tags", "t"),
    ]
    chain = chain_of(*ended(*events, outside=[BY_HAND]))
    found = document_of(chain, "e.jsonl")
    assert (found.format, found.exit_code, found.retryable) == (FORMAT, 4, True)
    assert (found.outside_the_api, found.failed) == ([BY_HAND], [])
    assert found.counts == {"deleted": 1, "residue": 1, "left": 1}
    assert [(one.id, one.state) for one in found.items] == [("a", "deleted"), ("b", "residue"), ("t", "left")]
    assert found.residue == [found.items[1]]
    assert found.ledger == LedgerEnd(file="e.jsonl", lines=len(events) + 1, last=chain.last)


RESUMED = [*ended(opened({"images": ["a"]}), code=5), Resumed(discarded_bytes=0)]


@pytest.mark.parametrize("events", [[opened()], RESUMED], ids=["open", "resumed"])
def test_a_ledger_that_is_open_has_no_document(events):
    with pytest.raises(ValueError, match="unpack"):
        document_of(chain_of(*events), "e.jsonl")


def test_the_document_of_a_resumed_ledger():
    events = [*RESUMED, opened({"images": ["a"]}), *sent("images", "a"), looked("images", gone=["a"])]
    found = document_of(chain_of(*ended(*events)), "e.jsonl")
    assert (found.exit_code, found.retryable, len(found.runs)) == (0, False, 2)


def test_a_document_has_todays_format():
    events = [opened()]
    first = replace(closing(events), document=replace(closing(events).document, format=FIRST_FORMAT))
    assert document_of(chain_of(*events, first), "e.jsonl").format == FORMAT


def test_the_document_tells_what_its_outcomes_tell():
    events = [opened({"images": ["a"]}, failed=[UNREAD]), looked("images", there=["a"])]
    found = document_of(chain_of(*ended(*events)), "e.jsonl")
    assert found.failed == [UNREAD]
    assert [one.state for one in outcomes_of(events)] == ["failed"]
    assert found.retryable is True


@pytest.mark.parametrize("fields", [{}, {"stopped": 5, "refused": True}], ids=["done", "stopped"])
def test_the_end_is_written_to_the_ledger(tmp_path, fields):
    with Ledger(tmp_path / "e.jsonl", ENDPOINT) as ledger:
        ledger.write(opened())
        before = list(ledger.events)
        close(ledger, [BY_HAND], **fields)
        last = ledger.events[-1]
    assert isinstance(last, Closed)
    assert (last.stopped, last.refused) == (fields.get("stopped", 0), fields.get("refused", False))
    assert last.document == head(before, [BY_HAND], last.stopped, last.document.finished)
    assert last.document.started <= last.document.finished <= last.at


def test_a_recheck_that_found_something_ends_in_4():
    there = outcomes("gone already", "residue", "not verified", rechecked=True)
    assert exit_code(there, 5, in_part=False) == 4
    assert exit_code(outcomes("gone already", "not verified", rechecked=True), 5, in_part=False) == 5
    assert exit_code(outcomes("gone already", "not verified", rechecked=True), 0, in_part=False) == 3
    assert exit_code(outcomes("gone already", rechecked=True), 0, in_part=False) == 0


@pytest.mark.parametrize(
    ("found", "code", "words", "may_do_more"),
    [
        ({"gone": ["1", "2"]}, 0, "still gone: everything", False),
        ({"gone": ["1"], "there": ["2"]}, 4, "there again: 1 of what", False),
        ({"gone": ["1"]}, 3, "done in part: 1 could not be looked for", True),
    ],
)
def test_the_verdict_of_a_recheck(found, code, words, may_do_more):
    """What could not be looked for is not gone; nothing is deleted, so nothing can be residue of this run."""
    events = [opened({"images": ["1", "2"]}, recheck_of="c" * 64), looked("images", **found)]
    evidence = document_of(chain_of(*ended(*events)), "e.jsonl")
    assert (evidence.exit_code, evidence.retryable) == (code, may_do_more)
    assert evidence.verdict.startswith(words)
    assert evidence.verdict.endswith("It says nothing of a picture that was uploaded anew: that has a new id.")
    assert evidence.method.type == "recheck of an erasure; this run deleted nothing"
    assert evidence.recheck_of == "c" * 64


def test_a_recheck_of_nothing():
    evidence = document_of(chain_of(*ended(opened(recheck_of="c" * 64))), "e.jsonl")
    assert evidence.verdict == "nothing to look for: the evidence proves nothing gone"


def test_reference_and_operator_are_those_of_the_last_run():
    first, second = opened(reference="A", operator="B"), opened(reference="C")
    evidence = document_of(chain_of(*ended(first, second)), "e.jsonl")
    assert (evidence.reference, evidence.operator, evidence.recheck_of) == ("C", "", None)
