"""The check of names.json: it is there where a narrowed export holds something, and names that and nothing else."""

from collections.abc import Iterator

from cv_gdpr.archive.bag import NAMES, WORKSPACE
from cv_gdpr.archive.layout import Place
from cv_gdpr.archive.names import identity, readable, same_id
from cv_gdpr.table.categories import CATEGORIES, ITERATIONS
from cv_gdpr.verify.contents import LISTS, ProjectContents
from cv_gdpr.verify.redactions import Redactions

_DOCUMENTS = [
    (place, file.name)
    for row in CATEGORIES
    for file in row.files
    for place in (Place.PROJECT, Place.ITERATION)
    if place in file.places and not file.is_list
]

_PREDICTIONS = "predictions.jsonl"


def check_names(contents: ProjectContents, redactions: Redactions, *, narrowed: bool) -> None:
    """Note each difference between the names of a project, of its iterations, and what its folder holds."""
    where = contents.where(NAMES)
    if not contents.result.bag.has(where):
        # Exports of before, which have no such file, name no rows `of_selected` either.
        if (
            narrowed
            and contents.of_selected
            and any(_holds(contents, place) for place in (WORKSPACE, *contents.folders))
        ):
            contents.result.differ(where, "missing")
        return
    with contents.result.noting(where):
        named = contents.result.bag.names(contents.project)
        for what in _differences(contents, redactions, named) if narrowed else (_WHOLE,):
            contents.result.differ(where, what)


_WHOLE = "only an export with selectors holds this file"


def _differences(contents: ProjectContents, redactions: Redactions, named: dict[str, str]) -> Iterator[str]:
    (project, name), *iterations = named.items()
    places = {identity(one): one for one, _ in iterations}
    if project != contents.id:
        yield f"names project {project}, but lies in the folder of {contents.id}"
    elif readable(name, project) != contents.folder:
        yield "names the project otherwise than its folder"
    for one, its_name in iterations:
        yield from _of_iteration(contents, redactions, one, its_name)
    for place in contents.folders:
        if place not in places and _holds(contents, place):
            yield f"does not name iteration {place}, but the export holds something of it"
    if not any(_held(contents, redactions, place) for place in (WORKSPACE, *contents.folders)):
        yield "the export holds nothing of this project"


def _of_iteration(contents: ProjectContents, redactions: Redactions, one: str, name: str) -> Iterator[str]:
    place = identity(one)
    folder = contents.folders.get(place)
    if same_id(one) in redactions.of(contents.id, ITERATIONS):
        yield f"names iteration {one}, but redactions.jsonl says that it was taken out"
    elif not _held(contents, redactions, place) and not held_predictions(contents, redactions):
        yield f"names iteration {one}, but the export holds nothing of it"
    elif folder and readable(name, one) != folder:
        yield f"names iteration {one} otherwise than its folder"


def _held(contents: ProjectContents, redactions: Redactions, place: str) -> bool:
    """Return whether the export holds something of a place, or held it until it was taken out."""
    return _holds(contents, place) or any(redactions.taken(contents.id, place, kind.file.name) for kind in LISTS)


def held_predictions(contents: ProjectContents, redactions: Redactions) -> bool:
    """Return whether the project holds predictions, or held some until they were taken out: each names an iteration."""
    listed = contents.lines.get(_PREDICTIONS)
    return bool(listed or redactions.taken(contents.id, WORKSPACE, _PREDICTIONS))


def _holds(contents: ProjectContents, place: str) -> bool:
    """Return whether a list of a place has a record, or a document is there."""
    kind = Place.ITERATION if place else Place.PROJECT
    files = (contents.in_place(place, name) for within, name in _DOCUMENTS if within is kind)
    lists = (contents.lines.get(contents.in_place(place, one.file.name)) for one in LISTS)
    return any(lists) or any(contents.result.bag.has(contents.where(file)) for file in files)
