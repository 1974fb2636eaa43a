"""How work says how far it is, and what a terminal makes of it."""

import threading
from types import SimpleNamespace

import pytest
from rich.console import Console

from custom_vision_simulator import Fault
from cv_gdpr.cli.progress import Display, _Work, of_work
from cv_gdpr.downloads.process import Downloads, Fetching, Where
from cv_gdpr.downloads.waits import Waits
from cv_gdpr.service.batches import asked_in_parts
from cv_gdpr.service.client import Connection, Service
from cv_gdpr.service.continuations import OLDEST, stored_records
from cv_gdpr.service.paging import Listing, Part
from cv_gdpr.watching import AtLeast, Call, Count, _under_way, anew, show_by, tried_again, waiting_for
from tests.waited import waits


@pytest.fixture
def told():
    """Return what is reported: what is done, how many, of how many."""
    found = []
    show_by(lambda *words: found.append(words))
    yield found
    show_by(None)


class Pages:
    """A list of so many records."""

    def __init__(self, number):
        self.records = [{"id": f"{one:08}"} for one in range(number)]

    def page(self, skip, take):
        return self.records[skip : skip + take]

    def soon(self, skip):
        raise AssertionError(skip)


def listing(number):
    return Listing(lambda: number, lambda _: [Part(Pages(number), 0)])


def test_a_list_says_how_much_of_its_count_was_read(told):
    assert len(list(listing(600).records())) == 600
    assert [words[0] for words in told] == ["records listed"] * 3
    assert [words[1:] for words in told] == [(256, 600), (511, 600), (600, 600)]
    assert all(isinstance(total, AtLeast) for _, _, total in told)


def test_the_total_grows_with_each_list(told):
    for number in (3, 4):
        list(listing(number).records())
    assert told == [("records listed", 3, 3), ("records listed", 7, 7)]


def test_a_step_begins_anew(told):
    list(listing(3).records())
    looked = Count("items looked for again")
    looked.begin(2)
    list(listing(2).records())
    assert told[1:] == [("items looked for again", 0, 2), ("records listed", 2, 2)]


def test_what_is_asked_for_by_id_is_counted(told):
    assert list(asked_in_parts(lambda ids: ids, list("abcde"), 2)) == list("abcde")
    assert told == [("ids asked for", done, 5) for done in (2, 4, 5)]


@pytest.mark.parametrize(
    ("total", "count", "left"),
    [(600, "100 of 600", "0:50 left"), (AtLeast(600), "100 of at least 600", "at least 0:50 left"), (None, "100", "")],
)
def test_a_line_has_done_total_rate_and_time_left(monkeypatch, total, count, left):
    monkeypatch.setattr("cv_gdpr.cli.progress.time.monotonic", lambda: 10.0)
    assert of_work(_Work(0.0, 0, 100, total)) == (count, "10/s", left)


class Stored:
    """Stored predictions in pages of ten, which nothing counts."""

    def __init__(self, number):
        created = "2026-01-01T00:00:00Z"
        self.records = [{"id": f"{one:08}", "created": created} for one in range(number)]

    def query(self, token):
        at = int(token.get("continuation", 0))
        onward = {"continuation": str(at + 10)} if at + 10 < len(self.records) else {}
        return SimpleNamespace(body={"results": self.records[at : at + 10], "token": onward}, date="")


def test_what_no_operation_counts_has_no_total(told):
    assert len(list(stored_records(Stored(25).query, OLDEST))) == 25
    first = [("stored predictions listed", done, None) for done in (10, 20, 25)]
    again = [("predictions read again", done, 25) for done in (10, 20, 25)]
    whole = ("stored predictions listed", 25, 25)
    assert told == [*first, whole, *again]
    assert all(isinstance(total, AtLeast) for what, _, total in told if "again" in what)


def test_predictions_of_several_projects_add_up(told):
    for number in (0, 3, 0, 4):
        list(stored_records(Stored(number).query, OLDEST))
    assert [words[1:] for words in told] == [(3, None), (3, 3), (3, 3), (7, None), (7, 7)]


def test_an_empty_list_shows_no_total(display, told):
    list(listing(0).records())
    list(stored_records(Stored(0).query, OLDEST))
    assert told == []
    display.step("files verified", 0)
    assert lines(display) == ["files verified 0:00"]


def test_predictions_are_shown_as_count_and_rate(display, monkeypatch):
    show_by(display.tell, display.step)
    records = stored_records(Stored(25).query, OLDEST)
    moments = iter(range(100))
    monkeypatch.setattr("cv_gdpr.cli.progress.time.monotonic", lambda: float(next(moments)))
    shown = []
    for _ in records:
        shown += [line for line in lines(display) if line not in shown]
    show_by(None)
    assert shown
    assert not [line for line in shown if " of " in line or "left" in line]
    assert all(line.startswith("stored predictions listed ") for line in shown)


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_no_number_is_cut_on_a_narrow_terminal(display, monkeypatch, columns):
    display.tell("items looked for again", 0, 204_800)
    display.tell("items looked for again", 100_024, AtLeast(204_800))
    display.tell("predictions read again", 0, AtLeast(2048))
    call = Call("GetImagePerformanceCount", "the service").begin()
    call.again(0)
    monkeypatch.setattr("cv_gdpr.watching.time.monotonic", lambda: call.since + 5)
    shown = lines(display, columns)
    call.end()
    assert all(len(line) <= columns for line in shown)
    words = " ".join(shown)
    for one in ("100,024 of at least 204,800", "0 of at least 2,048", "left", "try 2, no answer) 0:05"):
        assert one in words


def test_work_reports_nothing_where_nobody_watches():
    show_by(None)
    list(listing(3).records())
    anew()


@pytest.fixture
def display(monkeypatch):
    """A display that never draws."""
    made = Display()
    monkeypatch.setattr(made, "soon", lambda: None)
    return made


def lines(display, columns=100):
    """Return what a display would show, line by line."""
    console = Console(width=columns)
    with console.capture() as captured:
        console.print(display._render(columns))
    return [" ".join(line.split()) for line in captured.get().splitlines() if line.strip()]


def test_a_step_takes_the_place_of_the_one_before(display):
    display.step("files verified", 5)
    display.tell("files verified", 5, 5)
    assert lines(display) == ["files verified 5 of 5"]
    display.step("comparing", None)
    assert lines(display) == ["comparing 0:00"]
    display.tell("pictures", 1, 4)
    assert lines(display) == ["pictures 1 of 4"]


def test_what_goes_on_beside_a_step_stays(display):
    display.tell("exports verified", 1, 3)
    display.tell("projects", 2, 2)
    display.step("files verified", 5)
    assert lines(display) == ["exports verified 1 of 3", "files verified 0 of 5"]


def test_what_is_complete_has_no_time_left(monkeypatch):
    monkeypatch.setattr("cv_gdpr.cli.progress.time.monotonic", lambda: 10.0)
    assert of_work(_Work(0.0, 0, 600, AtLeast(600))) == ("600 of at least 600", "60/s", "")


def test_a_call_that_takes_long_is_waited_for(display, monkeypatch):
    with waiting_for("GetTags") as quick:
        assert lines(display) == []
        monkeypatch.setattr("cv_gdpr.watching.time.monotonic", lambda: quick.since + 3.5)
        assert lines(display) == ["waiting for the service (GetTags) 0:03"]
        quick.again(429)
        quick.again(0)
        assert lines(display) == ["waiting for the service (GetTags, try 3, no answer) 0:03"]
    assert lines(display) == []


def test_the_service_says_what_it_waits_for(sim):
    sim.fault(Fault("GetProjects", status=429, headers={"Retry-After": "0"}, times=2))
    with waits() as said, Service(Connection(sim.endpoint, sim.training_key, 0)) as service:
        service.call("get_projects")
    ends = ("", ", try 2, 429", ", try 3, 429")
    assert said == [f"waiting for the service (GetProjects{end})" for end in ends]


@pytest.mark.parametrize(("fault", "status"), [({"status": 503}, "503"), ({"drop": True}, "no answer")])
def test_blob_storage_is_waited_for(sim, tmp_path, fault, status):
    project = sim.fill(images=1, image_bytes=100)[0]
    sim.fault(Fault("Blob", headers={"Retry-After": "0"}, times=2, **fault))
    came = threading.Event()
    with waits() as said, Service(Connection(sim.endpoint, sim.training_key, 0)) as service:
        (image,) = service.call("get_tagged_images", project)
        where = Where(image["originalImageUri"], str(tmp_path / "image"), "", 1 << 20)
        stop = threading.Event()
        with Downloads(Fetching(), lambda: str(tmp_path / "temporary"), stop, sim.endpoint) as downloads:
            downloads.submit(where, lambda result: result.size and came.set())
            downloads.push()
            assert came.wait(20)
    ends = ("", f", try 2, {status}", f", try 3, {status}")
    assert [words for words in said if "blob" in words] == [f"waiting for blob storage (Blob{end})" for end in ends]


def test_storage_is_waited_for_since_the_last_download_ended(display, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("cv_gdpr.watching.time.monotonic", lambda: now[0])
    monkeypatch.setattr("cv_gdpr.cli.progress.time.monotonic", lambda: now[0])
    waiting = Waits()

    def shown(later, do=None):
        now[0] += later
        if do:
            do()
        return lines(display)

    waiting.began()
    waiting.began()
    waiting.began()
    assert shown(1.5) == []
    assert shown(1, lambda: waiting.ended("a", last=False)) == []
    assert shown(1.5) == []  # downloads come, one by one
    assert shown(1) == ["waiting for blob storage (Blob) 0:02"]
    assert shown(0, lambda: waiting.again("b", 503)) == ["waiting for blob storage (Blob, try 2, 503) 0:02"]
    assert shown(5, lambda: waiting.ended("c", last=False)) == ["waiting for blob storage (Blob, try 2, 503) 0:05"]
    assert shown(0, lambda: waiting.ended("b", last=True)) == []
    waiting.began()
    waiting.again("d", 0)
    assert shown(3) == ["waiting for blob storage (Blob, try 2, no answer) 0:03"]
    waiting.end()
    assert not _under_way


def test_the_call_within_a_call_is_shown(display, monkeypatch):
    with waiting_for("GetTags") as outer, waiting_for("sign-in", "Microsoft Entra ID"):
        monkeypatch.setattr("cv_gdpr.watching.time.monotonic", lambda: outer.since + 3)
        monkeypatch.setattr("cv_gdpr.cli.progress.time.monotonic", lambda: outer.since + 3.5)
        tried_again(429)
        assert lines(display) == ["waiting for Microsoft Entra ID (sign-in, try 2, 429) 0:03"]
    tried_again(500)  # by no call
    assert not _under_way
