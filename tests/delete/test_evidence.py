"""The evidence: what it states and does not state, where it is written, and when."""

import hashlib
import json
import re
import time
from dataclasses import replace
from datetime import datetime

import pytest
from msgspec import convert

from custom_vision_simulator import Fault, Simulator
from cv_gdpr import __version__
from cv_gdpr.evidence.certificate import certificate
from cv_gdpr.evidence.records import Evidence
from cv_gdpr.languages import language
from tests.commandline import CommandLine
from tests.delete.erasing import OPERATIONS, RESOURCE, SECRETS, calls, ids, meanwhile, others_untouched, state, stock
from tests.platforms import is_private

FIELDS = {
    "format": str,
    "tool": str,
    "endpoint": str,
    "started": str,
    "finished": str,
    "verdict": str,
    "exitCode": int,
    "retryable": bool,
    "language": str,
    "annex": bool,
    "failed": list,
    "reference": str,
    "operator": str,
    "recheckOf": type(None),
    "rechecked": type(None),
    "listedFrom": str,
    "method": dict,
    "scope": dict,
    "planHash": str,
    "runs": list,
    "counts": dict,
    "projects": list,
    "protected": list,
    "notFound": list,
    "items": list,
    "residue": list,
    "outsideTheApi": list,
    "retention": list,
    "ledger": dict,
    "resource": type(None),
}
ITEM = {"project", "row", "id", "state", "status", "requestId", "at", "reason"}


def identified(sim):
    """Let the service give each operation's answers their own request id."""
    for operation in OPERATIONS.values():
        known = {"apim-request-id": f"id-of-{operation}", "Request-Id": f"id-of-{operation}"}
        sim.fault(Fault(operation, times=None, headers=known))


def test_the_evidence_has_every_documented_field(sim, erase):
    project = stock(sim)
    wanted = {(row, one) for row in OPERATIONS if row != "publications" for one in ids(sim, project, row)}
    identified(sim)

    assert erase("--all").code == 0

    evidence = erase.evidence
    assert {name: type(value) for name, value in evidence.items()} == FIELDS
    assert evidence["tool"] == f"cv-gdpr {__version__}"
    assert evidence["endpoint"] == sim.endpoint
    assert evidence["listedFrom"] == erase.ledger[0]["listedFrom"]
    assert evidence["counts"] == {"deleted": len(wanted)}
    assert {(one["row"], one["id"]) for one in evidence["items"]} == wanted
    assert len(evidence["items"]) == len(wanted)
    for one in evidence["items"]:
        assert one.keys() == ITEM
        assert one["requestId"] == f"id-of-{OPERATIONS[one['row']]}"
        assert one["status"] == (202 if one["row"] == "images" else 204)
        assert evidence["started"] <= one["at"] <= evidence["finished"]
    assert evidence["projects"][0]["imagesOnlyInIterations"] == 1
    assert evidence["projects"][0]["exportedModels"] == 1
    assert len(evidence["projects"][0]["unpublished"]) == 1
    assert {one["row"] for one in evidence["outsideTheApi"]} == {"account", "exports"}
    told = json.dumps(evidence["retention"])
    assert "30 days" in told
    assert "48 hours" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [["--all"], ["--project", "Visitors"], ["--all", "--tag", "alice"], ["--all", "--metadata", "subject=nr-4711"]],
)
@pytest.mark.parametrize("failing", [False, True])
def test_the_evidence_contains_no_names(sim, erase, arguments, failing):
    stock(sim), stock(sim, "Strangers")
    if failing:
        sim.fault(Fault("UnpublishIteration", status=400, times=None, body={"code": "Bad", "message": "live-visitors"}))
        sim.fault(Fault("DeleteTag", status=409, times=None, body={"code": "alice is", "message": "alice"}))

    erase(*arguments)

    # The publish name of a model that remains is in the evidence: it is how it still answers.
    remaining = {"live-visitors", "live-strangers"} if len(arguments) > 2 else set()
    for file in erase.files:
        text = file.read_text()
        assert not [
            secret for secret in ({*SECRETS} - remaining | {sim.training_key, RESOURCE, "sig="}) if secret in text
        ], file
        assert is_private(file)


@pytest.mark.parametrize(
    ("selector", "value"),
    [("--tag", "alice"), ("--metadata", "subject=nr-4711"), ("--image-id", None)],
)
def test_a_known_selector_value_can_be_checked(sim, erase, selector, value):
    project = stock(sim, predictions=0)
    value = value or max(ids(sim, project, "images"))

    assert erase("--all", selector, value).code == 0

    scope = erase.evidence["scope"]
    digest = hashlib.sha256((scope["salt"] + value).encode()).hexdigest()
    assert scope["selectors"] == [{"selector": selector, "sha256": digest, "matched": True}]
    assert len(scope["salt"]) >= 32
    assert value not in erase.files[2].read_text()


OTHER_PICTURES = "It does not say whether other pictures of the person exist."
VERDICTS = {
    "a selection": (
        ["--all", "--metadata", "subject=nr-4711"],
        rf"erased: what the search found, stored before (\S+)\. {OTHER_PICTURES}",
    ),
    "everything": (
        ["--all"],
        r"erased: everything in the plan, stored before (\S+)\. It does not say what was stored since\.",
    ),
    "an id that is nowhere": (["--all", "--image-id", "0" * 32], "nothing matched what was asked for"),
    "nothing": (["predictions", "--all"], r"nothing to delete: nothing in scope, stored before (\S+), was there"),
}


@pytest.mark.parametrize("what", VERDICTS)
def test_the_verdict_states_only_what_was_proved(sim, erase, what):
    stock(sim, predictions=0)
    arguments, words = VERDICTS[what]

    ran = erase(*arguments)

    assert re.fullmatch(words, ran.json["verdict"])
    assert erase.evidence["verdict"] == ran.json["verdict"]
    said = re.sub(r"\d+-\d+-[0-9T:.]+Z", _as_written, ran.json["verdict"])
    assert f">{said[:1].upper()}{said[1:]}" in erase.files[2].read_text()


def _as_written(time):
    return language("en").date(time.group())


def test_items_stored_after_the_listing_are_not_claimed(sim, erase):
    stock(sim, images=3, iterations=0, predictions=0)
    listing = []
    sim.fault(Fault("GetProjects", delay=1.1))

    with meanwhile(sim, "GetProjects", lambda: listing.append(time.time())):
        assert erase("--all").code == 0

    (before,) = re.findall(r"before (\S+)\.", erase.evidence["verdict"])
    assert datetime.fromisoformat(before).timestamp() <= listing[0]


def test_the_method_is_deletion_not_sanitisation(sim, erase):
    stock(sim, images=1, iterations=0, predictions=0)
    assert erase("--all").code == 0

    page = erase.files[2].read_text()
    for words in ("eletion by API request; not media sanitisation", "Rev. 2 replaced Rev. 1 on 26 September 2025"):
        assert words in page
        assert words in json.dumps(erase.evidence["method"])
    assert "Neither Clear nor Purge" in page
    assert "sanitized" not in page


def test_a_failed_unpublish_is_not_reported_as_done(sim, erase):
    stock(sim, predictions=0)
    sim.fault(Fault("UnpublishIteration", status=400, times=None))
    sim.fault(Fault("DeleteIteration", status=400, times=None))

    assert erase("iterations", "--all").code == 3

    assert [project["unpublished"] for project in erase.evidence["projects"]] == [[]]


@pytest.mark.slow
def test_each_run_has_its_own_salt(sim, erase):
    stock(sim, predictions=0), stock(sim, "Strangers", predictions=0)
    salts = set()
    for name in ("Visitors", "Strangers"):
        assert erase("--project", name, "--tag", "alice").code == 0
        salts.add(erase.evidence["scope"]["salt"])

    assert len(salts) == 2


def test_the_evidence_has_the_saved_plans_hash(sim, erase, tmp_path):
    stock(sim)
    plan = tmp_path / "plan.json"

    ran = erase("--all", "--save-plan", plan)

    saved = json.loads(plan.read_text())
    body = {name: value for name, value in saved.items() if name != "hash"}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert ran.json["planHash"] == erase.evidence["planHash"] == saved["hash"] == digest


def test_the_ledger_is_opened_before_deletions_and_chained(sim, erase):
    project = stock(sim)
    sim.fault(Fault("DeletePrediction", status=401, times=None))

    assert erase("--all").code == 5

    events = erase.ledger
    assert [event["event"] for event in events][:4] == ["opened", "held", "calling", "answered"]
    assert {row: set(held) for row, held in events[0]["planned"][project].items()} == {
        row: ids(sim, project, row) for row in OPERATIONS if row != "publications"
    }
    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    previous = "0" * 64
    for line, event in zip(erase.ledger_file.read_bytes().splitlines(), events, strict=True):
        assert event["previous"] == previous
        previous = hashlib.sha256(line).hexdigest()
    assert erase.evidence["ledger"] == {"file": erase.ledger_file.name, "lines": len(events), "last": previous}


def test_the_ledger_has_every_deletion_before_and_after(sim, erase):
    stock(sim)
    identified(sim)

    assert erase("--all").code == 0

    events = erase.ledger
    announced = [(event["row"], event["ids"]) for event in events if event["event"] == "calling"]
    answered = [(event["row"], event["ids"]) for event in events if event["event"] == "answered"]
    assert announced == answered
    assert [OPERATIONS[row] for row, _ in announced] == [call.operation for call in calls(sim)]
    assert {event["requestId"] for event in events if event["event"] == "answered"} == {
        f"id-of-{operation}" for operation in OPERATIONS.values()
    }


def test_a_pending_deletion_is_announced_on_the_disk(sim, erase, tmp_path):
    stock(sim)
    seen = []
    ledger = tmp_path / "e.jsonl"

    with meanwhile(sim, "DeletePrediction", lambda: seen.extend(ledger.read_text().splitlines())):
        assert erase("--all", evidence="e.json").code == 0

    assert [json.loads(line)["event"] for line in seen] == ["opened", "held", "calling", "answered", "calling"]
    assert json.loads(seen[-1])["row"] == "predictions"


HOSTILE = "</td><script>alert(1)</script><img src=x onerror='x'>\"&"


@pytest.mark.parametrize("identity", ["..", "../x", "A,B", "", "x" * 36])
def test_an_item_with_an_invalid_id_is_not_deleted(sim, erase, identity):
    project = stock(sim)
    holder = sim.store.projects[project]
    holder.predictions[identity] = replace(next(iter(holder.predictions.values())), id=identity)

    ran = erase("--all")

    assert ran.code == 1
    assert calls(sim) == []


def test_the_certificate_has_no_scripts_and_escapes_text(sim, erase):
    stock(sim)
    assert erase("predictions", "--all").code == 0
    told = erase.evidence
    told["items"][0] |= {"id": HOSTILE, "reason": HOSTILE, "requestId": HOSTILE}
    told["scope"]["notSearched"] = {HOSTILE: HOSTILE}
    told["annex"] = True

    page = certificate(convert(told, Evidence))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "src=" not in page.replace("src=x", "")
    assert "href" not in page
    assert page.startswith("<!doctype html>")


def test_the_certificate_has_its_fields(sim, erase):
    stock(sim, images=3)

    assert erase("--all", "--annex").code == 0

    page = erase.files[2].read_text()
    for words in ("Certificate of erasure", "Method", "Verification", "What remains, and why", "Role", sim.endpoint):
        assert words in page
    assert all(one["id"] in page for one in erase.evidence["items"])
    assert erase.evidence["annex"]
    assert erase.verified() == 0


def test_unencodable_text_does_not_lose_the_evidence(sim, erase):
    stock(sim)
    body = b'{"code": "Bad\\ud800", "message": "\\ud800\\u0000\\u2028"}'
    sim.fault(Fault("DeleteTag", status=400, times=None, body=body, content_type="application/json"))

    assert erase("tags", "--all").code == 3
    assert erase.verified() == 0


@pytest.mark.parametrize(
    "kind", ["evidence", "page", "folder", "missing folder", "file for folder", "ledger of another", "jsonl"]
)
def test_unwritable_evidence_prevents_the_deletion(sim, erase, tmp_path, kind):
    stock(sim)
    before = state(sim)
    names = {"missing folder": "none/e.json", "file for folder": "file/e.json", "jsonl": "e.jsonl"}
    name = names.get(kind, "e.json")
    (tmp_path / "file").write_text("x")
    if kind == "folder":
        (tmp_path / "e.json").mkdir()
    there = {"evidence": "e.json", "page": "e.html", "ledger of another": "e.jsonl"}.get(kind)
    if there:
        (tmp_path / there).write_text('{"n": 1}\n')

    ran = erase("--all", evidence=name)

    assert ran.code == 2, ran.err
    assert calls(sim) == []
    others_untouched(sim, before, set())
    if there:
        assert (tmp_path / there).read_text() == '{"n": 1}\n'


def test_the_ledger_of_another_endpoint_is_not_resumed(sim, erase, tmp_path):
    stock(sim)
    sim.fault(Fault("DeletePrediction", status=401, times=None))
    assert erase("--all", evidence="e.json").code == 5
    erase.path.unlink()
    erase.path.with_suffix(".html").unlink()
    ledger = erase.ledger_file.read_bytes()
    with Simulator() as elsewhere:
        ran = CommandLine(elsewhere.endpoint, elsewhere.training_key)(
            "delete", "--all", "--yes", "--json", "--evidence", tmp_path / "e.json"
        )

    assert ran.code == 2
    assert "another endpoint" in ran.err
    assert erase.ledger_file.read_bytes() == ledger


def test_evidence_is_in_the_current_folder_by_default(sim, erase, tmp_path):
    stock(sim)

    ran = erase.cli("delete", "--all", "--yes", "--json")

    assert ran.code == 0
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".html", ".json", ".jsonl", ".sha256"]
    assert all(file.name.startswith("cv-gdpr-erasure-20") for file in tmp_path.iterdir())
    assert erase.cli("verify", ran.json["evidence"]).code == 0


def test_a_partial_erasure_is_not_certified_as_full(sim, erase):
    project = stock(sim)
    next(iter(sim.store.projects[project].iterations.values())).status = "Training"

    assert erase("iterations", "--all", wait="0.1").code == 3
    page = erase.files[2].read_text()

    # the iteration, and the image that lives only in it
    assert "was looked for again afterwards; for 2 no request was sent" in page
    assert "Full: each item" not in page
