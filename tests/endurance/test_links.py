"""Links that expire during an export, and items deleted before their bytes are fetched."""

import json
import time

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.archive.bag import Bag
from cv_gdpr.delete.required_export import items_held
from cv_gdpr.links import source_path
from tests.endurance.enduring import simulator
from tests.export.exporting import assert_bag, fetched, image_record, payload, project_folder, records, stock, towards


def slow_export(cli, sim, out, *words):
    """Export with few connections from a slow blob host; return the result."""
    options = ("--connections", "8", "--json", "--out", out)
    return towards(cli, sim)("export", *(words or ("--all",)), *options, CV_GDPR_EXPORT_PATIENCE="20")


def sees_no_key(sim):
    """Assert that the blob host never saw the training key."""
    assert not any("Training-Key" in call.headers for call in sim.blob_requests)
    assert not any(sim.training_key in str(call.headers) + str(call.query) for call in sim.blob_requests)


def test_expired_links_of_many_images_are_renewed_in_batches(cli, tmp_path):
    with simulator(link_life=1.0, blob_latency=0.05) as sim:
        (project,) = sim.fill(images=400, image_bytes=60)
        ran = slow_export(cli, sim, tmp_path / "out", "images", "--all")
        assert ran.code == 0, ran.err
        renewals = [call for call in sim.calls if call.operation == "GetImagesByIds"]
        assert renewals
        assert max(len(call.query["imageIds"].split(",")) for call in renewals) <= 256
        assert len(renewals) < 200  # together, as far as they expire together
        assert any(call.status == 403 for call in sim.blob_requests)
        sees_no_key(sim)
        assert len(records(project_folder(tmp_path / "out", project) / "files.jsonl")) == 400
        sim.options.blob_latency, sim.options.link_life = 0, 86400
    assert_bag(tmp_path / "out")


def test_links_of_every_kind_are_renewed_from_where_they_came(cli, tmp_path):
    with simulator(link_life=0.8) as sim:
        project = stock(sim, images=12)
        holder = sim.store.projects[project]
        for identity in list(holder.workspace.images)[:4]:
            del holder.workspace.images[identity]  # only the iterations hold them now
        # Every blob's first answer comes when the link has long expired.
        sim.fault(Fault("Blob", status=503, headers={"Retry-After": "1"}, times=17))
        ran = slow_export(cli, sim, tmp_path / "out")
        assert ran.code == 0, ran.err
        named = {call.query.get("iterationId") for call in sim.calls if call.operation == "GetImagesByIds"}
        assert None in named
        assert len(named) > 1
        sees_no_key(sim)
        sim.clear_faults()
        sim.options.link_life = 86400
        assert towards(cli, sim)("export", "--all", "-q", "--out", tmp_path / "other").code == 0
    assert payload(tmp_path / "out") == payload(tmp_path / "other")
    assert cli("verify", tmp_path / "out").code == 0


def test_a_fresh_link_refused_by_a_late_clock_is_waited_for(sim, cli, tmp_path):
    """Storage whose clock is behind takes links for not valid yet: the first, and the renewed one for a while."""
    sim.fill(images=3, image_bytes=60)
    sim.fault(Fault("Blob", status=403, times=12, body="<Error>AuthenticationFailed</Error>"))
    ran = cli("export", "images", "--all", "-q", "--patience", "20", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert len([call for call in sim.calls if call.operation == "GetImagesByIds"]) <= 3
    assert_bag(tmp_path / "out")


def test_fresh_links_refused_for_good_share_one_patience(sim, cli, tmp_path):
    sim.fill(images=300, image_bytes=60)
    headers = {"x-ms-error-code": "AuthorizationFailure"}
    sim.fault(Fault("Blob", status=403, times=None, headers=headers, body="<Error>AuthorizationFailure</Error>"))
    started = time.monotonic()
    words = ("--connections", "2", "--patience", "2", "--json")
    ran = cli("export", "images", "--all", *words, "--out", tmp_path / "out")
    assert ran.code == 3, ran.err
    assert time.monotonic() - started < 15  # and not two seconds for each batch of 64
    reasons = {entry["reason"] for entry in ran.json["missing"]}
    assert len(ran.json["missing"]) == 300
    assert all(
        reason.startswith("blob storage answered 403 AuthorizationFailure, though the link") for reason in reasons
    )
    assert max(sum(one.path == call.path for one in sim.blob_requests) for call in sim.blob_requests) < 10


@pytest.mark.parametrize("row", ["images", "predictions", "exports"])
def test_an_item_deleted_before_its_download_is_gone(sim, cli, tmp_path, row):
    project = stock(sim)
    holder = sim.store.projects[project]
    first = next(iter(holder.iterations.values()))
    if row == "images":
        gone = list(holder.workspace.images)[1]
        path = gone.replace("-", "")
    elif row == "predictions":
        gone = next(iter(holder.predictions))
        path = gone.replace("-", "")
    else:
        gone, path = f"{first.id}/TensorFlow", "TensorFlow"

    def delete():
        with sim.store.lock:
            for place in (holder.workspace, *(one.snapshot for one in holder.iterations.values())):
                place.images.pop(gone, None)
            holder.predictions.pop(gone, None)
            first.exports[:] = [one for one in first.exports if f"{first.id}/{one.platform}" != gone]

    answered = sim.faults.take

    def take(operation, method, target):
        if operation == "Blob" and path in target:
            delete()
        return answered(operation, method, target)

    sim.faults.take = take
    ran = cli("export", row, "--all", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    noted = records(project_folder(tmp_path / "out", project) / "absent.jsonl")
    assert [note["id"] for note in noted if note.get("gone")] == [gone]
    assert_bag(tmp_path / "out")
    verified = cli("verify", tmp_path / "out")
    assert verified.code == 0, verified.err


@pytest.mark.parametrize("answered", ["nothing", "another", "no link"])
def test_an_item_still_listed_is_missing_and_not_gone(sim, cli, tmp_path, answered):
    (project,) = sim.fill(images=5, image_bytes=60)
    ids = list(sim.store.projects[project].workspace.images)
    bodies = {"nothing": [], "another": [image_record()], "no link": [image_record(one) for one in ids]}
    sim.fault(Fault("Blob", status=403, times=None, body="<Error>AuthenticationFailed</Error>"))
    sim.fault(Fault("GetImagesByIds", times=None, body=bodies[answered]))
    ran = cli("export", "images", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == 3, ran.err
    assert {entry["id"] for entry in ran.json["missing"]} == set(ids)
    assert "its link is refused" in ran.json["missing"][0]["reason"]
    sim.clear_faults()
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert cli("verify", tmp_path / "out").code == 0


def test_a_model_exported_again_is_fetched_from_its_new_link(sim, cli, tmp_path):
    project = stock(sim)
    first = next(iter(sim.store.projects[project].iterations.values()))
    listed = fetched(sim, f"/projects/{project}/iterations/{first.id}/export")
    old = json.loads(listed)[0]["downloadUri"]
    sim.fault(Fault("Blob", status=404, times=None, match=source_path(old)))
    moved = [{**json.loads(listed)[0], "downloadUri": old.replace(source_path(old), "/elsewhere/model.zip")}]
    sim.fault(Fault("GetExports", after=1, times=None, match=first.id, body=moved))
    sim.fault(Fault("Blob", times=None, match="/elsewhere/", status=200, body=b"PK\x03\x04again"))
    ran = cli("export", "exports", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    kept = project_folder(tmp_path / "out", project) / "exported-models" / first.id
    assert b"PK\x03\x04again" in {path.read_bytes() for path in kept.iterdir()}
    assert cli("verify", tmp_path / "out").code == 0
    held = {one[:3] for one in items_held(Bag(tmp_path / "out"))}
    assert (project, "exports", f"{first.id}/TensorFlow") in held
