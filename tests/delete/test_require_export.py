"""`--require-export`: only what a verified export contains as it is now is deleted."""

import json
from dataclasses import replace

import pytest

from custom_vision_simulator import Simulator
from custom_vision_simulator.records import Export, ImageTag
from cv_gdpr.archive.bag import Bag
from cv_gdpr.delete.required_export import items_held
from cv_gdpr.errors import UsageError
from cv_gdpr.verify import verify
from tests.commandline import CommandLine
from tests.delete.erasing import calls, ids, others_untouched, state, stock, tag_id
from tests.export.exporting import project_folder, records
from tests.verify.forging import rewrite, seal


@pytest.fixture
def exported(cli, tmp_path):
    """Exports into a new folder; the default is everything."""

    def export(*arguments):
        out = tmp_path / "-".join(["export", *(word.strip("-") for word in arguments)])
        assert cli("export", *(arguments or ["--all"]), "--out", out).code == 0
        return out

    return export


def refused(sim, erase, folder, *arguments):
    """Assert that a deletion is refused and that nothing was sent; return its message."""
    before = state(sim)
    sim.calls.clear()
    ran = erase(*(arguments or ["--all"]), "--require-export", folder)
    assert ran.code == 2, ran.err
    assert calls(sim) == []
    assert not erase.ledger_file.exists()
    others_untouched(sim, before, set())
    return ran.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["--all"], ["--project", "Visitors"], ["images", "--all"], ["--all", "--tag", "alice"]]
)
def test_a_complete_export_permits_deleting_everything(sim, erase, exported, arguments):
    stock(sim, predictions=0)
    folder = exported()

    assert erase(*arguments, "--require-export", folder).code == 0


@pytest.mark.slow
def test_an_export_of_one_person_permits_only_their_deletion(sim, erase, exported):
    stock(sim, predictions=0)
    folder = exported("--all", "--metadata", "subject=nr-4711")

    assert "does not hold" in refused(sim, erase, folder, "--all", "--metadata", "subject=nr-4712")
    assert erase("--all", "--metadata", "subject=nr-4711", "--require-export", folder).code == 0


@pytest.mark.slow
def test_a_flipped_bit_in_the_export_prevents_the_deletion(sim, erase, exported):
    stock(sim)
    folder = exported()
    for kind in ("images/*", "images.jsonl", "tags.jsonl", "predictions/*", "performance.json"):
        victim = next(iter(sorted(folder.glob(f"data/**/{kind}"))))
        content = victim.read_bytes()
        victim.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])

        assert "is not proved" in refused(sim, erase, folder), kind
        victim.write_bytes(content)
    assert erase("predictions", "--all", "--require-export", folder).code == 0


@pytest.mark.slow
def test_a_file_missing_in_the_export_prevents_the_deletion(sim, erase, exported):
    stock(sim)
    folder = exported()
    next(folder.glob("data/*/images/*")).unlink()

    assert "is not proved" in refused(sim, erase, folder)


def test_a_row_that_was_not_exported_is_not_deleted(sim, erase, exported):
    stock(sim)
    folder = exported("predictions", "--all")

    assert "does not hold" in refused(sim, erase, folder)
    assert erase("predictions", "--all", "--require-export", folder).code == 0


@pytest.mark.slow
def test_a_project_that_was_not_exported_is_not_deleted(sim, erase, exported):
    stock(sim), stock(sim, "Strangers")
    folder = exported("--project", "Visitors")

    refused(sim, erase, folder)
    assert erase("--project", "Visitors", "--require-export", folder).code == 0


def added(sim, project):
    workspace = sim.store.projects[project].workspace
    new = replace(next(iter(workspace.images.values())), id="f" * 8 + "-0000-4000-8000-" + "f" * 12)
    workspace.images[new.id] = new
    return new.id


def retagged(sim, project):
    workspace = sim.store.projects[project].workspace
    one = next(image for image in workspace.images.values() if not image.tags)
    workspace.images[one.id] = replace(one, tags=(ImageTag(tag_id(sim, project, "bob"), one.created),))
    return one.id


def relabelled(sim, project):
    workspace = sim.store.projects[project].workspace
    one = next(iter(workspace.images.values()))
    workspace.images[one.id] = replace(one, metadata={"subject": "other"})
    return one.id


def retrained(sim, project):
    holder = sim.store.projects[project]
    one = replace(next(iter(holder.iterations.values())), id="e" * 8 + "-0000-4000-8000-" + "e" * 12, publish_name=None)
    holder.iterations[one.id] = one
    return one.id


def renamed(sim, project):
    workspace = sim.store.projects[project].workspace
    one = next(iter(workspace.tags.values()))
    workspace.tags[one.id] = replace(one, name="renamed since")
    return one.id


@pytest.mark.slow
@pytest.mark.parametrize("change", [added, retagged, relabelled, retrained, renamed])
def test_items_changed_since_the_export_are_not_deleted(sim, erase, exported, change):
    project = stock(sim)
    folder = exported()
    identity = change(sim, project)

    said = refused(sim, erase, folder)

    lacking = 2 if change is retrained else 1  # a new iteration has a model of its own
    assert f"does not hold {lacking} items" in said
    assert identity in said


@pytest.mark.slow
def test_an_export_of_another_endpoint_is_refused(sim, exported):
    stock(sim)
    folder = exported()
    with Simulator() as elsewhere:
        stock(elsewhere)
        before = state(elsewhere)
        cli = CommandLine(elsewhere.endpoint, elsewhere.training_key)

        ran = cli("delete", "--all", "--yes", "--json", "--require-export", folder)

        assert ran.code == 2
        assert "another endpoint" in ran.err
        others_untouched(elsewhere, before, set())


@pytest.mark.parametrize("kind", ["missing", "empty", "file", "unfinished"])
def test_anything_but_a_finished_export_is_refused(sim, erase, exported, tmp_path, kind):
    stock(sim)
    folder = tmp_path / "folder"
    if kind == "unfinished":
        folder = exported()
        (folder / "bagit.txt").unlink()
    elif kind == "file":
        folder.write_text("x")
    elif kind == "empty":
        folder.mkdir()

    refused(sim, erase, folder)


@pytest.mark.slow
def test_the_export_is_valid_after_a_cut_off_unpublish(sim, erase, exported):
    project = stock(sim)
    folder = exported()
    for iteration in sim.store.projects[project].iterations.values():
        iteration.publish_name = iteration.publish_resource = None

    assert erase("--all", "--require-export", folder).code == 0
    assert sim.store.projects == {}


def test_the_iterations_performance_must_be_exported_too(sim, erase, exported):
    stock(sim)
    folder = exported("iterations", "--all")

    said = refused(sim, erase, folder, "iterations", "--all")

    assert "performance" in said


# --- missing files, different endpoints, files instead of folders -------------------------------------------------


def without_bytes(folder, project, row):
    """Change an export as if a row's first item had been deleted during the export; return its id."""
    place = project_folder(folder, project)
    identity = records(place / f"{row}.jsonl")[0]["id"]
    for path in place.glob(f"{row}*/{identity}.*"):
        path.unlink()
    rewrite(place / "files.jsonl", lambda values: [values.remove(one) for one in values[:] if identity in one["blob"]])
    note = {"row": row, "iteration": None, "id": identity, "reason": "deleted meanwhile", "gone": True}
    (place / "absent.jsonl").write_text(json.dumps(note) + "\n")

    def count(told):
        held = told["rows"][row]["held"]
        info, label = folder / "bag-info.txt", f"Exported-{row.title()}"
        info.write_text(info.read_text().replace(f"{label}: {held} of {held}", f"{label}: {held - 1} of {held - 1}"))
        told["rows"][row] = {"held": held - 1, "exported": held - 1}

    rewrite(folder / "data" / "export.json", count)
    seal(folder)
    return identity


@pytest.mark.slow
@pytest.mark.parametrize("row", ["images", "predictions"])
def test_an_item_noted_as_gone_is_not_held(sim, erase, exported, row):
    project = stock(sim)
    folder = exported()
    identity = without_bytes(folder, project, row)
    assert verify(folder).differences == []  # the bag is complete: it states that this is missing
    assert identity not in {one.id for one in items_held(Bag(folder)) if one.row == row}

    said = refused(sim, erase, folder)

    assert f"does not hold 1 items of the plan as they are now, the first: {row} {identity}" in said


@pytest.mark.slow
def test_everything_the_service_has_is_held(sim, exported):
    projects = [stock(sim), stock(sim, "Strangers")]
    held = {one[:3] for one in items_held(Bag(exported()))}

    for row in ("projects", "iterations", "predictions", "tags", "images"):
        there = {(project, row, one) for project in projects for one in ids(sim, project, row)}
        assert {one for one in held if one[1] == row} == there


def models_in(folder):
    """Return project and id of each exported model that a bag holds."""
    return {(one.project, one.id) for one in items_held(Bag(folder)) if one.row == "exports"}


def test_exported_models_are_held_if_they_are_done(sim, exported):
    project = stock(sim)
    first, second = sim.store.projects[project].iterations.values()
    first.exports += [Export("ONNX", "ONNXFloat16", "Done"), Export("CoreML", None, "Exporting")]
    second.exports += [Export("DockerFile", "Linux", "Failed")]

    held = models_in(exported())

    assert held == {(project, f"{first.id}/TensorFlow"), (project, f"{first.id}/ONNX-ONNXFloat16")}


def test_a_model_missing_in_the_index_is_not_held(sim, exported):
    project = stock(sim)
    folder = exported()
    rewrite(
        project_folder(folder, project) / "files.jsonl",
        lambda values: [values.remove(one) for one in values[:] if one["blob"].startswith("exported-models/")],
    )

    assert models_in(folder) == set()


@pytest.mark.slow
@pytest.mark.parametrize("file", ["data/export.json", "bag-info.txt"])
def test_files_that_name_different_endpoints_are_refused(sim, erase, exported, file):
    stock(sim)
    folder = exported()
    (folder / file).write_text((folder / file).read_text().replace(sim.endpoint, "https://other.example"))
    seal(folder)

    assert "is not proved" in refused(sim, erase, folder)
    with pytest.raises(UsageError, match="do not name the same endpoint"):
        _ = Bag(folder).endpoint


@pytest.mark.parametrize("name", ["evidence.json", "manifest-sha256.txt"])
def test_a_file_instead_of_an_export_is_one_error(sim, erase, tmp_path, name):
    stock(sim)
    (tmp_path / name).write_text("{}")

    said = refused(sim, erase, tmp_path / name)

    assert said.splitlines()[0] == f"Error: --require-export {tmp_path / name} is not a folder"


@pytest.mark.slow
@pytest.mark.parametrize("rows", [["--all"], ["iterations", "--all"]])
def test_a_model_done_since_the_export_must_be_held(sim, erase, exported, rows):
    project = stock(sim)
    folder = exported()
    assert erase(*rows, "--dry-run", "--require-export", folder).code == 0
    iteration = next(iter(sim.store.projects[project].iterations.values()))
    iteration.exports += [Export("ONNX", None, "Done"), Export("CoreML", None, "Exporting")]

    ran = erase(*rows, "--yes", "--require-export", folder)

    assert ran.code == 2
    assert f"does not hold 1 items of the plan as they are now, the first: exports {iteration.id}/ONNX" in ran.err
    assert calls(sim) == []


@pytest.mark.slow
def test_images_deleted_with_their_iterations_must_be_held(sim, erase, exported):
    project = stock(sim)
    folder, holder = exported(), sim.store.projects[project]
    (only_there,) = ids(sim, project, "images") - set(holder.workspace.images)
    snapshots = [one.snapshot for one in holder.iterations.values()]
    was = snapshots[0].images[only_there]
    for snapshot in snapshots:
        snapshot.images[only_there] = replace(was, metadata={"subject": "since"})

    ran = erase("iterations", "--all", "--require-export", folder)
    assert ran.code == 2
    assert f"does not hold 1 items of the plan as they are now, the first: images {only_there}" in ran.err
    for snapshot in snapshots:
        snapshot.images[only_there] = was

    assert erase("iterations", "--all", "--require-export", folder).code == 0
    assert erase.states("images") == {only_there: "deleted"}


@pytest.mark.slow
def test_images_that_lose_a_tag_must_be_held(sim, erase, exported):
    stock(sim)
    folder = exported("tags", "--all")

    ran = erase("tags", "--all", "--require-export", folder)

    assert ran.code == 2
    assert "the first: images " in ran.err
    assert erase("tags", "--all", "--require-export", exported()).code == 0


@pytest.mark.slow
def test_the_end_names_the_export_and_the_command(sim, erase, exported):
    """The bag now holds a copy of what was erased: the command that takes it out is named."""
    stock(sim)
    folder = exported()

    document = erase("predictions", "--all", "--require-export", folder).json
    assert document["redactWith"] == f"cv-gdpr redact {erase.path} {folder}"
    out = erase("tags", "--all", "--require-export", folder, as_json=False).out
    assert f"{folder} now holds a copy of what was erased" in out
    words = out.rpartition("to take it out: ")[2].split()
    assert erase.cli(*words[1:]).code == 0
    assert erase("predictions", "--all", "--require-export", folder).json["redactWith"] is None  # nothing was left
