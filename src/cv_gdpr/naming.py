"""Names of the projects and iterations that this run has read: a terminal shows them beside their ids."""

from collections.abc import Iterable, Mapping
from typing import Any

NAMES: dict[str, str] = {}
"""Id -> name. Logs, documents and evidence have the ids alone."""


def learn(entries: Iterable[Mapping[str, Any]]) -> None:
    """Keep the names of projects or iterations, as they were listed."""
    NAMES.update((one["id"], str(one["name"])) for one in entries if one.get("name"))
