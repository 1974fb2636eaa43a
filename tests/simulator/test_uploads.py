"""Images made from addresses and from stored predictions, through the SDK."""

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training.models import (
    ImageIdCreateBatch,
    ImageIdCreateEntry,
    ImageUrlCreateBatch,
    ImageUrlCreateEntry,
    PredictionQueryToken,
    Region,
)

URL = "https://example.org/a.jpg"


def test_images_from_addresses(client):
    """An address gives a picture with its tags, regions and metadata; a second time it is a duplicate."""
    project = client.create_project("p").id
    tag = client.create_tag(project, "cat").id
    region = Region(tag_id=tag, left=0.1, top=0.2, width=0.3, height=0.4)
    entry = ImageUrlCreateEntry(url=URL, regions=[region])
    batch = ImageUrlCreateBatch(images=[entry], tag_ids=[tag], metadata={"who": "alice"})
    (made,) = client.create_images_from_urls(project, batch).images
    assert (made.source_url, made.status, made.image.tags[0].tag_name) == (URL, "OK", None)
    (image,) = client.get_tagged_images(project)
    assert (image.id, image.metadata, len(image.regions)) == (made.image.id, {"who": "alice"}, 1)
    assert (image.width, image.height) == (900, 1600)
    assert len(requests.get(image.original_image_uri, timeout=5).content) == 20_000
    (again,) = client.create_images_from_urls(project, batch).images
    assert (again.status, again.image.id) == ("OKDuplicate", image.id)


def test_a_text_that_is_not_an_http_address_fails_alone(client):
    project = client.create_project("p").id
    entries = [ImageUrlCreateEntry(url=each) for each in (URL, "file:///etc/passwd")]
    answer = client.create_images_from_urls(project, ImageUrlCreateBatch(images=entries), raw=True)
    assert answer.response.status_code == 207
    assert [each.status for each in answer.output.images] == ["OK", "ErrorSource"]
    assert client.get_image_count(project) == 1


def test_a_prediction_becomes_an_image_with_a_new_id(sim, client):
    """The image has the prediction's bytes and is untagged; its source is the prediction's id."""
    (project,) = sim.fill(images=3, iterations=1)
    predicted = client.quick_test_image(project, b"a face").id
    batch = ImageIdCreateBatch(images=[ImageIdCreateEntry(id=predicted)])
    (made,) = client.create_images_from_predictions(project, batch).images
    assert (made.source_url, made.status) == (predicted, "OK")
    assert made.image.id != predicted
    (image,) = client.get_untagged_images(project)
    assert image.id == made.image.id
    assert requests.get(image.original_image_uri, timeout=5).content == b"a face"


def test_an_unknown_prediction_makes_no_image(sim, client):
    (project,) = sim.fill(images=1)
    batch = ImageIdCreateBatch(images=[ImageIdCreateEntry(id="0" * 32)])
    answer = client.create_images_from_predictions(project, batch, raw=True)
    assert (answer.response.status_code, answer.output.images[0].status) == (207, "ErrorSource")


@pytest.mark.parametrize("store", [True, False])
def test_quick_test_of_an_address(sim, client, store):
    (project,) = sim.fill(images=3, iterations=1)
    answer = client.quick_test_image_url(project, URL, store=store)
    assert len(answer.predictions) == 3
    found = client.query_predictions(project, PredictionQueryToken()).results
    assert [each.id for each in found] == [answer.id] * store
