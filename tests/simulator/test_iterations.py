"""Training, publishing, performance and exported models, through the SDK."""

import io
import time
import zipfile

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training.models import (
    CustomBaseModelInfo,
    CustomVisionErrorException,
)

from custom_vision_simulator import Options, Simulator
from custom_vision_simulator.domains import GENERAL, GENERAL_COMPACT


@pytest.fixture
def trained(sim, client):
    """Return a project and its completed iteration."""
    (project,) = sim.fill(images=10)
    return project, client.train_project(project).id


def refused(operation):
    """Return the status and code with which an operation is refused."""
    with pytest.raises(CustomVisionErrorException) as caught:
        operation()
    return caught.value.response.status_code, caught.value.error.code


def test_training_takes_its_time(client_of):
    """Training takes its time."""
    with Simulator(Options(train_seconds=3600)) as sim:
        client = client_of(sim)
        (project,) = sim.fill(images=5)
        iteration = client.train_project(project)
        assert (iteration.status, iteration.trained_at, iteration.domain_id) == ("Training", None, None)
        assert client.get_iteration(project, iteration.id).status == "Training"
        wanted = (404, "NotFoundIterationPerformance")
        assert refused(lambda: client.get_iteration_performance(project, iteration.id)) == wanted
        wanted = (400, "BadRequestTrainingAlreadyInProgress")
        assert refused(lambda: client.delete_iteration(project, iteration.id)) == wanted
        sim.store.finish()
        iteration = client.get_iteration(project, iteration.id)
        assert (iteration.status, iteration.exportable) == ("Completed", True)
        assert iteration.trained_at is not None


def test_a_training_shows_its_domain_halfway(client_of):
    """Domain, type and an empty exportableTo come while the status is still Training (recorded session)."""
    with Simulator() as sim:
        sim.options.train_seconds = 0.4
        client = client_of(sim)
        (project,) = sim.fill(images=5)
        started = client.train_project(project)
        assert (started.status, started.domain_id, started.exportable_to) == ("Training", None, None)
        assert started.created < started.last_modified
        time.sleep(0.25)
        halfway = client.get_iteration(project, started.id)
        assert (halfway.status, halfway.exportable_to, halfway.trained_at) == ("Training", [], None)
        assert (halfway.domain_id, halfway.training_time_in_minutes) == (GENERAL_COMPACT, 1)
        sim.store.finish()
        assert client.get_iteration(project, started.id).status == "Completed"


def test_a_base_model_is_named(client, trained):
    project, iteration = trained
    base = CustomBaseModelInfo(project_id=project, iteration_id=iteration)
    made = client.train_project(project, force_train=True, custom_base_model_info=base)
    assert client.get_iteration(project, made.id).custom_base_model_info.iteration_id == iteration


def test_training_needs_tagged_images_and_news(sim, client, trained):
    """Training needs tagged images and news."""
    project, _ = trained
    assert refused(lambda: client.train_project(project)) == (400, "BadRequestTrainingNotNeeded")
    assert client.train_project(project, force_train=True).name == "Iteration 2"
    (bare,) = sim.fill(images=3, untagged=3)
    wanted = (400, "BadRequestClassificationTrainingValidationFailed")
    assert refused(lambda: client.train_project(bare)) == wanted


def test_an_iteration_keeps_its_own_copy(client, trained):
    """An iteration keeps its own copy."""
    project, iteration = trained
    client.delete_images(project, all_images=True)
    for tag in client.get_tags(project):
        client.delete_tag(project, tag.id)
    assert client.get_tags(project) == []
    assert len(client.get_tags(project, iteration_id=iteration)) == 3
    assert len(client.get_tagged_images(project, iteration_id=iteration)) == 10
    client.delete_iteration(project, iteration)
    assert client.get_iterations(project) == []


def test_published_iterations_block_deletion(client, trained):
    """Published iterations block deletion."""
    project, iteration = trained
    assert client.publish_iteration(project, iteration, "live", "/resource") is True
    published = client.get_iteration(project, iteration)
    assert (published.publish_name, published.original_publish_resource_id) == ("live", "/resource")
    wanted = (400, "BadRequestIterationIsPublished")
    assert refused(lambda: client.delete_iteration(project, iteration)) == wanted
    assert refused(lambda: client.delete_project(project)) == wanted
    assert client.unpublish_iteration(project, iteration, raw=True).response.status_code == 204
    wanted = (400, "BadRequestIterationNotPublished")
    assert refused(lambda: client.unpublish_iteration(project, iteration)) == wanted
    client.delete_iteration(project, iteration)
    client.delete_project(project)


def test_performance_is_steady_and_per_tag(client, trained):
    """Performance is steady and per tag."""
    project, iteration = trained
    first = client.get_iteration_performance(project, iteration, threshold=0.5)
    assert first == client.get_iteration_performance(project, iteration)
    tags = {each.id: each.name for each in client.get_tags(project)}
    assert {each.id: each.name for each in first.per_tag_performance} == tags
    assert 0 < first.recall < first.precision <= 1


def test_image_performances_cover_the_validation_split(client, trained):
    """Image performances cover the validation split."""
    project, iteration = trained
    assert client.get_image_performance_count(project, iteration) == 2
    images = client.get_image_performances(project, iteration)
    assert len(images) == 2
    assert requests.get(images[0].image_uri, timeout=5).status_code == 200
    assert len(images[0].predictions) == 3


def test_renaming(client, trained):
    """An iteration can be renamed."""
    project, iteration = trained
    assert client.update_iteration(project, iteration, name="other").name == "other"


def test_exports(client_of):
    """An export is Exporting at first, then has a zip to fetch; the same one twice is refused."""
    with Simulator(Options(export_seconds=3600)) as sim:
        client = client_of(sim)
        (project,) = sim.fill(images=5)
        iteration = client.train_project(project).id
        assert client.get_exports(project, iteration) == []
        export = client.export_iteration(project, iteration, "TensorFlow")
        assert (export.status, export.download_uri, export.flavor) == ("Exporting", None, None)
        again = refused(lambda: client.export_iteration(project, iteration, "TensorFlow"))
        assert again == (400, "BadRequestExportAlreadyInProgress")
        client.export_iteration(project, iteration, "TensorFlow", flavor="TensorFlowLite")
        sim.store.finish()
        plain, lite = client.get_exports(project, iteration)
        assert (plain.status, lite.flavor) == ("Done", "TensorFlowLite")
        for each in (plain, lite):
            with zipfile.ZipFile(io.BytesIO(requests.get(each.download_uri, timeout=5).content)) as archive:
                assert archive.testzip() is None
                assert "labels.txt" in archive.namelist()


def test_only_compact_domains_can_be_exported(sim, client):
    """Only compact domains can be exported."""
    (project,) = sim.fill(images=5)
    sim.store.projects[project].settings["domainId"] = GENERAL
    iteration = client.train_project(project).id
    assert client.get_iteration(project, iteration).exportable is False
    wanted = (400, "BadRequestExportValidationFailed")
    assert refused(lambda: client.export_iteration(project, iteration, "TensorFlow")) == wanted
