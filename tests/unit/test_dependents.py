"""What a deletion of iterations or tags does to images that nobody asked to delete."""

import pytest

from cv_gdpr.delete import dependents as module
from cv_gdpr.delete.dependents import Dependents, Loss, dependents_of, held_among
from cv_gdpr.delete.marks import mark
from cv_gdpr.table.findings import Item

ONE, TWO = {"id": "one"}, {"id": "two"}
PROJECT = object()


def image(identity, iteration=None, **record):
    return Item("images", identity, {"id": identity, **record}, "images.jsonl", iteration)


def dependents(monkeypatch, items, iterations=(), tags=()):
    """Return the dependents if the images are listed in this order; an error in the list is raised when it is read."""

    def listed(project, row, matches):
        assert (project, row.name, bool(matches.selection)) == (PROJECT, "images", False)
        for item in items:
            if isinstance(item, Exception):
                raise item
            yield item

    monkeypatch.setattr(module, "listed", listed)
    return dependents_of(PROJECT, set(iterations), frozenset(tags))


def test_nothing_is_listed_for_nothing(monkeypatch):
    assert dependents(monkeypatch, [ValueError()]) == Dependents({}, {}, {})


def test_images_of_these_iterations_alone_are_deleted_too(monkeypatch):
    items = [image("w"), image("w", ONE), image("a", ONE, x=1), image("b", ONE), image("a", TWO, x=2), image("c", TWO)]
    marked = {name: mark({"id": name, **more}) for name, more in (("a", {"x": 1}), ("b", {}), ("c", {}))}
    images, held, losing = dependents(monkeypatch, items, ["one"])
    assert (images, held, losing) == ({"b": marked["b"]}, {"one": ["b"]}, {})
    images, held, losing = dependents(monkeypatch, items, ["one", "two"])
    assert (images, held, losing) == (marked, {"one": ["a", "b"], "two": ["a", "c"]}, {})


def test_iterations_are_not_read_for_tags(monkeypatch):
    items = [image("a", tags=[{"tagId": "t"}]), image("b"), image("a", ONE, tags=[{"tagId": "t"}]), ValueError()]
    found = dependents(monkeypatch, items, tags=["t"])
    assert found == Dependents({}, {}, {"a": Loss(mark(items[0].record), frozenset({"t"}), 0)})


def test_images_of_iterations_lose_nothing_for_themselves(monkeypatch):
    items = [image("a", ONE, tags=[{"tagId": "t"}])]
    images, held, losing = dependents(monkeypatch, items, ["one"], ["t"])
    assert (set(images), held, losing) == ({"a"}, {"one": ["a"]}, {})


@pytest.mark.parametrize(
    ("record", "tags", "regions"),
    [
        ({}, None, 0),
        ({"tags": None, "regions": "x"}, None, 0),
        ({"tags": [{"tagId": "other"}], "regions": [{"tagId": "other"}]}, None, 0),
        ({"tags": [{"tagId": "t"}, {"tagId": "other"}]}, {"t"}, 0),
        ({"tags": [5, {"tagId": 5}, {}], "regions": [None]}, {"5"}, 0),
        ({"regions": [{"tagId": "t"}, {"tagId": "other"}, {"tagId": "t"}, {"tagId": "u"}]}, {"t", "u"}, 3),
        ({"tags": [{"tagId": "t"}], "regions": [{"tagId": "u"}]}, {"t", "u"}, 1),
    ],
)
def test_what_an_image_loses_with_its_tags(monkeypatch, record, tags, regions):
    items = [image("a", **record)]
    found = dependents(monkeypatch, items, tags=["t", "u", "5"])
    loss = Loss(mark(items[0].record), frozenset(tags or ()), regions)
    assert found.losing == ({"a": loss} if tags else {})


def test_what_each_iteration_holds_of_some_images():
    assert held_among({"one": ["a", "b", "c"], "two": ["b"]}, {"a", "c"}) == {"one": ["a", "c"]}
