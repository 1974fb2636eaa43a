"""An export folder: who may use it, what it holds while it is written, and the bag that it becomes."""

import hashlib
import json
import os
import re
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import bagit
import pytest

from cv_gdpr.archive import closing
from cv_gdpr.archive import folder as module
from cv_gdpr.archive.folder import Folder, check_usable, new_folder, refuse_existing
from cv_gdpr.archive.writing import Received
from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.platforms.files import user_id
from cv_gdpr.table.categories import layout
from tests.platforms import named_pipe, posix
from tests.unit.listing import names

ID = "11111111-1111-4111-8111-111111111111"
NEXT = "22222222-2222-4222-8222-222222222222"
PROJECT = f"Visitors-{ID}"
RUN = {"endpoint": "https://h", "projects": [], "rows": [], "selection": None}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def opened(out, run=RUN, **words):
    return Folder(out, run, layout(), **words)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def add(project, stem, content, source="/s"):
    """Store a blob as a download does; return its key."""
    path = project.place(stem) + ".jpg"
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_bytes(content)
    project.note(Received(path, len(content), sha256(content), content[:16]), stem, source)
    return hash((stem, source))


def modes(out):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (out, *out.iterdir())}


# --- who may use a folder ----------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_or_empty_may_be_used(out):
    check_usable(out, RUN)
    out.mkdir()
    check_usable(out, RUN)
    (out / ".cv-gdpr").mkdir()
    check_usable(out, RUN)


def lay(out, *entries, run=None):
    """Lay files, and the state of a run."""
    out.mkdir()
    for name in entries:
        (out / name).mkdir() if name.endswith("/") else (out / name).write_bytes(b"")
    if run is not None:
        (out / ".cv-gdpr").mkdir(exist_ok=True)
        (out / ".cv-gdpr" / "run.json").write_text(run if isinstance(run, str) else json.dumps(run))


@pytest.mark.parametrize(
    ("entries", "run", "why"),
    [
        (["bagit.txt"], None, "finished"),
        (["bagit.txt"], RUN | {"rows": ["tags"]}, "finished"),
        (["data/"], None, "no export"),
        (["x"], None, "no export"),
        (["z", "x", ".cv-gdpr/"], None, "holds x,"),
        (["z", "x"], RUN, "holds x,"),
        (["data/", ".cv-gdpr/"], None, "run.json"),
        (["data/"], "", "run.json"),
        (["data/"], "null", "run.json"),
        ([], RUN | {"rows": ["tags"]}, "unfinished"),
        (["data/"], "[]", "unfinished"),
    ],
)
def test_a_folder_that_may_not_be_used(out, entries, run, why):
    lay(out, *entries, run=run)
    with pytest.raises(UsageError, match=re.escape(f"{out} ") + f".*{why}") as refused:
        check_usable(out, RUN)
    assert refused.value.hint


def test_an_unfinished_export_of_the_same_run_may_be_used(out):
    own = ["data/", "missing.jsonl", "manifest-sha256.txt", "bag-info.txt", "tagmanifest-sha256.txt"]
    lay(out, *own, run=RUN)
    check_usable(out, RUN)
    (out / "bagit.txt").write_bytes(b"")
    check_usable(out, RUN)
    assert (out / ".cv-gdpr" / "run.json").exists()


def test_the_state_of_a_finished_export_is_removed(out):
    lay(out, "bagit.txt", run=RUN | {"rows": ["tags"]})
    with pytest.raises(UsageError):
        check_usable(out, RUN)
    assert names(out) == ["bagit.txt"]


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ([], "all projects at None (all rows)"),
        ({"endpoint": "https://h"}, "all projects at https://h (all rows)"),
        (
            {"endpoint": "e", "projects": ["a", 5], "rows": ["tags", "images"], "selection": "x"},
            "a, 5 at e (tags, images, a selection)",
        ),
    ],
)
def test_an_unfinished_export_of_another_run_is_described(out, run, words):
    lay(out, run=run)
    with pytest.raises(UsageError, match=re.escape(words)):
        check_usable(out, RUN)


def test_a_file_is_not_used(out):
    out.write_bytes(b"")
    with pytest.raises(UsageError, match=re.escape(str(out))) as refused:
        check_usable(out, RUN)
    assert refused.value.hint


@pytest.mark.parametrize("existing", ["folder", "link"])
def test_what_exists_is_refused_where_it_must_be_new(out, existing):
    refuse_existing(out)
    out.mkdir() if existing == "folder" else out.symlink_to("nowhere")
    with pytest.raises(UsageError, match=re.escape(str(out))) as refused:
        refuse_existing(out)
    assert refused.value.hint


@posix("links")
def test_a_dangling_link_is_not_used(out):
    out.symlink_to("nowhere")
    with pytest.raises(UsageError):
        check_usable(out, RUN)


@pytest.mark.parametrize("kind", ["link", "pipe", "link to the state"])
def test_an_odd_state_is_refused(out, tmp_path, kind):
    lay(out, run=RUN)
    state = out / ".cv-gdpr"
    if kind == "pipe":
        (state / "journal").mkdir()
        named_pipe(state / "journal" / "pipe")
    elif kind == "link":
        (state / "lock").symlink_to("x")
    else:
        state.rename(tmp_path / "state")
        state.symlink_to(tmp_path / "state")
    for refuse in (check_usable, opened):
        with pytest.raises(UsageError, match=r"pipe|link|state") as refused:
            refuse(out, RUN)
        assert refused.value.hint


@pytest.mark.skipif(user_id() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("place", [".cv-gdpr", ".cv-gdpr/run.json", "data", "data/export.json"])
def test_what_another_user_owns_is_refused(out, place):
    lay(out, "data/", run=RUN)
    (out / "data" / "export.json").write_bytes(b"")
    os.chown(out / place, 4711, -1)
    with pytest.raises(UsageError, match="another user"):
        opened(out)
    if place.startswith(".cv-gdpr"):
        with pytest.raises(UsageError, match="another user"):
            check_usable(out, RUN)


# --- a folder while it is written --------------------------------------------------------------------------------


@posix("modes")
def test_a_new_folder_is_private_and_its_runs(out, caplog):
    with opened(out) as folder:
        assert (folder.path, folder.data, folder.recheck) == (out, out / "data", False)
        assert modes(out) == {"out": 0o700, "data": 0o700, ".cv-gdpr": 0o700}
        state = out / ".cv-gdpr"
        assert json.loads((state / "run.json").read_bytes()) == RUN
        assert (state / "owner").read_text() == f"process {os.getpid()}"
        assert stat.S_IMODE((state / "owner").stat().st_mode) == 0o600
        first, second = folder.temporary(), folder.temporary()
        assert first != second
        assert re.fullmatch(re.escape(str(state)) + r"/t[m]p-[^/]+/\d+", first)
        assert Path(first).parent.is_dir()
        assert not Path(first).exists()
        assert stat.S_IMODE((state / "lock").stat().st_mode) == 0o600
        assert caplog.records == []


@posix("modes")
def test_the_modes_of_a_folder_that_is_resumed_are_tightened(out):
    lay(out, "data/", run=RUN)
    for path in (out, out / "data", out / ".cv-gdpr"):
        path.chmod(0o755)
    with opened(out):
        assert set(modes(out).values()) == {0o700}


def test_two_runs_at_once_are_refused(out):
    with opened(out):
        with pytest.raises(UsageError, match=f"process {os.getpid()} .*{re.escape(str(out))}") as refused:
            opened(out)
        assert refused.value.hint
        (out / ".cv-gdpr" / "owner").unlink()
        with pytest.raises(UsageError, match="another process"):
            opened(out)
    opened(out).__exit__(None, None, None)


def test_what_a_killed_run_left_is_removed(out):
    lay(out, "missing.jsonl", "bagit.txt", run=RUN)
    state = out / ".cv-gdpr"
    (state / "tmp-x").mkdir()
    (state / "tmp-x" / "0").write_bytes(b"")
    (state / "owner.new").write_bytes(b"")
    with opened(out) as folder:
        assert names(out) == [".cv-gdpr", "data"]
        assert [path.name for path in state.glob("tmp*")] == [Path(folder.temporary()).parent.name]
        assert not (state / "owner.new").exists()


def test_a_foreign_file_stops_a_run_before_it_writes(out):
    lay(out, "data/", run=RUN)
    (out / "data" / "mine").write_bytes(b"")
    with pytest.raises(UsageError, match=re.escape(str(out / "data" / "mine"))):
        opened(out)


@posix("links")
def test_a_link_in_place_of_data_is_refused(out, tmp_path):
    lay(out, run=RUN)
    (out / "data").symlink_to(tmp_path)
    with pytest.raises(UsageError, match=re.escape(f"{out}/data")):
        opened(out)


@pytest.mark.parametrize("recheck", [True, False])
def test_files_are_rechecked_if_asked_for(out, recheck):
    with opened(out) as folder:
        key = add(folder.project(PROJECT), f"images/{ID}", b"one")
        folder.project(PROJECT).journal.flush()
        folder._projects[0].journal.flush()
    (out / "data" / PROJECT / "images" / f"{ID}.jpg").write_bytes(b"two")
    with opened(out, recheck=recheck) as folder:
        assert folder.project(PROJECT).journal.known(key) == (None if recheck else 3)


@posix("owners")
def test_owners_that_a_file_system_maps_give_a_warning(out, monkeypatch, caplog):
    monkeypatch.setattr(module, "owner_within", lambda _: None)
    with opened(out):
        assert str(out) in caplog.text
        assert "file system" in caplog.text
        assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_folder_below_a_file_is_wrong_input(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path / 'file'} is not a folder")):
        opened(tmp_path / "file" / "out")


@posix("special files")
@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no file system here that refuses every folder")
def test_a_folder_that_cannot_be_made_is_an_error_of_the_disk():
    with pytest.raises(StorageError, match="cannot write /proc/no-folder"):
        opened(Path("/proc/no-folder/out"))


def test_a_document_is_written_and_noted(out):
    with opened(out) as folder:
        text = '{\n  "a": "é"\n}\n'.encode()
        assert folder.write_json("export.json", {"a": "é"}) == len(text)
        assert (out / "data" / "export.json").read_bytes() == text
        assert folder.hash_of("export.json") == sha256(text)
        (out / "data" / "account.json").mkdir()
        with pytest.raises(StorageError, match="account"):
            folder.write_json("account.json", {})


def test_lines_are_counted_and_named_at_the_end(out):
    with opened(out) as folder:
        with folder.lines("projects.jsonl") as lines:
            assert lines.write({"a": "é"}) == len('{"a":"é"}\n'.encode())
            lines.extend([b"1\n", b"2\n"])
            assert lines.count == 3
            assert not (out / "data" / "projects.jsonl").exists()
        text = '{"a":"é"}\n1\n2\n'.encode()
        assert (out / "data" / "projects.jsonl").read_bytes() == text
        assert folder._written == {"projects.jsonl": (len(text), sha256(text))}


def test_lines_of_a_failed_run_leave_nothing(out):
    with opened(out) as folder:
        lines = folder.lines("projects.jsonl").__enter__()
        lines.extend([b"1\n" * (1 << 17)])
        lines.__exit__(ValueError, ValueError("x"), None)
        assert list((out / "data").iterdir()) == []
        assert list(Path(folder._tmp).iterdir()) == []
        assert folder._written == {}


def test_an_error_of_the_disk_names_the_lines(out):
    with opened(out) as folder:
        (out / "data" / "projects.jsonl").mkdir()
        with pytest.raises(StorageError, match=r"projects\.jsonl"), folder.lines("projects.jsonl") as lines:
            lines.extend([b"1\n"])


def test_an_error_before_the_end_still_flushes_all_journals(out):
    broken = []

    def run():
        with opened(out) as folder:
            for name in (PROJECT, f"Other-{NEXT}"):
                broken.append(folder.project(name))
                add(broken[-1], f"images/{ID}", b"one")
            (out / ".cv-gdpr" / "journal" / f"{PROJECT}.jsonl").unlink()
            (out / ".cv-gdpr" / "journal" / f"{PROJECT}.jsonl").mkdir()
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        run()
    journals = out / ".cv-gdpr" / "journal"
    assert len((journals / f"Other-{NEXT}.jsonl").read_bytes().splitlines()) == 1
    with pytest.raises(RuntimeError):
        broken[0]._folder.commit(lambda: None)


def test_a_run_that_ends_well_flushes_nothing(out):
    with opened(out) as folder:
        add(folder.project(PROJECT), f"images/{ID}", b"one")
    assert (out / ".cv-gdpr" / "journal" / f"{PROJECT}.jsonl").read_bytes() == b""


def test_a_flush_that_failed_is_raised_by_check(out):
    def fail():
        raise StorageError("full")

    with opened(out) as folder:
        folder.commit(fail)
        folder._commits[0].exception()
        done = []
        folder.commit(lambda: done.append(1))
        folder._commits[1].result()
        folder.commit(lambda: done.append(2))
        assert len(folder._commits) == 2
        with pytest.raises(StorageError, match="full"):
            folder.check()
    assert done == [1, 2]


def test_flushes_run_one_at_a_time(out):
    import threading

    running, most, lock = [0], [0], threading.Lock()

    def flush():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.01)
        running[0] -= 1

    with opened(out) as folder:
        for _ in range(5):
            folder.commit(flush)
        folder.check()
    assert most == [1]


def test_a_full_group_is_flushed_in_the_background(out, monkeypatch):
    monkeypatch.setattr("cv_gdpr.archive.journal._MOST", 1)
    with opened(out) as folder:
        add(folder.project(PROJECT), f"images/{ID}", b"one")
        folder.check()
        assert len((out / ".cv-gdpr" / "journal" / f"{PROJECT}.jsonl").read_bytes().splitlines()) == 1


# --- its end -----------------------------------------------------------------------------------------------------


def test_an_incomplete_run_lists_what_is_missing(out):
    with opened(out) as folder:
        folder.leave_open([{"id": "é"}, {"id": "2"}])
        assert (out / "missing.jsonl").read_text("utf-8") == '{"id":"é"}\n{"id":"2"}\n'
    assert names(out) == [".cv-gdpr", "data", "missing.jsonl"]
    with opened(out) as folder:
        (out / "missing.jsonl").mkdir()
        with pytest.raises(StorageError, match="missing"):
            folder.leave_open([])


def filled(out):
    """Export two projects; return the open folder."""
    folder = opened(out)
    for name in (PROJECT, ID):
        project = folder.project(name)
        assert project.name == name
        claimed = {add(project, f"images/{one}", one.encode(), f"/{one}") for one in (ID, NEXT)}
        folder.write_json(f"{name}/project.json", {})
        assert project.finish(claimed) == 2
    folder.write_json("export.json", {})
    return folder


def test_a_closed_folder_is_a_bag(out, monkeypatch):
    durable = []
    monkeypatch.setattr(closing, "make_durable", lambda path: durable.append((path, (path / "bagit.txt").exists())))
    folder = filled(out)
    (out / "missing.jsonl").write_bytes(b"")
    folder.close_bag([("Label", "a  b"), ("Other", "c")])
    folder.__exit__(None, None, None)
    bag = bagit.Bag(str(out))
    assert bag.is_valid()
    payload = sorted((path for path in (out / "data").rglob("*") if path.is_file()), key=str)
    listed = [line.split("  ") for line in (out / "manifest-sha256.txt").read_text().splitlines()]
    assert [path for _, path in listed] == [path.relative_to(out).as_posix() for path in payload]
    assert [digest for digest, _ in listed] == [sha256(path.read_bytes()) for path in payload]
    oxum = f"{sum(path.stat().st_size for path in payload)}.{len(payload)}"
    assert (out / "bag-info.txt").read_text() == f"Label: a b\nOther: c\nPayload-Oxum: {oxum}\n"
    tags = "".join(
        f"{sha256((out / name).read_bytes())}  {name}\n"
        for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
    )
    assert (out / "tagmanifest-sha256.txt").read_text() == tags
    assert (out / "bagit.txt").read_text() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert durable == [(out, False)]
    assert names(out) == [
        "bag-info.txt", "bagit.txt", "data", "manifest-sha256.txt", "tagmanifest-sha256.txt",
    ]  # fmt: skip


def test_a_bag_of_many_files_is_listed_in_parts(out, monkeypatch):
    monkeypatch.setattr(closing, "_AT_ONCE", 2)
    filled(out).close_bag([])
    assert bagit.Bag(str(out)).is_valid()


def test_an_export_without_projects_is_a_bag(out):
    folder = opened(out)
    folder.write_json("export.json", {})
    folder.close_bag([])
    assert bagit.Bag(str(out)).is_valid()


def test_a_run_that_is_killed_after_its_end_is_finished(out, monkeypatch):
    """Without run.json nothing resumes it, even if the rest of its state stays."""
    folder = filled(out)
    monkeypatch.setattr(module.shutil, "rmtree", lambda *_, **__: None)
    folder.close_bag([])
    assert (out / ".cv-gdpr").is_dir()
    assert not (out / ".cv-gdpr" / "run.json").exists()


def test_the_index_lists_claimed_files_by_path(out):
    with opened(out) as folder:
        project = folder.project(PROJECT)
        keys = [add(project, f"images/{one}", b"x", f"/{one}") for one in (NEXT, ID)]
        assert project.finish(set(keys)) == 2
        index = [json.loads(line) for line in (project.path / "files.jsonl").read_bytes().splitlines()]
        assert [one["path"] for one in index] == [f"images/{ID}.jpg", f"images/{NEXT}.jpg"]
        assert index[0] == {
            "path": f"images/{ID}.jpg", "blob": f"images/{ID}", "source": f"/{ID}", "bytes": 1, "sha256": sha256(b"x")
        }  # fmt: skip
        assert list(project.stored()) == [(f"{PROJECT}/images/{one}.jpg", 1, sha256(b"x"), False) for one in (ID, NEXT)]


def test_what_an_earlier_run_left_over_is_removed(out):
    folder = filled(out)
    left = out / "data" / PROJECT / "images" / f"{ID}.0123abcd.jpg"
    left.write_bytes(b"")
    old = out / "data" / f"Old-{NEXT}"
    (old / "images").mkdir(parents=True)
    (old / "images" / f"{ID}.jpg").write_bytes(b"")
    (out / "data" / PROJECT / "mine").mkdir()
    folder.close_bag([])
    assert not left.exists()
    assert not old.exists()
    assert (out / "data" / PROJECT / "mine").is_dir()


def test_a_foreign_file_put_there_meanwhile_stops_the_end(out):
    folder = filled(out)
    (out / "data" / "zzz").write_bytes(b"")
    with pytest.raises(UsageError, match=re.escape(str(out / "data" / "zzz"))):
        folder.close_bag([])
    assert (out / "data" / "zzz").exists()
    assert not (out / "bagit.txt").exists()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (f"{PROJECT}/images/{ID}.jpg", "gone"),
        (f"{ID}/images/{NEXT}.jpg", "gone"),
        (f"{PROJECT}/images/{NEXT}.jpg", "gone"),
        ("export.json", "gone"),
        (f"{PROJECT}/images/{ID}.jpg", "changed"),
        ("export.json", "changed"),
    ],
)
def test_a_file_that_is_gone_or_changed_stops_the_end(out, place, why):
    folder = filled(out)
    left = out / "data" / PROJECT / "images" / f"{ID}.0123abcd.jpg"
    left.write_bytes(b"")
    (out / "data" / place).unlink() if why == "gone" else (out / "data" / place).write_bytes(b"other")
    with pytest.raises(StorageError, match=re.escape(str(out / "data" / place)) + f".*{why}"):
        folder.close_bag([])

    assert left.exists()
    assert not (out / "bagit.txt").exists()


def test_the_lock_is_free_once_the_bag_is_closed(out, monkeypatch):
    released = []
    folder = filled(out)
    release = Folder._release_lock
    monkeypatch.setattr(
        Folder, "_release_lock", lambda self: released.append((out / ".cv-gdpr").exists()) or release(self)
    )
    folder.close_bag([])
    assert released[0] is True
    assert not (out / ".cv-gdpr").exists()


def test_a_bag_that_cannot_be_written_is_an_error_of_the_disk(out):
    folder = filled(out)
    (out / "bag-info.txt").mkdir()
    with pytest.raises(StorageError, match="bag-info"):
        folder.close_bag([])


@posix("time zones")
def test_the_default_name_is_the_time_in_utc(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    before = f"cv-gdpr-export-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    assert before <= str(new_folder()) <= f"cv-gdpr-export-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    monkeypatch.undo()
    time.tzset()
