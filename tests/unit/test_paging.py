"""Listings between two counts: a listing with a missed or deleted record is never reported as complete."""

from concurrent.futures import Future

import pytest

from cv_gdpr.errors import MalformedAnswer
from cv_gdpr.service import paging
from cv_gdpr.service.paging import Listing, Part, identified, once

PAGE = 4


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(paging, "PAGE", PAGE)


class Pages:
    """A list that is read by pages; each pass over it may find another state."""

    def __init__(self, *passes):
        self.passes = list(passes)
        self.skips = []

    def page(self, skip, _take=256):
        if skip == 0 and self.skips and len(self.passes) > 1:
            self.passes.pop(0)
        self.skips.append(skip)
        return [{"id": one} for one in self.passes[0][skip : skip + PAGE]]

    def soon(self, skip):
        future = Future()
        future.set_result(self.page(skip))
        return future


def read(counts, *passes, still=None):
    """Read a listing with these counts, one after the other; return it and the ids that it gave."""
    left = list(counts)
    pages = Pages(*passes)
    listing = Listing(
        lambda: left.pop(0) if len(left) > 1 else left[0],
        lambda counted: [Part(pages, counted)],
        still and (lambda ids: ids & set(still)),
    )
    return listing, "".join(record["id"] for record in listing.records())


def proved(listing):
    return listing.before == listing.after == listing.listed


LISTINGS = {  # counts, passes, what GetImagesByIds still gives: ids that come out, whether they are proved
    "empty": ([0], [""], None, "", True),
    "one page": ([3], ["abc"], None, "abc", True),
    "a full page": ([4], ["abcd"], None, "abcd", True),
    "several pages": ([9], ["abcdefghi"], None, "abcdefghi", True),
    "fewer than counted": ([4], ["abc"], None, "abc", False),
    "more than counted": ([2], ["abc"], None, "abc", False),
    "found in the second pass": ([3], ["ab", "abc"], None, "abc", True),
    "found in the third pass": ([3], ["ab", "ab", "abc"], None, "abc", True),
    "each pass lacks one, and all are there yet": ([3], ["ab", "bc"], "abc", "abc", True),
    "each pass lacks one, and one is not there": ([3], ["ab", "bc"], "bc", "abc", False),
    "each pass lacks one, and nothing ever goes": ([3], ["ab", "bc"], None, "abc", True),
    "one deleted, one never listed": ([3, 3, 4, 3], ["ab", "bc"], "bc", "abc", False),
    "a count that was another once": ([4, 3], ["ab", "bc"], "abc", "abc", False),
    "one deleted in the first pass": ([3, 2], ["abc", "bc"], "bc", "abc", True),
    "one added in the first pass": ([2, 3], ["ab", "abc"], "abc", "abc", True),
    "counted otherwise before": ([2, 3, 3, 3], ["abc", "abc"], None, "abc", True),
    "counts that never stay": ([3, 4, 3, 4], ["abc"], "abc", "abc", False),
    "listed twice": ([3], ["abbc"], None, "abc", True),
}


@pytest.mark.parametrize(("counts", "passes", "still", "ids", "agrees"), LISTINGS.values(), ids=LISTINGS)
def test_a_listing_is_proved_only_by_its_counts(counts, passes, still, ids, agrees):
    listing, given = read(counts, *passes, still=still)

    assert given == ids
    assert proved(listing) == agrees


def test_a_listing_that_is_proved_is_not_read_again():
    pages = Pages("abc")
    listing = Listing(lambda: 3, lambda counted: [Part(pages, counted)])
    list(listing.records())

    assert pages.skips == [0]


def test_each_page_begins_with_the_last_record_before_it():
    pages = Pages("abcdefghi")
    list(Listing(lambda: 9, lambda counted: [Part(pages, counted)]).records())

    assert sorted(pages.skips) == [0, 3, 6]


def test_a_list_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr(paging, "_SLACK", 10)

    class Endless(Pages):
        def page(self, skip, _take=256):
            return [{"id": str(number)} for number in range(skip, skip + PAGE)]

    listing = Listing(lambda: 3, lambda counted: [Part(Endless(""), counted)])

    with pytest.raises(MalformedAnswer, match="far more than it counts"):
        list(listing.records())


def test_pages_that_never_fit_together_are_refused():
    class Moving(Pages):
        moved = 0

        def page(self, skip, _take=256):
            self.moved += 1
            return [{"id": f"{self.moved}.{number}"} for number in range(skip, skip + PAGE)]

    listing = Listing(lambda: 9, lambda counted: [Part(Moving(""), counted)])

    with pytest.raises(MalformedAnswer, match="two pages"):
        list(listing.records())


@pytest.mark.parametrize("count", [5, 6, 7, 8, 9, 20])
@pytest.mark.parametrize("gone", [1, 2, 3, 5])
def test_nothing_is_missed_when_earlier_records_are_deleted(count, gone):
    ids = [chr(ord("a") + number) for number in range(count)]

    class Shrinking(Pages):
        def page(self, skip, _take=256):
            if skip and not self.skips:
                self.passes[0] = self.passes[0][gone:]
                self.skips.append(skip)
            return [{"id": one} for one in self.passes[0][skip : skip + PAGE]]

    listing = Listing(lambda: count, lambda _: [Part(Shrinking("".join(ids)), 0)])

    assert {record["id"] for record in listing.records()} >= set(ids[gone:])


@pytest.mark.parametrize("record", [None, 1, "a", [], {}, {"id": None}, {"id": 1}, {"id": ""}, {"id": "x" * 1000}])
def test_a_record_without_an_id_is_refused(record):
    with pytest.raises(MalformedAnswer, match="id"):
        identified([{"id": "a"}, record])


def test_of_a_record_listed_twice_the_first_counts():
    records = [{"id": "a", "n": 1}, {"id": "b", "n": 2}, {"id": "a", "n": 3}]

    assert sorted(record["n"] for record in once(records)) == [1, 2]


@pytest.mark.parametrize("more", [0, 1, 5, 30])
def test_the_calls_of_a_list_are_known_before(more):
    for count in range(40):
        pages = Pages([str(number) for number in range(count)])
        read_all = list(paging._walk(Part(pages, count + more), 0, {}, most=1000, thorough=False))
        assert len(read_all) == count
        assert len(pages.skips) == paging.calls_for(count, count + more), count
