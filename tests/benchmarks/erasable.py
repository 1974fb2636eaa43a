"""The service for the soak of `delete`: two projects, faults, a record of deletions, and kills at an exact call."""

import hashlib
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from custom_vision_simulator import Fault, Simulator
from custom_vision_simulator.host import parse_query
from custom_vision_simulator.records import Export
from custom_vision_simulator.routes import find_route
from tests.benchmarks.soaking import API_FAULTS, HUNG, SPAWN, RandomFaults, failing

TARGET, REFERENCE = "Visitors", "Reference"
TAG = "tag 1"
SUBJECT = {"subject": "collins"}
SUBJECT_EVERY = 3  # images
SHARES = {"everything": 1, "tag": 1 / 5, "metadata": 1 / SUBJECT_EVERY}  # share of the images deleted, by selector
SMALLER = 10  # how many times smaller the protected project is
SLOW = 3.0  # seconds until an accepted deletion of images takes effect
DELETE_FAULTS = (
    Fault("*", status=500, done=True),
    Fault("*", status=503, done=True),
    Fault("*", drop=True, done=True),
    Fault("*", delay=HUNG, drop=True, done=True),
    Fault("*", lie=True),
)
ROWS = {  # the row in the ledger of each deleting operation
    "UnpublishIteration": ("publications", "iterationId"),
    "DeletePrediction": ("predictions", "ids"),
    "DeleteIteration": ("iterations", "iterationId"),
    "DeleteImages": ("images", "imageIds"),
    "DeleteTag": ("tags", "tagId"),
    "DeleteProject": ("projects", "projectId"),
}
READING = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Received:
    """A deleting call as it arrived: what it deletes, and how long the ledger was at that moment."""

    operation: str
    project: str
    row: str
    ids: tuple[str, ...]
    ledger: str
    written: int  # bytes


class Trap:
    """A kill at an exact call, shared by two processes: the process to kill, and the number of the call."""

    def __init__(self):
        self.victim = SPAWN.Value("q", 0)
        self.at = SPAWN.Value("q", 0)

    def set(self, pid, number):
        """Kill that process when this call (counted over all runs) arrives."""
        self.victim.value, self.at.value = pid, number

    def spring(self, number):
        """Kill the process if this is the given call."""
        if number == self.at.value and self.victim.value:
            os.kill(self.victim.value, signal.SIGKILL)


class DeletionFaults(RandomFaults):
    """Random faults, also of deletions; records every call that changes something, and springs the trap."""

    def __init__(self, sim, rate, seed, counted, trap):
        super().__init__(rate, seed, counted)
        self.sim, self.trap = sim, trap
        self.ledger = Path()
        self.received = []

    def possible(self, operation, method):
        del operation
        return API_FAULTS + DELETE_FAULTS if method == "DELETE" else API_FAULTS

    def take(self, operation, method, target):
        if method not in READING and operation != "QueryPredictions":
            self.received.append(self._received(operation, method, target))
            self.sim.options.delete_delay = SLOW if self.random.random() < self.rate else 0.0
        fault = super().take(operation, method, target)
        self.trap.spring(self.counted["calls"].value)
        return fault

    def _received(self, operation, method, target):
        parts = urlsplit(target)
        found = find_route(method, parts.path)
        given = (found[1] if found else {}) | parse_query(parts.query)
        row, name = ROWS.get(operation, ("", ""))
        written = self.ledger.stat().st_size if self.ledger.is_file() else 0
        ids = tuple(given.get(name, "").split(","))
        return Received(operation, given.get("projectId", ""), row, ids, str(self.ledger), written)


def stock(sim, name, images, predictions, iterations):
    """Add a project with items in every row: a data subject, a publication, an exported model, old images."""
    amounts = {"images": images, "untagged": images // 10, "tags": 5, "image_bytes": 100}
    (identity,) = sim.fill(**amounts, iterations=iterations, predictions=predictions, seed=len(sim.store.projects))
    project = sim.store.projects[identity]
    project.name = name
    trained = list(project.iterations.values())
    for snapshot in (project.workspace, *(one.snapshot for one in trained)):
        for one in list(snapshot.images)[::SUBJECT_EVERY]:
            snapshot.images[one] = replace(snapshot.images[one], metadata=SUBJECT)
    if trained:
        trained[0].publish_name, trained[0].publish_resource = f"live-{name}", "/subscriptions/0"
        trained[0].exports.append(Export("TensorFlow", None, "Done"))
        _age(project, trained)
    return identity


def _age(project, trained):
    """Leave a twentieth of the images in a single iteration only."""
    for number, one in enumerate(list(project.workspace.images)[::20]):
        del project.workspace.images[one]
        for place, iteration in enumerate(trained):
            if place != number % len(trained):
                del iteration.snapshot.images[one]


def held(store):
    """Return everything that the service holds: (project, place, row, id) -> (hash of the item, its selectors)."""
    store.finish()
    everything = {}
    for project in store.projects.values():
        places = {"": project.workspace} | {one.id: one.snapshot for one in project.iterations.values()}
        like = (project.name, project.description, project.settings, project.status, project.last_modified)
        everything[project.id, "", "projects", project.id] = _like(like)
        for one in project.iterations.values():
            everything[project.id, one.id, "iterations", one.id] = _like(replace(one, snapshot=None))
        for one in project.predictions.values():
            everything[project.id, "", "predictions", one.id] = _like(one, *(guess.tag.id for guess in one.guesses[:1]))
        for place, snapshot in places.items():
            for one in snapshot.tags.values():
                everything[project.id, place, "tags", one.id] = _like(one, one.id)
            for one in snapshot.images.values():
                labels = [each.tag_id for each in one.tags] + list(one.metadata.values())
                everything[project.id, place, "images", one.id] = _like(one, *labels)
    return everything


def _like(record, *labels):
    return hashlib.blake2b(repr(record).encode(), digest_size=16).hexdigest(), frozenset(labels)


def expected(store, mode, images=256, predictions=64):
    """Return roughly how many calls it takes to list the erased project, and to delete the selected items."""
    project = next((one for one in store.projects.values() if one.name == TARGET), None)
    if project is None:
        return 4, 1
    places = [project.workspace, *(one.snapshot for one in project.iterations.values())]
    pages = sum(len(place.images) // images + 3 for place in places) + len(project.predictions) // 100
    workspace = len(project.workspace.images) // images + len(project.workspace.tags)
    everything = workspace + len(project.predictions) // predictions + len(project.iterations) + 3
    return pages + 8, everything * SHARES[mode]


def serve(arguments, counted, trap, pipe):
    """Run the simulator and answer questions from the pipe, until asked to stop."""
    sim = Simulator()
    faults = DeletionFaults(sim, arguments.rate, arguments.seed, counted, trap)
    failing(sim, faults)
    target = stock(sim, TARGET, arguments.images, arguments.predictions, arguments.iterations)
    tag = next(one.id for one in sim.store.projects[target].workspace.tags.values() if one.name == TAG)
    fewer = (arguments.images // SMALLER, arguments.predictions // SMALLER)
    stock(sim, REFERENCE, *fewer, arguments.iterations)
    with sim:
        pipe.send(((sim.endpoint, sim.training_key), target, tag))
        while (order := pipe.recv()) != "stop":
            if order == "held":
                pipe.send(held(sim.store))
            elif order == "expected":
                pipe.send(expected(sim.store, arguments.mode))
            elif order == "received":
                pipe.send(faults.received)
            else:
                faults.ledger = order
