"""Decoding: each format, what EXIF says, and files that are made to do harm."""

import io
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from cv_gdpr.find.features import MOST, features, restored
from cv_gdpr.find.matching import may_be_alike, sought
from cv_gdpr.find.pictures import Undecodable, decoded

MODES = {
    "jpeg": ("RGB", "JPEG"),
    "grey jpeg": ("L", "JPEG"),
    "cmyk jpeg": ("CMYK", "JPEG"),
    "png": ("RGB", "PNG"),
    "alpha png": ("RGBA", "PNG"),
    "palette png": ("P", "PNG"),
    "16-bit png": ("I;16", "PNG"),
    "bmp": ("RGB", "BMP"),
    "gif": ("P", "GIF"),
    "tiff": ("RGB", "TIFF"),
    "webp": ("RGB", "WEBP"),
}


@pytest.fixture(scope="module")
def picture(photo):
    """A photograph as Pillow has it: 480 x 320 pixels."""
    return Image.fromarray(np.ascontiguousarray(photo("petra")[:, :, ::-1])).resize((480, 320))


def saved(picture, kind, **more):
    """Return a picture in a format."""
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def in_mode(picture, mode):
    """Return a picture in another mode."""
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257)
    return picture.convert(mode)


@pytest.mark.parametrize(("mode", "kind"), MODES.values(), ids=MODES)
def test_each_format_shows_the_same_picture(picture, mode, kind):
    found = decoded(saved(in_mode(picture, mode), kind), 512)
    assert (found.width, found.height) == (480, 320)
    apart = np.abs(found.pixels.astype(int) - np.asarray(picture.convert("L"), int))
    assert np.median(apart) < 12  # a palette has few colours


def test_an_animation_shows_its_first_picture(picture):
    content = saved(picture.convert("P"), "GIF", save_all=True, append_images=[Image.new("P", picture.size)])
    assert decoded(content, 512).pixels.std() > 20


@pytest.mark.parametrize("longest", [512, 200, 30])
def test_exif_turns_a_picture_upright(picture, longest):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it right
    content = saved(picture.rotate(90, expand=True), "JPEG", exif=exif)
    found = decoded(content, longest)
    assert (found.width, found.height) == (480, 320)
    upright = decoded(saved(picture, "JPEG"), longest).pixels
    assert np.abs(found.pixels.astype(int) - upright).mean() < 8


def test_a_large_jpeg_is_reduced_while_it_is_decoded(picture):
    found = decoded(saved(picture.resize((4800, 3200)), "JPEG"), 400)
    assert (found.width, found.height, found.pixels.shape) == (4800, 3200, (267, 400))


def bomb(width, height):
    """Return a small PNG that says it has so many pixels."""
    parts = [b"IHDR" + width.to_bytes(4) + height.to_bytes(4) + bytes([1, 0, 0, 0, 0])]
    parts += [b"IDAT" + zlib.compress(bytes(1000)), b"IEND"]
    chunks = (len(one[4:]).to_bytes(4) + one + zlib.crc32(one).to_bytes(4) for one in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


HARMFUL = {
    "a bomb": bomb(60_000, 60_000),
    "the largest": bomb(2**31 - 1, 2**31 - 1),
    "no pixels": bomb(0, 0),
    "a jpeg of nothing": b"\xff\xd8\xff\xd9",
    "a jpeg of markers": b"\xff\xd8" + b"\xff" * 100_000,
    "a long segment": b"\xff\xd8\xff\xe1\xff\xff",
    "text": b"hello",
    "nothing": b"",
    "a zip": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("content", HARMFUL.values(), ids=HARMFUL)
def test_what_cannot_be_decoded_is_refused_at_once(content):
    started = time.process_time()
    with pytest.raises(Undecodable):
        decoded(content, 512)
    assert time.process_time() - started < 1


@pytest.mark.slow
@pytest.mark.parametrize("sides", [(1, 1), (1, 300), (3, 2), (2000, 1)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_tiny_and_plain_pictures_are_like_nothing(sides, level):
    found = restored(features(decoded(saved(Image.new("L", sides, level), "PNG"), 512).pixels))
    assert len(found.points) == 0
    white = sought(np.full((300, 400), 255, np.uint8))
    assert not may_be_alike(white, found)


def test_features_are_compact_and_the_same_again(picture):
    stored = features(np.asarray(picture.convert("L")))
    assert stored == features(np.asarray(picture.convert("L")))
    assert 100 * 22 < len(stored) < 300 + MOST * 22


@pytest.mark.parametrize("stored", [b"", b"short", bytes(260), b"\xff" * 282, bytes(300 + 23 * MOST)])
def test_other_bytes_are_not_features(stored):
    with pytest.raises(ValueError, match=r"picture|buffer"):
        restored(stored)
