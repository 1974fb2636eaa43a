"""A project's folder, made by hand, without what is gone of it: what stays is consistent, and what goes is counted."""

import json

import pytest

from cv_gdpr.archive.bag import Bag, BagProject
from cv_gdpr.redact.gone import Gone
from cv_gdpr.redact.new_bag import NewBag
from cv_gdpr.redact.project import ProjectRedaction
from cv_gdpr.verify.contents import ProjectContents
from cv_gdpr.verify.facts import Facts
from cv_gdpr.verify.missing import Missing
from cv_gdpr.verify.project import ProjectCheck
from cv_gdpr.verify.redactions import Redactions
from cv_gdpr.verify.result import Verification
from tests.unit.project_folder import (
    COPY,
    FILES,
    FOLDER,
    HELD,
    IMAGE,
    ITERATION,
    PREDICTION,
    PROJECT,
    ROWS,
    SOUND,
    TAG,
    WITHIN,
    also,
    but,
    checker,
    note,
    notes,
    picture,
    proved,
)

MOVED = note("images", IMAGE, iteration=ITERATION) | {"blob": f"images/{IMAGE}", "from": f"/{IMAGE}", "to": "/new"}
BOTH = also(f"{WITHIN}/images.jsonl", picture(IMAGE)) | proved(1, countedBefore=2, countedAfter=2, listed=2, written=2)
UNREADY = note("exports", f"{ITERATION}/CoreML", iteration=ITERATION)
EXPORTING = also(f"{WITHIN}/exports.jsonl", {"platform": "CoreML", "flavor": None, "status": "Exporting"})


@pytest.fixture
def redacted(tmp_path):
    """Return a function that makes a sound folder, takes out what is gone, and checks the new folder."""

    def run(changes, *items):
        changes = {} if changes is None else dict(changes)
        assert checker(tmp_path / "old")(changes)[0] == []
        for one in (SOUND | changes)[FILES]:
            path = tmp_path / "old" / "data" / FOLDER / one["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"12345")
        gone = Gone([(PROJECT, row, one) for row, one in items])
        project = BagProject(PROJECT, FOLDER)
        made = ProjectRedaction(Bag(tmp_path / "old"), project, gone, NewBag(tmp_path / "new"))
        made.run()
        return made, _checked(tmp_path / "new", made)

    return run


def _checked(folder, made):
    """Return the differences and counts of the new folder."""
    redactions = Redactions()
    for row, ids in made.taken.items():
        redactions.ids[PROJECT, row].update(ids)
    for (place, file), count in made.records.items():
        redactions.records[PROJECT, place, file] += count
    result, missing = Verification(folder), Missing()
    with Facts() as facts:
        contents = ProjectContents(result, facts, FOLDER, PROJECT, frozenset(ROWS), missing)
        contents.read()
        check = ProjectCheck(contents, False, missing, redactions)
        check.check()
    return result.differences, +check.held


def without(**rows):
    """Return the counts of the sound folder, less some."""
    return {row: count - rows.get(row, 0) for row, count in HELD.items() if count > rows.get(row, 0)}


CASES = {  # changes of the sound folder, what is gone, what is taken out, counts of what stays, files taken out
    "nothing": (None, [], {}, HELD, 0),
    "another id": (None, [("images", PROJECT.replace("a", "b"))], {}, HELD, 0),
    "an image": (None, [("images", IMAGE)], {"images": [IMAGE]}, without(images=1), 1),
    "an image in an iteration": (None, [("images", COPY)], {"images": [COPY]}, without(images=1), 1),
    "an image in both places": (BOTH, [("images", IMAGE)], {"images": [IMAGE]}, without(images=1), 1),
    "a prediction": (None, [("predictions", PREDICTION)], {"predictions": [PREDICTION]}, without(predictions=1), 1),
    "a tag": (None, [("tags", TAG)], {"tags": [TAG]}, without(tags=1), 0),
    "a tag with a note": (
        {"tag-details.jsonl": []} | notes(note("tags", TAG)),
        [("tags", TAG)],
        {"tags": [TAG]},
        without(tags=1),
        0,
    ),
    "an iteration": (
        None,
        [("iterations", ITERATION)],
        {"iterations": [ITERATION], "images": [COPY]},
        without(iterations=1, performance=1, images=1, exports=1),
        2,
    ),
    "an iteration with an unready model": (
        EXPORTING | notes(UNREADY),
        [("iterations", ITERATION)],
        {"iterations": [ITERATION], "images": [COPY]},
        without(iterations=1, performance=1, images=1, exports=1),
        2,
    ),
    "an iteration, and an image that moved in it": (
        BOTH | but(FILES, source="/new") | notes(MOVED),
        [("iterations", ITERATION)],
        {"iterations": [ITERATION], "images": [COPY]},
        without(iterations=1, performance=1, images=1, exports=1),
        2,
    ),
    "an image that moved": (
        but(FILES, source="/new") | notes(MOVED),
        [("images", IMAGE)],
        {"images": [IMAGE]},
        without(images=1),
        1,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_stays_is_consistent(redacted, case):
    changes, items, taken, held, files = CASES[case]
    made, (differences, now) = redacted(changes, *items)
    assert differences == []
    assert made.taken == taken
    assert now == held
    assert (made.files, made.size) == (files, 5 * files)


def test_nothing_of_a_project_that_is_gone_is_written(redacted, tmp_path):
    made, _ = redacted(None, ("projects", PROJECT))
    assert list((tmp_path / "new" / "data").iterdir()) == []
    assert made.taken == {
        "projects": [PROJECT],
        "iterations": [ITERATION],
        "tags": [TAG],
        "images": sorted([IMAGE, COPY]),
        "predictions": [PREDICTION],
    }
    assert made.files == len(SOUND[FILES])


def test_lines_that_name_nothing_erased_stay_byte_for_byte(redacted, tmp_path):
    odd = '{"id" : "%s",\t"originalImageUri":"https://h/%s", "n": [1E-05, 0.10]}\n' % (IMAGE, IMAGE)  # noqa: UP031
    redacted({"images.jsonl": odd}, ("predictions", PREDICTION))
    assert (tmp_path / "new" / "data" / FOLDER / "images.jsonl").read_text() == odd


def test_an_id_that_is_spelt_with_escapes_is_found(redacted, tmp_path):
    spelt = "".join(f"\\u{ord(letter):04x}" for letter in TAG)
    line = json.dumps(picture(IMAGE, tags=[{"tagId": "HERE", "tagName": "alice"}])).replace("HERE", spelt)
    redacted({"images.jsonl": line + "\n"}, ("tags", TAG))
    (stays,) = map(json.loads, (tmp_path / "new" / "data" / FOLDER / "images.jsonl").read_text().splitlines())
    assert stays.keys() == picture(IMAGE).keys()


def test_exported_models_that_stay_are_known(redacted):
    made, _ = redacted(None, ("images", IMAGE))
    assert made.models_kept == {ITERATION}


def test_names_follow(tmp_path):
    names = {"id": PROJECT, "name": f"of {ITERATION}", "iterations": [{"id": ITERATION, "name": "First"}]}
    checker(tmp_path / "old")({"names.json": names, FILES: []})
    gone = Gone([(PROJECT, "iterations", ITERATION)])
    ProjectRedaction(Bag(tmp_path / "old"), BagProject(PROJECT, FOLDER), gone, NewBag(tmp_path / "new")).run()
    kept = json.loads((tmp_path / "new" / "data" / FOLDER / "names.json").read_bytes())
    assert kept == names | {"iterations": []}
