"""The project that the suite reads: made through the official SDK, the same on every backend, and removed again."""

import base64
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from cv_gdpr.errors import NotFound, ServiceError
from cv_gdpr.service.client import Service
from cv_gdpr.verbatim import Json
from tests.contract.pictures import CIRCLE, SQUARE, picture

DOMAIN = "0732100f-1a38-4e49-a514-c9b44c697ab5"  # General (compact): its models can be exported
PLATFORM = "TensorFlow"
TAGS = (CIRCLE, SQUARE)
UPLOADED = 5  # images of each tag: the fewest that the service trains on
IN_WORKSPACE = {CIRCLE: UPLOADED - 1, SQUARE: UPLOADED}  # one is deleted after the training
UNDER_WAY = {"Training", "Staging"}
REFUSALS = {400, 403, 429}  # of a training, by a resource whose quota is spent
METADATA = {"subject": "contract"}
PREDICTIONS = 2


@dataclass(frozen=True)
class Limits:
    """How long, in seconds, each asynchronous step may take, and how long to wait between two looks."""

    training: float = 5
    export: float = 5
    settling: float = 5
    pause: float = 0.05


LIVE = Limits(training=1200, export=600, settling=120, pause=5)


@dataclass(frozen=True)
class Prepared:
    """The prepared project, and why parts of it are missing, where they are."""

    name: str
    published: bool = False
    untrained: str = ""
    unexported: str = ""
    unpredicted: str = ""


def prepare(service: Service, name: str, limits: Limits, prediction_resource: str = "") -> Prepared:
    """Make the project: two tags, eleven images, one training, one model, two predictions, one deletion."""
    project = service.call("create_project", name, domain_id=DOMAIN, classification_type="Multiclass")["id"]
    doomed = _upload_all(service, project)
    iteration, untrained = _train(service, project, limits)
    if untrained:
        _delete_image(service, project, doomed, limits)
        return Prepared(name, untrained=untrained, unexported=untrained, unpredicted=untrained)
    if prediction_resource:
        service.call("publish_iteration", project, iteration, "contract", prediction_id=prediction_resource)
    unexported = _export(service, project, iteration, limits)
    unpredicted = _predict(service, project, iteration, limits)
    _delete_image(service, project, doomed, limits)
    return Prepared(name, bool(prediction_resource), "", unexported, unpredicted)


def _upload_all(service: Service, project: str) -> str:
    """Upload all images and return the id of the one to be deleted later."""
    tags = {tag: service.call("create_tag", project, tag)["id"] for tag in TAGS}
    entries = [_entry(tag, size, tags[tag]) for tag in TAGS for size in range(10, 10 + UPLOADED)]
    with_metadata = entries.pop()
    uploaded = _upload(service, project, {"images": [*entries, _entry(CIRCLE, 30, None)]})
    _upload(service, project, {"images": [with_metadata], "metadata": METADATA})
    return str(uploaded[0]["image"]["id"])


def _entry(shape: str, size: int, tag_id: str | None) -> Json:
    contents = base64.b64encode(picture(shape, size)).decode()
    return {"name": f"{shape}-{size}.png", "contents": contents, **({"tagIds": [tag_id]} if tag_id else {})}


def _upload(service: Service, project: str, batch: Json) -> list[Any]:
    answer = service.call("create_images_from_files", project, batch)
    if not answer["isBatchSuccessful"]:
        raise RuntimeError(f"the service refuses the pictures: {[each['status'] for each in answer['images']]}")
    return list(answer["images"])


def _train(service: Service, project: str, limits: Limits) -> tuple[str, str]:
    """Train; return the iteration's id and, if it is unusable, why."""
    try:
        iteration = service.call("train_project", project)["id"]
    except ServiceError as error:
        if error.status not in REFUSALS:
            raise
        return "", f"no training: {error.message}"
    if not _within(limits.training, limits, lambda: _status(service, project, iteration) not in UNDER_WAY):
        return iteration, f"the training did not end within {limits.training:.0f} seconds"
    status = _status(service, project, iteration)
    return iteration, "" if status == "Completed" else f"the training ended with status {status}"


def _status(service: Service, project: str, iteration: str) -> str:
    return str(service.call("get_iteration", project, iteration)["status"])


def _export(service: Service, project: str, iteration: str, limits: Limits) -> str:
    def states() -> set[str]:
        return {each["status"] for each in service.call("get_exports", project, iteration)}

    service.call("export_iteration", project, iteration, PLATFORM)
    if not _within(limits.export, limits, lambda: "Exporting" not in states()):
        return f"the model was not exported within {limits.export:.0f} seconds"
    return "" if states() == {"Done"} else f"the model's export ended as {states()}"


def _predict(service: Service, project: str, iteration: str, limits: Limits) -> str:
    def stored() -> bool:
        return len(_predictions(service, project)) == PREDICTIONS

    for number in range(PREDICTIONS):
        image = BytesIO(picture(SQUARE, 20 + number))
        service.call("quick_test_image", project, image, iteration_id=iteration)
    within = _within(limits.settling, limits, stored)
    return "" if within else f"the predictions were not listed within {limits.settling:.0f} seconds"


def _predictions(service: Service, project: str) -> list[str]:
    answer = service.call("query_predictions", project, {"maxCount": 0, "orderBy": "Oldest"})
    return [each["id"] for each in answer["results"]]


def _delete_image(service: Service, project: str, image: str, limits: Limits) -> None:
    left = sum(IN_WORKSPACE.values()) + 1
    service.call("delete_images", project, image_ids=[image])
    if not _within(limits.settling, limits, lambda: service.call("get_image_count", project) == left):
        raise RuntimeError(f"the deleted image is still counted after {limits.settling:.0f} seconds")


def _within(seconds: float, limits: Limits, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(limits.pause)
    return True


# --- the throw-away project of a real resource --------------------------------------------------------------------


@contextmanager
def throw_away(service: Service, limits: Limits, prediction_resource: str = "") -> Iterator[Prepared]:
    """Make the project under a random name, and remove it whatever happens."""
    name = f"cv-gdpr contract {secrets.token_hex(4)}"
    try:
        yield prepare(service, name, limits, prediction_resource)
    finally:
        _remove(service, name, limits)


def _remove(service: Service, name: str, limits: Limits) -> None:
    try:
        for entry in service.call("get_projects"):
            if entry["name"] == name:
                _remove_project(service, entry["id"], limits)
    except Exception as error:
        raise RuntimeError(f"the project {name!r} may still be there: delete it by hand") from error


def _remove_project(service: Service, project: str, limits: Limits) -> None:
    def resting() -> bool:
        return all(each["status"] not in UNDER_WAY for each in service.call("get_iterations", project))

    _within(limits.training, limits, resting)
    for iteration in service.call("get_iterations", project):
        if iteration["publishName"]:
            service.call("unpublish_iteration", project, iteration["id"])
    if stored := _predictions(service, project):
        service.call("delete_prediction", project, ids=stored)
    service.call("delete_project", project)
    if not _within(limits.settling, limits, lambda: _is_gone(service, project)):
        raise RuntimeError("the project is still listed")


def _is_gone(service: Service, project: str) -> bool:
    try:
        service.call("get_project", project)
    except NotFound:
        return True
    return False
