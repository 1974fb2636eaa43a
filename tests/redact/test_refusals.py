"""What `redact` refuses: evidence or an export that does not verify, another resource, and names that are taken."""

import json
import shutil

import pytest

from custom_vision_simulator import Simulator
from tests.commandline import CommandLine
from tests.delete.erasing import stock
from tests.redact.redacting import beside, told
from tests.verify.forging import rewrite, seal


@pytest.fixture(scope="module")
def evidence(before):
    """Return evidence of the erasure of all stored predictions."""
    return before.erased("predictions", "--all")


@pytest.mark.slow
def test_altered_evidence_is_refused(bag, evidence, redact, tmp_path):
    for beside_it in evidence.parent.glob(f"{evidence.stem}.*"):
        shutil.copy(beside_it, tmp_path)
    altered = tmp_path / evidence.name
    altered.write_text(evidence.read_text().replace('"deleted"', '"residue"', 1))
    assert "does not verify" in redact(altered, bag, code=4).err
    assert beside(bag.parent) == ["answer"]


@pytest.mark.slow
def test_a_ledger_alone_is_refused(bag, evidence, redact):
    assert "name the evidence" in redact(evidence.with_suffix(".jsonl"), bag, code=2).err


def test_an_altered_export_is_refused(bag, evidence, redact):
    next(bag.glob("data/*/images/*")).unlink()
    assert "does not verify" in redact(evidence, bag, code=4).err
    assert beside(bag.parent) == ["answer"]


def test_evidence_of_another_resource_is_refused(bag, tmp_path, redact):
    with Simulator() as other:
        stock(other)
        path = tmp_path / "foreign.json"
        words = ("delete", "predictions", "--all", "--yes", "--evidence", path)
        assert CommandLine(other.endpoint, other.training_key)(*words).code == 0
    err = redact(path, bag, code=2).err
    assert "another resource" in err
    assert other.endpoint in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "{bag}"], "exists"),
        (["--out", "{bag}/none/there"], "is not a folder"),
        (["--out", "x", "--in-place"], "give either --out or --in-place"),
        (["--reference", "a\nb"], "line break"),
        (["--operator", "a" * 201], "longer than 200"),
        (["--operator", ""], "empty"),
    ],
)
def test_wrong_words_are_refused(bag, evidence, redact, words, message):
    ran = redact(evidence, bag, *(word.format(bag=bag) for word in words), code=2)
    assert message in ran.err
    assert beside(bag.parent) == ["answer"]


def test_a_file_that_no_export_writes_is_refused(bag, evidence, redact):
    (bag / "notes.txt").write_text("alice")
    assert "holds notes.txt" in redact(evidence, bag, code=2).err


def test_of_several_exports_one_that_fails_costs_itself(bag, evidence, redact, tmp_path):
    broken = shutil.copytree(bag, bag.with_name("broken"))
    (broken / "bag-info.txt").unlink()
    document = redact(evidence, broken, bag, "--out", tmp_path / "all", "--json", code=4).json
    first, second = document["bags"]
    assert "does not verify" in first["error"]
    assert second["made"] == str(tmp_path / "all" / "answer")
    assert second["stillHolds"] == 6
    assert beside(tmp_path / "all") == ["answer"]


def test_copies_beside_it_are_named(bag, evidence, redact):
    for name in ("answer-report", "answer.zip", "other.zip"):
        (bag.parent / name).write_bytes(b"")
    shutil.copytree(bag, bag.with_name("answer-2"))
    document = redact(evidence, bag, "--json").json
    assert document["bags"][0]["copiesSeen"] == [str(bag.parent / name) for name in ("answer-report", "answer.zip")]
    assert "reports" in document["notReached"]


# --- verify of a redacted export ----------------------------------------------------------------------------------


@pytest.fixture
def less(bag, evidence, redact):
    """Return an export from which all predictions were taken."""
    redact(evidence, bag, "--in-place")
    return bag


def test_verify_says_that_it_was_redacted(before, less):
    ran = before.cli("verify", less)
    assert "6 items taken out of it after erasures" in ran.out
    assert before.cli("verify", less, "--json").json["redacted"] == 6


def reseal(less):
    """Write the manifests again, as a forger would; the tag manifest names redactions.jsonl."""
    import hashlib

    seal(less)
    if (path := less / "redactions.jsonl").exists():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with (less / "tagmanifest-sha256.txt").open("a") as file:
            file.write(f"{digest}  redactions.jsonl\n")


def another_line(less):
    rewrite(less / "redactions.jsonl", lambda lines: lines.append(lines[0]))


def no_redactions(less):
    (less / "redactions.jsonl").unlink()


def of_another_form(less):
    rewrite(less / "redactions.jsonl", lambda lines: lines[0].pop("tool"))


def not_taken_out(less):
    """Claim an image that is still listed."""
    one = json.loads(next(less.glob("data/Visitors*/images.jsonl")).read_bytes().splitlines()[0])["id"]
    project = next(less.glob("data/Visitors*")).name[-36:]
    extra = {"project": project, "row": "images", "ids": [one]}
    rewrite(less / "redactions.jsonl", lambda lines: lines[0]["items"].append(extra))


def more_records_than_ids(less):
    """Drop an image, and claim it without naming it."""
    images = next(less.glob("data/Visitors*/images.jsonl"))
    rewrite(images, lambda records: records.pop())
    claim = {"project": images.parent.name[-36:], "iteration": None, "file": "images.jsonl", "records": 1}
    rewrite(less / "redactions.jsonl", lambda lines: lines[0]["records"].append(claim))


@pytest.mark.parametrize(
    ("forge", "message"),
    [
        (another_line, "export.json says something else"),
        (no_redactions, "export.json says something else"),
        (of_another_form, "does not write"),
        (not_taken_out, "says that it was taken out"),
        (more_records_than_ids, "more records than ids"),
    ],
)
def test_verify_names_what_a_forger_claims(before, less, forge, message):
    forge(less)
    reseal(less)
    ran = before.cli("verify", less)
    assert ran.code == 4
    assert message in ran.out


def test_verify_wants_redactions_in_the_tag_manifest(before, less):
    manifest = less / "tagmanifest-sha256.txt"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if "redactions" not in line))
    assert "does not name redactions.jsonl" in before.cli("verify", less).out
    assert told(less)
