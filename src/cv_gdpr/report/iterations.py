"""The page of an iteration: what it was trained on, how well it did, as what it was published and exported."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.archive.bag import Bag, BagProject
from cv_gdpr.report.performance import MEASURES, NOT_MEASURED, on_a_scale
from cv_gdpr.report.plots import key
from cv_gdpr.report.records import TEST, Iteration, Measures, Picture, Project, Said
from cv_gdpr.table.labels import objects_in, word

if TYPE_CHECKING:
    from markupsafe import Markup

    from cv_gdpr.report.site import Shown, Site

MOST_TESTED = 500  # pictures of the service's test on a page; the record of each picture has what was said of it


class TagRow(NamedTuple):
    """A tag of an iteration: on how many pictures and boxes it was trained with it, and how well it did."""

    name: str
    pictures: int
    boxes: int
    measures: Measures
    scale: "Markup | None"


class Tested(NamedTuple):
    """A picture of the service's test: the tags it has, and what the model held most probable."""

    picture: Picture
    tags: tuple[str, ...]
    said: Said | None

    @property
    def is_right(self) -> bool:
        """Whether the most probable tag is one that the picture has; it may have been renamed since the test."""
        return self.said is not None and self.said.tag in self.picture.tags


def write(site: "Site", one: "Shown") -> None:
    """Write the page of each iteration of a project."""
    names = {use.tag.id: use.tag.name or use.tag.id for use in one.tags}
    legend = [(key(index), site.report.language.gettext(name)) for index, name in enumerate(MEASURES)]
    for number, iteration in enumerate(one.project.iterations, 1):
        tested = list(_tested(iteration, one.contents.pictures, names))
        site.page(
            f"{one.project.place}/{iteration.page}",
            "iteration.html.jinja",
            project=one.project,
            iteration=iteration,
            number=number,
            tags=_tags(site.bag, one.project, iteration, names),
            legend=legend,
            tested=tested[:MOST_TESTED],
            tested_in_all=len(tested),
            right=sum(each.is_right for each in tested),
        )


def _tags(bag: Bag, project: Project, iteration: Iteration, names: dict[str, str]) -> list[TagRow]:
    """Return each tag that is on a picture of the training set, or that was measured."""
    pictures, boxes = Counter[str](), Counter[str]()
    if iteration.folder:
        where = BagProject(project.id, project.folder).where(f"iterations/{iteration.folder}/images.jsonl")
        for record in bag.records(where):
            regions = objects_in(record, "regions")
            boxes.update(word(each, "tagId") for each in regions)
            pictures.update({word(each, "tagId") for each in [*objects_in(record, "tags"), *regions]})
    known = names | {one.id: one.name for one in iteration.tags if one.name}
    measured = {one.tag: one for one in iteration.performance.tags} if iteration.performance else {}
    known |= {tag: one.name for tag, one in measured.items() if one.name}
    rows = [
        _row(known.get(tag, tag), pictures[tag], boxes[tag], measured[tag].measures if tag in measured else None)
        for tag in dict.fromkeys([*measured, *pictures])
    ]
    return sorted(rows, key=lambda one: (one.name.casefold(), one.name))


def _row(name: str, pictures: int, boxes: int, measures: Measures | None) -> TagRow:
    return TagRow(name, pictures, boxes, measures or NOT_MEASURED, on_a_scale(measures) if measures else None)


def _tested(iteration: Iteration, pictures: Sequence[Picture], names: dict[str, str]) -> Iterator[Tested]:
    for picture in pictures:
        for opinion in picture.opinions:
            if opinion.kind == TEST and opinion.iteration == iteration.id:
                best = opinion.best
                said = best and best._replace(name=names.get(best.tag) or best.name or best.tag)
                yield Tested(picture, tuple(_names(picture, names)), said)


def _names(picture: Picture, names: dict[str, str]) -> Iterable[str]:
    return (names.get(tag, tag) for tag in picture.tags)
