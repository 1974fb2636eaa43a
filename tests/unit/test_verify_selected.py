"""The folder of a narrowed export against itself: what tests said of the selected images, and the names."""

from types import SimpleNamespace

import pytest

from cv_gdpr.archive.bag import WORKSPACE
from cv_gdpr.verify.names import held_predictions
from cv_gdpr.verify.redactions import Redactions
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


def proved_empty():
    """Return the proofs of lists from which selectors took nothing."""
    return {PROOFS: [one | {"written": 0} for one in SOUND[PROOFS]]}


MODEL = {"id": ITERATION, "name": ":First"}
NAMED = {"id": PROJECT, "name": "Visitors!", "iterations": [MODEL]}
SELECTED = {name: None for name in SOUND if name not in KEPT} | {
    "files.jsonl": SOUND["files.jsonl"][:2],
    "names.json": NAMED,
}
EMPTY = dict.fromkeys(SOUND) | {"images.jsonl": [], "files.jsonl": [], IMAGES: [], PERFORMANCES: []} | proved_empty()
OLD = {PERFORMANCES: None} | less(PROOFS, 2)
INVALID = "names.json: not the id and the name of a project and of a list of iterations"
CASES = {
    "whole": ({}, []),
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
    "names of nothing": ({"names.json": {}}, [INVALID]),
    "names without an id": ({"names.json": {"name": "x", "iterations": []}}, [INVALID]),
    "names without a list": ({"names.json": {"id": PROJECT, "name": "Visitors"}}, [INVALID]),
    "names and more": ({"names.json": NAMED | {"owner": "x"}}, [INVALID]),
    "a name that is not text": ({"names.json": NAMED | {"name": 1}}, [INVALID]),
    "more of an iteration": ({"names.json": NAMED | {"iterations": [MODEL | {"owner": "x"}]}}, [INVALID]),
    "an iteration that is not an object": ({"names.json": NAMED | {"iterations": ["x"]}}, [INVALID]),
    "an iteration twice": (
        {"names.json": NAMED | {"iterations": [MODEL, MODEL]}},
        ["names.json: it names an id twice"],
    ),
    "another name": (
        {"names.json": NAMED | {"name": "Smith"}},
        ["names.json: names the project otherwise than its folder"],
    ),
    "another name of an iteration": (
        {"names.json": NAMED | {"iterations": [MODEL | {"name": "Smith"}]}},
        [f"names.json: names iteration {ITERATION} otherwise than its folder"],
    ),
    "an unknown iteration": (
        {"names.json": NAMED | {"iterations": [MODEL, {"id": OTHER, "name": "Smith"}]}},
        [f"names.json: names iteration {OTHER}, but the export holds nothing of it"],
    ),
    "no name of an iteration": (
        {"names.json": NAMED | {"iterations": []}},
        [f"names.json: does not name iteration {ITERATION}, but the export holds something of it"],
    ),
    "no names": ({"names.json": None}, ["names.json: missing"]),
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
    changes = OLD | {"names.json": None}
    assert checked(SELECTED | changes, rows=["images"], narrowed=True) == ([], {"images": 2})


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


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (None, []),
        (
            NAMED,
            [
                f"names.json: names iteration {ITERATION}, but the export holds nothing of it",
                "names.json: the export holds nothing of this project",
            ],
        ),
    ],
)
def test_nothing_is_named_where_nothing_is_held(checked, names, expected):
    found, _ = checked(EMPTY | {"names.json": names}, rows=["images"], narrowed=True, about=["performance"])
    assert found == expected


@pytest.mark.parametrize(("lines", "taken", "held"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_predictions_that_were_taken_out_were_held(lines, taken, held):
    redactions = Redactions()
    redactions.records[PROJECT, WORKSPACE, "predictions.jsonl"] = taken
    contents = SimpleNamespace(id=PROJECT, lines={"predictions.jsonl": lines})
    assert held_predictions(contents, redactions) is held
