"""The pictures that a bag holds: of the workspace, of iterations only, and of stored predictions, with their files."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cv_gdpr.archive.bag import Bag, BagProject, HeldFile
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.layout import Holds
from cv_gdpr.links import source_path
from cv_gdpr.table.categories import CATEGORIES, PICTURES, Category
from cv_gdpr.verbatim import Json


@dataclass
class Candidate:
    """An item with a picture: its row, project and id, and its files by their SHA-256, the original first.

    `iterations`: the ids of those that hold it, as long as the workspace does not. A moved blob may leave it no file.
    """

    row: str
    project: str
    id: str
    files: dict[str, str] = field(default_factory=dict)  # SHA-256: path in the bag
    iterations: list[str] = field(default_factory=list)
    whole: bool = True  # all of its files are there


def candidates(bag: Bag) -> Iterator[Candidate]:
    """Yield each item with a picture of a verified bag, project by project."""
    rows = {
        file.name: row
        for row in CATEGORIES
        if row.name in PICTURES
        for file in row.files
        if file.holds is Holds.ITEMS and file.is_list
    }
    for project in bag.projects():
        yield from _of_project(bag, project, rows)


def _of_project(bag: Bag, project: BagProject, rows: dict[str, Category]) -> Iterator[Candidate]:
    held = bag.files_of(project)
    known: dict[tuple[str, str], Candidate] = {}
    workspace: set[tuple[str, str]] = set()
    for one in bag.lists(project):
        row = rows.get(one.name)
        if row is None:
            continue
        for record in bag.records(project.where(one.file)):
            key = row.name, row.id_in_bag(record, one.iteration)
            candidate = known.setdefault(key, Candidate(row.name, project.id, key[1]))
            _add_files(candidate, row, record, one.iteration, held)
            if not one.iteration:
                workspace.add(key)
            elif key not in workspace:
                candidate.iterations.append(one.iteration)
    yield from known.values()


def _add_files(candidate: Candidate, row: Category, record: Json, place: str, held: dict[int, HeldFile]) -> None:
    for stem, uri in row.blobs_in_bag(record, place):
        file = held.get(blob_key(stem, source_path(uri)))
        if file is None:
            candidate.whole = False
        else:
            candidate.files.setdefault(*file)
