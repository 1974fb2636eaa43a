"""Reads what a report shows from a verified bag: the export as a whole, its projects and their iterations."""

import math
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from cv_gdpr.archive.bag import WORKSPACE, Bag, BagProject
from cv_gdpr.archive.bag_info import FINISHED, REDACTED
from cv_gdpr.archive.closing import OXUM
from cv_gdpr.archive.folder import MISSING
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.json_files import content_of
from cv_gdpr.archive.names import identity, model_stem
from cv_gdpr.links import source_path
from cv_gdpr.report.records import (
    Export,
    ExportedModel,
    Gap,
    Iteration,
    Measures,
    Performance,
    Project,
    Row,
    TagMeasures,
)
from cv_gdpr.table import labels
from cv_gdpr.table.categories import category
from cv_gdpr.table.labelled import Task, detects, listed_tags, settings_of
from cv_gdpr.table.labels import objects_in, word
from cv_gdpr.verbatim import Json, json_text, json_value
from cv_gdpr.verify.redactions import REDACTIONS


def read_export(bag: Bag) -> Export:
    """Return what a verified bag holds, without the pictures of its projects."""
    summary, info = bag.summary, dict(bag.info)
    size, _, files = info.get(OXUM, "").partition(".")
    return Export(
        folder=bag.folder.absolute().name,
        tool=word(summary, "tool"),
        endpoint=bag.endpoint,
        resource=word(summary, "resource"),
        reference=word(summary, "reference"),
        operator=word(summary, "operator"),
        started=bag.began,
        finished=info.get(FINISHED, ""),
        before=word(summary, "before"),
        all_projects=summary["scope"] == "all projects",
        selectors=len(summary["selectors"]),
        unmatched=sum(one["matched"] is False for one in summary["selectors"]),
        rows=tuple(_rows(bag, summary)),
        projects=tuple(_project(bag, one) for one in bag.projects()),
        gaps=tuple(map(_gap, bag.records(f"data/{MISSING}"))),
        is_complete=summary.get("complete", True) is True,
        not_searched=tuple(summary["notSearched"].items()),
        predictions_not_searched=tuple(summary.get("predictionsNotSearched", {}).items()),
        copies_outside=tuple((word(one, "setting"), word(one, "address")) for one in _outside(summary)),
        redacted=summary.get(REDACTED, {}).get("items", 0),
        files=int(files) if files.isdecimal() else 0,
        bytes=int(size) if size.isdecimal() else 0,
    )


def _rows(bag: Bag, summary: Json) -> Iterator[Row]:
    removed = _removed(bag)
    for name, count in summary["rows"].items():
        yield Row(
            name, category(name).data, count["held"], count["exported"], summary["byHand"].get(name, ""), removed[name]
        )


def _removed(bag: Bag) -> Counter[str]:
    """Return how many items of each row were taken out after an erasure."""
    if not bag.has(REDACTIONS):
        return Counter()
    items = (one for line in bag.lines(REDACTIONS) for one in objects_in(json_value(line), "items"))
    return sum((Counter({word(one, "row"): len(one["ids"])}) for one in items), Counter())


def _outside(summary: Json) -> list[Json]:
    return objects_in(summary, "copiesOutside")


def _gap(entry: Json) -> Gap:
    return Gap(*(entry[name] or "" for name in Gap._fields))


def _project(bag: Bag, project: BagProject) -> Project:
    document = _document(bag, project.where("project.json")) or _listed(bag, project)
    settings, names = settings_of(bag, project, ""), bag.names(project)
    return Project(
        id=project.id,
        folder=project.folder,
        name=word(document, "name") or names.get(project.id, ""),
        description=word(document, "description"),
        created=word(document, "created"),
        modified=word(document, "lastModified"),
        domain=settings.get("domainId", ""),
        task=_task(settings),
        iterations=tuple(
            sorted(_iterations(bag, project, names), key=lambda one: (one.trained or one.created, one.id))
        ),
        text=json_text(document, indent=True) if document else "",
    )


def _listed(bag: Bag, project: BagProject) -> Json:
    """Return the entry of the list of projects, where the project's own document was not exported."""
    return next((one for one in bag.records("data/projects.jsonl") if one.get("id") == project.id), {})


def _task(settings: dict[str, str]) -> Task | None:
    """Return what a project is for; None where the export does not say so."""
    if detects(settings):
        return Task.DETECTION
    kind = settings.get("classificationType", "").lower()
    return {"multilabel": Task.MULTI_LABEL, "multiclass": Task.MULTI_CLASS}.get(kind)


def _iterations(bag: Bag, project: BagProject, names: dict[str, str]) -> Iterator[Iteration]:
    """Yield the iterations that the list names, and those that only a folder does."""
    entries = {str(one["id"]): one for one in bag.records(project.where("iterations.jsonl"))}
    folders = dict(bag.iterations(project))
    known = {identity(one): one for one in (*names, *entries)}
    for safe, folder in folders.items():
        where = project.where(f"iterations/{folder}/iteration.json")
        named = known.get(safe, safe)
        one = _iteration(bag, project, named, folder, _document(bag, where) or entries.pop(named, {}))
        yield one._replace(name=one.name or names.get(named, ""))
        entries.pop(named, None)
    for named, entry in entries.items():
        yield _iteration(bag, project, named, "", entry)


def _iteration(bag: Bag, project: BagProject, named: str, folder: str, document: Json) -> Iteration:
    where = f"iterations/{folder}/" if folder else ""
    minutes = document.get("trainingTimeInMinutes")
    return Iteration(
        id=word(document, "id") or named,
        folder=folder,
        name=word(document, "name"),
        status=word(document, "status"),
        created=word(document, "created"),
        trained=word(document, "trainedAt"),
        domain=word(document, "domainId"),
        classification=word(document, "classificationType"),
        training_type=word(document, "trainingType"),
        minutes=minutes if isinstance(minutes, int) else None,
        published_as=word(document, "publishName"),
        published_to=word(document, "originalPublishResourceId"),
        error=word(document, "trainingErrorDetails"),
        performance=_performance(_document(bag, project.where(f"{where}performance.json"))) if where else None,
        models=tuple(_models(bag, project, named, where)) if where else (),
        tags=tuple(listed_tags(bag, project, project.where(f"{where}tags.jsonl")).values()),
        images=_count(bag, project.where(f"{where}images.jsonl")) if where else None,
        text=json_text(document, indent=True) if document else "",
    )


def _document(bag: Bag, where: str) -> Json:
    """Return a document, every digit of a number included; empty without the file."""
    value = json_value(content_of(bag.at(where))) if bag.has(where) else {}
    return value if isinstance(value, dict) else {}


def _count(bag: Bag, where: str) -> int | None:
    return sum(1 for _ in bag.lines(where)) if bag.has(where) else None


def _performance(document: Json) -> Performance | None:
    if not document:
        return None
    tags = (
        TagMeasures(word(one, "id"), word(one, "name"), _measures(one))
        for one in objects_in(document, "perTagPerformance")
    )
    return Performance(_measures(document), tuple(tags))


def _measures(record: Json) -> Measures:
    return Measures(*(number_in(record, name) for name in ("precision", "recall", "averagePrecision")))


def number_in(record: Json, field: str) -> float | None:
    """Return a number in a record, or None where it holds none."""
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number of hundreds of digits
        return None


def _models(bag: Bag, project: BagProject, iteration: str, where: str) -> Iterator[ExportedModel]:
    held = bag.files_of(project)
    for record in bag.records(project.where(f"{where}exports.jsonl")):
        stem = model_stem(identity(iteration) or WORKSPACE, labels.of_model(record))
        file = held.get(blob_key(stem, source_path(word(record, "downloadUri"))))
        platform, flavor, status = (word(record, name) for name in ("platform", "flavor", "status"))
        yield ExportedModel(platform, flavor, status, file.path if file else "")
