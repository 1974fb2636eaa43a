"""Earlier exports of the same resource, whose files are taken instead of downloaded (`export --reuse`).

Nothing in such a bag is taken unchecked: its tag files must be those of its tag manifest, a list that of its manifest,
a file must have the size and the hash in its project's index. A path must be one that an export writes, and lead
through no link: so nothing from outside the bag can be taken.
"""

import itertools
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO

from cv_gdpr.archive.bag import FILES, Bag, BagProject
from cv_gdpr.archive.bag_info import is_moment
from cv_gdpr.archive.folder import STATE
from cv_gdpr.archive.journal import Stored, entries_of
from cv_gdpr.archive.json_files import InvalidContent, digests, digests_of, lines_of, open_regular
from cv_gdpr.archive.layout import Layout
from cv_gdpr.archive.names import identity, identity_in
from cv_gdpr.archive.ownership import belongs_to_another
from cv_gdpr.archive.placing import Placer
from cv_gdpr.archive.writing import Received, storing
from cv_gdpr.errors import NotVerified, UsageError
from cv_gdpr.platforms.files import KEEPS_MODES, user_id
from cv_gdpr.verbatim import Json, json_record

_TAG_FILES = frozenset({"bagit.txt", "bag-info.txt", "manifest-sha256.txt"})
_HEAD = 16  # bytes that show the type of a file
_OTHERS = 0o077  # the bits of group and others
_AT_ONCE = 1000  # lines
_SHA256 = ("sha256",)
_DAMAGED = "leave it out, or name an older export; cv-gdpr verify tells more"
_FINISHED = "name the folder of a finished export"


class Damaged(Exception):
    """Something in an earlier export that is missing or not what it was; the message says why."""


class EarlierBag:
    """A finished export, opened to take files from it. Raises UsageError for another folder, NotVerified for damage."""

    def __init__(self, folder: Path, endpoint: str, layout: Layout) -> None:
        self.given = folder
        self.folder = folder.resolve()
        self.bag = Bag(self.folder)
        self._layout = layout
        self._placer = Placer()
        self._through: set[Path] = set()  # folders that are reached through no link
        self._refuse_other_folders()
        try:
            self._check(endpoint)
        except OSError as error:
            raise UsageError(f"--reuse {folder}: {error.strerror or error}", _FINISHED) from None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise NotVerified(f"--reuse {folder} is damaged", _DAMAGED) from None

    def _refuse_other_folders(self) -> None:
        if not self.folder.is_dir():
            raise UsageError(f"--reuse {self.given} is not a folder", _FINISHED)
        if belongs_to_another(self.folder):
            words = f"--reuse {self.given} belongs to another user, who could change what would then be in both exports"
            raise UsageError(words, "copy it to a folder of your own")
        if not self.bag.has("bagit.txt"):
            finish = "finish it first: run its command again with the same --out"
            unfinished = (self.folder / STATE).is_dir()
            what = "an unfinished export" if unfinished else "not a finished export"
            raise UsageError(f"--reuse {self.given} is {what}", finish if unfinished else _FINISHED)

    def _check(self, endpoint: str) -> None:
        """Check the tag files and the resource, and read when the export began, its projects, and its lists' hashes."""
        stated = dict(_manifest_lines(self.folder / "tagmanifest-sha256.txt"))
        for name in _TAG_FILES:
            if stated.get(name) != digests(self.folder / name, _SHA256).digests[0].hex():
                raise InvalidContent(f"{name} is not that of the tag manifest")
        lines = _manifest_lines(self.folder / "manifest-sha256.txt")
        self._digests = {path: digest for path, digest in lines if path.endswith((".json", ".jsonl"))}
        self.at_hand("data/export.json")
        if self.bag.endpoint != endpoint:
            other = f"--reuse {self.given} is an export of another resource: {self.bag.endpoint}"
            raise UsageError(other, f"name an export of {endpoint}")
        if not self.began:
            raise InvalidContent("bag-info.txt does not say when the export began")
        self.selectors = self.bag.summary["selectors"]
        if not isinstance(self.selectors, list):
            raise InvalidContent("export.json does not say with which selectors it was made")
        self.projects = {project.id: _checked_project(project) for project in self.bag.projects()}

    @cached_property
    def began(self) -> str:
        """When the export began."""
        return self.bag.began if is_moment(self.bag.began) else ""

    def at_hand(self, where: str) -> None:
        """Check the hash of a file that the manifest names; raise InvalidContent."""
        if digests(self.bag.at(where), _SHA256).digests[0].hex() != self._digests.get(where):
            raise InvalidContent(f"{where} is not that of the manifest")

    @contextmanager
    def checked(self, where: str) -> Iterator[IO[bytes]]:
        """Yield a list, opened, once its hash is that of the manifest; raise Damaged."""
        try:
            path = self._reached(where)
            with os.fdopen(open_regular(path), "rb") as file:
                if digests_of(file.fileno(), _SHA256).digests[0].hex() != self._digests.get(where):
                    raise Damaged("its hash is not that in the manifest")
                file.seek(0)
                yield file
        except OSError as error:
            raise Damaged(error.strerror or str(error)) from None

    def has(self, where: str) -> bool:
        """Return whether the manifest names a list or a document."""
        return where in self._digests

    def _reached(self, where: str) -> Path:
        """Return the path of a file; raise Damaged if a folder on the way is a link."""
        path = self.bag.at(where)
        if path.parent not in self._through:
            for above in itertools.takewhile(lambda one: one != self.folder, path.parents):
                if not stat.S_ISDIR(os.lstat(above).st_mode):
                    raise Damaged("a link, not a folder")
            self._through.add(path.parent)
        return path

    def where(self, project: BagProject, entry: Stored) -> str:
        """Return the path of an entry's file in the bag; raise Damaged unless an export writes such a path."""
        if not self._layout.holds_bytes(f"{project.folder}/{entry.path}"):
            raise Damaged("not a path that an export writes")
        return project.where(entry.path)

    def take(self, where: str, entry: Stored, temporary: str, began: int) -> Received:
        """Link or copy a file to a temporary path, and return its facts; raise Damaged, or StorageError.

        One that was written after the new export `began` (ns) is copied: a link must show if it is written to later.
        """
        try:
            path = self._reached(where)
            handle = open_regular(path)
        except OSError as error:
            raise Damaged(error.strerror or str(error)) from None
        try:
            found = os.fstat(handle)
            head = _checked_head(handle, entry)
            with storing(temporary):
                may_link = _is_private(found) and found.st_mtime_ns <= began
                self._placer.place_open(handle, path, Path(temporary), may_link=may_link)
            if os.fstat(handle).st_mtime_ns != found.st_mtime_ns:
                raise Damaged("it was changed while it was read")
        finally:
            os.close(handle)
        return Received(temporary, entry.bytes, entry.sha256, head, entry.flag)


def _checked_project(project: BagProject) -> BagProject:
    """Return a project of export.json; raise InvalidContent unless its folder is one that an export makes."""
    if {"/", "\\"} & set(project.folder) or identity_in(project.folder) != identity(project.id):
        raise InvalidContent("a project has a folder that no export makes")
    return project


def _manifest_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield path and digest of each line; raise InvalidContent, OSError."""
    for line in lines_of(path):
        digest, _, name = line.decode().rstrip("\r\n").partition("  ")
        yield name, digest


def _checked_head(handle: int, entry: Stored) -> bytes:
    """Return the first bytes of an open file; raise Damaged unless it has the size and the hash of its entry."""
    try:
        head = os.read(handle, _HEAD)
        os.lseek(handle, 0, os.SEEK_SET)
        if (size := os.fstat(handle).st_size) != entry.bytes:
            raise Damaged(f"it has {size} bytes instead of {entry.bytes}")
        if digests_of(handle, _SHA256).digests[0].hex() != entry.sha256:
            raise Damaged("its hash is not that in files.jsonl")
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from None
    return head


def _is_private(state: os.stat_result) -> bool:
    """Return whether a file may get a second name: it is ours, and nobody else can read it or write into it."""
    if not KEEPS_MODES:
        return True
    return state.st_uid == user_id() and not state.st_mode & (_OTHERS | stat.S_ISUID)


class EarlierFiles:
    """The index of a project in an earlier bag. In memory are only the places of its lines: there may be many."""

    def __init__(self, bag: EarlierBag, project: BagProject) -> None:
        """Read the index; raise Damaged."""
        self.bag = bag
        self.project = project
        self._lines: dict[int, int] = {}
        self._file: int | None = None
        where = project.where(FILES)
        if bag.has(where):
            with bag.checked(where) as file:
                self._read(file)
                self._file = os.dup(file.fileno())

    def _read(self, file: IO[bytes]) -> None:
        at = 0
        while lines := list(itertools.islice(file, _AT_ONCE)):
            for line, entry in zip(lines, entries_of(lines), strict=True):
                if entry:
                    self._lines[entry.key] = at
                at += len(line)

    def find(self, key: int) -> Stored | None:
        """Return the entry of a blob, or None."""
        if self._file is None or key not in self._lines:
            return None
        with os.fdopen(self._file, "rb", closefd=False) as file:
            file.seek(self._lines[key])
            entry = next(iter(entries_of([file.readline()])))
        return entry if entry and entry.key == key else None

    def close(self) -> None:
        """Close the index."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def records_of(bag: EarlierBag, where: str) -> Iterator[Json]:
    """Yield the records of a list whose hash is that of the manifest, as they were sent; raise Damaged."""
    with bag.checked(where) as file:
        try:
            for line in file:
                yield json_record(line)
        except ValueError:
            raise Damaged("a line is not a record") from None
