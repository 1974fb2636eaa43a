"""The journal: it claims only files that exist, and damage to it loses claims at most."""

import hashlib
import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.archive import journal
from cv_gdpr.archive.journal import Journal, Stored, _line, blob_key, entries_of, noted_among, read_index, read_stored
from cv_gdpr.errors import StorageError
from cv_gdpr.links import source_path
from tests.unit.listing import MEMORY

# Hypothesis examples have a deadline, and a busy disk may take seconds to flush a file.

DAMAGES = {
    "hash": {"sha256": "x" * 64},
    "hash in capitals": {"sha256": "A" * 64},
    "number": {"bytes": "3"},
    "surrogate": {"source": "\ud800"},
    "another kind": {"blob": 7},
}
CONTENTS = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=6, unique=True)


def filled(folder, contents):
    """Write a flushed journal of these files' bytes; return its path and entries."""
    journal = Journal(folder / "state" / "j.jsonl", folder, lambda: None)
    entries = []
    for number, content in enumerate(contents):
        (folder / f"{number}.bin").write_bytes(content)
        entry = Stored(f"{number}.bin", f"{number}", f"/i/{number}", len(content), hashlib.sha256(content).hexdigest())
        journal.add(entry)
        entries.append(entry)
    journal.flush()
    return folder / "state" / "j.jsonl", entries


def known(path, folder, entries, *, recheck=True):
    """Return the entries that a reopened journal claims."""
    journal = Journal(path, folder, lambda: None, recheck=recheck)
    return [entry for entry in entries if journal.known(entry.key) == entry.bytes]


@pytest.mark.slow
@given(CONTENTS)
def test_a_flushed_entry_is_found_with_a_new_signature(contents):
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        path, entries = filled(Path(name), contents)
        journal = Journal(path, Path(name), lambda: None)
        links = {f"https://other{entry.source}?sig=other": entry for entry in entries}
        assert all(
            journal.known(blob_key(entry.blob, source_path(link))) == entry.bytes for link, entry in links.items()
        )
        assert journal.known(blob_key("0", "/i/unknown")) is None


@pytest.mark.slow
@given(CONTENTS, st.integers(0, 2000), st.binary(max_size=60))
def test_a_damaged_journal_claims_only_existing_files(contents, at, tail):
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        path, entries = filled(Path(name), contents)
        whole = path.read_bytes()
        path.write_bytes(whole[:at] + tail)
        survived = known(path, Path(name), entries)
        assert len(survived) >= whole[:at].count(b"\n")
        # Reopened, it holds complete lines only.
        assert [entry.path for entry in read_stored(path)] == [entry.path for entry in survived]
        assert all(json.loads(line) for line in path.read_bytes().splitlines())


@pytest.mark.slow
@given(CONTENTS, st.binary(max_size=20), st.integers(0, 5))
def test_a_changed_file_is_not_claimed(contents, other, index):
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        path, entries = filled(Path(name), contents)
        changed = entries[index % len(entries)]
        same = (Path(name) / changed.path).read_bytes() == other
        (Path(name) / changed.path).write_bytes(other)
        assert (changed in known(path, Path(name), entries, recheck=False)) == (len(other) == changed.bytes)
        assert (changed in known(path, Path(name), entries)) == same


def test_a_file_is_not_read_again_unless_asked_for(tmp_path):
    path, (entry,) = filled(tmp_path, [b"one"])
    (tmp_path / entry.path).write_bytes(b"two")
    assert Journal(path, tmp_path, lambda: None).known(entry.key) == 3
    assert known(path, tmp_path, [entry]) == []


@pytest.mark.parametrize(
    "line",
    [
        {"path": "../x", "blob": "x", "source": "/i/x", "bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()},
        {"path": "x", "blob": "x", "source": "/i/x", "bytes": 2, "sha256": hashlib.sha256(b"x").hexdigest()},
        {"path": "x", "blob": "x", "source": 5, "bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()},
        {"path": 5, "blob": "x", "source": "/i/x", "bytes": 1, "sha256": ""},
        {"path": "", "blob": "x", "source": "/i/x", "bytes": 1, "sha256": ""},
        {"path": "x\x00", "blob": "x", "source": "/i/x", "bytes": 1, "sha256": ""},
    ],
)
def test_a_forged_line_is_ignored(tmp_path, line):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "x").write_bytes(b"x")
    (tmp_path / "x").write_bytes(b"x")
    journal = tmp_path / "j.jsonl"
    journal.write_text(json.dumps(line) + "\n")
    assert Journal(journal, folder, lambda: None, recheck=True).known(blob_key("x", "/i/x")) is None


def test_a_second_with_many_files_is_flushed_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("cv_gdpr.archive.journal.time.monotonic", lambda: 100.0)
    groups = []
    journal = Journal(tmp_path / "j.jsonl", tmp_path, lambda: groups.append(journal.flush()))
    for number in range(1100):
        (tmp_path / f"{number}").touch()
        journal.add(Stored(f"{number}", f"{number}", f"/i/{number}", 1, ""))
    assert len((tmp_path / "j.jsonl").read_bytes().splitlines()) == 1024
    assert len(groups) == 2


def test_nothing_is_claimed_before_its_group_is_flushed(tmp_path, monkeypatch):
    now, groups = [100.0], []
    monkeypatch.setattr("cv_gdpr.archive.journal.time.monotonic", lambda: now[0])
    journal = Journal(tmp_path / "j.jsonl", tmp_path, lambda: groups.append(1))
    for number in range(256):
        assert groups == []
        now[0] += 1 / 256
        (tmp_path / f"{number}").touch()
        journal.add(Stored(f"{number}", f"{number}", f"/i/{number}", 1, ""))
    assert groups == [1]
    assert (tmp_path / "j.jsonl").read_bytes() == b""
    journal.flush()
    assert len((tmp_path / "j.jsonl").read_bytes().splitlines()) == 256


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("https://a.blob.core.windows.net/i-1/i-2?sig=x", "/i-1/i-2"),
        ("https://other/i-1/i-2", "/i-1/i-2"),
        ("/i-1/i-2", "/i-1/i-2"),
        ("https://host", "/"),
        ("", ""),
    ],
)
def test_a_blob_is_identified_by_its_path_on_any_host(uri, path):
    assert source_path(uri) == path


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_malformed_entry_claims_nothing(tmp_path, damage):
    path, entries = filled(tmp_path, [b"one", b"two"])
    lines = path.read_text().splitlines()
    path.write_text(json.dumps(json.loads(lines[0]) | damage) + "\n" + lines[1] + "\n")
    assert [entry.path for entry in read_stored(path)] == ["1.bin"]
    assert known(path, tmp_path, entries, recheck=False) == entries[1:]


def stored(number, path=None, blob=None):
    return Stored(path or f"{number}.bin", blob or f"images/{number}", f"/i/{number}", number, f"{number:064x}")


def written(path, *entries):
    """Write an index; return its hash."""
    content = b"".join(_line(entry) for entry in entries)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


ODD = [stored(1, 'a"b', "é"), stored(2, "a\\b"), stored(3, "é/\u2028"), stored(4, "/a b")]


@pytest.mark.parametrize("entry", [stored(0), stored(10**14, "a/b-[]"), *ODD], ids=range(6))
def test_a_line_is_json_that_is_read_again(tmp_path, entry):
    line = _line(entry)
    assert line.count(b"\n") == 1
    assert Stored(**json.loads(line)) == entry
    assert list(json.loads(line)) == [name for name in Stored._fields if name not in {"flag", "reused"}]
    assert list(read_index(tmp_path / "i", written(tmp_path / "i", entry))) == [entry]
    assert list(read_stored(tmp_path / "i")) == [entry]


def test_the_line_of_an_entry():
    line = b'{"path":"1.bin","blob":"images/1","source":"/i/1","bytes":1,"sha256":"%s"}\n' % (b"%064x" % 1)
    assert _line(stored(1)) == line


def test_an_index_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("cv_gdpr.archive.journal._READ", 200)
    entries = [*map(stored, range(20)), *ODD]
    sha256 = written(tmp_path / "i", *entries)
    read = []

    class Reading(type(tmp_path)):
        def open(self, *arguments):
            file = super().open(*arguments)
            monkeypatch.setattr(journal, "entries_of", lambda lines: read.append(len(lines)) or entries_of(lines))
            return file

    assert list(read_index(Reading(tmp_path / "i"), sha256)) == entries
    assert max(read) <= 3
    read.clear()
    assert list(read_stored(Reading(tmp_path / "i"))) == entries
    assert max(read) <= 3


@pytest.mark.parametrize("damage", [b"x\n", b"{}\n", b'{"path":"\n'], ids=range(3))
def test_an_index_with_a_damaged_line_is_refused(tmp_path, damage):
    path = tmp_path / "i"
    written(path, stored(1))
    path.write_bytes(path.read_bytes() + damage)
    read = []
    with pytest.raises(StorageError, match=re.escape(str(path))) as refused:
        read.extend(read_index(path, hashlib.sha256(path.read_bytes()).hexdigest()))
    assert refused.value.hint


def test_an_index_that_was_changed_is_refused_at_its_end(tmp_path):
    path, read = tmp_path / "i", []
    sha256 = written(path, stored(1))
    written(path, stored(2))
    with pytest.raises(StorageError, match=re.escape(str(path))) as refused:
        read.extend(read_index(path, sha256))
    assert refused.value.hint


def test_an_index_that_is_gone_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(StorageError, match=re.escape(str(tmp_path / "i"))):
        list(read_index(tmp_path / "i", ""))


@pytest.mark.parametrize(
    ("field", "value", "believed"),
    [("bytes", 0, True), ("bytes", -1, False), ("bytes", True, False), ("sha256", "A" * 64, False)],
)
def test_which_values_an_entry_may_have(tmp_path, field, value, believed):
    line = json.dumps(stored(1)._asdict() | {field: value}, indent=None)
    (tmp_path / "i").write_text(line + "\n")
    assert bool(list(read_stored(tmp_path / "i"))) is believed


@pytest.mark.parametrize("path", ["/outside", "../outside", "a/../../outside"])
def test_a_file_outside_the_folder_is_not_believed(tmp_path, path):
    folder = tmp_path / "folder"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "outside").write_bytes(b"x")
    entry = Stored(f"{tmp_path}{path}" if path[0] == "/" else path, "b", "/s", 1, hashlib.sha256(b"x").hexdigest())
    written(tmp_path / "j.jsonl", entry)
    assert Journal(tmp_path / "j.jsonl", folder, lambda: None).known(entry.key) is None


def test_the_bytes_are_compared_only_if_asked_for(tmp_path):
    path, entries = filled(tmp_path, [b"one"])
    (tmp_path / "0.bin").write_bytes(b"two")
    assert Journal(path, tmp_path, lambda: None).known(entries[0].key) == 3


def test_the_new_journal_replaces_what_a_killed_run_left(tmp_path):
    path, entries = filled(tmp_path, [b"one"])
    path.with_suffix(".new").write_bytes(b"half")
    assert known(path, tmp_path, entries) == entries
    assert {one.name for one in path.parent.iterdir()} == {"j.jsonl"}


def test_an_error_of_the_disk_names_the_journal(tmp_path):
    (tmp_path / "state" / "j.new").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"j\.new"):
        Journal(tmp_path / "state" / "j.jsonl", tmp_path, lambda: None)


def test_the_new_journal_is_durable_before_it_has_its_name(tmp_path, monkeypatch):
    path, entries = filled(tmp_path, [b"one"])
    whole, seen = path.read_bytes(), []
    path.write_bytes(whole + b"torn")
    monkeypatch.setattr(
        journal,
        "make_durable",
        lambda folder, _: seen.append((folder, path.read_bytes(), path.with_suffix(".new").read_bytes())),
    )
    assert known(path, tmp_path, entries) == entries
    assert seen == [(path.parent, whole + b"torn", whole)]
    Journal(tmp_path / "empty" / "j.jsonl", tmp_path, lambda: None)
    assert len(seen) == 1


def test_the_files_are_durable_before_their_lines_are_written(tmp_path, monkeypatch):
    path, seen = tmp_path / "j.jsonl", []
    monkeypatch.setattr(journal, "make_durable", lambda folder, _: seen.append((folder, path.read_bytes())))
    one = Journal(path, tmp_path / "folder", lambda: None)
    one.flush()
    assert seen == []
    one.add(stored(1))
    one.flush()
    assert seen == [(tmp_path / "folder", b"")]
    one.flush()
    assert path.read_bytes() == _line(stored(1))
    one.add(stored(2))
    one.flush()
    assert path.read_bytes() == _line(stored(1)) + _line(stored(2))


def test_a_flush_that_fails_names_the_folder(tmp_path):
    one = Journal(tmp_path / "j.jsonl", tmp_path / "gone", lambda: None)
    one.add(stored(1))
    with pytest.raises(StorageError, match=re.escape(str(tmp_path / "gone"))):
        one.flush()


def test_lines_of_both_kinds_are_read_together(tmp_path):
    """A line that needs a JSON parser keeps none of the others from being read."""
    path = tmp_path / "i"
    entries = [stored(1), ODD[0], stored(2)]
    written(path, *entries)
    assert list(read_stored(path)) == entries
    path.write_bytes(_line(stored(1)) + b"torn" + _line(stored(2)) + _line(stored(3)))
    assert list(read_stored(path)) == [stored(1), stored(3)]


def lines(one, keys):
    with one.lines_of(keys) as found:
        return list(found)


@pytest.mark.parametrize("at_once", [1, 3, 4, 100])
def test_lines_are_sorted_by_path_in_parts(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(journal, "_SORTED", at_once)
    made, temporary = [], tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: made.append(dir) or temporary(dir=dir))
    one = Journal(tmp_path / "j.jsonl", tmp_path, lambda: None)
    for number in (3, 1, 9, 0, 5, 2, 7):
        (tmp_path / stored(number).path).touch()
        one.add(stored(number))
    one.flush()
    assert lines(one, set()) == [_line(stored(number)) for number in (0, 1, 2, 3, 5, 7, 9)]
    assert made == [tmp_path] * (-(-7 // at_once) - 1)


def test_the_lines_of_what_nobody_claimed_are_left_out(tmp_path):
    path, entries = filled(tmp_path, [b"one", b"two", b"three"])
    again = Journal(path, tmp_path, lambda: None)
    assert list(again.entries) == entries
    (tmp_path / stored(4).path).touch()
    again.add(stored(4))
    again.flush()
    assert list(again.entries) == entries
    claimed = {entries[0].key, entries[2].key}
    assert lines(again, claimed) == [_line(entries[0]), _line(entries[2]), _line(stored(4))]
    assert again.known(entries[0].key) is None


def test_lines_that_cannot_be_read_are_an_error_of_the_disk(tmp_path):
    one = Journal(tmp_path / "j.jsonl", tmp_path, lambda: None)
    (tmp_path / "j.jsonl").unlink()
    with pytest.raises(StorageError, match=r"j\.jsonl"), one.lines_of(set()):
        pass


def test_a_group_is_made_durable_a_second_after_the_last(tmp_path, monkeypatch):
    now, groups = [100.0], []
    monkeypatch.setattr(journal.time, "monotonic", lambda: now[0])
    one = Journal(tmp_path / "j.jsonl", tmp_path, lambda: groups.append(now[0]))
    for moment in (100.5, 100.999, 101.0, 101.5, 101.999, 102.0, 104.5, 105.0):
        now[0] = moment
        one.add(stored(1))
    assert groups == [101.0, 102.0, 104.5]


def test_512_files_are_made_durable_at_once(tmp_path, monkeypatch):
    groups = []
    monkeypatch.setattr(journal.time, "monotonic", lambda: 100.0)
    one = Journal(tmp_path / "j.jsonl", tmp_path, lambda: groups.append(1))
    for _ in range(511):
        one.add(stored(1))
    assert groups == []
    one.add(stored(1))
    assert groups == [1]


def test_a_flag_is_written_and_found_again():
    plain = Stored("1.jpg", "images/1", "/i/1", 3, "a" * 64)
    flagged = plain._replace(path="2.jpg", flag="md5 differs")
    lines = [_line(plain), b'{"flag":"x"}\n', b'half a "flag":', _line(flagged)]
    assert [json.loads(lines[number]).get("flag") for number in (0, 3)] == [None, "md5 differs"]
    assert "flag" not in json.loads(lines[0])
    assert list(noted_among(lines)) == [flagged]
    odd = flagged._replace(source='/"')
    assert json.loads(_line(odd)) == {name: value for name, value in odd._asdict().items() if value}
    assert "flag" not in json.loads(_line(odd._replace(flag="")))
