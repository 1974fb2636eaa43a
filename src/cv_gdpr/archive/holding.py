"""What an export folder holds, by id: for each thing its record, as exported."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cv_gdpr.findings import Json
from cv_gdpr.redact import json_value

_LISTS = {
    "iterations.jsonl": "iterations",
    "tags.jsonl": "tags",
    "images.jsonl": "images",
    "predictions.jsonl": "predictions",
}


def endpoint_of(folder: Path) -> str:
    """Give the endpoint that an export came from, or an empty string."""
    return str(_summary(folder).get("endpoint", ""))


def rows_of(folder: Path) -> frozenset[str]:
    """Give the rows of the table that an export was made of."""
    return frozenset(_summary(folder)["rows"])


def _summary(folder: Path) -> Json:
    summary: Any = json.loads((folder / "data" / "export.json").read_bytes())
    return summary if isinstance(summary, dict) else {}


def records_held(folder: Path) -> Iterator[tuple[str, str, Json]]:
    """Give project id, row and record of everything in a verified export; its bytes were verified with it."""
    for project in _summary(folder)["projects"]:
        place = folder / "data" / project["folder"]
        for path in sorted(place.rglob("*.jsonl")):
            if path.name in _LISTS:
                for record in _lines(path):
                    yield project["id"], _LISTS[path.name], record
    listed = folder / "data" / "projects.jsonl"
    for record in _lines(listed) if listed.is_file() else ():
        yield record["id"], "projects", record


def _lines(path: Path) -> Iterator[Json]:
    with path.open("rb") as lines:
        yield from map(json_value, lines)  # a mark counts every digit
