"""Operations that copy a project into the same or another resource: ExportProject and ImportProject."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import parse_qsl, urlsplit

from custom_vision_simulator import paths
from custom_vision_simulator.answers import Answer, ServiceError, bad_request, json_answer
from custom_vision_simulator.asks import Ask
from custom_vision_simulator.blobs import image_bytes
from custom_vision_simulator.bodies import canonical
from custom_vision_simulator.records import Image, Iteration, Project, Snapshot
from custom_vision_simulator.shapes import project_shape
from custom_vision_simulator.store import new_id, now

_PATH = re.compile("/prjexp-([0-9a-f]{32})/project-export-info")
_MS_FOR_IMAGE = 612  # 6121 for 10 images in a recorded session


def export_project(ask: Ask) -> Answer:
    """Answer a token that imports the project, and counts that include the workspace (recorded sessions).

    Tags are counted once for each iteration, images once; regions like tags ([infer]).
    """
    project = ask.project
    snapshots = [project.workspace, *(each.snapshot for each in project.iterations.values())]
    images = set().union(*(each.images for each in snapshots))
    regions = (len(image.regions) for snapshot in snapshots for image in snapshot.images.values())
    counts = {
        "iterationCount": len(snapshots),
        "imageCount": len(images),
        "tagCount": sum(len(each.tags) for each in snapshots),
        "regionCount": sum(regions),
        "estimatedImportTimeInMS": len(images) * _MS_FOR_IMAGE,
    }
    return json_answer({**counts, "token": ask.link()(paths.project_export(project.id))})


def import_project(ask: Ask) -> Answer:
    """Import the project of a token: its status is Importing at first, Succeeded after `import_seconds`.

    A name that exists gets " (1)" (recorded sessions), the next one " (2)".
    """
    if len(ask.store.projects) >= ask.limits.projects:
        raise bad_request("BadRequestExceedProjectLimit", "The project limit of the resource is reached")
    source = _source(ask)
    taken = {each.name for each in ask.store.projects.values()}
    name = _unused(ask.query.get("name") or source.name, taken)
    settings, created = dict(source.settings), now()
    project = Project(new_id(), name, source.description, settings, created, created, status="Importing")
    ask.store.projects[project.id] = project
    ask.store.later(ask.options.import_seconds, partial(_finish, source, project))
    return json_answer(project_shape(project, ask.link()))


def _source(ask: Ask) -> Project:
    token = ask.required("token", "BadRequestInvalidImportToken")
    try:
        parts = urlsplit(token)
    except ValueError as error:
        raise _refused() from error
    found = _PATH.fullmatch(parts.path)
    signed = ask.options.vnet or ask.links.refusal(parts.path, dict(parse_qsl(parts.query))) is None
    if not (found and signed and canonical(found[1]) in ask.store.projects):
        raise _refused()
    return ask.store.projects[canonical(found[1])]


def _refused() -> ServiceError:
    return bad_request("BadRequestInvalidImportToken", "The token names no exported project")


def _unused(name: str, taken: set[str]) -> str:
    number, unused = 0, name
    while unused in taken:
        number += 1
        unused = f"{name} ({number})"
    return unused


def _finish(source: Project, project: Project) -> None:
    if project.status != "Importing":
        return
    renaming = _Renaming({})
    project.workspace = renaming.snapshot(source.workspace)
    trained = [each for each in source.iterations.values() if each.status == "Completed"]
    project.iterations = {each.id: each for each in renaming.iterations(trained)}
    project.trainings, project.status, project.last_modified = source.trainings, "Succeeded", now()


@dataclass(frozen=True)
class _Renaming:
    """New ids for the records of a copy, one for each id (recorded sessions: tags and iterations have other ids)."""

    ids: dict[str, str]

    def of(self, ident: str) -> str:
        return self.ids.setdefault(ident, new_id())

    def iterations(self, iterations: Iterable[Iteration]) -> Iterable[Iteration]:
        """Return copies that are not published and have no exported models."""
        for each in iterations:
            fresh = replace(each, id=self.of(each.id), created=now(), snapshot=self.snapshot(each.snapshot), exports=[])
            fresh.publish_name = fresh.publish_resource = None
            yield fresh

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        tags = [replace(each, id=self.of(each.id)) for each in snapshot.tags.values()]
        images = [self._image(each) for each in snapshot.images.values()]
        return Snapshot({each.id: each for each in tags}, {each.id: each for each in images})

    def _image(self, image: Image) -> Image:
        tags = tuple(replace(each, tag_id=self.of(each.tag_id)) for each in image.tags)
        regions = tuple(replace(each, id=self.of(each.id), tag_id=self.of(each.tag_id)) for each in image.regions)
        return replace(image, id=self.of(image.id), tags=tags, regions=regions, data=image_bytes(image))
