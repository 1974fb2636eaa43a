"""Which blob is stored in which file, and which links are renewed together, without downloads."""

import hashlib
from types import SimpleNamespace

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr.archive.folder import Folder
from cv_gdpr.archive.writing import Received
from cv_gdpr.errors import NotFound
from cv_gdpr.export.blobs import ProjectBytes
from cv_gdpr.service.client import Connection, Service
from cv_gdpr.table.categories import layout
from cv_gdpr.table.findings import Blob, Item
from cv_gdpr.table.readers import Project
from tests.export.exporting import records

RUN = {"endpoint": "https://example", "projects": [], "rows": [], "selection": None}
HOST = "https://example.blob.core.windows.net"
ITERATION = {"id": "00000000-0000-4000-8000-000000000001"}


class Orders:
    """Takes the place of the downloads: collects the orders and completes them in `arrive`."""

    def __init__(self):
        self.taken = []

    def submit(self, _project, where, done, *, again=False):
        self.taken.append(SimpleNamespace(where=where, done=done, again=again))

    def push(self):
        """Do nothing: orders are collected at once."""

    def arrive(self):
        """Complete all orders; the bytes of each file are its link."""
        for order in self.taken:
            content = order.where.uri.encode()
            with open(f"{order.where.stem}.jpg", "xb") as file:  # noqa: PTH123 - no file is written twice
                file.write(content)
            received = Received(file.name, len(content), hashlib.sha256(content).hexdigest(), content[:16])
            order.done(received)


def folder_of(tmp_path):
    return Folder(tmp_path / "out", RUN, layout())


def image(number, *paths, iteration=None):
    """Return an image with this number in its id and these paths in its links."""
    identity = f"00000000-0000-4000-8000-{number:012}"
    blobs = tuple(Blob(f"images/{identity}", f"{HOST}{path}?sig=1") for path in paths)
    return Item("images", identity, {"id": identity}, "images.jsonl", iteration, blobs)


def bytes_of(folder, orders, misses=None, service=None):
    name = "Faces-00000000-0000-4000-8000-000000000009"
    (folder.data / name / "images").mkdir(parents=True, exist_ok=True, mode=0o700)
    project = Project(service, {"id": "00000000-0000-4000-8000-000000000009"})
    made = ProjectBytes(project, folder, name, orders, lambda *miss, again: (misses or []).append((*miss, again)))
    return made.__enter__()


def wanted(of_project, *items):
    for item in items:
        for blob in item.blobs:
            of_project.want(item, blob)


def stored(tmp_path):
    """Return the bytes of the stored images by file name."""
    (folder,) = (tmp_path / "out" / "data").iterdir()
    return {path.name: path.read_bytes() for path in (folder / "images").iterdir()}


CASES = {  # the paths of one image's blobs: how many files
    "one blob": (["/i/1"], 1),
    "the same blob twice": (["/i/1", "/i/1"], 1),
    "other bytes in an iteration": (["/i/1", "/i/2"], 2),
    "other bytes in two iterations": (["/i/1", "/i/2", "/i/3"], 3),
}


@pytest.mark.parametrize(("paths", "files"), CASES.values(), ids=CASES)
def test_each_blob_of_an_image_has_a_file_of_its_own(tmp_path, paths, files):
    orders = Orders()
    with folder_of(tmp_path) as folder:
        of_project = bytes_of(folder, orders)
        wanted(of_project, *(image(1, path) for path in paths))
        orders.arrive()
        of_project.wait()
        of_project.finish()

    assert len(orders.taken) == files
    assert set(stored(tmp_path).values()) == {f"{HOST}{path}?sig=1".encode() for path in paths}


def test_a_blob_of_an_earlier_run_keeps_its_file(tmp_path):
    with folder_of(tmp_path) as folder:
        of_project = bytes_of(folder, first := Orders())
        wanted(of_project, image(1, "/i/1"))
        first.arrive()
        of_project.folder.journal.flush()
    before = stored(tmp_path)

    with folder_of(tmp_path) as folder:
        of_project = bytes_of(folder, second := Orders())
        wanted(of_project, image(1, "/i/2"), image(1, "/i/1"))
        second.arrive()
        of_project.wait()
        of_project.finish()

    after = stored(tmp_path)
    assert len(second.taken) == 1
    assert before.items() <= after.items()
    assert len(after) == 2


def test_a_blob_without_a_link_is_missing(tmp_path):
    misses = [()]
    with folder_of(tmp_path) as folder:
        of_project = bytes_of(folder, orders := Orders(), misses)
        of_project.want(item := image(1), Blob(f"images/{item.id}", ""))
        of_project.wait()

    assert not orders.taken
    assert [miss[:3] for miss in misses[1:]] == [("images", item.id, "")]


def test_links_are_renewed_by_place_256_at_most(tmp_path):
    with Simulator() as sim, Service(Connection(sim.endpoint, sim.training_key, 0, 0)) as service:
        (project,) = sim.fill(images=0, iterations=1)
        orders = Orders()
        with folder_of(tmp_path) as folder:
            of_project = bytes_of(folder, orders, service=service)
            of_project.project.entry["id"] = project
            of_project.project.iterations = []  # both places are asked by the place of the first blob alone
            for number in range(600):
                wanted(of_project, image(number, f"/i/{number}", iteration=ITERATION if number % 2 else None))
            of_project._expired.extend(order.done.args[0] for order in orders.taken)
            batches = []
            while batch := of_project._batch():
                batches.append(batch)

    assert [len(batch) for batch in batches] == [256, 256, 44, 44]
    assert [len({one.place for one in batch}) for batch in batches] == [1, 1, 1, 1]
    assert len({one.item.id for batch in batches for one in batch}) == 600


@pytest.mark.parametrize("status", [403, 404, 410])
def test_only_what_every_place_denies_is_unlisted(tmp_path, status):
    with Simulator() as sim, Service(Connection(sim.endpoint, sim.training_key, 0, 0)) as service:
        (project,) = sim.fill(images=3, image_bytes=9, iterations=1)
        there = next(iter(sim.store.projects[project].workspace.images))
        orders = Orders()
        with folder_of(tmp_path) as folder:
            of_project = bytes_of(folder, orders, service=service)
            of_project.project.entry["id"] = project
            lost = image(1, "/i/1")
            known = lost._replace(id=there, blobs=(Blob(f"images/{there}", f"{HOST}/old"),))
            wanted(of_project, lost, known)
            for order in list(orders.taken):
                order.done(NotFound("refused", status=status))
            of_project._renewer.shutdown(wait=True)

    assert [item.id for item, _ in of_project.unlisted] == [lost.id]
    assert [order.again for order in orders.taken] == [False, False, True]
    assert sim.blob_host in orders.taken[-1].where.uri


def test_the_index_names_every_file_with_its_source(tmp_path):
    with folder_of(tmp_path) as folder:
        of_project = bytes_of(folder, orders := Orders())
        wanted(of_project, image(1, "/i/1"), image(2, "/i/2"), image(2, "/i/3"))
        orders.arrive()
        of_project.wait()
        of_project.finish()

    (index,) = (tmp_path / "out" / "data").rglob("files.jsonl")
    assert [entry["source"] for entry in sorted(records(index), key=lambda one: one["source"])] == [
        "/i/1",
        "/i/2",
        "/i/3",
    ]
