"""Where the files of an export lie: the paths that an export may write; any other file is foreign and refused."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.archive.names import MODELS
from cv_gdpr.archive.spelling import composed
from cv_gdpr.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path  # pathlib would slow down every usage error

_ID = r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|x[0-9a-f]{32})"
_NAMED = rf"([^/]+-)?{_ID}"  # a project's folder, or an iteration's
_DEEPEST = 4  # nested folders
_SUFFIX = r"(\.[0-9a-f]{8})?\.[a-z0-9]{1,10}"
_OF_EVERY_EXPORT = r"export\.json|missing\.jsonl"
_OF_EVERY_PROJECT = r"(files|listings|absent)\.jsonl|names\.json"


class Place(Enum):
    """What a file belongs to: the resource, a project, an iteration. The value is a pattern of its folder."""

    RESOURCE = ""
    PROJECT = f"{_NAMED}/"
    ITERATION = f"{_NAMED}/iterations/{_NAMED}/"


class Holds(Enum):
    """What the records of a file are to the items of its row."""

    ITEMS = "the items themselves"
    ENTRIES = "the list of items that have a document each"
    DETAILS = "more about them"


class File(NamedTuple):
    """A file that a row of the table writes in each of its places: `.jsonl` holds a record a line, `.json` one record.

    `each`: it has one detail for each item of the same place. `counted`: the service counts before and after the
    listing, and `listings.jsonl` holds the proof. `owner`: the field of a record that names its project.
    `subject`: the row whose item a record describes, if that is another row than the file's.
    """

    name: str
    places: tuple[Place, ...]
    holds: Holds = Holds.ITEMS
    each: bool = False
    counted: bool = False
    owner: str = ""
    subject: str = ""

    @property
    def is_list(self) -> bool:
        """Whether it holds a record a line."""
        return self.name.endswith(".jsonl")


class Layout:
    """The names that an export may write: the rows' files, and the folders of their bytes in a project's folder."""

    def __init__(self, files: Iterable[File], folders: Iterable[str]) -> None:
        self._files = tuple(files)
        self._folders = tuple(folders)

    @cached_property
    def _ours(self) -> re.Pattern[str]:
        blobs = "|".join(_blob_pattern(folder) for folder in self._folders)
        documents = [place.value + re.escape(file.name) for file in self._files for place in file.places]
        of_project = f"{Place.PROJECT.value}((?P<blob>{blobs})|{_OF_EVERY_PROJECT})"
        return re.compile("|".join([of_project, _OF_EVERY_EXPORT, *documents]))

    @cached_property
    def _folder(self) -> re.Pattern[str]:
        blobs = "|".join(_folder_pattern(folder) for folder in self._folders)
        return re.compile(rf"{_NAMED}/({blobs}|iterations/({_NAMED}/)?)?")

    def checked_path(self, data: Path, path: str) -> str:
        """Return the path of a file below `data`; raise UsageError unless an export may have written it."""
        if not self._ours.fullmatch(path):
            raise _foreign(f"{data}/{path}")
        return path

    def holds_bytes(self, path: str) -> bool | None:
        """Return whether a file below `data` holds bytes of an image or a model; None if no export writes its name."""
        found = self._ours.fullmatch(path)
        return found and found["blob"] is not None

    def is_folder(self, path: str) -> bool:
        """Return whether a folder below `data`, written with a slash at its end, is one that an export makes."""
        return self._folder.fullmatch(path) is not None


def _blob_pattern(folder: str) -> str:
    name = rf"{_ID}/[0-9A-Za-z_-]+" if folder == MODELS else _ID
    return f"{re.escape(folder)}/{name}{_SUFFIX}"


def _folder_pattern(folder: str) -> str:
    return rf"{re.escape(folder)}/({_ID}/)?" if folder == MODELS else f"{re.escape(folder)}/"


def files_below(data: Path, owner: int | None = None) -> Iterator[tuple[str, int, int]]:
    """Yield path (below `data`, in the order of the paths) and size of each file; a folder ends in a slash, size 0.

    The third is when a file was last written that has other names, by which others write into it (ns; else 0).
    Raise UsageError for a link, a device or too deep a folder, and for what belongs to another user than `owner`.
    """
    refuse_foreign(data, owner)
    yield from _below(str(data), "", owner)


def _below(folder: str, relative: str, owner: int | None) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:  # keep only the names: 100,000 entries would take much more memory
        spelt = [f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries]
    odd = {composed(name): name for name in spelt if not name.isascii()}  # names of people; all others are ASCII
    names = sorted([*(name for name in spelt if name.isascii()), *odd])
    if len(names) < len(spelt):
        raise _foreign(f"{folder}: one of two names that differ only in how Unicode composes them")
    for name in names:
        path, place = f"{relative}{name}", f"{folder}/{odd.get(name, name)}"
        found = os.lstat(place.rstrip("/"))
        if owner is not None and found.st_uid != owner:
            raise _of_another_user(place)
        if name[-1] == "/":
            if path.count("/") > _DEEPEST:
                raise _foreign(place)
            yield path, 0, 0
            yield from _below(place[:-1], path, owner)
            continue
        if not stat.S_ISREG(found.st_mode):
            raise _foreign(place)
        yield path, found.st_size, found.st_mtime_ns if found.st_nlink > 1 else 0


def refuse_foreign(path: Path, owner: int | None) -> None:
    """Raise UsageError if `path` is a link, or belongs to another user than `owner`."""
    if path.is_symlink():
        raise UsageError(f"{path} is a link", "replace it by a real file or folder, or name another folder")
    if owner is not None and path.exists() and path.lstat().st_uid != owner:
        raise _of_another_user(str(path))


def _of_another_user(place: str) -> UsageError:
    return UsageError(f"{place.replace('/', os.sep)} belongs to another user", "move it, or name another folder")


def _foreign(place: str) -> UsageError:
    return UsageError(f"{place.replace('/', os.sep)} is not part of an export", "move it, or name another folder")


def is_regular(path: Path) -> bool:
    """Return whether `path` is a regular file: not a link, pipe or device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False
