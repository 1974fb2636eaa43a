"""What earlier exports of the same resource hold: files that are not downloaded again, lists that are trusted."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, Self

from cv_gdpr.archive.bag import LISTINGS, WORKSPACE
from cv_gdpr.archive.bag_info import is_moment
from cv_gdpr.archive.earlier import Damaged, EarlierBag, EarlierFiles, records_of
from cv_gdpr.archive.journal import Stored, blob_key
from cv_gdpr.archive.layout import Holds
from cv_gdpr.archive.names import identity
from cv_gdpr.archive.new_folder import lies_in
from cv_gdpr.archive.writing import Received
from cv_gdpr.errors import Interrupted, MalformedAnswer, UsageError
from cv_gdpr.service.client import Service
from cv_gdpr.service.paging import identified
from cv_gdpr.table.categories import CATEGORIES, ITERATION_LIST, Category, layout
from cv_gdpr.table.findings import Trusted
from cv_gdpr.verbatim import Json, json_record

if TYPE_CHECKING:
    from cv_gdpr.archive.folder import Folder

Took = Callable[[Received | Exception | None], None]
"""Called with the file, an error that ends the run, or None if the file is damaged: then it must be downloaded."""

_THREADS = 4
_AHEAD = 256  # files waited for at most
_COUNTS = ("countedBefore", "countedAfter", "listed", "written")


class Found(NamedTuple):
    """A file that an earlier export holds: the index with its entry."""

    files: EarlierFiles
    entry: Stored


class Reuse:
    """The earlier exports of a run, in the order in which they are searched; a context manager."""

    def __init__(self, folders: Sequence[Path], service: Service, out: Path, *, trust: bool) -> None:
        """Open the exports; raise UsageError, NotVerified."""
        for folder in folders:
            _refuse_overlap(folder, out)
        self.bags = [EarlierBag(folder, service.endpoint, layout()) for folder in dict.fromkeys(folders)]
        self.trust = trust
        self.damaged: list[Json] = []
        self._stop = service.stop
        self._places = threading.Semaphore(_AHEAD)
        self._pool = ThreadPoolExecutor(_THREADS, "reuse")
        self._gone: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=exc[0] is None, cancel_futures=True)

    def of(self, project: str, root: "Folder") -> "ProjectReuse":
        """Return what the exports hold of a project, for the export in a folder."""
        return ProjectReuse(self, project, root)

    def note(self, bag: EarlierBag, where: str, why: str) -> None:
        """Note what is damaged; of an export that is gone altogether, that alone."""
        if bag.folder.is_dir():
            self.damaged.append({"export": str(bag.given), "file": where, "reason": why})
        elif bag.folder not in self._gone:
            self._gone.add(bag.folder)
            self.damaged.append({"export": str(bag.given), "file": None, "reason": "the folder is gone"})

    def is_gone(self, bag: EarlierBag) -> bool:
        """Return whether an export was removed meanwhile."""
        return bag.folder in self._gone

    def submit(self, work: Callable[[], None]) -> None:
        """Run this in the background; wait for room. Raise Interrupted."""
        while not self._places.acquire(timeout=0.5):
            if self._stop.is_set():
                raise Interrupted("interrupted")

        def run() -> None:
            try:
                work()
            finally:
                self._places.release()

        self._pool.submit(run)


def _refuse_overlap(folder: Path, out: Path) -> None:
    """Raise UsageError if one of two folders lies in the other, or is it."""
    around, inside = lies_in(folder, out), lies_in(out, folder)
    if around and inside:
        raise UsageError(f"--reuse {folder} is the folder of --out", "name an earlier export, which is finished")
    if around or inside:
        raise UsageError(f"--reuse {folder} and --out {out}: one lies in the other", "name two separate folders")


class ProjectReuse:
    """What the earlier exports hold of one project; for the thread of that project alone, but for `take`."""

    def __init__(self, reuse: Reuse, project: str, root: "Folder") -> None:
        self._reuse = reuse
        self._root = root
        self._files: list[EarlierFiles] = []
        self._lists: list[_Lists] = []
        for bag in reuse.bags:
            if held := bag.projects.get(project):
                with self._noting(bag, held.where("files.jsonl")):
                    self._files.append(EarlierFiles(bag, held))
                if reuse.trust and not bag.selectors:
                    with self._noting(bag, held.where(LISTINGS)):
                        self._lists.append(_Lists(bag, project))

    @contextmanager
    def _noting(self, bag: EarlierBag, where: str) -> Iterator[None]:
        """Note what is damaged instead of raising it."""
        try:
            yield
        except Damaged as error:
            self._reuse.note(bag, where, str(error))

    def find(self, blob: str, source: str) -> Found | None:
        """Return the file of a blob by its item and its address, or None."""
        key = blob_key(blob, source)
        for files in self._files:
            if not self._reuse.is_gone(files.bag) and (entry := files.find(key)):
                return Found(files, entry)
        return None

    def take(self, found: Found, stem: str, suffix: str, took: Took) -> None:
        """Link or copy a file in the background and name it; then call `took`, in another thread."""
        self._reuse.submit(lambda: took(self._taken(found, stem, suffix)))

    def _taken(self, found: Found, stem: str, suffix: str) -> Received | Exception | None:
        try:
            return self._placed(found, stem, suffix)
        except Exception as error:  # noqa: BLE001 - nothing reads this task's result: the run would wait forever
            return error

    def _placed(self, found: Found, stem: str, suffix: str) -> Received | None:
        bag, entry = found.files.bag, found.entry
        where, temporary = f"{found.files.project.where('')}{entry.path}", self._root.temporary()
        with self._noting(bag, where):
            path = bag.where(found.files.project, entry)
            received = bag.take(path, entry, temporary, self._root.began).named(stem, suffix)
            with suppress(FileNotFoundError):
                os.unlink(temporary)  # noqa: PTH108 - rename does nothing where both are names of one file
            return received
        return None

    def trusted(self, iteration: Json, file: str, count: Callable[[], int]) -> Trusted | None:
        """Return a list of an iteration that need not be read again: nothing of the iteration has changed since.

        Ask for the count only where the rest agrees. Raise ServiceError.
        """
        for lists in self._lists:
            before = lists.unchanged(iteration, file)
            if before and count() == before.listed:
                with self._noting(lists.bag, before.where):
                    records = list_of(lists.bag, before.where, before.listed)
                    return Trusted(before.listed, before.read, records)
        return None

    def close(self) -> None:
        """Close the indices."""
        for files in self._files:
            files.close()


def list_of(bag: EarlierBag, where: str, listed: int) -> Iterator[Json]:
    """Return the records of a list; raise Damaged, at once, unless it is unchanged and as an export writes it."""
    opened = ExitStack()
    file = opened.enter_context(bag.checked(where))
    try:
        _check(file, _row_of(where), listed)
    except Damaged:
        opened.close()
        raise
    file.seek(0)
    return _records_in(file, opened)


def _check(file: IO[bytes], row: Category | None, listed: int) -> None:
    """Raise Damaged unless a list has that many records, each of another id, with the links that `verify` asks for.

    A hash does not say who made a list: a person who can write into the folder can write its manifest too.
    """
    if sum(1 for _ in file) != listed:
        raise Damaged("it does not have as many records as its proof says")
    file.seek(0)
    ids: set[str] = set()
    try:
        for line in file:
            (record,) = identified([json_record(line)])
            ids.add(record["id"].lower())
            if row and not all(link for _, link in row.blobs_in_bag(record, WORKSPACE)):
                raise Damaged("a record in it does not say where its bytes are")
    except (OSError, ValueError, MalformedAnswer):
        raise Damaged("a line in it is not a record with an id") from None
    if len(ids) != listed:
        raise Damaged("it lists an id twice")


def _row_of(where: str) -> Category | None:
    """Return the row whose items a list of an iteration holds; None if it holds something else."""
    name = where.rpartition("/")[2]
    return next(
        (row for row in CATEGORIES for file in row.files if file.name == name and file.holds is Holds.ITEMS), None
    )


def _records_in(file: IO[bytes], opened: ExitStack) -> Iterator[Json]:
    with opened:
        try:
            yield from map(json_record, file)
        except (OSError, ValueError) as error:  # it changed while it was read
            raise MalformedAnswer(f"a list of an earlier export cannot be read: {error}") from None


class _Before(NamedTuple):
    """A list that an earlier export read completely: its path, how many it listed, and when it was read."""

    where: str
    listed: int
    read: str


class _Lists:
    """The complete lists of a project's iterations in an earlier export."""

    def __init__(self, bag: EarlierBag, project: str) -> None:
        """Read the list of iterations and the proofs; raise Damaged."""
        self.bag = bag
        self._project = bag.projects[project]
        self._iterations = {str(one.get("id")): one for one in self._records(ITERATION_LIST)}
        self._proofs = {(str(one.get("iteration")), str(one.get("file"))): one for one in self._records(LISTINGS)}
        self._folders = dict(bag.bag.iterations(self._project))

    def _records(self, file: str) -> Iterator[Json]:
        where = self._project.where(file)
        return records_of(self.bag, where) if self.bag.has(where) else iter(())

    def unchanged(self, iteration: Json, file: str) -> _Before | None:
        """Return a list of an iteration that was read completely, if the iteration is as it was then."""
        path = f"iterations/{self._folders.get(identity(iteration['id']))}/{file}"
        was, proof = self._iterations.get(iteration["id"]), self._proofs.get((iteration["id"], path))
        if not was or not proof or not _is_as_it_was(iteration, was) or not _is_complete(proof):
            return None
        where = self._project.where(path)
        read = proof.get("trusted", self.bag.began)
        return _Before(where, proof["listed"], read) if self.bag.has(where) and is_moment(read) else None


def _is_as_it_was(now: Json, was: Json) -> bool:
    """Return whether a trained iteration was not modified since: then it changes only by deletion ([infer])."""
    return bool(
        now.get("lastModified")
        and now["lastModified"] == was.get("lastModified")
        and now.get("status") == was.get("status") == "Completed"
    )


def _is_complete(proof: Json) -> bool:
    """Return whether all that was counted was listed, in one reading, and written."""
    listed = proof.get("listed")
    return type(listed) is int and all(proof.get(name) == listed for name in _COUNTS)
