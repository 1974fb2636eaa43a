"""The index: kept, read again, refused where it is not one, and emptied of what was erased."""

import sqlite3

import pytest

from cv_gdpr.archive.bag import Bag
from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.find.index import NAME, Index, forget
from cv_gdpr.find.search import copies
from tests.find.bags import make
from tests.find.changes import as_jpeg
from tests.platforms import is_private, posix

KEY, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def folder(tmp_path):
    """The folder of an index with an entry."""
    with Index(tmp_path / "index", 1) as index:
        index.put(KEY, b"of the first picture")
    return tmp_path / "index"


def read(folder, key=KEY, version=1):
    """Return an entry."""
    with Index(folder, version) as index:
        return index.get(key)


def test_an_entry_is_read_again(folder):
    assert (read(folder), read(folder, OTHER), read(folder, version=2)) == (b"of the first picture", None, None)


def test_only_its_owner_can_read_it(folder):
    assert is_private(folder)
    assert is_private(folder / NAME)


REFUSED = {
    "not a database": (lambda _: b"text" * 1000, "is not an index"),
    "no sound page": (lambda whole: whole[:100] + b"x" * (len(whole) - 100), "the index is damaged"),
}


@pytest.mark.parametrize(("damage", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_a_sound_index_is_kept(folder, damage, words):
    there = damage((folder / NAME).read_bytes())
    (folder / NAME).write_bytes(there)
    with pytest.raises(UsageError, match=words):
        read(folder)
    assert (folder / NAME).read_bytes() == there


def test_an_empty_file_becomes_an_index(folder):
    (folder / NAME).write_bytes(b"")
    assert read(folder) is None


@posix("modes")
def test_a_mode_that_lets_others_read_is_mended(folder):
    (folder / NAME).chmod(0o666)
    assert read(folder) == b"of the first picture"
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600


def change(folder, statement, *values):
    """Change the database by hand."""
    with sqlite3.connect(folder / NAME) as database:
        database.execute(statement, values)
    database.close()


def test_a_changed_entry_is_not_used(folder):
    change(folder, "UPDATE features SET content = ?", b"others")
    assert read(folder) is None


def test_an_entry_of_another_picture_is_not_used(folder):
    change(folder, "UPDATE features SET sha256 = ?", bytes.fromhex(OTHER))
    assert read(folder, OTHER) is None


OF_OTHERS = {
    "another table": "CREATE TABLE mine (id INT)",
    "another column": "ALTER TABLE features ADD COLUMN mine INT",
}


@pytest.mark.parametrize("statement", OF_OTHERS.values(), ids=OF_OTHERS)
def test_a_database_of_something_else_is_refused(folder, statement):
    change(folder, statement)
    there = (folder / NAME).read_bytes()
    with pytest.raises(UsageError, match="is not an index"):
        read(folder)
    with pytest.raises(StorageError, match="other tables"):
        forget(folder, [KEY])
    assert (folder / NAME).read_bytes() == there


def test_a_link_in_its_place_is_refused(tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        read(tmp_path / "index")


def test_what_is_forgotten_leaves_no_bytes(folder):
    with Index(folder, 1) as index:
        index.put(OTHER, b"of another picture")
    assert forget(folder, [KEY, "00" * 32]) == 1
    assert (read(folder), read(folder, OTHER)) == (None, b"of another picture")
    assert b"of the first picture" not in (folder / NAME).read_bytes()


def test_where_no_index_is_nothing_is_forgotten(tmp_path):
    assert forget(tmp_path, [KEY]) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_entries_of_another_form_are_made_again(photo, tmp_path):
    content = as_jpeg(photo("cow"))
    make(tmp_path / "bag", [content])
    for _ in range(2):
        copies(Bag(tmp_path / "bag"), {"cow": content}, index=tmp_path / "index")
        with sqlite3.connect(tmp_path / "index" / NAME) as database:
            ((key, version),) = database.execute("SELECT sha256, version FROM features")
        database.close()
        with Index(tmp_path / "index", version) as index:
            index.put(key.hex(), b"of another form")
    found = copies(Bag(tmp_path / "bag"), {"cow": content}, index=tmp_path / "index")
    assert (found.from_index, [one.kind for one in found.matches]) == (0, ["same"])
