"""The simulator's state in memory, and the accepted changes that take effect later."""

from __future__ import annotations

import heapq
import itertools
import math
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from custom_vision_simulator.answers import not_found
from custom_vision_simulator.records import Iteration, Project, Snapshot, Tag

Effect = Callable[[], None]


class Store:
    """All projects by id; hold `lock` while reading or changing more than one project."""

    def __init__(self) -> None:
        """Start empty."""
        self.lock = threading.RLock()
        self.projects: dict[str, Project] = {}
        self.fillings = 0
        self._pending: list[tuple[float, int, Effect]] = []
        self._order = itertools.count()

    def project(self, project_id: str) -> Project:
        """Return a project; raise the service's 404 NotFoundProject."""
        if project_id not in self.projects:
            raise not_found("Project", project_id)
        return self.projects[project_id]

    def iteration(self, project_id: str, iteration_id: str) -> Iteration:
        """Return an iteration; raise the service's 404 NotFoundProject or NotFoundIteration."""
        project = self.project(project_id)
        if iteration_id not in project.iterations:
            raise not_found("Iteration", iteration_id)
        return project.iterations[iteration_id]

    def snapshot(self, project_id: str, iteration_id: str | None = None) -> Snapshot:
        """Return the workspace of a project, or the frozen copy of an iteration."""
        if iteration_id:
            return self.iteration(project_id, iteration_id).snapshot
        return self.project(project_id).workspace

    def later(self, seconds: float, effect: Effect) -> None:
        """Schedule a change: it takes effect at the first access to the state after that many seconds."""
        with self.lock:
            heapq.heappush(self._pending, (time.monotonic() + seconds, next(self._order), effect))

    def settle(self) -> None:
        """Apply every change that is due."""
        self._settle(time.monotonic())

    def finish(self) -> None:
        """Apply every accepted change now, whether it is due or not."""
        self._settle(math.inf)

    def _settle(self, moment: float) -> None:
        with self.lock:
            while self._pending and self._pending[0][0] <= moment:
                heapq.heappop(self._pending)[2]()

    @property
    def pending(self) -> int:
        """Return the number of accepted changes that have not taken effect."""
        return len(self._pending)


def new_id() -> str:
    """Return a new random id."""
    return str(uuid.uuid4())


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def find_tag(snapshot: Snapshot, tag_id: str) -> Tag:
    """Return a tag of a snapshot; raise the service's 404 NotFoundTag."""
    if tag_id not in snapshot.tags:
        raise not_found("Tag", tag_id)
    return snapshot.tags[tag_id]


def remove_images(project: Project, image_ids: set[str], everywhere: bool) -> None:
    """Drop images from the workspace and, when `everywhere`, from every iteration; unknown ids are ignored.

    What was suggested for an image goes with it.
    """
    snapshots = [project.workspace]
    if everywhere:
        snapshots += [each.snapshot for each in project.iterations.values()]
    for snapshot in snapshots:
        for image_id in image_ids & snapshot.images.keys():
            del snapshot.images[image_id]
    for key in [each for each in project.suggestions if each[1] in image_ids]:
        del project.suggestions[key]
