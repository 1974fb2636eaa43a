"""A gap that an export names excuses exactly that: whatever else is altered in the same project is still found."""

import json

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.archive.bag import FILES, LISTINGS
from cv_gdpr.verify import verify
from tests.export.exporting import iteration_folder, project_folder, records, stock
from tests.verify.forging import rewrite, seal

pytestmark = pytest.mark.slow

FAILS = {"status": 400, "body": {"code": "Bad", "message": "x"}}


class Site:
    """A project of the bag, and what a forger does to it."""

    def __init__(self, out, sim, project):
        self.out, self.id = out, project
        self.iterations = list(sim.store.projects[project].iterations)

    @property
    def folder(self):
        """The folder of the project."""
        return project_folder(self.out, self.id)

    def of(self, number):
        """Return the folder of an iteration."""
        return iteration_folder(self.out, self.id, self.iterations[number])

    def proofs(self, row, number, change):
        """Change the proofs of a row in an iteration, or the workspace; a change that returns None removes one."""
        place = None if number is None else self.iterations[number]
        path = self.folder / LISTINGS
        kept = [change(one) if (one["row"], one["iteration"]) == (row, place) else one for one in records(path)]
        path.write_text("".join(json.dumps(one) + "\n" for one in kept if one))

    def without_images(self, number=None):
        """Remove a list of images and its proof."""
        ((self.folder if number is None else self.of(number)) / "images.jsonl").unlink()
        self.proofs("images", number, lambda _: None)

    def fewer_images(self, number=None):
        """Remove one image of a list, and say so in its proof."""
        path = (self.folder if number is None else self.of(number)) / "images.jsonl"
        rewrite(path, lambda lines: lines.pop())
        self.proofs("images", number, lambda proof: proof | {"written": proof["written"] - 1})

    def without_bytes(self, folder):
        """Remove one file of bytes, and its line in the index."""
        path = max((self.folder / folder).rglob("*.*"))
        path.unlink()
        name = path.relative_to(self.folder).as_posix()
        rewrite(self.folder / FILES, lambda lines: lines.remove(next(one for one in lines if one["path"] == name)))


def fail(operation, number=None):
    """Return how to let an operation fail at a project, or at one of its iterations."""

    def arm(sim, project):
        ids = list(sim.store.projects[project].iterations)
        match = f"projects/{project}" if number is None else ids[number]
        sim.fault(Fault(operation, times=None, match=match, **FAILS))

    return arm


def miscount(sim, project):
    answer = {"body": b"99", "content_type": "application/json"}
    sim.fault(Fault("GetImageCount", times=None, match=f"projects/{project}/images/count", **answer))


def lose_a_blob(sim, project):
    image = min(sim.store.projects[project].workspace.images)
    for match in (image, image.replace("-", "")):
        sim.fault(Fault("Blob", times=None, match=match, status=400))


def lose_a_tag(sim, project):
    fault = {"times": None, "match": f"{project}/tags/{min(sim.store.projects[project].workspace.tags)}"}
    sim.fault(Fault("GetTag", **fault, **FAILS))


def without_a_tag(site):
    rewrite(site.folder / "tag-details.jsonl", lambda lines: lines.pop())


ALTERED = {
    "suggestions, list of images": (fail("QuerySuggestedImages", 0), lambda at: at.without_images(0)),
    "suggestions, an image": (fail("QuerySuggestedImages", 0), lambda at: at.fewer_images(0)),
    "images, another iteration's": (fail("GetTaggedImages", 0), lambda at: at.without_images(1)),
    "images, the workspace's": (fail("GetTaggedImages", 0), Site.without_images),
    "images, performance": (fail("GetTaggedImages", 0), lambda at: (at.of(0) / "performance.json").unlink()),
    "performance, another's": (fail("GetIterationPerformance", 0), lambda at: (at.of(1) / "performance.json").unlink()),
    "performance, iteration": (fail("GetIterationPerformance", 0), lambda at: (at.of(0) / "iteration.json").unlink()),
    "image performances, performance": (
        fail("GetImagePerformances", 0),
        lambda at: (at.of(0) / "performance.json").unlink(),
    ),
    "iteration, another's": (fail("GetIteration", 0), lambda at: (at.of(1) / "iteration.json").unlink()),
    "iteration, list": (fail("GetIteration", 0), lambda at: (at.folder / "iterations.jsonl").unlink()),
    "list of iterations, workspace": (fail("GetIterations"), Site.without_images),
    "list of iterations, an image": (fail("GetIterations"), Site.fewer_images),
    "tags of an iteration, a tag": (fail("GetTags", 0), without_a_tag),
    "a tag, another tag": (lose_a_tag, without_a_tag),
    "counts, an image": (miscount, Site.fewer_images),
    "counts, the list": (miscount, Site.without_images),
    "bytes, another image's": (lose_a_blob, lambda at: at.without_bytes("images")),
    "models, an image": (fail("GetExports", 0), lambda at: at.without_bytes("images")),
    "predictions, an image": (fail("QueryPredictions"), lambda at: at.without_bytes("images")),
    "project, iteration": (fail("GetProject"), lambda at: (at.of(0) / "iteration.json").unlink()),
}


@pytest.fixture
def bag(sim, cli, tmp_path):
    """Return a function that exports one project for each gap, and returns them by name."""

    def make(gaps, code=3):
        out = tmp_path / "out"
        sites = {name: Site(out, sim, stock(sim)) for name in gaps}
        for name, gap in gaps.items():
            gap(sim, sites[name].id)
        words = ("export", "--all", "--accept-missing", "--json", "--out", out)
        ran = cli(*words, CV_GDPR_EXPORT_PATIENCE="0")
        assert ran.code == code, ran.err
        assert {one["project"] for one in ran.json["missing"]} == {one.id for one in sites.values()}
        return sites

    return make


def test_a_gap_excuses_exactly_what_it_names(bag, tmp_path):
    sites = bag({name: gap for name, (gap, _) in ALTERED.items()})
    assert verify(tmp_path / "out").differences == []

    for name, (_, alter) in ALTERED.items():
        alter(sites[name])
    seal(tmp_path / "out")

    found = verify(tmp_path / "out").differences
    assert [name for name, site in sites.items() if not any(site.id in one for one in found)] == []


ONE = {"bytes": lose_a_blob}
FORGED = {
    "bytes that are there": lambda at: at[0].update(source=at[0]["source"] + "x"),
    "an item of another id": lambda at: at[0].update(id=at[0]["project"]),
    "a field that no export writes": lambda at: at[0].update(more=1),
    "a row that does not exist": lambda at: at[0].update(row="nothing"),
    "a file instead of bytes": lambda at: at[0].update(id=None, source=None, file="images.jsonl"),
}


@pytest.mark.parametrize("how", FORGED)
def test_an_entry_about_something_else_excuses_nothing(bag, tmp_path, how):
    bag(ONE)
    rewrite(tmp_path / "out/data/missing.jsonl", FORGED[how])
    seal(tmp_path / "out")
    assert verify(tmp_path / "out").differences


def test_a_bag_that_is_not_complete_is_not_called_verified(bag, cli, tmp_path):
    bag(ONE)
    told, said = cli("verify", tmp_path / "out", "--json"), cli("verify", tmp_path / "out")
    assert said.code == told.code == 3
    assert (told.json["verified"], told.json["complete"], told.json["missing"]) == (False, False, 1)
    assert told.json["differences"] == []
    assert said.out.startswith("not complete: 1 item missing; what it holds is verified")
    assert said.err.count("Error: ") == 1


def test_the_numbers_of_a_row_with_a_gap_are_compared(bag, tmp_path):
    sites = bag(ONE)
    rewrite(tmp_path / "out/data/export.json", lambda summary: summary["rows"]["images"].update(exported=0))
    seal(tmp_path / "out")
    assert any(one.startswith("images: export.json says 0 of") for one in verify(tmp_path / "out").differences)
    assert sites
