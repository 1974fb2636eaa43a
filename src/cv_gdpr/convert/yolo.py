"""YOLO, as Ultralytics reads it: for object detection data.yaml and a text file for each picture, with a line a box.

https://docs.ultralytics.com/datasets/detect/ and https://docs.ultralytics.com/datasets/classify/: for classification a
folder for each class, in a folder for each part.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from cv_gdpr.archive.new_folder import files_in, write_text
from cv_gdpr.archive.spelling import composed
from cv_gdpr.archive.writing import private_folder
from cv_gdpr.convert.fitting import Holds
from cv_gdpr.convert.records import TEST, TRAIN, VALIDATION, Arranged, Label, Picture, ReadBack, ReadLabel
from cv_gdpr.table.labelled import Box, Task

HOLDS = Holds(unlabelled=(Task.DETECTION,), one_class=(Task.MULTI_CLASS, Task.MULTI_LABEL), in_folders=True)
_NAMES = {TRAIN: "train", VALIDATION: "val", TEST: "test"}
_DATA = "data.yaml"
_OUR_NAME = re.compile(r'^  (\d+): "(.*)"$', re.MULTILINE)
_ESCAPE = re.compile(r"\\(?:U([0-9a-f]{8})|(.))")


def paths_of(picture: Picture, arranged: Arranged) -> list[str]:
    """Return where the file of a picture lies in the data set: once for each of its classes in classification."""
    part = _NAMES[arranged.part_of[picture.id]]
    if arranged.data.task is Task.DETECTION:
        return [f"images/{part}/{picture.file}"]
    return [f"{part}/{arranged.classes[tag].written}/{picture.file}" for tag in picture.tags]


def write(arranged: Arranged, folder: Path) -> None:
    """Write data.yaml and, for object detection, the labels of each picture; raise OSError."""
    detection = arranged.data.task is Task.DETECTION
    for part in arranged.parts:
        private_folder(folder / (f"images/{_NAMES[part]}" if detection else _NAMES[part]))
        if detection:
            _write_labels(arranged, part, private_folder(folder / "labels" / _NAMES[part]))
    write_text(folder / _DATA, "\n".join(_yaml(arranged, "images/" if detection else "")) + "\n")


def _write_labels(arranged: Arranged, part: str, folder: Path) -> None:
    for picture in arranged.of(part):
        lines = (_line(arranged.classes[label.tag].number, label) for label in picture.labels)
        write_text(folder / f"{picture.stem}.txt", "".join(lines))


def _line(number: int, label: Label) -> str:
    assert label.box is not None  # noqa: S101 - `fitting` leaves no other
    box = label.box
    middle = box.left + box.width / 2, box.top + box.height / 2
    return f"{number} {middle[0]:.8f} {middle[1]:.8f} {box.width:.8f} {box.height:.8f}\n"


def _yaml(arranged: Arranged, folder: str) -> Iterator[str]:
    parts = [part for part in arranged.parts if part == TRAIN or part not in arranged.empty_parts]
    for part in parts:
        yield f"{_NAMES[part]}: {folder}{_NAMES[part]}"
    if VALIDATION not in parts:
        why = "No image for validation" if VALIDATION in arranged.parts else "Not divided"
        yield f"# {why}: validation sees the same pictures as training. Convert with --split for a true one."
        yield f"val: {folder}train"
    yield f"nc: {len(arranged.classes)}"
    yield "names:" if arranged.classes else "names: {}"
    for one in arranged.classes.values():
        yield f'  {one.number}: "{_quoted(one.written)}"'


def _quoted(text: str) -> str:
    """Return a text as it stands between the double quotes of YAML; what cannot be printed is escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in escaped)


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def read(folder: Path) -> ReadBack:
    """Return what folders and files say; raise OSError, KeyError or ValueError."""
    names = {int(one): _unquoted(name) for one, name in _OUR_NAME.findall((folder / _DATA).read_text("utf-8"))}
    return _read_boxes(folder, names) if (folder / "labels").is_dir() else _read_folders(folder, set(names.values()))


def _read_boxes(folder: Path, names: dict[int, str]) -> ReadBack:
    found = ReadBack({}, {})
    for part in _NAMES.values():
        found.files.update(files_in(folder / "images" / part))
        for stem, (path, *_) in files_in(folder / "labels" / part).items():
            found.labels[stem] = [_label(line, names) for line in path.read_text("ascii").splitlines()]
    return found


def _label(line: str, names: dict[int, str]) -> ReadLabel:
    number, *sides = line.split()
    across, down, width, height = map(float, sides)
    return names[int(number)], Box(across - width / 2, down - height / 2, width, height)


def _read_folders(folder: Path, names: set[str]) -> ReadBack:
    found = ReadBack({}, {})
    for part in _NAMES.values():
        for of_class in sorted((folder / part).glob("*")):
            if (name := composed(of_class.name)) not in names:
                raise ValueError(f"{name!r} is not a class of {_DATA}")
            for stem, files in files_in(of_class).items():
                found.labels.setdefault(stem, []).append((name, None))
                found.files.setdefault(stem, []).extend(files)
    return found
