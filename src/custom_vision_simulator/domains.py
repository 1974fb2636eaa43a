"""The 14 domains that GetDomains listed on 6 November 2020 (recorded session, API v3.4-preview), in its order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PLATFORMS = ["CoreML", "TensorFlow", "DockerFile", "ONNX", "VAIDK", "OpenVino"]
FLAVORS = ["Linux", "Windows", "ONNX10", "ONNX12", "ARM", "TensorFlowNormal", "TensorFlowLite"]
GENERAL = "ee85a74c-405e-4adc-bb47-ffa8ca0c9f31"
GENERAL_COMPACT = "0732100f-1a38-4e49-a514-c9b44c697ab5"
DETECTION = "da2e3a8a-40a5-4171-82f4-58522f70fbc1"
DETECTION_COMPACT = "a27d5ca5-bb19-49d8-a70a-fec086c47f5b"
_CLASSIFICATION_PLATFORMS = ("VAIDK", "CoreML", "DockerFile", "ONNX", "OpenVino", "TensorFlow")


@dataclass(frozen=True)
class Domain:
    """A kind of model; only models of a compact domain can be exported: to `platforms`, `megabytes` large."""

    id: str
    name: str
    type: str
    platforms: tuple[str, ...] = ()
    megabytes: int = 0
    description: str = ""

    @property
    def exportable(self) -> bool:
        """Return whether models of this domain can be exported."""
        return bool(self.platforms)

    def shape(self) -> dict[str, Any]:
        """Return the domain as the service sends it."""
        head = {"id": self.id, "name": self.name, "type": self.type, "exportable": self.exportable, "enabled": True}
        size = {"estimatedModelSizeInMegabytes": self.megabytes, "description": self.description}
        return {
            **head,
            "exportablePlatforms": list(self.platforms),
            "modelInformation": size if self.platforms else None,
        }


def _compact(ident: str, name: str, subject: str) -> Domain:
    description = f"A {subject} classification problem."
    return Domain(ident, f"{name} (compact)", "Classification", _CLASSIFICATION_PLATFORMS, 5, description)


_ALL = [
    Domain(GENERAL, "General", "Classification"),
    Domain("c151d5b5-dd07-472a-acc8-15d29dea8518", "Food", "Classification"),
    Domain("ca455789-012d-4b50-9fec-5bb63841c793", "Landmarks", "Classification"),
    Domain("b30a91ae-e3c1-4f73-a81e-c270bff27c39", "Retail", "Classification"),
    Domain("45badf75-3591-4f26-a705-45678d3e9f5f", "Adult", "Classification"),
    _compact(GENERAL_COMPACT, "General", "ShuffleNet-like model for general"),
    _compact("8882951b-82cd-4c32-970b-d5f8cb8bf6d7", "Food", "ShuffleNet-like model for food"),
    _compact("b5cfd229-2ac7-4b2b-8d0a-2b0661344894", "Landmarks", "ShuffleNet-like model for landmarks"),
    _compact("6b4faeda-8396-481b-9f8b-177b9fa3097f", "Retail", "ShuffleNet-like based model for food"),
    Domain(DETECTION, "General", "ObjectDetection"),
    Domain("1d8ffafe-ec40-4fb2-8f90-72b3b6cecea4", "Logo", "ObjectDetection"),
    Domain("3780a898-81c3-4516-81ae-3a139614e1f3", "Products on Shelves", "ObjectDetection"),
    Domain(
        DETECTION_COMPACT,
        "General (compact)",
        "ObjectDetection",
        ("CoreML", "DockerFile", "ONNX", "TensorFlow"),
        42,
        "A YOLO-like model for general detection problem.",
    ),
    Domain(
        "7ec2ac80-887b-48a6-8df9-8b1357765430",
        "General (compact) [S1]",
        "ObjectDetection",
        (*_CLASSIFICATION_PLATFORMS, "IVS"),
        13,
        "A SSD-like model for general detection problem.",
    ),
]
DOMAINS = {each.id: each for each in _ALL}
