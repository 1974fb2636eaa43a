"""What plan, evidence, certificate and result of `delete account` say of the resource and of what it held."""

import json

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.evidence.account import method_used, verdict_on_resource
from cv_gdpr.evidence.events import RECOVERABLE, Calling, Recoverable
from cv_gdpr.evidence.outcomes import DELETED, FAILED, GONE, LEFT, RESIDUE, UNPROVED, Outcome
from cv_gdpr.table.categories import ACCOUNT
from tests.sealing.stamping import fingerprint, new_key

BARE = {"CV_GDPR_TRAINING_KEY": "", "CV_GDPR_ENDPOINT": ""}


def page(azure):
    """Return the certificate of the last run."""
    return azure.last.with_suffix(".html").read_text()


def opened(azure):
    """Return the first event of the last run's ledger."""
    return json.loads(azure.last.with_suffix(".jsonl").read_text().splitlines()[0])


@pytest.mark.slow
def test_the_evidence_names_what_went_with_the_resource(azure):
    azure.sim.fill(images=2, image_bytes=64, iterations=1, predictions=1)
    (project,) = azure.sim.store.projects.values()
    ran = azure.delete()
    assert ran.code == 0, ran.err
    resource = azure.evidence["resource"]
    assert (resource["kind"], resource["location"]) == ("CustomVision.Training", "westeurope")
    assert resource["siblings"] == ["simulated-Prediction (CustomVision.Prediction)"]
    (held,) = resource["projects"]
    assert held == {"id": project.id, "images": 2, "iterations": 1, "exportedModels": 0, "storedPredictions": 1}
    assert opened(azure)["account"] == resource == ran.json["resource"]
    for words in (project.id, "2 images, 1 iteration, 0 exported models, 1 stored prediction", "westeurope"):
        assert words in page(azure)
    assert f"deleted with it: project {project.name} ({project.id}): 2 images" in ran.err  # the plan, with --yes too
    assert project.name not in azure.last.read_text() + page(azure)
    assert azure.verified() == 0


@pytest.mark.slow
def test_other_contents_have_another_hash(azure):
    hashes = []
    for images in (1, 2):
        azure.sim.fill(images=images, image_bytes=64)
        azure.sim.options.denied = frozenset({"AccountsDelete"})  # it stays
        azure.delete()
        hashes.append(azure.evidence["planHash"])
    assert hashes[0] != hashes[1]


def test_contents_that_were_not_read_are_unknown(azure):
    azure.sim.fault(Fault("GetProjects", status=403, times=None))
    assert azure.delete().code == 0
    resource = azure.evidence["resource"]
    assert resource["projects"] is None
    assert "GetProjects" in resource["unread"]
    assert f"unknown: {resource['unread'][:20]}" in page(azure)


def test_the_certificate_speaks_of_a_resource(azure):
    assert azure.delete().code == 0
    for wrong in ("Not deletable", "1 items", "all projects", "stored since", "Purge of Azure Resource"):
        assert wrong not in page(azure)
    assert ": Accounts - Delete of Azure Resource Manager. " in page(azure)
    assert "recoverable until" in azure.evidence["verdict"]


def test_a_prediction_resource_held_no_models(azure):
    named = ("--resource-id", f"{azure.sim.resource_id}-Prediction", "--confirm", "simulated-Prediction")
    ran = azure.delete(*named, **BARE)
    assert ran.code == 0, ran.err
    assert "it holds no projects: a prediction resource has none" in ran.err
    assert [one["row"] for one in ran.json["outsideTheApi"]] == ["account"]
    assert azure.evidence["resource"]["projects"] == []


def test_a_quiet_run_shows_no_plan(azure):
    assert azure.delete("--quiet").err == ""


VERDICTS = {
    # case: (exit code, state of the account, of what is recoverable, how the verdict begins, how it ends)
    "deleted": (0, DELETED, None, "deleted: the Azure resource", "recoverable until then"),
    "purged too": (0, DELETED, DELETED, "deleted and purged: ", "it cannot be recovered"),
    "only purged": (0, None, DELETED, "purged: the deleted Azure resource", "it cannot be recovered"),
    "gone before": (0, GONE, None, "gone already: the Azure resource", "recoverable until then"),
    "not purged": (3, DELETED, FAILED, "done in part: deleted, but not purged", "recoverable until then"),
    "a slow purge": (4, DELETED, RESIDUE, "residue: deleted, but not purged", "recoverable until then"),
    "the purge failed": (3, None, FAILED, "done in part: the deleted Azure resource is not", "recoverable until then"),
    "refused": (3, FAILED, LEFT, "done in part: the Azure resource was not deleted", "not deleted"),
    "still there": (4, RESIDUE, None, "residue: the deletion was accepted", "still there"),
    "not seen": (3, UNPROVED, None, "done in part: whether the Azure resource is gone", "not be looked for"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_the_verdict_on_a_resource(case):
    code, account, purged, begins, ends = VERDICTS[case]
    states = {row: state for row, state in ((ACCOUNT, account), (RECOVERABLE, purged)) if state}
    outcomes = [Outcome("place", row, "name", state) for row, state in states.items()]
    words = verdict_on_resource(code, outcomes, [Recoverable(project="place", until="then")])
    assert words.startswith(begins)
    assert words.endswith(ends)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((ACCOUNT,), "Accounts - Delete of Azure Resource Manager"),
        ((RECOVERABLE,), "Deleted Accounts - Purge of Azure Resource Manager"),
        ((ACCOUNT, RECOVERABLE), "Accounts - Delete and Deleted Accounts - Purge of Azure Resource Manager"),
        ((), "no operation: nothing was sent"),
    ],
)
def test_the_method_names_what_was_called(rows, words):
    assert method_used([Calling(project="place", row=row, ids=["name"]) for row in rows]) == words


def test_the_evidence_is_signed(azure, tmp_path_factory):
    key = new_key(tmp_path_factory.mktemp("keys"), "key")
    assert azure.delete("--sign", key).code == 0

    assert azure.last.with_suffix(".sha256.sig").exists()
    assert azure.verified() == 0
    assert fingerprint(key) in page(azure)
