"""Makes a data set of each project of a verified bag, reads it back, and says what differs."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.placing import Placer
from cv_gdpr.archive.spelling import on_disk
from cv_gdpr.archive.writing import private_folder
from cv_gdpr.convert.fitting import fitted
from cv_gdpr.convert.formats import FORMATS, Format
from cv_gdpr.convert.names import classes_of
from cv_gdpr.convert.reading import Place, only_in_iterations, places_of, projects_of, read
from cv_gdpr.convert.records import PARTS, TRAIN, Arranged, Class, DataSet, Note, Split
from cv_gdpr.convert.round_trip import differences, unexplained
from cv_gdpr.convert.split import parts_of
from cv_gdpr.errors import UsageError
from cv_gdpr.links import address_without_credentials
from cv_gdpr.watching import step

Progress = Callable[[int, int], None]
PLACED = "images placed"  # what progress counts


class Wanted(NamedTuple):
    """What is asked for: the format, the projects (empty: all), the iteration, and how."""

    to: str
    projects: tuple[str, ...] = ()
    iteration: str | None = None
    split: Split | None = None
    prefix: str | None = None
    only_copies: bool = False

    @property
    def format(self) -> Format:
        """The format."""
        return FORMATS[self.to]


@dataclass
class Converted:
    """A data set that was written and read back: what the bag has for it, and the notes on what differs."""

    data: DataSet
    folder: str  # below the output folder; empty: that folder itself
    classes: dict[str, Class]
    images: Counter[str]  # written, by part
    labels: Counter[str]  # written, by tag id
    placed: Counter[str]
    notes: list[Note]
    warnings: list[str] = field(default_factory=list)  # what training with it will meet
    only_in_iterations: dict[str, int] = field(default_factory=dict)  # images that it lacks, by the iteration's name

    @property
    def without_images(self) -> list[Class]:
        """The classes that no image has."""
        return [one for tag, one in self.classes.items() if not self.labels[tag]]

    @property
    def lost(self) -> list[Note]:
        """What the bag holds and the data set does not."""
        return [note for note in self.notes if note.lost]


@dataclass
class Conversion:
    """The data sets of a bag; `without`: ids of projects that have no such iteration."""

    bag: Path
    out: Path
    wanted: Wanted
    incomplete: bool
    sets: list[Converted] = field(default_factory=list)
    without: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: everything was written and read back; 3: something was lost or left out."""
        return 3 if self.incomplete or self.without or any(one.lost for one in self.sets) else 0


def check_wanted(wanted: Wanted) -> Wanted:
    """Return what is asked for, with the format's own split; raise UsageError for a wrong prefix."""
    prefix = wanted.prefix
    if prefix is not None:
        if not wanted.format.addresses:
            raise UsageError(f"--to {wanted.to} writes no addresses, so it takes no --image-url-prefix")
        bare = address_without_credentials(prefix)
        if bare != prefix:
            raise UsageError("--image-url-prefix may hold no user, password or query", "a signature in it is a secret")
        if "://" not in prefix or not prefix.isprintable() or " " in prefix:
            example = "azureml://subscriptions/ID/resourcegroups/NAME/workspaces/NAME/datastores/NAME/paths/FOLDER"
            raise UsageError("--image-url-prefix is not an address", f"for example: {example}")
    return wanted._replace(split=wanted.split or wanted.format.split, prefix=prefix and prefix.rstrip("/"))


def convert(bag: Bag, result: Conversion, folder: Path, progress: Progress) -> None:
    """Write the data sets into a folder, which gets the name `result.out` later; raise UsageError and OSError."""
    wanted = result.wanted
    projects = projects_of(bag, wanted.projects)
    places, without = places_of(bag, projects, wanted.iteration)
    result.without = [one.id for one in without]
    for place in places:
        result.sets.append(_convert(bag, place, result, folder, progress))


def _convert(bag: Bag, place: Place, result: Conversion, top: Path, progress: Progress) -> Converted:
    wanted = result.wanted
    name = "" if len(wanted.projects) == 1 else place.project.folder
    folder = private_folder(top / on_disk(name))
    data, notes = read(bag, place)
    arranged, more = _arranged(data, wanted, _prefix(result, name))
    placed = _place(arranged, wanted, folder, progress)
    step("writing the data set")
    wanted.format.write(arranged, folder)
    notes += more
    notes += unexplained(_differences(data, arranged, wanted.format, folder), notes)
    pictures = arranged.data.pictures
    images = Counter(arranged.part_of[one.id] for one in pictures)
    labels = Counter(label.tag for one in pictures for label in one.labels)
    more_images = {} if place.iteration else only_in_iterations(bag, place.project, _listed(bag, place))
    warnings = list(_warnings(arranged, wanted.format))
    return Converted(data, name, arranged.classes, images, labels, placed, notes, warnings, more_images)


def _listed(bag: Bag, place: Place) -> Iterator[str]:
    return (str(one["id"]) for one in bag.records(place.where("images.jsonl")))


def _warnings(arranged: Arranged, form: Format) -> Iterator[str]:
    """Yield what stands in the way of training with a data set."""
    for part in arranged.empty_parts:
        yield f"no image for {'training' if part == TRAIN else part}"
    if (count := len(arranged.data.pictures)) < form.least:
        yield f"{count} image{'' if count == 1 else 's'}: training on this format wants at least {form.least}"


def _arranged(data: DataSet, wanted: Wanted, prefix: str) -> tuple[Arranged, list[Note]]:
    """Return what is written of a data set, and notes on what is not, or otherwise than in the bag."""
    fit, notes = fitted(data, wanted.format.holds)
    classes, renamed = classes_of(fit.tags, wanted.format.naming(data.task))
    shares = wanted.split.shares if wanted.split else (100, 0, 0)
    parts = tuple(part for part, share in zip(PARTS, shares, strict=True) if share or part == TRAIN)
    return Arranged(fit, classes, parts_of(fit.pictures, wanted.split), parts, prefix), notes + renamed


def _prefix(result: Conversion, name: str) -> str:
    if result.wanted.prefix is None:
        return (result.out.absolute() / on_disk(name)).as_uri()
    return f"{result.wanted.prefix}/{name}".rstrip("/")


def _place(arranged: Arranged, wanted: Wanted, folder: Path, progress: Progress) -> Counter[str]:
    """Put the pictures into their places, and count how each was put there."""
    placer, made = Placer(only_copies=wanted.only_copies), set[Path]()
    total = len(arranged.data.pictures)
    step(PLACED, total)
    for done, picture in enumerate(arranged.data.pictures, 1):
        for path in wanted.format.paths_of(picture, arranged):
            target = folder / on_disk(path)
            if target.parent not in made:
                made.add(private_folder(target.parent))
            placer.place(picture.source, target)
        progress(done, total)
    return placer.counts


def _differences(data: DataSet, arranged: Arranged, form: Format, folder: Path) -> list[Note]:
    try:
        step("reading the data set back")
        return list(differences(data, arranged.classes, form.read(folder)))
    except (OSError, KeyError, TypeError, ValueError) as error:
        return [Note(f"the data set cannot be read back: {type(error).__name__}: {error}", lost=True)]
