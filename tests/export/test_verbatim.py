"""The export stores what the service sent, field by field, except for signatures, which are removed everywhere."""

import json
from dataclasses import replace

import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import (
    add_image,
    everything,
    fetched,
    image_record,
    iteration_folder,
    project_folder,
    records,
    rename_tags,
    stock,
)

LISTING = "GetTaggedImages"


def exact(text):
    """Return JSON as nested pairs, with numbers as text and links without signatures, for an exact comparison."""
    value = json.loads(text, object_pairs_hook=lambda pairs: ("object", pairs), parse_float=_text, parse_int=_text)
    return _unsigned(value)


def _text(number):
    return ("number", number)


def _unsigned(value):
    if isinstance(value, str):
        return value.partition("?")[0] if "&sig=" in value else value
    if isinstance(value, (list, tuple)):
        return [_unsigned(part) for part in value]
    return value


def lines(path):
    return [exact(line) for line in path.read_bytes().splitlines()]


def only_image(sim, record, project=""):
    """Have the service list only this image, with exactly this JSON text, in a project or in all."""
    body = record if isinstance(record, bytes) else json.dumps([record]).encode()
    sim.fault(Fault(LISTING, times=None, match=project, body=body))
    sim.fault(Fault("GetUntaggedImages", times=None, match=project, body=b"[]"))
    sim.fault(Fault("GetImageCount", times=None, match=project, body=b"1"))
    sim.fault(Fault("Blob", times=None, status=200, body=b"bytes"))


@pytest.mark.slow
def test_every_document_is_what_the_service_sent(sim, cli, tmp_path):
    project = stock(sim)
    rename_tags(sim, project, 'Zoë "☃" \\ \u2028', "日本語")
    add_image(sim, project, tag="日本語", metadata={"ключ": "значение\n\t"})
    out = tmp_path / "out"
    assert cli("export", "--all", "-q", "--out", out).code == 0
    folder, path = project_folder(out, project), f"/projects/{project}"
    page = {"take": 256, "orderBy": "Oldest"}
    assert lines(out / "data" / "projects.jsonl") == exact(fetched(sim, "/projects"))
    assert exact((folder / "project.json").read_bytes()) == exact(fetched(sim, path))
    assert lines(folder / "tags.jsonl") == exact(fetched(sim, path + "/tags"))
    assert lines(folder / "iterations.jsonl") == exact(fetched(sim, path + "/iterations"))
    both = [exact(fetched(sim, f"{path}/images/{kind}", **page)) for kind in ("tagged", "untagged")]
    assert lines(folder / "images.jsonl") == both[1] + both[0]  # the shorter list first
    for iteration in sim.store.projects[project].iterations:
        below, of = iteration_folder(out, project, iteration), f"{path}/iterations/{iteration}"
        assert exact((below / "iteration.json").read_bytes()) == exact(fetched(sim, of))
        assert exact((below / "performance.json").read_bytes()) == exact(fetched(sim, of + "/performance"))
        assert lines(below / "image-performances.jsonl") == exact(fetched(sim, of + "/performance/images", **page))
        assert lines(below / "exports.jsonl") == exact(fetched(sim, of + "/export"))
        of_iteration = {**page, "iterationId": iteration}
        both = [exact(fetched(sim, f"{path}/images/{kind}", **of_iteration)) for kind in ("tagged", "untagged")]
        assert lines(below / "images.jsonl") == both[0] + both[1]


FIELDS = [
    '"unknown": {"deep": [1, {"er": null}], "empty": {}, "none": []}',
    '"zebra": 1, "apple": 2, "mango": {"b": 1, "a": 2}',
    '"description": null, "regions": [], "metadata": {}',
    '"a": 0.10, "b": 1E-05, "c": 1.0, "d": -0.0, "e": 12345678901234567890, "f": 0.30000000000000004441',
    '"g": 1e400, "h": 5E-324, "i": 1.50e+2, "j": [0.1, 0.25]',
    '"text": "caf\\u00e9 \\ud83d\\ude00 \\" \\\\ \\/ \\u0000 \\u2028 \\t"',
    '"lone": "\\ud800", "Mixed": "ß\\ud83d"',
    '"question": "why? because", "link": "https://example.org/?a=b&c=d"',
    '"originalName": "a?b\\"c", "": "empty name", "sig": "sig=no link"',
]


@pytest.mark.slow
def test_unknown_fields_are_kept_unchanged(sim, cli, tmp_path):
    """One export of a project for each text."""
    head, sent = json.dumps(image_record(originalImageUri=f"{sim.blob_host}/i/1")).removesuffix("}"), {}
    for project, text in zip(sim.fill(projects=len(FIELDS), images=0), FIELDS, strict=True):
        sent[project] = f"[{head}, {text}}}]".encode()
        only_image(sim, sent[project], project)
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    for project, text in sent.items():
        assert lines(project_folder(tmp_path / "out", project) / "images.jsonl") == exact(text)
    assert cli("verify", tmp_path / "out").code == 0


def test_absent_stays_absent_and_null_stays_null(sim, cli, tmp_path):
    (project,) = sim.fill(images=2, untagged=1)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    tagged, untagged = map(
        json.loads, (project_folder(tmp_path / "out", project) / "images.jsonl").read_bytes().splitlines()
    )
    assert "tags" in tagged
    assert not {"tags", "regions", "metadata"} & untagged.keys()
    (tag, *_) = map(json.loads, (project_folder(tmp_path / "out", project) / "tags.jsonl").read_bytes().splitlines())
    assert tag["description"] is None


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--json",), ("-v",), ("-vv",)])
@pytest.mark.parametrize("broken", [False, True])
def test_signatures_and_the_key_are_nowhere(sim, cli, tmp_path, options, broken):
    stock(sim)
    sim.options.account_info = True
    if broken:
        sim.fault(Fault("Blob", status=403, times=3))
        sim.fault(Fault("Blob", cut=10, times=None, after=8))
        sim.fault(Fault("GetExports", status=400, body={"code": "Bad", "message": f"key {sim.training_key}"}))
    ran = cli("export", "--all", *options, "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0.1")
    assert ran.code == (3 if broken else 0)
    assert sim.blob_requests
    shown = everything(tmp_path / "out") + ran.out.encode() + ran.err.encode()
    assert b"sig=" not in shown
    assert b"sig%3D" not in shown
    assert sim.training_key.encode() not in shown


WHOLE = "AbCdEfGhIjKlMnOpQrStUvWxYz01234567890123456="


@pytest.mark.parametrize("query", [f"?sv=1&sig={WHOLE}&se=2", f"?a=\\&sv=1&SIG={WHOLE}", f'?a="&sv=1&sig={WHOLE}'])
def test_signatures_are_removed_from_every_field(sim, cli, tmp_path, query):
    """Of the service's links the whole query; elsewhere the signature alone, which the bag counts."""
    (project,) = sim.fill(images=0)
    link = "https://example.org/a"
    fields = dict.fromkeys(("unknownUri", "somewhere", "Url", "description", 'de"epUri'), link + query)
    image = image_record(originalImageUri=f"{sim.blob_host}/i/1", thumbnailUri=link + query)
    only_image(sim, image | fields | {"last": [link + query, 1]})
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert WHOLE[:-1].encode() not in everything(tmp_path / "out")
    (kept,) = records(project_folder(tmp_path / "out", project) / "images.jsonl")
    assert kept["thumbnailUri"] == link
    assert {kept[name] for name in fields} == {(link + query).replace(WHOLE, "")}
    assert kept["last"] == [(link + query).replace(WHOLE, ""), 1]
    assert json.loads((tmp_path / "out" / "data" / "export.json").read_text())["credentialsRemoved"] == 6
    assert "Credentials-Removed: 6\n" in (tmp_path / "out" / "bag-info.txt").read_text()
    assert cli("verify", tmp_path / "out").code == 0


USERS = {"sourceUri": "https://crm.example/person?id=4711&name=Ada", "case": "case?subject=ada&sig=nature-reserve"}


@pytest.mark.slow
def test_texts_of_users_are_never_altered(sim, cli, tmp_path):
    """Not even where they look like links: and the export is then enough to delete."""
    (project,) = sim.fill(images=1, image_bytes=100)
    holder = sim.store.projects[project]
    holder.description = "the cat of page?page=12#sig=1"
    (identity,) = holder.workspace.images
    holder.workspace.images[identity] = replace(holder.workspace.images[identity], metadata=USERS)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    (kept,) = records(project_folder(tmp_path / "out", project) / "images.jsonl")
    assert kept["metadata"] == USERS
    document = json.loads((project_folder(tmp_path / "out", project) / "project.json").read_text())
    assert document["description"] == holder.description
    assert "Credentials-Removed: 0\n" in (tmp_path / "out" / "bag-info.txt").read_text()
    words = ("--yes", "--require-export", tmp_path / "out", "--evidence", tmp_path / "erasure.json")
    assert cli("delete", "--all", *words).code == 0
