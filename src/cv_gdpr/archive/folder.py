"""An export folder while it is written: its owner, its files, and how it is closed as a BagIt bag (RFC 8493)."""

import itertools
import json
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cv_gdpr.archive.closing import close
from cv_gdpr.archive.journal import Journal, Reused, Stored, noted_among, read_index
from cv_gdpr.archive.layout import Layout, files_below, is_regular, refuse_foreign
from cv_gdpr.archive.locking import Locked, open_lock
from cv_gdpr.archive.ownership import make_private, owner_within
from cv_gdpr.archive.spelling import on_disk
from cv_gdpr.archive.writing import (
    HashedFile,
    Received,
    private_file,
    private_folder,
    storing,
    write_durably,
    write_whole,
)
from cv_gdpr.errors import Busy, StorageError, UsageError
from cv_gdpr.platforms.files import KEEPS_MODES
from cv_gdpr.platforms.names import LONGEST_BELOW, is_too_long
from cv_gdpr.verbatim import Json, json_text, stored_text

STATE = ".cv-gdpr"
MISSING = "missing.jsonl"
_OWN = {STATE, MISSING, "data", "manifest-sha256.txt", "bag-info.txt", "tagmanifest-sha256.txt", "bagit.txt"}
_FINISH = "name another folder; the command that began this export finishes it"
_AT_ONCE = 1000  # lines
_END = ("", 0, "", False)
_LOG = logging.getLogger("cv_gdpr")


def check_usable(out: Path, run: Json) -> None:
    """Raise UsageError unless `out` can take this run's export.

    It cannot if it is a file or a finished export, belongs to another run or user, or holds files of anything else.
    """
    if is_too_long(str(out / ("x" * LONGEST_BELOW))):
        raise UsageError(
            f"--out {out}: paths in it would be longer than the 259 characters that Windows takes",
            "name a folder nearer to the top, or switch long paths on: LongPathsEnabled in the registry",
        )
    if not out.exists() and not out.is_symlink():
        above = next((one for one in out.parents if one.exists()), None)
        if above and not above.is_dir():
            raise UsageError(f"--out {out}: {above} is not a folder", "name a folder that does not exist yet")
        return
    if not out.is_dir():
        raise UsageError(f"--out {out} is not a folder", "name a folder that does not exist yet")
    with storing(out):
        owner = owner_within(out)
        held = {entry.name for entry in out.iterdir()}
        _refuse_odd(out / STATE, owner)
    if "bagit.txt" in held:
        if run_of(out) == run:
            return  # the run was killed just after it closed the bag: it closes it again
        shutil.rmtree(out / STATE, ignore_errors=True)
        from cv_gdpr.platforms.shells import command

        check = command("cv-gdpr", "verify", str(out))
        raise UsageError(f"--out {out} is a finished export", f"name another folder, or check this one: {check}")
    if not held or (held == {STATE} and not (out / STATE / "run.json").exists()):
        return
    if STATE not in held:
        raise UsageError(f"--out {out} holds files but no export", "name a folder that does not exist yet")
    if foreign := sorted(held - _OWN):
        raise UsageError(f"--out {out} holds {foreign[0]}, which no export writes", "move it, or name another folder")
    there = run_of(out)
    if there is None:
        lost = f"--out {out} has lost {STATE}/run.json, which says what it is an export of"
        raise UsageError(lost, "name another folder")
    if there != run:
        other = f"--out {out} holds an unfinished export of another resource, scope or selection: {_described(there)}"
        raise UsageError(other, _FINISH)


def _refuse_odd(state: Path, owner: int | None) -> None:
    """Raise UsageError if anything in a run's state folder is a link, a pipe, a device, or another user's."""
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
    """Raise UsageError if `out` already exists."""
    if out.exists() or out.is_symlink():
        raise UsageError(f"--out {out} exists", "name a folder that does not exist yet")


def run_of(out: Path) -> Any:
    """Return what the unfinished export in a folder says that it is of; None for a folder without one."""
    try:
        return json.loads((out / STATE / "run.json").read_bytes()) if is_regular(out / STATE / "run.json") else None
    except (OSError, ValueError):
        return None


class Folder:
    """The folder of one run, locked while it is open; a context manager. Raises UsageError and StorageError."""

    def __init__(self, out: Path, run: Json, layout: Layout, *, recheck: bool = False) -> None:
        check_usable(out, run)
        self._layout = layout
        self.removed = 0  # credentials, from texts of users
        self._counting = threading.Lock()
        self.recheck = recheck
        self.path = out
        self.data = out / "data"
        self._state = out / STATE
        self._numbers = itertools.count()
        self._written: dict[str, tuple[int, str]] = {}  # path of each document: its size and hash
        self._projects: list[ProjectFolder] = []
        self._committer = ThreadPoolExecutor(1, "journal")
        self._commits: list[Future[None]] = []
        with storing(out):
            existed = out.is_dir() and not (out / STATE).exists()
            private_folder(out)
            owner = owner_within(out)  # again: another user may have created it since check_usable
            if owner is None and KEEPS_MODES:
                _LOG.warning("Warning: the owner of %s is unknown: its file system maps owners", out)
            private = make_private(out, existed=existed, maps_owners=owner is None)  # now no other user can add files
            _refuse_odd(self._state, owner)
            self._make_folder(self._state, private=private)
            self._lock = self._take_lock()
            check_usable(out, run)  # again: the run that held the lock may have finished the export
            for ended in ("bagit.txt", MISSING):
                (out / ended).unlink(missing_ok=True)
            for left in self._state.glob("tmp*"):
                shutil.rmtree(left, ignore_errors=True)
            # A new folder for each run: the download process of a killed run may still be writing to the old one.
            self._tmp = tempfile.mkdtemp(prefix="tmp-", dir=self._state)
            if run_of(out) is None:
                write_durably(self._state / "run.json", json_text(run), self.temporary())
            self.began = (self._state / "run.json").stat().st_mtime_ns  # of the first of the runs that make this export
            refuse_foreign(self.data, owner)
            self._make_folder(self.data, private=private)
            for path, _, _ in files_below(self.data, owner):
                if not path.endswith("/"):
                    layout.checked_path(self.data, path)  # refuse foreign files before anything is written

    @staticmethod
    def _make_folder(folder: Path, *, private: bool) -> None:
        mode = private_folder(folder).stat().st_mode
        if private and KEEPS_MODES and mode & 0o777 != 0o700:
            folder.chmod(0o700)

    def _take_lock(self) -> int:
        owner = self._state / "owner"
        try:
            lock = open_lock(self._state / "lock")
        except Locked:
            who = owner.read_text() if is_regular(owner) else "another process"
            raise Busy(f"{who} is writing to {self.path}", "wait for it, or name another folder") from None
        new = owner.with_suffix(".new")
        new.unlink(missing_ok=True)
        with private_file(new) as file:
            file.write(f"process {os.getpid()}".encode())
        new.replace(owner)
        return lock

    def _release_lock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._committer.shutdown()
        if exc[0] is not None:
            self._flush_journals()
        self._release_lock()

    def _flush_journals(self) -> None:
        """Record all complete files in the journals before a failed run ends, without hiding the run's own error."""
        for project in self._projects:
            with suppress(StorageError):
                project.journal.flush()

    def at(self, relative: str) -> Path:
        """Return the path of a file or folder below data/."""
        return self.data / on_disk(relative)

    def temporary(self) -> str:
        """Return a new temporary path on the folder's own file system."""
        return f"{self._tmp}/{next(self._numbers)}"

    def write_json(self, relative: str, value: Any) -> int:
        """Write a JSON document below data/; return its size in bytes."""
        text, removed = stored_text(value, indent=True)
        text += "\n"
        self.note_removed(removed)
        with storing(self.path):
            sha256 = write_whole(self.at(relative), text, self.temporary())
        self.note_document(relative, size := len(text.encode()), sha256)
        return size

    def lines(self, relative: str) -> "Lines":
        """Return a new JSON Lines file below data/, ready to write to."""
        return Lines(self, relative)

    def note_removed(self, credentials: int) -> None:
        """Count the credentials that were removed from texts of users; from several threads."""
        with self._counting:
            self.removed += credentials

    def note_document(self, relative: str, size: int, sha256: str) -> None:
        """Remember the size and hash of a file below data/ for the manifest."""
        self._written[relative] = size, sha256

    def hash_of(self, relative: str) -> str:
        """Return the SHA-256 of a document that this run wrote below data/."""
        return self._written[relative][1]

    def project(self, name: str) -> "ProjectFolder":
        """Return the folder of a project below data/."""
        folder = ProjectFolder(self, name, self._state / "journal" / on_disk(f"{name}.jsonl"))
        self._projects.append(folder)
        return folder

    def commit(self, flush: Callable[[], None]) -> None:
        """Run a journal's flush in the background, one at a time; `check` raises its errors."""
        self._commits = [commit for commit in self._commits if not commit.done() or commit.exception()]
        self._commits.append(self._committer.submit(flush))

    def check(self) -> None:
        """Wait for all running flushes; raise StorageError if one failed."""
        for commit in self._commits:
            commit.result()

    def leave_open(self, missing: list[Json]) -> None:
        """End an incomplete run: write missing.jsonl, which gives a reason for each missing item, and no bag."""
        text = "".join(json_text(entry) + "\n" for entry in missing)
        with storing(self.path):
            write_whole(self.path / MISSING, text, self.temporary())

    def close_bag(self, info: list[tuple[str, str]]) -> None:
        """Make the folder a bag: manifest, bag-info, tag manifest, and `bagit.txt` once all the rest is durable."""
        with storing(self.path):
            (self.path / MISSING).unlink(missing_ok=True)
            close(self.path, self._payload(), info, self.temporary)
            (self._state / "run.json").unlink(missing_ok=True)  # the export is now finished
        self._release_lock()
        shutil.rmtree(self._state, ignore_errors=True)

    def _payload(self) -> Iterator[tuple[str, int, str]]:
        """Yield path, size and hash of every file below data/, in order, then remove the leftovers of earlier runs.

        Raise StorageError, before anything of this is removed, if a file that was written is gone or was changed: by
        its size, or under another name that it has in an earlier export. What was changed so is removed.
        """
        changed: list[str] = []
        folders: list[Path] = []
        left_over: list[str] = []
        documents = dict(self._written)
        projects = sorted(self._projects, key=lambda project: f"{project.name}/")
        expected = itertools.chain.from_iterable(project.stored() for project in projects)
        expected_path, expected_size, digest, reused = next(expected, _END)
        for path, size, written_at in files_below(self.data):
            if path.endswith("/"):
                if self._layout.is_folder(path):
                    folders.append(self.at(path))
            elif path == expected_path:
                self._check_size(path, size, expected_size)
                if reused and written_at > self.began:
                    changed.append(path)
                yield path, size, digest
                expected_path, expected_size, digest, reused = next(expected, _END)
            elif path in documents:
                written, sha256 = documents.pop(path)
                self._check_size(path, size, written)
                yield path, size, sha256
            elif expected_path and expected_path < path:
                break
            else:
                left_over.append(self._layout.checked_path(self.data, path))  # its item is no longer in the service
        for gone in (expected_path, *documents):
            if gone:
                raise StorageError(f"{self.data / gone} is gone")
        self._remove_changed(changed)
        for path in left_over:
            self.at(path).unlink()
        _remove_empty(folders)

    def _remove_changed(self, changed: list[str]) -> None:
        """Remove files that were changed under another name, so that they are fetched again; raise StorageError."""
        for path in changed:
            self.at(path).unlink()
        if changed:
            others = f"and {len(changed) - 1} more were" if changed[1:] else "was"
            what = f"{self.data / changed[0]} {others} changed while the export ran, in an earlier export"
            raise StorageError(what)

    def _check_size(self, path: str, size: int, expected: int) -> None:
        if size != expected:
            raise StorageError(f"{self.data / path} was changed while the export ran")


def _remove_empty(folders: list[Path]) -> None:
    """Remove the empty ones of these folders, which are listed parents first."""
    for folder in reversed(folders):
        with os.scandir(folder) as held:
            empty = not any(held)
        if empty:
            os.rmdir(folder)  # noqa: PTH106


class ProjectFolder:
    """The folder of one project: its documents, its JSON Lines files, and the files in its journal."""

    def __init__(self, folder: Folder, name: str, journal: Path) -> None:
        self.name = name
        self._folder = folder
        self.path = private_folder(folder.at(name))
        self.journal = Journal(journal, self.path, lambda: folder.commit(self.journal.flush), recheck=folder.recheck)
        self._index = f"{name}/files.jsonl"
        self.flagged: list[Stored] = []  # set by `finish`
        self.reused: dict[str, Reused] = {}  # by when the earlier export began; set by `finish`

    def place(self, stem: str) -> str:
        """Return the full path of a file in this folder, without its suffix."""
        return f"{self.path}/{stem}"

    def note(self, file: Received, blob: str, source: str, reused: str = "") -> None:
        """Add a file that has its final name to the journal."""
        path = file.path.removeprefix(f"{self.path}/")
        self.journal.add(Stored(path, blob, source, file.size, file.sha256, file.flag, reused))

    def finish(self, claimed: Set[int]) -> int:
        """Write the index (files.jsonl) of the project's files with these keys, and return their number."""
        self._folder.check()
        self.journal.flush()
        with self._folder.lines(self._index) as lines, self.journal.lines_of(claimed) as listed:
            while part := list(itertools.islice(listed, _AT_ONCE)):
                lines.extend(part)
                self._note(part)
            return lines.count

    def _note(self, lines: list[bytes]) -> None:
        for entry in noted_among(lines):
            if entry.flag:
                self.flagged.append(entry)
            if entry.reused:
                self.reused[entry.reused] = self.reused.get(entry.reused, Reused()).more(entry.bytes)

    def stored(self) -> Iterator[tuple[str, int, str, bool]]:
        """Yield the path below data/, size and hash of each file in the index, in the order of the paths.

        The fourth is whether it was taken from an earlier export.
        """
        for entry in read_index(self._folder.at(self._index), self._folder.hash_of(self._index)):
            yield f"{self.name}/{entry.path}", entry.bytes, entry.sha256, bool(entry.reused)


class Lines:
    """A JSON Lines file while it is written; a context manager that names it at the end, or discards it on an error."""

    def __init__(self, folder: Folder, relative: str) -> None:
        self._folder = folder
        self._relative = relative
        self.count = 0
        with storing(relative):
            self._file = HashedFile(folder.temporary())

    def write(self, record: Any) -> int:
        """Append a record; return its size in bytes."""
        text, removed = stored_text(record)
        if removed:
            self._folder.note_removed(removed)
        line = text.encode() + b"\n"
        self.extend([line])
        return len(line)

    def extend(self, lines: list[bytes]) -> None:
        """Append lines unchanged."""
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
            self._file.rename(self._folder.at(self._relative))
        self._folder.note_document(self._relative, self._file.bytes, self._file.sha256)


def refuse_inside_export(out: Path) -> None:
    """Raise UsageError unless subfolders may be made in a folder: not in one that is an export itself, or a file."""
    if os.path.lexists(out) and not out.is_dir():
        raise UsageError(f"--out {out} is not a folder", "name a folder that does not exist yet")
    if any((out / name).exists() for name in ("bagit.txt", STATE)):
        raise UsageError(f"--out {out} is an export itself", "name another folder: each profile gets one in it")


def new_folder() -> Path:
    """Create an export folder named after the time in UTC, and return it; raise StorageError.

    A run in the same second has another name: no two runs can create the same folder.
    """
    name = f"cv-gdpr-export-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for number in itertools.count(1):
        folder = Path(name if number == 1 else f"{name}-{number}")
        with storing(folder), suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            return folder
    raise AssertionError  # for the type checker: the numbers do not end
