"""The items that a verified bag holds with their bytes, which --require-export compares with the plan.

The index of a project (files.jsonl) names files that are there, since `verify` has proved it. An item whose bytes are
not in the index is not held, though absent.jsonl may say why.
"""

from collections.abc import Iterator
from typing import NamedTuple

from cv_gdpr.archive.bag import Bag, BagProject, HeldBytes, List
from cv_gdpr.archive.folder import MISSING
from cv_gdpr.archive.layout import File, Holds, Place
from cv_gdpr.delete.plan import Plan
from cv_gdpr.table.categories import CATEGORIES, ITERATION_LIST, ITERATIONS, PROJECTS, Category, category
from cv_gdpr.verbatim import Json


class Held(NamedTuple):
    """An item of a bag: project id, row, id as the items of its row have it, record."""

    project: str
    row: str
    id: str
    record: Json


def items_held(bag: Bag) -> Iterator[Held]:
    """Yield each item of a verified bag that is there with all its bytes."""
    for row in CATEGORIES:
        for file in row.files:
            if _is_listing(file) and Place.RESOURCE in file.places:
                for record in bag.records(f"data/{file.name}"):
                    yield Held(row.identity(record), row.name, row.identity(record), record)
    rows = {file.name: row for row in CATEGORIES for file in row.files if _is_listing(file)}
    for project in bag.projects():
        held = bag.bytes_of(project)
        for one in bag.lists(project):
            if one.name in rows:
                yield from _held_in(bag, project, one, rows[one.name], held)


def gaps_of(bag: Bag, plan: Plan) -> Iterator[Json]:
    """Yield each entry of missing.jsonl about what a plan deletes, or what goes with that."""
    going = {project.id: project.planned() for project in plan.projects if project.total}
    for entry in bag.records(f"data/{MISSING}"):
        if entry["project"] in going and _goes(entry, going[entry["project"]]):
            yield entry


def _goes(entry: Json, going: dict[str, list[str]]) -> bool:
    """Return whether what an entry names is deleted with these ids (row -> ids), or goes with them."""
    row = category(entry["row"])
    if PROJECTS in going:
        return True
    if row.of_iterations and (entry["iteration"] or entry["file"] == ITERATION_LIST):
        iterations = going.get(ITERATIONS, [])
        if entry["iteration"] in iterations or (iterations and not entry["iteration"]):
            return True
        if row.copied or row.name == ITERATIONS:
            return False
    ids = going.get(row.name, [])
    return entry["id"] in ids if entry["id"] else bool(ids)


def _is_listing(file: File) -> bool:
    return file.is_list and file.holds is not Holds.DETAILS


def _held_in(bag: Bag, project: BagProject, listed: List, row: Category, held: HeldBytes) -> Iterator[Held]:
    for record in bag.records(project.where(listed.file)):
        blobs = row.blobs_in_bag(record, listed.iteration)
        if row.folders and not blobs:
            continue  # a model that the service has not finished
        if all(held.has(stem, uri) for stem, uri in blobs):
            yield Held(project.id, row.name, row.id_in_bag(record, listed.iteration), record)
