"""Stored predictions page by page: endless paging is stopped, and passes that disagree are an error."""

import pytest
import requests

from cv_gdpr.errors import MalformedAnswer, Unsteady
from cv_gdpr.service.client import Answer
from cv_gdpr.service.continuations import OLDEST, stored_records

RAW = requests.Response()
RAW.status_code, RAW.headers["Date"] = 200, "Thu, 01 Jan 2026 00:00:00 GMT"


class Service:
    """Answers QueryPredictions; `follow` says which ids a continuation brings, and where it leads."""

    def __init__(self, follow, created="2025-12-31T00:00:00Z"):
        self.follow, self.created = follow, created
        self.asked = 0

    def query(self, token):
        self.asked += 1
        ids, onward = self.follow(token.get("continuation"), self.asked)
        results = [{"id": one, "created": self.created} for one in ids]
        return Answer({"results": results, "token": {"continuation": onward}}, RAW)

    def read(self):
        return [record["id"] for record in stored_records(self.query, OLDEST)]


def in_pages(*pages):
    """Return what follows where each page leads to the next."""
    return lambda onward, _: (
        pages[int(onward or 0)],
        str(int(onward or 0) + 1) if len(pages) > int(onward or 0) + 1 else None,
    )


@pytest.mark.parametrize(("pages", "asked"), [(["ab"], 1), ([""], 1), (["ab", "cd"], 4), (["ab", "", "cd"], 6)])
def test_several_pages_are_read_until_two_passes_agree(pages, asked):
    service = Service(in_pages(*pages))

    assert "".join(service.read()) == "".join(pages)
    assert service.asked == asked


@pytest.mark.parametrize("circle", [1, 2, 5])
def test_continuations_in_a_circle_end_when_one_comes_again(circle):
    service = Service(lambda onward, _: (["a"], str((int(onward or 0) + 1) % circle)))

    with pytest.raises(MalformedAnswer, match="do not end"):
        service.read()
    assert service.asked == circle + 1


@pytest.mark.parametrize("ids", [[], ["a"]])
def test_new_continuations_that_bring_nothing_end(ids):
    service = Service(lambda _, asked: (ids, str(asked)))

    with pytest.raises(MalformedAnswer, match="do not end"):
        service.read()
    assert service.asked < 60


@pytest.mark.parametrize("onward", [1, ["a"], {"a": 1}, True])
def test_a_continuation_that_is_not_text_is_refused(onward):
    with pytest.raises(MalformedAnswer):
        Service(lambda *_: ("a", onward)).read()


@pytest.mark.parametrize("body", [{}, {"results": []}, {"token": {}}, {"results": {}, "token": {}}])
def test_an_answer_without_results_or_token_is_refused(body):
    with pytest.raises(MalformedAnswer, match="without a token or a list"):
        list(stored_records(lambda _: Answer(body, RAW), OLDEST))


def test_passes_that_never_agree_prove_nothing():
    service = Service(lambda onward, asked: ([f"{asked}"], None if onward else "on"))

    with pytest.raises(Unsteady, match="agree"):
        service.read()


def test_what_was_stored_since_need_not_agree():
    service = Service(lambda onward, asked: ([f"{asked}"], None if onward else "on"), created="2026-01-01T00:00:01Z")

    assert len(service.read()) == 4
