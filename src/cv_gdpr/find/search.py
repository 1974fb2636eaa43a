"""Searches a verified bag for copies of photographs: the same bytes, and with OpenCV copies and parts."""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.json_files import open_regular
from cv_gdpr.archive.names import same_id
from cv_gdpr.archive.writing import read_all
from cv_gdpr.errors import StorageError
from cv_gdpr.find.candidates import Candidate, candidates
from cv_gdpr.find.frames import without_frames
from cv_gdpr.find.index import Index
from cv_gdpr.find.result import Found, Match, Unsearched, in_order
from cv_gdpr.find.same import hashes_of, same
from cv_gdpr.watching import step

if TYPE_CHECKING:
    from cv_gdpr.find.looking import Alike, Looker

_AHEAD = 8  # pictures for each core that are under way

Progress = Callable[[int, int], None]  # pictures done, of how many


def has_extra() -> bool:
    """Return whether OpenCV is installed."""
    from importlib.util import find_spec

    return find_spec("cv2") is not None and find_spec("numpy") is not None


def check(photos: Mapping[str, bytes]) -> None:
    """Raise UsageError for a photograph that is not a picture; without the extra none is decoded."""
    if has_extra():
        from cv_gdpr.find.looking import pixels_of

        for name, content in photos.items():
            pixels_of(name, content, 64)


def copies(
    bag: Bag,
    photos: Mapping[str, bytes],
    *,
    index: Path | None = None,
    progress: Progress | None = None,
    only_same: bool = False,
) -> Found:
    """Return what a verified bag holds of some photographs, given by a name each and their bytes.

    `only_same` compares bytes alone, as it is without the extra too. Raise UsageError for bytes that are not a picture,
    StorageError if the index cannot be written.
    """
    started = time.monotonic()
    lacking = not only_same and not has_extra()
    step("reading lists")
    held = list(candidates(bag))
    found = Found(bag.folder, tuple(photos), only_same=lacking)
    found.missing = sum(not one.files for one in held)
    found.by_bytes = len(_pictures(held))
    found.matches = list(same(held, hashes_of(photos)))
    if not only_same and not lacking:
        from cv_gdpr.find.looking import Looker

        search = _Search(bag, Looker(photos), {one[:4] for one in found.matches})
        _look_at_all(search, held, index, found, progress or (lambda *_: None))
    found.matches, found.other_frames = map(in_order, without_frames(found.matches))
    found.seconds = time.monotonic() - started
    return found


def of_items(bag: Bag, ids: Iterable[str]) -> dict[str, bytes]:
    """Return the pictures of some items of a verified bag as photographs to search for, by id (see `same_id`)."""
    wanted = set(ids)
    return {
        same_id(one.id): content_of(bag, file)
        for one in candidates(bag)
        if same_id(one.id) in wanted and one.files
        for file in islice(one.files.values(), 1)
    }


class _Task(NamedTuple):
    """A picture to look at: the items that have it, and its features as far as they are known."""

    sha256: str
    items: list[tuple[Candidate, str]]  # and the path of the file in the bag
    features: bytes | None


class _Looked(NamedTuple):
    """What was found in a picture: new features, if they were made, the matches, and why it could not be decoded."""

    task: _Task
    features: bytes | None
    matches: list[Match]
    error: str = ""


class _Search(NamedTuple):
    """What each picture is looked at with; `known`: items and photographs that have the same bytes."""

    bag: Bag
    looker: "Looker"
    known: set[tuple[str, ...]]

    def look(self, task: _Task) -> _Looked:
        """Return what is found in a picture; raise StorageError for a file that cannot be read, or was changed."""
        from cv_gdpr.find.pictures import Undecodable

        @cache
        def read() -> bytes:
            return content_of(self.bag, task.items[0][1], task.sha256)

        try:
            made, alike = self.looker.look(task.features, read)
        except Undecodable as error:
            return _Looked(task, None, [], str(error))
        return _Looked(task, made, [*self._matches(task, alike)])

    def _matches(self, task: _Task, alike: "Mapping[str, Alike]") -> Iterator[Match]:
        for item, file in task.items:
            for like, one in alike.items():
                if (item.row, item.project, item.id, like) not in self.known:
                    yield Match(
                        row=item.row,
                        project=item.project,
                        id=item.id,
                        like=like,
                        kind=one.kind,
                        score=one.score,
                        certain=one.certain,
                        why=one.why,
                        file=file,
                        iterations=tuple(item.iterations),
                        outline=one.outline,
                        view=one.view,
                    )


def _look_at_all(search: _Search, held: list[Candidate], folder: Path | None, found: Found, progress: Progress) -> None:
    from cv_gdpr.find.features import VERSION

    pictures = _pictures(held)
    undecoded: dict[str, str] = {}
    with Index(folder, VERSION) if folder else nullcontext() as index:
        tasks = (_Task(sha256, items, index.get(sha256) if index else None) for sha256, items in pictures.items())
        for number, looked in enumerate(_in_threads(search.look, tasks), 1):
            if index and looked.features:
                index.put(looked.task.sha256, looked.features)
            found.from_index += looked.features is None and not looked.error
            found.matches += looked.matches
            if looked.error:
                undecoded[looked.task.sha256] = looked.error
            progress(number, len(pictures))
    found.searched = len(pictures) - len(undecoded)
    found.unsearched = list(_unsearched(held, undecoded))


def _pictures(held: Iterable[Candidate]) -> dict[str, list[tuple[Candidate, str]]]:
    """Return the items by the SHA-256 of their first file: most images of iterations are those of the workspace."""
    pictures: dict[str, list[tuple[Candidate, str]]] = {}
    for one in held:
        for sha256, file in islice(one.files.items(), 1):
            pictures.setdefault(sha256, []).append((one, file))
    return pictures


def _unsearched(held: Iterable[Candidate], undecoded: Mapping[str, str]) -> Iterator[Unsearched]:
    for one in held:
        for sha256, file in islice(one.files.items(), 1):
            if sha256 in undecoded:
                yield Unsearched(one.row, one.project, one.id, file, undecoded[sha256])


def content_of(bag: Bag, where: str, sha256: str | None = None) -> bytes:
    """Return the bytes of a file of the bag; raise StorageError if they changed since the bag was verified."""
    path = bag.at(where)
    try:
        handle = open_regular(path)
        try:
            content = read_all(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror or error}") from error
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise StorageError(f"{path} was changed during the search", "cv-gdpr verify tells more")
    return content


def _in_threads(look: Callable[[_Task], _Looked], tasks: Iterator[_Task]) -> Iterator[_Looked]:
    """Yield what was found in each picture; OpenCV lets other threads run, so they occupy all cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(cores, thread_name_prefix="find")
    try:
        under_way: list[Future[_Looked]] = [pool.submit(look, task) for task in islice(tasks, cores * _AHEAD)]
        while under_way:
            yield under_way.pop(0).result()
            under_way += [pool.submit(look, task) for task in islice(tasks, 1)]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
