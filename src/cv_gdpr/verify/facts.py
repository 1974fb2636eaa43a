"""The facts that a bag records, collected for comparison in a temporary SQLite file, so that memory use stays constant.

A fact is a database row with its origin: the disk, a manifest, an index, a record. A contradiction is a group of rows
about one file or item that disagree. Ids and paths are bytes, since forged ones may not be valid Unicode.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from cv_gdpr.errors import StorageError

DISK, MANIFEST, INDEX = range(3)  # the origin of a fact about a file
WANTED, HELD, UNFETCHED = range(3)  # a blob is wanted by a record, held by the index, or named as missing

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
SELECT sum(who <> {HELD}), sum(who = {HELD}), sum(who = {UNFETCHED}), max(CASE who WHEN {WANTED} THEN list END),
    max(CASE who WHEN {WANTED} THEN name END), max(CASE who WHEN {HELD} THEN name END)
FROM blob GROUP BY key HAVING sum(who = {HELD}) <> (sum(who = {UNFETCHED}) = 0) OR sum(who <> {HELD}) = 0
"""  # noqa: S608


class FileFacts(NamedTuple):
    """The facts about a file that disagree: how often each origin names it, and the digests and sizes."""

    path: bytes
    algorithm: int
    on_disk: int
    in_manifest: int
    in_index: int
    indexed: int | None  # whether it must be in an index
    disk_digest: bytes | None
    manifest_digest: bytes | None
    index_digest: bytes | None
    disk_size: int | None
    index_size: int | None


class Facts:
    """The database of facts, a context manager; raises StorageError if the temporary file cannot be written."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _INSERT}

    def __enter__(self) -> Self:
        self._database = sqlite3.connect("", isolation_level=None)  # a temporary file that only this process sees
        self._database.executescript(_SCHEMA)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._database.close()
        if isinstance(error, sqlite3.Error):
            hint = "it takes about 500 bytes for each file in the bag; set TMPDIR to a folder with more room"
            raise StorageError(f"cannot write a temporary file: {error}", hint) from error

    def add(self, table: str, *fact: Any) -> None:
        """Add a fact; in a text, what UTF-8 cannot hold is escaped, since SQLite refuses it."""
        waiting = self._waiting[table]
        waiting.append(tuple(_storable(part) for part in fact))
        if len(waiting) >= _AT_ONCE:
            self._write(table)

    def _write(self, table: str) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(_INSERT[table], self._waiting[table])
        self._database.execute("COMMIT")
        self._waiting[table].clear()

    def ask(self, question: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that an SQL query returns."""
        for table in _INSERT:
            if self._waiting[table]:
                self._write(table)
        yield from self._database.execute(question, values)

    def odd_files(self) -> Iterator[FileFacts]:
        """Yield the files whose facts disagree, by path."""
        yield from (FileFacts(*row) for row in self.ask(_FILES))

    def odd_blobs(self) -> Iterator[tuple[int, int, int, int | None, bytes | None, bytes | None]]:
        """Yield, of each blob that is not both named and held once (named as missing: not held at all), the facts.

        They are: how many records name it, how many entries hold it, how many of the records are of a blob named as
        missing; a list, an id, a path.
        """
        yield from self.ask(_BLOBS)

    def index_ids(self) -> None:
        """Index the ids, once all of a project's are added."""
        list(self.ask("CREATE INDEX ids ON id (kind, list, id)"))

    def forget_project(self) -> None:
        """Delete the facts of a project, before the next one."""
        for table in ("blob", "id", "absent"):
            list(self.ask(f"DELETE FROM {table}"))  # noqa: S608 - names from here
        list(self.ask("DROP INDEX IF EXISTS ids"))


def _storable(part: Any) -> Any:
    return part.encode(errors="backslashreplace").decode() if isinstance(part, str) else part
