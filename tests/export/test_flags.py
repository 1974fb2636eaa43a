"""Blobs that are unusual but what the service stores: kept, and flagged in files.jsonl, the result and verify."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest

from custom_vision_simulator import Fault, Options, Simulator
from tests.export.exporting import assert_bag, assert_open, project_folder, records, towards

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def md5_of(answer):
    return hashlib.md5(answer.body, usedforsecurity=False)


def with_md5(text):
    """Return an edit of an answer that announces another Content-MD5; `text` makes it from the true one."""
    return lambda answer: replace(answer, headers={**answer.headers, "Content-MD5": text(md5_of(answer))})


STALE = base64.b64encode(bytes(16)).decode()
# case: (fault of every blob, flag, requests for the blob)
KEPT = {
    "an md5 of earlier bytes": ({"headers": {"Content-MD5": STALE}}, "md5 differs", 2),
    "an md5 in hexadecimal": ({"edit": with_md5(lambda md5: md5.hexdigest())}, "md5 hexadecimal", 1),
    "an md5 in capital hexadecimal": ({"edit": with_md5(lambda md5: md5.hexdigest().upper())}, "md5 hexadecimal", 1),
    "a stale md5 in hexadecimal": ({"headers": {"Content-MD5": "0" * 32}}, "md5 differs", 2),
    "base64 of the hexadecimal": (
        {"edit": with_md5(lambda md5: base64.b64encode(md5.hexdigest().encode()).decode())},
        "md5 differs",
        2,
    ),
    "an md5 that is not one": ({"headers": {"Content-MD5": "none"}}, "md5 differs", 2),
    "0 bytes": ({"status": 200, "body": b"", "content_type": "image/jpeg"}, "empty", 2),
    "0 bytes without a type": ({"status": 200, "body": b""}, "empty", 2),
    "0 bytes as text": ({"status": 200, "body": b"", "content_type": "text/plain"}, "empty", 2),
    "0 bytes with a stale md5": (
        {"status": 200, "body": b"", "headers": {"Content-MD5": STALE}},
        "empty, md5 differs",
        2,
    ),
    "text/plain": ({"content_type": "text/plain; charset=utf-8"}, "", 1),
    "text/html": ({"content_type": "text/html"}, "", 1),
    "application/json": ({"content_type": "application/json"}, "", 1),
    "a PNG as text": ({"status": 200, "body": PNG, "content_type": "text/plain"}, "", 1),
    "a zip as text": ({"status": 200, "body": b"PK\x03\x04", "content_type": "text/plain"}, "", 1),
}


@pytest.mark.parametrize("vnet", [False, True], ids=["storage", "artifact"])
def test_what_the_service_stores_is_kept_and_flagged(cli, tmp_path, vnet):
    """One export of an image for each case."""
    out, route = tmp_path / "out", "GetArtifact" if vnet else "Blob"
    with Simulator(Options(vnet=vnet)) as sim:
        (project,) = sim.fill(images=len(KEPT), image_bytes=400)
        ids = dict(zip(KEPT, sim.store.projects[project].workspace.images, strict=True))
        for case, (fault, _, _) in KEPT.items():
            sim.fault(Fault(route, match=ids[case].replace("-", ""), times=None, **fault))
        ran = towards(cli, sim)("export", "images", "--all", "--json", "--out", out)
        requests = [call.path + str(call.query) for call in sim.calls + sim.blob_requests if call.operation == route]
    assert ran.code == 0, ran.err
    assert_bag(out)
    folder = project_folder(out, project)
    entries, flagged = records(folder / "files.jsonl"), []
    for case, (_, flag, asked) in KEPT.items():
        assert sum(ids[case].replace("-", "") in request for request in requests) == asked, case
        (entry,) = (one for one in entries if ids[case] in one["path"])
        assert entry.get("flag", "") == flag, case
        file = f"data/{folder.name}/{entry['path']}"
        assert (f"Warning: {file}: kept as the service stores it ({flag})" in ran.err) == bool(flag), case
        flagged += [{"project": project, "file": file, "flag": flag}] if flag else []
    assert sorted(ran.json["flagged"], key=str) == sorted(flagged, key=str)
    checked = cli("verify", out, "--json")
    assert (checked.code, checked.json["flagged"]) == (0, len(flagged))
    assert f"Flagged: {len(flagged)} files" in cli("verify", out).out


@pytest.mark.parametrize("headers", [{}, {"Content-MD5": STALE}])
def test_one_file_or_none_is_flagged(sim, cli, tmp_path, headers):
    sim.fill(images=1, image_bytes=400)
    sim.fault(Fault("Blob", times=None, headers=headers))
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert ("Flagged: 1 file" in cli("verify", tmp_path / "out").out) == bool(headers)


def test_a_passing_doubt_leaves_no_flag(sim, cli, tmp_path):
    (project,) = sim.fill(images=1, image_bytes=400)
    sim.fault(Fault("Blob", headers={"Content-MD5": STALE}))
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert "flag" not in records(project_folder(tmp_path / "out", project) / "files.jsonl")[0]


def test_no_patience_is_needed_to_ask_twice(sim, cli, tmp_path):
    sim.fill(images=3, image_bytes=400)
    sim.fault(Fault("Blob", times=None, headers={"Content-MD5": STALE}))
    ran = cli("export", "images", "--all", "-q", "--patience", "0", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err


def test_other_bytes_each_time_are_named(sim, cli, tmp_path):
    sim.fill(images=1, image_bytes=400)
    counter = iter(range(10_000))

    def changing(answer):
        return replace(answer, body=answer.body + str(next(counter)).encode(), headers={"Content-MD5": STALE})

    sim.fault(Fault("Blob", times=None, edit=changing))
    ran = cli("export", "images", "--all", "-q", "--patience", "0.5", "--out", tmp_path / "out")
    assert ran.code == 3
    (missing,) = assert_open(tmp_path / "out")
    assert "do not match their Content-MD5" in missing["reason"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"sorry", "text/plain"),
        (b"BMW is sorry", "text/plain"),
        (b"<html>", "image/jpeg"),
        (b"", "text/html"),
        (b'\xef\xbb\xbf{"error":1}', "application/octet-stream"),
    ],
)
def test_a_page_or_message_is_never_an_image(sim, cli, tmp_path, body, kind):
    sim.fill(images=1)
    sim.fault(Fault("Blob", status=200, body=body, content_type=kind, times=None))
    ran = cli("export", "images", "--all", "-q", "--out", tmp_path / "out")
    assert ran.code == 3
    assert "a page or a message" in assert_open(tmp_path / "out")[0]["reason"]


def test_a_resumed_export_keeps_its_flags(sim, cli, tmp_path):
    (project,) = sim.fill(images=4, image_bytes=400)
    lost = next(iter(sim.store.projects[project].workspace.images)).replace("-", "")
    sim.fault(Fault("Blob", status=404, times=None, match=lost))
    sim.fault(Fault("Blob", times=None, headers={"Content-MD5": STALE}))
    out = tmp_path / "out"
    first = cli("export", "images", "--all", "--json", "--out", out)
    assert (first.code, len(first.json["flagged"])) == (3, 3)
    sim.clear_faults()
    again = cli("export", "images", "--all", "--json", "--out", out)
    assert (again.code, len(again.json["flagged"])) == (0, 3)
    assert cli("verify", out).code == 0


FLAGS = ["", "empty", "strange", "md5 differs, md5 differs", "md5 differs, empty", 5, None, ["empty"], {}]


def test_a_flag_that_cannot_be_is_a_difference(sim, cli, tmp_path):
    (project,) = sim.fill(images=1, image_bytes=400)
    out = tmp_path / "out"
    assert cli("export", "images", "--all", "-q", "--out", out).code == 0
    index = project_folder(out, project) / "files.jsonl"
    (entry,) = records(index)
    for flag in FLAGS:
        index.write_text(json.dumps({**entry, "flag": flag}) + "\n")
        ran = cli("verify", out)
        assert ran.code == 4, flag
        assert f"files.jsonl: flags {entry['path']}" in ran.out or "files.jsonl: its content is invalid" in ran.out
