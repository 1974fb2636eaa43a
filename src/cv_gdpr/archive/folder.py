"""An export folder in the making: whose it is, what was written so far, and its end as a BagIt bag (RFC 8493)."""

import hashlib
import itertools
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

from cv_gdpr.archive.journal import Journal, Stored, read_index
from cv_gdpr.archive.layout import Layout, files_below, is_regular, refuse_foreign
from cv_gdpr.archive.ownership import owner_within
from cv_gdpr.archive.summary import info_line
from cv_gdpr.archive.writing import (
    HashedFile,
    Received,
    make_durable,
    private_file,
    private_folder,
    storing,
    write_durably,
    write_whole,
)
from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.verbatim import Json, json_line, json_text

STATE = ".cv-gdpr"
MISSING = "missing.jsonl"
_OWN = {STATE, MISSING, "data", "manifest-sha256.txt", "bag-info.txt", "tagmanifest-sha256.txt", "bagit.txt"}
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_AGAIN = "run the same command again: it goes on"
_FINISH = "run the same command with the same --out to finish it, or name another folder"
_AT_ONCE = 1000  # lines
_NO_MORE = ("", 0, "")
_LOG = logging.getLogger("cv_gdpr")


def check_usable(out: Path, run: Json) -> None:
    """Raise UsageError if `out` is a file, a finished export, another run's or user's, or holds anything foreign."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise UsageError(f"--out {out} is not a folder", "name a folder that does not exist yet")
    with storing(out):
        owner = owner_within(out)
        held = {entry.name for entry in out.iterdir()}
        _refuse_odd(out / STATE, owner)
    if "bagit.txt" in held:
        if _run_of(out) == run:
            return  # cut off just before its end: it is finished once more
        shutil.rmtree(out / STATE, ignore_errors=True)
        raise UsageError(f"--out {out} is a finished export", "name another folder; cv-gdpr verify checks this one")
    if not held or (held == {STATE} and not (out / STATE / "run.json").exists()):
        return
    if STATE not in held:
        raise UsageError(f"--out {out} holds files that are not an export's", "name a folder that does not exist yet")
    if foreign := sorted(held - _OWN):
        raise UsageError(f"--out {out} holds {foreign[0]}, which is not an export's", "move it, or name another folder")
    there = _run_of(out)
    if there is None:
        lost = f"--out {out} has lost {STATE}/run.json, and so of what it is the export"
        raise UsageError(lost, "name another folder")
    if there != run:
        other = f"--out {out} holds an unfinished export of {_described(there)}: another resource, scope or selection"
        raise UsageError(other, _FINISH)


def _refuse_odd(state: Path, owner: int | None) -> None:
    """Raise UsageError if anything of a run's state is a link, which leads elsewhere, another user's, or a pipe."""
    for path in (state, *state.rglob("*")):
        refuse_foreign(path, owner)
        if path.exists() and not path.is_dir() and not path.is_file():
            raise UsageError(f"{path} is neither a file nor a folder", "remove it, or name another folder")


def _described(run: Any) -> str:
    known = run if isinstance(run, dict) else {}
    projects = ", ".join(map(str, known.get("projects") or ())) or "all projects"
    rows = ", ".join(map(str, known.get("rows") or ())) or "all rows"
    chosen = ", a selection" if known.get("selection") else ""
    return f"{projects} at {known.get('endpoint')} ({rows}{chosen})"


def refuse_existing(out: Path) -> None:
    """Raise UsageError if `out` is there already."""
    if out.exists() or out.is_symlink():
        raise UsageError(f"--out {out} exists", "name a folder that does not exist yet")


def _run_of(out: Path) -> Any:
    try:
        return json.loads((out / STATE / "run.json").read_bytes()) if is_regular(out / STATE / "run.json") else None
    except (OSError, ValueError):
        return None


class Folder:
    """The folder of one run, locked while it is open; a context manager. Raises UsageError and StorageError."""

    def __init__(self, out: Path, run: Json, layout: Layout, *, recheck: bool = False) -> None:
        check_usable(out, run)
        self._layout = layout
        self.recheck = recheck
        self.path = out
        self.data = out / "data"
        self._state = out / STATE
        self._numbers = itertools.count()
        self._written: dict[str, tuple[int, str]] = {}  # size and hash of each document
        self._projects: list[ProjectFolder] = []
        self._committer = ThreadPoolExecutor(1, "journal")
        self._commits: list[Future[None]] = []
        with storing(out):
            private_folder(out)
            owner = owner_within(out)  # once more: somebody else may have made it meanwhile
            if owner is None and os.name == "posix":
                _LOG.warning("Warning: whose %s is cannot be told: its file system maps owners", out)
            out.chmod(0o700)  # from here on nobody else can put anything into it
            _refuse_odd(self._state, owner)
            private_folder(self._state).chmod(0o700)
            self._lock = FileLock(self._state / "lock", mode=0o600)
            self._take_lock()
            check_usable(out, run)  # once more: the run that held the lock may have finished it
            for ended in ("bagit.txt", MISSING):
                (out / ended).unlink(missing_ok=True)
            for left in self._state.glob("tmp*"):
                shutil.rmtree(left, ignore_errors=True)
            # Each run its own: what a killed one had under way may go on for a moment.
            self._tmp = tempfile.mkdtemp(prefix="tmp-", dir=self._state)
            write_durably(self._state / "run.json", json_text(run), self.temporary())
            refuse_foreign(self.data, owner)
            private_folder(self.data).chmod(0o700)
            for path, _ in files_below(self.data, owner):
                if not path.endswith("/"):
                    layout.own(self.data, path)  # before anything is written: a foreign file stops the run

    def _take_lock(self) -> None:
        owner = self._state / "owner"
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            who = owner.read_text() if is_regular(owner) else "another process"
            raise UsageError(f"{who} is writing to {self.path}", "wait for it, or name another folder") from None
        anew = owner.with_suffix(".new")
        anew.unlink(missing_ok=True)
        with private_file(anew) as file:
            file.write(f"process {os.getpid()}".encode())
        anew.replace(owner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._committer.shutdown()
        if exc[0] is not None:
            self._claim_what_is_there()
        self._lock.release()

    def _claim_what_is_there(self) -> None:
        """Write what is whole into the journals before a run ends early: the error that ends it is told, not this."""
        for project in self._projects:
            with suppress(StorageError):
                project.journal.flush()

    def temporary(self) -> str:
        """Give a new temporary path on the folder's own file system."""
        return f"{self._tmp}/{next(self._numbers)}"

    def write_json(self, relative: str, value: Any) -> int:
        """Write a JSON document below data/; give its bytes."""
        text = json_text(value, indent=True) + "\n"
        with storing(self.path):
            sha256 = write_whole(self.data / relative, text, self.temporary())
        self.note_document(relative, size := len(text.encode()), sha256)
        return size

    def lines(self, relative: str) -> "Lines":
        """Give a JSON Lines file below data/ to be filled."""
        return Lines(self, relative)

    def note_document(self, relative: str, size: int, sha256: str) -> None:
        """Remember size and hash of a file below data/ for the manifest."""
        self._written[relative] = size, sha256

    def hash_of(self, relative: str) -> str:
        """Give the hash of a document that was written below data/."""
        return self._written[relative][1]

    def project(self, name: str) -> "ProjectFolder":
        """Give the folder of a project below data/."""
        folder = ProjectFolder(self, name, self._state / "journal" / f"{name}.jsonl")
        self._projects.append(folder)
        return folder

    def commit(self, flush: Callable[[], None]) -> None:
        """Run a journal's flush beside the downloads, one at a time; `check` raises what goes wrong in it."""
        self._commits = [commit for commit in self._commits if not commit.done() or commit.exception()]
        self._commits.append(self._committer.submit(flush))

    def check(self) -> None:
        """Wait for the flushes under way; raises StorageError if one failed."""
        for commit in self._commits:
            commit.result()

    def leave_open(self, missing: list[Json]) -> None:
        """End a run that is not whole: no bag, but a list of what is missing, each with its reason."""
        text = "".join(json_text(entry) + "\n" for entry in missing)
        with storing(self.path):
            write_whole(self.path / MISSING, text, self.temporary())

    def close_bag(self, info: list[tuple[str, str]]) -> None:
        """Make the folder a bag: manifest, bag-info, tag manifest, and `bagit.txt` when all else is durable."""
        with storing(self.path):
            (self.path / MISSING).unlink(missing_ok=True)
            manifest = HashedFile(self.temporary())
            oxum_bytes, oxum_files = 0, 0
            payload = self._payload()
            while part := list(itertools.islice(payload, _AT_ONCE)):
                manifest.write("".join(f"{digest}  data/{path}\n" for path, _, digest in part).encode())
                oxum_bytes, oxum_files = oxum_bytes + sum(size for _, size, _ in part), oxum_files + len(part)
            manifest.rename(self.path / "manifest-sha256.txt")
            described = [*info, ("Payload-Oxum", f"{oxum_bytes}.{oxum_files}")]
            text = "".join(info_line(label, value) for label, value in described)
            tags = {
                "bag-info.txt": write_whole(self.path / "bag-info.txt", text, self.temporary()),
                "bagit.txt": _sha256_of(BAGIT),
                "manifest-sha256.txt": manifest.sha256,
            }
            listed = "".join(f"{digest}  {name}\n" for name, digest in tags.items())
            write_whole(self.path / "tagmanifest-sha256.txt", listed, self.temporary())
            make_durable(self.path)
            write_durably(self.path / "bagit.txt", BAGIT, self.temporary())
            (self._state / "run.json").unlink(missing_ok=True)  # from here on the export is finished
        self._lock.release()
        shutil.rmtree(self._state, ignore_errors=True)

    def _payload(self) -> Iterator[tuple[str, int, str]]:
        """Give path, size and hash of every file below data/, in order; what an earlier run left over is removed.

        Raises StorageError if a file that was written is not there any more, or not whole; then nothing is removed.
        """
        folders: list[Path] = []
        left_over: list[str] = []
        documents = dict(self._written)
        projects = sorted(self._projects, key=lambda project: f"{project.name}/")
        due = itertools.chain.from_iterable(project.stored() for project in projects)
        path_due, size_due, digest = next(due, _NO_MORE)
        for path, size in files_below(self.data):
            if path.endswith("/"):
                if self._layout.is_folder(path):
                    folders.append(self.data / path)
            elif path == path_due:
                self._check_size(path, size, size_due)
                yield path, size, digest
                path_due, size_due, digest = next(due, _NO_MORE)
            elif path in documents:
                written, sha256 = documents.pop(path)
                self._check_size(path, size, written)
                yield path, size, sha256
            elif path_due and path_due < path:
                break
            else:
                left_over.append(self._layout.own(self.data, path))  # of something that the service no longer has
        for gone in (path_due, *documents):
            if gone:
                raise StorageError(f"{self.data / gone} is gone", _AGAIN)
        for path in left_over:
            (self.data / path).unlink()
        _remove_empty(folders)

    def _check_size(self, path: str, size: int, due: int) -> None:
        if size != due:
            raise StorageError(f"{self.data / path} was changed while the export ran", _AGAIN)


def _remove_empty(folders: list[Path]) -> None:
    """Remove those in which nothing is; each is named after the one that it is in."""
    for folder in reversed(folders):
        with os.scandir(folder) as held:
            empty = not any(held)
        if empty:
            os.rmdir(folder)  # noqa: PTH106


def _sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class ProjectFolder:
    """The folder of one project: its documents, its lines, and the bytes that its journal claims."""

    def __init__(self, folder: Folder, name: str, journal: Path) -> None:
        self.name = name
        self._folder = folder
        self.path = private_folder(folder.data / name)
        self.journal = Journal(journal, self.path, lambda: folder.commit(self.journal.flush), recheck=folder.recheck)
        self._index = f"{name}/files.jsonl"

    def place(self, stem: str) -> str:
        """Give the path of a file in this folder, up to its suffix."""
        return f"{self.path}/{stem}"

    def note(self, file: Received, blob: str, source: str) -> None:
        """Note a file that has its place in the journal."""
        path = file.path.removeprefix(f"{self.path}/")
        self.journal.add(Stored(path, blob, source, file.size, file.sha256))

    def finish(self, claimed: Set[int]) -> int:
        """Write the index of the project's files, named by their keys, and give how many they are."""
        self._folder.check()
        self.journal.flush()
        with self._folder.lines(self._index) as lines, self.journal.lines_of(claimed) as listed:
            while part := list(itertools.islice(listed, _AT_ONCE)):
                lines.extend(part)
            return lines.count

    def stored(self) -> Iterator[tuple[str, int, str]]:
        """Give path below data/, size and hash of the files of the index, in the order of their paths."""
        for entry in read_index(self._folder.data / self._index, self._folder.hash_of(self._index)):
            yield f"{self.name}/{entry.path}", entry.bytes, entry.sha256


class Lines:
    """A JSON Lines file in the making; a context manager, after which the file has its name, or never was."""

    def __init__(self, folder: Folder, relative: str) -> None:
        self._folder = folder
        self._relative = relative
        self.count = 0
        with storing(relative):
            self._file = HashedFile(folder.temporary())

    def write(self, record: Any) -> int:
        """Append a record; give its bytes."""
        line = json_line(record)
        self.extend([line])
        return len(line)

    def extend(self, lines: list[bytes]) -> None:
        """Append lines as they are."""
        self.count += len(lines)
        with storing(self._relative):
            self._file.write(b"".join(lines))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            with suppress(OSError):
                self._file.discard()
            return
        with storing(self._relative):
            self._file.rename(self._folder.data / self._relative)
        self._folder.note_document(self._relative, self._file.bytes, self._file.sha256)


def default_out(now: datetime | None = None) -> Path:
    """Give the default folder's name, made of the time in UTC."""
    return Path(f"cv-gdpr-export-{(now or datetime.now(UTC)):%Y%m%dT%H%M%SZ}")
