"""Names: any name of the service becomes a file name that is valid on every system, and unique."""

import re
import unicodedata
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.archive.names import identity, readable, safe_stem, suffix_for

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
