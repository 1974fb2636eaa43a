"""A project's folder in an export against itself: one contradiction at a time, in a folder made by hand."""

import pytest

from cv_gdpr.verify.facts import INDEX as INDEX_FACT
from tests.unit.project_folder import (
    FILES,
    FOLDER,
    HELD,
    IMAGE,
    IMAGES,
    INVALID,
    ITERATION,
    MODEL,
    NO_FILE,
    NOTES,
    OTHER,
    PERFORMANCES,
    PREDICTION,
    PROJECT,
    PROOFS,
    SOUND,
    TAG,
    WITHIN,
    also,
    but,
    checker,
    entry,
    less,
    note,
    notes,
    picture,
    proof,
    proved,
)


@pytest.fixture
def checked(tmp_path):
    """Check a folder with some files changed."""
    return checker(tmp_path)


def test_a_sound_folder_has_no_differences(checked):
    assert checked() == ([], HELD)
    assert checked.result.records == 6
    assert checked.result.flagged == 0
    files = (f"data/{FOLDER}/{one['path']}".encode() for one in SOUND["files.jsonl"])
    assert checked.files == [(file, 0, INDEX_FACT, None, 5, b"\xaa" * 32) for file in sorted(files)]


def test_details_do_not_count_as_items(checked):
    assert checked(but(f"{WITHIN}/image-suggestions.jsonl", id=OTHER)) == ([], HELD)


INDEX = {
    "a flag": (but(FILES, flag="md5 differs"), []),
    "an empty file": (but(FILES, flag="empty", bytes=0), []),
    "a wrong flag": (but(FILES, flag="odd"), [f"{FILES}: flags images/{IMAGE}.jpg (5 bytes) as 'odd'"]),
    "an empty flag": (but(FILES, flag=""), [f"{FILES}: flags images/{IMAGE}.jpg (5 bytes) as ''"]),
    "a reused file": (but(FILES, reused="2024-01-01T00:00:00Z"), []),
    "reused from nowhere": (
        but(FILES, reused="yesterday"),
        [f"{FILES}: does not say from which export images/{IMAGE}.jpg was reused"],
    ),
    "a trusted list": (proved(1, trusted="2024-01-01T00:00:00Z"), []),
    "a trusted workspace": (
        proved(0, trusted="2024-01-01T00:00:00Z"),
        [f"{PROOFS}: calls images.jsonl trusted, or does not say since when"],
    ),
    "a list trusted since nobody knows when": (
        proved(1, trusted=True),
        [f"{PROOFS}: calls {IMAGES} trusted, or does not say since when"],
    ),
    "no flag": (but(FILES, bytes=0), [f"{FILES}: flags images/{IMAGE}.jpg (0 bytes) as ''"]),
    "another name": (but(FILES, path="images/x.jpg"), [f"{FILES}: images/x.jpg is not a file name for images/{IMAGE}"]),
    "no suffix": (
        but(FILES, path=f"images/{IMAGE}"),
        [f"{FILES}: images/{IMAGE} is not a file name for images/{IMAGE}"],
    ),
    "a longer name": (but(FILES, path=f"images/{IMAGE}.01234567.jpg"), []),
    "too long a name": (
        but(FILES, path=f"images/{IMAGE}.012345678.jpg"),
        [f"{FILES}: images/{IMAGE}.012345678.jpg is not a file name for images/{IMAGE}"],
    ),
    "a name with another mark": (
        but(FILES, path=f"images/{IMAGE}-01234567.jpg"),
        [f"{FILES}: images/{IMAGE}-01234567.jpg is not a file name for images/{IMAGE}"],
    ),
    "an entry twice": (
        also(FILES, entry("images", IMAGE)),
        [f"{FILES}: has 2 entries for the bytes of images/{IMAGE}.jpg"],
    ),
    "an entry too many": (
        also(FILES, entry("images", OTHER)),
        [f"{FILES}: no record names this file".replace(FILES, f"images/{OTHER}.jpg")],
    ),
    "two entries too many": (
        also(FILES, *[entry("images", OTHER)] * 2),
        [
            f"{FILES}: has 2 entries for the bytes of images/{OTHER}.jpg",
            f"images/{OTHER}.jpg: no record names this file",
        ],
    ),
    "an entry less": (less(FILES), [NO_FILE]),
    "a model's entry less": (less(FILES, 3), [f"{WITHIN}/exports.jsonl: exports {ITERATION}/ONNX has no file"]),
    "another source": (
        but(FILES, source="/other"),
        [NO_FILE, f"images/{IMAGE}.jpg: no record names this file"],
    ),
}
ODD_ENTRY = "an entry has unknown fields or an impossible size"
BROKEN = {
    "a field more": ({"more": 1}, ODD_ENTRY),
    "a negative size": ({"bytes": -1}, ODD_ENTRY),
    "a size too large": ({"bytes": 1 << 62}, ODD_ENTRY),
    "a size as text": ({"bytes": "5"}, f"bytes {INVALID}"),
    "a size as boolean": ({"bytes": True}, f"bytes {INVALID}"),
    "no path": ({"path": None}, f"path {INVALID}"),
    "no hexadecimal": ({"sha256": "x"}, "its content is invalid (ValueError: "),
}
RECORDS = {
    "another project's document": (
        {"project.json": {"id": OTHER}},
        [f"project.json: describes project {OTHER}, but lies in the folder of {PROJECT}"],
    ),
    "another project's iteration": (
        but("iterations.jsonl", projectId=OTHER),
        [f"iterations.jsonl: {ITERATION} belongs to project {OTHER}"],
    ),
    "a project in capitals": (but("iterations.jsonl", projectId=PROJECT.upper()), []),
    "no project": (but("iterations.jsonl", projectId=None), []),
    "another project's prediction": (
        but("predictions.jsonl", project=OTHER),
        [f"predictions.jsonl: {PREDICTION} belongs to project {OTHER}"],
    ),
    "another project's suggestion": (
        but(f"{WITHIN}/image-suggestions.jsonl", project=OTHER),
        [f"{WITHIN}/image-suggestions.jsonl: {IMAGE} belongs to project {OTHER}"],
    ),
    "a tag twice": (also("tags.jsonl", {"id": TAG}), [f"tags.jsonl: lists {TAG} 2 times"]),
    "a tag thrice": (also("tags.jsonl", *[{"id": TAG}] * 2), [f"tags.jsonl: lists {TAG} 3 times"]),
    "a detail twice": (also("tag-details.jsonl", {"id": TAG}), [f"tag-details.jsonl: lists {TAG} 2 times"]),
    "a tag without details": (
        also("tags.jsonl", {"id": OTHER}),
        [f"tag-details.jsonl: does not hold tag {OTHER}, which tags.jsonl lists"],
    ),
    "details without a tag": (
        also("tag-details.jsonl", {"id": OTHER}),
        [f"tag-details.jsonl: holds tag {OTHER}, which is not in tags.jsonl"],
    ),
    "an iteration's tag without details": (
        also(f"{WITHIN}/tags.jsonl", {"id": OTHER}),
        [f"{WITHIN}/tag-details.jsonl: does not hold tag {OTHER}, which tags.jsonl lists"],
    ),
    "no id": (
        {"predictions.jsonl": [{}]} | less(FILES, 2),
        ["predictions.jsonl: its content is invalid (KeyError: 'id')"],
    ),
    "no details": (
        {"tag-details.jsonl": None},
        [f"tag-details.jsonl: does not hold tag {TAG}, which tags.jsonl lists"],
    ),
    "half a surrogate": (
        also("tags.jsonl", {"id": "\ud800"}),
        ["tag-details.jsonl: does not hold tag \ud800, which tags.jsonl lists"],
    ),
    "a tag gone when it was asked for": (
        also("tags.jsonl", {"id": OTHER}) | notes(note("tags", OTHER)),
        [],
    ),
    "a tag gone elsewhere": (
        also("tags.jsonl", {"id": OTHER}) | notes(note("tags", OTHER, iteration=ITERATION)),
        [f"tag-details.jsonl: does not hold tag {OTHER}, which tags.jsonl lists"],
    ),
    "a tag both ways": (
        notes(note("tags", TAG)),
        [f"tag-details.jsonl: holds tag {TAG}, which absent.jsonl notes as gone"],
    ),
    "an iteration's tag both ways": (
        notes(note("tags", TAG, iteration=ITERATION)),
        [f"{WITHIN}/tag-details.jsonl: holds tag {TAG}, which absent.jsonl notes as gone"],
    ),
    "a model without bytes": (
        {f"{WITHIN}/exports.jsonl": [MODEL | {"status": "Exporting", "downloadUri": None}]} | less(FILES, 3),
        [f"{NOTES}: does not note that {ITERATION}/ONNX has no bytes"],
    ),
    "a model noted without bytes": (
        {f"{WITHIN}/exports.jsonl": [MODEL | {"status": "Exporting", "downloadUri": None}]}
        | less(FILES, 3)
        | notes(note("exports", f"{ITERATION}/ONNX", iteration=ITERATION)),
        [],
    ),
    "a model noted by its own name": (
        {f"{WITHIN}/exports.jsonl": [MODEL | {"status": "Exporting", "downloadUri": None}]}
        | less(FILES, 3)
        | notes(note("exports", "ONNX", iteration=ITERATION)),
        [],
    ),
    "a model with bytes noted": (
        notes(note("exports", "ONNX", iteration=ITERATION)),
        [f"{NOTES}: notes {ITERATION}/ONNX, which has bytes"],
    ),
    "an image gone meanwhile": (less(FILES) | notes(note("images", IMAGE, gone=True)), []),
    "an image noted, not gone": (
        less(FILES) | notes(note("images", IMAGE, gone=False)),
        [f"{NOTES}: notes {IMAGE}, which has bytes", NO_FILE],
    ),
}
ITERATIONS = {
    "a document is missing": ({f"{WITHIN}/iteration.json": None}, [f"{WITHIN}/iteration.json: missing"]),
    "the project's document is missing": ({"project.json": None}, ["project.json: missing"]),
    "a list is missing": (
        {"images.jsonl": None},
        [
            "images.jsonl: holds 0 records, but listings.jsonl says 1 were written",
            "images.jsonl: missing",
            f"images/{IMAGE}.jpg: no record names this file",
        ],
    ),
    "another iteration's document": (
        {f"{WITHIN}/iteration.json": {"id": OTHER}},
        [f"{WITHIN}/iteration.json: describes iteration {OTHER}, but lies in the folder of {ITERATION}"],
    ),
    "another project's document": (
        {f"{WITHIN}/iteration.json": {"id": ITERATION, "projectId": OTHER}},
        [f"{WITHIN}/iteration.json: belongs to project {OTHER}"],
    ),
    "an iteration without a project": ({f"{WITHIN}/iteration.json": {"id": ITERATION, "projectId": None}}, []),
    "a project in capitals": ({f"{WITHIN}/iteration.json": {"id": ITERATION, "projectId": PROJECT.upper()}}, []),
    "an iteration that is not listed": (
        {"iterations.jsonl": []},
        [f"{WITHIN}: iterations.jsonl does not list this iteration"],
    ),
    "an iteration without a folder": (
        also("iterations.jsonl", {"id": OTHER})
        | notes(note("performance", OTHER, iteration=OTHER))
        | also(PROOFS, proof("images", f"iterations/{OTHER}/images.jsonl", 0, OTHER)),
        [f"iterations.jsonl: iteration {OTHER} has no folder", f"iterations/{OTHER}/images.jsonl: missing"],
    ),
    "a folder without an id": (
        {"iterations/x/tags.jsonl": []},
        ["iterations/x: its name has no iteration id, or the id of another folder"],
    ),
    "two folders of an id": (
        {f"iterations/Second-{ITERATION}/tags.jsonl": []},
        [f"iterations/Second-{ITERATION}: its name has no iteration id, or the id of another folder"],
    ),
    "no performance": (
        {f"{WITHIN}/performance.json": None},
        [
            f"{WITHIN}/performance.json: missing",
            f"{NOTES}: performance of iteration {ITERATION} is neither exported nor noted as absent",
            f"{PROOFS}: proves performance of iteration {ITERATION}, a list that the export does not hold",
        ],
    ),
    "no performance, as noted": (
        {f"{WITHIN}/performance.json": None, PERFORMANCES: None}
        | notes(note("performance", ITERATION, iteration=ITERATION))
        | less(PROOFS, 2),
        [],
    ),
    "a performance and a note": (
        notes(note("performance", ITERATION, iteration=ITERATION)),
        [f"{NOTES}: performance of iteration {ITERATION} is both exported and noted as absent"],
    ),
    "a performance of another": (
        notes(note("performance", OTHER, iteration=ITERATION)),
        [
            f"{NOTES}: notes the performance of iteration {ITERATION} under iteration {OTHER}",
            f"{NOTES}: performance of iteration {ITERATION} is both exported and noted as absent",
        ],
    ),
    "a document that is not JSON": (
        {f"{WITHIN}/performance.json": "x"},
        [f"{WITHIN}/performance.json: not JSON"],
    ),
    "an iteration that is not JSON": ({f"{WITHIN}/iteration.json": "x"}, [f"{WITHIN}/iteration.json: not JSON"]),
    "an iteration without an id": (
        {f"{WITHIN}/iteration.json": {"x": 1}},
        [f"{WITHIN}/iteration.json: its content is invalid (KeyError: 'id')"],
    ),
    "a project without an id": (
        {"project.json": {}},
        [f"project.json: describes project None, but lies in the folder of {PROJECT}"],
    ),
}
MOVED = note("images", IMAGE) | {"blob": f"images/{IMAGE}", "from": f"/{IMAGE}", "to": "/new"}
ABSENT = {
    "an unknown iteration": (
        notes(note("images", IMAGE, iteration=OTHER, gone=True), note("tags", TAG, iteration=OTHER)),
        [f"{NOTES}: notes the images, tags of an unknown iteration {OTHER}"],
    ),
    "an unknown item": (
        notes(note("images", OTHER)),
        [f"{NOTES}: notes images {OTHER}, which is in no list", f"{NOTES}: notes {OTHER}, which has bytes"],
    ),
    "an unknown tag": (notes(note("tags", OTHER)), [f"{NOTES}: notes tags {OTHER}, which is in no list"]),
    "a moved file": (but(FILES, source="/new") | notes(MOVED), []),
    "notes after a moved file": (
        but(FILES, source="/new")
        | notes(MOVED, note("performance", ITERATION, iteration=ITERATION), note("tags", OTHER)),
        [
            f"{NOTES}: performance of iteration {ITERATION} is both exported and noted as absent",
            f"{NOTES}: notes tags {OTHER}, which is in no list",
        ],
    ),
    "a moved file of no record": (
        notes(MOVED | {"from": "/old"}),
        [f"{NOTES}: says that images/{IMAGE} moved from /old, which is in no record"],
    ),
}
PROVED = {
    "no proof": (less(PROOFS), [f"{PROOFS}: has no proof of images.jsonl"]),
    "no proof of an iteration's": (less(PROOFS, 1), [f"{PROOFS}: has no proof of {IMAGES}"]),
    "no proof of performances": (less(PROOFS, 2), [f"{PROOFS}: has no proof of {PERFORMANCES}"]),
    "a proof too many": (
        also(PROOFS, proof("tags", "tags.jsonl", 1), proof("images", "x", 0, OTHER)),
        [
            f"{PROOFS}: proves tags of the workspace, a list that the export does not hold",
            f"{PROOFS}: proves images of iteration {OTHER}, a list that the export does not hold",
        ],
    ),
    "a proof twice": (also(PROOFS, SOUND[PROOFS][0]), [f"{PROOFS}: proves images in images.jsonl twice"]),
    "another file": (proved(0, file="x"), [f"{PROOFS}: names x instead of images.jsonl"]),
    "another count before": (
        proved(0, countedBefore=2),
        [f"{PROOFS}: images.jsonl: counted 2 before and 1 after, listed 1"],
    ),
    "another count after": (
        proved(0, countedAfter=2),
        [f"{PROOFS}: images.jsonl: counted 1 before and 2 after, listed 1"],
    ),
    "another listing": (
        proved(0, listed=2),
        [
            f"{PROOFS}: images.jsonl: counted 1 before and 1 after, listed 2",
            f"{PROOFS}: images.jsonl: 2 listed, 1 written",
        ],
    ),
    "more written": (
        proved(0, written=2),
        [
            f"{PROOFS}: images.jsonl: 1 listed, 2 written",
            "images.jsonl: holds 1 records, but listings.jsonl says 2 were written",
        ],
    ),
    "listed before only": (
        proved(0, countedBefore=0, countedAfter=0, listed=0, listedOnlyBefore=1),
        [],
    ),
    "less written": (
        proved(0, written=0),
        [
            f"{PROOFS}: images.jsonl: 1 listed, 0 written",
            "images.jsonl: holds 1 records, but listings.jsonl says 0 were written",
        ],
    ),
    "more records": (
        also("images.jsonl", picture(OTHER)) | also(FILES, entry("images", OTHER)),
        ["images.jsonl: holds 2 records, but listings.jsonl says 1 were written"],
    ),
}
CASES = {
    f"{kind}, {name}": case
    for kind, cases in {
        "index": INDEX, "record": RECORDS, "iteration": ITERATIONS, "note": ABSENT, "proof": PROVED,
    }.items()
    for name, case in cases.items()
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_contradiction_is_named(checked, name):
    changes, expected = CASES[name]
    assert sorted(checked(changes)[0]) == sorted(expected)


@pytest.mark.parametrize("name", BROKEN)
def test_an_entry_that_no_export_writes_ends_the_index(checked, name):
    fields, why = BROKEN[name]
    found, _ = checked(but(FILES, **fields))
    assert found[0].startswith(f"{FILES}: {why}")
    assert len(found) == 5
    assert {one.partition(": ")[2].rpartition(" ")[2] for one in found[1:]} == {"file"}


ODD_NOTES = {
    "row": ({"row": 5}, f"row {INVALID}"),
    "id": ({"id": None}, f"id {INVALID}"),
    "iteration": ({"iteration": 5}, "a note of absence of another form"),
    "gone": ({"gone": 1}, "a note of absence of another form"),
    "moved": ({"to": "/x"}, f"blob {INVALID}"),
    "moved from": ({"to": "/x", "blob": "b", "from": 5}, f"from {INVALID}"),
}


@pytest.mark.parametrize("name", ODD_NOTES)
def test_a_note_that_no_export_writes_is_named(checked, name):
    fields, why = ODD_NOTES[name]
    assert checked(notes(note("images", IMAGE) | fields, note("tags", OTHER)))[0] == [f"{NOTES}: {why}"]


@pytest.mark.parametrize("name", ["countedBefore", "countedAfter", "listed", "written", "row", "file"])
def test_a_proof_that_no_export_writes_is_named(checked, name):
    found, _ = checked(proved(0, **{name: None}))
    assert found[0] == f"{PROOFS}: {name} {INVALID}"
