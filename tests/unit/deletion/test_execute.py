"""An erasure as a whole: what its ledger says first, which projects it leaves, and how it ends or is resumed."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from custom_vision_simulator import Fault
from cv_gdpr.delete.execute import Erased, Erasure, erase, opening
from cv_gdpr.delete.run import Terms
from cv_gdpr.errors import Forbidden, NotAuthorised, UsageError
from cv_gdpr.evidence.document import document_of
from cv_gdpr.evidence.events import Answered, Calling, Failed, Held, Left, Looked, Opened, Resumed, Stopped
from cv_gdpr.evidence.ledger import Ledger, chained, sealed
from cv_gdpr.evidence.records import TOOL, ByHand, PlannedProject, Unread
from tests.delete.erasing import ids, stock
from tests.unit.deletion.telling import NOT_THERE, small
from tests.unit.happening import (
    ASKED,
    ENDPOINT,
    LISTED_FROM,
    ONE,
    OTHER,
    PROJECT,
    THREE,
    TWO,
    answered,
    chain_of,
    ended,
    looked,
    opened,
    scope,
    sent,
)
from tests.unit.listing import names
from tests.unit.plans import MARK, plan, project

BY_HAND = ByHand(row="account", words="delete it")

# --- the first event ------------------------------------------------------------------------------------------------


def test_a_run_opens_with_what_the_evidence_needs():
    first = project(
        whole=True,
        rows={"images": {ONE: MARK}, "iterations": {TWO: MARK}},
        along={"images": {THREE: MARK}},
        places={ONE: TWO},
        published={TWO: "live", ONE: "x"},
        exported_models=0,
        iterations_holding=[THREE],
        copies_outside={"a": "b"},
    )
    failed = [Unread(project=PROJECT, reason="x", again=True), Unread(project=OTHER, reason="y", again=False)]
    fields = {"protected": ["p"], "unmatched": ["u"], "failed": failed, "scope": scope(rows=["images"])}
    made = plan(first, project(OTHER, exported_models=5), **fields)
    event = opening(made, ASKED)
    assert event == Opened(
        tool=TOOL,
        endpoint=ENDPOINT,
        asked=sealed(ASKED, event.asked.salt),
        listed_from=LISTED_FROM,
        plan_hash=made.hash,
        scope=scope(rows=["images"]),
        planned={PROJECT: {"images": [ONE, THREE], "iterations": [TWO]}},
        projects=[
            PlannedProject(
                id=PROJECT,
                whole=True,
                images_only_in_iterations=2,
                exported_models=0,
                iterations_trained_on_them=[THREE],
                unpublished=[ONE, TWO],
                copies_outside={"a": "b"},
            ),
            PlannedProject(
                id=OTHER,
                whole=False,
                images_only_in_iterations=0,
                exported_models=None,
                iterations_trained_on_them=[],
                unpublished=[],
            ),
        ],
        protected=["p"],
        unmatched=["u"],
        failed=failed,
    )
    assert opening(made, ASKED, "someone").signed_in_as == "someone"
    assert len(event.asked.salt) == 32
    assert event.asked.salt != opening(made, ASKED).asked.salt
    assert [one.again for one in opening(made, ASKED, saved=True).failed] == [False, False]


# --- what an erasure returns ----------------------------------------------------------------------------------------


def test_what_an_erasure_left():
    told = replace(opened().projects[0], copies_outside={"notificationQueueUri": "https://q"})
    begun = opened({"images": ["a", "b", "c"]}, projects=[told])
    seen = looked("images", gone=["a", "b"], there=["c"])
    evidence = document_of(chain_of(*ended(begun, *sent("images", "a", "c"), seen, outside=[BY_HAND])), "e.jsonl")
    erased = Erased(evidence, None)
    assert [one.id for one in erased.left] == ["c"]
    assert [one.row for one in erased.outside_the_api] == ["exports", "account"]
    assert erased.outside_the_api[0].words.startswith(f"project {PROJECT} sends messages")
    assert (erased.stopped_by, erased.completed) == (None, False)


# --- an erasure -------------------------------------------------------------------------------------------------


@pytest.fixture
def run(running, tmp_path):
    """Execute a plan and return its result; the events of its ledger are kept."""

    def execute(made, **terms):
        terms = Terms(**{"asked": ASKED, "wait": 0.0} | terms)
        try:
            return erase(running[1], made, tmp_path / "e.json", [BY_HAND], terms)
        finally:
            execute.events = chained((tmp_path / "e.jsonl").read_bytes()).events

    return execute


def lefts(events):
    return [(one.project, one.row, one.reason, one.again) for one in events if isinstance(one, Left)]


def test_a_plan_is_executed_and_proved(sim, planned, run, tmp_path):
    first, second = small(sim), small(sim, "Strangers")
    erased = run(planned())
    assert sim.store.projects == {}
    assert (erased.evidence.exit_code, erased.path, erased.stopped_by) == (0, tmp_path / "e.json", None)
    assert (erased.left, erased.outside_the_api, erased.completed) == ([], [BY_HAND], False)
    assert names(tmp_path) == ["e.html", "e.json", "e.jsonl", "e.sha256"]
    kinds = [type(one) for one in run.events]
    assert kinds[0] is Opened
    assert list(dict.fromkeys(one.project for one in run.events if isinstance(one, Calling))) == [first, second]
    assert kinds.index(Looked) > max(number for number, kind in enumerate(kinds) if kind is Answered)
    assert {one.project for one in run.events if isinstance(one, Looked)} == {first, second}


def test_which_images_iterations_hold_is_recorded_first(sim, planned, run):
    project = stock(sim)
    stock(sim, "Strangers", iterations=0)
    made = planned("iterations")
    held = next(one.held for one in made.projects if one.id == project)
    run(made)
    assert [(one.project, one.iterations) for one in run.events if isinstance(one, Held)] == [(project, held)]
    assert isinstance(run.events[1], Held)
    assert len([one for one in run.events if isinstance(one, Looked)]) == 2


def test_a_project_without_planned_items_is_left_alone(sim, planned, run):
    small(sim, images=0, predictions=0)
    run(planned("images"))
    assert [type(one).__name__ for one in run.events] == ["Opened", "Closed"]
    assert sim.calls == []


def test_a_saved_plan_never_reads_a_failed_project_again(sim, planned, run):
    small(sim)
    made = replace(planned("predictions"), failed=[Unread(project=NOT_THERE, reason="x", again=True)])
    run(made, from_file=True)
    assert [one.again for one in run.events[0].failed] == [False]


def test_the_ledger_says_who_is_signed_in(sim, planned, run, running, monkeypatch):
    small(sim)
    monkeypatch.setattr(running[1], "sign_in", SimpleNamespace(who="someone"))
    assert run(planned("predictions")).evidence.runs[0].signed_in_as == run.events[0].signed_in_as == "someone"


def test_what_stays_is_waited_for(sim, planned, run):
    small(sim)
    sim.fault(Fault("DeletePrediction", lie=True))
    assert run(planned("predictions"), wait=0.01).evidence.exit_code == 4


@pytest.mark.parametrize(
    ("statuses", "refused"),
    [((), True), ((403,), True), ((403, 403), True), ((204, 403), False), ((500, 403), False), ((0, 403), False)],
)
def test_whether_this_run_met_only_refusals(tmp_path, statuses, refused):
    with Ledger(tmp_path / "e.jsonl", ENDPOINT) as ledger:
        ledger.events += [opened(), answered("tags", ONE), opened()]
        ledger.events += [answered("tags", ONE, status=status) for status in statuses]
        erasure = Erasure(None, plan(), ledger, Terms(), refused={PROJECT: Forbidden("no")})
        assert erasure._only_refusals({PROJECT}) is refused
        assert erasure._only_refusals({PROJECT, OTHER}) is False


# --- looked at again ------------------------------------------------------------------------------------------------

CHANGED = "its project changed after it was planned; make a new plan"


def renamed(sim, project):
    sim.store.projects[project].name = "renamed"


def described(sim, project):
    sim.store.projects[project].description = "described"


def gone(sim, project):
    del sim.store.projects[project]


NOT_AS_SHOWN = {
    "renamed": (renamed, ("predictions",), {"confirmed": True}, (CHANGED, True)),
    "renamed since saved": (renamed, ("predictions",), {"from_file": True}, (CHANGED, False)),
    "not looked at": (renamed, ("predictions",), {}, None),
    "described": (described, ("predictions",), {"confirmed": True}, None),
    "all of it described": (described, (), {"confirmed": True}, (CHANGED, True)),
    "gone": (gone, ("predictions",), {"confirmed": True}, ("its project is not listed any more", False)),
}


@pytest.mark.parametrize("name", NOT_AS_SHOWN)
def test_a_project_that_is_not_what_was_shown_is_left(sim, planned, run, name):
    act, rows, terms, why = NOT_AS_SHOWN[name]
    other, project = small(sim, "Strangers"), small(sim)
    made = planned(*rows)
    act(sim, project)
    run(made, **terms)
    assert {one[0] for one in lefts(run.events)} == ({project} if why else set())
    assert {one[2:] for one in lefts(run.events)} == ({why} if why else set())
    assert other in {one.project for one in run.events if isinstance(one, Calling)}


def test_a_project_that_is_protected_now_is_left(sim, planned, run):
    project, other = small(sim), small(sim, "Strangers")
    run(planned("predictions"), protect=("Visitors", "Guests"))
    assert lefts(run.events) == [(project, "predictions", "its project is protected now", False)]
    assert {one.project for one in run.events if isinstance(one, Calling)} == {other}


def test_projects_that_cannot_be_listed_again_are_left(sim, planned, run):
    projects = [small(sim), small(sim, "Strangers")]
    made = planned("predictions")
    sim.fault(Fault("GetProjects", status=500))
    erased = run(made, confirmed=True)
    why = "its project could not be looked at again: the service answered 500 ErrorUnknown"
    assert lefts(run.events) == [(one, "predictions", why, True) for one in projects]
    assert (erased.stopped_by, erased.evidence.exit_code) == (None, 3)


def test_a_key_that_is_refused_at_once_stops_the_run(sim, planned, run):
    small(sim)
    made = planned("predictions")
    sim.fault(Fault("GetProjects", status=401))
    erased = run(made, confirmed=True)
    assert isinstance(erased.stopped_by, NotAuthorised)
    assert (erased.evidence.exit_code, erased.evidence.retryable) == (5, False)
    assert not [one for one in run.events if isinstance(one, (Left, Calling))]
    assert [one for one in run.events if isinstance(one, Looked)]


# --- failures ---------------------------------------------------------------------------------------------------


def test_a_project_that_fails_costs_itself(sim, planned, run):
    project, other = small(sim), small(sim, "Strangers")
    made, said = planned("images"), []
    sim.fault(Fault("GetIterations", status=500, match=project))
    sim.fault(Fault("GetTaggedImages", status=500, match=project, times=None))
    erased = run(made, say=said.append)
    failed = [(one.project, one.reason) for one in run.events if isinstance(one, Failed)]
    assert failed == [(project, "the service answered 500 ErrorUnknown")] * 2  # at the deletion and at the look
    assert [one.partition(": ")[0] for one in said] == [f"project {project}"] * 2
    assert (erased.stopped_by, erased.evidence.exit_code) == (None, 3)
    assert ids(sim, other, "images") == set()


def test_a_refused_key_stops_the_deletions_but_not_the_look(sim, planned, run):
    project, other = small(sim), small(sim, "Strangers")
    sim.fault(Fault("DeletePrediction", status=401))
    erased = run(planned("predictions"))
    assert [one.project for one in run.events if isinstance(one, Calling)] == [project]
    assert [(one.project, one.reason) for one in run.events if isinstance(one, Stopped)] == [
        (project, "the service answered 401 ErrorUnknown")
    ]
    assert [one.project for one in run.events if isinstance(one, Looked)] == [project, other]
    assert isinstance(erased.stopped_by, NotAuthorised)
    assert (run.events[-1].stopped, run.events[-1].refused) == (5, True)


def test_the_first_error_that_stops_the_run_counts(sim, planned, run):
    small(sim)
    sim.fault(Fault("DeletePrediction", status=401, times=None))
    sim.fault(Fault("QueryPredictions", status=401, times=None, after=1))
    made = planned("predictions")
    erased = run(made)
    assert str(erased.stopped_by).startswith("DeletePrediction: ")
    assert (run.events[-1].stopped, run.events[-1].refused) == (5, True)
    assert len([one for one in run.events if isinstance(one, Stopped)]) == 2


def test_a_403_costs_its_project_alone(sim, planned, run):
    project, other = small(sim), small(sim, "Strangers")
    sim.fault(Fault("DeletePrediction", status=403, match=project, times=None))
    erased = run(planned("predictions"))
    assert (erased.stopped_by, erased.evidence.exit_code) == (None, 3)
    assert [(one.project, one.reason) for one in run.events if isinstance(one, Failed)] == [
        (project, "the service answered 403 ErrorUnknown")
    ]
    assert ids(sim, other, "predictions") == set()


def test_a_403_at_every_project_stops_the_run(sim, planned, run):
    projects = [small(sim), small(sim, "Strangers")]
    sim.fault(Fault("DeletePrediction", status=403, times=None))
    erased = run(planned("predictions"))
    assert isinstance(erased.stopped_by, NotAuthorised)
    assert (erased.evidence.exit_code, erased.evidence.retryable) == (5, False)
    assert [one.project for one in run.events if isinstance(one, Calling)] == projects


def test_what_a_run_before_was_allowed_does_not_count(sim, planned, run):
    project = small(sim)
    sim.fault(Fault("DeleteImages", status=401))
    sim.fault(Fault("DeleteImages", status=403, times=None))
    assert run(planned("images", "predictions")).evidence.exit_code == 5
    assert ids(sim, project, "predictions") == set()
    assert run(planned("images")).evidence.exit_code == 5


# --- resumed ----------------------------------------------------------------------------------------------------


def test_a_run_that_was_stopped_is_resumed(sim, planned, run, tmp_path):
    project = small(sim)
    sim.fault(Fault("DeletePrediction", status=401))
    made = planned("predictions", "images")
    run(made)
    (gone_since, *_) = ids(sim, project, "predictions")
    del sim.store.projects[project].predictions[gone_since]
    erased = run(planned("predictions", "images"))
    assert erased.evidence.exit_code == 0
    assert [type(one) for one in run.events].count(Resumed) == 1
    assert len(erased.evidence.runs) == 2
    proved = [(one.row, one.gone) for one in run.events if isinstance(one, Looked)][-2:]
    assert dict(proved)["predictions"] == [gone_since]  # planned by the first run alone
    assert names(tmp_path) == ["e.html", "e.json", "e.jsonl", "e.sha256"]


def test_an_item_planned_twice_is_looked_for_once(sim, planned, run):
    project = small(sim)
    sim.fault(Fault("DeletePrediction", status=401))
    run(planned("predictions"))
    (prediction,) = ids(sim, project, "predictions")
    run(planned("predictions"))
    assert [one.gone for one in run.events if isinstance(one, Looked)][-1] == [prediction]


@pytest.mark.parametrize("there", [".json", ".html", ".sha256"])
def test_nothing_is_sent_if_a_file_is_there(sim, planned, run, tmp_path, there):
    small(sim)
    made = planned()
    (tmp_path / f"e{there}").write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        run(made)
    assert sim.calls == []


def test_nothing_is_sent_for_another_command(sim, planned, run, running, tmp_path):
    small(sim)
    sim.fault(Fault("DeletePrediction", status=401))
    made = planned("predictions")
    run(made)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    sim.calls.clear()
    with pytest.raises(UsageError, match="another scope"):
        run(made, asked="other")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(UsageError, match=r"does not end in \.json"):
        erase(running[1], made, tmp_path / "e.txt", [], Terms())
    assert sim.calls == []


def test_a_finished_ledger_takes_no_other_run(sim, planned, run):
    small(sim)
    made = planned("predictions")
    run(made)
    with pytest.raises(UsageError):
        run(made)
