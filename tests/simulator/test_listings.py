"""Listing, counting and filtering images and tags through the SDK."""

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training.models import (
    CustomVisionErrorException,
    ImageRegionCreateEntry,
)


def pages(read, **more):
    """Return the ids of all pages of a listing, read by skip."""
    ids = []
    while batch := read(take=256, skip=len(ids), **more):
        ids += [each.id for each in batch]
    return ids


def test_paging_gives_every_image_once(sim, client):
    """Paging gives every image once."""
    (project,) = sim.fill(images=600, untagged=88)
    tagged = pages(lambda **page: client.get_tagged_images(project, **page))
    untagged = pages(lambda **page: client.get_untagged_images(project, **page))
    assert len(tagged) == client.get_tagged_image_count(project) == 512
    assert len(untagged) == client.get_untagged_image_count(project) == 88
    assert {*tagged, *untagged} == set(sim.store.projects[project].workspace.images)
    assert client.get_image_count(project) == 600


def test_take_is_50_by_default_and_refused_above_256(sim, client):
    """Take is 50 by default and refused above 256."""
    (project,) = sim.fill(images=300)
    assert len(client.get_images(project)) == 50
    url = f"{sim.endpoint}/customvision/v3.4-preview/training/projects/{project}/images"
    refused = requests.get(url, {"take": 257}, headers={"Training-Key": sim.training_key}, timeout=5)
    assert refused.status_code == 400
    assert refused.json()["code"].startswith("BadRequest")


def test_order_is_newest_first_with_ties(sim, client):
    """Order is newest first with ties."""
    (project,) = sim.fill(images=30)
    newest = [each.created for each in client.get_images(project, take=256)]
    oldest = [each.created for each in client.get_images(project, take=256, order_by="Oldest")]
    assert newest == sorted(newest, reverse=True)
    assert oldest == sorted(newest)
    assert 1 < len(set(newest)) < 30


def test_empty_keys_are_absent_and_dates_have_two_forms(sim, client):
    """Empty keys are absent and dates have two forms."""
    (project,) = sim.fill(images=3, untagged=1, iterations=1)
    url = f"{sim.endpoint}//customvision/v3.4-preview/training/projects/{project}"
    key = {"Training-Key": sim.training_key}
    images = requests.get(f"{url}/images", headers=key, timeout=5).json()
    bare = next(each for each in images if "tags" not in each)
    assert set(bare) == {
        "id",
        "created",
        "width",
        "height",
        "resizedImageUri",
        "thumbnailUri",
        "originalImageUri",
    }
    assert not bare["created"].endswith("Z")
    assert len(bare["created"].partition(".")[2]) in {6, 7}
    assert requests.get(url, headers=key, timeout=5).json()["created"].endswith("Z")
    (iteration,) = client.get_iterations(project)
    image = client.get_tagged_images(project)[0]
    assert image.created.tzinfo is None
    assert iteration.created.tzinfo is not None
    assert image.metadata is None


def test_tags_count_their_images_and_filter(sim, client):
    """Tags count their images and filter."""
    (project,) = sim.fill(images=9, tags=3)
    tags = client.get_tags(project)
    assert [each.image_count for each in tags] == [3, 3, 3]
    some = client.get_tagged_images(project, tag_ids=[tags[0].id, tags[1].id])
    assert len(some) == 6
    assert client.get_tag(project, tags[0].id).image_count == 3


def test_tagging_status_and_metadata_filter(sim, client):
    """Tagging status and metadata filter."""
    (project,) = sim.fill(images=5, untagged=2)
    ids = [each.id for each in client.get_images(project)]
    client.update_image_metadata(project, ids[:2], {"subject": "alice", "site": "north"})
    client.update_image_metadata(project, ids[1:3], {"subject": "bob"})

    def found(text):
        return {each.id for each in client.get_images(project, filter=text)}

    assert found("metadata=subject eq 'alice'") == {ids[0]}
    assert found("metadata=subject eq 'bob' and site eq 'north'") == {ids[1]}
    assert found("metadata=subject eq 'alice' or subject eq 'bob'") == set(ids[:3])
    assert len(client.get_images(project, tagging_status="Untagged")) == 2
    assert client.get_image_count(project, tagging_status="Tagged") == 3
    assert client.get_images_by_ids(project, image_ids=ids[:1])[0].metadata == {
        "subject": "alice",
        "site": "north",
    }


def test_regions_are_listed(sim, client):
    """Regions are listed."""
    (project,) = sim.fill(images=2, regions=2)
    image = client.get_tagged_images(project)[0]
    assert len(image.regions) == 2
    assert image.regions[0].tag_name == image.tags[0].tag_name


@pytest.mark.parametrize(
    ("read", "code"),
    [
        (lambda client, _: client.get_project("0" * 32), "NotFoundProject"),
        (lambda client, project: client.get_iteration(project, "0" * 32), "NotFoundIteration"),
        (lambda client, project: client.get_tag(project, "0" * 32), "NotFoundTag"),
        (lambda client, project: client.get_images(project, iteration_id="0" * 32), "NotFoundIteration"),
    ],
)
def test_unknown_ids_are_404(sim, client, read, code):
    """Unknown ids are a 404 in the service's shape."""
    (project,) = sim.fill(images=1)
    with pytest.raises(CustomVisionErrorException) as caught:
        read(client, project)
    assert caught.value.response.status_code == 404
    assert caught.value.error.code == code
    assert caught.value.error.message


def test_by_ids_lists_the_oldest_first(sim, client):
    """Whatever order was asked for (recorded sessions)."""
    (project,) = sim.fill(images=12)
    newest = [each.id for each in client.get_images(project)]
    for asked in (newest, newest[::-1], newest[3:7]):
        found = client.get_images_by_ids(project, image_ids=asked)
        assert [each.created for each in found] == sorted(each.created for each in found)
        assert {each.id for each in found} == set(asked)


def test_tags_and_regions_are_in_id_order(sim, client):
    """Whatever order they were put on (recorded sessions)."""
    (project,) = sim.fill(images=1, untagged=1, tags=9)
    image = client.get_images(project)[0].id
    tags = [each.id for each in client.get_tags(project)]
    box = {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}
    entries = [ImageRegionCreateEntry(image_id=image, tag_id=each, **box) for each in tags]
    client.create_image_regions(project, entries)
    (found,) = client.get_tagged_images(project)
    assert [each.tag_id for each in found.tags] == sorted(tags) != tags
    regions = [each.region_id for each in found.regions]
    assert regions == sorted(regions)


def test_the_recorded_domains_are_listed(client):
    """The 14 domains of a recorded session; a compact one says what its models can be exported to."""
    domains = client.get_domains()
    assert len(domains) == len({each.id for each in domains}) == 14
    assert [each.name for each in domains if each.type == "ObjectDetection"] == [
        "General",
        "Logo",
        "Products on Shelves",
        "General (compact)",
        "General (compact) [S1]",
    ]
    assert all(each.exportable == bool(each.exportable_platforms) for each in domains)
    assert client.get_domain(domains[-1].id).exportable_platforms[-1] == "IVS"
