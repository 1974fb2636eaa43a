"""Paged lists: each record once, whatever the list does between two pages."""

from concurrent.futures import Future

import pytest

from cv_gdpr.errors import MalformedAnswer
from cv_gdpr.service.paging import PAGE, Listing, Part, _Ahead, identified, once


class Pages:
    """A list of records; `changes` says what happens to it before the nth page is given."""

    def __init__(self, count, changes=None):
        self.records = [{"id": f"{number}"} for number in range(count)]
        self.changes = changes or {}
        self.read = []
        self.asked = []

    def page(self, skip, _take=256):
        self.changes.get(len(self.read), lambda _: None)(self.records)
        self.read.append(skip)
        return self.records[skip : skip + PAGE]

    def soon(self, skip):
        self.asked.append(skip)
        future = Future()
        future.set_result(self.page(skip))
        return future


class Counts:
    """The counts that the service gives, one after the other; the last for ever."""

    def __init__(self, *counts):
        self.counts = list(counts)

    def __call__(self):
        return self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]


def listing(*lists, counts=None, still=None, expected=None):
    total = sum(len(one.records) for one in lists)
    return Listing(
        Counts(*(counts or [total])),
        lambda _: [Part(one, len(one.records) if expected is None else expected) for one in lists],
        still,
    )


def ids(found):
    return [record["id"] for record in found.records()]


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 511, 512, 1021, 1500])
def test_a_list_of_any_length_is_read_once(count):
    pages = Pages(count)
    found = listing(pages)
    assert ids(found) == [f"{number}" for number in range(count)]
    assert (found.before, found.after, found.listed) == (count, count, count)


@pytest.mark.parametrize(
    ("count", "read"),
    [
        (255, [0]),
        (256, [0, 255]),
        (257, [0, 255]),
        (1000, [0, 255, 510, 765]),
        (1021, [0, 255, 510, 765, 1020]),
        (2500, [0, 255, 510, 765, 1020, 1275, 1530, 1785, 2040, 2295]),
    ],
)
def test_each_page_begins_with_the_last_record_before(count, read):
    pages = Pages(count)
    ids(listing(pages))
    assert sorted(pages.read) == read
    assert len(pages.asked) == len(set(pages.asked))


@pytest.mark.parametrize(
    ("expected", "asked"),
    [
        (0, []),
        (256, []),
        (257, [255]),
        (511, [255]),
        (512, [255, 510]),
        (767, [255, 510, 765]),
        (5000, [255, 510, 765]),
    ],
)
def test_after_a_full_page_some_more_are_asked_for(expected, asked):
    pages = Pages(256)
    pages.changes = {1: lambda records: records.clear()}
    ahead = listing(pages, expected=expected).records()
    next(ahead)
    assert pages.asked == asked


def test_pages_that_were_asked_for_are_not_read_again():
    pages = Pages(2000)
    ids(listing(pages))
    assert len(pages.read) == len(set(pages.read))
    assert pages.asked == pages.read[1:]


def test_records_that_move_up_are_found_all():
    pages = Pages(600, {1: lambda records: records.__delitem__(slice(0, 10))})
    found = listing(pages, counts=[600, 590, 590])
    assert set(ids(found)) >= {f"{number}" for number in range(10, 600)}


def test_a_list_that_moves_far_is_found_further_ahead():
    """Back by 15 records, and by four times as many where that was not enough."""
    pages = Pages(600, {1: lambda records: records.__delitem__(slice(0, 70))})
    found = listing(pages, counts=[600, 530, 530], expected=0)
    assert set(ids(found)) >= {f"{number}" for number in range(70, 600)}
    assert pages.read[:5] == [0, 255, 240, 180, 435]


def test_going_back_ends_at_the_beginning():
    pages = Pages(600, {1: lambda records: records.__delitem__(slice(0, 250))})
    found = listing(pages, counts=[600, 350, 350], expected=0)
    assert set(ids(found)) >= {f"{number}" for number in range(250, 600)}
    assert pages.read[:5] == [0, 255, 240, 180, 0]


def test_going_back_begins_with_little_each_time():
    def lose(count):
        return lambda records: records.__delitem__(slice(0, count))

    pages = Pages(900, {1: lose(2), 3: lose(2)})
    found = listing(pages, counts=[900, 896, 896], expected=0)
    assert set(ids(found)) >= {f"{number}" for number in range(4, 900)}
    assert pages.read[:6] == [0, 255, 240, 495, 480, 735]


@pytest.mark.parametrize("expected", [0, 256, 5120])
def test_a_list_whose_pages_never_fit_is_an_error(expected):
    pages = Pages(0)
    pages.page = lambda skip, _=0: (
        pages.read.append(skip) or [{"id": f"{len(pages.read)}-{number}"} for number in range(PAGE)]
    )
    with pytest.raises(MalformedAnswer):
        ids(listing(pages, expected=expected, counts=[5]))
    assert pages.read.count(0) > 1
    assert 20 + expected // PAGE <= len(pages.read)


def test_a_list_that_goes_on_for_ever_is_an_error():
    class Endless(Pages):
        def page(self, skip, _take=256):
            return [{"id": f"{number}"} for number in range(skip, skip + PAGE)]

    found = listing(Endless(0), counts=[100], expected=0)
    with pytest.raises(MalformedAnswer, match="10200"):
        ids(found)


def test_more_than_twice_the_count_may_be_listed():
    """While a list is read, others may add to it."""
    pages = Pages(10_200)
    assert len(ids(listing(pages, counts=[100, 10_200, 10_200]))) == 10_200


def test_a_record_in_two_lists_is_given_once():
    one, other = Pages(300), Pages(400)
    found = listing(one, other, counts=[400])
    assert ids(found) == [f"{number}" for number in range(400)]
    assert found.listed == 400


def test_counts_that_disagree_make_it_read_again_three_times():
    pages = Pages(300)
    found = listing(pages, counts=[301])
    assert len(ids(found)) == 300
    assert pages.read.count(0) == 3
    assert (found.before, found.after, found.listed) == (301, 301, 300)


def test_the_count_after_a_pass_is_the_one_before_the_next():
    counts = Counts(299, 300, 300, 7)
    pages = Pages(300)
    found = Listing(counts, lambda _: [Part(pages, 300)])
    assert len(ids(found)) == 300
    assert (found.before, found.after, found.listed, counts.counts) == (300, 300, 300, [7])


def test_a_second_pass_reads_until_a_page_brings_nothing_more():
    """The first pass ends at a page that is short, though more follows."""

    class Short(Pages):
        def page(self, skip, _take=256):
            self.read.append(skip)
            return self.records[skip : skip + 100]

    pages = Short(250)
    found = listing(pages, counts=[250], expected=0)
    assert ids(found) == [f"{number}" for number in range(250)]
    assert pages.read[0] == 0
    assert pages.read[1:] == [0, 99, 198, 249]


class Flickering(Pages):
    """A list that leaves out something else in each pass."""

    def page(self, skip, _take=256):
        assert skip == 0 or len(self.records) - 1 > skip - 1
        self.read.append(skip)
        number = self.read.count(0)
        return [record for record in self.records if record["id"] != f"{number}"][skip : skip + PAGE]


@pytest.mark.parametrize("gone", [set(), {"1"}])
def test_several_passes_together_may_be_enough(gone):
    pages, asked = Flickering(100), []
    found = listing(pages, counts=[100], still=lambda strays: asked.append(strays) or strays - gone, expected=0)
    assert sorted(ids(found)) == sorted(f"{number}" for number in range(100))
    assert asked[0] == {"2"}
    assert found.listed == 100
    assert pages.read.count(0) == (3 if gone == {"2"} else 2)


def test_what_nobody_can_delete_need_not_be_looked_up():
    pages = Flickering(100)
    found = listing(pages, counts=[100], expected=0)
    assert len(ids(found)) == 100
    assert (found.before, found.after, found.listed) == (100, 100, 100)
    assert pages.read.count(0) == 2


def test_what_was_listed_once_and_is_gone_is_not_enough():
    pages = Flickering(100)
    found = listing(pages, counts=[100], still=lambda _: set(), expected=0)
    assert len(ids(found)) == 100
    assert pages.read.count(0) == 3


def test_counts_that_agree_only_with_themselves_are_not_enough():
    """One count differed, so that the union of two passes proves nothing."""
    pages = Flickering(100)
    found = listing(pages, counts=[101, 100], still=lambda strays: strays, expected=0)
    assert len(ids(found)) == 100
    assert pages.read.count(0) == 3


@pytest.mark.parametrize(
    "record",
    [None, "x", 5, [], {}, {"id": 5}, {"id": None}, {"id": ""}, {"id": "x" * 1000}, {"id": "?sv=1&sig=" + "a" * 30}],
)
def test_a_record_without_a_usable_id_is_refused(record):
    with pytest.raises(MalformedAnswer) as refused:
        identified([{"id": "1"}, record])
    assert refused.value.message


def test_records_with_ids_are_given_as_they_came():
    records = [{"id": "x"}, {"id": "x" * 999}]
    assert identified(iter(records)) == records


def test_of_equal_ids_the_first_record_stays():
    assert once([{"id": "1", "n": 1}, {"id": "1", "n": 2}, {"id": "2"}]) == [{"id": "1", "n": 1}, {"id": "2"}]


def test_the_lists_are_chosen_by_the_count_before():
    counts = []
    found = Listing(Counts(3), lambda count: counts.append(count) or [Part(Pages(3), 3)])
    assert len(ids(found)) == 3
    assert counts == [3]


@pytest.mark.parametrize("length", [0, 1, 2])
def test_a_short_list_read_thoroughly_ends(length):
    class Counted(Pages):
        def page(self, skip, _take=256):
            assert skip >= 0
            assert len(self.read) < 20
            return super().page(skip, _take)

    pages = Counted(length)
    assert len(ids(listing(pages, counts=[5], expected=0))) == length


def test_what_an_earlier_pass_listed_does_not_count():
    """The last pass agrees with its counts, though the first listed a record that is gone."""
    pages = Pages(100, {1: lambda records: records.pop()})
    found = listing(pages, counts=[101, 99], expected=0)
    assert len(ids(found)) == 100
    assert (found.before, found.after, found.listed) == (99, 99, 99)


@pytest.mark.parametrize("more", [0, 1])
def test_how_much_more_than_counted_may_be_listed(monkeypatch, more):
    """After the first page 256 records are known, and the second is the last."""
    monkeypatch.setattr("cv_gdpr.service.paging._SLACK", 256 - 2 * 100 - more)
    found = listing(Pages(500), counts=[100, 500], expected=0)
    if more:
        with pytest.raises(MalformedAnswer, match="255") as refused:
            ids(found)
        assert refused.value.message
    else:
        assert len(ids(found)) == 500


@pytest.mark.parametrize(("expected", "returns"), [(0, 20), (255, 20), (256, 21), (257, 21), (2560, 30)])
def test_how_often_a_place_may_be_lost(expected, returns):
    ahead = _Ahead(Part(Pages(0), expected))
    for _ in range(returns - 1):
        ahead.spend()
    with pytest.raises(MalformedAnswer) as refused:
        ahead.spend()
    assert refused.value.message
