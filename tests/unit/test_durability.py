"""The order of writes and syncs: bytes before their name, files before their journal line, all before bagit.txt."""

import contextlib
import errno
import hashlib
import os
import re
from types import SimpleNamespace

import pytest

from cv_gdpr.archive.durability import make_durable
from cv_gdpr.archive.folder import Folder
from cv_gdpr.archive.journal import Journal, Stored, read_index, read_stored
from cv_gdpr.archive.writing import Received, write_durably, write_new
from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.table.categories import layout
from tests.disk import BROKEN, WHOLE_DISK, disk

RUN = {"endpoint": "https://example", "projects": [], "rows": [], "selection": None}
LAYOUT = layout()
PROJECT = "Faces-00000000-0000-4000-8000-000000000001"
IMAGE = "images/00000000-0000-4000-8000-000000000002"
ANOTHER = "images/00000000-0000-4000-8000-000000000003"


def entry(path, content):
    return Stored(path, path.partition(".")[0], f"/i/{path}", len(content), hashlib.sha256(content).hexdigest())


def fetch(project, stem, content):
    """Store the bytes of a blob as a download does, and note them in the journal."""
    path = project.path / f"{stem}.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    received = Received(f"{project.path}/{stem}.jpg", len(content), hashlib.sha256(content).hexdigest(), content[:16])
    project.note(received, stem, f"/i/{stem}")


def export(folder, *images):
    """Write an export of one project with these images, up to its last file."""
    project = folder.project(PROJECT)
    folder.write_json(f"{PROJECT}/project.json", {"name": "Faces"})
    for stem in images:
        fetch(project, stem, stem.encode())
    project.finish({Stored("", stem, f"/i/{stem}", 0, "").key for stem in images})
    return project


def closed(out, *, state=True):
    """Make a bag; with `state`, as a run leaves it that was killed before it removed its run.json."""
    with Folder(out, RUN, LAYOUT) as folder:
        export(folder, IMAGE)
        folder.close_bag([])
    if state:
        (out / ".cv-gdpr").mkdir(mode=0o700)
        with Folder(out.with_name("other"), RUN, LAYOUT):
            (out.with_name("other") / ".cv-gdpr" / "run.json").rename(out / ".cv-gdpr" / "run.json")


# --- one file ---------------------------------------------------------------------------------------------------


def test_a_durable_file_is_synced_named_and_its_folder_synced(tmp_path):
    with disk(tmp_path) as noted:
        write_durably(tmp_path / "run.json", "{}", str(tmp_path / "0"))

    assert noted.events == [("sync", "0"), ("name", "run.json"), ("sync", ".")]
    assert noted.unsafe == noted.lost() == []


def test_a_new_file_is_synced_named_and_its_folder_synced(tmp_path):
    with disk(tmp_path) as noted:
        write_new(tmp_path / "plan.json", b"{}")

    assert [what for what, _ in noted.events] == ["sync", "name", "remove", "sync"]
    assert noted.unsafe == noted.lost() == []


def test_an_error_of_the_sync_of_the_disk_is_raised(tmp_path):
    with disk(tmp_path, syncfs_fails_with=BROKEN), pytest.raises(OSError, match=os.strerror(BROKEN)) as raised:
        make_durable(tmp_path)

    assert (raised.value.errno, raised.value.filename) == (BROKEN, str(tmp_path))


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_where_each_file_is_synced_a_share_may_have_no_fsync(tmp_path, monkeypatch, number):
    """Windows and macOS know no syncfs(2)."""

    def fails(_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "1.jpg").write_bytes(b"bytes")
    monkeypatch.setattr("cv_gdpr.archive.durability.sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr("cv_gdpr.platforms.files.flush", fails)
    unsupported = number == errno.EINVAL
    with contextlib.nullcontext() if unsupported else pytest.raises(OSError, match=os.strerror(number)):
        make_durable(tmp_path, [tmp_path / "1.jpg"])


# --- the journal ------------------------------------------------------------------------------------------------


def test_the_journal_claims_files_after_they_are_durable(tmp_path):
    journal = Journal(tmp_path / "state" / "j.jsonl", tmp_path, lambda: None)
    with disk(tmp_path) as noted:
        for name in ("1.jpg", "2.jpg"):
            (tmp_path / name).write_bytes(b"bytes")
            journal.add(entry(name, b"bytes"))
        journal.flush()

    assert noted.at_sync == [{"state/j.jsonl": 0, "1.jpg": 5, "2.jpg": 5}]
    assert [one.path for one in read_stored(tmp_path / "state" / "j.jsonl")] == ["1.jpg", "2.jpg"]


def test_the_journal_claims_nothing_that_could_not_be_synced(tmp_path):
    journal = Journal(tmp_path / "state" / "j.jsonl", tmp_path, lambda: None)
    (tmp_path / "1.jpg").write_bytes(b"bytes")
    journal.add(entry("1.jpg", b"bytes"))

    with disk(tmp_path, syncfs_fails_with=BROKEN), pytest.raises(StorageError, match=os.strerror(BROKEN)):
        journal.flush()

    assert (tmp_path / "state" / "j.jsonl").read_bytes() == b""


def stored_twice(folder):
    """Write a journal that names one file twice, and one file that is not there."""
    path = folder / "state" / "j.jsonl"
    journal = Journal(path, folder, lambda: None)
    (folder / "1.jpg").write_bytes(b"bytes")
    for name in ("1.jpg", "1.jpg", "2.jpg"):
        (folder / name).write_bytes(b"bytes")
        journal.add(entry(name, b"bytes"))
    journal.flush()
    (folder / "2.jpg").unlink()
    return path


def test_a_rewritten_journal_is_durable_before_it_replaces(tmp_path):
    path = stored_twice(tmp_path)

    with disk(tmp_path) as noted:
        Journal(path, tmp_path, lambda: None)

    assert noted.events[-2:] == [("sync", WHOLE_DISK), ("name", "state/j.jsonl")]
    assert noted.unsafe == []


def test_a_journal_that_cannot_be_synced_stays_as_it_was(tmp_path):
    path = stored_twice(tmp_path)
    before = path.read_bytes()

    with disk(tmp_path, syncfs_fails_with=BROKEN), pytest.raises(StorageError):
        Journal(path, tmp_path, lambda: None)

    assert path.read_bytes() == before


def test_a_rewritten_journal_names_a_file_once(tmp_path):
    path = stored_twice(tmp_path)

    Journal(path, tmp_path, lambda: None)

    assert [one.path for one in read_stored(path)] == ["1.jpg"]


INDEX = [entry("1.jpg", b"bytes"), entry("2.jpg", b"bytes")]
LINE = '{"path":"%s","blob":"%s","source":"%s","bytes":%d,"sha256":"%s"}\n'
CHANGES = {
    "a line less": lambda lines: lines[:1],
    "a line more": lambda lines: [*lines, lines[0]],
    "another order": lambda lines: lines[::-1],
    "another file": lambda lines: [lines[0].replace(b"1.jpg", b"3.jpg"), lines[1]],
    "nothing": lambda _: [],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_index_that_was_changed_is_refused(tmp_path, change):
    lines = [(LINE % one[:5]).encode() for one in INDEX]
    written = hashlib.sha256(b"".join(lines)).hexdigest()
    path = tmp_path / "files.jsonl"
    path.write_bytes(b"".join(lines))
    assert list(read_index(path, written)) == INDEX
    path.write_bytes(b"".join(change(lines)))

    with pytest.raises(StorageError, match="was changed while the export ran"):
        list(read_index(path, written))


# --- the bag ----------------------------------------------------------------------------------------------------


def test_run_json_is_durable_when_a_folder_is_open(tmp_path):
    with disk(tmp_path) as noted, Folder(tmp_path / "out", RUN, LAYOUT):
        pass

    assert noted.unsafe == ["out/.cv-gdpr/owner"]  # names the process that holds the lock, which a loss of power ends
    assert "out/.cv-gdpr/run.json" not in noted.lost()


def test_all_of_a_bag_is_durable_before_its_bagit_txt(tmp_path):
    out = tmp_path / "out"
    with disk(out) as noted, Folder(out, RUN, LAYOUT) as folder:
        export(folder, IMAGE, ANOTHER)
        noted.unsafe.clear()
        folder.close_bag([("Source-Endpoint", "https://example")])

    named = noted.events.index(("name", "bagit.txt"))
    assert ("sync", WHOLE_DISK) in noted.events[noted.events.index(("name", "tagmanifest-sha256.txt")) : named]
    assert "bagit.txt" not in noted.unsafe
    assert noted.events[named + 1] == ("sync", ".")
    assert noted.lost() == []


def test_a_bag_that_cannot_be_synced_is_not_closed(tmp_path):
    out = tmp_path / "out"
    with Folder(out, RUN, LAYOUT) as folder:
        export(folder, IMAGE)
        with disk(out, syncfs_fails_with=BROKEN), pytest.raises(StorageError):
            folder.close_bag([])

    assert not (out / "bagit.txt").exists()
    assert (out / ".cv-gdpr" / "run.json").exists()


def test_the_run_is_forgotten_after_its_bag_is_closed(tmp_path):
    out = tmp_path / "out"
    with disk(out) as noted, Folder(out, RUN, LAYOUT) as folder:
        export(folder, IMAGE)
        folder.close_bag([])

    assert noted.events.index(("remove", ".cv-gdpr/run.json")) > noted.events.index(("name", "bagit.txt"))


def test_a_closed_bag_is_open_before_it_is_worked_on_again(tmp_path):
    out = tmp_path / "out"
    closed(out)

    with disk(out) as noted, Folder(out, RUN, LAYOUT) as folder:
        assert not (out / "bagit.txt").exists()
        export(folder, IMAGE)

    of_the_bag = [path for what, path in noted.events if what != "sync" and not path.startswith(".cv-gdpr")]
    assert of_the_bag[0] == "bagit.txt"


# --- what is not of the export -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["data/notes.txt", f"data/{PROJECT}/notes.txt", f"data/{PROJECT}/images/mine.jpg"])
def test_a_foreign_file_that_came_meanwhile_stays(tmp_path, place):
    out = tmp_path / "out"
    with Folder(out, RUN, LAYOUT) as folder:
        export(folder, IMAGE)
        (out / place).write_text("mine")
        with pytest.raises(UsageError, match=re.escape(place.replace("/", os.sep))):
            folder.close_bag([])

    assert (out / place).read_text() == "mine"
    assert not (out / "bagit.txt").exists()


def test_a_blob_that_nothing_names_any_more_is_removed(tmp_path):
    out = tmp_path / "out"
    with Folder(out, RUN, LAYOUT) as folder:
        project = export(folder, IMAGE)
        left = project.path / f"{ANOTHER}.jpg"
        left.write_bytes(b"of an earlier run")
        folder.close_bag([])

    assert not left.exists()


def changed_size(project):
    (project.path / f"{IMAGE}.jpg").write_bytes(b"other bytes")


def gone(project):
    (project.path / f"{IMAGE}.jpg").unlink()


def gone_and_more_after_it(project):
    (project.path / f"{ANOTHER}.jpg").write_bytes(b"of an earlier run")
    gone(project)


def gone_document(project):
    (project.path / "project.json").unlink()


def changed_document(project):
    (project.path / "project.json").write_bytes(b"{}")


def shorter_index(project):
    (project.path / "files.jsonl").write_bytes(b"")


def index_without_a_line(project):
    path = project.path / "files.jsonl"
    size = len(path.read_bytes())
    path.write_bytes(b"\n" * size)


@pytest.mark.parametrize(
    "harm",
    [
        changed_size,
        gone,
        gone_and_more_after_it,
        gone_document,
        changed_document,
        shorter_index,
        index_without_a_line,
    ],
)
def test_a_harmed_bag_is_not_closed_and_keeps_its_files(tmp_path, harm):
    out = tmp_path / "out"
    with Folder(out, RUN, LAYOUT) as folder:
        project = export(folder, IMAGE)
        stale = project.path / "predictions" / f"{ANOTHER.rpartition('/')[2]}.jpg"
        stale.parent.mkdir()
        stale.write_bytes(b"of an earlier run")
        harm(project)
        with pytest.raises(StorageError):
            folder.close_bag([])

    assert stale.exists()
    assert not (out / "bagit.txt").exists()
