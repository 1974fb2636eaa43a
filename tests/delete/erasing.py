"""Helpers for the tests of deletion: a filled resource, its state before and after, and the command."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from custom_vision_simulator import Fault
from custom_vision_simulator.records import Export
from tests.console import Stoppable
from tests.platforms import WINDOWS, pty

RESOURCE = "/subscriptions/0/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/p"
OPERATIONS = {
    "publications": "UnpublishIteration",
    "predictions": "DeletePrediction",
    "iterations": "DeleteIteration",
    "images": "DeleteImages",
    "tags": "DeleteTag",
    "projects": "DeleteProject",
}
SECRETS = ("Visitors", "Strangers", "alice", "bob", "nr-4711", "nr-4712", "live-visitors", "live-strangers")


@dataclass
class Eraser:
    """Runs `cv-gdpr delete ... --yes --json` and reads its files; each run writes its own evidence."""

    cli: object
    folder: Path
    runs: list = field(default_factory=list)

    @property
    def path(self):
        """The path of the last run's evidence."""
        return self.runs[-1]

    def __call__(
        self, *arguments, evidence=None, wait="0.4", confirmed=True, patience="0.1", as_json=True, **variables
    ):
        self.runs.append(self.folder / (evidence or f"evidence-{len(self.runs)}.json"))
        flags = ["--wait", wait, "--evidence", self.path]
        flags += ["--yes"] * confirmed + ["--json"] * as_json
        variables = {"CV_GDPR_DELETE_PATIENCE": patience} | variables
        ran = self.cli("delete", *flags, *arguments, **variables)
        assert "Traceback" not in ran.out + ran.err
        if as_json:
            assert isinstance(ran.json, dict)
        return ran

    @property
    def evidence(self):
        """The evidence of the last run."""
        return json.loads(self.path.read_text())

    @property
    def ledger(self):
        """The events in the ledger of the last run."""
        return [json.loads(line) for line in self.ledger_file.read_text().splitlines()]

    @property
    def ledger_file(self):
        """The path of the last run's ledger."""
        return self.path.with_suffix(".jsonl")

    @property
    def files(self):
        """The four files of the last run's evidence."""
        return self.path, self.ledger_file, self.path.with_suffix(".html"), self.path.with_suffix(".sha256")

    def states(self, row=None):
        """Return id -> state of the items in the last run's evidence."""
        return {one["id"]: one["state"] for one in self.evidence["items"] if row in {None, one["row"]}}

    @property
    def certificate(self):
        """The certificate of the last run, as text."""
        return self.runs[-1].with_suffix(".html").read_text()

    def verified(self):
        """Return the result of `cv-gdpr verify` on the last run's evidence."""
        return self.cli("verify", self.path).code


def stock(sim, name="Visitors", *, images=8, predictions=3, iterations=2):
    """Add a project with something of every row: two people, a publication, an export, an image in iterations only."""
    seed = len(sim.store.projects)
    (project,) = sim.fill(
        images=images, untagged=2, image_bytes=64, iterations=iterations, predictions=predictions, seed=seed
    )
    holder = sim.store.projects[project]
    holder.name = name
    people = dict(zip(list(holder.workspace.images), ("nr-4711", "nr-4712"), strict=False))
    for snapshot in (holder.workspace, *(one.snapshot for one in holder.iterations.values())):
        for identity, person in zip(list(snapshot.tags), ("alice", "bob"), strict=False):
            snapshot.tags[identity] = replace(snapshot.tags[identity], name=person)
        for identity, subject in people.items():
            snapshot.images[identity] = replace(snapshot.images[identity], metadata={"subject": subject})
    if iterations:
        first = next(iter(holder.iterations.values()))
        first.publish_name, first.publish_resource = f"live-{name.lower()}", RESOURCE
        first.exports.append(Export("TensorFlow", None, "Done"))
        del holder.workspace.images[next(reversed(holder.workspace.images))]
    return project


def ids(sim, project, row):
    """Return the ids of a project's row; for images, including those only in iterations."""
    holder = sim.store.projects[project]
    places = [holder.workspace, *(one.snapshot for one in holder.iterations.values())]
    return {
        "projects": {project},
        "iterations": set(holder.iterations),
        "predictions": set(holder.predictions),
        "tags": set(holder.workspace.tags),
        "images": {one for place in places for one in place.images},
    }[row]


def tag_id(sim, project, name):
    """Return the id of a tag in a project's workspace."""
    return next(one.id for one in sim.store.projects[project].workspace.tags.values() if one.name == name)


def bearing(sim, project, name):
    """Return the ids of the images with a tag, in the workspace or in iterations."""
    holder, tag = sim.store.projects[project], tag_id(sim, project, name)
    places = [holder.workspace, *(one.snapshot for one in holder.iterations.values())]
    return {one.id for place in places for one in place.images.values() if tag in {each.tag_id for each in one.tags}}


def predicted(sim, project, name):
    """Return the ids of the predictions whose most probable tag this is."""
    found = sim.store.projects[project].predictions.values()
    return {one.id for one in found if one.guesses and one.guesses[0].tag.name == name}


def state(sim):
    """Return everything in the service: (project, place, row, id) -> content."""
    sim.store.finish()
    held = {}
    for project in sim.store.projects.values():
        held[project.id, "", "projects", project.id] = (project.name, repr(project.settings))
        held |= {(project.id, "", "predictions", one.id): one for one in project.predictions.values()}
        places = {"": project.workspace} | {one.id: one.snapshot for one in project.iterations.values()}
        for one in project.iterations.values():
            held[project.id, one.id, "iterations", one.id] = (one.name, one.status, one.publish_name, repr(one.exports))
        for place, snapshot in places.items():
            held |= {(project.id, place, "tags", one.id): one for one in snapshot.tags.values()}
            held |= {(project.id, place, "images", one.id): one for one in snapshot.images.values()}
    return held


def others_untouched(sim, before, gone, unpublished=()):
    """Assert that exactly the items in `gone` are gone, with their contents, and everything else is unchanged.

    Of the iterations in `unpublished`, the publication alone is gone.
    """
    gone, after = set(gone), state(sim)
    expected = {key: value for key, value in before.items() if not gone & {key[0], key[1], key[3]}}
    # A deleted tag of the workspace is removed from its images; an iteration's copy of it stays.
    kept_copies = {key: value for key, value in before.items() if key[2] == "tags" and key[1]}
    expected |= {key: value for key, value in kept_copies.items() if not gone & {key[0], key[1]}}
    assert after.keys() == expected.keys()
    for key, value in expected.items():
        assert after[key] == _left_of(key, value, gone, set(unpublished))


def _left_of(key, value, gone, unpublished):
    """Return the content of an item that stays, without deleted tags and ended publications."""
    if key[2] == "images" and not key[1]:
        tags = tuple(one for one in value.tags if one.tag_id not in gone)
        return replace(value, tags=tags, regions=tuple(one for one in value.regions if one.tag_id not in gone))
    if key[2] == "iterations" and key[3] in unpublished:
        return (*value[:2], None, *value[3:])
    return value


def calls(sim, *operations):
    """Return the requests for these operations that the service received; without operations: all that change data."""
    reads = {"GET"}
    if operations:
        return [call for call in sim.calls if call.operation in operations]
    return [call for call in sim.calls if call.method not in reads and not call.operation.startswith("Query")]


@contextmanager
def meanwhile(sim, operation, act):
    """Call `act` when the service receives a call of this operation, before it answers."""

    def watch():
        while not calls(sim, operation):
            time.sleep(0.002)
        act()

    sim.fault(Fault(operation, delay=0.3))
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield
    thread.join(5)


def environment(sim):
    """Return the environment of a subprocess that uses a simulator."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CV_GDPR", "VISION_"))}
    return kept | {
        "CV_GDPR_ENDPOINT": sim.endpoint,
        "CV_GDPR_TRAINING_KEY": sim.training_key,
        "CV_GDPR_DELETE_CALLS_PER_SECOND": "0",
        "CV_GDPR_DELETE_PATIENCE": "1",
        "CV_GDPR_DELETE_WAIT": "1",
    }


def typed(sim, *arguments, answers=(), meanwhile=None):
    """Run `cv-gdpr delete` on a real terminal where a person types the answers; return code, stdout and stderr.

    `meanwhile` is called when the question is asked, before the answers are typed.
    """
    if WINDOWS:
        return _typed_in_console(sim, *arguments, answers=answers, meanwhile=meanwhile)
    ours, theirs = pty.openpty()
    asked = b""
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "cv_gdpr", "delete", *arguments],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(sim),
        ) as process:
            while meanwhile and b"type the" not in asked and (part := os.read(process.stderr.fileno(), 1 << 16)):
                asked += part
            if meanwhile:
                meanwhile()
            os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
            out, err = process.communicate(timeout=30)
    finally:
        os.close(ours)
        os.close(theirs)
    return process.returncode, out.decode(), (asked + err).decode()


def _typed_in_console(sim, *arguments, answers, meanwhile):
    command = [sys.executable, "-m", "cv_gdpr", "delete", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    asked = b""
    with Stoppable(command, typing=True, env=environment(sim), **pipes) as process:
        while meanwhile and b"type the" not in asked and (part := os.read(process.stderr.fileno(), 1 << 16)):
            asked += part
        if meanwhile:
            meanwhile()
        for answer in answers:
            process.type(answer)
        out, err = process.communicate(timeout=30)
    return process.returncode, out.decode(), (asked + err).decode()
