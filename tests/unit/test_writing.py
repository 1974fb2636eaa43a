"""Durable writing: complete or not at all, private, and each error in one line."""

import errno
import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest

from cv_gdpr.archive import writing
from cv_gdpr.archive.durability import make_durable, sync_folder
from cv_gdpr.archive.writing import (
    HashedFile,
    Received,
    is_at,
    open_new,
    private_file,
    private_folder,
    read_all,
    remove_unfinished,
    storage_error,
    storing,
    write_all,
    write_durably,
    write_new,
    write_whole,
)
from cv_gdpr.errors import StorageError
from cv_gdpr.platforms import files
from tests.disk import disk
from tests.platforms import is_private, posix
from tests.unit.listing import names, open_handles, path_of


@pytest.fixture(autouse=True)
def _usual_mask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def synced(monkeypatch):
    """Collect what was made durable: paths of files and folders, in order."""
    paths = []
    sync = os.fsync

    def fsync(handle):
        paths.append(path_of(handle))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return paths


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


@posix("modes")
def test_a_folder_and_those_above_it_are_private(tmp_path):
    assert private_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)
    (tmp_path / "c").mkdir(mode=0o755)
    assert private_folder(tmp_path / "c") == tmp_path / "c"
    assert mode(tmp_path / "c") == 0o755


@posix("modes")
def test_a_new_file_is_private_and_new(tmp_path):
    with private_file(tmp_path / "new") as file:
        file.write(b"x")
    assert mode(tmp_path / "new") == 0o600
    with pytest.raises(FileExistsError):
        private_file(tmp_path / "new")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        open_new(tmp_path / "link")
    handle = open_new(tmp_path / "both", os.O_RDWR)
    os.write(handle, b"abc")
    assert read_all(handle) == b"abc"
    assert read_all(handle) == b"abc"
    os.close(handle)


def test_all_of_a_large_file_is_read(tmp_path):
    content = os.urandom((1 << 20) + 5)
    (tmp_path / "file").write_bytes(content)
    with (tmp_path / "file").open("rb") as file:
        assert read_all(file.fileno()) == content


@posix("open files")
def test_whether_a_name_is_still_the_files(tmp_path):
    path = tmp_path / "file"
    handle = open_new(path)
    assert is_at(handle, path) is True
    path.rename(tmp_path / "moved")
    assert is_at(handle, path) is False
    path.symlink_to(tmp_path / "moved")
    assert is_at(handle, path) is False
    os.close(handle)


@pytest.mark.parametrize("error", [None, errno.EPERM, errno.EOPNOTSUPP])
def test_a_new_file_has_its_name_when_it_is_durable(tmp_path, synced, monkeypatch, error):
    """Where the file system has no hard links, the name is reserved and then replaced."""
    path, link = tmp_path / "out", os.link
    before = open_handles()

    def linked(source, target):
        assert [Path(one) for one in synced] == [Path(source)]
        assert not path.exists()
        if error:
            raise OSError(error, "no links")
        link(source, target)

    monkeypatch.setattr(os, "link", linked)
    write_new(path, b"content")
    assert path.read_bytes() == b"content"
    assert mode(path) == 0o600
    assert names(tmp_path) == ["out"]
    assert synced[1:] == [str(tmp_path)]
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


@posix("names by links")
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_another_error_of_the_name_is_an_error(tmp_path, monkeypatch, error):
    def linked(*_):
        raise OSError(error, "no")

    monkeypatch.setattr(os, "link", linked)
    with pytest.raises(OSError, match="no"):
        write_new(tmp_path / "out", b"content")
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [None, errno.EPERM])
def test_a_name_that_is_taken_stays(tmp_path, monkeypatch, error):
    (tmp_path / "out").write_bytes(b"before")

    def linked(*_):
        raise OSError(error, "no links")

    if error:
        monkeypatch.setattr(os, "link", linked)
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "out", b"content")
    assert (tmp_path / "out").read_bytes() == b"before"
    assert names(tmp_path) == ["out"]


@posix("open files")
def test_a_file_that_was_replaced_meanwhile_is_an_error(tmp_path, monkeypatch):
    path, link = tmp_path / "out", os.link

    def linked(source, target):
        link(source, target)
        path.unlink()
        path.write_bytes(b"of another")

    monkeypatch.setattr(os, "link", linked)
    with pytest.raises(OSError, match="replaced") as refused:
        write_new(path, b"content")
    assert (refused.value.errno, refused.value.filename) == (errno.ESTALE, str(path))
    assert path.read_bytes() == b"of another"


@posix("names by links")
def test_the_temporary_name_is_another_each_time(tmp_path, monkeypatch):
    taken, link = [], os.link
    monkeypatch.setattr(os, "link", lambda source, target: taken.append(Path(source).name) or link(source, target))
    for path in (tmp_path / "out", tmp_path / ("a" * 255)):
        write_new(path, b"")
        path.unlink()
        write_new(path, b"")
    tags = [f"cv-gdpr-{hashlib.sha256(name).hexdigest()[:12]}" for name in (b"out", b"out", b"a" * 255, b"a" * 255)]
    assert len(set(taken)) == 4
    for name, tag in zip(taken, tags, strict=True):
        assert name.startswith(f".{tag}-")
        assert name.endswith(".part")
        assert len(name) == len(f".{tag}-.part") + 16


def test_what_a_killed_run_left_is_removed(tmp_path):
    tag = f"cv-gdpr-{hashlib.sha256(b'out').hexdigest()[:12]}"
    for name in (f".{tag}-0.part", f".{tag}-1", f".cv-gdpr-{'0' * 12}-0.part", "out"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / f".{tag}-2.part").symlink_to(tmp_path / "out")
    remove_unfinished(tmp_path / "out")
    left = {f".{tag}-1", f".{tag}-2.part", f".cv-gdpr-{'0' * 12}-0.part", "out"}
    assert set(names(tmp_path)) == left


@posix("open files")
def test_a_folder_is_synced_and_closed(tmp_path, synced):
    before = open_handles()
    sync_folder(tmp_path)
    assert synced == [str(tmp_path)]
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


@posix("writev")
def test_a_short_write_goes_on(tmp_path, monkeypatch):
    write, writev = os.write, os.writev
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:3]))
    monkeypatch.setattr(os, "writev", lambda handle, parts: writev(handle, [b"".join(parts)[:5]]))
    with private_file(tmp_path / "file") as file:
        write_all(file.fileno(), b"0123456789")
        writing._write_parts(file.fileno(), [b"abc", b"defg", b"hij"], 10)
    assert (tmp_path / "file").read_bytes() == b"0123456789abcdefghij"


def test_a_whole_write_is_written_once(tmp_path, monkeypatch):
    def none(*_):
        raise AssertionError("nothing is left to write")

    monkeypatch.setattr(writing, "write_all", none)
    with private_file(tmp_path / "file") as file:
        writing._write_parts(file.fileno(), [b"abc", b"defg"], 7)
    assert (tmp_path / "file").read_bytes() == b"abcdefg"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left"), "cannot write /out: No space left"),
        (OSError(errno.ENOSPC, "No space left", "/file"), "cannot write /file: No space left"),
        (OSError(errno.ENOSPC, "No space left", "/file", None, "/other"), "cannot write /other: No space left"),
        (OSError("closed"), "cannot write /out: closed"),
        (OSError(errno.EMFILE, "x"), "too many open files"),
        (OSError(errno.ENFILE, "x"), "too many open files"),
    ],
)
def test_an_error_of_the_disk_is_one_line(error, words):
    with pytest.raises(StorageError) as refused, storing("/out"):
        raise error
    assert refused.value.message == words
    assert refused.value.__cause__ is error
    assert bool(refused.value.hint) is ("too many" in words)
    assert storage_error(error, "/out").message == words


def test_any_other_error_passes():
    with storing("/out"):
        pass
    with pytest.raises(ValueError, match="x"), storing("/out"):
        raise ValueError("x")


CONTENTS = {
    "nothing": [],
    "a short beginning": [b"ab", b"c" * 30],
    "a long beginning": [b"0123456789abcdefgh", b"x"],
    "many chunks": [b"0123456789abcdef" + bytes([number]) for number in range(65)],
    "64 chunks": [b"0123456789abcdef" + bytes([number]) for number in range(64)],
    "more than is buffered": [b"x" * ((1 << 17) - 1), b"y", b"z", b"0" * (1 << 17)],
}


@pytest.mark.parametrize("chunks", CONTENTS.values(), ids=CONTENTS)
def test_a_hashed_file_knows_what_was_written(tmp_path, chunks):
    before = open_handles()
    path = tmp_path / "temporary"
    file = HashedFile(path)
    for chunk in chunks:
        file.write(chunk)
    content = b"".join(chunks)
    found = file.received()
    assert found == Received(
        str(tmp_path / "temporary"), len(content), hashlib.sha256(content).hexdigest(), content[:16]
    )
    assert file.received() == found
    assert (tmp_path / "temporary").read_bytes() == content
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


def test_a_file_is_created_when_enough_is_buffered(tmp_path):
    file = HashedFile(tmp_path / "temporary")
    file.write(b"x" * ((1 << 17) - 1))
    assert not (tmp_path / "temporary").exists()
    file.write(b"y")
    assert (tmp_path / "temporary").stat().st_size == 1 << 17
    assert file.bytes == 1 << 17
    file.write(b"z")
    assert (tmp_path / "temporary").stat().st_size == 1 << 17
    file.discard()
    assert names(tmp_path) == []


def test_a_discarded_file_leaves_nothing(tmp_path):
    before = open_handles()
    file = HashedFile(tmp_path / "temporary")
    file.write(b"x")
    file.discard()
    assert names(tmp_path) == []
    file.received()
    assert names(tmp_path) == []
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


@pytest.mark.parametrize("parts", [1, 64, 65])
def test_how_many_chunks_are_joined_before(tmp_path, monkeypatch, parts):
    written = []
    monkeypatch.setattr(writing, "_write_parts", lambda _, chunks, size: written.append((len(chunks), size)))
    file = HashedFile(tmp_path / "temporary")
    for _ in range(parts):
        file.write(b"0123456789abcdef")
    file.received()
    assert written == [(parts if parts <= 64 else 1, 16 * parts)]


@pytest.mark.parametrize(("first", "joined"), [(15, 1), (16, 2)])
def test_a_beginning_too_short_for_a_type_is_joined(tmp_path, monkeypatch, first, joined):
    written = []
    monkeypatch.setattr(writing, "_write_parts", lambda _, chunks, __: written.append(len(chunks)))
    file = HashedFile(tmp_path / "temporary")
    file.write(b"0" * first)
    file.write(b"1" * 20)
    assert file.received().head == b"0" * first + b"1" * (16 - first)
    assert written == [joined]


def test_the_type_is_that_of_the_first_bytes_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_GATHERED", 20)
    file = HashedFile(tmp_path / "temporary")
    for chunk in (b"0" * 20, b"1" * 20, b"2" * 20):
        file.write(chunk)
    assert file.received().head == b"0" * 16
    assert file.bytes == 60


def test_a_received_file_is_named_by_its_type(tmp_path):
    (tmp_path / "t").write_bytes(b"x")
    received = Received(f"{tmp_path}/t", 1, "ab", b"GIF89a")
    named = received.named(f"{tmp_path}/new/folder/stem", ".bin")
    assert named == Received(f"{tmp_path}/new/folder/stem.gif", 1, "ab", b"GIF89a")
    assert Path(named.path).read_bytes() == b"x"
    assert is_private(tmp_path / "new")
    other = Received(named.path, 1, "ab", b"?").named(f"{tmp_path}/stem", ".onnx")
    assert other.path == f"{tmp_path}/stem.onnx"
    with pytest.raises(StorageError, match=r"stem\.onnx"):
        Received(f"{tmp_path}/gone", 1, "ab", b"?").named(f"{tmp_path}/stem", ".onnx")


def test_a_text_is_written_whole(tmp_path):
    (tmp_path / "out").write_bytes(b"before")
    assert write_whole(tmp_path / "out", "é", f"{tmp_path}/t") == hashlib.sha256("é".encode()).hexdigest()
    assert (tmp_path / "out").read_bytes() == "é".encode()
    assert names(tmp_path) == ["out"]


def test_a_text_is_durable_before_its_name_is(tmp_path, synced, monkeypatch):
    replace = os.replace

    def replaced(source, target):
        assert synced == [f"{tmp_path}/t"]
        assert Path(source).read_bytes() == "é".encode()
        replace(source, target)

    monkeypatch.setattr(os, "replace", replaced)
    (tmp_path / "folder").mkdir()
    write_durably(tmp_path / "folder" / "out", "é", f"{tmp_path}/t")
    assert (tmp_path / "folder" / "out").read_bytes() == "é".encode()
    assert synced[1:] == [f"{tmp_path}/folder"]


@pytest.mark.skipif(sys.platform != "linux", reason="syncfs is of Linux")
def test_a_whole_file_system_is_made_durable(tmp_path, monkeypatch):
    import ctypes

    before = open_handles()
    make_durable(tmp_path)
    calls = []

    class Refusing:
        def __init__(self, name, use_errno):
            assert (name, use_errno) == (None, True)

        def syncfs(self, handle):
            calls.append(path_of(handle))
            ctypes.set_errno(errno.EIO)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", Refusing)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as refused:
        make_durable(tmp_path)
    assert (refused.value.errno, refused.value.filename) == (errno.EIO, str(tmp_path))
    assert calls == [str(tmp_path)]
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_elsewhere_each_file_and_its_folder_are_flushed(tmp_path, monkeypatch, system):
    """No call of these systems makes all files of a file system durable: sync(2) of macOS does not wait."""
    flushed = []
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(files, "flush", lambda handle: flushed.append(os.fstat(handle).st_ino))
    written = [tmp_path / name for name in ("one", "two")]
    for path in written:
        path.write_bytes(b"new")
    make_durable(tmp_path, written)
    assert flushed[:2] == [path.stat().st_ino for path in written]
    assert flushed[2:] in ([], [tmp_path.stat().st_ino])


def test_elsewhere_a_document_is_durable_before_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "SYNCS_ALL", False)
    with disk(tmp_path) as noted:
        write_whole(tmp_path / "export.json", "{}", str(tmp_path / "part"))
    assert not noted.unsafe
