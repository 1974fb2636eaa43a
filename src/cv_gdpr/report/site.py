"""Writes the site of a report: pages, thumbnails and pictures, in a folder of its own beside the bag."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.new_folder import write_text
from cv_gdpr.archive.placing import Placer
from cv_gdpr.archive.writing import private_folder
from cv_gdpr.languages import Language, message
from cv_gdpr.report import iterations
from cv_gdpr.report.gallery import GalleryPage, gallery_pages, index_of, names_of, page_name
from cv_gdpr.report.gallery import Shown as ShownPicture
from cv_gdpr.report.pages import Pages, weight
from cv_gdpr.report.performance import performances
from cv_gdpr.report.pictures import contents_of
from cv_gdpr.report.reading import read_export
from cv_gdpr.report.records import Contents, Counts, Export, Picture, Project, Source, TagUse
from cv_gdpr.report.thumbnails import Job, Made, thumbnails
from cv_gdpr.table.categories import CATEGORIES
from cv_gdpr.table.labelled import Task
from cv_gdpr.verbatim import json_text, json_value
from cv_gdpr.watching import Count, step

Progress = Callable[[int, int], None]
INDEX = "index.html"
THUMBNAILS = "thumbnails made"  # what progress counts
_MOST_GAPS = 500  # named on the overview; the export's own list has all
_MOST_JSON = 200_000  # letters of a record on its page; a page stays below 2 MB
_MOST_RECORDS = 800_000  # bytes of all records on a page
_MOST_BOXES = 1_000  # over a picture, and in words beside it
_SUFFIX = re.compile(r"(\.[0-9a-z]+)?$")
_BY_BROWSERS = (".jpg", ".png", ".gif", ".bmp", ".webp")  # what every browser shows
_TASKS = {
    Task.MULTI_CLASS: message("classification, one tag for each picture"),
    Task.MULTI_LABEL: message("classification, several tags for a picture"),
    Task.DETECTION: message("object detection"),
}


@dataclass
class NotShown:
    """A picture without a thumbnail, and why."""

    project: str
    id: str
    reason: str


@dataclass
class Report:
    """The site of a bag: where it lies, what it shows, and what could not be shown.

    `out` is its folder, `packed` the file that holds it: one of them, or both. `for_a_person`: it has a cover sheet.
    """

    bag: Path
    out: Path | None
    language: Language
    incomplete: bool
    packed: Path | None = None
    for_a_person: bool = False
    placer: Placer = field(default_factory=Placer)
    counts: dict[str, Counts] = field(default_factory=dict)  # by project id
    names: dict[str, str] = field(default_factory=dict)  # of the same projects
    not_shown: list[NotShown] = field(default_factory=list)
    pages: int = 0
    largest: int = 0  # bytes of the largest page

    @property
    def written(self) -> Path:
        """The folder of the site, else the file that holds it."""
        return self.out or self.packed or self.bag

    @property
    def start(self) -> Path:
        """The page to open first; in the file, if there is no folder."""
        return self.out / INDEX if self.out else Path(self.written.stem, INDEX)

    @property
    def exit_code(self) -> int:
        """0: everything that the export holds is shown; 3: a picture could not be, or the export is not complete."""
        return 3 if self.incomplete or self.not_shown else 0


@dataclass(frozen=True)
class Shown:
    """A project as the pages show it."""

    project: Project
    contents: Contents

    @property
    def tags(self) -> tuple[TagUse, ...]:
        """Its tags."""
        return self.contents.tags

    @property
    def counts(self) -> Counts:
        """How many pictures of each kind it has."""
        return self.contents.counts


class Site:
    """The site while it is written into a folder."""

    def __init__(self, bag: Bag, report: Report, folder: Path) -> None:
        self.bag, self.report, self.folder = bag, report, folder
        self.export: Export = read_export(bag)
        self.renderer = Pages(report.language)
        self.pictures = Count("pages of pictures written")
        self._task_words = {task: report.language.gettext(words) for task, words in _TASKS.items()}

    def page(self, where: str, template: str, **values: Any) -> None:
        """Write a page; `where` is its path in the site."""
        text = self.renderer.render(template, export=self.export, task_words=self._task_words, **values)
        content = text.encode(errors="backslashreplace")
        write_text(self.folder / where, content)
        self.report.pages += 1
        self.report.largest = max(self.report.largest, len(content))


def make(bag: Bag, report: Report, folder: Path, progress: Progress) -> None:
    """Write the site of a verified bag into a folder, which gets the name `report.out` later; raise OSError."""
    site = Site(bag, report, folder)
    shown = []
    for project in site.export.projects:
        one = Shown(project, contents_of(bag, project))
        _write_project(site, one, progress)
        report.counts[project.id], report.names[project.id] = one.counts, project.name
        shown.append(Shown(project, one.contents._replace(pictures=())))  # those of one project at a time in memory
    names = {one.id: one.name or one.id for one in site.export.projects}
    rows = {row.name: row.data for row in CATEGORIES}
    site.page(INDEX, "overview.html.jinja", projects=shown, project_names=names, row_words=rows, most_gaps=_MOST_GAPS)


def _write_project(site: Site, one: Shown, progress: Progress) -> None:
    place = one.project.place
    for folder in ("pictures", "thumbnails", "files"):
        private_folder(site.folder / place / folder)
    names = names_of(one.project, one.contents)
    pictures = placed(site, one, names, progress)
    performance = performances(one.project, site.report.language)
    site.page(f"{place}/{INDEX}", "project.html.jinja", one=one, performance=performance)
    iterations.write(site, one)
    site.pictures.begin(len(pictures))
    pages = gallery_pages(pictures)
    index = index_of(one.project, pictures, names, site.report.language)
    common = {"project": one.project, "names": names, "page_name": page_name}
    for page in pages:
        values = common | {"page": page, "pages": len(pages), "total": len(pictures), "index": index}
        site.page(f"{place}/{page.file}", "gallery.html.jinja", **values)
        write_records(site, place, page, common)


def write_records(site: Site, place: str, page: GalleryPage, common: dict[str, Any]) -> None:
    """Write the page of each picture on a page of the gallery."""
    names = {one.id: one.name or one.id for one in common["project"].iterations}
    for each in page.pictures:
        sources = _that_fit(each.picture.sources)
        most_name = 150_000 if len(each.tags) < 2 else max(60, 300_000 // len(each.tags))
        values = common | {"one": each, "page": page, "iteration_names": names, "sources": sources}
        site.page(f"{place}/{each.page}", "record.html.jinja", most_name=most_name, most_boxes=_MOST_BOXES, **values)
        site.pictures.add()


def _that_fit(sources: Sequence[Source]) -> list[Source]:
    """Return records ready to show, without the text of those that make a page too large."""
    found, size = [], 0
    for one in sources:
        text = _pretty(one.text) if len(one.text) <= _MOST_JSON else ""
        heavy = weight(text)
        fits = text and size + heavy <= _MOST_RECORDS
        size += heavy if fits else 0
        found.append(one._replace(text=text if fits else ""))
    return found


def _pretty(text: str) -> str:
    return json_text(json_value(text), indent=True)


def placed(site: Site, one: Shown, names: dict[str, str], progress: Progress) -> list[ShownPicture]:
    """Put the files of a project's pictures into the site, with their thumbnails, and return the pictures."""
    pictures = one.contents.pictures
    with_file = [picture for picture in pictures if picture.file]
    jobs = [_job(site, one.project, picture) for picture in with_file]
    step(THUMBNAILS, len(jobs))
    done = thumbnails(jobs, lambda count: progress(count, len(jobs)))
    results = {picture.stem: made for picture, made in zip(with_file, done, strict=True)}
    shown = []
    at_place = Count("pictures placed")
    at_place.begin(len(pictures))
    for picture in pictures:
        at_place.add()
        made = results.get(picture.stem, Made(0, 0))
        file = ""
        if picture.file:
            file = f"files/{picture.stem}{_suffix(picture.file)}"
            site.report.placer.place(site.bag.at(picture.file), site.folder / one.project.place / file)
        if made.reason:
            site.report.not_shown.append(NotShown(one.project.id, picture.id, made.reason))
        words = tuple(names.get(tag) or tag for tag in picture.all_tags)
        # CSS cannot keep a browser from turning a picture that was opened from the disk.
        can_be_shown = file.endswith(_BY_BROWSERS) and not made.is_turned
        shown.append(ShownPicture(picture, made, words, file, can_be_shown))
    return shown


def _suffix(path: str) -> str:
    found = _SUFFIX.search(path)
    return found[0] if found else ""


def _job(site: Site, project: Project, picture: Picture) -> Job:
    source = site.bag.at(picture.small or picture.file)
    return Job(str(source), str(site.folder / project.place / "thumbnails" / f"{picture.stem}.jpg"))
