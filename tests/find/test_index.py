"""The index: kept, read again, replaced where it is damaged, and emptied of what was erased."""

import sqlite3

import pytest

from cv_gdpr.archive.bag import Bag
from cv_gdpr.errors import UsageError
from cv_gdpr.find.index import NAME, Index, forget
from cv_gdpr.find.search import copies
from tests.find.bags import make
from tests.find.changes import as_jpeg

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
    assert (folder.stat().st_mode & 0o777, (folder / NAME).stat().st_mode & 0o777) == (0o700, 0o600)


DAMAGE = {
    "not a database": b"text" * 1000,
    "empty": b"",
    "cut off": None,
}


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_index_is_made_again(folder, content):
    whole = (folder / NAME).read_bytes()
    (folder / NAME).write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert read(folder) is None
    with Index(folder, 1) as index:
        index.put(KEY, b"again")
    assert read(folder) == b"again"


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


def test_a_database_of_something_else_is_replaced(folder):
    change(folder, "DROP TABLE features")
    change(folder, "CREATE TABLE features (id INT)")
    assert read(folder) is None


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
