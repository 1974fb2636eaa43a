"""How work says how far it is, and what a terminal makes of it."""

import pytest

from cv_gdpr.cli.progress import _of_work, _Work
from cv_gdpr.service.batches import asked_in_parts
from cv_gdpr.service.paging import Listing, Part
from cv_gdpr.watching import AtLeast, Count, anew, show_by


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
