"""The items that an export folder holds completely, by id: each record as exported, and all its bytes.

The functions rely on a folder that `verify` has proved, where every file in a project's index (files.jsonl) exists.
A record whose bytes are not in the index does not count as held, even if absent.jsonl gives the reason.
"""

from collections.abc import Iterator
from pathlib import Path

from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.names import identity_in, model_stem, safe_stem
from cv_gdpr.archive.reading import content_of, lines_of
from cv_gdpr.archive.summary import SUMMARY
from cv_gdpr.blobs import blobs_of, export_name
from cv_gdpr.errors import UsageError
from cv_gdpr.findings import Json
from cv_gdpr.links import source_path
from cv_gdpr.redact import json_value

_LISTS = {
    "iterations.jsonl": "iterations",
    "tags.jsonl": "tags",
    "images.jsonl": "images",
    "predictions.jsonl": "predictions",
}
_ENDPOINT = "Source-Endpoint: "


def endpoint_of(folder: Path) -> str:
    """Return the endpoint that an export came from; raise UsageError unless both of its files name the same one."""
    info = content_of(folder / "bag-info.txt").decode().splitlines()
    named = {line.removeprefix(_ENDPOINT) for line in info if line.startswith(_ENDPOINT)}
    endpoint = str(_summary(folder).get("endpoint"))
    if named != {endpoint}:
        raise UsageError(
            f"{folder}: export.json and bag-info.txt do not name the same endpoint", "cv-gdpr verify shows the details"
        )
    return endpoint


def rows_of(folder: Path) -> frozenset[str]:
    """Return the rows of the table that an export covers."""
    return frozenset(_summary(folder)["rows"])


def _summary(folder: Path) -> Json:
    summary: Json = json_value(content_of(folder / "data" / SUMMARY))
    return summary


def records_held(folder: Path) -> Iterator[tuple[str, str, Json]]:
    """Yield project id, row and record of each iteration, tag, image, prediction and project in a verified export.

    An image or prediction is left out unless all its bytes are there.
    """
    for project_id, place in _projects(folder):
        held = _Bytes(place)
        for path in sorted((*place.glob("*.jsonl"), *place.glob("iterations/*/*.jsonl"))):
            row = _LISTS.get(path.name)
            for record in _records(path) if row else ():
                blobs = blobs_of(row, record) if row else ()
                if row and all(held.has(safe_stem(blob.stem), blob.uri) for blob in blobs):
                    yield project_id, row, record
    listed = folder / "data" / "projects.jsonl"
    for record in _records(listed) if listed.is_file() else ():
        yield record["id"], "projects", record


def models_held(folder: Path) -> set[tuple[str, str]]:
    """Return project id and `iteration id/Platform-Flavor` of each exported model in a verified export.

    A model is left out unless all its bytes are there; the service has bytes only of those whose status is Done. The
    names are the item ids of the row `exports`.
    """
    models = set()
    for project_id, place in _projects(folder):
        held = _Bytes(place)
        for path in place.glob("iterations/*/exports.jsonl"):
            iteration = identity_in(path.parent.name)
            for record in _records(path):
                name = export_name(record)
                stem = model_stem(iteration, name)
                blobs = blobs_of("exports", record, stem)
                if blobs and all(held.has(stem, blob.uri) for blob in blobs):
                    models.add((project_id, f"{iteration}/{name}"))
    return models


def _projects(folder: Path) -> Iterator[tuple[str, Path]]:
    for project in _summary(folder)["projects"]:
        yield project["id"], folder / "data" / project["folder"]


class _Bytes:
    """The blobs in a project's index, by the link that their records list."""

    def __init__(self, place: Path) -> None:
        self._keys = {blob_key(entry["blob"], entry["source"]) for entry in _records(place / "files.jsonl")}
        notes = place / "absent.jsonl"
        for note in _records(notes) if notes.is_file() else ():
            if "to" in note and blob_key(note["blob"], note["to"]) in self._keys:
                self._keys.add(blob_key(note["blob"], note["from"]))

    def has(self, stem: str, uri: str) -> bool:
        """Return whether the folder has the bytes of a blob."""
        return blob_key(stem, source_path(uri)) in self._keys


def _records(path: Path) -> Iterator[Json]:
    yield from map(json_value, lines_of(path))  # keeps every digit, since marks are hashes of the text
