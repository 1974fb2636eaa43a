"""What an export's files are called, and how the folder is walked: no link is followed, nothing foreign is taken."""

import os
import re

import pytest

from cv_gdpr.archive.layout import File, Layout, Place, files_below, is_regular, refuse_foreign
from cv_gdpr.errors import UsageError
from cv_gdpr.platforms.files import user_id
from tests.platforms import named_pipe, posix

ID = "11111111-1111-4111-8111-111111111111"
HASHED = f"x{'0' * 32}"
PROJECT = f"Visitors-{ID}"
OTHER = (user_id() or 0) + 1
BYTES = [
    f"{PROJECT}/images/{ID}.jpg",
    f"{ID}/images-resized/{ID}.0123abcd.png",
    f"{HASHED}/images/{HASHED}.bin",
    f"{PROJECT}/exported-models/{ID}/ONNX-x_1.zip",
    f"{PROJECT}/exported-models/{ID}/ONNX.0123abcd.onnx",
]
DOCUMENTS = [
    "export.json",
    "account.json",
    "projects.jsonl",
    *(f"{PROJECT}/{name}" for name in ("project.json", "images.jsonl", "tag-details.jsonl")),
    *(f"{PROJECT}/{name}" for name in ("files.jsonl", "listings.jsonl", "absent.jsonl")),
    f"{PROJECT}/iterations/Iteration-1-{ID}/iteration.json",
    f"{PROJECT}/iterations/{ID}/images.jsonl",
]
FOREIGN = [
    "",
    "x",
    "projects.json",
    f"{PROJECT}/other.jsonl",
    f"Visitors/images/{ID}.jpg",
    f"{PROJECT}/images/{ID}",
    f"{PROJECT}/images/x.jpg",
    f"{PROJECT}/images/{ID}.jpg/x",
    f"{PROJECT}/exported-models/{ID}.zip",
    f"{PROJECT}/iterations/{ID}/x.json",
    f"a/{PROJECT}/project.json",
    f"{PROJECT}/account.json",
    f"{PROJECT}/iterations/{ID}/tag-details.jsonl",
    f"{PROJECT}/predictions/{ID}.jpg",
    f"{PROJECT}/projectXjson",
    f"{PROJECT}/exported-models/{ID}/x/y.zip",
]
FOLDERS = ["", "images/", "images-resized/", "exported-models/", f"exported-models/{ID}/", "iterations/"]


@pytest.fixture
def layout():
    """The names of a table of a few rows; made anew, since it remembers its patterns."""
    return Layout(
        [
            File("account.json", (Place.RESOURCE,)),
            File("projects.jsonl", (Place.RESOURCE,)),
            File("project.json", (Place.PROJECT,)),
            File("images.jsonl", (Place.PROJECT, Place.ITERATION)),
            File("tag-details.jsonl", (Place.PROJECT,)),
            File("iteration.json", (Place.ITERATION,)),
        ],
        ["images", "images-resized", "exported-models"],
    )


@pytest.mark.parametrize("path", BYTES)
def test_a_blob_has_a_name_of_ours(layout, path, tmp_path):
    assert layout.holds_bytes(path) is True
    assert layout.checked_path(tmp_path, path) == path


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_has_a_name_of_ours(layout, path, tmp_path):
    assert layout.holds_bytes(path) is False
    assert layout.checked_path(tmp_path, path) == path


@pytest.mark.parametrize("path", FOREIGN)
def test_any_other_name_is_refused(layout, path, tmp_path):
    assert layout.holds_bytes(path) is None
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path}/{path}".replace("/", os.sep))) as refused:
        layout.checked_path(tmp_path, path)
    assert refused.value.hint


def filled(data, *paths):
    for number, path in enumerate(paths):
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_bytes(b"x" * number)


def sizes_below(folder, owner=None):
    return [(path, size) for path, size, _ in files_below(folder, owner)]


def test_a_file_with_two_names_says_when_it_was_written(tmp_path):
    (tmp_path / "one").touch()
    (tmp_path / "a").touch()
    os.utime(tmp_path / "a", ns=(0, 5_000_000_000))
    os.link(tmp_path / "a", tmp_path / "b")
    assert list(files_below(tmp_path)) == [("a", 0, 5_000_000_000), ("b", 0, 5_000_000_000), ("one", 0, 0)]


def test_files_come_in_the_order_of_their_paths(tmp_path):
    filled(tmp_path, "a/b", "a-b", "a/c/d", "b", "a.b")
    found = [("a-b", 1), ("a.b", 4), ("a/", 0), ("a/b", 0), ("a/c/", 0), ("a/c/d", 2), ("b", 3)]
    assert sizes_below(tmp_path) == found


@pytest.mark.parametrize("folder", [*FOLDERS, f"iterations/{ID}/", f"iterations/Iteration-1-{ID}/"])
def test_a_folder_of_an_export(layout, folder):
    assert layout.is_folder(f"{PROJECT}/{folder}") is True


@posix("names in bytes")
def test_names_may_end_in_a_blank(tmp_path):
    filled(tmp_path, "b /c ", "bX/cX")
    assert sizes_below(tmp_path) == [("b /", 0), ("b /c ", 0), ("bX/", 0), ("bX/cX", 1)]


@pytest.mark.parametrize(
    "folder", ["", "mine/", PROJECT, f"{PROJECT}/mine/", f"{PROJECT}/iterations/mine/", f"{PROJECT}/images/{ID}/"]
)
def test_a_folder_of_others(layout, folder):
    assert layout.is_folder(folder) is False


def test_four_nested_folders_are_the_most(tmp_path):
    filled(tmp_path, "1/2/3/4/file")
    assert ("1/2/3/4/file", 0) in sizes_below(tmp_path)
    (tmp_path / "1/2/3/4/5").mkdir()
    with pytest.raises(UsageError, match=re.escape("1/2/3/4/5/".replace("/", os.sep))):
        list(files_below(tmp_path))


@pytest.mark.parametrize(("name", "lines"), [("a.jsonl", True), ("a.json", False)])
def test_a_list_holds_a_record_a_line(name, lines):
    assert File(name, ()).is_list is lines


@pytest.mark.parametrize("leads", ["folder", "file", "nowhere"])
@posix("links")
def test_a_link_is_refused(tmp_path, leads):
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    filled(elsewhere, "file")
    (data / "link").symlink_to({"folder": elsewhere, "file": elsewhere / "file", "nowhere": "x"}[leads])
    with pytest.raises(UsageError, match=re.escape(f"{data}/link")):
        list(files_below(data))


def test_a_pipe_is_refused(tmp_path):
    named_pipe(tmp_path / "pipe")
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path}/pipe")):
        list(files_below(tmp_path))


def test_what_another_user_owns_is_refused(tmp_path):
    data = tmp_path / "data"
    filled(data, "a/file")
    assert sizes_below(data, user_id()) == [("a/", 0), ("a/file", 0)]
    with pytest.raises(UsageError, match=re.escape(f"{data} belongs")):
        list(files_below(data, OTHER))


@pytest.mark.skipif(user_id() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("place", ["a", "a/file"])
def test_one_entry_that_another_user_owns_is_refused(tmp_path, place):
    filled(tmp_path, "a/file")
    os.chown(tmp_path / place, OTHER, -1)
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path}/{place}") + "/? belongs"):
        list(files_below(tmp_path, user_id()))


@posix("links")
def test_data_in_whose_place_is_a_link_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="is a link"):
        list(files_below(tmp_path / "data"))


@posix("links")
def test_only_a_link_or_another_users_is_refused(tmp_path):
    path, missing = tmp_path / "file", tmp_path / "missing"
    path.write_bytes(b"")
    refuse_foreign(path, None)
    refuse_foreign(path, user_id())
    refuse_foreign(missing, OTHER)
    with pytest.raises(UsageError, match=re.escape(f"{path} belongs")) as refused_:
        refuse_foreign(path, OTHER)
    assert refused_.value.hint
    (tmp_path / "link").symlink_to(missing)
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path}/link")) as refused_:
        refuse_foreign(tmp_path / "link", None)
    assert refused_.value.hint


def test_only_a_file_is_regular(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    named_pipe(tmp_path / "pipe")
    assert is_regular(tmp_path / "file") is True
    for name in ("link", "pipe", "missing", ".", "x\0"):
        assert is_regular(tmp_path / name) is False
