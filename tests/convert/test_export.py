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


@pytest.fixture
def narrowed(sim, cli, tmp_path):
    """An export of selected images, which holds no document of project and iteration; their names fit no folder."""
    (project,) = sim.fill(images=3, image_bytes=400, iterations=1)
    held = sim.store.projects[project]
    held.name = "Visitors: cameras 1/2 (north & south entrance)"
    (iteration,) = held.iterations.values()
    iteration.name = "Trained in: 2026/01"
    image = next(iter(held.workspace.images))
    del held.workspace.images[next(reversed(held.workspace.images))]
    assert cli("export", "images", "--all", "--image-id", image, "--out", tmp_path / "bag", "-q").code == 0
    return project, held.name, iteration


def test_a_narrowed_project_has_its_name(cli, narrowed, tmp_path):
    project, name, _ = narrowed
    ran = cli("convert", tmp_path / "bag", "--to", "csv")
    assert (ran.code, f'project "{name}" ({project})' in ran.out) == (0, True)


@pytest.mark.parametrize("spelled", ["name", "capitals", "braces", "blanks"])
def test_a_narrowed_project_and_iteration_are_found(cli, narrowed, tmp_path, spelled):
    project, name, iteration = narrowed

    def written(identity, named):
        return {"name": named, "capitals": identity.upper(), "braces": f"{{{identity}}}", "blanks": f" {identity} "}[
            spelled
        ]

    words = ("--project", written(project, name), "--iteration", written(iteration.id, iteration.name))
    ran = cli("convert", tmp_path / "bag", "--to", "csv", "--json", *words)
    (made,) = ran.json["dataSets"]
    assert (ran.code, made["projectId"], made["iteration"]) == (0, project, iteration.id)
    wrong = cli("convert", tmp_path / "bag", "--to", "csv", "--iteration", "x", "--out", tmp_path / "x")
    assert (wrong.code, iteration.name in wrong.err) == (2, True)
