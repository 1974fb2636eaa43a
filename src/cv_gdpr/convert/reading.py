"""Reads the pictures of a project from a verified bag: of the workspace, or those that an iteration was trained on."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cv_gdpr.archive.bag import WORKSPACE, Bag, BagProject, HeldFile
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.names import identity, readable, safe_stem
from cv_gdpr.archive.sides import Sides, sides_in
from cv_gdpr.convert.records import DataSet, Label, Note, Picture
from cv_gdpr.errors import UsageError
from cv_gdpr.links import source_path
from cv_gdpr.table.blobs import of_image
from cv_gdpr.table.categories import IMAGES
from cv_gdpr.table.inventory import has_id, named
from cv_gdpr.table.labelled import Tag, Task, box_of, detects, listed_tags, settings_of
from cv_gdpr.table.labels import objects_in, same_text, word
from cv_gdpr.verbatim import Json
from cv_gdpr.watching import Count


class Place(NamedTuple):
    """A project of a bag, and the iteration whose pictures are wanted: id and folder, empty for the workspace."""

    project: BagProject
    iteration: str = WORKSPACE
    folder: str = ""

    def where(self, file: str) -> str:
        """Return the path of a file of the iteration, or of the workspace, in the bag."""
        return self.project.where(f"iterations/{self.folder}/{file}" if self.folder else file)


def projects_of(bag: Bag, wanted: Iterable[str]) -> list[BagProject]:
    """Return the wanted projects by name or id, or all; raise UsageError for an unknown one, or without images."""
    if IMAGES not in bag.rows:
        raise UsageError(f"{bag.folder} holds no images", "export with the row images, or without a row")
    projects = {one.id: one for one in bag.projects()}
    wanted = list(wanted)
    if not wanted:
        return list(projects.values())
    entries = [{"id": one.id, "name": _project_name(bag, one)} for one in projects.values()]
    folders = {one.id: one.folder for one in projects.values()}
    ids = dict.fromkeys(_chosen(entries, name, folders) for name in wanted)
    return [projects[one] for one in ids]


def places_of(bag: Bag, projects: Iterable[BagProject], iteration: str | None) -> tuple[list[Place], list[BagProject]]:
    """Return where the pictures of each project are listed, and the projects that have no such iteration.

    Raise UsageError if none has it.
    """
    if iteration is None:
        return [Place(one) for one in projects], []
    places, without, known = [], [], list[Json]()
    for project in projects:
        folders = dict(_iterations(bag, project))
        places_there = [Place(project, one, folder) for one, folder in folders.items()]
        entries = [{"id": one.iteration, "name": _iteration_name(bag, one)} for one in places_there]
        known += entries
        if any(_is(entry, iteration, folders) for entry in entries):
            found = _chosen(entries, iteration, folders, "iteration")
            places.append(Place(project, found, folders[found]))
        else:
            without.append(project)
    if not places:
        named(known, iteration, "iteration")
    return places, without


def _iterations(bag: Bag, project: BagProject) -> Iterator[tuple[str, str]]:
    """Yield id and folder of each iteration."""
    named = {identity(one): one for one in bag.names(project)}
    for in_folder, folder in bag.iterations(project):
        where = project.where(f"iterations/{folder}/iteration.json")
        yield str(bag.document(where)["id"]) if bag.has(where) else named.get(in_folder, in_folder), folder


def _is(entry: Json, name: str, folders: dict[str, str]) -> bool:
    if not entry["name"] and folders[entry["id"]] == readable(name, entry["id"]):
        return True  # its document was not exported: its folder has the name
    return has_id(entry, name) or same_text(str(entry["name"])) == same_text(name)


def _chosen(entries: list[Json], name: str, folders: dict[str, str], kind: str = "project") -> str:
    """Return the id of the entry with this name or id; raise UsageError, with the candidates, unless it is one."""
    found = [one for one in entries if _is(one, name, folders)]
    return str(found[0]["id"] if len(found) == 1 else named(entries, name, kind)["id"])


def _project_name(bag: Bag, project: BagProject) -> str:
    return _name(bag, project, project.where("project.json"), project.id)


def _iteration_name(bag: Bag, place: Place) -> str:
    return _name(bag, place.project, place.where("iteration.json"), place.iteration)


def _name(bag: Bag, project: BagProject, where: str, one: str) -> str:
    """Return a name as its document has it; a narrowed export has none, but `names.json`. Empty without both."""
    return word(bag.document(where), "name") if bag.has(where) else bag.names(project).get(one, "")


def read(bag: Bag, place: Place) -> tuple[DataSet, list[Note]]:
    """Return the pictures with their labels, and notes on what cannot be used."""
    listed = place.where("images.jsonl")
    reader = _Reader(bag, place)
    if not bag.has(listed):
        reader.notes.append(Note("the export holds no list of its images", lost=True))
    images = Count("images read")
    images.begin(None)
    for record in bag.records(listed):
        reader.take(record)
        images.add()
    task = reader.task()
    pictures = [picture._replace(labels=_labels(tags, picture.labels, task)) for picture, tags in reader.pictures]
    pictures.sort(key=lambda one: one.id)
    tags = tuple(reader.tags[one] for one in sorted(reader.tags))
    data = DataSet(place.project.id, place.project.folder, place.iteration or None, task, tags, tuple(pictures))
    return data._replace(name=_project_name(bag, place.project)), reader.notes


def only_in_iterations(bag: Bag, project: BagProject, listed: Iterable[str]) -> dict[str, int]:
    """Return, by the iteration's name, how many images it alone or others of them hold, and the workspace does not.

    An image of several iterations counts for the first of them.
    """
    seen, found = set(listed), dict[str, int]()
    for iteration, folder in _iterations(bag, project):
        place = Place(project, iteration, folder)
        images = {str(one["id"]) for one in bag.records(place.where("images.jsonl"))} - seen
        if images:
            found[_iteration_name(bag, place) or iteration] = len(images)
            seen |= images
    return found


class _Reader:
    """What the records of a list hold; a picture has the labels of its regions, and its tags beside it."""

    def __init__(self, bag: Bag, place: Place) -> None:
        self._bag = bag
        self._place = place
        self._held = bag.files_of(place.project)
        self._regions = self._several = False
        self.tags = listed_tags(bag, place.project, place.where("tags.jsonl"))
        self.pictures: list[tuple[Picture, list[str]]] = []
        self.notes: list[Note] = []

    def take(self, record: Json) -> None:
        """Take the record of an image."""
        tagged, regions = objects_in(record, "tags"), objects_in(record, "regions")
        for one in tagged + regions:
            if (tag := word(one, "tagId")) not in self.tags:
                self.tags[tag] = Tag(tag, word(one, "tagName"))
        self._regions |= bool(regions)
        self._several |= len(tagged) > 1
        file = self._file(record)
        if file is None:
            self.notes.append(Note("left out: its file is not in the export", lost=True, image=str(record["id"])))
            return
        picture = self._picture(record, file)
        labels = tuple(filter(None, (self._region(record, one) for one in regions)))
        tags = dict.fromkeys(word(one, "tagId") for one in tagged)
        for one in regions:
            tags.pop(word(one, "tagId"), None)
        self.pictures.append((picture._replace(labels=labels), list(tags)))

    def _file(self, record: Json) -> HeldFile | None:
        blob = of_image(record)[0]
        return self._held.get(blob_key(safe_stem(blob.stem), source_path(blob.uri)))

    def _picture(self, record: Json, file: HeldFile) -> Picture:
        path, name = self._bag.at(file.path), str(record["id"])
        width, height = self._sides(record, sides_in(path))
        return Picture(name, identity(name), path, file.sha256, width, height, ())

    def _sides(self, record: Json, of_file: Sides | None) -> Sides:
        """Return the sides of the file, in whose pixels boxes are counted, else those of the record."""
        width, height = record.get("width"), record.get("height")
        listed = Sides(width, height) if isinstance(width, int) and isinstance(height, int) else Sides(0, 0)
        if of_file is None:
            return listed
        if min(listed) > 0 and listed != of_file:
            shapes = (f"{one.width} x {one.height}" for one in (of_file, listed))
            what = "the file has {} pixels, its record says {}: the file counts".format(*shapes)
            self.notes.append(Note(what, lost=False, image=str(record["id"])))
        return of_file

    def _region(self, record: Json, region: Json) -> Label | None:
        label = Label(word(region, "tagId"), word(region, "regionId"), box_of(region))
        if label.box:
            return label
        what = "left out: its box is not four numbers"
        self.notes.append(Note(what, lost=True, image=str(record["id"]), tag=label.tag, region=label.region))
        return None

    def task(self) -> Task:
        """Return what the project is for: by its domain and type, or by the labels where the bag does not tell."""
        settings = settings_of(self._bag, self._place.project, self._place.where("iteration.json"))
        if self._regions or detects(settings):
            return Task.DETECTION
        kind = settings.get("classificationType", "").lower()
        if not kind:
            self.notes.append(Note("the export does not say the project's type: its labels decide", lost=False))
        return Task.MULTI_LABEL if kind == "multilabel" or (not kind and self._several) else Task.MULTI_CLASS


def _labels(tags: list[str], regions: tuple[Label, ...], task: Task) -> tuple[Label, ...]:
    """Return the labels of a picture: in object detection the regions, then the tags that no region has."""
    return (regions if task is Task.DETECTION else ()) + tuple(map(Label, tags))
