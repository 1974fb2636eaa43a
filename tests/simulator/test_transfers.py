"""Copying a project by its token, through the SDK."""

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training.models import CustomVisionErrorException

from custom_vision_simulator import Simulator


def test_a_token_and_its_counts(sim, client):
    """The workspace counts as an iteration, tags once for each, images once (recorded: 2, 10 and 4)."""
    (project,) = sim.fill(images=10, tags=2, iterations=1)
    token = client.export_project(project)
    assert (token.iteration_count, token.image_count, token.tag_count, token.region_count) == (2, 10, 4, 0)
    assert f"/prjexp-{project.replace('-', '')}/project-export-info?sv=" in token.token


def test_an_imported_project_is_a_copy_with_other_ids(sim, client):
    (project,) = sim.fill(images=4, tags=2, iterations=1, regions=1)
    iteration = client.get_iterations(project)[0]
    client.publish_iteration(project, iteration.id, "live", "/resource")
    imported = client.import_project(client.export_project(project).token)
    assert (imported.name, imported.status, imported.thumbnail_uri) == ("Project 1 (1)", "Importing", None)
    assert client.get_project(imported.id).status == "Succeeded"
    (copy,) = client.get_iterations(imported.id)
    assert (copy.name, copy.publish_name, copy.trained_at) == (iteration.name, None, iteration.trained_at)
    pairs = zip(client.get_tagged_images(project), client.get_tagged_images(imported.id), strict=True)
    for image, copied in pairs:
        assert (copied.id == image.id, copied.created) == (False, image.created)
        assert copied.tags[0].tag_name == image.tags[0].tag_name == copied.regions[0].tag_name
    tags = [{each.id for each in client.get_tags(owner)} for owner in (project, imported.id)]
    assert not tags[0] & tags[1]
    content = [
        sorted(requests.get(each.original_image_uri, timeout=5).content for each in client.get_images(owner))
        for owner in (project, imported.id)
    ]
    assert content[0] == content[1]


def test_names_in_use_are_numbered(sim, client):
    (project,) = sim.fill(images=1)
    token = client.export_project(project).token
    names = [client.import_project(token, name=name).name for name in (None, None, "other", "other")]
    assert names == ["Project 1 (1)", "Project 1 (2)", "other", "other (1)"]


def test_a_project_stays_importing_until_it_is_there(client_of):
    with Simulator() as sim:
        sim.options.import_seconds = 3600
        client = client_of(sim)
        (project,) = sim.fill(images=3, iterations=1)
        imported = client.import_project(client.export_project(project).token).id
        assert client.get_project(imported).status == "Importing"
        assert (client.get_images(imported), client.get_iterations(imported)) == ([], [])
        sim.store.finish()
        assert client.get_project(imported).status == "Succeeded"
        assert len(client.get_images(imported)) == 3


@pytest.mark.parametrize("status", ["Importing", "Failed"])
def test_the_status_of_a_project_can_be_set(sim, client, status):
    (project,) = sim.fill(images=1)
    sim.store.projects[project].status = status
    assert client.get_project(project).status == client.get_projects()[0].status == status


@pytest.mark.parametrize(
    "token", ["x", "http://[", "https://example.org/prjexp-1/project-export-info?sig=x", "{}&sig=x"]
)
def test_other_tokens_are_refused(sim, client, token):
    (project,) = sim.fill(images=1)
    with pytest.raises(CustomVisionErrorException) as caught:
        client.import_project(token.format(client.export_project(project).token.replace("&sig=", "&gis=")))
    assert caught.value.error.code == "BadRequestInvalidImportToken"
