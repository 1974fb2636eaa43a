"""The folder of a narrowed export against itself: what tests said of the selected images, and the names."""

import pytest

from tests.unit.project_folder import (
    IMAGES,
    ITERATION,
    NOTES,
    OTHER,
    PERFORMANCES,
    PROJECT,
    PROOFS,
    SOUND,
    WITHIN,
    checker,
    less,
    note,
    notes,
    proved,
)

KEPT = {"images.jsonl", "files.jsonl", IMAGES, PERFORMANCES, f"{WITHIN}/image-suggestions.jsonl", PROOFS}
SELECTED = {name: None for name in SOUND if name not in KEPT} | {"files.jsonl": SOUND["files.jsonl"][:2]}
NAMED = {"id": PROJECT, "name": "Visitors: pets", "iterations": [{"id": ITERATION, "name": "1: first"}]}
OLD = {PERFORMANCES: None} | less(PROOFS, 2)
CASES = {
    "whole": ({}, []),
    "names": ({"names.json": NAMED}, []),
    "fewer entries": ({PERFORMANCES: []} | proved(2, written=0), []),
    "no entry": ({PERFORMANCES: []}, [f"{PERFORMANCES}: holds 0 records, but listings.jsonl says 1 were written"]),
    "no list": (OLD, [f"{PROOFS}: has no proof of {PERFORMANCES}", f"{PERFORMANCES}: missing"]),
    "no list, as noted": (OLD | notes(note("performance", ITERATION, iteration=ITERATION)), []),
    "a note and a list": (
        notes(note("performance", ITERATION, iteration=ITERATION)),
        [f"{PROOFS}: proves performance of iteration {ITERATION}, a list that the export does not hold"],
    ),
    "a document": (
        {f"{WITHIN}/performance.json": {}},
        [f"{WITHIN}/performance.json: belongs to the row performance, which export.json does not name"],
    ),
    "another project's names": (
        {"names.json": NAMED | {"id": OTHER}},
        [f"names.json: names project {OTHER}, but lies in the folder of {PROJECT}"],
    ),
    "names of nothing": (
        {"names.json": {}},
        [f"names.json: names project None, but lies in the folder of {PROJECT}"],
    ),
    "names without an id": ({"names.json": {"name": "x"}}, ["names.json: its content is invalid (KeyError: 'id')"]),
    "names that are not JSON": ({"names.json": "x"}, ["names.json: not JSON"]),
}


@pytest.fixture
def checked(tmp_path):
    """Check a folder with some files changed."""
    return checker(tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_each_contradiction_is_named(checked, name):
    changes, expected = CASES[name]
    found, held = checked(SELECTED | changes, rows=["images"], narrowed=True, about=["performance"])
    assert (sorted(found), held["images"]) == (sorted(expected), 2)


def test_an_export_of_before_needs_no_entries(checked):
    assert checked(SELECTED | OLD, rows=["images"], narrowed=True) == ([], {"images": 2})


def test_entries_that_the_summary_does_not_name_differ(checked):
    found, _ = checked(SELECTED, rows=["images"], narrowed=True)
    assert found == [
        f"{PERFORMANCES}: belongs to the row performance, which export.json does not name",
        f"{PROOFS}: proves performance of iteration {ITERATION}, a list that the export does not hold",
    ]


def test_a_note_of_a_row_that_was_not_read_differs(checked):
    changes = OLD | notes(note("performance", ITERATION, iteration=ITERATION))
    found, _ = checked(SELECTED | changes, rows=["images"], narrowed=True)
    assert found == [f"{NOTES}: belongs to the row performance, which export.json does not name"]


def test_only_a_narrowed_export_holds_names(checked):
    assert checked({"names.json": NAMED})[0] == ["names.json: only an export with selectors holds this file"]


def test_a_list_that_failed_is_excused(checked):
    gap = {"row": "performance", "iteration": ITERATION, "file": "image-performances.jsonl"}
    found, _ = checked(SELECTED | OLD, rows=["images"], narrowed=True, about=["performance"], gaps=[gap])
    assert found == []


def test_entries_need_no_image(checked):
    """An image that no list has any more may be left in a test."""
    changes = {PERFORMANCES: [{"id": OTHER}]}
    assert checked(SELECTED | changes, rows=["images"], narrowed=True, about=["performance"])[0] == []
