"""Images are added, deleted and tagged while they are listed: none that was present throughout is missed."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.iterations import complete, freeze
from custom_vision_simulator.records import Image, ImageTag
from tests.endurance.enduring import before
from tests.export.exporting import iteration_folder, project_folder, records

IMAGES = 540  # three pages
OF_IMAGES = {"GetImageCount", "GetTaggedImages", "GetUntaggedImages", "GetUntaggedImageCount", "GetImagesByIds"}
LATE = "ffffffff-0000-4000-8000-000000000000"


def listed(out, project):
    """Return the ids that an export lists for the workspace, empty without a list."""
    path = project_folder(out, project) / "images.jsonl"
    return {record["id"] for record in records(path)} if path.exists() else set()


class OtherProgram:
    """Another user of a project: each act changes one thing."""

    def __init__(self, sim, project, chance):
        self.store, self.chance = sim.store, chance
        self.workspace = sim.store.projects[project].workspace
        self.there = set(self.workspace.images)  # from the beginning and all the time
        self.added = 0

    def act(self):
        with self.store.lock:
            self.chance.choice([self.add, self.delete, self.delete, self.tag, self.tag, self.untag])()

    def add(self):
        self.added += 1
        identity = f"00000000-0000-4000-8000-{self.added:012}"
        self.workspace.images[identity] = Image(identity, datetime.now(UTC), size=60)

    def delete(self):
        identity = self.chance.choice(list(self.workspace.images))
        self.there.discard(identity)
        del self.workspace.images[identity]

    def tag(self):
        self._retag(tags=(ImageTag(next(iter(self.workspace.tags)), datetime.now(UTC)),))

    def untag(self):
        self._retag(tags=())

    def _retag(self, **change):
        identity = self.chance.choice(list(self.workspace.images))
        self.workspace.images[identity] = replace(self.workspace.images[identity], **change)


@pytest.mark.parametrize("seed", range(6))
def test_no_image_present_throughout_is_missed(sim, cli, tmp_path, seed):
    (project,) = sim.fill(images=IMAGES, untagged=250, image_bytes=60)
    chance = random.Random(seed)  # noqa: S311 - chance
    other_program = OtherProgram(sim, project, chance)
    often = chance.choice([1, 3, 8])
    moments = set(chance.sample(range(2, 14), often))

    def act(number):
        if number in moments:
            for _ in range(chance.choice([1, 2])):
                other_program.act()

    before(sim, OF_IMAGES, act)
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")
    missed = other_program.there - listed(tmp_path / "out", project)
    assert not missed, (len(missed), ran.err)
    assert ran.code == 0 or ("before and" in ran.err and ran.code == 3), ran.err
    if ran.code == 0:
        assert cli("verify", tmp_path / "out").code == 0


def test_equal_counts_do_not_hide_a_moved_image(sim, cli, tmp_path):
    (project,) = sim.fill(images=IMAGES, image_bytes=60)
    images = sim.store.projects[project].workspace.images
    there = set(images)

    def act(page):
        if page == 1:
            there.discard(first := next(iter(images)))
            del images[first]
            late = replace(next(iter(images.values())), id=LATE, created=datetime.now(UTC))
            images[LATE] = late
            there.add(LATE)

    before(sim, {"GetTaggedImages"}, act)
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert there <= listed(tmp_path / "out", project)
    assert cli("verify", tmp_path / "out").code == 0


def test_images_tagged_between_two_lists_are_found(sim, cli, tmp_path):
    (project,) = sim.fill(images=80, untagged=30, image_bytes=60)
    other_program = OtherProgram(sim, project, random.Random(5))  # noqa: S311 - chance
    workspace = other_program.workspace
    tagged = next(one for one in workspace.images.values() if one.tags)

    def act(page):
        if page == 0:
            for one in [one for one in workspace.images.values() if not one.tags][:7]:
                workspace.images[one.id] = replace(one, tags=tagged.tags)

    before(sim, {"GetUntaggedImages"}, act)
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert other_program.there == listed(tmp_path / "out", project)
    assert cli("verify", tmp_path / "out").code == 0


def test_equal_counts_do_not_hide_a_retagged_image(sim, cli, tmp_path):
    (project,) = sim.fill(images=80, untagged=30, image_bytes=60)
    other_program = OtherProgram(sim, project, random.Random(5))  # noqa: S311 - chance
    images = other_program.workspace.images
    tagged, untagged = ([one for one in images.values() if bool(one.tags) is kind] for kind in (True, False))

    def change_lists(image, tags):
        images[image.id] = replace(image, tags=tags)

    def act(page):
        if page == 1:  # one list is read, the other is not
            change_lists(tagged[5], ())
            change_lists(untagged[7], tagged[0].tags)
            del images[untagged[3].id], images[tagged[9].id]
            other_program.there -= {untagged[3].id, tagged[9].id}
            other_program.add()
            other_program.add()

    before(sim, {"GetUntaggedImages", "GetTaggedImages"}, act)
    ran = cli("export", "images", "--all", "-q", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert other_program.there <= listed(tmp_path / "out", project)
    assert cli("verify", tmp_path / "out").code == 0


def test_many_deletions_while_listing_miss_nothing(sim, cli, tmp_path):
    (project,) = sim.fill(images=2000, image_bytes=60)
    other_program = OtherProgram(sim, project, random.Random(5))  # noqa: S311 - chance
    images = other_program.workspace.images

    def act(page):
        if page in {1, 3, 6}:
            with sim.store.lock:
                for identity in list(images)[:120]:
                    del images[identity]
                    other_program.there.discard(identity)

    before(sim, {"GetTaggedImages"}, act)
    ran = cli("export", "images", "--all", "-q", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert other_program.there <= listed(tmp_path / "out", project)
    assert cli("verify", tmp_path / "out").code == 0


def test_training_while_listing_is_not_called_complete(sim, cli, tmp_path):
    (project,) = sim.fill(images=20, image_bytes=60)
    holder = sim.store.projects[project]
    moved = next(iter(holder.workspace.images))

    def act(count):
        if count == 1:
            with sim.store.lock:
                complete(freeze(holder, LATE))
                del holder.workspace.images[moved]

    before(sim, {"GetIterations"}, act)
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")
    assert ran.code == 3
    assert f"iteration {LATE} was added during the export" in ran.err
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    kept = iteration_folder(tmp_path / "out", project, LATE) / "images.jsonl"
    assert moved in {record["id"] for record in records(kept)}


def test_either_list_may_be_the_shorter_one(sim, cli, tmp_path):
    (project,) = sim.fill(images=300, untagged=280, image_bytes=60)
    sim.fault(Fault("GetUntaggedImageCount", status=404, times=None))
    ran = cli("export", "images", "--all", "-q", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert listed(tmp_path / "out", project) == set(sim.store.projects[project].workspace.images)
