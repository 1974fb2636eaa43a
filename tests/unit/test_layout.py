"""What an export's files are called, and how the folder is walked: no link is followed, nothing foreign is taken."""

import os
import re

import pytest

from cv_gdpr.archive.layout import files_below, holds_bytes, is_regular, own, refuse_foreign
from cv_gdpr.errors import UsageError

ID = "11111111-1111-4111-8111-111111111111"
HASHED = f"x{'0' * 32}"
PROJECT = f"Visitors-{ID}"
OTHER = os.getuid() + 1 if hasattr(os, "getuid") else 1

BYTES = [
    f"{PROJECT}/images/{ID}.jpg",
    f"{ID}/images-resized/{ID}.0123abcd.png",
    f"{HASHED}/predictions/{HASHED}.bin",
    f"{PROJECT}/predictions-resized/{ID}.jpg",
    f"{PROJECT}/exported-models/{ID}/ONNX-x_1.zip",
    f"{PROJECT}/exported-models/{ID}/ONNX.0123abcd.onnx",
]
DOCUMENTS = [
    "export.json",
    "account.json",
    "projects.jsonl",
    *(f"{PROJECT}/{name}" for name in ("project.json", "images.jsonl", "tag-details.jsonl", "absent.jsonl")),
    f"{PROJECT}/iterations/Iteration-1-{ID}/iteration.json",
    f"{PROJECT}/iterations/{ID}/performance.json",
    f"{PROJECT}/iterations/{ID}/image-performances.jsonl",
    f"{PROJECT}/iterations/{ID}/exports.jsonl",
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
]


@pytest.mark.parametrize("path", BYTES)
def test_a_blob_has_a_name_of_ours(path, tmp_path):
    assert holds_bytes(path) is True
    assert own(tmp_path, path) == path


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_has_a_name_of_ours(path, tmp_path):
    assert holds_bytes(path) is False
    assert own(tmp_path, path) == path


@pytest.mark.parametrize("path", FOREIGN)
def test_any_other_name_is_refused(path, tmp_path):
    assert holds_bytes(path) is None
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path}/{path}")) as refused:
        own(tmp_path, path)
    assert refused.value.hint


def filled(data, *paths):
    for number, path in enumerate(paths):
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_bytes(b"x" * number)


def test_files_come_in_the_order_of_their_paths_with_sizes(tmp_path):
    filled(tmp_path, "a/b", "a-b", "a/c/d", "b", "a.b")
    assert list(files_below(tmp_path, [])) == [("a-b", 1), ("a.b", 4), ("a/b", 0), ("a/c/d", 2), ("b", 3)]


def test_the_folders_of_an_export_are_told_with_those_above_first(tmp_path):
    inside = ("images", "exported-models", f"exported-models/{ID}", "iterations", f"iterations/Iteration-1-{ID}")
    for name in (*inside, "mine", "iterations/mine", f"iterations/{ID}/images"):
        (tmp_path / PROJECT / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / "mine").mkdir()
    folders = []
    assert list(files_below(tmp_path, folders)) == []
    names = ["", "/exported-models", f"/exported-models/{ID}", "/images", "/iterations"]
    names += [f"/iterations/{ID}", f"/iterations/Iteration-1-{ID}"]
    assert folders == [f"{tmp_path}/{PROJECT}{name}/" for name in names]


def test_four_folders_in_one_another_are_walked_and_no_more(tmp_path):
    filled(tmp_path, "1/2/3/4/file")
    assert list(files_below(tmp_path, [])) == [("1/2/3/4/file", 0)]
    (tmp_path / "1/2/3/4/5").mkdir()
    with pytest.raises(UsageError, match="1/2/3/4/5/"):
        list(files_below(tmp_path, []))


@pytest.mark.parametrize("leads", ["folder", "file", "nowhere"])
def test_a_link_is_refused(tmp_path, leads):
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    filled(elsewhere, "file")
    (data / "link").symlink_to({"folder": elsewhere, "file": elsewhere / "file", "nowhere": "x"}[leads])
    with pytest.raises(UsageError, match=re.escape(f"{data}/link")):
        list(files_below(data, []))


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path}/pipe")):
        list(files_below(tmp_path, []))


def test_what_another_user_owns_is_refused(tmp_path):
    data = tmp_path / "data"
    filled(data, "a/file")
    assert list(files_below(data, [], os.getuid())) == [("a/file", 0)]
    with pytest.raises(UsageError, match=re.escape(f"{data} belongs")):
        list(files_below(data, [], OTHER))
    for names, owner in (("a", OTHER), ("a/file", OTHER)):
        refused(data, names, owner)


def refused(data, name, owner):
    """Expect the walk to refuse one entry that it finds owned by another."""
    from cv_gdpr.archive import layout

    with pytest.raises(UsageError, match=re.escape(f"{data}/{name.split('/')[0]}/ belongs")):
        list(layout._below(str(data), "", [], owner))
    with pytest.raises(UsageError, match=re.escape(f"{data}/a/file belongs")):
        list(layout._below(f"{data}/a", "a/", [], owner))


def test_data_in_whose_place_is_a_link_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="is a link"):
        list(files_below(tmp_path / "data", []))


def test_only_a_link_or_another_users_is_refused(tmp_path):
    path, missing = tmp_path / "file", tmp_path / "missing"
    path.write_bytes(b"")
    refuse_foreign(path, None)
    refuse_foreign(path, os.getuid())
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
    os.mkfifo(tmp_path / "pipe")
    assert is_regular(tmp_path / "file") is True
    for name in ("link", "pipe", "missing", ".", "x\0"):
        assert is_regular(tmp_path / name) is False
