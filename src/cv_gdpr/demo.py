"""What the demo holds: two projects with photographs, tags, metadata, models and predictions, made through the SDK."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cv_gdpr.service.client import Connection, Service
from cv_gdpr.verbatim import Json

if TYPE_CHECKING:
    from custom_vision_simulator import Simulator
    from cv_gdpr.service.azure_resource import Wanted

PICTURES = Path(__file__).parent / "demo_pictures"
_CLASSIFICATION = "0732100f-1a38-4e49-a514-c9b44c697ab5"  # General (compact): its models can be exported
_DETECTION = "a27d5ca5-bb19-49d8-a70a-fec086c47f5b"  # General (compact), object detection
PHOTO = PICTURES / "astronaut.jpg"
"""The photograph of the data subject: four copies of it are in the demo's first project."""

_PEOPLE = {
    "astronaut.jpg": ("person", {"subject": "collins", "consent": "2024-03-01"}),
    "astronaut-smaller.jpg": ("person", {}),  # her second upload, without metadata
    "astronaut-mirrored.jpg": ("person", {}),  # a third one, which only the iteration keeps
    "photographer.png": ("person", {"subject": "photographer"}),
    "chelsea-cat.jpg": ("animal", {}),
    "moose.jpg": ("animal", {}),
    "coffee.jpg": ("thing", {}),
    "hubble-deep-field.jpg": (None, {}),
}
_REGION = {"left": 0.3, "top": 0.2, "width": 0.4, "height": 0.5}


def fill(endpoint: str, training_key: str) -> None:
    """Create the demo's two projects in a resource; raise ServiceError."""
    with Service(Connection(endpoint, training_key, 0)) as service:
        _fill_classification(service)
        _fill_detection(service)


@contextmanager
def azure_resource(simulator: "Simulator") -> "Iterator[Wanted | None]":
    """Yield the simulated Azure resource, signed in to as its managed identity; None without the extra azure."""
    from cv_gdpr.service.signin import has_extra

    if not has_extra():
        yield None
        return
    from cv_gdpr.service.azure_resource import Wanted
    from cv_gdpr.service.clouds import CLOUDS
    from cv_gdpr.service.resource_manager import Address, resource_id_of

    with _environment(_identity(simulator)):
        address = Address(CLOUDS[0], simulator.resource_manager, patience=5.0)
        place = resource_id_of(simulator.resource_id)
        yield Wanted(address, place.subscription, place, simulator.endpoint)


def _identity(simulator: "Simulator") -> dict[str, str]:
    """Return what azure-identity reads; an empty value takes what this machine has set out of the way."""
    return {
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "IDENTITY_ENDPOINT": simulator.identity_endpoint,
        "IDENTITY_HEADER": simulator.identity_header,
        "IDENTITY_SERVER_THUMBPRINT": "",
        "AZURE_CLIENT_ID": "",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


@contextmanager
def _environment(variables: dict[str, str]) -> "Iterator[None]":
    before = {name: os.environ.pop(name, None) for name in variables}
    os.environ.update({name: value for name, value in variables.items() if value})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _fill_classification(service: Service) -> None:
    project = service.call(
        "create_project", "Visitors & pets", domain_id=_CLASSIFICATION, classification_type="Multilabel"
    )["id"]
    tags = {name: service.call("create_tag", project, name)["id"] for name in ("person", "animal", "thing")}
    images = {
        name: _upload(service, project, name, tags.get(tag or ""), metadata)
        for name, (tag, metadata) in _PEOPLE.items()
    }
    iteration = service.call("train_project", project)["id"]
    service.call("publish_iteration", project, iteration, "visitors", prediction_id=_prediction_resource())
    for platform in ("TensorFlow", "ONNX"):
        service.call("export_iteration", project, iteration, platform)
    deleted = [images[name] for name in ("coffee.jpg", "astronaut-mirrored.jpg")]
    service.call("delete_images", project, image_ids=deleted)  # the iteration keeps them
    for name in ("astronaut.jpg", "chelsea-cat.jpg"):
        service.call("quick_test_image", project, BytesIO(_bytes(name)), iteration_id=iteration)


def _fill_detection(service: Service) -> None:
    project = service.call("create_project", "Launch site", domain_id=_DETECTION)["id"]
    for name in ("rocket", "windmill"):
        tag = service.call("create_tag", project, name)["id"]
        _upload(service, project, f"{name}.jpg", tag, {}, _REGION)
    service.call("train_project", project)


def _upload(  # noqa: PLR0913, PLR0917 - a picture and its properties
    service: Service, project: str, name: str, tag: str | None, metadata: dict[str, str], region: Json | None = None
) -> str:
    entry: Json = {"name": name, "contents": base64.b64encode(_bytes(name)).decode()}
    if tag and region:
        entry["regions"] = [{"tagId": tag, **region}]
    elif tag:
        entry["tagIds"] = [tag]
    batch: dict[str, Any] = {"images": [entry], "metadata": metadata or None}
    return str(service.call("create_images_from_files", project, batch)["images"][0]["image"]["id"])


def _bytes(name: str) -> bytes:
    return (PICTURES / name).read_bytes()


def _prediction_resource() -> str:
    group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/demo"
    return f"{group}/providers/Microsoft.CognitiveServices/accounts/demo-prediction"
