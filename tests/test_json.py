"""The documents of --json: one for each run, valid by its schema, and each schema on the page."""

import json
import re
import sys
from pathlib import Path

import jsonschema
import pytest

from custom_vision_simulator import Fault
from cv_gdpr.cli.failure import ErrorDocument
from cv_gdpr.cli.output import expect_document, print_json
from cv_gdpr.evidence.records import FORMAT
from cv_gdpr.verify.redactions import FORMAT as REDACTION
from tests.convert.bags import MULTI_CLASS, Project, image, make, tag
from tests.delete.erasing import Eraser, stock

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def generate():
    """The module that generates parts of the documentation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        import generate as module

        yield module
    del sys.modules["generate"]


@pytest.fixture(scope="module")
def schemas(generate):
    """The schema of each format."""
    return {name: generate.schema(record) for name, record in generate.SHOWN.items()}


@pytest.fixture
def checked(schemas):
    """A function that returns the one document of a run, checked against the schema of its format."""

    def check(ran, expected, *, code, retryable):
        document = ran.json
        assert document["format"] == expected, ran.err
        jsonschema.validate(document, schemas[expected], jsonschema.Draft202012Validator)
        assert (ran.code, document["exitCode"], document["retryable"]) == (code, code, retryable), ran.err
        return document

    return check


@pytest.fixture
def erase(cli, tmp_path, monkeypatch):
    """`cv-gdpr delete` as a function, confirmed, with evidence of its own in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    return Eraser(cli, tmp_path)


@pytest.fixture
def export(cli, tmp_path):
    """`cv-gdpr export --json` as a function, into the folder `out`."""

    def run(*words):
        return cli("export", *words, "--json", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0.1")

    return run


@pytest.mark.parametrize(("words", "code"), [("--all --values", 0), ("--all --tag alice", 3), ("account --all", 3)])
def test_what_is_held_is_a_document(sim, cli, checked, words, code):
    stock(sim)
    document = checked(cli("list", *words.split(), "--json"), "cv-gdpr-list/1", code=code, retryable=False)
    assert document["rows"]


@pytest.mark.parametrize("words", ["--all", "tags --all"])
def test_an_estimate_is_a_document(sim, cli, checked, words):
    stock(sim)
    document = checked(
        cli("list", *words.split(), "--estimate", "--json"), "cv-gdpr-estimate/1", code=0, retryable=False
    )
    assert (document["erasure"] is None) == ("tags" in words)


def test_a_list_that_failed_is_retryable(sim, cli, checked):
    stock(sim)
    sim.fault(Fault("GetTags", status=400, times=None))
    document = checked(cli("list", "tags", "--all", "--json"), "cv-gdpr-list/1", code=3, retryable=True)
    assert document["unlisted"][0]["row"] == "tags"


@pytest.mark.slow
def test_an_exported_resource_is_a_document(sim, export, checked):
    stock(sim)
    document = checked(export("--all"), "cv-gdpr-export/1", code=0, retryable=False)
    assert document["complete"]
    assert document["byHand"].keys() == {"account"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "again"),
    [
        (("Blob", 400), True),
        (("Blob", 403), False),  # each fresh link is refused too
        (("Blob", 404), False),
        (("Blob", 410), False),
        (("Blob", 429), True),
        (("Blob", 503), True),
        (("GetTags", 400), True),
        (("GetTags", 403), False),
        (("GetTags", 404), False),
        (("GetTags", 410), False),
        (("GetTags", 429), True),
        (("GetTags", 500), True),
        (("GetTags", 503), True),
    ],
)
def test_what_is_missing_for_good_is_not_retryable(sim, export, checked, fault, again):
    sim.fill(images=2, image_bytes=400)
    sim.fault(Fault(fault[0], status=fault[1], times=None, body=b""))
    ran = export("--all")
    assert checked(ran, "cv-gdpr-export/1", code=3, retryable=again)["missing"]


def test_a_lost_connection_to_blobs_is_retryable(sim, export, checked):
    sim.fill(images=2, image_bytes=400)
    sim.fault(Fault("Blob", drop=True, times=None))
    ran = export("--all")
    assert checked(ran, "cv-gdpr-export/1", code=3, retryable=True)["missing"]


def test_one_thing_that_may_come_makes_it_retryable(sim, export, checked):
    sim.fill(images=2, image_bytes=400)
    sim.fault(Fault("Blob", status=404, times=None))
    sim.fault(Fault("GetTags", status=500, times=None))
    ran = export("--all")
    checked(ran, "cv-gdpr-export/1", code=3, retryable=True)


@pytest.mark.parametrize(("status", "again"), [(403, False), (404, False), (500, True)])
def test_a_list_that_is_refused_is_not_retryable(sim, cli, checked, status, again):
    sim.fill(images=1)
    sim.fault(Fault("GetTags", status=status, times=None, body=b""))
    ran = cli("list", "--all", "--json", CV_GDPR_LIST_PATIENCE="0.01")
    checked(ran, "cv-gdpr-list/1", code=3, retryable=again)


@pytest.mark.parametrize(
    "words", [("account", "--all"), ("--all", "--image-id", "1" * 32)], ids=["account", "no match"]
)
def test_what_another_export_would_not_find_is_final(sim, export, checked, words):
    stock(sim)
    checked(export(*words), "cv-gdpr-export/1", code=3, retryable=False)


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        (401, {"code": 5, "retryable": False}),
        (403, {"code": 5, "retryable": False}),
        (500, {"code": 1, "retryable": True}),
        (503, {"code": 1, "retryable": True}),
    ],
)
def test_a_failed_export_is_retryable_unless_refused(sim, export, checked, status, ending):
    sim.fault(Fault("GetProjects", status=status, times=None))
    document = checked(export("--all"), "cv-gdpr-error/1", **ending)
    assert document["message"]


def test_a_service_that_does_not_answer_is_retryable(sim, export, checked):
    sim.stop()
    checked(export("--all"), "cv-gdpr-error/1", code=5, retryable=True)


@pytest.mark.parametrize(("to", "code"), [("csv", 0), ("yolo", 3)])
def test_data_sets_are_a_document(cli, tmp_path, checked, to, code):
    cat = tag("cat")
    bag = make(tmp_path / "bag", Project(MULTI_CLASS, [cat], [image(1, cat), image(2)]))
    document = checked(cli("convert", bag, "--to", to, "--json"), "cv-gdpr-convert/1", code=code, retryable=False)
    assert document["nothingLost"] == (code == 0)


@pytest.mark.slow
@pytest.mark.parametrize(("content", "code"), [(None, 0), (b"\xff\xd8\xff", 3)])
def test_a_report_is_a_document(cli, tmp_path, checked, content, code):
    bag = make(tmp_path / "bag", Project(MULTI_CLASS, [tag("cat")], [image(1)]), content=content)
    document = checked(cli("report", bag, "--json"), "cv-gdpr-report/1", code=code, retryable=False)
    assert len(document["notShown"]) == (code == 3)


@pytest.mark.parametrize(
    "words",
    [("export", "--json"), ("delete", "--bogus", "--json"), ("verify", "nowhere", "--json"), ("bogus", "--json")],
)
def test_a_usage_error_is_one_document(cli, checked, words):
    document = checked(cli(*words), "cv-gdpr-error/1", code=2, retryable=False)
    assert document["message"]


@pytest.mark.slow
def test_a_verified_and_a_changed_export_are_documents(sim, cli, export, checked, tmp_path):
    stock(sim)
    export("--all")
    verified = checked(cli("verify", tmp_path / "out", "--json"), "cv-gdpr-verify/1", code=0, retryable=False)
    assert verified["verified"]
    assert verified["file"] is None
    (tmp_path / "out" / "data" / "projects.jsonl").write_bytes(b"")
    changed = checked(cli("verify", tmp_path / "out", "--json"), "cv-gdpr-verify/1", code=4, retryable=False)
    assert changed["differences"]


def test_verified_and_changed_evidence_are_documents(sim, cli, erase, checked):
    stock(sim)
    erase("--all")
    verified = checked(cli("verify", erase.path, "--json"), "cv-gdpr-verify/1", code=0, retryable=False)
    assert verified["folder"] is None
    erase.ledger_file.write_bytes(erase.ledger_file.read_bytes()[:-1])
    checked(cli("verify", erase.path, "--json"), "cv-gdpr-verify/1", code=4, retryable=False)


def test_an_erasure_is_a_document(sim, erase, checked):
    stock(sim)
    document = checked(erase("--all"), "cv-gdpr-delete/1", code=0, retryable=False)
    assert document["evidence"] == str(erase.path)
    assert document["counts"] == erase.evidence["counts"]


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        ({"status": 500}, {"code": 3, "retryable": True}),
        ({"status": 200, "body": b""}, {"code": 4, "retryable": True}),
        ({"status": 401}, {"code": 5, "retryable": False}),
    ],
    ids=["failed", "residue", "refused"],
)
def test_an_erasure_is_retryable_unless_refused(sim, erase, checked, fault, ending):
    stock(sim)
    sim.fault(Fault("DeletePrediction", times=None, **fault))
    checked(erase("predictions", "--all"), "cv-gdpr-delete/1", **ending)


def test_an_id_found_nowhere_is_not_retryable(sim, erase, checked):
    stock(sim)
    document = checked(erase("--all", "--image-id", "1" * 32), "cv-gdpr-delete/1", code=3, retryable=False)
    assert document["notFound"]


def test_instructions_for_a_person_are_a_document(sim, erase, checked):
    document = checked(erase("account", "--all"), "cv-gdpr-delete/1", code=3, retryable=False)
    assert document["evidence"] is None
    assert [one["row"] for one in document["outsideTheApi"]] == ["account"]
    assert not sim.calls


def test_a_dry_run_is_a_document(sim, erase, checked):
    stock(sim)
    document = checked(erase("--all", "--dry-run"), "cv-gdpr-plan/1", code=0, retryable=False)
    assert document["total"] > 0


@pytest.mark.slow
def test_evidence_and_ledger_fit_their_schemas(sim, erase, generate, schemas):
    stock(sim)
    sim.fault(Fault("DeleteTag", status=500, times=None))
    erase("--all")
    jsonschema.validate(erase.evidence, schemas[erase.evidence["format"]])
    of_ledger = jsonschema.Draft202012Validator(schemas[generate.LEDGER])
    for event in erase.ledger:
        of_ledger.validate(event)


@pytest.mark.slow
def test_the_demo_is_a_document(cli, checked, tmp_path):
    document = checked(cli("demo", "--json", "--out", tmp_path / "demo"), "cv-gdpr-demo/1", code=0, retryable=False)
    assert document["export"]["complete"]
    assert document["verification"]["verified"]


def test_a_failure_after_the_result_adds_no_document(capsys):
    expect_document()
    print_json({"format": "the result"})
    print_json(ErrorDocument(exit_code=130, retryable=True, message="interrupted", hint=None))
    assert json.loads(capsys.readouterr().out) == {"format": "the result"}


def test_the_page_shows_every_schema(schemas):
    page = (DOCS / "json.md").read_text()
    parts = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:]}
    shown = {name: json.loads(part.partition("```json")[2].partition("```")[0]) for name, part in parts.items()}
    assert shown == schemas


def test_the_page_names_the_document_of_every_command(schemas):
    table = (DOCS / "json.md").read_text().partition("| command | result |")[2].partition("\n\n")[0]
    named = re.findall(r"\| `(cv-gdpr-[a-z-]+/1)` \|$", table, re.MULTILINE)
    beside = {FORMAT, REDACTION, "A line of the ledger"}  # in files
    assert sorted(named) == sorted(schemas.keys() - beside)


@pytest.fixture
def after(sim, erase, export):
    """Return the command line after an export and an erasure, and the evidence of that."""
    stock(sim)
    export("--all")
    return erase


@pytest.mark.slow
def test_what_follows_an_erasure_is_a_document(after, checked, tmp_path):
    cli, bag = after.cli, tmp_path / "out"
    words = ("--require-export", bag, "--reference", "A", "--operator", "B")
    erased = checked(after("predictions", "--all", *words), "cv-gdpr-delete/1", code=0, retryable=False)
    assert (erased["reference"], erased["operator"]) == ("A", "B")
    ran = cli("redact", after.path, bag, "--json")
    assert checked(ran, "cv-gdpr-redact/1", code=0, retryable=False)["bags"][0]["taken"] == {"predictions": 3}
    ran = cli("verify", tmp_path / "out-redacted", "--json")
    assert checked(ran, "cv-gdpr-verify/1", code=0, retryable=False)["redacted"] == 3
    ran = cli("recheck", after.path, "--json", CV_GDPR_RECHECK_CALLS_PER_SECOND="0")
    assert checked(ran, "cv-gdpr-recheck/1", code=0, retryable=False)["stillGone"] == 3


@pytest.mark.slow
def test_a_line_of_redactions_fits_its_schema(after, schemas, tmp_path):
    after("--all", "--tag", "alice")
    assert after.cli("redact", after.path, tmp_path / "out", "--in-place").code == 0
    (line,) = (tmp_path / "out" / "redactions.jsonl").read_text().splitlines()
    jsonschema.validate(json.loads(line), schemas["cv-gdpr-redaction/1"], jsonschema.Draft202012Validator)
