"""An export holds everything that the service holds, from every page and place, or says what is missing."""

import json
from dataclasses import replace

import pytest

from custom_vision_simulator import Fault, Options, Simulator
from custom_vision_simulator.blobs import image_bytes, model_bytes, original_bytes, prediction_bytes
from tests.export.exporting import (
    assert_bag,
    assert_one_error,
    assert_open,
    fetched,
    image_record,
    iteration_folder,
    project_folder,
    records,
    rename_tags,
    stock,
    towards,
)


def test_an_image_held_only_by_an_iteration_is_exported(sim, cli, tmp_path):
    project = stock(sim)
    holder = sim.store.projects[project]
    out = tmp_path / "out"
    assert cli("export", "images", "--all", "-q", "--out", out).code == 0
    folder = project_folder(out, project)
    assert {record["id"] for record in records(folder / "images.jsonl")} == set(holder.workspace.images)
    iteration = next(iter(holder.iterations.values()))
    gone = iteration.snapshot.images.keys() - holder.workspace.images.keys()
    assert len(gone) == 1
    assert {r["id"] for r in records(iteration_folder(out, project, iteration.id) / "images.jsonl")} > gone
    for identity, image in iteration.snapshot.images.items():
        assert (folder / "images" / f"{identity}.jpg").read_bytes() == image_bytes(image)


@pytest.mark.slow
def test_every_page_is_read_despite_equal_times(sim, cli, tmp_path):
    (project,) = sim.fill(images=1100, untagged=300, image_bytes=50)
    images = sim.store.projects[project].workspace.images
    moment = next(iter(images.values())).created
    for identity in list(images)[200:600]:
        images[identity] = replace(images[identity], created=moment)
    ran = cli("export", "images", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert ran.json["rows"][0] | {"bytes": 0} == {
        "row": "images", "held": 1100, "exported": 1100, "bytes": 0, "verdict": "complete"
    }  # fmt: skip
    kept = [record["id"] for record in records(project_folder(tmp_path / "out", project) / "images.jsonl")]
    assert len(kept) == 1100
    assert set(kept) == set(images)
    skips = [int(call.query["skip"]) for call in sim.calls if call.operation == "GetTaggedImages"]
    assert sorted(skips) == [0, 255, 510, 765]  # each page overlaps the one before by a record
    assert all(int(call.query["take"]) <= 256 for call in sim.calls if "take" in call.query)
    assert_bag(tmp_path / "out")


@pytest.mark.slow
def test_duplicate_and_skipped_images_of_a_listing_are_handled(sim, cli, tmp_path):
    (project,) = sim.fill(images=300, image_bytes=50)
    page = json.loads(fetched(sim, f"/projects/{project}/images/tagged", take=256, orderBy="Oldest"))
    # A list that changes while it is paged by skip: the first page's last image is repeated, another one is skipped.
    sim.fault(Fault("GetTaggedImages", body=[*page[:254], page[255], page[255]]))
    ran = cli("export", "images", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    kept = [record["id"] for record in records(project_folder(tmp_path / "out", project) / "images.jsonl")]
    assert len(kept) == len(set(kept)) == 300


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"6"])
def test_differing_counts_leave_the_export_unfinished(sim, cli, tmp_path, body):
    (project,) = sim.fill(images=5)
    sim.fault(Fault("GetImageCount", times=None, body=body))
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 3)
    (missing,) = assert_open(tmp_path / "out")
    assert missing["row"] == "images"
    assert missing["project"] == project
    assert "5" in missing["reason"]
    assert body.decode() in missing["reason"]
    assert "incomplete" in ran.out
    sim.clear_faults()
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert_bag(tmp_path / "out")


@pytest.mark.slow
def test_an_endless_listing_is_stopped(sim, cli, tmp_path):
    sim.fill(images=3)
    images = [image_record(f"11111111-1111-4111-8111-{n:012}", originalImageUri="https://x/y") for n in range(256)]
    sim.fault(Fault("GetTaggedImages", times=None, body=images))
    sim.fault(Fault("QueryPredictions", times=None, body={"results": [], "token": {"continuation": "again"}}))
    ran = cli("export", "images", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0")
    assert_one_error(ran, 3)
    assert_one_error(cli("export", "predictions", "--all", "--out", tmp_path / "other"), 3)


def test_a_differing_count_of_validation_images_is_reported(sim, cli, tmp_path):
    sim.fill(images=10, iterations=1)
    sim.fault(Fault("GetImagePerformanceCount", times=None, body=b"77"))
    assert_one_error(cli("export", "performance", "--all", "--out", tmp_path / "out"), 3)
    assert {entry["row"] for entry in assert_open(tmp_path / "out")} == {"performance"}


def test_iterations_with_different_tags_keep_their_own(sim, cli, tmp_path):
    (project,) = sim.fill(images=6, tags=2, iterations=2)
    holder = sim.store.projects[project]
    first, second = holder.iterations.values()
    for identity, tag in list(first.snapshot.tags.items())[:1]:
        first.snapshot.tags[identity] = replace(tag, name="what it was called then")
    assert cli("export", "tags", "--all", "-q", "--out", tmp_path / "out").code == 0
    names = [tag["name"] for tag in records(iteration_folder(tmp_path / "out", project, first.id) / "tags.jsonl")]
    assert names == ["what it was called then", "tag 2"]
    assert [tag["name"] for tag in records(project_folder(tmp_path / "out", project) / "tags.jsonl")] == [
        "tag 1",
        "tag 2",
    ]
    assert not list(project_folder(tmp_path / "out", project).glob(f"iterations/*{second.id}/tags.jsonl"))


@pytest.mark.parametrize("status", ["Training", "Failed", "Staging"])
def test_an_iteration_without_performance_is_noted(sim, cli, tmp_path, status):
    (project,) = sim.fill(images=5, iterations=2)
    first, second = sim.store.projects[project].iterations.values()
    first.status = status
    ran = cli("export", "performance", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert ran.json["rows"][0]["held"] == 1
    (note,) = records(project_folder(tmp_path / "out", project) / "absent.jsonl")
    assert (note["row"], note["iteration"]) == ("performance", first.id)
    assert (iteration_folder(tmp_path / "out", project, second.id) / "performance.json").is_file()
    assert cli("verify", tmp_path / "out").code == 0


def test_failed_performance_of_a_completed_iteration_is_missing(sim, cli, tmp_path):
    sim.fill(images=5, iterations=1)
    sim.fault(Fault("GetIterationPerformance", status=400, times=None))
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 3)
    assert {entry["row"] for entry in assert_open(tmp_path / "out")} == {"performance"}


def test_finished_models_are_exported_and_others_noted(sim, cli, tmp_path):
    project = stock(sim)
    first, second = sim.store.projects[project].iterations.values()
    assert cli("export", "exports", "--all", "-q", "--out", tmp_path / "out").code == 0
    folder = project_folder(tmp_path / "out", project)
    models = folder / "exported-models" / first.id
    assert {path.name for path in models.iterdir()} == {"TensorFlow.zip", "ONNX-ONNXFloat16.zip"}
    assert (models / "TensorFlow.zip").read_bytes() == model_bytes(first, "TensorFlow")
    assert not (folder / "exported-models" / second.id).exists()
    reasons = {note["id"].partition("/")[2]: note["reason"] for note in records(folder / "absent.jsonl")}
    assert reasons == {"CoreML": "status Exporting", "DockerFile-Linux": "status Failed"}


def test_a_model_that_is_done_but_has_no_link_is_missing(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("GetExports", times=None, body=[{"platform": "ONNX", "status": "Done", "downloadUri": None}]))
    assert_one_error(cli("export", "exports", "--all", "--out", tmp_path / "out"), 3)
    assert len(assert_open(tmp_path / "out")) == 2


@pytest.mark.slow
def test_predictions_are_read_to_the_last_continuation(sim, cli, tmp_path):
    (project,) = sim.fill(images=2, iterations=1, predictions=250, image_bytes=60)
    assert cli("export", "predictions", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert sum(call.operation == "QueryPredictions" for call in sim.calls) == 2 * 3  # until two passes agree
    folder = project_folder(tmp_path / "out", project)
    held = sim.store.projects[project].predictions
    assert [record["id"] for record in records(folder / "predictions.jsonl")] == list(held)
    for identity, prediction in held.items():
        assert (folder / "predictions" / f"{identity}.jpg").read_bytes() == prediction_bytes(prediction)


def test_separate_originals_are_exported_beside_resized_images(cli, tmp_path):
    with Simulator(Options(original_blobs=True)) as sim:
        (project,) = sim.fill(images=4)
        ran = towards(cli, sim)("export", "images", "--all", "--out", tmp_path / "out")
        assert ran.code == 0, ran.err
        folder = project_folder(tmp_path / "out", project)
        for identity, image in sim.store.projects[project].workspace.images.items():
            assert (folder / "images" / f"{identity}.jpg").read_bytes() == original_bytes(image)
            assert (folder / "images-resized" / f"{identity}.jpg").read_bytes() == image_bytes(image)
    assert cli("verify", tmp_path / "out").code == 0


@pytest.mark.slow
def test_relative_paths_are_fetched_with_get_artifact(cli, tmp_path):
    with Simulator(Options(vnet=True)) as sim:
        project = stock(sim)
        ran = towards(cli, sim)("export", "--all", "--json", "--out", tmp_path / "out")
        assert ran.code == 0, ran.err
        assert not sim.blob_requests
        assert ran.json["calls"]["GetArtifact"] == 9 + 2 + 3
        for identity, image in next(iter(sim.store.projects[project].iterations.values())).snapshot.images.items():
            kept = project_folder(tmp_path / "out", project) / "images" / f"{identity}.jpg"
            assert kept.read_bytes() == image_bytes(image)
    assert_bag(tmp_path / "out")
    assert cli("verify", tmp_path / "out").code == 0


def test_files_are_named_by_their_true_type(sim, cli, tmp_path):
    kinds = {".png": b"\x89PNG\r\n\x1a\n", ".gif": b"GIF89a", ".bmp": b"BM..", ".webp": b"RIFF....WEBP", ".bin": b"?"}
    (project,) = sim.fill(images=len(kinds))
    images = sim.store.projects[project].workspace.images
    expected = {}
    for (identity, image), (suffix, head) in zip(list(images.items()), kinds.items(), strict=True):
        images[identity] = replace(image, data=head)
        expected[identity] = suffix
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    kept = (project_folder(tmp_path / "out", project) / "images").iterdir()
    assert {path.stem: path.suffix for path in kept} == expected


def test_a_project_deleted_during_the_export_is_reported(sim, cli, tmp_path):
    (_, second) = sim.fill(projects=2, images=2)
    sim.fault(Fault("*", status=404, body={"code": "NotFoundProject"}, times=None, match=f"/projects/{second}"))
    ran = cli("export", "--all", "--json", "--out", tmp_path / "out")
    assert_one_error(ran, 3)
    assert {entry["project"] for entry in assert_open(tmp_path / "out")} == {second}
    verdicts = {row["row"]: row["verdict"] for row in ran.json["rows"]}
    assert set(verdicts.values()) == {"incomplete", "not exported"}


def test_a_tag_name_of_300_characters_is_kept(sim, cli, tmp_path):
    (project,) = sim.fill(images=3)
    rename_tags(sim, project, "x" * 300)
    assert cli("export", "tags", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert records(project_folder(tmp_path / "out", project) / "tags.jsonl")[0]["name"] == "x" * 300
