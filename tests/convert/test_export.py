"""What a real export holds, converted: by the simulated service, with iterations that hold more than the workspace."""

import json

import pytest


@pytest.fixture
def bag(sim, cli, tmp_path):
    """An export of a project of object detection whose iteration holds an image that the workspace lacks."""
    (project,) = sim.fill(images=8, untagged=2, image_bytes=400, iterations=1, regions=2)
    images = sim.store.projects[project].workspace.images
    del images[next(reversed(images))]
    assert cli("export", "--all", "--out", tmp_path / "bag", "-q").code == 0
    return tmp_path / "bag"


@pytest.mark.parametrize(
    ("words", "images"), [((), 7), (("--iteration", "Iteration 1"), 8)], ids=["workspace", "trained"]
)
def test_an_export_becomes_a_data_set(cli, bag, tmp_path, words, images):
    ran = cli("convert", bag, "--to", "coco", "--json", *words)
    (made,) = ran.json["dataSets"]
    assert (ran.code, made["task"], made["lost"], made["changed"]) == (0, "object detection", [], [])
    document = json.loads((tmp_path / "bag-coco" / made["folder"] / "annotations.json").read_text())
    assert (len(document["images"]), len(document["annotations"])) == (images, 2 * (images - 2))
    assert len({one["name"] for one in document["categories"]}) == 3
