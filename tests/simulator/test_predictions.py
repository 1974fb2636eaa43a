"""Stored predictions through the SDK."""

from collections import Counter

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training.models import (
    CustomVisionErrorException,
    PredictionQueryToken,
)


def query_all(client, project, **more):
    """Return all pages of a query, read by the token's continuation."""
    token, pages = PredictionQueryToken(**more), []
    while True:
        answer = client.query_predictions(project, token)
        pages.append(answer.results)
        token = answer.token
        if not token.continuation:
            return pages


@pytest.mark.parametrize(("count", "sizes"), [(0, [100, 100, 50]), (64, [64, 64, 64, 58]), (250, [250])])
def test_paging_by_continuation(sim, client, count, sizes):
    """Sending the token back gives every prediction once, newest first."""
    (project,) = sim.fill(images=3, iterations=1, predictions=250)
    pages = query_all(client, project, max_count=count, order_by="Newest")
    assert [len(each) for each in pages] == sizes
    ids = Counter(each.id for page in pages for each in page)
    assert ids == Counter(sim.store.projects[project].predictions.keys())
    created = [each.created for page in pages for each in page]
    assert created == sorted(created, reverse=True)


def test_no_predictions(sim, client):
    """A project without predictions answers one empty page."""
    (project,) = sim.fill(images=1)
    assert query_all(client, project, max_count=0, order_by="Oldest") == [[]]


def test_query_by_iteration_and_tag(sim, client):
    """Predictions can be chosen by iteration and by at most two tags."""
    (project,) = sim.fill(images=3, iterations=2, predictions=10)
    first = client.get_iterations(project)[0].id
    (found,) = query_all(client, project, iteration_id=first)
    assert {each.iteration for each in found} == {first}
    assert len(found) == 5
    tags = [{"id": each.id, "min_threshold": 0.0} for each in client.get_tags(project)]
    assert len(query_all(client, project, tags=tags[:1])[0]) == 10
    with pytest.raises(CustomVisionErrorException) as caught:
        client.query_predictions(project, PredictionQueryToken(tags=tags))
    assert caught.value.error.code == "BadRequestPredictionTagsExceededCount"


def test_deleting_at_most_64(sim, client):
    """64 predictions can be deleted at once, 65 not; their images go too."""
    (project,) = sim.fill(images=1, predictions=65)
    url = f"{sim.endpoint}/customvision/v3.4-preview/training/projects/{project}/predictions"
    ids = list(sim.store.projects[project].predictions)
    key = {"Training-Key": sim.training_key}
    refused = requests.delete(url, params={"ids": ",".join(ids)}, headers=key, timeout=5)
    assert refused.status_code == 400
    assert refused.json()["code"] == "BadRequestPredictionIdsExceededCount"
    assert client.delete_prediction(project, ids[:64], raw=True).response.status_code == 204
    ((left,),) = query_all(client, project)
    assert left.id == ids[64]
    assert requests.get(left.original_image_uri, timeout=5).status_code == 200
    client.delete_prediction(project, [left.id])
    assert requests.get(left.original_image_uri, timeout=5).status_code == 404


def test_quick_test_is_stored_by_default(sim, client):
    """The quick test stores its prediction by default."""
    (project,) = sim.fill(images=3, iterations=1)
    client.quick_test_image(project, b"not kept", store=False)
    assert query_all(client, project) == [[]]
    answer = client.quick_test_image(project, b"a face")
    ((stored,),) = query_all(client, project)
    assert stored.id == answer.id
    assert len(stored.predictions) == 3
    assert requests.get(stored.original_image_uri, timeout=5).content == b"a face"
