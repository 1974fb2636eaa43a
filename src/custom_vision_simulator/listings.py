"""Operations that list and count images of the workspace or of an iteration."""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter

from custom_vision_simulator.answers import Answer, bad_request, json_answer
from custom_vision_simulator.asks import Ask
from custom_vision_simulator.records import TAKE_DEFAULT, TAKE_MAX, Image

Test = Callable[[Image], bool]
_COMPARISON = re.compile(r"\s*(.+?)\s+(eq|ne)\s+'(.*)'\s*")
_TAGS_AT_MOST = 20
ORDERS = ("Newest", "Oldest")
STATUSES = ("All", "Tagged", "Untagged")


def get_images(ask: Ask) -> Answer:
    """Answer a page of images selected by taggingStatus, tagIds and $filter, newest first."""
    return _page_answer(ask, _chosen(ask, ask.choice("taggingStatus", STATUSES, "All"), filtered=True))


def get_image_count(ask: Ask) -> Answer:
    """Answer how many images GetImages would list."""
    return json_answer(len(_chosen(ask, ask.choice("taggingStatus", STATUSES, "All"), filtered=True)))


def get_tagged_images(ask: Ask) -> Answer:
    """Answer a page of tagged images; with tagIds, those that have any of these tags."""
    return _page_answer(ask, _chosen(ask, "Tagged"))


def get_tagged_image_count(ask: Ask) -> Answer:
    """Answer the number of tagged images as a bare integer."""
    return json_answer(len(_chosen(ask, "Tagged")))


def get_untagged_images(ask: Ask) -> Answer:
    """Answer a page of untagged images."""
    return _page_answer(ask, _chosen(ask, "Untagged"))


def get_untagged_image_count(ask: Ask) -> Answer:
    """Answer the number of untagged images as a bare integer."""
    return json_answer(len(_chosen(ask, "Untagged")))


def get_images_by_ids(ask: Ask) -> Answer:
    """Answer the images with the given ids, oldest first (recorded sessions); unknown ids are left out ([infer])."""
    snapshot = ask.snapshot
    ids = dict.fromkeys(ask.many("imageIds", TAKE_MAX))
    found = [snapshot.images[each] for each in ids if each in snapshot.images]
    shape = ask.shaper(snapshot).shape
    return json_answer([shape(each) for each in sorted(found, key=attrgetter("created"))])


def page(ask: Ask, images: list[Image]) -> list[Image]:
    """Return the page selected by orderBy, take (50 by default, at most 256) and skip; raise 400 above that."""
    take, skip = ask.number("take", TAKE_DEFAULT), ask.number("skip", 0)
    if take > TAKE_MAX:
        raise bad_request("BadRequestImageExceededCount", f"take: {take} given, at most {TAKE_MAX} allowed")
    newest = ask.choice("orderBy", ORDERS, "Newest") == "Newest"
    return sorted(images, key=attrgetter("created"), reverse=newest)[skip : skip + take]


def _page_answer(ask: Ask, images: list[Image]) -> Answer:
    shape = ask.shaper(ask.snapshot).shape
    return json_answer([shape(each) for each in page(ask, images)])


def _chosen(ask: Ask, status: str, filtered: bool = False) -> list[Image]:
    tests = _tests(ask, status, filtered)
    images: list[Image] = list(ask.snapshot.images.values())
    for test in tests:
        images = [each for each in images if test(each)]
    return images


def _tests(ask: Ask, status: str, filtered: bool) -> list[Test]:
    by_status: dict[str, list[Test]] = {
        "All": [],
        "Tagged": [lambda image: bool(image.tags)],
        "Untagged": [lambda image: not image.tags],
    }
    tests = by_status[status]
    if wanted := set(ask.many("tagIds", _TAGS_AT_MOST)):
        tests.append(lambda image: any(tag.tag_id in wanted for tag in image.tags))
    if filtered and (text := ask.query.get("$filter")):
        tests.append(metadata_test(text))
    return tests


def metadata_test(text: str) -> Test:
    """Return the predicate of a filter like `metadata=a eq 'x' and b ne 'y' or c eq 'z'` (published contract)."""
    clauses = [part.split(" and ") for part in text.removeprefix("metadata=").split(" or ")]
    tests = [[_comparison(each) for each in clause] for clause in clauses]
    return lambda image: any(all(test(image) for test in clause) for clause in tests)


def _comparison(text: str) -> Test:
    if (matched := _COMPARISON.fullmatch(text)) is None:
        raise bad_request("BadRequestInvalid", f"Not a metadata filter: {text}")
    key, operator, value = matched.groups()
    return lambda image: (image.metadata.get(key) == value) is (operator == "eq")
