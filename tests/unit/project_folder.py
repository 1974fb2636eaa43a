"""A project's folder in an export, made by hand: a sound one, and ways to change it."""

import copy
import json

from cv_gdpr.table.categories import ROWS
from cv_gdpr.verify.contents import ProjectContents
from cv_gdpr.verify.facts import Facts
from cv_gdpr.verify.missing import Missing
from cv_gdpr.verify.project import ProjectCheck
from cv_gdpr.verify.result import Verification
from tests.unit.happening import uuid

PROJECT, ITERATION, OTHER = map(uuid, (10, 20, 99))
TAG, IMAGE, COPY, PREDICTION = map(uuid, (1, 2, 3, 4))
NULL = ("iteration", "file", "id", "source")
FOLDER, WITHIN = f"Visitors-{PROJECT}", f"iterations/First-{ITERATION}"


def picture(identity, **fields):
    """Return a record with a picture."""
    return {"id": identity, "originalImageUri": f"https://h/{identity}?sig=x"} | fields


def entry(folder, identity, **fields):
    """Return an index's entry for a picture."""
    blob = f"{folder}/{identity}"
    return {"path": f"{blob}.jpg", "blob": blob, "source": f"/{identity}", "bytes": 5, "sha256": "aa" * 32} | fields


def proof(row, file, count, iteration=None, **fields):
    """Return the proof of a listing."""
    counts = dict.fromkeys(("countedBefore", "countedAfter", "listed", "written"), count)
    return {"row": row, "file": file, "iteration": iteration} | counts | fields


MODEL = {"platform": "ONNX", "flavor": None, "status": "Done", "downloadUri": "https://h/model?sig=x"}
MODEL_BLOB = f"exported-models/{ITERATION}/ONNX"
SOUND = {
    "project.json": {"id": PROJECT},
    "iterations.jsonl": [{"id": ITERATION, "projectId": PROJECT}],
    "tags.jsonl": [{"id": TAG}],
    "tag-details.jsonl": [{"id": TAG}],
    "images.jsonl": [picture(IMAGE)],
    "predictions.jsonl": [picture(PREDICTION, project=PROJECT)],
    "files.jsonl": [
        entry("images", IMAGE),
        entry("images", COPY),
        entry("predictions", PREDICTION),
        {"path": f"{MODEL_BLOB}.zip", "blob": MODEL_BLOB, "source": "/model", "bytes": 5, "sha256": "aa" * 32},
    ],
    "listings.jsonl": [
        proof("images", "images.jsonl", 1),
        proof("images", f"{WITHIN}/images.jsonl", 1, ITERATION),
        proof("performance", f"{WITHIN}/image-performances.jsonl", 1, ITERATION),
    ],
    f"{WITHIN}/iteration.json": {"id": ITERATION, "projectId": PROJECT},
    f"{WITHIN}/performance.json": {},
    f"{WITHIN}/image-performances.jsonl": [{"id": COPY}],
    f"{WITHIN}/tags.jsonl": [{"id": TAG}],
    f"{WITHIN}/tag-details.jsonl": [{"id": TAG}],
    f"{WITHIN}/images.jsonl": [picture(COPY)],
    f"{WITHIN}/image-suggestions.jsonl": [{"id": IMAGE, "project": PROJECT}],
    f"{WITHIN}/exports.jsonl": [MODEL],
}
HELD = {
    **{"projects": 1, "iterations": 1, "performance": 1, "tags": 1, "images": 2, "exports": 1, "predictions": 1},
}


def checker(out):
    """Return a function that checks a folder with these files: its differences and counts; None leaves a file out."""

    def check(changes=(), *, rows=ROWS, narrowed=False, gaps=(), about=()):
        whole = copy.deepcopy(SOUND) | dict(changes)
        for file, content in whole.items():
            path = out / "data" / FOLDER / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, list):
                path.write_text("".join(json.dumps(one) + "\n" for one in content))
            elif content is not None:
                path.write_text(content if isinstance(content, str) else json.dumps(content))
        missing = Missing()
        for gap in gaps:
            missing.add({"project": PROJECT, "row": None, "reason": "x"} | dict.fromkeys(NULL) | gap)
        check.result = Verification(out)
        with Facts() as facts:
            exported, of_selected = frozenset(rows), frozenset(about)
            contents = ProjectContents(check.result, facts, FOLDER, PROJECT, exported, missing, of_selected)
            contents.read()
            project = ProjectCheck(contents, narrowed, missing)
            project.check()
            check.lost = +project.lost
            check.files = list(facts.ask("SELECT path, algorithm, who, indexed, size, digest FROM file ORDER BY path"))
        prefix = f"data/{FOLDER}/"
        return [one.removeprefix(prefix) for one in check.result.differences], +project.held

    return check


def but(file, **fields):
    """Return a file's records, the first with some fields changed."""
    first, *others = SOUND[file]
    return {file: [first | fields, *others]}


def also(file, *records):
    """Return a file's records and more of them."""
    return {file: [*SOUND[file], *records]}


def less(file, number=0):
    """Return a file without one of its records."""
    return {file: [one for at, one in enumerate(SOUND[file]) if at != number]}


def note(row, identity, **fields):
    return {"row": row, "id": identity, "iteration": None, "reason": "x"} | fields


def notes(*records):
    return {"absent.jsonl": list(records)}


def proved(number, **fields):
    """Return the proofs, one with some fields changed."""
    return {"listings.jsonl": [one | fields if at == number else one for at, one in enumerate(SOUND["listings.jsonl"])]}


FILES, NOTES, PROOFS = "files.jsonl", "absent.jsonl", "listings.jsonl"
IMAGES, PERFORMANCES = f"{WITHIN}/images.jsonl", f"{WITHIN}/image-performances.jsonl"
INVALID = "is missing in a record, or has the wrong type"
NO_FILE = f"images.jsonl: images {IMAGE} has no file"
LOST = [NO_FILE, f"predictions.jsonl: predictions {PREDICTION} has no file"]
