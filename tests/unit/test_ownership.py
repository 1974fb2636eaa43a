"""Whose a folder or a file is. Only root can lay out what another user owns."""

import os
import re
import socket
import stat

import pytest

from cv_gdpr.archive import ownership
from cv_gdpr.archive.ownership import open_own, owner_within
from cv_gdpr.errors import UsageError
from cv_gdpr.platforms.files import user_id
from tests.platforms import named_pipe, posix
from tests.unit.listing import names, open_handles

US = user_id() or 0
pytestmark = posix("owners")
OTHER = US + 1
root = pytest.mark.skipif(US != 0, reason="only root can give a file away")


def mapped(monkeypatch, owner):
    """Let a new file belong to this user, as where the file system maps owners; None: none can be created."""
    monkeypatch.setattr(
        ownership, "_owner_of_new_file_in", lambda folder: owner if folder.is_dir() else "asked of no folder"
    )


def test_a_folder_of_ours(tmp_path):
    assert owner_within(tmp_path) == US
    (tmp_path / "link").symlink_to(tmp_path)
    assert owner_within(tmp_path / "link") == US
    assert names(tmp_path) == ["link"]


@root
@pytest.mark.parametrize("owned", ["folder", "link"])
def test_a_folder_of_another_user_is_refused(tmp_path, owned):
    """For root too, though root could write there."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    os.chown(tmp_path / owned, OTHER, -1, follow_symlinks=False)
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path}/link")) as refused:
        owner_within(tmp_path / "link")
    assert f"{tmp_path}/link/export" in refused.value.hint


@root
@pytest.mark.parametrize(("new", "owner"), [(OTHER, None), (OTHER + 1, None), (US, "refused"), (None, "refused")])
def test_the_owner_is_unknown_where_it_is_mapped(tmp_path, monkeypatch, new, owner):
    os.chown(tmp_path, OTHER, -1)
    mapped(monkeypatch, new)
    if owner:
        with pytest.raises(UsageError):
            owner_within(tmp_path)
    else:
        assert owner_within(tmp_path) is None


def test_without_user_ids_the_owner_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership, "user_id", lambda: None)
    assert owner_within(tmp_path) is None
    (tmp_path / "file").write_bytes(b"")
    os.close(open_own(tmp_path / "file"))


def test_a_file_of_ours_is_opened_to_read_and_write(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    handle = open_own(tmp_path / "file")
    assert os.read(handle, 9) == b"abc"
    os.write(handle, b"d")
    os.close(handle)
    assert (tmp_path / "file").read_bytes() == b"abcd"


def lay_pipe(path):
    named_pipe(path)


def lay_link(path):
    (path.parent / "other").write_bytes(b"")
    path.symlink_to("other")


def lay_second_name(path):
    (path.parent / "other").write_bytes(b"")
    path.hardlink_to(path.parent / "other")


def lay_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize(
    ("lay", "why"),
    [
        (lay_pipe, "not a regular file"),
        (lay_socket, "not a regular file"),
        (lambda path: path.mkdir(), "not a regular file"),
        (lay_link, "is a link"),
        (lay_second_name, "second name"),
    ],
)
def test_what_another_may_have_laid_is_refused(tmp_path, lay, why):
    lay(tmp_path / "file")
    with pytest.raises(UsageError, match=f"{re.escape(str(tmp_path))}/file .*{why}") as refused:
        open_own(tmp_path / "file")
    assert refused.value.hint


@root
@pytest.mark.parametrize(("new", "opened"), [(US, False), (None, False), (OTHER + 1, False), (OTHER, True)])
def test_a_file_of_another_user_is_refused(tmp_path, monkeypatch, new, opened):
    """Unless a new file there belongs to the same user."""
    (tmp_path / "file").write_bytes(b"")
    os.chown(tmp_path / "file", OTHER, -1)
    mapped(monkeypatch, new)
    if opened:
        os.close(open_own(tmp_path / "file"))
    else:
        with pytest.raises(UsageError, match="belongs to another user"):
            open_own(tmp_path / "file")


def test_a_file_exchanged_before_it_is_opened_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "second").hardlink_to(tmp_path / "file")
    first, before = iter([tmp_path.stat()]), open_handles()
    alone = os.stat_result([stat.S_IFREG, 0, 0, 1, US, *list(next(first))[5:]])
    monkeypatch.setattr(os, "lstat", lambda _: alone)
    with pytest.raises(UsageError, match="second name"):
        open_own(tmp_path / "file")
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


def test_a_link_that_appears_meanwhile_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "other").write_bytes(b"")
    alone = (tmp_path / "other").lstat()
    (tmp_path / "file").symlink_to("other")
    monkeypatch.setattr(os, "lstat", lambda _: alone)
    with pytest.raises(OSError, match="symbolic links"):
        open_own(tmp_path / "file")


def test_a_pipe_that_appears_before_it_is_opened_does_not_block(tmp_path, monkeypatch):
    (tmp_path / "other").write_bytes(b"")
    alone = (tmp_path / "other").lstat()
    named_pipe(tmp_path / "file")
    monkeypatch.setattr(os, "lstat", lambda _: alone)
    with pytest.raises(UsageError, match="not a regular file"):
        open_own(tmp_path / "file")


@pytest.mark.parametrize("there", [True, False])
def test_the_owner_of_a_new_file_leaves_nothing_behind(tmp_path, there):
    folder, before = tmp_path if there else tmp_path / "gone", open_handles()
    assert ownership._owner_of_new_file_in(folder) == (US if there else None)
    assert names(tmp_path) == []
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


def test_the_name_of_the_new_file_cannot_be_guessed(tmp_path, monkeypatch):
    taken, new = [], ownership.open_new
    monkeypatch.setattr(ownership, "open_new", lambda path: taken.append(path.name) or new(path))
    for _ in range(2):
        ownership._owner_of_new_file_in(tmp_path)
    assert taken[0] != taken[1]
    for name in taken:
        assert re.fullmatch(r"\.cv-gdpr-[0-9a-f]{16}", name)


def test_a_new_file_may_be_removed_meanwhile(tmp_path, monkeypatch):
    new = ownership.open_new

    def removed(path):
        handle = new(path)
        path.unlink()
        return handle

    monkeypatch.setattr(ownership, "open_new", removed)
    assert ownership._owner_of_new_file_in(tmp_path) == US
