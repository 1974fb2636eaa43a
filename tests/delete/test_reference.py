"""`--reference` and `--operator`: kept as they were given, in evidence and certificate, and in an export."""

import csv
import io
import json

import bagit
import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import stock

REFERENCE, OPERATOR = "A: 7/26  <b>&\u00a0z", "Dr. É. Müller"
KEY = "0123456789abcdef0123456789abcdef"


def test_evidence_and_certificate_say_both(sim, erase):
    stock(sim)
    document = erase("predictions", "--all", "--reference", REFERENCE, "--operator", OPERATOR).json
    assert (document["reference"], document["operator"]) == (REFERENCE, OPERATOR)
    assert (erase.evidence["reference"], erase.evidence["operator"]) == (REFERENCE, OPERATOR)
    page = erase.path.with_suffix(".html").read_text()
    assert "A: 7/26  &lt;b&gt;&amp;\u00a0z" in page
    assert OPERATOR in page
    ran = erase.cli("verify", erase.path)
    assert "Reference: A: 7/26  <b>&" in ran.out
    assert f"Operator: {OPERATOR}" in ran.out
    assert erase.cli("verify", erase.path, "--json").json["operator"] == OPERATOR
    changed = json.loads(erase.path.read_text()) | {"operator": "x"}
    erase.path.write_text(json.dumps(changed, indent=2) + "\n")
    assert "operator: differs from the ledger" in erase.cli("verify", erase.path).out


def test_without_them_both_are_empty(sim, erase):
    stock(sim)
    erase("predictions", "--all")
    assert (erase.evidence["reference"], erase.evidence["operator"]) == ("", "")
    assert "Reference" not in erase.cli("verify", erase.path).out


def test_an_export_keeps_both(sim, cli, tmp_path):
    stock(sim)
    out = tmp_path / "out"
    words = ("--reference", REFERENCE, "--operator", OPERATOR)
    document = cli("export", "predictions", "--all", *words, "--json", "--out", out).json
    assert (document["reference"], document["operator"]) == (REFERENCE, OPERATOR)
    summary = json.loads((out / "data" / "export.json").read_text())
    assert (summary["reference"], summary["operator"]) == (REFERENCE, OPERATOR)
    info = bagit.Bag(str(out)).info
    assert (info["External-Identifier"], info["Contact-Name"]) == ("A: 7/26 <b>& z", OPERATOR)
    ran = cli("verify", out)
    assert ran.code == 0
    assert f"Contact-Name: {OPERATOR}" in ran.out
    text = (out / "bag-info.txt").read_text().replace("Contact-Name: Dr. É. Müller", "Contact-Name: X")
    (out / "bag-info.txt").write_text(text)
    assert "does not say Contact-Name" in cli("verify", out).out


@pytest.mark.parametrize("command", ["export", "delete"])
@pytest.mark.parametrize("text", ["a\nb", "a\u2028b", "a\x1b[31m", "a" * 201, "", f"key: {KEY}"])
def test_a_text_of_another_form_is_refused(sim, cli, tmp_path, command, text):
    for option in ("--reference", "--operator"):
        word = "--yes" if command == "delete" else f"--out={tmp_path / 'o'}"
        ran = cli(command, "--all", word, option, text, VISION_OTHER_KEY=KEY)
        assert ran.code == 2
        assert option in ran.err
    assert sim.calls == []


def test_a_saved_plan_keeps_the_reference(sim, erase, tmp_path):
    """Who approves the plan reads it; who executes it needs not give it again, and may give another."""
    stock(sim)
    plan, none = tmp_path / "plan.json", tmp_path / "none.json"
    saving = ("delete", "predictions", "--all", "--dry-run", "--save-plan")
    dry = erase.cli(*saving, plan, "--reference", REFERENCE)
    assert (dry.code, "reference: A: 7/26" in dry.out) == (0, True)
    assert erase.cli(*saving, none).code == 0
    assert "reference" not in json.loads(none.read_text())

    assert "reference: A: 7/26" in erase.cli("verify", plan).out
    items = erase.cli("verify", plan, none, "--json").json["items"]
    assert [item["reference"] for item in items] == [REFERENCE, ""]
    plan.write_text(plan.read_text().replace("7/26", "8/26"))
    assert erase.cli("verify", plan).code == 4
    plan.write_text(plan.read_text().replace("8/26", "7/26"))

    assert erase("--plan", plan, "--dry-run").code == 0
    assert erase("--plan", plan).code == 0
    assert erase.evidence["reference"] == REFERENCE


def test_the_reference_of_the_command_counts(sim, erase, tmp_path):
    stock(sim)
    plan = tmp_path / "plan.json"
    saving = ("delete", "predictions", "--all", "--dry-run", "--save-plan", plan)
    assert erase.cli(*saving, "--reference", REFERENCE).code == 0

    assert erase("--plan", plan, "--reference", "B 9").code == 0

    assert erase.evidence["reference"] == "B 9"


# --- an erasure that was cut off ----------------------------------------------------------------------------------

BOTH = ("--reference", REFERENCE, "--operator", OPERATOR)
RESUMED = {
    "nothing stated again": ((), REFERENCE, OPERATOR),
    "another reference": (("--reference", "B 9"), "B 9", OPERATOR),
    "another operator": (("--operator", "B"), REFERENCE, "B"),
}


def cut_off(erase, lines):
    """Leave the beginning of the last run's ledger alone, as a killed run would."""
    kept = erase.ledger_file.read_bytes().splitlines(keepends=True)[:lines]
    for file in erase.files:
        file.unlink()
    erase.ledger_file.write_bytes(b"".join(kept))


@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_run_keeps_what_was_stated(sim, erase, name):
    words, reference, operator = RESUMED[name]
    stock(sim, predictions=1, iterations=0)
    erase("predictions", "--all", *BOTH, "--lang", "de", "--annex", evidence="e.json")
    cut_off(erase, 2)

    ran = erase("predictions", "--all", *words, evidence="e.json")

    assert (ran.code, ran.json["reference"], ran.json["operator"]) == (0, reference, operator), ran.err
    assert (erase.evidence["reference"], erase.evidence["operator"]) == (reference, operator)
    assert (erase.evidence["language"], erase.evidence["annex"]) == ("de", True)
    assert erase.verified() == 0
    cut_off(erase, 4)  # after a third run, what the first or the second stated still counts
    assert erase("predictions", "--all", "--lang", "es", evidence="e.json").code == 0
    assert (erase.evidence["reference"], erase.evidence["operator"]) == (reference, operator)
    assert erase.evidence["language"] == "es"


def test_a_run_after_a_refusal_keeps_what_was_stated(sim, erase):
    stock(sim, predictions=1, iterations=0)
    sim.fault(Fault("DeletePrediction", status=401, times=None))
    assert erase("predictions", "--all", *BOTH, evidence="e.json").code == 5
    sim.clear_faults()

    assert erase("predictions", "--all", evidence="e.json").code == 0

    assert (erase.evidence["reference"], erase.evidence["operator"]) == (REFERENCE, OPERATOR)
    assert "A: 7/26" in erase.certificate


def test_the_first_run_counts_before_the_plan(sim, erase, tmp_path):
    stock(sim, predictions=1, iterations=0)
    plan = tmp_path / "plan.json"
    saving = ("delete", "predictions", "--all", "--dry-run", "--save-plan", plan)
    assert erase.cli(*saving, "--reference", "of the plan").code == 0
    assert erase("--plan", plan, *BOTH, evidence="e.json").code == 0
    cut_off(erase, 2)

    assert erase("--plan", plan, evidence="e.json").code == 0

    assert erase.evidence["reference"] == REFERENCE


def test_a_recheck_that_is_resumed_keeps_both(sim, erase, tmp_path):
    stock(sim, predictions=1, iterations=0)
    assert erase("predictions", "--all").code == 0
    again = ("recheck", erase.path, "--evidence", tmp_path / "r.json")
    assert erase.cli(*again, *BOTH).code == 0
    erase.runs.append(tmp_path / "r.json")
    cut_off(erase, 1)

    assert erase.cli(*again).code == 0

    assert (erase.evidence["reference"], erase.evidence["operator"]) == (REFERENCE, OPERATOR)


def test_the_register_shows_that_of_a_cut_off_run(sim, erase):
    project = stock(sim, predictions=1, iterations=0)
    assert erase("predictions", "--all", *BOTH).code == 0
    cut_off(erase, 2)

    ran = erase.cli("verify", erase.ledger_file, "--csv")

    (line,) = csv.DictReader(io.StringIO(ran.out))
    assert (line["kind"], line["reference"], line["operator"]) == ("ledger", REFERENCE, OPERATOR)
    assert (line["projects"], ran.code) == (project, 4)
