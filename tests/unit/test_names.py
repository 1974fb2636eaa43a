"""Names: any name of the service becomes a file name that is valid on every system, and unique."""

import re
import unicodedata
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.archive.names import identity, identity_in, readable, safe_stem, suffix_for

TEXT = st.text(st.characters(exclude_categories=[]), max_size=400)
IDS = st.uuids().map(str) | TEXT
BAD = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)$', re.IGNORECASE)


def assert_safe(name):
    assert name not in {"", ".", ".."}
    assert not name.startswith(("-", "."))
    assert not BAD.search(name)
    assert len(name.encode()) <= 200
    assert unicodedata.normalize("NFC", name).encode()


@given(TEXT, IDS)
def test_a_readable_name_is_safe(name, id_):
    assert_safe(readable(name, id_))


@given(TEXT, IDS, TEXT, IDS)
def test_ids_never_share_a_name_ignoring_case(name, id_, other_name, other_id):
    if id_ != other_id:
        assert readable(name, id_).casefold() != readable(other_name, other_id).casefold()


@given(IDS)
def test_a_name_may_look_like_a_generated_one(id_):
    assert readable(readable("x", id_), "other") != readable("x", id_)


@given(IDS)
def test_an_identity_is_safe_and_a_uuid_is_kept(id_):
    assert_safe(identity(id_))
    own = str(uuid.uuid5(uuid.NAMESPACE_URL, id_.encode(errors="replace").decode()))
    assert identity(own) == own


FOLDERS = st.sampled_from(["images", "images-resized", "predictions", "exported-models"])
IDS = st.lists(TEXT, min_size=1, max_size=4).map("/".join)


@given(FOLDERS, IDS)
def test_a_stem_stays_in_its_folder(folder, id_):
    first, *others = safe_stem(f"{folder}/{id_}").split("/")
    assert first == folder
    assert len(others) == (2 if folder == "exported-models" else 1)
    for part in others:
        assert_safe(part)


@given(FOLDERS.filter(lambda folder: folder != "exported-models"), IDS, IDS)
def test_two_stems_stay_different(folder, one, other):
    if one != other:
        assert safe_stem(f"{folder}/{one}") != safe_stem(f"{folder}/{other}")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Visitors & pets", "Visitors-pets"),
        ("../../x", "x"),
        ("CON", "CON"),
        ("日本語", "日本語"),
        ("ﬁne", "fine"),
        ("a" * 300, "a" * 32),
        ("...", ""),
        (None, ""),
        (5, "5"),
    ],
)
def test_a_name_stays_recognisable(name, shown):
    id_ = "11111111-1111-4111-8111-111111111111"
    assert readable(name, id_) == (f"{shown}-{id_}" if shown else id_)


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"\xff\xd8\xff\xe0....", ".jpg"),
        (b"\x89PNG\r\n\x1a\n....", ".png"),
        (b"GIF89a", ".gif"),
        (b"BM....", ".bmp"),
        (b"II*\x00....", ".tif"),
        (b"MM\x00*....", ".tif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8", ".webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", ".bin"),
        (b"PK\x03\x04", ".zip"),
        (b"", ".bin"),
        (b"<html>", ".bin"),
    ],
)
def test_a_type_is_recognised_by_the_first_bytes(head, suffix):
    assert suffix_for(head) == suffix
    assert suffix_for(head, ".onnx") == (".onnx" if suffix == ".bin" else suffix)


ID = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (ID, ID),
        ("AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA", "xff53c1b8c4104e0c9b95cd614588bfe9"),
        ("", "xe3b0c44298fc1c149afbf4c8996fb924"),
        ("\ud800", "x91a681b998555fb475479817b126c94e"),
    ],
)
def test_the_name_of_an_id_never_changes(text, name):
    """A resumed export has to find the files that an older version wrote."""
    assert identity(text) == name


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        (ID, ID),
        (f"Visitors-{ID}", ID),
        (f"X-{ID}", ID),
        (f"a-x{'0' * 32}", f"x{'0' * 32}"),
        (f"Visitors{ID}", ""),
        (f"{ID}-copy", ""),
        ("Visitors", ""),
    ],
)
def test_the_id_in_a_folder_name(folder, found):
    assert identity_in(folder) == found


@pytest.mark.parametrize(
    ("stem", "path"),
    [
        (f"images/{ID}", f"images/{ID}"),
        ("images/a/b", f"images/{identity('a/b')}"),
        (f"exported-models/{ID}/ONNX-Windows_2.1", f"exported-models/{ID}/{identity('ONNX-Windows_2.1')}"),
        (f"exported-models/{ID}/TensorFlow-Lite_9", f"exported-models/{ID}/TensorFlow-Lite_9"),
        (f"exported-models/{ID}/a/b", f"exported-models/{ID}/{identity('a/b')}"),
        ("exported-models/x/ONNX", f"exported-models/{identity('x')}/ONNX"),
        (f"exported-models/{ID}/Nul", f"exported-models/{ID}/{identity('Nul')}"),
        (f"exported-models/{ID}/com1", f"exported-models/{ID}/{identity('com1')}"),
        (f"exported-models/{ID}/{'a' * 64}", f"exported-models/{ID}/{'a' * 64}"),
        (f"exported-models/{ID}/{'a' * 65}", f"exported-models/{ID}/{identity('a' * 65)}"),
    ],
)
def test_the_path_of_a_stem(stem, path):
    assert safe_stem(stem) == path


def test_a_name_loses_only_the_hyphens_at_its_ends():
    assert readable("-XrayX-", ID) == f"XrayX-{ID}"
