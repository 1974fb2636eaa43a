"""Creating, labelling and deleting through the SDK."""

import time

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training.models import (
    CustomVisionErrorException,
    ImageFileCreateBatch,
    ImageFileCreateEntry,
    ImageRegionCreateEntry,
    ImageTagCreateEntry,
    Region,
)

from custom_vision_simulator import Options, Simulator


def upload(client, project, count, **more):
    """Upload that many different files and return the summary."""
    entries = [ImageFileCreateEntry(name=f"{index}.jpg", contents=b"image %d" % index) for index in range(count)]
    return client.create_images_from_files(project, ImageFileCreateBatch(images=entries, **more))


def code_of(caught):
    """Return the status and the code of an SDK error."""
    return caught.value.response.status_code, caught.value.error.code


def test_project_and_tag_life(client):
    """A project and a tag can be made, changed and deleted."""
    project = client.create_project("a name", description="text")
    assert client.get_project(project.id).settings.domain_id == project.settings.domain_id
    tag = client.create_tag(project.id, "cat")
    project.name = tag.name = "renamed"
    project.description, tag.description = "new", "new"
    assert client.update_project(project.id, project).name == "renamed"
    assert client.update_tag(project.id, tag.id, tag).name == "renamed"
    assert client.delete_tag(project.id, tag.id, raw=True).response.status_code == 204
    answer = client.delete_project(project.id, raw=True).response
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get_projects() == []


def test_uploaded_files_come_back_byte_for_byte(client):
    """Uploaded files come back byte for byte."""
    project = client.create_project("p")
    tag = client.create_tag(project.id, "cat")
    region = Region(tag_id=tag.id, left=0.1, top=0.2, width=0.3, height=0.4)
    entry = ImageFileCreateEntry(name="a.jpg", contents=b"\xff\xd8 bytes", regions=[region])
    batch = ImageFileCreateBatch(images=[entry], metadata={"who": "alice"})
    (result,) = client.create_images_from_files(project.id, batch).images
    assert (result.status, result.source_url) == ("OK", "a.jpg")
    assert result.image.tags[0].tag_name is None
    (image,) = client.get_tagged_images(project.id)
    assert (image.metadata, image.regions[0].left) == ({"who": "alice"}, 0.1)
    assert image.tags[0].tag_name == "cat"
    for uri in (image.original_image_uri, image.resized_image_uri):
        assert requests.get(uri, timeout=5).content == b"\xff\xd8 bytes"


def test_same_bytes_are_a_duplicate(client):
    """Same bytes are a duplicate."""
    project = client.create_project("p").id
    first = upload(client, project, 2)
    again = upload(client, project, 3)
    assert first.is_batch_successful
    assert [each.status for each in again.images] == ["OKDuplicate", "OKDuplicate", "OK"]
    assert again.images[0].image.id == first.images[0].image.id
    assert client.get_image_count(project) == 3


def test_more_than_64_files_are_refused(client):
    """More than 64 files are refused."""
    project = client.create_project("p").id
    with pytest.raises(CustomVisionErrorException) as caught:
        upload(client, project, 65)
    assert code_of(caught) == (400, "BadRequestExceededBatchSize")
    assert len(upload(client, project, 64).images) == 64


def test_multipart_upload(client):
    """A file of a multipart form is stored byte for byte."""
    project = client.create_project("p").id
    tag = client.create_tag(project, "cat").id
    summary = client.create_images_from_data(project, b"\x89PNG raw\r\n--bytes", tag_ids=[tag])
    assert summary.is_batch_successful
    (image,) = client.get_tagged_images(project)
    assert requests.get(image.original_image_uri, timeout=5).content == b"\x89PNG raw\r\n--bytes"


def test_labels_can_be_put_on_and_taken_off(client):
    """Labels can be put on and taken off."""
    project = client.create_project("p").id
    tag = client.create_tag(project, "cat").id
    image = upload(client, project, 1).images[0].image.id
    entry = ImageTagCreateEntry(image_id=image, tag_id=tag)
    assert len(client.create_image_tags(project, [entry]).created) == 1
    assert len(client.create_image_tags(project, [entry]).duplicated) == 1
    box = {"left": 0.1, "top": 0.1, "width": 0.5, "height": 0.5}
    regions = [ImageRegionCreateEntry(image_id=image, tag_id=tag, **box)]
    region = client.create_image_regions(project, regions).created[0]
    assert client.get_tagged_images(project)[0].regions[0].region_id == region.region_id
    client.delete_image_tags(project, [image], [tag])
    assert client.get_tagged_image_count(project) == 0
    assert client.get_images(project)[0].regions is None


def test_a_tag_goes_with_its_last_region(client):
    """Deleting one of two regions leaves their tag on the image; deleting the last one takes it off."""
    project = client.create_project("p").id
    kept, lost = (client.create_tag(project, name).id for name in ("cat", "dog"))
    image = upload(client, project, 1, tag_ids=[kept]).images[0].image.id
    box = {"left": 0.1, "top": 0.1, "width": 0.5, "height": 0.5}
    made = [
        client.create_image_regions(project, [ImageRegionCreateEntry(image_id=image, tag_id=lost, **box)]).created[0]
        for _ in range(2)
    ]
    assert [each.tag_name for each in made] == [None, None]
    client.delete_image_regions(project, [made[0].region_id])
    assert {each.tag_id for each in client.get_tagged_images(project)[0].tags} == {kept, lost}
    client.delete_image_regions(project, [made[1].region_id])
    (left,) = client.get_tagged_images(project)
    assert ([each.tag_id for each in left.tags], left.regions) == ([kept], None)


def test_deleting_by_ids_is_at_once_and_leaves_iterations(sim, client):
    """Deleting by ids is at once and leaves iterations."""
    (project,) = sim.fill(images=4, iterations=1)
    (iteration,) = client.get_iterations(project)
    image = client.get_images(project)[0]
    assert client.delete_images(project, image_ids=[image.id], raw=True).response.status_code == 204
    assert client.get_image_count(project) == 3
    assert client.get_image_count(project, iteration_id=iteration.id) == 4
    assert requests.get(image.original_image_uri, timeout=5).status_code == 200
    answer = client.delete_images(project, image_ids=[image.id], all_iterations=True, raw=True)
    assert answer.response.status_code == 202
    assert client.get_image_count(project, iteration_id=iteration.id) == 3
    assert requests.get(image.original_image_uri, timeout=5).status_code == 404


def test_delete_flags_take_effect_later(client_of):
    """Delete flags take effect later."""
    with Simulator(Options(delete_delay=3600)) as sim:
        client = client_of(sim)
        (project,) = sim.fill(images=5, iterations=1)
        iteration = client.get_iterations(project)[0].id
        answer = client.delete_images(project, all_images=True, all_iterations=True, raw=True)
        assert answer.response.status_code == 202
        assert client.get_image_count(project) == 5
        assert sim.store.pending == 1
        sim.store.finish()
        assert client.get_image_count(project) == 0
        assert client.get_images(project, iteration_id=iteration) == []


def test_a_delayed_deletion_happens_by_itself(client_of):
    """A delayed deletion happens by itself."""
    with Simulator(Options(delete_delay=0.1)) as sim:
        client = client_of(sim)
        (project,) = sim.fill(images=5)
        client.delete_images(project, all_images=True)
        time.sleep(0.15)
        assert client.get_image_count(project) == 0


def test_all_images_alone_spares_iterations(sim, client):
    """Deleting all images without allIterations spares the iterations."""
    (project,) = sim.fill(images=5, iterations=1)
    iteration = client.get_iterations(project)[0].id
    client.delete_images(project, all_images=True)
    assert client.get_image_count(project) == 0
    assert client.get_image_count(project, iteration_id=iteration) == 5


def test_a_deleted_tag_leaves_iterations_tagged(sim, client):
    """A deleted tag leaves its images untagged in the workspace only."""
    (project,) = sim.fill(images=4, tags=1, iterations=1)
    iteration = client.get_iterations(project)[0].id
    (tag,) = client.get_tags(project)
    client.delete_tag(project, tag.id)
    assert client.get_untagged_image_count(project) == 4
    assert client.get_tagged_image_count(project, iteration_id=iteration) == 4
    assert client.get_tags(project, iteration_id=iteration)[0].id == tag.id
    assert client.get_tag(project, tag.id, iteration_id=iteration).image_count == 4


def test_a_project_names_the_storage_of_its_copies(client):
    """Container and queue are kept from the creation; a project without them does not mention them."""
    options = {
        "export_model_container_uri": "https://a.example/c?sig=x",
        "notification_queue_uri": "https://a.example/q",
    }
    settings = client.create_project("p", **options).settings
    assert settings.export_model_container_uri == options["export_model_container_uri"]
    assert settings.notification_queue_uri == options["notification_queue_uri"]
    assert client.create_project("q").settings.notification_queue_uri is None


def test_all_images_or_ids_but_not_both(client):
    project = client.create_project("p").id
    image = upload(client, project, 1).images[0].image.id
    for choice in ({"image_ids": [image], "all_images": True}, {}):
        with pytest.raises(CustomVisionErrorException) as caught:
            client.delete_images(project, **choice)
        assert code_of(caught) == (400, "BadRequestInvalidIds")
    assert client.get_image_count(project) == 1


def test_quotas(client_of):
    """With quotas on, the 101st project is refused."""
    with Simulator(Options(quotas=True)) as sim:
        client = client_of(sim)
        sim.fill(projects=99, images=0)
        client.create_project("the hundredth")
        with pytest.raises(CustomVisionErrorException) as caught:
            client.create_project("one too many")
        assert code_of(caught) == (400, "BadRequestExceedProjectLimit")


def test_disaster_recovery_mode_forbids_changes(sim, client):
    """Disaster recovery mode forbids changes."""
    (project,) = sim.fill(images=1)
    sim.store.projects[project].dr_mode = True
    with pytest.raises(CustomVisionErrorException) as caught:
        client.delete_project(project)
    assert code_of(caught) == (403, "ForbiddenDRModeEnabled")
    assert client.get_project(project).dr_mode_enabled is True
