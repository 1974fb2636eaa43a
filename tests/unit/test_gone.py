"""What evidence proves gone, and what is cut out of a record that names it."""

import pytest

from cv_gdpr.redact.gone import Gone
from tests.unit.happening import OTHER, PROJECT, uuid

IMAGE, TAG, ITERATION, STAYS = map(uuid, (1, 2, 3, 4))
GONE = Gone([(PROJECT, "images", IMAGE), (PROJECT, "tags", TAG), (PROJECT, "iterations", ITERATION)])
COMPACT = IMAGE.replace("-", "")
LABEL = {"tagId": TAG, "tagName": "alice"}
OTHER_LABEL = {"tagId": STAYS, "tagName": "bob"}

CUT = {  # a record, and what stays of it
    "a tag of two": ({"tags": [LABEL, OTHER_LABEL]}, {"tags": [OTHER_LABEL]}),
    "the only tag": ({"id": STAYS, "tags": [LABEL]}, {"id": STAYS}),
    "the only region": ({"regions": [{"regionId": STAYS} | LABEL]}, {}),
    "the only guess": ({"predictions": [{"probability": 1} | LABEL]}, {"predictions": []}),
    "a link": ({"thumbnailUri": f"https://h/i-1/t-{COMPACT}"}, {}),
    "a link in capitals": ({"thumbnailUri": f"https://h/t-{COMPACT.upper()}"}, {}),
    "a field": ({"iteration": ITERATION, "project": PROJECT}, {"project": PROJECT}),
    "an id in a list": ({"ids": [IMAGE, STAYS]}, {"ids": [STAYS]}),
    "deep inside": ({"a": {"b": [{"c": {"iteration": ITERATION, "d": 1}}]}}, {"a": {"b": [{"c": {"d": 1}}]}}),
    "what a person wrote": (
        {"metadata": {"copyOf": IMAGE}, "name": TAG, "description": f"see {IMAGE}"},
        {"metadata": {"copyOf": IMAGE}, "name": TAG, "description": f"see {IMAGE}"},
    ),
    "another id": (
        {"tags": [OTHER_LABEL], "empty": [], "none": None},
        {"tags": [OTHER_LABEL], "empty": [], "none": None},
    ),
}


@pytest.mark.parametrize("case", CUT)
def test_what_names_the_erased_is_cut_out(case):
    record, less = CUT[case]
    assert GONE.without(record) == less


def test_a_record_keeps_its_own_id():
    """A stored prediction may have the id of an image that was erased."""
    record = {"id": IMAGE, "originalImageUri": f"https://h/o-{COMPACT}", "iteration": ITERATION}
    assert GONE.without(record, own=IMAGE) == {"id": IMAGE, "originalImageUri": f"https://h/o-{COMPACT}"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f'"{IMAGE}"', {("images", IMAGE)}),
        (f"/i-{COMPACT}/x {TAG.upper()}", {("images", IMAGE), ("tags", TAG)}),
        (f"{STAYS}", set()),
        (IMAGE[:-1], set()),
        ("", set()),
    ],
)
def test_ids_are_found_in_both_spellings(text, named):
    assert GONE.named_in(text.encode()) == named


@pytest.mark.parametrize(
    ("items", "whole"),
    [
        ([(PROJECT, "images", IMAGE)], {PROJECT: False, OTHER: False}),
        ([(PROJECT, "projects", PROJECT)], {PROJECT: True, OTHER: False}),
        ([("/subscriptions/0", "account", "name")], {PROJECT: True, OTHER: True}),
        ([("/subscriptions/0", "recoverable account", "name")], {PROJECT: True, OTHER: True}),
    ],
)
def test_what_is_gone_as_a_whole(items, whole):
    gone = Gone(items)
    assert {project: gone.of(project).whole for project in whole} == whole


@pytest.mark.parametrize("spelled", [str, str.upper, "{{{}}}".format, " {} ".format, lambda one: one.replace("-", "")])
def test_an_id_is_gone_in_any_spelling(spelled):
    gone = Gone([(spelled(PROJECT), "images", spelled(IMAGE))])
    for project, image in ((PROJECT, IMAGE), (PROJECT.upper(), IMAGE.upper())):
        assert gone.of(project).holds("images", image)
        assert gone.named_in(f"see {image}".encode()) == {("images", IMAGE)}
    assert not gone.of(PROJECT).holds("tags", IMAGE)
    assert not gone.of(OTHER).holds("images", IMAGE)
