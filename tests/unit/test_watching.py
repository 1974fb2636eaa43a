"""How work says how far it is, and what a terminal makes of it."""

import pytest
from rich.console import Console

from custom_vision_simulator import Fault
from cv_gdpr.cli.progress import _Display, _of_work, _Work
from cv_gdpr.service.batches import asked_in_parts
from cv_gdpr.service.client import Connection, Service
from cv_gdpr.service.paging import Listing, Part
from cv_gdpr.watching import AtLeast, Count, _under_way, anew, show_by, waiting_for


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
    assert _of_work(_Work(0.0, 0, 100, total)) == (count, "10/s", left)


def test_work_reports_nothing_where_nobody_watches():
    show_by(None)
    list(listing(3).records())
    anew()


@pytest.fixture
def display(monkeypatch):
    """A display that never draws."""
    made = _Display()
    monkeypatch.setattr(made, "soon", lambda: None)
    return made


def lines(display):
    """Return what a display would show, line by line."""
    console = Console(width=100)
    with console.capture() as captured:
        console.print(display._render(100))
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
    assert _of_work(_Work(0.0, 0, 600, AtLeast(600))) == ("600 of at least 600", "60/s", "")


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
    said = []
    sim.fault(Fault("GetProjects", status=429, headers={"Retry-After": "0"}, times=2))
    show_by(lambda *_: None, calling=lambda: said.extend(call.words for call in _under_way.values()))
    with Service(Connection(sim.endpoint, sim.training_key, 0)) as service:
        service.call("get_projects")
    show_by(None)
    ends = ("", ", try 2, 429", ", try 3, 429")
    assert said == [f"waiting for the service (GetProjects{end})" for end in ends]
    assert not _under_way
