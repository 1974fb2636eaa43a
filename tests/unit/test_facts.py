"""The facts about a bag side by side: which files and blobs have facts that contradict each other."""

import sqlite3

import pytest

from cv_gdpr.errors import StorageError
from cv_gdpr.verify import facts as module
from cv_gdpr.verify.facts import DISK, HELD, INDEX, MANIFEST, UNFETCHED, WANTED, Facts, FileFacts


def file(facts, path, who, *, indexed=None, size=None, digest=b"d", algorithm=0):  # noqa: PLR0913
    facts.add("file", path, algorithm, who, indexed, size, digest)


def whole(facts, path, indexed):
    """Note a file about which all agree."""
    file(facts, path, DISK, indexed=indexed, size=1)
    file(facts, path, MANIFEST)
    if indexed:
        file(facts, path, INDEX, size=1)


def test_a_file_about_which_all_agree_is_left_out():
    with Facts() as facts:
        whole(facts, b"a", True)
        whole(facts, b"b", False)
        assert list(facts.odd_files()) == []


@pytest.mark.parametrize("at_once", [1, 2, 2000])
def test_files_whose_facts_contradict_each_other(monkeypatch, at_once):
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    with Facts() as facts:
        whole(facts, b"c", True)
        file(facts, b"b", DISK, indexed=True, size=2, digest=b"1")
        file(facts, b"b", MANIFEST, digest=b"2")
        file(facts, b"b", INDEX, size=3, digest=b"4")
        file(facts, b"a", MANIFEST)
        file(facts, b"a", MANIFEST)
        file(facts, b"d", DISK, indexed=False, size=1, algorithm=1)
        assert list(facts.odd_files()) == [
            FileFacts(b"a", 0, 0, 2, 0, None, None, b"d", None, None, None),
            FileFacts(b"b", 0, 1, 1, 1, 1, b"1", b"2", b"4", 2, 3),
            FileFacts(b"d", 1, 1, 0, 0, 0, b"d", None, None, 1, None),
        ]


def test_blobs_that_are_not_held_once_for_what_wants_them():
    with Facts() as facts:
        for key, who in ((1, WANTED), (1, HELD), (2, WANTED), (3, HELD), (4, HELD), (4, HELD), (4, WANTED)):
            facts.add("blob", key, who, 7, b"name%d" % who)
        for key, who in ((5, UNFETCHED), (6, UNFETCHED), (6, HELD)):
            facts.add("blob", key, who, 7, b"name%d" % who)
        assert list(facts.odd_blobs()) == [
            (1, 0, 0, 7, b"name0", None),
            (0, 1, 0, None, None, b"name1"),
            (1, 2, 0, 7, b"name0", b"name1"),
            (1, 1, 1, None, None, b"name1"),
        ]


def counts(facts):
    """Return how many facts there are about blobs, ids and what is absent."""
    ((blobs, ids, absent),) = facts.ask(
        "SELECT (SELECT count(*) FROM blob), (SELECT count(*) FROM id), (SELECT count(*) FROM absent)"
    )
    return [blobs, ids, absent]


def test_the_next_project_finds_nothing_of_the_one_before():
    with Facts() as facts:
        for _ in range(2):
            facts.add("blob", 1, WANTED, 0, b"")
            facts.add("id", "images", 0, b"x")
            facts.add("absent", "images", "", b"x", True)
            whole(facts, b"a", True)
            facts.index_ids()
            assert list(facts.ask("SELECT name FROM sqlite_master WHERE type = ?", "index")) == [("ids",)]
            assert counts(facts) == [1, 1, 1]
            facts.forget_project()
            assert counts(facts) == [0, 0, 0]
        assert len(list(facts.ask("SELECT * FROM file"))) == 6
        facts.forget_project()


def test_facts_are_written_many_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    with Facts() as facts:
        lengths = []
        for number in range(7):
            facts.add("id", "images", 0, b"%d" % number)
            lengths.append(len(facts._waiting["id"]))
        assert lengths == [1, 2, 0, 1, 2, 0, 1]
        assert facts._database.execute("SELECT count(*) FROM id").fetchone() == (6,)
        assert facts._database.in_transaction is False
        assert list(facts.ask("SELECT count(*) FROM id WHERE id <> ?", b"0")) == [(6,)]


def test_a_text_that_utf8_cannot_hold_is_stored_escaped():
    with Facts() as facts:
        facts.add("absent", "im\udc80", "\udfff", b"x", False)
        facts.add("absent", "images", "", b"y", True)
        found = list(facts.ask("SELECT kind, place FROM absent"))
    assert found == [("im\\udc80", "\\udfff"), ("images", "")]


def test_a_full_disk_is_an_error_with_a_hint():
    with pytest.raises(StorageError, match="disk is full") as refused, Facts():
        raise sqlite3.OperationalError("database or disk is full")
    assert "TMPDIR" in refused.value.hint
    assert isinstance(refused.value.__cause__, sqlite3.Error)


def test_the_end_closes_the_database():
    facts = Facts()
    with facts:
        pass
    with pytest.raises(sqlite3.ProgrammingError):
        facts._database.execute("SELECT 1")


def test_any_other_error_passes_and_closes_the_database():
    facts = Facts()
    with pytest.raises(ValueError, match="x"), facts:
        raise ValueError("x")
    with pytest.raises(sqlite3.ProgrammingError):
        facts._database.execute("SELECT 1")
