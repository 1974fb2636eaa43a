"""What a project's folder need not hold: rows that were not exported, what selectors left out, gaps that are named."""

import pytest

from cv_gdpr.table.categories import ROWS
from cv_gdpr.table.findings import counts_differ
from tests.unit.happening import uuid
from tests.unit.project_folder import (
    COPY,
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


def gap(row, file, iteration=None, **fields):
    """Return an entry of missing.jsonl about a file that could not be read."""
    return {"row": row, "file": file, "iteration": iteration} | fields


def counted(before, after, listed, written, iteration=None):
    """Return an entry about a list of images that does not agree with its counts."""
    reason = counts_differ(before, after, listed, written, iteration)
    return gap("images", "images.jsonl", iteration, reason=reason)


EACH = [
    ("iterations", "iteration.json"),
    ("performance", "performance.json"),
    ("images", "images.jsonl"),
]
GAPS = {
    "a project's document": ({"project.json": None}, gap("projects", "project.json")),
    "an iteration's document": (
        {f"{WITHIN}/iteration.json": None},
        gap("iterations", "iteration.json", ITERATION),
    ),
    "an iteration's folder": (
        also("iterations.jsonl", {"id": OTHER}),
        *(gap(row, file, OTHER) for row, file in EACH),
    ),
    "the list of iterations": ({"iterations.jsonl": None}, gap("iterations", "iterations.jsonl")),
    "a performance": (NO_PERFORMANCE, gap("performance", "performance.json", ITERATION)),
    "image performances": (
        {PERFORMANCES: None} | less(PROOFS, 2),
        gap("performance", "image-performances.jsonl", ITERATION),
    ),
    "a row in every iteration": (NO_PERFORMANCE, gap("performance", "iterations.jsonl")),
    "a list": (
        less(PROOFS, 1) | {IMAGES: None} | less(FILES, 1),
        gap("images", "images.jsonl", ITERATION),
    ),
    "a listing that changed": (proved(1, countedBefore=7), counted(7, 1, 1, 1, ITERATION)),
    "a listing not written": (proved(0, listed=7), counted(1, 1, 7, 1)),
    "a tag's details": (also("tags.jsonl", {"id": OTHER}), gap("tags", "tag-details.jsonl", id=OTHER)),
    "an image's bytes": (less(FILES), {"row": "images", "id": IMAGE, "source": f"/{IMAGE}"}),
}


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_that_is_named_is_not_a_difference(checked, name):
    changes, *gaps = GAPS[name]
    assert checked(changes, gaps=gaps)[0] == []
    for other in ({"project": OTHER}, {"row": "predictions"}, {"iteration": uuid(97)}, {"file": "export.json"}):
        assert checked(changes, gaps=[gap | other for gap in gaps])[0] != [], other


def test_items_that_are_not_whole_are_counted(checked):
    """Not one that was deleted meanwhile, nor one that is in no list."""
    gaps = [{"row": "images", "id": one, "source": f"/{one}"} for one in (IMAGE, COPY, OTHER)]
    changes = {FILES: SOUND[FILES][2:]} | notes(note("images", COPY, gone=True))
    assert checked(changes, gaps=gaps)[0] == []
    assert checked.lost == {"images": 1}


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


TWO_TAGS = also("tags.jsonl", {"id": THIRD}, {"id": OTHER})
HIDING = {
    "an iteration's folder": (
        also("iterations.jsonl", {"id": OTHER}, {"id": THIRD}),
        [gap("iterations", "iteration.json", THIRD)]
        + [gap(row, file, one) for row, file in EACH[1:] for one in (OTHER, THIRD)],
        [f"iterations.jsonl: iteration {OTHER} has no folder"],
    ),
    "a listing": (
        also("iterations.jsonl", {"id": OTHER}) | less(PROOFS, 1) | {IMAGES: None} | less(FILES, 1),
        [*(gap(row, file, OTHER) for row, file in EACH[:2]), gap("images", "images.jsonl", ITERATION)],
        [
            f"{PROOFS}: has no proof of iterations/{OTHER}/images.jsonl",
            f"iterations/{OTHER}/images.jsonl: missing",
        ],
    ),
    "a listing beside its suggestions": (
        less(PROOFS, 1) | {IMAGES: None} | less(FILES, 1),
        [gap("images", "image-suggestions.jsonl", ITERATION)],
        [f"{PROOFS}: has no proof of {IMAGES}", f"{IMAGES}: missing"],
    ),
    "a listing whose counts differ": (
        less(PROOFS, 1) | {IMAGES: None} | less(FILES, 1),
        [counted(7, 1, 1, 1, ITERATION)],
        [f"{PROOFS}: has no proof of {IMAGES}", f"{IMAGES}: missing"],
    ),
    "a listing with other numbers": (
        proved(1, countedBefore=6),
        [counted(7, 1, 1, 1, ITERATION)],
        [
            f"{PROOFS}: {IMAGES}: missing.jsonl gives other numbers",
            f"{PROOFS}: {IMAGES}: counted 6 before and 1 after, listed 1",
        ],
    ),
    "the workspace's list": (
        less(PROOFS) | {"images.jsonl": None} | less(FILES),
        [gap("images", "iterations.jsonl")],
        [f"{PROOFS}: has no proof of images.jsonl", "images.jsonl: missing"],
    ),
    "bytes at another address": (
        less(FILES),
        [{"row": "images", "id": IMAGE, "source": "/elsewhere"}],
        [f"images.jsonl: images {IMAGE} has no file"],
    ),
    "bytes that are there": (
        {},
        [{"row": "images", "id": IMAGE, "source": f"/{IMAGE}"}],
        [f"images/{IMAGE}.jpg: exists, but missing.jsonl says that it is missing"],
    ),
    "a tag": (
        TWO_TAGS,
        [gap("tags", "tag-details.jsonl", id=THIRD)],
        [f"tag-details.jsonl: does not hold tag {OTHER}, which tags.jsonl lists"],
    ),
    "an iteration's tags": (
        also("tags.jsonl", {"id": THIRD}) | also(f"{WITHIN}/tags.jsonl", {"id": OTHER}),
        [gap("tags", "tag-details.jsonl", ITERATION, id=OTHER)],
        [f"tag-details.jsonl: does not hold tag {THIRD}, which tags.jsonl lists"],
    ),
}


@pytest.mark.parametrize("name", HIDING)
def test_a_gap_hides_no_other_difference(checked, name):
    changes, gaps, expected = HIDING[name]
    assert checked(changes, gaps=gaps)[0] == expected
