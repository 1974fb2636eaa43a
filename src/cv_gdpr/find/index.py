"""The index: the features of pictures, kept in one SQLite file, so that a second search need not decode them again.

It is personal data: features are derived from pictures, and show a little of them. So only its owner can read it, and
`forget` removes what belongs to erased pictures. An entry is used only if its checksum and its form are right; of any
other, and of an index that is not a database, the features are made again.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Self

from cv_gdpr.archive.ownership import open_own
from cv_gdpr.archive.writing import open_new, private_folder, storing
from cv_gdpr.errors import StorageError

NAME = "features.sqlite"
_SCHEMA = "CREATE TABLE IF NOT EXISTS features (sha256 BLOB PRIMARY KEY, version INT, digest BLOB, content BLOB)"
_READ = "SELECT digest, content FROM features WHERE sha256 = ? AND version = ?"
_WRITE = "INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM features WHERE sha256 = ?"
_AT_ONCE = 500  # entries of a transaction: a killed search loses no more
_REMOVE = "if there is room on the disk, remove the file: a search makes it again"
_WAIT = 30.0  # seconds for another search that is writing


class Index:
    """The features in a folder, by the SHA-256 of the picture's file; a context manager.

    Raise UsageError if the file in its place may be another user's, StorageError if it cannot be written.
    """

    def __init__(self, folder: Path, version: int) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._version = version
        self._waiting: list[tuple[bytes, int, bytes, bytes]] = []

    def __enter__(self) -> Self:
        with storing(self._path):
            private_folder(self._folder)
            _own(self._path)
            try:
                self._database = _opened(self._path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):  # locked, or a full disk
                    raise _cannot(self._path, error) from error
                self._path.unlink()  # not a database, or damaged: it holds nothing that cannot be made again
                _own(self._path)
                self._database = _opened(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._database):
            self._write()

    def get(self, sha256: str) -> bytes | None:
        """Return the features of a picture, or None if there are none, or an entry is damaged."""
        key = bytes.fromhex(sha256)
        try:
            found = self._database.execute(_READ, (key, self._version)).fetchone()
        except sqlite3.DatabaseError:
            return None
        if found is None or found[0] != _digest(key, found[1]):
            return None
        content: bytes = found[1]
        return content

    def put(self, sha256: str, content: bytes) -> None:
        """Keep the features of a picture."""
        key = bytes.fromhex(sha256)
        self._waiting.append((key, self._version, _digest(key, content), content))
        if len(self._waiting) >= _AT_ONCE:
            self._write()

    def _write(self) -> None:
        try:
            with self._database:
                self._database.executemany(_WRITE, self._waiting)
        except sqlite3.Error as error:
            raise _cannot(self._path, error, _REMOVE) from error
        self._waiting.clear()


def forget(folder: Path, sha256s: Iterable[str]) -> int:
    """Remove the features of erased pictures from an index; return how many were there. Raise UsageError, StorageError.

    SQLite overwrites what it deletes with zeros.
    """
    path = folder / NAME
    if not os.path.lexists(path):
        return 0
    with storing(path):
        os.close(open_own(path))
    try:
        with closing(_opened(path)) as database, database:
            keys = [(bytes.fromhex(one),) for one in sha256s]
            return sum(database.execute(_FORGET, key).rowcount for key in keys)
    except sqlite3.DatabaseError as error:
        raise _cannot(path, error, _REMOVE) from error


def _own(path: Path) -> None:
    """Create the file, readable by its owner only, or check that it is the user's own."""
    if os.path.lexists(path):
        os.close(open_own(path))
    else:
        os.close(open_new(path))


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_WAIT, isolation_level="IMMEDIATE")
    try:
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute(_SCHEMA)
        _check_columns(database)
    except BaseException:
        database.close()
        raise
    return database


def _check_columns(database: sqlite3.Connection) -> None:
    columns = [name for _, name, *_ in database.execute("PRAGMA table_info(features)")]
    if columns != ["sha256", "version", "digest", "content"]:
        raise sqlite3.DatabaseError("not the index of a search")


def _digest(key: bytes, content: object) -> bytes:
    return hashlib.blake2b(key + content if isinstance(content, bytes) else b"", digest_size=16).digest()


def _cannot(path: Path, error: Exception, hint: str | None = None) -> StorageError:
    return StorageError(f"{path}: the index cannot be used: {error}", hint)
