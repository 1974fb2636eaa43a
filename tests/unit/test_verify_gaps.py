"""What a project's folder need not hold: rows that were not exported, what selectors left out, gaps that are named."""

import pytest

from cv_gdpr.table.categories import ROWS
from tests.unit.happening import uuid
from tests.unit.project_folder import (
    FILES,
    HELD,
    IMAGE,
    IMAGES,
    ITERATION,
    NOTES,
    OTHER,
    PERFORMANCES,
    PROOFS,
    SOUND,
    TAG,
    WITHIN,
    also,
    checker,
    less,
    note,
    notes,
    proof,
    proved,
)


@pytest.fixture
def checked(tmp_path):
    """Check a folder with some files changed."""
    return checker(tmp_path)


def test_rows_that_were_not_exported_are_foreign(checked):
    rows = [row for row in ROWS if row not in {"tags", "projects", "iterations"}]
    found, _ = checked(rows=rows)
    foreign = "belongs to the row {}, which export.json does not name"
    assert sorted(found) == sorted(
        f"{file}: {foreign.format(row)}"
        for row, files in {
            "projects": ["project.json"],
            "iterations": ["iterations.jsonl", f"{WITHIN}/iteration.json"],
            "tags": ["tags.jsonl", "tag-details.jsonl", f"{WITHIN}/tags.jsonl", f"{WITHIN}/tag-details.jsonl"],
        }.items()
        for file in files
    )


def without(*rows):
    """Return the rows but these, and the files of the rows that are left."""
    gone = {
        "projects": ["project.json"],
        "iterations": ["iterations.jsonl", f"{WITHIN}/iteration.json"],
        "performance": [f"{WITHIN}/performance.json", PERFORMANCES],
    }
    files = {file: None for row in rows for file in gone[row]}
    proofs = [one for one in SOUND[PROOFS] if one["row"] not in rows]
    return {"rows": [row for row in ROWS if row not in rows]}, files | {PROOFS: proofs}


@pytest.mark.parametrize("row", ["projects", "iterations", "performance"])
def test_rows_that_were_not_exported_are_not_missed(checked, row):
    given, changes = without(row)
    assert checked(changes, **given)[0] == []


def test_a_note_of_a_row_that_was_not_exported_is_foreign(checked):
    given, changes = without("performance")
    changes |= notes(note("performance", ITERATION, iteration=ITERATION))
    assert checked(changes, **given)[0] == [f"{NOTES}: belongs to the row performance, which export.json does not name"]


def test_iterations_are_known_only_by_their_own_row(checked):
    given, changes = without("iterations")
    changes |= notes(note("images", IMAGE, iteration=OTHER, gone=True))
    assert checked(changes, **given)[0] == []


NARROWED = {
    "less written": (proved(0, written=1, listed=2, countedBefore=2, countedAfter=2), []),
    "more written": (
        proved(0, listed=0, countedBefore=0, countedAfter=0),
        [f"{PROOFS}: images.jsonl: 0 listed, 1 written"],
    ),
    "a tag without details": (also("tags.jsonl", {"id": OTHER}), []),
    "details without a tag": (also("tag-details.jsonl", {"id": OTHER}), []),
    "a tag both ways": (
        notes(note("tags", TAG)),
        [f"tag-details.jsonl: holds tag {TAG}, which absent.jsonl notes as gone"],
    ),
}


@pytest.mark.parametrize("name", NARROWED)
def test_selectors_may_leave_some_out(checked, name):
    changes, expected = NARROWED[name]
    assert checked(changes, narrowed=True)[0] == expected


NO_PERFORMANCE = {f"{WITHIN}/performance.json": None, PERFORMANCES: None} | less(PROOFS, 2)
GAPS = {
    "a project's document": ({"project.json": None}, {"row": "projects"}),
    "an iteration's document": ({f"{WITHIN}/iteration.json": None}, {"row": "iterations", "iteration": ITERATION}),
    "an iteration's folder": (
        also("iterations.jsonl", {"id": OTHER}),
        *({"row": row, "iteration": OTHER} for row in ("iterations", "performance", "images")),
    ),
    "a performance": (NO_PERFORMANCE, {"row": "performance", "iteration": ITERATION}),
    "a whole row": (NO_PERFORMANCE, {"row": "performance"}),
    "a list": (
        less(PROOFS, 1) | {IMAGES: None} | less(FILES, 1),
        {"row": "images", "iteration": ITERATION},
    ),
    "a listing that changed": (proved(1, countedBefore=7), {"row": "images", "iteration": ITERATION}),
    "a listing not written": (proved(0, listed=7), {"row": "images"}),
    "a tag's details": (also("tags.jsonl", {"id": OTHER}), {"row": "tags", "id": OTHER}),
    "all tags' details": (also("tags.jsonl", {"id": OTHER}), {"row": "tags"}),
    "an image's bytes": (less(FILES), {"row": "images", "id": IMAGE}),
}


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_that_is_named_is_not_a_difference(checked, name):
    changes, *gaps = GAPS[name]
    assert checked(changes, gaps=gaps)[0] == []
    assert checked(changes, gaps=[*(gap | {"project": OTHER} for gap in gaps), {"row": "predictions"}])[0] != []


def test_a_list_that_is_empty_is_counted(checked):
    found, counted = checked({"predictions.jsonl": []} | less(FILES, 2))
    assert (found, "predictions" in counted) == ([], False)


def test_what_is_noted_as_gone_does_not_count(checked):
    found, counted = checked(less(FILES) | notes(note("images", IMAGE, gone=True)))
    assert (found, counted["images"]) == ([], 1)


def test_flags_are_counted(checked):
    index = [one | {"flag": "md5 differs"} for one in SOUND[FILES]]
    assert checked({FILES: index})[0] == []
    assert checked.result.flagged == 4


THIRD = uuid(98)
SECOND = {
    f"iterations/Second-{OTHER}/iteration.json": {"id": OTHER},
    f"iterations/Second-{OTHER}/images.jsonl": [],
}


def test_the_documents_of_all_iterations_count(checked):
    changes = SECOND | also("iterations.jsonl", {"id": OTHER}) | notes(note("performance", OTHER, iteration=OTHER))
    changes |= also(PROOFS, proof("images", f"iterations/Second-{OTHER}/images.jsonl", 0, OTHER))
    assert checked(changes) == ([], HELD | {"iterations": 2})


def of_iteration(row, iteration=OTHER):
    return {"row": row, "iteration": iteration}


TWO_TAGS = also("tags.jsonl", {"id": THIRD}, {"id": OTHER})
HIDING = {
    "an iteration's folder": (
        also("iterations.jsonl", {"id": OTHER}, {"id": THIRD}),
        [of_iteration("iterations", THIRD), {"row": "performance"}, {"row": "images"}],
        [f"iterations.jsonl: iteration {OTHER} has no folder"],
    ),
    "a listing": (
        also("iterations.jsonl", {"id": OTHER}) | less(PROOFS, 1) | {IMAGES: None} | less(FILES, 1),
        [of_iteration("iterations"), of_iteration("performance"), of_iteration("images", ITERATION)],
        [
            f"{PROOFS}: has no proof of iterations/{OTHER}/images.jsonl",
            f"iterations/{OTHER}/images.jsonl: missing",
        ],
    ),
    "a tag": (
        TWO_TAGS,
        [{"row": "tags", "id": THIRD}],
        [f"tag-details.jsonl: does not hold tag {OTHER}, which tags.jsonl lists"],
    ),
    "an iteration's tags": (
        also("tags.jsonl", {"id": THIRD}) | also(f"{WITHIN}/tags.jsonl", {"id": OTHER}),
        [of_iteration("tags", ITERATION)],
        [f"tag-details.jsonl: does not hold tag {THIRD}, which tags.jsonl lists"],
    ),
}


@pytest.mark.parametrize("name", HIDING)
def test_a_gap_hides_no_other_difference(checked, name):
    changes, gaps, expected = HIDING[name]
    assert checked(changes, gaps=gaps)[0] == expected
