"""What is taken out of an earlier export, row by row, and what stays exactly as it was."""

import dataclasses
import hashlib
import json
import re
import shutil

import bagit
import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import files, project_folder, records
from tests.platforms import is_private
from tests.redact.redacting import beside, content, gone, lines, named_in, pictures, told

KINDS = {
    "images": "images --all",
    "an image's person": "images --all --metadata subject=nr-4711",
    "the images of a tag": "images --all --tag alice",
    "tags": "tags --all",
    "iterations": "iterations --all",
    "predictions": "predictions --all",
    "a project": "--project Visitors",
    "everything": "--all",
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def done(request, before, tmp_path, redact):
    """Return the words of an erasure, its evidence, and the export without what it erased."""
    words = request.param.split()
    evidence = before.erased(*words)
    redact(evidence, before.bag, "--out", tmp_path / "less")
    return words, evidence, tmp_path / "less"


@pytest.mark.slow
def test_what_was_erased_is_gone_and_the_rest_as_it_was(before, done):
    words, evidence, less = done
    ids = {one for some in gone(evidence).values() for one in some}
    assert ids
    assert named_in(before.bag, ids)
    assert named_in(less, ids) == set()
    assert before.cli("verify", less).code == 0
    assert bagit.Bag(str(less)).is_valid()
    check_told(before, evidence, less)

    kept, then = pictures(less), pictures(before.bag)
    taken = {path: then[path] for path in then.keys() - kept.keys()}
    assert bool(taken) == (words[0] != "tags")
    assert all(kept[path] == then[path] for path in kept)
    assert not set(taken.values()) & set(kept.values())

    old, new = lines(before.bag), lines(less)
    assert new.keys() <= old.keys()
    for path, now in new.items():
        unnamed = [line for line in old[path] if not any(_is_in(one, line) for one in ids)]
        as_they_were = [line for line in now if line in set(old[path])]
        assert [line for line in as_they_were if not path.endswith("files.jsonl")] == [
            line for line in unnamed if not path.endswith("files.jsonl")
        ]


def check_told(before, evidence, less):
    """Check that redactions.jsonl names evidence and ids, and export.json counts what is left."""
    (line,) = told(less)
    assert line["evidence"] == {"file": evidence.name, "sha256": hashlib.sha256(evidence.read_bytes()).hexdigest()}
    found: dict[str, set[str]] = {}
    for one in line["items"]:
        found.setdefault(one["row"], set()).update(one["ids"])
    expected = gone(evidence)
    assert {row: ids for row, ids in found.items() if row in expected} == expected
    summary = json.loads((less / "data" / "export.json").read_text())
    assert summary["redacted"] == {"items": sum(map(len, found.values())), "redactions": 1}
    then = json.loads((before.bag / "data" / "export.json").read_text())["rows"]
    for row in ("images", "tags", "predictions", "iterations", "projects"):
        assert then[row]["held"] - summary["rows"][row]["held"] == len(found.get(row, ()))


def _is_in(identity, line):
    return identity.encode() in line or identity.replace("-", "").encode() in line


@pytest.mark.slow
def test_no_name_of_a_deleted_project_or_tag_stays(before, tmp_path, redact):
    evidence = before.erased("--project", "Visitors")
    redact(evidence, before.bag, "--out", tmp_path / "less")
    assert b"Visitors" in content(before.bag)
    assert b"Visitors" not in everything_of(tmp_path / "less")
    evidence = before.erased("tags", "--all", "--tag", "alice")
    redact(evidence, before.bag, "--out", tmp_path / "tagless")
    assert b"alice" in content(before.bag)
    assert b"alice" not in everything_of(tmp_path / "tagless")
    assert b"bob" in everything_of(tmp_path / "tagless")


def everything_of(bag):
    """Return all names and bytes of a bag, but for exported models: their labels name the tags they know."""
    names = "\n".join(str(path.relative_to(bag)) for path in files(bag)).encode()
    return names + b"".join(path.read_bytes() for path in files(bag) if path.suffix != ".zip")


def test_a_record_that_loses_a_tag_keeps_all_else(before, tmp_path, redact):
    """As the service does: the image stays, without the tag; a list of tags that would be empty is left out."""
    evidence = before.erased("tags", "--all", "--tag", "alice")
    redact(evidence, before.bag, "--out", tmp_path / "less")
    erased = gone(evidence)["tags"]
    for project in before.projects:
        where = project_folder(before.bag, project).name
        old = records(before.bag / "data" / where / "images.jsonl")
        new = records(tmp_path / "less" / "data" / where / "images.jsonl")
        for then, now in zip(old, new, strict=True):
            tags = [one for one in then.get("tags", ()) if one["tagId"] not in erased]
            rest = {"tags": tags} if tags else {}
            assert now == {name: value for name, value in then.items() if name != "tags"} | rest


def test_numbers_keep_their_spelling_in_changed_records(before, tmp_path, redact):
    from cv_gdpr.verify import verify
    from tests.verify.forging import seal

    odd = shutil.copytree(before.bag, tmp_path / "odd")
    list_ = next(odd.glob("data/Visitors*/predictions.jsonl"))
    list_.write_bytes(list_.read_bytes().replace(b'"probability":', b'"odd":[1E-05,0.10],"probability":'))
    seal(odd)
    assert verify(odd).exit_code == 0
    evidence = before.erased("tags", "--all", "--tag", "alice")
    redact(evidence, odd, "--out", tmp_path / "less")
    text = next((tmp_path / "less").glob("data/Visitors*/predictions.jsonl")).read_text()
    assert "[1E-05,0.10]" in text
    assert "alice" not in text


@pytest.mark.slow
def test_what_remained_is_not_taken_out(before, tmp_path, redact):
    """A protected project, and an iteration that is still in training, were not erased."""
    holder = before.state[before.projects[0]]
    (first, *_) = holder.iterations.values()
    status, first.status = first.status, "Training"
    try:
        evidence = before.erased("iterations", "--all", "--protect", "Strangers", code=3)
    finally:
        first.status = status
    assert "left" in {one["state"] for one in json.loads(evidence.read_text())["items"]}
    redact(evidence, before.bag, "--out", tmp_path / "less")
    assert named_in(tmp_path / "less", {first.id}) == {first.id}
    assert "Strangers" in str(beside(tmp_path / "less" / "data"))


def test_an_image_in_an_iteration_alone_goes_with_it(before, tmp_path, redact):
    """Its file has no record any more, though no deletion was sent for the image."""
    project = before.projects[0]
    holder = before.state[project]
    only = set(next(iter(holder.iterations.values())).snapshot.images) - set(holder.workspace.images)
    evidence = before.erased("iterations", "--project", "Visitors")
    redact(evidence, before.bag, "--out", tmp_path / "less")
    assert only
    assert named_in(before.bag, only) == only
    assert named_in(tmp_path / "less", only) == set()


@pytest.mark.slow
def test_a_second_redaction_adds_a_line(before, tmp_path, redact):
    first = before.erased("images", "--project", "Strangers")
    redact(first, before.bag, "--out", tmp_path / "once")
    second = before.erased("predictions", "--all")
    redact(second, tmp_path / "once", "--out", tmp_path / "twice", "--reference", "A 7/26", "--operator", "Dr. É")
    third = before.erased("--project", "Strangers")
    ran = redact(third, tmp_path / "twice", "--out", tmp_path / "thrice", "--json").json
    assert ran["bags"][0]["taken"]["projects"] == 1
    assert [one["evidence"]["file"] for one in told(tmp_path / "thrice")] == [first.name, second.name, third.name]
    assert [(one["reference"], one["operator"]) for one in told(tmp_path / "thrice")][1] == ("A 7/26", "Dr. É")
    assert before.cli("verify", tmp_path / "thrice").code == 0
    assert b"Strangers" not in everything_of(tmp_path / "thrice")
    again = redact(third, tmp_path / "thrice", "--json").json
    assert (again["bags"][0]["made"], again["bags"][0]["stillHolds"]) == (None, 0)
    assert "holds nothing" in redact(first, tmp_path / "thrice").out


@pytest.mark.slow
def test_an_incomplete_export_follows_too(before, tmp_path, redact):
    """Gaps about what was erased go; if none is left, the export is complete."""
    before.fill()
    holder = before.state[before.projects[0]]
    one = next(iter(holder.workspace.images))
    before.sim.fault(Fault("Blob", status=404, times=None, match=one.replace("-", "")))
    out = tmp_path / "gaps"
    ran = before.cli("export", "--all", "--accept-missing", "--out", out, CV_GDPR_EXPORT_PATIENCE="0.1")
    before.sim.clear_faults()
    assert ran.code == 3, ran.err
    evidence = before.erased("images", "--all", "--image-id", one)
    redact(evidence, out, "--out", tmp_path / "less")
    assert before.cli("verify", tmp_path / "less").code == 0
    assert not (tmp_path / "less" / "data" / "missing.jsonl").exists()


@pytest.mark.slow
def test_an_export_of_one_person_follows_too(before, tmp_path, redact):
    """Of what was listed, selectors wrote only a part; an erased image is taken out of that."""
    before.fill()
    person = ("images", "--all", "--metadata", "subject=nr-4711")
    assert before.cli("export", *person, "--out", tmp_path / "one").code == 0
    evidence = before.erased(*person)
    redact(evidence, tmp_path / "one")
    less = tmp_path / "one-redacted"
    assert before.cli("verify", less).code == 0
    assert json.loads((less / "data" / "export.json").read_text())["rows"]["images"] == {"held": 0, "exported": 0}
    assert pictures(less) == {}


@pytest.mark.slow
def test_a_redacted_export_still_guards_a_deletion(before, tmp_path, redact):
    evidence = before.erased("tags", "--project", "Visitors", "--tag", "alice")
    redact(evidence, before.bag, "--out", tmp_path / "less")
    words = ("images", "--project", "Visitors", "--yes", "--evidence", tmp_path / "next.json")
    ran = before.cli("delete", *words, "--require-export", tmp_path / "less")
    assert ran.code == 0, ran.err


def test_files_of_both_exports_are_one_on_the_disk(before, tmp_path, redact):
    bag = shutil.copytree(before.bag, tmp_path / "answer")
    evidence = before.erased("images", "--all", "--metadata", "subject=nr-4711")
    redact(evidence, bag)
    less = tmp_path / "answer-redacted"
    shared = [path for path in files(less / "data") if path.suffix == ".jpg"]
    assert shared
    assert all(path.stat().st_nlink == 2 for path in shared)
    assert all(map(is_private, files(less)))


@pytest.mark.parametrize("kind", ["sig", "tsr"])
def test_a_signature_is_dropped_and_its_hash_noted(before, bag, redact, kind):
    (bag / f"tagmanifest-sha256.txt.{kind}").write_bytes(b"signed")
    evidence = before.erased("predictions", "--all")
    out = redact(evidence, bag, "--in-place").out
    assert "signature dropped" in out
    (line,) = told(bag)
    assert [one["file"] for one in line["signatures"]] == [f"tagmanifest-sha256.txt.{kind}"]
    assert not list(bag.glob("*.sig")) + list(bag.glob("*.tsr"))


GUID = re.compile(rb'"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"')


def in_capitals(answer):
    """Return an answer with its ids in capitals, and otherwise as it is."""
    body = answer.body if isinstance(answer.body, bytes) else answer.body.encode()
    return dataclasses.replace(answer, body=GUID.sub(lambda one: one[0].upper(), body))


@pytest.fixture(scope="module")
def capitals(before, tmp_path_factory):
    """Return an export that was made when the service wrote ids in capitals; evidence has them as they are."""
    before.fill()
    before.sim.fault(Fault("API", times=None, edit=in_capitals))
    bag = tmp_path_factory.mktemp("capitals") / "answer"
    ran = before.cli("export", "--all", "--out", bag)
    before.sim.faults.clear()
    assert ran.code == 0, ran.err
    return bag


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_id_means_the_same_in_any_spelling(before, capitals, tmp_path, redact, kind):
    evidence = before.erased(*KINDS[kind].split())
    ids = {one for some in gone(evidence).values() for one in some}
    assert named_in(capitals, ids) == ids
    redact(evidence, capitals, "--out", tmp_path / "less")
    assert named_in(tmp_path / "less", ids) == set()
    redact(evidence, before.bag, "--out", tmp_path / "other")
    assert len(pictures(tmp_path / "less")) == len(pictures(tmp_path / "other"))
    (capital,), (plain,) = told(tmp_path / "less"), told(tmp_path / "other")
    assert {one["row"]: one["ids"] for one in capital["items"]} == {one["row"]: one["ids"] for one in plain["items"]}
    assert before.cli("verify", tmp_path / "less").code == 0
