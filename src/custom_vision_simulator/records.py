"""The records that the simulator holds: projects, tags, images, iterations, exports and predictions.

`Tag`, `Image` and the records inside them are frozen, so copying two dictionaries freezes an iteration's state.
All times are timezone-aware UTC datetimes.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TAKE_DEFAULT = 50
TAKE_MAX = 256


@dataclass(frozen=True, slots=True)
class Lock:
    """A management lock; `scope` is the resource, its group or its subscription (documented: locks are inherited)."""

    name: str
    level: str = "CanNotDelete"  # or ReadOnly
    notes: str | None = None
    scope: str = "resource"  # or group, subscription


@dataclass
class Options:
    """How a simulator behaves; durations in seconds; may be changed while it runs."""

    port: int = 0  # 0: any free one
    blob_port: int = 0
    training_key: str = field(default_factory=lambda: secrets.token_hex(16))
    vnet: bool = False
    link_life: float = 86400.0
    delete_delay: float = 0.0
    train_seconds: float = 0.0
    export_seconds: float = 0.0
    import_seconds: float = 0.0
    calls_per_second: float | None = None
    retry_after: bool = False
    quotas: bool = False
    account_info: bool = False
    original_blobs: bool = False
    api_latency: float = 0.0
    blob_latency: float = 0.0
    offsets: bool = False  # a continuation of stored predictions is an offset, so that deleting one hides another
    # The Azure resource, as Resource Manager shows it
    resource_manager_port: int = 0
    subscription: str = "5ca1ab1e-0000-4000-8000-000000000001"
    resource_group: str = "simulated-group"
    location: str = "westeurope"
    account_name: str = "simulated"
    account_kind: str = "CustomVision.Training"  # CognitiveServices or AIServices: one resource for all services
    account_tags: dict[str, str] = field(default_factory=lambda: {"team": "vision"})
    multi_service: bool = False  # the subscription has a resource of kind CognitiveServices too
    custom_subdomain: bool = True
    second_key: str = field(default_factory=lambda: secrets.token_hex(16))
    local_auth: bool = True  # False: disableLocalAuth, keys are refused
    account_delete_seconds: float = 0.0  # 0: at once, answered 200; more: answered 202
    purge_seconds: float = 0.0
    recoverable_seconds: float = 172_800.0
    denied: frozenset[str] = frozenset()  # operations of Resource Manager, or Azure's actions, that are answered 403
    locks: tuple[Lock, ...] = ()
    resource_manager_latency: float = 0.0
    # The managed identity, and what it may do at the Training API
    identity_port: int = 0
    identity_header: str = field(default_factory=lambda: secrets.token_hex(16))
    token_life: float = 86_400.0
    role: str = "Contributor"  # Trainer, Deployment, Labeler, Reader or None
    tenant: str = "5ca1ab1e-0000-4000-8000-000000000002"
    principal: str = "5ca1ab1e-0000-4000-8000-000000000003"
    client_id: str = "5ca1ab1e-0000-4000-8000-000000000004"
    identity_latency: float = 0.0


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a project or of an iteration."""

    id: str
    name: str
    description: str | None = None
    type: str = "Regular"


@dataclass(frozen=True, slots=True)
class ImageTag:
    """A tag on an image."""

    tag_id: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Region:
    """A tagged box on an image, in fractions of its width and height."""

    id: str
    tag_id: str
    created: datetime
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Image:
    """An image record; `data` is the uploaded file, None when `size` bytes are generated from the id."""

    id: str
    created: datetime
    width: int = 900
    height: int = 1600
    tags: tuple[ImageTag, ...] = ()
    regions: tuple[Region, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    data: bytes | None = field(default=None, repr=False)


@dataclass
class Snapshot:
    """The tags and images of the workspace or of one iteration, by id."""

    tags: dict[str, Tag] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)

    def copy(self) -> Snapshot:
        """Return a copy that later changes to this snapshot do not affect (the records themselves are frozen)."""
        return Snapshot(dict(self.tags), dict(self.images))


@dataclass
class Export:
    """An exported model of an iteration; status is Exporting, Failed or Done."""

    platform: str
    flavor: str | None = None
    status: str = "Exporting"
    newer_version: bool = False


@dataclass
class Iteration:
    """An iteration, trained or in training, with its frozen copy of the tags and images."""

    id: str
    name: str
    created: datetime
    last_modified: datetime
    domain_id: str
    classification_type: str | None
    snapshot: Snapshot
    status: str = "Training"
    trained_at: datetime | None = None
    exportable: bool = False
    publish_name: str | None = None
    publish_resource: str | None = None
    training_type: str = "Regular"
    budget_hours: int = 0
    training_minutes: int = 0
    prepared: bool = False  # in training, with its domain shown
    base_model: dict[str, str] | None = None
    error_details: str | None = None
    exports: list[Export] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Guess:
    """One predicted tag of an image with its probability and, for object detection, its box."""

    tag: Tag
    probability: float
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A stored prediction: an image sent to the prediction endpoint or to the quick test."""

    id: str
    created: datetime
    iteration_id: str
    domain_id: str
    guesses: tuple[Guess, ...] = ()
    size: int = 0
    data: bytes | None = field(default=None, repr=False)
    application: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The tags that an iteration suggests for an untagged image, and how uncertain they are (entropy)."""

    image_id: str
    iteration_id: str
    domain_id: str
    created: datetime
    guesses: tuple[Guess, ...]
    uncertainty: float


@dataclass
class Project:
    """A project: its settings as the service sends them, workspace, iterations and stored predictions."""

    id: str
    name: str
    description: str | None
    settings: dict[str, Any]
    created: datetime
    last_modified: datetime
    status: str = "Succeeded"
    dr_mode: bool = False
    trainings: int = 0
    workspace_created: datetime | None = None  # None: with the project
    workspace: Snapshot = field(default_factory=Snapshot)
    iterations: dict[str, Iteration] = field(default_factory=dict)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    digests: dict[bytes, str] = field(default_factory=dict)
    suggestions: dict[tuple[str, str], Suggestion] = field(default_factory=dict)  # by iteration and image id

    def find_image(self, image_id: str) -> Image | None:
        """Return the image from the workspace or any iteration, or None."""
        for snapshot in (self.workspace, *(each.snapshot for each in self.iterations.values())):
            if image_id in snapshot.images:
                return snapshot.images[image_id]
        return None


@dataclass(frozen=True)
class Limits:
    """The S0 quotas (Microsoft's limits page of 01/22/2025); infinite when quotas are off."""

    projects: float = math.inf
    tags: float = math.inf
    iterations: float = math.inf


S0_LIMITS = Limits(projects=100, tags=500, iterations=20)
NO_LIMITS = Limits()
