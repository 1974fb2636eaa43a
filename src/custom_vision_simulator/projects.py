"""Operations on domains, projects, tags, artifacts and the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from custom_vision_simulator import bodies
from custom_vision_simulator.answers import Answer, bad_request, empty, gateway_error, json_answer, not_found
from custom_vision_simulator.asks import Ask, one_of
from custom_vision_simulator.blobs import find_blob, project_of
from custom_vision_simulator.bodies import canonical, is_uuid
from custom_vision_simulator.domains import DOMAINS, GENERAL, PLATFORMS, Domain
from custom_vision_simulator.records import Image, ImageTag, Project, Region, Snapshot, Tag
from custom_vision_simulator.shapes import project_shape, tag_shape
from custom_vision_simulator.store import find_tag, new_id, now

_METHODS = ("rotation", "scaling", "translation", "horizontal flip", "equalize", "solarize", "padtosquare")
AUGMENTATION = dict.fromkeys(_METHODS, True)  # of a new project in every recorded session
CLASSIFICATION_TYPES = ("Multiclass", "Multilabel")
TAG_TYPES = ("Regular", "Negative", "GeneralProduct")
_CLASSIFICATION, _PLATFORM = "BadRequestProjectUnknownClassification", "BadRequestProjectUnsupportedExportPlatform"


def get_domains(ask: Ask) -> Answer:
    """Answer all domains."""
    del ask
    return json_answer([each.shape() for each in DOMAINS.values()])


def get_domain(ask: Ask) -> Answer:
    """Answer one domain, 404 NotFoundDomain for an unknown id."""
    ident = ask.ids["domainId"]
    if ident not in DOMAINS:
        raise not_found("Domain", ident)
    return json_answer(DOMAINS[ident].shape())


def get_projects(ask: Ask) -> Answer:
    """Answer all projects, newest first, without paging (recorded sessions)."""
    link = ask.link()
    newest = sorted(ask.store.projects.values(), key=lambda each: each.created, reverse=True)
    return json_answer([project_shape(each, link) for each in newest])


def get_project(ask: Ask) -> Answer:
    """Answer one project."""
    return json_answer(project_shape(ask.project, ask.link()))


def create_project(ask: Ask) -> Answer:
    """Create a project; 400 for a missing name, an unknown domain or word, or a full quota."""
    if len(ask.store.projects) >= ask.limits.projects:
        raise bad_request("BadRequestExceedProjectLimit", "The project limit of the resource is reached")
    name = ask.required("name", "BadRequestProjectName")
    settings = project_settings(
        domain_id=ask.query.get("domainId", GENERAL),
        classification_type=ask.choice("classificationType", CLASSIFICATION_TYPES, "Multilabel", _CLASSIFICATION),
        platforms=[each for each in ask.query.get("targetExportPlatforms", "").split(",") if each],
    )
    # Copies outside this API: the project names them only when it was created with them (contract v3.4-preview).
    settings |= {key: value for key, value in ask.options_json(bodies.CREATE_PROJECT).items() if value}
    project = Project(new_id(), name, ask.query.get("description", ""), settings, created := now(), created)
    ask.store.projects[project.id] = project
    return json_answer(project_shape(project, ask.link()))


def project_settings(domain_id: str, classification_type: str, platforms: list[str]) -> dict[str, Any]:
    """Return the settings of a project as the service sends them; raise 400 for an unknown domain or platform."""
    domain = _domain(domain_id)
    return {
        "domainId": domain.id,
        "classificationType": None if domain.type == "ObjectDetection" else classification_type,
        "targetExportPlatforms": _platforms(platforms),
        "useNegativeSet": True,
        "detectionParameters": None,
        "imageProcessingSettings": {"augmentationMethods": dict(AUGMENTATION)},
    }


def _domain(domain_id: str) -> Domain:
    ident = canonical(domain_id) if is_uuid(domain_id) else domain_id
    if ident not in DOMAINS:
        raise bad_request("BadRequestProjectUnknownDomain", f"Unknown domain {domain_id}")
    return DOMAINS[ident]


def _platforms(names: list[str]) -> list[str]:
    return [one_of("targetExportPlatforms", each, PLATFORMS, _PLATFORM) for each in names]


def update_project(ask: Ask) -> Answer:
    """Change the name, description or settings of a project."""
    project, changes = ask.project, ask.json(bodies.PROJECT)
    settings = {**project.settings, **_changed_settings(changes.get("settings") or {})}
    project.name = changes.get("name") or project.name
    project.description = changes.get("description", project.description)
    project.settings = settings
    project.last_modified = now()
    return json_answer(project_shape(project, ask.link()))


def _changed_settings(given: dict[str, Any]) -> dict[str, Any]:
    changed = {key: value for key, value in given.items() if value is not None}
    if "domainId" in changed:
        changed["domainId"] = _domain(changed["domainId"]).id
    if "targetExportPlatforms" in changed:
        changed["targetExportPlatforms"] = _platforms(changed["targetExportPlatforms"])
    if name := changed.get("classificationType"):
        changed["classificationType"] = one_of("classificationType", name, CLASSIFICATION_TYPES, _CLASSIFICATION)
    return changed


def delete_project(ask: Ask) -> Answer:
    """Remove a project with everything in it; 400 while an iteration is published (Microsoft's quickstart)."""
    project = ask.project
    for iteration in project.iterations.values():
        if iteration.publish_name:
            message = f"Iteration is already published as: {iteration.publish_name}"
            raise bad_request("BadRequestIterationIsPublished", message)
    del ask.store.projects[project.id]
    return empty()


def get_artifact(ask: Ask) -> Answer:
    """Answer a blob of this project by its relative path, with or without a leading slash (published contract)."""
    path = "/" + ask.query.get("path", "").lstrip("/")
    if project_of(path) != ask.project.id:
        raise bad_request("BadRequestInvalidArtifactUri", f"{path} is not an artifact of this project")
    if (blob := find_blob(ask.store, path)) is None:
        raise not_found("Image", path)
    return Answer(200, blob.data, "application/octet-stream")


def get_tags(ask: Ask) -> Answer:
    """Answer the tags of the workspace or of an iteration, without paging."""
    counts = _counts(ask.snapshot)
    return json_answer([tag_shape(each, counts[each.id]) for each in ask.snapshot.tags.values()])


def get_tag(ask: Ask) -> Answer:
    """Answer one tag of the workspace or of an iteration."""
    return _tag_answer(ask.snapshot, ask.ids["tagId"])


def create_tag(ask: Ask) -> Answer:
    """Create a tag in the workspace; 400 for a name in use or a full quota."""
    workspace = ask.project.workspace
    if len(workspace.tags) >= ask.limits.tags:
        raise bad_request("BadRequestExceedTagPerProjectLimit", "The tag limit of the project is reached")
    name = ask.required("name", "BadRequestTagName")
    if any(each.name == name for each in workspace.tags.values()):
        raise bad_request("BadRequestTagNameNotUnique", f"Name not unique: {name}")
    kind = ask.choice("type", TAG_TYPES, "Regular", "BadRequestTagType")
    if kind == "Negative" and any(each.type == kind for each in workspace.tags.values()):
        raise bad_request("BadRequestMultipleNegativeTag", "The project already has a negative tag")
    tag = Tag(new_id(), name, ask.query.get("description"), kind)
    workspace.tags[tag.id] = tag
    return _tag_answer(workspace, tag.id)


def update_tag(ask: Ask) -> Answer:
    """Change the name, description or type of a tag in the workspace."""
    workspace = ask.project.workspace
    tag, changes = find_tag(workspace, ask.ids["tagId"]), ask.json(bodies.TAG)
    given = {key: changes[key] for key in ("name", "description", "type") if changes.get(key) is not None}
    if "type" in given:
        given["type"] = one_of("type", given["type"], TAG_TYPES, "BadRequestTagType")
    workspace.tags[tag.id] = replace(tag, **given)
    return _tag_answer(workspace, tag.id)


def delete_tag(ask: Ask) -> Answer:
    """Remove a tag from the workspace; its images lose it, iterations keep their copy ([infer])."""
    workspace = ask.project.workspace
    tag = find_tag(workspace, ask.ids["tagId"])
    del workspace.tags[tag.id]
    for image in list(workspace.images.values()):
        workspace.images[image.id] = without(image, lambda each: each.tag_id == tag.id)
    return empty()


def without(image: Image, dropped: Callable[[ImageTag | Region], bool]) -> Image:
    """Return the image without the tags and regions for which `dropped` is true, or itself if there are none."""
    tags = tuple(each for each in image.tags if not dropped(each))
    regions = tuple(each for each in image.regions if not dropped(each))
    same = len(tags) == len(image.tags) and len(regions) == len(image.regions)
    return image if same else replace(image, tags=tags, regions=regions)


def _tag_answer(snapshot: Snapshot, tag_id: str) -> Answer:
    return json_answer(tag_shape(find_tag(snapshot, tag_id), _counts(snapshot)[tag_id]))


def _counts(snapshot: Snapshot) -> Counter[str]:
    return Counter(tag.tag_id for image in snapshot.images.values() for tag in image.tags)


def get_account_info(ask: Ask) -> Answer:
    """Answer the account as API v1.2 did (published contract v1.2); unless enabled, 404 as from today's service."""
    if not ask.options.account_info:
        return gateway_error(404, "Resource not found")
    keys = {"PrimaryKey": ask.options.training_key, "SecondaryKey": ask.options.training_key}
    projects = list(ask.store.projects.values())
    stored = sum(len(each.predictions) for each in projects)
    quotas = {
        "Tier": "Free",
        "Projects": {"Total": 20, "Used": len(projects)},
        "Predictions": {"Total": 1000, "Used": stored},
        "PerProject": [_project_quota(each) for each in projects],
    }
    account = {"UserName": "User Name", "Email": "user@example.com"}
    return json_answer({**account, "Keys": {"TrainingKeys": keys, "PredictionKeys": keys}, "Quotas": quotas})


def _project_quota(project: Project) -> dict[str, Any]:
    return {
        "ProjectId": project.id,
        "Iterations": {"Total": 20, "Used": len(project.iterations)},
        "Images": {"Total": 1000, "Used": len(project.workspace.images)},
        "Tags": {"Total": 50, "Used": len(project.workspace.tags)},
    }
