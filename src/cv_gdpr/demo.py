"""What the demo holds: two projects with photographs, tags, metadata, models and predictions, made through the SDK."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

from cv_gdpr.service.client import Connection, Service
from cv_gdpr.verbatim import Json

PICTURES = Path(__file__).parent / "demo_pictures"
_CLASSIFICATION = "0732100f-1a38-4e49-a514-c9b44c697ab5"  # General (compact): its models can be exported
_DETECTION = "a27d5ca5-bb19-49d8-a70a-fec086c47f5b"  # General (compact), object detection
_PEOPLE = {
    "astronaut.jpg": ("person", {"subject": "collins", "consent": "2024-03-01"}),
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
    service.call("delete_images", project, image_ids=[images["coffee.jpg"]])  # the iteration keeps it
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
