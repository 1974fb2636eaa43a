"""The image and model files of one project: downloads each once, names and records it, renews its link if refused."""

import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import NamedTuple, Protocol, Self

from cv_gdpr.archive.folder import Folder, ProjectFolder
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.names import safe_stem
from cv_gdpr.archive.writing import Received
from cv_gdpr.downloads.fetcher import Fetcher
from cv_gdpr.downloads.process import Where
from cv_gdpr.errors import (
    CvGdprError,
    Interrupted,
    ServiceError,
    Stops,
    StorageError,
    may_change,
    shortage,
)
from cv_gdpr.export.reuse import Found, ProjectReuse
from cv_gdpr.links import source_path
from cv_gdpr.masking import without_signature
from cv_gdpr.service.paging import PAGE
from cv_gdpr.table import shortfalls
from cv_gdpr.table.categories import category
from cv_gdpr.table.findings import Blob, Item
from cv_gdpr.table.readers import Project
from cv_gdpr.verbatim import Json

_WORTH_RENEWING = frozenset({403, 404, 410})  # the link expired or the blob is gone: ask the service
_RENEWALS = 4  # of one blob


class Miss(Protocol):
    """Note a blob that cannot be fetched."""

    def __call__(self, row: str, identity: str, source: str, reason: str, *, again: bool) -> None:  # noqa: D102
        ...


class _Wanted(NamedTuple):
    """A blob to fetch: its item, its link, the file it becomes, and how often its link was renewed."""

    item: Item
    blob: Blob
    name: str  # the blob and its item, as `images/<id>`
    stem: str
    source: str
    renewals: int = 0

    @property
    def place(self) -> tuple[str, str]:
        """Its row and iteration: one call renews the links of blobs with the same place."""
        return self.item.row, self.item.iteration["id"] if self.item.iteration else ""


@dataclass
class ProjectBytes:
    """The files of one project; a context manager that opens the project's folder.

    Calls `miss` with row, id, source, reason, and whether another try may help, for each blob that cannot be fetched.
    `words_of` returns what such a reason says of an error of the service.
    """

    project: Project
    root: Folder
    folder_name: str
    fetcher: Fetcher
    miss: Miss
    words_of: Callable[[CvGdprError], str] = attrgetter("message")
    earlier: ProjectReuse | None = None
    folder: ProjectFolder = field(init=False)
    by_row: Counter[str] = field(default_factory=Counter)
    claimed: set[int] = field(default_factory=set)  # keys of all blobs that were wanted
    unlisted: list[tuple[Item, str]] = field(default_factory=list)  # link refused, no place lists it
    moved: dict[tuple[str, str], tuple[Item, str]] = field(
        default_factory=dict
    )  # (blob, fetched link): (its item, the link in its record)
    _stems: set[int] = field(default_factory=set)
    _outstanding: int = 0
    there: int = 0  # files of an earlier run
    _new: int = 0
    _fatal: Exception | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)  # cheaper than a Condition
    _expired: deque[_Wanted] = field(default_factory=deque)
    _renewer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "renew"))

    def __post_init__(self) -> None:
        self._changed = threading.Condition(self._lock)

    def __enter__(self) -> Self:
        self.folder = self.root.project(self.folder_name)
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop renewing links."""
        self._renewer.shutdown(wait=False, cancel_futures=True)

    def finish(self) -> None:
        """Write the index of the stored files, and free the memory of a finished project."""
        if self.earlier:
            self.earlier.close()
        self._stems.clear()
        listed = self.folder.finish(self.claimed)
        if listed != self.there + self._new:
            lost = f"{self.folder.path}: the journal has only {listed} of {self.there + self._new} files"
            raise StorageError(lost, "another process changed it, or the disk lost it")
        self.claimed.clear()

    def want(self, item: Item, blob: Blob) -> None:
        """Request a blob, unless it is already stored or requested; raise the error that stopped the downloads."""
        if self._fatal:
            raise self._fatal
        name, source = safe_stem(blob.stem), _source(blob.uri)
        key = blob_key(name, source)
        if not blob.uri:
            self.miss(item.row, item.id, "", shortfalls.NO_LINK, again=True)
        if not blob.uri or key in self.claimed:
            return
        self.claimed.add(key)
        known = self.folder.journal.known(key)
        if known is not None:
            self.by_row[item.row] += known
            self.there += 1
            return
        with self._lock:
            self._outstanding += 1
        try:
            self._get(_Wanted(item, blob, name, self._own_stem(name, source), source))
        except BaseException:
            self._settle()
            raise

    def _own_stem(self, name: str, source: str) -> str:
        """Return a stem that no other blob has: an iteration may hold other bytes under the same id."""
        if not self._stems:
            self._stems.update(_hash(entry.path.rpartition(".")[0]) for entry in self.folder.journal.entries)
        stem = name
        if _hash(stem) in self._stems:
            stem += "." + hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()[:8]
        self._stems.add(_hash(stem))
        return stem

    def _get(self, wanted: _Wanted) -> None:
        """Take a file from an earlier export, or fetch it."""
        found = None
        if self.earlier and not category(wanted.item.row).stored_anew:
            found = self.earlier.find(wanted.name, wanted.source)
        if self.earlier and found:
            stem = self.folder.place(wanted.stem)
            self.earlier.take(found, stem, wanted.blob.suffix, partial(self._took, wanted, found))
        else:
            self._fetch(wanted)

    def _took(self, wanted: _Wanted, found: Found, file: Received | Exception | None) -> None:
        """Keep a file of an earlier export, or fetch it if that is damaged; runs in another thread, must not raise."""
        try:
            if isinstance(file, Exception):
                self._stop(file)
            elif file:
                self._keep(wanted, file, found.files.bag.began)
            else:
                self._fetch(wanted)
                self.push()
        except Exception as error:  # noqa: BLE001 - `wait` raises it
            self._stop(error)

    def _fetch(self, wanted: _Wanted) -> None:
        if wanted.blob.stale:
            self._renew_soon(wanted)
        else:
            self._submit(wanted)

    def _submit(self, wanted: _Wanted, *, again: bool = False) -> None:
        where = Where(wanted.blob.uri, self.folder.place(wanted.stem), wanted.blob.suffix, wanted.blob.most)
        self.fetcher.submit(self.project.id, where, partial(self._fetched, wanted), again=again)

    def push(self) -> None:
        """Start the requested downloads now, without collecting more."""
        self.fetcher.push()

    def _fetched(self, wanted: _Wanted, result: Received | CvGdprError) -> None:
        """Handle the result of a download; runs in the fetcher's thread, so it must not raise."""
        try:
            self._take(wanted, result)
        except Exception as error:  # noqa: BLE001 - `wait` raises it
            self._stop(error)

    def _take(self, wanted: _Wanted, result: Received | CvGdprError) -> None:
        if isinstance(result, Received):
            self._keep(wanted, result)
        elif result.stops is Stops.RUN:
            self._stop(result)
        elif self._may_be_renewed(wanted, result):
            self._renew_soon(wanted)
        else:
            self._lose(wanted, result.message, again=may_change(result))  # a refused link was renewed before

    def _renew_soon(self, wanted: _Wanted) -> None:
        self._expired.append(wanted)
        try:
            self._renewer.submit(self._renew)
        except RuntimeError as error:
            if shortage(error):
                raise
            self._stop(Interrupted("interrupted"))  # the executor is shut down: the run is stopping

    def _keep(self, wanted: _Wanted, file: Received, reused: str = "") -> None:
        try:
            self.folder.note(file, wanted.name, wanted.source, reused)
        except CvGdprError as error:
            self._stop(error)
            return
        with self._lock:  # artifacts arrive in several threads
            self.by_row[wanted.item.row] += file.size
            self._new += 1
        self._settle()

    def _may_be_renewed(self, wanted: _Wanted, error: CvGdprError) -> bool:
        refused = isinstance(error, ServiceError) and error.status in _WORTH_RENEWING and not error.transient
        return refused and wanted.renewals < _RENEWALS and category(wanted.item.row).renew is not None

    def _lose(self, wanted: _Wanted, reason: str, *, again: bool = True) -> None:
        self.miss(wanted.item.row, wanted.item.id, wanted.source, reason, again=again)
        self._settle()

    def _stop(self, error: Exception) -> None:
        self._fatal = error
        self._settle()

    def _settle(self) -> None:
        with self._lock:
            self._outstanding -= 1
            if not self._outstanding or self._fatal:
                self._changed.notify_all()

    def wait(self) -> None:
        """Wait until every requested blob is stored or missing; raise the error that stopped the downloads."""
        self.push()
        with self._changed:
            while self._outstanding and not self._fatal:
                self._changed.wait(0.5)
                if self.project.service.stop.is_set():
                    raise Interrupted("interrupted")
        if self._fatal:
            raise self._fatal

    # --- renewing -----------------------------------------------------------------------------------------------

    def _renew(self) -> None:
        """Get fresh links for refused blobs of one place, as many as one call takes."""
        try:
            self._renew_some()
        except Exception as error:  # noqa: BLE001 - nothing reads this task's result
            self._stop(error)

    def _renew_some(self) -> None:
        batch = self._batch()
        if not batch:
            return
        left = batch
        try:
            for place in (batch[0].item.iteration, *self.project.places):
                left = self._renew_from(place, left)
        except CvGdprError as error:
            for wanted in left:
                if error.stops is Stops.RUN:
                    self._stop(error)
                else:
                    again = may_change(error)
                    self._lose(wanted, shortfalls.EXPIRED % {"reason": self.words_of(error)}, again=again)
            return
        for wanted in left:
            self.unlisted.append((wanted.item, wanted.source))
            self._settle()

    def _batch(self) -> list[_Wanted]:
        batch: list[_Wanted] = []
        for _ in range(len(self._expired)):
            wanted = self._expired.popleft()
            if len(batch) < PAGE and (not batch or wanted.place == batch[0].place):
                batch.append(wanted)
            else:
                self._expired.append(wanted)
        return batch

    def _renew_from(self, iteration: Json | None, batch: list[_Wanted]) -> list[_Wanted]:
        """Fetch again the blobs that a place lists, by their fresh links; return the others."""
        renew = category(batch[0].item.row).renew if batch else None
        if renew is None:
            return batch
        items = {item.id: item for item in renew(self.project, iteration, [wanted.item.id for wanted in batch])}
        left = []
        for wanted in batch:
            item = items.get(wanted.item.id)
            own = iteration == wanted.item.iteration
            fresh = _fresh(wanted, item, own=own) if item else None
            if fresh and fresh.uri:
                self._again(wanted, fresh)
            elif own and item:
                self._lose(wanted, shortfalls.NO_OTHER_LINK)
            else:
                left.append(wanted)
        return left

    def _again(self, wanted: _Wanted, fresh: Blob) -> None:
        """Fetch a blob by its fresh link, which may lead to another blob if a model was exported again."""
        source = _source(fresh.uri)
        item, listed = self.moved.pop((wanted.name, wanted.source), (wanted.item, wanted.source))
        if source != listed:
            self.moved[wanted.name, source] = item, listed
        self.claimed.discard(blob_key(wanted.name, wanted.source))
        self.claimed.add(blob_key(wanted.name, source))
        self._submit(wanted._replace(blob=fresh, source=source, renewals=wanted.renewals + 1), again=True)


def _source(uri: str) -> str:
    """Return a link's path without signature (some links have it in the path); it identifies the blob in files."""
    return without_signature(source_path(uri))


def _hash(stem: str) -> int:
    return hash(stem.casefold())


def _fresh(wanted: _Wanted, item: Item, *, own: bool) -> Blob | None:
    """Return the blob with its current link: found by name in its own place, elsewhere only by an equal path."""
    for blob in item.blobs:
        if blob.stem == wanted.blob.stem if own else blob.uri and _source(blob.uri) == wanted.source:
            return blob
    return None
