"""The pictures that the simulator makes: what a decoder sees, against what the records say."""

import io
import time

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training.models import ImageFileCreateBatch, ImageFileCreateEntry
from PIL import Image as Decoder

from custom_vision_simulator.jpeg import picture, sides_for, sides_of

IDS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(40)]


def decoded(data):
    """Return a picture decoded to its last pixel; Pillow raises for one that is cut off."""
    with Decoder.open(io.BytesIO(data)) as opened:
        opened.load()
        return opened.copy()


@pytest.mark.parametrize(
    "size", [0, 60, *range(213, 222), 300, 400, 5869, 5870, 6000, 20_000, 65_000, 71_400, 71_401, 71_402, 200_000]
)
def test_a_picture_decodes_to_its_sides(size):
    sides = sides_for(size)
    data = picture("image", IDS[0], size, sides)
    assert decoded(data).size == sides == sides_of(data)
    assert len(data) == max(size, 213)


@pytest.mark.parametrize("sides", [(1, 1), (8, 8), (9, 17), (64, 16), (1260, 900), (897, 534)])
def test_any_sides_decode(sides):
    assert decoded(picture("image", IDS[1], 0, sides)).size == sides


def test_pictures_differ_by_id_in_pixels_too():
    pictures = [picture("image", each, 300, sides_for(300)) for each in IDS]
    assert len({decoded(each).tobytes() for each in pictures}) == len(IDS)
    assert pictures[0] == picture("image", IDS[0], 300, sides_for(300))


@pytest.mark.parametrize(
    ("data", "sides"),
    [
        (b"", (900, 1600)),
        (b"not a picture", (900, 1600)),
        (b"\xff\xd8", (900, 1600)),
        (b"\xff\xd8\xff\xe0\x00\x00" * 9, (900, 1600)),
        (b"\x89PNG", (900, 1600)),
    ],
)
def test_other_files_count_as_the_commonest_size(data, sides):
    assert sides_of(data) == sides


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_uploads_are_listed_with_their_true_sides(client, kind):
    file = io.BytesIO()
    Decoder.new("RGB", (123, 45)).save(file, kind, exif=Decoder.Exif())
    project = client.create_project("p").id
    entry = ImageFileCreateEntry(name="a", contents=file.getvalue())
    client.create_images_from_files(project, ImageFileCreateBatch(images=[entry]))
    (image,) = client.get_images(project)
    assert (image.width, image.height) == (123, 45)


@pytest.mark.parametrize("size", [100, 400, 20_000])
def test_generated_images_have_their_listed_sides(sim, client, size):
    (project,) = sim.fill(images=1, image_bytes=size)
    (image,) = client.get_images(project)
    for uri in (image.original_image_uri, image.resized_image_uri):
        assert decoded(requests.get(uri, timeout=5).content).size == (image.width, image.height)
    assert decoded(requests.get(image.thumbnail_uri, timeout=5).content).size == (90, 160)


def test_pictures_are_cheap():
    started = time.process_time()
    for each in range(2000):
        picture("image", f"{each:036}", 20_000, (900, 1600))
    assert time.process_time() - started < 2
