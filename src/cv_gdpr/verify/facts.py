"""What a bag says, put beside each other: in a database of SQLite's in a temporary file, so that memory stays flat.

A fact is a row; facts about one thing are told apart by who says them, and a contradiction is a group of rows that do
not agree. Ids and paths are bytes, since a forged one may be no Unicode text.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from cv_gdpr.errors import StorageError

DISK, MANIFEST, INDEX = range(3)  # who speaks of a file
WANTED, HELD = range(2)  # what is said of a blob: by a record, by the index

_AT_ONCE = 2000  # rows
_SCHEMA = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = FILE;
CREATE TABLE file (path BLOB, algorithm INT, who INT, indexed INT, size INT, digest BLOB);
CREATE TABLE blob (key INT, who INT, list INT, name BLOB);
CREATE TABLE id (kind TEXT, list INT, id BLOB);
CREATE TABLE absent (kind TEXT, place TEXT, id BLOB, gone INT);
"""
_INSERT = {
    "file": "INSERT INTO file VALUES (?, ?, ?, ?, ?, ?)",
    "blob": "INSERT INTO blob VALUES (?, ?, ?, ?)",
    "id": "INSERT INTO id VALUES (?, ?, ?)",
    "absent": "INSERT INTO absent VALUES (?, ?, ?, ?)",
}
_FILES = f"""
SELECT path, algorithm, sum(who = {DISK}), sum(who = {MANIFEST}), sum(who = {INDEX}), max(indexed),
    max(CASE who WHEN {DISK} THEN digest END), max(CASE who WHEN {MANIFEST} THEN digest END),
    max(CASE who WHEN {INDEX} THEN digest END),
    max(CASE who WHEN {DISK} THEN size END), max(CASE who WHEN {INDEX} THEN size END)
FROM file GROUP BY path, algorithm
HAVING sum(who = {DISK}) <> 1 OR sum(who = {MANIFEST}) <> 1 OR sum(who = {INDEX}) <> max(indexed)
    OR min(digest) <> max(digest) OR min(size) <> max(size)
"""  # noqa: S608 - numbers from here
_BLOBS = f"""
SELECT sum(who = {WANTED}), sum(who = {HELD}), max(CASE who WHEN {WANTED} THEN list END),
    max(CASE who WHEN {WANTED} THEN name END), max(CASE who WHEN {HELD} THEN name END)
FROM blob GROUP BY key HAVING sum(who = {HELD}) <> 1 OR sum(who = {WANTED}) = 0
"""  # noqa: S608


class FileFacts(NamedTuple):
    """What is said of a file whose facts do not agree: how often by whom, and the digests and sizes."""

    path: bytes
    algorithm: int
    on_disk: int
    in_manifest: int
    in_index: int
    indexed: int | None  # whether it ought to be in an index
    disk_digest: bytes | None
    manifest_digest: bytes | None
    index_digest: bytes | None
    disk_size: int | None
    index_size: int | None


class Facts:
    """A context manager; raises StorageError if the temporary file cannot be written."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _INSERT}

    def __enter__(self) -> Self:
        self._database = sqlite3.connect("", isolation_level=None)  # a temporary file that only this process sees
        self._database.executescript(_SCHEMA)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._database.close()
        if isinstance(error, sqlite3.Error):
            hint = "it needs some 500 bytes for each file of the bag; TMPDIR names another folder for it"
            raise StorageError(f"cannot keep a temporary file: {error}", hint) from error

    def add(self, table: str, *fact: Any) -> None:
        """Note a fact."""
        waiting = self._waiting[table]
        waiting.append(fact)
        if len(waiting) >= _AT_ONCE:
            self._write(table)

    def _write(self, table: str) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(_INSERT[table], self._waiting[table])
        self._database.execute("COMMIT")
        self._waiting[table].clear()

    def ask(self, question: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Give the rows that answer a question."""
        for table in _INSERT:
            if self._waiting[table]:
                self._write(table)
        yield from self._database.execute(question, values)

    def odd_files(self) -> Iterator[FileFacts]:
        """Give, by path, the files of which not everybody says the same."""
        yield from (FileFacts(*row) for row in self.ask(_FILES))

    def odd_blobs(self) -> Iterator[tuple[int, int, int | None, bytes | None, bytes | None]]:
        """Give how often a blob is wanted and held where that is odd, by which list and id, and under which path."""
        yield from self.ask(_BLOBS)

    def index_ids(self) -> None:
        """Sort the ids, once all of a project are there."""
        list(self.ask("CREATE INDEX ids ON id (kind, list, id)"))

    def forget_project(self) -> None:
        """Make room for the next project."""
        for table in ("blob", "id", "absent"):
            list(self.ask(f"DELETE FROM {table}"))  # noqa: S608 - names from here
        list(self.ask("DROP INDEX IF EXISTS ids"))
