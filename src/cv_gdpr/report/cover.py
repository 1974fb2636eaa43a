"""The site for a data subject: a cover sheet in place of the overview, and a page for each picture that was found.

It shows only what the selectors took: no other project, and no count of anything else. What the export says of other
projects (their folders, their counts, what could not be read in them) stays in the export.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.bag_info import OF_SELECTED
from cv_gdpr.archive.names import identity
from cv_gdpr.archive.writing import private_folder
from cv_gdpr.evidence.summary import ASKED
from cv_gdpr.languages import Language, language, message, short
from cv_gdpr.report.gallery import GalleryPage, Shown, in_pages, names_of, page_name
from cv_gdpr.report.pages import Pages, weight
from cv_gdpr.report.pictures import contents_of
from cv_gdpr.report.records import Export, Iteration, Picture, Project
from cv_gdpr.report.site import INDEX, Report, Site, placed, write_records
from cv_gdpr.report.site import Shown as ShownProject
from cv_gdpr.table.categories import CATEGORIES, IMAGES, PERFORMANCE, PREDICTIONS
from cv_gdpr.table.labels import objects_in, word
from cv_gdpr.table.selection import IMAGE_ID, METADATA, PREDICTED, TAG
from cv_gdpr.verbatim import json_value

ON_A_PAGE = 250  # pictures with all that is kept with them
_MOST_BYTES = 1_500_000  # of a page, nearly: it stays below 2 MB
MOST_TEXT = 20_000  # letters of metadata
MOST_BOXES = 3_000  # of a picture in words; its page and its record have more
_OF_PICTURES = {IMAGES, PERFORMANCE, PREDICTIONS}  # rows with records under the id of a picture
_ASKED = {kind: ASKED[kind] for kind in (IMAGE_ID, METADATA, TAG, PREDICTED)}
RIGHTS = (
    ("15", message("to know whether data on you are kept, and to get a copy of them: these pages are your copy")),
    ("16", message("to have data corrected that are wrong, and completed that are incomplete")),
    ("17", message("to have them erased, where they are no longer needed, or were kept without a legal ground")),
    ("18", message("to have their use restricted, while it is unclear whether they are right or may be kept")),
    (
        "19",
        message("that all who received them learn of a correction, erasure or restriction, and to know who they are"),
    ),
    ("20", message("to get what you provided in a form that other systems can read, and to hand it to others")),
    ("21", message("to object to their use, for reasons of your own situation; to advertising at any time")),
    ("22", message("not to be subject to a decision that a machine takes alone, where it matters to you")),
)
"""The article of the General Data Protection Regulation, and the right in plain words."""


class Model(NamedTuple):
    """A model that was trained on some of these pictures; `pictures`: how many of them."""

    name: str
    published_as: str
    pictures: int


class Part(NamedTuple):
    """The pictures that were found in one project, and the names of its tags and models."""

    project: Project
    name: str
    pictures: list[Shown]
    names: dict[str, str]
    iterations: dict[str, str]
    models: list[Model]


class Sheet(NamedTuple):
    """A page of the cover sheet, from 1; only the first says more than what is kept with each picture."""

    number: int
    parts: list[Part]


def sheet_name(number: int) -> str:
    """Return the name of a page of the cover sheet."""
    return INDEX if number == 1 else f"pictures-{number}.html"


def english_name(number: int) -> str:
    """Return the name of the same page in English, beside a translated one."""
    return f"{sheet_name(number).removesuffix('.html')}.en.html"


def is_for_a_person(bag: Bag) -> bool:
    """Return whether the selectors of an export are those by which one person's pictures are found."""
    return any(one["selector"] in _ASKED for one in bag.summary["selectors"])


def make_cover(bag: Bag, report: Report, folder: Path, progress: Callable[[int, int], None], contact: str = "") -> None:
    """Write the site of a data subject into a folder, which gets the name `report.out` later; raise OSError."""
    site = Site(bag, report, folder)
    parts = [part for project in site.export.projects if (part := _part(site, project, progress))]
    found = [one for part in parts for one in part.pictures]
    sheets = list(_sheets(parts))
    words = {row.name: row.data for row in CATEGORIES}
    tested = holds_tests(bag, site.export)
    values = {
        "sheets": len(sheets),
        "english_name": english_name,
        "parts": parts,
        "total": len(found),
        "without_file": sum(not one.picture.file for one in found),
        "by_label": _is_by_label(bag),
        "contact": contact,
        "not_searched": [
            words[row]
            for row, _ in site.export.not_searched
            if row not in _OF_PICTURES or (tested and row == PERFORMANCE)
        ],
        "tests_searched": tested,
        "predictions_searched": not site.export.predictions_not_searched and PREDICTIONS in bag.rows,
        "images_searched": IMAGES in bag.rows,
        "gaps": gaps_of(site.export, {one.picture.id for one in found}),
        "rights": RIGHTS,
        "most_boxes": MOST_BOXES,
        "most_text": MOST_TEXT,
    }
    _write_sheets(site, sheets, values | {"asked": _asked(bag, report.language), "sheet_name": sheet_name})
    if report.language.code != "en":  # the version that prevails
        english, site.renderer = language("en"), Pages(language("en"))
        _write_sheets(site, sheets, values | {"asked": _asked(bag, english), "sheet_name": english_name})


def _write_sheets(site: Site, sheets: list[Sheet], values: dict[str, Any]) -> None:
    for sheet in sheets:
        site.page(values["sheet_name"](sheet.number), "cover.html.jinja", sheet=sheet, **values)


def _asked(bag: Bag, reader: Language) -> list[str]:
    kinds = dict.fromkeys(one["selector"] for one in bag.summary["selectors"])
    return [reader.gettext(_ASKED[kind]) for kind in kinds if kind in _ASKED]


def _is_by_label(bag: Bag) -> bool:
    """Return whether pictures were searched by what they carry, so that those without it are not found."""
    kinds = {one["selector"] for one in bag.summary["selectors"]}
    return IMAGE_ID not in kinds and not kinds.isdisjoint({METADATA, TAG, PREDICTED})


def holds_tests(bag: Bag, export: Export) -> bool:
    """Return whether an export has all that tests of models said of its pictures; older ones with selectors do not."""
    held = PERFORMANCE in bag.rows or PERFORMANCE in bag.summary.get(OF_SELECTED, ())
    return held and not any(gap.row == PERFORMANCE for gap in export.gaps)


def gaps_of(export: Export, found: set[str]) -> tuple[list[str], bool]:
    """Return why something of the pictures that were found is missing, and whether anything else is.

    Reasons of anything else may count or name what belongs to others.
    """
    reasons = dict.fromkeys(gap.reason for gap in export.gaps if gap.id in found)
    return list(reasons), any(gap.id not in found for gap in export.gaps)


def _part(site: Site, project: Project, progress: Callable[[int, int], None]) -> Part | None:
    """Write the pages of the pictures that were found in a project; None where there are none."""
    contents = contents_of(site.bag, project)
    if not contents.pictures:
        return None
    site.report.counts[project.id] = contents.counts
    for folder in ("pictures", "thumbnails", "files"):
        private_folder(site.folder / project.place / folder)
    names = dict(_tag_names(contents.pictures)) | names_of(project, contents)
    pictures = placed(site, ShownProject(project, contents), names, progress)
    titles = {one.id: _title(one.name, one.folder, one.id) for one in project.iterations}
    name = _title(project.name, project.folder, project.id)
    site.report.names[project.id] = name
    named = project._replace(name=name, iterations=tuple(_titled(one, titles) for one in project.iterations))
    common = {"project": named, "names": names, "page_name": page_name, "for_a_person": True}
    site.pictures.begin(len(pictures))
    write_records(site, project.place, GalleryPage(1, pictures), common)
    return Part(named, name, pictures, names, titles, list(_models(named, pictures)))


def _tag_names(pictures: Sequence[Picture]) -> Iterator[tuple[str, str]]:
    """Yield id and name of each tag as the records of pictures have them: the list of tags is not in such an export."""
    for picture in pictures:
        for source in picture.sources:
            record = json_value(source.text)
            for each in objects_in(record, "tags") + objects_in(record, "predictions"):
                if name := word(each, "tagName"):
                    yield word(each, "tagId"), name


def _titled(iteration: Iteration, titles: dict[str, str]) -> Iteration:
    return iteration._replace(name=titles[iteration.id])


def _title(name: str, folder: str, id_: str) -> str:
    """Return a name, or as much of it as the name of a folder has: where only pictures were exported."""
    return name or folder.removesuffix(identity(id_)).rstrip("-") or id_


def _models(project: Project, pictures: list[Shown]) -> Iterator[Model]:
    for one in project.iterations:
        if count := sum(one.id in each.picture.iterations for each in pictures):
            yield Model(one.name, one.published_as, count)


def _sheets(parts: list[Part]) -> Iterator[Sheet]:
    """Yield the pages, each with the next pictures."""
    flat = [(part, one) for part in parts for one in part.pictures]
    for number, mine in enumerate(in_pages(flat, lambda pair: _bytes(pair[1]), ON_A_PAGE, _MOST_BYTES), 1):
        own = [part._replace(pictures=[one for each, one in mine if each is part]) for part in parts]
        yield Sheet(number, [part for part in own if part.pictures])


def _bytes(one: Shown) -> int:
    """Return about how many bytes a picture takes on a sheet."""
    picture = one.picture
    boxes = sum(300 + weight(short(each.name)) for each in picture.regions[:MOST_BOXES])
    pairs = sum(150 + weight(short(key)) + weight(short(value, MOST_TEXT)) for key, value in picture.metadata)
    said = sum(200 + sum(60 + weight(short(each.name)) for each in opinion.said[:5]) for opinion in picture.opinions)
    tags = sum(60 + weight(short(tag)) for tag in one.tags)
    return 2_000 + boxes + pairs + said + tags + 200 * len(picture.iterations)
