"""A bag with pictures, as an export writes it: of the workspace, of an iteration only, of stored predictions."""

import json

from cv_gdpr.archive.bag_info import bag_info_of
from tests.benchmarks.bags import NAME, PROJECT, Bag, identity

ITERATION = identity("iteration", 0)
WITHIN = f"iterations/First-{ITERATION}"
DATES = {
    "Bagging-Date": "2024-01-01",
    "Export-Started": "2024-01-01T00:00:00Z",
    "Export-Finished": "2024-01-01T00:00:01Z",
}


def record(kind, number, **fields):
    """Return the record of an image or a prediction."""
    link = f"https://storage.example/{kind}/{number}"
    return {"id": identity(kind, number), "originalImageUri": link, "resizedImageUri": link} | fields


def make(out, images=(), *, of_iteration=(), predictions=(), lost=0):
    """Write a bag with these pictures (their bytes); return the ids of each kind.

    `lost`: how many images more have no bytes, as missing.jsonl says.
    """
    bag = Bag(out)
    index, ids = [], []
    kinds = (("image", "images", images), ("copy", "images", of_iteration), ("prediction", "predictions", predictions))
    records = {}
    for kind, folder, contents in kinds:
        more = {"project": PROJECT} if kind == "prediction" else {}
        records[kind] = [record(kind, number, **more) for number in range(len(contents))]
        for number, (one, content) in enumerate(zip(records[kind], contents, strict=True)):
            path = f"{folder}/{one['id']}.jpg"
            entry = {"path": path, "blob": f"{folder}/{one['id']}", "source": f"/{kind}/{number}"}
            entry |= {"bytes": len(content), "sha256": bag.put(f"{NAME}/{path}", content)}
            index.append(entry if content else entry | {"flag": "empty"})
        ids.append([one["id"] for one in records[kind]])
    gone = [record("lost", number) for number in range(lost)]
    records["image"] += gone
    rows = _lists(bag, records)
    bag.lines(f"{NAME}/files.jsonl", sorted(index, key=lambda entry: entry["path"]))
    if gone:
        nothing = {"project": PROJECT, "row": "images", "iteration": None, "file": None}
        reasons = [nothing | {"id": one["id"], "source": f"/lost/{n}", "reason": "404"} for n, one in enumerate(gone)]
        bag.lines("missing.jsonl", reasons)
    _close(bag, rows, lost)
    return ids


def _lists(bag, records):
    """Write the lists of a project and of its iteration; return how many items each row has."""
    places = {None: ("images.jsonl", records["image"]), ITERATION: (f"{WITHIN}/images.jsonl", records["copy"])}
    proofs = []
    for place, (file, held) in places.items():
        if place and not held:
            continue
        bag.lines(f"{NAME}/{file}", held)
        counts = dict.fromkeys(("countedBefore", "countedAfter", "listed", "written"), len(held))
        proofs.append({"row": "images", "iteration": place, "file": file, **counts})
    bag.lines(f"{NAME}/listings.jsonl", proofs)
    bag.lines(f"{NAME}/predictions.jsonl", records["prediction"])
    return {"images": len(records["image"]) + len(records["copy"]), "predictions": len(records["prediction"])}


def _close(bag, rows, lost):
    summary = {
        "tool": "cv-gdpr 0",
        "endpoint": "https://example.cognitiveservices.azure.com",
        "scope": "all projects",
        "rows": {row: {"held": count, "exported": count - lost * (row == "images")} for row, count in rows.items()},
        "selectors": [],
        "salt": None,
        "notSearched": {},
        "projects": [{"id": PROJECT, "folder": NAME}],
        "byHand": {},
    }
    summary |= {"complete": False} if lost else {}
    bag.put("export.json", json.dumps(summary, indent=2).encode())
    bag.close(dict(bag_info_of(summary)) | DATES)
