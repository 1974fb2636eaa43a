"""Helpers for the tests of export: a stocked resource, and ways to inspect the export folder."""

import hashlib
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import bagit
import requests

from custom_vision_simulator.records import Export, Image, ImageTag
from tests.platforms import WINDOWS

API = "/customvision/v3.4-preview/training"
JPEG = b"\xff\xd8\xff\xe0"


def towards(cli, sim):
    """Return the same command line for another simulator."""
    return type(cli)(sim.endpoint, sim.training_key)


def stock(sim, *, images=9, untagged=3):
    """Fill a project with items in every row, and one image that only its iterations hold; return its id."""
    (project,) = sim.fill(images=images, untagged=untagged, image_bytes=400, iterations=2, predictions=3)
    workspace = sim.store.projects[project].workspace
    first, second = sim.store.projects[project].iterations.values()
    first.exports += [Export("TensorFlow", None, "Done"), Export("ONNX", "ONNXFloat16", "Done")]
    second.exports += [Export("CoreML", None, "Exporting"), Export("DockerFile", "Linux", "Failed")]
    del workspace.images[next(reversed(workspace.images))]
    return project


def add_image(sim, project, *, tag=None, metadata=None, name="00"):
    """Add an image with unique bytes to a project's workspace; return its id."""
    holder = sim.store.projects[project]
    example = next(iter(holder.workspace.images.values()))
    identity = hashlib.sha256(f"{project}{name}".encode()).hexdigest()
    identity = f"{identity[:8]}-{identity[8:12]}-4{identity[13:16]}-8{identity[17:20]}-{identity[20:32]}"
    tags = tuple(ImageTag(each.id, example.created) for each in holder.workspace.tags.values() if each.name == tag)
    assert bool(tags) == (tag is not None)
    content = JPEG + identity.encode()
    holder.workspace.images[identity] = Image(
        identity, example.created, tags=tags, metadata=metadata or {}, size=len(content), data=content
    )
    return identity


def rename_tags(sim, project, *names):
    """Return the first tags of a project's workspace and iterations these names."""
    holder = sim.store.projects[project]
    for snapshot in (holder.workspace, *(each.snapshot for each in holder.iterations.values())):
        for identity, name in zip(list(snapshot.tags), names, strict=False):
            snapshot.tags[identity] = replace(snapshot.tags[identity], name=name)


def fetched(sim, path, **query):
    """Return the body of the service's answer to a GET."""
    answer = requests.get(sim.endpoint + API + path, query, headers={"Training-Key": sim.training_key}, timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.content


def project_folder(out, project):
    """Return the folder of a project in an export."""
    (folder,) = (out / "data").glob(f"*{project}")
    return folder


def iteration_folder(out, project, iteration):
    """Return the folder of an iteration in an export."""
    (folder,) = project_folder(out, project).glob(f"iterations/*{iteration}")
    return folder


def records(path):
    """Return the records of a JSON Lines file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def files(folder):
    """Return every file below a folder."""
    return sorted(Path(top, name) for top, _, names in os.walk(folder) for name in names)


def everything(folder):
    """Return all file names and contents below a folder as one bytes object."""
    return b"\n".join(os.fsencode(path.relative_to(folder)) + b"\n" + path.read_bytes() for path in files(folder))


def payload(out):
    """Return the path and content of every file below data/."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files(out / "data")}


def snapshot(folder):
    """Return mode, size, time and inode of everything below a folder, to show later whether anything was touched."""
    entries = [folder, *folder.rglob("*")]
    states = [(entry, entry.lstat()) for entry in entries]
    return {str(entry): (state.st_mode, state.st_size, state.st_mtime_ns, state.st_ino) for entry, state in states}


def assert_bag(out):
    """Assert that bagit.py and sha256sum, which Windows lacks, accept the folder."""
    assert bagit.Bag(str(out)).is_valid(), out
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        if not WINDOWS:
            subprocess.run(["sha256sum", "--check", "--strict", "--quiet", manifest], cwd=out, check=True)
    assert not (out / "missing.jsonl").exists()
    assert not (out / ".cv-gdpr").exists()


def assert_open(out):
    """Assert that the folder is not a finished export; return its list of missing items."""
    assert not (out / "bagit.txt").exists()
    missing = records(out / "missing.jsonl")
    assert missing
    assert all(entry["reason"] for entry in missing)
    return missing


def assert_one_error(ran, code):
    """Assert that a run failed with this exit code, one line of error, and no traceback."""
    assert ran.code == code, (ran.code, ran.out, ran.err)
    assert "Traceback" not in ran.err + ran.out
    assert sum(line.startswith("Error: ") for line in ran.err.splitlines()) == 1, ran.err


def image_record(identity="11111111-1111-4111-8111-111111111111", **more):
    """Return the record of an image as the service lists it."""
    return {"id": identity, "created": "2024-01-01T00:00:00.1234567", "width": 9, "height": 16, **more}
