"""Suggested tags and regions, stored for each image and iteration, through the SDK."""

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training.models import (
    CustomVisionErrorException,
    ImageTagCreateEntry,
    SuggestedTagAndRegionQueryToken,
)


@pytest.fixture
def suggested(sim, client):
    """Return a project, its iteration and its untagged images, for which tags were suggested."""
    (project,) = sim.fill(images=12, untagged=5, tags=2, iterations=1)
    iteration = client.get_iterations(project)[0].id
    images = [each.id for each in client.get_untagged_images(project)]
    client.suggest_tags_and_regions(project, iteration, images)
    return project, iteration, images


def query(client, project, iteration, **more):
    """Return all pages of stored suggestions, read by the token's continuation."""
    token, pages = SuggestedTagAndRegionQueryToken(**more), []
    while True:
        answer = client.query_suggested_images(project, iteration, token)
        pages.append(answer.results)
        token = answer.token
        if not token.continuation:
            return pages


def ids(client, project, iteration, **more):
    """Return the ids of all images with stored suggestions."""
    return [each.id for page in query(client, project, iteration, **more) for each in page]


def test_a_suggestion_looks_as_recorded(client, suggested):
    """Its id is the image's, and the stored `created` has no zone; links and size are the image's."""
    project, iteration, images = suggested
    (made,) = client.suggest_tags_and_regions(project, iteration, images[:1])
    assert (made.id, made.iteration, made.created.tzinfo is None) == (images[0], iteration, False)
    stored = next(each for each in query(client, project, iteration)[0] if each.id == images[0])
    assert (stored.width, stored.height, stored.created.tzinfo) == (900, 1600, None)
    assert [each.tag_id for each in stored.predictions] == [each.tag_id for each in made.predictions]
    assert stored.prediction_uncertainty == made.prediction_uncertainty
    assert len(requests.get(stored.original_image_uri, timeout=5).content) == 20_000


@pytest.mark.parametrize(("size", "pages"), [(0, [5]), (2, [2, 2, 1]), (5, [5])])
@pytest.mark.parametrize("sort", [None, "UncertaintyAscending", "uncertaintydescending"])
def test_pages_give_every_suggestion_once(client, suggested, size, pages, sort):
    project, iteration, images = suggested
    found = query(client, project, iteration, max_count=size, sort_by=sort)
    assert [len(each) for each in found] == pages
    assert {each.id for page in found for each in page} == set(images)
    values = [each.prediction_uncertainty for page in found for each in page]
    assert values == sorted(values, reverse=sort == "uncertaintydescending")


def test_only_untagged_images_of_the_iteration(sim, client, suggested):
    project, iteration, images = suggested
    sim.store.projects[project].dr_mode = True
    assert len(ids(client, project, iteration)) == 5
    sim.store.projects[project].dr_mode = False
    tag = client.get_tags(project)[0].id
    client.create_image_tags(project, [ImageTagCreateEntry(image_id=images[0], tag_id=tag)])
    assert set(ids(client, project, iteration)) == set(images[1:])
    other = client.train_project(project, force_train=True).id
    assert ids(client, project, other) == []


def test_chosen_and_counted_by_tag_and_threshold(client, suggested):
    project, iteration, _ = suggested
    tags = [each.id for each in client.get_tags(project)]
    results = query(client, project, iteration)[0]
    for threshold in (0.0, 0.5, 1.0):
        counts = client.query_suggested_image_count(project, iteration, tag_ids=tags, threshold=threshold)
        for tag in tags:
            wanted = {
                each.id
                for each in results
                if any(guess.tag_id == tag and guess.probability >= threshold for guess in each.predictions)
            }
            assert set(ids(client, project, iteration, tag_ids=[tag], threshold=threshold)) == wanted
            assert counts[tag] == len(wanted)


def test_suggestions_go_with_image_and_iteration(sim, client, suggested):
    project, iteration, images = suggested
    client.delete_images(project, image_ids=images[:2])
    assert set(ids(client, project, iteration)) == set(images[2:])
    client.delete_images(project, all_images=True)
    assert ids(client, project, iteration) == []
    assert sim.store.projects[project].suggestions == {}


def test_suggestions_of_a_deleted_iteration_are_gone(sim, client, suggested):
    project, iteration, _ = suggested
    client.delete_iteration(project, iteration)
    assert sim.store.projects[project].suggestions == {}
    with pytest.raises(CustomVisionErrorException) as caught:
        ids(client, project, iteration)
    assert caught.value.error.code == "NotFoundIteration"


def test_region_proposals_are_not_stored(client, suggested):
    project, _, images = suggested
    found = client.get_image_region_proposals(project, images[0])
    assert (found.image_id, len(found.proposals)) == (images[0], 1)
    with pytest.raises(CustomVisionErrorException) as caught:
        client.get_image_region_proposals(project, "0" * 32)
    assert caught.value.error.code == "NotFoundImage"
