"""Compares a data set that was read back with what the bag holds: ids, labels, boxes to half a pixel, bytes."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cv_gdpr.archive.json_files import digests
from cv_gdpr.convert.fitting import same_box
from cv_gdpr.convert.records import Class, DataSet, Label, Note, Picture, ReadBack, ReadLabel
from cv_gdpr.watching import Count

_NOT_THERE = "not in the data set that was read back"


def differences(data: DataSet, classes: dict[str, Class], found: ReadBack) -> Iterator[Note]:
    """Yield a note for each picture, label and box of the bag that was not read back, and for what was read beside."""
    compared = Count("images compared")
    compared.begin(len(data.pictures))
    for picture in data.pictures:
        compared.add()
        labels = found.labels.get(picture.stem)
        if labels is None:
            yield Note(_NOT_THERE, lost=True, image=picture.id)
            continue
        if not _is_whole(picture, found.files.get(picture.stem, [])):
            yield Note("its file is not that of the export", lost=True, image=picture.id)
        yield from _of_labels(picture, classes, list(labels))
    for stem in sorted(found.labels.keys() - {picture.stem for picture in data.pictures}):
        yield Note(f"a picture was read back that the export lacks: {stem!r}", lost=True)


def unexplained(found: Iterable[Note], notes: Iterable[Note]) -> Iterator[Note]:
    """Yield the differences that no note names."""
    named = {(note.image, note.tag, note.region) for note in notes if note.lost or note.tag}
    return (one for one in found if (one.image, one.tag, one.region) not in named)


def _is_whole(picture: Picture, files: list[Path]) -> bool:
    return bool(files) and all(_is_same(picture, path) for path in files)


def _is_same(picture: Picture, path: Path) -> bool:
    try:
        return path.samefile(picture.source) or digests(path, ("sha256",)).digests[0].hex() == picture.sha256
    except OSError:
        return False


def _of_labels(picture: Picture, classes: dict[str, Class], read: list[ReadLabel]) -> Iterator[Note]:
    """Yield what differs in the labels of a picture: equal ones are matched first, then those whose box differs."""
    left = _unmatched(picture.labels, read, lambda one, other: _is_like(one, other, classes, picture))
    gone = _unmatched(left, read, lambda one, other: _is_of_class(one, other, classes))
    for label in left:
        what = _NOT_THERE if label in gone else "its box is another"
        yield Note(what, lost=True, image=picture.id, tag=label.tag, region=label.region)
    if read:
        yield Note(f"{len(read)} labels were read back that the export lacks", lost=True, image=picture.id)


def _unmatched(
    labels: Iterable[Label], read: list[ReadLabel], matches: Callable[[Label, ReadLabel], bool]
) -> list[Label]:
    """Return the labels that match nothing that was read, and remove from `read` what does."""
    left = []
    for label in labels:
        match = next((at for at, one in enumerate(read) if matches(label, one)), None)
        if match is None:
            left.append(label)
        else:
            del read[match]
    return left


def _is_of_class(label: Label, read: ReadLabel, classes: dict[str, Class]) -> bool:
    return label.tag in classes and classes[label.tag].written == read[0]


def _is_like(label: Label, read: ReadLabel, classes: dict[str, Class], picture: Picture) -> bool:
    box = read[1]
    if not _is_of_class(label, read, classes) or (label.box is None) != (box is None):
        return False
    return label.box is None or box is None or same_box(label.box, box, picture)
