"""Bags of labelled pictures, as an export writes them: of several projects, with iterations and tags."""

import json

from custom_vision_simulator.domains import DETECTION, GENERAL
from custom_vision_simulator.jpeg import picture
from cv_gdpr.archive.bag_info import bag_info_of
from tests.benchmarks.bags import Bag, identity
from tests.find.bags import DATES

SIDES = (200, 100)
MULTI_CLASS, MULTI_LABEL, FINDING = (GENERAL, "Multiclass"), (GENERAL, "Multilabel"), (DETECTION, "Multilabel")


def tag(name, number=None, kind="Regular"):
    """Return a tag; ids follow the names unless numbered."""
    return {"id": identity("tag", name if number is None else number), "name": name, "type": kind}


def region(of, *box, number=0):
    """Return a region with a tag."""
    sides = dict(zip(("left", "top", "width", "height"), box, strict=True))
    named = {"regionId": identity("region", f"{number}{of['name']}{box}"), "tagId": of["id"], "tagName": of["name"]}
    return named | sides


def image(number, *tags, regions=(), **fields):
    """Return the record of an image with these tags, and those of its regions."""
    ids = {one["id"]: one["name"] for one in tags} | {one["tagId"]: one["tagName"] for one in regions}
    link = f"https://storage.example/image/{number}"
    record = {"id": identity("image", number), "width": SIDES[0], "height": SIDES[1]} | fields
    record |= {"originalImageUri": link, "resizedImageUri": link}
    record |= {"tags": [{"tagId": one, "tagName": name} for one, name in ids.items()]} if ids else {}
    return record | ({"regions": list(regions)} if regions else {})


class Project:
    """A project of a bag; `iterations`: by name, the images of each."""

    def __init__(self, kind, tags, images, name="Visitors", iterations=None):
        self.id = identity("project", name)
        self.name, self.folder = name, f"{name}-{self.id}"
        self.domain, self.classification = kind
        self.tags, self.images, self.iterations = tags, images, iterations or {}

    def place_of(self, iteration):
        """Return the folder of an iteration."""
        return f"iterations/{iteration}-{identity('iteration', iteration)}"


def make(out, *projects, sides=SIDES, lost=(), content=None):
    """Write a bag with these projects; `lost`: numbers of images without bytes; `content`: that of every file."""
    bag = Bag(out)
    missing = [identity("image", number) for number in lost]
    held = dict.fromkeys(("projects", "tags", "images", "iterations"), 0)
    for one in projects:
        _put(bag, one, content or sides, missing, held)
    bag.lines("projects.jsonl", [{"id": one.id, "name": one.name} for one in projects])
    if missing:
        nothing = {"project": projects[0].id, "row": "images", "iteration": None, "file": None, "reason": "404"}
        bag.lines(
            "missing.jsonl",
            [nothing | {"id": one, "source": f"/image/{n}"} for n, one in zip(lost, missing, strict=True)],
        )
    summary = {
        "tool": "cv-gdpr 0",
        "endpoint": "https://example.cognitiveservices.azure.com",
        "scope": "all projects",
        "rows": {row: {"held": count, "exported": count} for row, count in held.items()},
        "selectors": [],
        "salt": None,
        "notSearched": {},
        "projects": [{"id": one.id, "folder": one.folder} for one in projects],
        "byHand": {},
    }
    summary["rows"]["images"]["exported"] -= len(missing)
    summary |= {"complete": False} if missing else {}
    bag.put("export.json", json.dumps(summary, indent=2).encode())
    bag.close(dict(bag_info_of(summary)) | DATES)
    return out


def _put(bag, project, sides, missing, held):
    settings = {"domainId": project.domain, "classificationType": project.classification}
    document = {"id": project.id, "name": project.name, "settings": settings}
    bag.put(f"{project.folder}/project.json", json.dumps(document).encode())
    bag.lines(f"{project.folder}/tags.jsonl", project.tags)
    bag.lines(f"{project.folder}/tag-details.jsonl", project.tags)
    bag.lines(f"{project.folder}/images.jsonl", project.images)
    entries = []
    proofs = [_proof(None, "images.jsonl", project.images)]
    images = {one["id"]: one for one in project.images}
    for name, listed in project.iterations.items():
        file = f"{project.place_of(name)}/images.jsonl"
        one = {"id": identity("iteration", name), "name": name, "projectId": project.id}
        entries.append(one)
        bag.put(f"{project.folder}/{project.place_of(name)}/iteration.json", json.dumps(one).encode())
        bag.lines(f"{project.folder}/{file}", listed)
        proofs.append(_proof(one["id"], file, listed))
        images |= {one["id"]: one for one in listed}
    bag.lines(f"{project.folder}/iterations.jsonl", entries)
    bag.lines(f"{project.folder}/listings.jsonl", proofs)
    index = [_bytes(bag, project, one, sides) for one in images.values() if one["id"] not in missing]
    bag.lines(f"{project.folder}/files.jsonl", sorted(index, key=lambda entry: entry["path"]))
    held["projects"] += 1
    held["tags"] += len(project.tags)
    held["images"] += len(images)
    held["iterations"] += len(project.iterations)


def _bytes(bag, project, record, sides):
    path = f"images/{record['id']}.jpg"
    content = sides if isinstance(sides, bytes) else picture("", record["id"], 600, sides)
    source = record["originalImageUri"].removeprefix("https://storage.example")
    entry = {"path": path, "blob": path.removesuffix(".jpg"), "source": source, "bytes": len(content)}
    return entry | {"sha256": bag.put(f"{project.folder}/{path}", content)}


def _proof(iteration, file, images):
    counts = dict.fromkeys(("countedBefore", "countedAfter", "listed", "written"), len(images))
    return {"row": "images", "iteration": iteration, "file": file, **counts}
