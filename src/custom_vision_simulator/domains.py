"""The domains that the simulator offers (ids and names of the real service)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PLATFORMS = ["CoreML", "TensorFlow", "DockerFile", "ONNX", "VAIDK", "OpenVino"]
GENERAL = "ee85a74c-405e-4adc-bb47-ffa8ca0c9f31"
GENERAL_COMPACT = "0732100f-1a38-4e49-a514-c9b44c697ab5"
DETECTION = "da2e3a8a-40a5-4171-82f4-58522f70fbc1"
DETECTION_COMPACT = "a27d5ca5-bb19-49d8-a70a-fec086c47f5b"


@dataclass(frozen=True)
class Domain:
    """A kind of model; only models of an exportable (compact) domain can be exported."""

    id: str
    name: str
    type: str
    exportable: bool

    def shape(self) -> dict[str, Any]:
        """Return the domain as the service sends it."""
        platforms = PLATFORMS if self.exportable else []
        flags = {"exportable": self.exportable, "enabled": True, "exportablePlatforms": platforms}
        return {"id": self.id, "name": self.name, "type": self.type, **flags}


_ALL = [
    Domain(GENERAL, "General", "Classification", False),
    Domain("a8e3c40f-fb4a-466f-832a-5e457ae4a344", "General [A1]", "Classification", False),
    Domain("c151d5b5-dd07-472a-acc8-15d29dea8518", "Food", "Classification", False),
    Domain("ca455789-012d-4b50-9fec-5bb63841c793", "Landmarks", "Classification", False),
    Domain("b30a91ae-e3c1-4f73-a81e-c270bff27c39", "Retail", "Classification", False),
    Domain(GENERAL_COMPACT, "General (compact)", "Classification", True),
    Domain(DETECTION, "General", "ObjectDetection", False),
    Domain(DETECTION_COMPACT, "General (compact)", "ObjectDetection", True),
]
DOMAINS = {each.id: each for each in _ALL}
