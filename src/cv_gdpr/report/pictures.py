"""Reads the pictures of a project from a verified bag: what every list says of each of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from cv_gdpr.archive.bag import Bag, BagProject, HeldFile
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.names import safe_stem
from cv_gdpr.archive.sides import Sides, sides_in
from cv_gdpr.links import source_path
from cv_gdpr.report.reading import number_in
from cv_gdpr.report.records import (
    STORED,
    SUGGESTION,
    TEST,
    Contents,
    Counts,
    Opinion,
    Picture,
    Project,
    Region,
    Said,
    Source,
    TagUse,
)
from cv_gdpr.table.blobs import image_blobs
from cv_gdpr.table.labelled import box_of, listed_tags
from cv_gdpr.table.labels import objects_in, word
from cv_gdpr.verbatim import Json, json_value
from cv_gdpr.watching import Count

_LISTS = {"images.jsonl": "", "image-performances.jsonl": TEST, "image-suggestions.jsonl": SUGGESTION}
_PREDICTIONS = "predictions.jsonl"


@dataclass
class _Gathered:
    """What the lists say of a picture, while they are read."""

    id: str
    is_prediction: bool
    record: Json = field(default_factory=dict)  # the workspace's, else that of the last iteration
    in_workspace: bool = False
    iterations: list[str] = field(default_factory=list)
    opinions: list[Opinion] = field(default_factory=list)
    sources: dict[str, list[str]] = field(default_factory=dict)  # a record that several lists hold is kept once


def contents_of(bag: Bag, project: Project) -> Contents:
    """Return the tags and pictures of a project, the latest first."""
    of_bag = BagProject(project.id, project.folder)
    held = bag.files_of(of_bag)
    gathered = _gathered(bag, project, of_bag)
    read = Count("pictures read")
    read.begin(len(gathered))
    pictures = []
    for one in gathered:
        pictures.append(_picture(bag, one, held))
        read.add()
    pictures.sort(key=lambda one: (one.created, one.id), reverse=True)
    return Contents(tuple(_tags(bag, of_bag, pictures)), tuple(pictures), _counts(pictures))


def _gathered(bag: Bag, project: Project, of_bag: BagProject) -> list[_Gathered]:
    found: dict[tuple[bool, str], _Gathered] = {}
    ids = {one.folder: one.id for one in project.iterations}
    records = Count("records read")
    records.begin(None)
    for listed in bag.lists(of_bag):
        if listed.name not in _LISTS and listed.name != _PREDICTIONS:
            continue
        iteration = ids.get(listed.file.split("/")[1], listed.iteration) if listed.iteration else ""
        for line in bag.lines(of_bag.where(listed.file)):
            records.add()
            record = json_value(line)
            key = listed.name == _PREDICTIONS, str(record["id"])
            one = found.setdefault(key, _Gathered(key[1], key[0]))
            one.sources.setdefault(line.decode().rstrip("\n"), []).append(listed.file)
            _take(one, record, iteration, _LISTS.get(listed.name, STORED))
    return list(found.values())


def _take(one: _Gathered, record: Json, iteration: str, kind: str) -> None:
    if kind:
        iteration = iteration or word(record, "iteration")
        truth = _truth(record) if kind == TEST else ()
        one.opinions.append(Opinion(kind, iteration, tuple(map(_said, objects_in(record, "predictions"))), truth))
        one.record = one.record or record
    elif not iteration:
        one.record, one.in_workspace = record, True
    else:
        one.iterations.append(iteration)
        one.record = one.record if one.in_workspace else record


def _truth(record: Json) -> tuple[tuple[str, str], ...]:
    """Return the tags of a picture in a test, and those of its boxes: the name of each by its id."""
    parts = objects_in(record, "tags") + objects_in(record, "regions")
    return tuple({word(part, "tagId"): word(part, "tagName") for part in parts}.items())


def _said(part: Json) -> Said:
    where = part.get("boundingBox")
    box = box_of(where) if isinstance(where, dict) else None
    return Said(word(part, "tagId"), word(part, "tagName"), number_in(part, "probability"), box)


def _picture(bag: Bag, one: _Gathered, held: dict[int, HeldFile]) -> Picture:
    record = one.record
    folder = "predictions" if one.is_prediction else "images"
    files = [held.get(blob_key(safe_stem(blob.stem), source_path(blob.uri))) for blob in image_blobs(record, folder)]
    file = files[0].path if files[0] else ""
    sides = _sides(bag, file, record)
    regions = (
        Region(word(each, "tagId"), word(each, "tagName"), box_of(each)) for each in objects_in(record, "regions")
    )
    return Picture(
        id=one.id,
        is_prediction=one.is_prediction,
        in_workspace=one.in_workspace,
        created=word(record, "created"),
        file=file,
        small=next((each.path for each in files[1:] if each), ""),
        width=sides.width,
        height=sides.height,
        tags=tuple(dict.fromkeys(word(each, "tagId") for each in objects_in(record, "tags"))),
        regions=tuple(regions),
        metadata=tuple(_metadata(record)),
        iterations=tuple(one.iterations),
        opinions=tuple(one.opinions),
        sources=tuple(Source(text, tuple(lists)) for text, lists in one.sources.items()),
    )


def _sides(bag: Bag, file: str, record: Json) -> Sides:
    """Return the sides of the file, in whose pixels boxes are counted, else those of the record."""
    found = sides_in(bag.at(file)) if file else None
    width, height = record.get("width"), record.get("height")
    listed = Sides(width, height) if isinstance(width, int) and isinstance(height, int) else Sides(0, 0)
    return found or listed


def _metadata(record: Json) -> Iterator[tuple[str, str]]:
    pairs = record.get("metadata")
    for key, value in pairs.items() if isinstance(pairs, dict) else ():
        yield str(key), value if isinstance(value, str) else str(value)


def _tags(bag: Bag, project: BagProject, pictures: list[Picture]) -> Iterator[TagUse]:
    """Yield each tag with its use; one that is deleted and still on a picture of an iteration, too."""
    where = project.where("tags.jsonl")
    described = {str(one["id"]): word(one, "description") for one in bag.records(where)}
    current = [one for one in pictures if one.in_workspace]
    uses = Counter(tag for one in current for tag in one.tags)
    boxes = Counter(region.tag for one in current for region in one.regions)
    for tag in sorted(listed_tags(bag, project, where).values(), key=lambda one: (one.name.casefold(), one.id)):
        yield TagUse(tag, described.get(tag.id, ""), uses[tag.id], boxes[tag.id])


def _counts(pictures: list[Picture]) -> Counts:
    current = [one for one in pictures if one.in_workspace]
    return Counts(
        workspace=len(current),
        tagged=sum(bool(one.tags or one.regions) for one in current),
        iterations_only=sum(not one.in_workspace and not one.is_prediction for one in pictures),
        predictions=sum(one.is_prediction for one in pictures),
        boxes=sum(len(one.regions) for one in current),
        without_file=sum(not one.file for one in pictures),
    )
