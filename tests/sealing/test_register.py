"""`verify` of many files and folders: one line for each thing, and the worst exit code."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr.cli.output import csv_cell
from tests.commandline import CommandLine
from tests.delete.erasing import stock


@pytest.fixture(scope="module")
def kept(made, tmp_path_factory, keys):
    """A folder with two signed erasures, a signed export and an approved plan, made once."""
    folder = tmp_path_factory.mktemp("kept") / "gdpr"
    shutil.copytree(made, folder)
    with Simulator() as sim:
        stock(sim, images=2, predictions=0, iterations=0)
        cli = CommandLine(sim.endpoint, sim.training_key)
        record = ("--reference", "GDPR-8")
        ran = cli("export", "--all", "--out", folder / "bag", "--sign", keys.officer, *record, "--json")
        assert (ran.code, ran.json["lacking"]) == (0, [])
        assert cli("delete", "--all", "--dry-run", "--save-plan", folder / "plan.json").code == 0
        assert cli("certify", folder / "plan.json", "--sign", keys.officer).code == 0
    return folder


@pytest.fixture
def gdpr(kept, tmp_path):
    shutil.copytree(kept, tmp_path / "gdpr")
    return tmp_path / "gdpr"


def kinds(document):
    return {Path(item["path"]).name: item["kind"] for item in document["items"]}


EXPECTED = {"first.json": "erasure", "second.json": "erasure", "bag": "export", "plan.json": "plan"}


@pytest.mark.slow
def test_each_thing_has_one_line(cli, gdpr, keys):
    ran = cli("verify", *sorted(gdpr.iterdir()), "--signer", keys.signers, "--json")

    assert ran.code == 0
    assert kinds(ran.json) == EXPECTED
    for item in ran.json["items"]:
        assert item["whole"]
        assert item["signature"]["by"] == "officer@example.org"
        assert item["date"].startswith("20")
    said = {item["reference"] for item in ran.json["items"]}
    assert said == {"GDPR-7", "GDPR-8", ""}


@pytest.mark.parametrize("suffix", ["json", "jsonl", "html", "sha256", "sha256.sig", "tsr", "begin.tsr"])
def test_a_file_belongs_to_its_evidence(cli, gdpr, suffix, anchors):
    ran = cli("verify", gdpr / f"first.{suffix}", gdpr / "second.json", *anchors, "--json")

    assert (ran.code, kinds(ran.json)) == (0, {"first.json": "erasure", "second.json": "erasure"})
    assert cli("verify", gdpr / f"second.{suffix}").code == 0


def test_the_table_and_the_csv_have_a_line_each(cli, gdpr):
    table, lines = (cli("verify", *sorted(gdpr.iterdir()), *options) for options in ((), ("--csv",)))

    rows = list(csv.DictReader(io.StringIO(lines.out)))
    assert len(rows) == 4
    assert {row["whole"] for row in rows} == {"yes"}
    assert all(name in table.out for name in EXPECTED)
    assert cli("verify", gdpr / "bag", "--csv").out.count("\n") == 2
    assert cli("verify", gdpr / "bag", "--csv", "--json").code == 2


def test_foreign_files_are_named(cli, gdpr):
    (gdpr / "notes.txt").write_text("call them")
    (gdpr / "orphan.html").write_text("<html>")
    (gdpr / "pictures").mkdir()

    ran = cli("verify", *sorted(gdpr.iterdir()), "--json")

    assert ran.code == 3
    assert {name for name, kind in kinds(ran.json).items() if kind == "foreign"} == {
        "notes.txt",
        "orphan.html",
        "pictures",
    }
    assert ran.err.count("foreign: ") == 3
    assert cli("verify", gdpr / "first.json", gdpr / "none").code == 2


def test_a_folder_of_evidence_is_not_an_export(cli, gdpr):
    ran = cli("verify", gdpr)

    assert ran.code == 2
    assert f"cv-gdpr verify {gdpr}/*" in ran.err


def test_a_printed_certificate_belongs_to_its_evidence(cli, gdpr):
    (gdpr / "first.certificate.de.pdf").write_bytes(b"%PDF")
    (gdpr / "first-signed.pdf").write_bytes(b"%PDF")
    (gdpr / "other.pdf").write_bytes(b"%PDF")

    ran = cli("verify", *sorted(gdpr.glob("*.pdf")), "--json")

    assert (ran.code, kinds(ran.json)) == (3, {"first.json": "erasure", "other.pdf": "foreign"})


def test_a_ledger_beside_its_evidence_is_proven_by_it(cli, gdpr, anchors):
    assert cli("verify", gdpr / "first.jsonl", *anchors).code == 0


def test_one_erasure_says_what_is_verified(cli, gdpr):
    out = cli("verify", gdpr / "first.json").out

    assert all(f"  {word}: " in out for word in ("Verdict", "Scope", "Period", "Exit code of the run"))


def test_a_plan_can_be_read_before_it_is_approved(cli, gdpr):
    ran = cli("verify", gdpr / "plan.json")

    assert ran.code == 0
    assert "Would be deleted at http" in ran.out
    assert ": the whole project" in ran.out


def test_a_piped_register_is_a_list(cli, gdpr):
    out = cli("verify", *sorted(gdpr.iterdir())).out

    assert out.count("      whole: yes\n") == len(EXPECTED)


def test_the_csv_holds_no_formula():
    assert [csv_cell(cell) for cell in ("=1+1", "@x", "-1", "GDPR-7", "")] == ["'=1+1", "'@x", "'-1", "GDPR-7", ""]


def test_an_impossible_date_is_a_line_of_the_register(cli, gdpr):
    ledger = gdpr / "first.jsonl"
    at = re.search(rb'"at":"[^"]*"', ledger.read_bytes())[0]
    ledger.write_bytes(ledger.read_bytes().replace(at, b'"at":"2026-13-45T25:61:61Z"'))

    ran = cli("verify", ledger.with_suffix(".json"), gdpr / "second.json", "--json")

    assert (ran.code, [item["exitCode"] for item in ran.json["items"]]) == (4, [4, 0])
    assert cli("verify", ledger.with_suffix(".json")).code == 4


def test_what_differs_stands_out(cli, gdpr):
    (gdpr / "notes.txt").write_text("call them")
    page = gdpr / "first.html"
    page.write_text(page.read_text().replace("Erased", "destroyed"))
    (gdpr / "bag" / "tagmanifest-sha256.txt.sig").write_text("x")

    ran = cli("verify", *sorted(gdpr.iterdir()))

    assert ran.code == 4
    assert f"differs: {gdpr}/first.json: first.html" in ran.err
    assert "2 of 5 do not verify; 1 thing not of cv-gdpr" in ran.err
    assert (ran.out.count("NO"), ran.out.count("WRONG")) == (1, 1)


def test_a_lacking_signature_stands_out(cli, gdpr, keys):
    (gdpr / "first.sha256.sig").unlink()

    ran = cli("verify", gdpr / "first.json", gdpr / "second.json")

    assert (ran.code, ran.out.count("MISSING"), ran.out.count("NO")) == (4, 1, 0)
    assert cli("verify", gdpr / "bag", "--tsa-certificate", keys.signers).code == 2


PLANS = {
    "altered": lambda plan: plan.write_text(plan.read_text().replace('"protected": []', '"protected": ["x"]')),
    "unsigned": lambda plan: plan.with_name("plan.json.sig").unlink(),
    "another signature": lambda plan: shutil.copy(plan.with_name("first.sha256.sig"), plan.with_name("plan.json.sig")),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_that_is_not_approved_is_found(cli, gdpr, keys, name):
    PLANS[name](gdpr / "plan.json")

    assert cli("verify", gdpr / "plan.json", "--signer", keys.signers).code == 4


def test_a_ledger_without_evidence_is_named(cli, gdpr):
    (gdpr / "first.json").unlink()
    shutil.copy(gdpr / "second.jsonl", gdpr / "alone.jsonl")

    ran = cli("verify", *sorted(gdpr.glob("*.*")), "--json")

    assert kinds(ran.json)["first.jsonl"] == kinds(ran.json)["alone.jsonl"] == "ledger"
    assert ran.code == 3


# --- exports ------------------------------------------------------------------------------------------------------

BAGS = {
    "signed": (lambda _: None, 0),
    "unsigned": (lambda bag: (bag / "tagmanifest-sha256.txt.sig").unlink(), 4),
    "another tag manifest": (lambda bag: (bag / "tagmanifest-sha256.txt").write_text("\n"), 4),
}


@pytest.mark.parametrize("name", BAGS)
def test_a_signed_export(cli, gdpr, keys, name):
    edit, code = BAGS[name]
    edit(gdpr / "bag")

    assert cli("verify", gdpr / "bag", "--signer", keys.signers).code == code
    assert cli("verify", gdpr / "bag", gdpr / "plan.json", "--signer", keys.signers).code == code


def test_an_export_is_time_stamped_later(cli, gdpr, authority, anchors):
    assert cli("verify", gdpr / "bag", *anchors).code == 4

    assert cli("certify", gdpr / "bag", "--timestamp", authority.url).code == 0

    assert cli("verify", gdpr / "bag", *anchors).code == 0
    assert json.loads(cli("verify", gdpr / "bag", *anchors, "--json").out)["existed"]["proof"] == "proven"


def test_an_export_signed_with_another_key_is_refused(cli, gdpr, keys):
    ran = cli("certify", gdpr / "bag", "--sign", keys.other)

    assert ran.code == 2
    assert "is a signature with the key" in ran.err
    assert cli("certify", gdpr / "bag", "--sign", keys.officer).code == 0


def test_an_export_signed_anew_keeps_no_older_time(cli, gdpr, keys, authority):
    assert cli("certify", gdpr / "bag", "--timestamp", authority.url).code == 0
    (gdpr / "bag" / "tagmanifest-sha256.txt.sig").unlink()

    assert cli("certify", gdpr / "bag", "--sign", keys.other).code == 0

    assert cli("verify", gdpr / "bag").code == 0


def test_bagit_accepts_a_signed_export(gdpr):
    import bagit

    assert bagit.Bag(str(gdpr / "bag")).is_valid()
