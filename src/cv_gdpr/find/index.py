"""The index: the features of pictures, kept in one SQLite file, so that a second search need not decode them again.

It is personal data: features are derived from pictures, and show a little of them. So only its owner can read it, and
`forget` removes what belongs to erased pictures. An entry is used only if its checksum and its form are right; of any
other the features are made again. A file that is not an index, or a damaged one, is refused: it may be the user's.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

from cv_gdpr.archive.ownership import open_own
from cv_gdpr.archive.writing import close_to_others, open_new, private_folder, storing
from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.platforms import files

NAME = "features.sqlite"
_SCHEMA = "CREATE TABLE IF NOT EXISTS features (sha256 BLOB PRIMARY KEY, version INT, digest BLOB, content BLOB)"
_READ = "SELECT digest, content FROM features WHERE sha256 = ? AND version = ?"
_WRITE = "INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM features WHERE sha256 = ?"
_AT_ONCE = 500  # entries of a transaction: a killed search loses no more
_REMOVE = "if there is room on the disk, remove the file: a search makes it again"
_ANOTHER = "name another folder for the index; this file is left as it is"
_WAIT = 30.0  # seconds for another search that is writing


class Index:
    """The features in a folder, by the SHA-256 of the picture's file; a context manager.

    Raise UsageError if the file in its place may be another user's, is not an index, or is damaged; StorageError if it
    cannot be written.
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
            except sqlite3.OperationalError as error:  # locked, or a full disk
                raise _cannot(self._path, error) from error
            except sqlite3.DatabaseError as error:
                raise _refused(self._path, error) from error
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
        _own(path)
    try:
        with closing(_opened(path)) as database, database:
            keys = [(bytes.fromhex(one),) for one in sha256s]
            return sum(database.execute(_FORGET, key).rowcount for key in keys)
    except sqlite3.DatabaseError as error:
        raise _cannot(path, error, _ANOTHER if _is_of_others(error) else _REMOVE) from error


def _own(path: Path) -> None:
    """Create the file, or check that it is the user's own; let only its owner read it."""
    if not os.path.lexists(path):
        os.close(open_new(path))
        close_to_others(path)
        return
    handle = open_own(path)
    try:
        with suppress(PermissionError):  # some file systems keep no modes
            files.close_to_others(handle)
    finally:
        os.close(handle)


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_WAIT, isolation_level="IMMEDIATE")
    try:
        _check_tables(database)
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


class _OfOthers(sqlite3.DatabaseError):
    """A database with other tables than an index has."""


def _check_tables(database: sqlite3.Connection) -> None:
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")]
    columns = [name for _, name, *_ in database.execute("PRAGMA table_info(features)")]
    if tables and (tables != ["features"] or columns != ["sha256", "version", "digest", "content"]):
        raise _OfOthers("it has other tables")


def _is_of_others(error: sqlite3.DatabaseError) -> bool:
    return isinstance(error, _OfOthers) or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB


def _refused(path: Path, error: sqlite3.DatabaseError) -> UsageError:
    """Return what to say of a file that is never replaced, since it may hold something else."""
    if _is_of_others(error):
        return UsageError(f"{path} is not an index of cv-gdpr find: {error}", _ANOTHER)
    return UsageError(f"{path}: the index is damaged: {error}", "remove the file: a search makes it again")


def _digest(key: bytes, content: object) -> bytes:
    return hashlib.blake2b(key + content if isinstance(content, bytes) else b"", digest_size=16).digest()


def _cannot(path: Path, error: Exception, hint: str | None = None) -> StorageError:
    return StorageError(f"{path}: the index cannot be used: {error}", hint)
