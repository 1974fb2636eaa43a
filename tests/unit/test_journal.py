"""The journal: it claims only files that exist, and damage to it loses claims at most."""

import hashlib
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.archive.journal import Journal, Stored, blob_key, read_stored
from cv_gdpr.links import source_path

# Hypothesis examples have a deadline, and a busy disk may take seconds to flush a file.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

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


@given(CONTENTS, st.binary(max_size=20), st.integers(0, 5))
def test_a_changed_file_is_not_claimed(contents, other, index):
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        path, entries = filled(Path(name), contents)
        changed = entries[index % len(entries)]
        same = (Path(name) / changed.path).read_bytes() == other
        (Path(name) / changed.path).write_bytes(other)
        assert (changed in known(path, Path(name), entries, recheck=False)) == (len(other) == changed.bytes)
        assert (changed in known(path, Path(name), entries)) == same


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
