"""Width and height of pictures from their headers."""

import io

import pytest
from PIL import Image

from cv_gdpr.archive.sides import Sides, sides_in, sides_of


def encoded(kind, **settings):
    content = io.BytesIO()
    Image.new("RGB", (70, 30)).save(content, kind, **settings)
    return content.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_sides_of_a_picture(tmp_path, kind):
    path = tmp_path / "picture"
    path.write_bytes(encoded(kind))
    assert sides_in(path) == (70, 30)


def test_sides_behind_long_metadata(tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(encoded("JPEG", icc_profile=b"x" * 150_000))
    assert sides_in(path) == Sides(70, 30)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"\x89PNG\r\n\x1a\n", b"x" * 99]
)
def test_no_sides_are_known(tmp_path, content):
    path = tmp_path / "picture"
    path.write_bytes(content)
    assert sides_of(content) is None
    assert sides_in(path) is None


def test_a_bitmap_from_top_to_bottom():
    content = bytearray(encoded("BMP"))
    content[22:26] = (-30).to_bytes(4, "little", signed=True)
    assert sides_of(bytes(content)) == (70, 30)
