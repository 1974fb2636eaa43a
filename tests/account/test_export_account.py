"""`export account`: what Resource Manager says of the resource, into which files, and what is noted as absent."""

import json

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.records import Lock
from cv_gdpr.masking import fingerprint
from tests.account.azure import OTHER, asked, one_line
from tests.platforms import is_private, posix

FILES = {"account.json", "account-usages.jsonl", "account-siblings.jsonl", "account-keys.json"}
BARE = {"CV_GDPR_TRAINING_KEY": "", "CV_GDPR_ENDPOINT": ""}


def names(azure):
    """Return the files about the account in the last export."""
    return {path.name for path in (azure.last / "data").glob("account*")}


@pytest.mark.parametrize(
    "case",
    {
        "by id": ((), {}),
        "by id, with neither endpoint nor key": ((), BARE),
        "by subscription and endpoint": (("--subscription", "5ca1ab1e-0000-4000-8000-000000000001"), {}),
        "beside --all": (("--all",), {}),
        "signed in with entra": (("--auth", "entra"), {"CV_GDPR_TRAINING_KEY": ""}),
        "with entra, without an endpoint": (("--auth", "entra"), BARE),
    }.items(),
    ids=lambda case: case[0],
)
def test_the_resource_is_exported_and_verifies(shared, case):
    arguments, variables = case[1]
    by_subscription = {"CV_GDPR_RESOURCE_ID": ""} if "--subscription" in arguments else {}
    ran = shared.export(*arguments, **variables, **by_subscription)
    assert ran.code == 0, ran.err
    (row,) = ran.json["rows"]
    assert (row["row"], row["held"], row["exported"], row["verdict"]) == ("account", 1, 1, "complete")
    assert names(shared) == FILES
    account = shared.file("account.json")
    assert account["id"] == shared.sim.resource_id
    assert account["properties"]["endpoint"] == f"{shared.sim.endpoint}/"
    assert [one["kind"] for one in shared.file("account-siblings.jsonl")] == ["CustomVision.Prediction"]
    assert [one["name"]["value"] for one in shared.file("account-usages.jsonl")] == [
        "CustomVision.Training.Projects",
        "CustomVision.Training.Images",
    ]
    assert shared.verified() == 0


def test_keys_are_fingerprints_unless_asked_for(shared):
    keys = (shared.sim.training_key, shared.sim.options.second_key)
    ran = shared.export()
    assert shared.file("account-keys.json") == {
        name: f"sha256:{fingerprint(key)}" for name, key in zip(("key1", "key2"), keys, strict=True)
    }
    assert not any(key in path.read_text() for key in keys for path in shared.last.rglob("*") if path.is_file())
    assert "in clear" not in ran.err

    ran = shared.export("--include-keys")
    assert list(shared.file("account-keys.json").values()) == list(keys)
    assert is_private(shared.last / "data" / "account-keys.json")
    assert "account-keys.json holds the resource's keys in clear" in one_line(ran.err, "Warning:")
    assert not any(key in ran.out + ran.err for key in keys)
    assert shared.verified() == 0


ABSENT = {
    # case: (options, the words of the reason)
    "no right to list keys": ({"denied": frozenset({"AccountsListKeys"})}, "403: AuthorizationFailed"),
    "keys switched off": ({"local_auth": False}, "disableLocalAuth is set to be true"),
    "a lock against writing": ({"locks": (Lock("keep", "ReadOnly"),)}, "409: ScopeLocked"),
}


@pytest.mark.parametrize("case", ABSENT)
def test_keys_that_may_not_be_listed_are_absent(shared, change, case):
    options, words = ABSENT[case]
    change(**options)
    ran = shared.export(**BARE)
    assert ran.code == 0, ran.err
    assert names(shared) == FILES - {"account-keys.json"} | {"account-absent.jsonl"}
    (absent,) = shared.file("account-absent.jsonl")
    assert absent["file"] == "account-keys.json"
    assert words in absent["reason"]
    assert ran.json["absent"] == {"account-keys.json": absent["reason"]}
    assert shared.verified() == 0


@pytest.mark.parametrize("operation", ["AccountsListUsages", "DeploymentsList"])
def test_usages_that_may_not_be_listed_are_missing(shared, change, operation):
    change(denied=frozenset({operation}))
    ran = shared.export(**BARE)
    assert ran.code == 3
    (missing,) = ran.json["missing"]
    assert (missing["file"], missing["id"]) == (BESIDE[operation], None)
    assert "403" in missing["reason"]


def test_siblings_that_may_not_be_listed_are_absent(shared, change):
    change(denied=frozenset({"AccountsList"}))
    ran = shared.export(**BARE)
    assert ran.code == 0, ran.err
    assert list(ran.json["absent"]) == ["account-siblings.jsonl"]


BESIDE = {
    "AccountsListUsages": "account-usages.jsonl",
    "DeploymentsList": "account-deployments.jsonl",
    "AccountsList": "account-siblings.jsonl",
    "AccountsListKeys": "account-keys.json",
}


@pytest.mark.parametrize("operation", BESIDE)
def test_a_detail_that_fails_is_named(shared, operation):
    shared.sim.fault(Fault(operation, status=500, times=None))
    ran = shared.export()
    assert ran.code == 3
    assert ran.json["retryable"] is True
    (missing,) = ran.json["missing"]
    assert (missing["row"], missing["file"], missing["id"]) == ("account", BESIDE[operation], None)
    assert "Resource Manager answered 500" in missing["reason"]
    assert one_line(ran.err, "Missing:").startswith("Missing: account: ")
    assert shared.file("account.json")["id"] == shared.sim.resource_id

    shared.sim.clear_faults()
    assert shared("export", "account", "--out", shared.last).code == 0  # the same command fetches the rest
    assert shared.verified() == 0


PAGE = "<html>Sign in</html>"
BROKEN = {
    # case: (fault, exit code alone, words)
    "401": ({"status": 401}, 5, "401"),
    "403": ({"status": 403}, 5, "403"),
    "404": ({"status": 404}, 2, "404"),
    "500": ({"status": 500}, 3, "500"),
    "429": ({"status": 429, "headers": {"Retry-After": "3600"}}, 3, "429"),
    "a page": ({"body": PAGE, "status": 200, "content_type": "text/html"}, 3, "not what its contract says"),
    "an empty body": ({"body": b"", "status": 200}, 3, "not what its contract says"),
    "a list": ({"body": [1], "status": 200}, 3, "not what its contract says"),
    "NaN": ({"body": b'{"id": NaN}', "status": 200}, 3, "not what its contract says"),
    "other types": ({"body": {"id": 7, "properties": [], "tags": "x"}, "status": 200}, 3, "not what its contract says"),
    "a deep body": ({"body": b"[" * 100_000, "status": 200}, 3, "not what its contract says"),
    "a cut body": ({"cut": 10}, 5, "could not be reached"),
    "dropped": ({"drop": True}, 5, "could not be reached"),
    "other values": ({"body": {"id": 7, "name": [], "kind": {}}, "status": 200}, 2, "another resource"),
    "a redirect": ({"status": 307, "headers": {"Location": "https://example.org/"}}, 3, "307"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_answer_costs_the_row(shared, case):
    fault, code, words = BROKEN[case]
    shared.sim.fault(Fault("AccountsGet", times=None, **fault))
    ran = shared.export()
    assert ran.code == code, ran.err
    if code == 3:
        (missing,) = ran.json["missing"]
        assert words in missing["reason"]
    error = one_line(ran.err, "Missing:" if code == 3 else "Error:")
    assert words in error
    assert len(error) < 800


def test_a_list_that_fails_once_is_read_again(shared):
    shared.sim.fault(Fault("AccountsList", status=503, body="<html>busy</html>"))
    ran = shared.export()
    assert ran.code == 0, ran.err
    assert names(shared) == FILES


NEXT_LINKS = {
    "another host": "https://example.org/subscriptions?page=2",
    "the training API": "{sim.endpoint}/customvision?page=2",
    "without a host": "/subscriptions?page=2",
    "a number": 7,
    "its own page": "{sim.resource_manager}/subscriptions/{sim.subscription}/providers/"
    "Microsoft.CognitiveServices/accounts?api-version=2025-09-01",
}


@pytest.mark.parametrize("case", NEXT_LINKS)
def test_a_next_page_elsewhere_is_not_asked_for(shared, case):
    link = NEXT_LINKS[case]
    link = link.format(sim=shared.sim) if isinstance(link, str) else link
    shared.sim.fault(Fault("AccountsList", times=None, body={"value": [], "nextLink": link}))
    before = len(shared.sim.calls)

    ran = shared.export()

    assert ran.code == 3, ran.err
    (missing,) = ran.json["missing"]
    assert missing["file"] == "account-siblings.jsonl"
    assert "the next page leads to another host" in missing["reason"]
    assert not [one for one in list(shared.sim.calls)[before:] if "Authorization" in one.headers]


@pytest.mark.slow
@pytest.mark.parametrize("case", ["401", "dropped", "a page"])
def test_a_broken_answer_leaves_the_other_rows(shared, case):
    shared.sim.fault(Fault("ARM", times=None, **BROKEN[case][0]))
    out = shared.folder / "all"
    ran = shared("export", "--all", "--json", "--out", out)
    assert ran.code == 3, ran.err
    verdicts = {row["row"]: row["verdict"] for row in ran.json["rows"]}
    assert {row for row, verdict in verdicts.items() if verdict != "complete"} == {"account"}

    closed = shared.folder / "closed"
    assert shared("export", "--all", "--accept-missing", "--out", closed).code == 3
    ran = shared("verify", closed)
    assert ran.code == 3, ran.out + ran.err


def test_an_unreachable_manager_leaves_an_empty_resource(azure):
    out = azure.folder / "all"
    ran = azure("export", "--all", "--json", "--out", out, CV_GDPR_RESOURCE_MANAGER="http://127.0.0.1:9")
    assert ran.code == 3
    assert [entry["row"] for entry in ran.json["missing"]] == ["account"]


WRONG = {
    # case: (arguments, variables, exit code, words)
    "no match": (("--subscription", "S"), {"CV_GDPR_ENDPOINT": "http://127.0.0.1:9"}, 2, "no resource"),
    "another subscription": (("--subscription", OTHER), {}, 2, "SubscriptionNotFound"),
    "no endpoint": (("--subscription", "S"), BARE, 2, "--subscription finds the resource by its endpoint"),
    "another resource": (("--resource-id", "ID-Prediction"), {}, 2, "is another resource than the one with"),
    "no such resource": (("--resource-id", "IDx"), {}, 2, "ResourceNotFound"),
    "no such resource, bare": (("--resource-id", "IDx"), BARE, 2, "ResourceNotFound"),
    "not an id": (("--resource-id", "simulated"), {}, 2, "not one of an Azure AI services account"),
    "plain http": (("--resource-manager", "http://example.org"), {}, 2, "is plain http"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_resource_that_is_not_found_is_one_line(shared, case):
    arguments, variables, code, words = WRONG[case]
    option, value = arguments
    value = {"S": shared.sim.subscription}.get(value, value.replace("ID", shared.sim.resource_id))
    named = {"CV_GDPR_RESOURCE_ID": ""} if option == "--subscription" else {}
    ran = shared.export(option, value, **named, **variables)
    assert ran.code == code, ran.err
    assert words in one_line(ran.err, "Error:")
    assert not shared.last.exists()


@pytest.mark.parametrize("words", [("account",), ("--all",)])
def test_a_deleted_resource_is_said_to_be_deleted(azure, words):
    assert azure.delete().code == 0
    azure.accounts.live.clear()  # the sibling too, whose endpoint is the same
    ran = azure("export", *words, "--out", azure.folder / "out")
    assert ran.code == (2 if words == ("account",) else 5), ran.err
    assert "simulated is deleted; it can be recovered until 20" in ran.err
    assert not (azure.folder / "out").exists()


def test_a_refusal_names_the_role(shared, change):
    change(denied=frozenset({"AccountsGet"}))
    ran = shared("export", "--all", "--json", "--out", shared.folder / "all")
    assert ran.code == 3
    (missing,) = ran.json["missing"]
    assert "the role Reader, or Cognitive Services Custom Vision Reader, at the resource" in missing["reason"]
    assert "the role Reader, or" in one_line(shared.export().err, "Hint:")


@pytest.mark.parametrize(("words", "title"), [(("account",), "the Azure"), (("--all",), "1 project and the Azure")])
def test_the_export_names_its_resource(shared, words, title):
    out = shared.folder / "out"
    ran = shared("export", *words, "--out", out)
    assert ran.code == 0
    assert f"{title} resource simulated in " in ran.out
    assert f"Azure-Resource: {shared.sim.resource_id}\n" in (out / "bag-info.txt").read_text()
    summary = json.loads((out / "data" / "export.json").read_text())
    assert summary["resource"] == shared.sim.resource_id
    assert f"Azure-Resource: {shared.sim.resource_id}" in shared("verify", out).out


def test_a_project_beside_the_account_is_refused(shared):
    ran = shared.export("--project", "Project 1")
    assert ran.code == 2
    assert "leave --project out" in one_line(ran.err, "Error:")
    assert asked(shared.sim) == []


def test_an_account_that_nobody_exported_is_missing(shared):
    bare = {"CV_GDPR_RESOURCE_ID": ""}
    ran = shared.export(**bare)
    assert (ran.code, ran.json["retryable"], ran.json["complete"]) == (3, False, False)
    assert "--resource-id ID and --out" in one_line(ran.err, "Hint:")
    assert not (shared.last / "bagit.txt").exists()
    assert shared("export", "account", "--out", shared.last).code == 0  # with the resource's id
    assert shared.verified() == 0

    assert shared.export("--accept-missing", **bare).code == 3
    assert "Complete: no" in (shared.last / "bag-info.txt").read_text()
    assert shared.verified() == 3


def test_two_resources_of_one_endpoint_are_not_chosen_from(azure):
    twin = azure.accounts.made("Twin", "CustomVision.Training")
    twin.endpoint = f"{azure.sim.endpoint}/"
    azure.accounts.add(twin)
    ran = azure.export("--subscription", azure.sim.subscription, CV_GDPR_RESOURCE_ID="")
    assert ran.code == 2
    assert "2 resources of subscription" in one_line(ran.err, "Error:")


def test_account_info_is_asked_where_a_key_is_there(shared, change):
    assert shared.export().code == 0
    assert [call.operation for call in shared.sim.calls] == ["GetAccountInfo"]  # it answers 404

    change(account_info=True)
    assert shared.export().code == 0
    info = shared.file("account-info.json")
    assert info
    assert shared.sim.training_key not in (shared.last / "data" / "account-info.json").read_text()
    assert shared.verified() == 0

    shared.sim.calls.clear()
    assert shared.export(**BARE).code == 0
    assert shared.file("account-info.json") is None
    assert shared.sim.calls == []


def test_without_resource_manager_a_line_says_what_to_do(shared):
    ran = shared.export(CV_GDPR_RESOURCE_ID="")
    assert ran.code == 3
    words = ran.json["byHand"]["account"]
    assert "--resource-id ID" in words
    assert "cv-gdpr[azure]" not in words  # it is installed
    assert len(words) < 130
    assert asked(shared.sim) == []


def test_a_table_names_what_is_absent(shared, change):
    change(denied=frozenset({"AccountsListKeys"}))
    ran = shared("export", "account", "--out", shared.folder / "plain", **BARE)
    assert ran.code == 0
    assert "account-keys.json: not exported: Accounts-ListKeys: " in ran.out


@pytest.mark.slow
def test_require_export_accepts_an_export_with_the_account(azure):
    azure.sim.fill(images=2, image_bytes=64)
    out = azure.folder / "all"
    assert azure("export", "--all", "--out", out).code == 0
    assert azure("verify", out).code == 0
    ran = azure("delete", "--all", "--yes", "--require-export", out, "--evidence", azure.folder / "e.json")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(("words", "row"), [(("tags", "--all"), "tags"), (("account",), "account")])
def test_include_keys_without_keys_warns(shared, change, words, row):
    change(denied=frozenset({"AccountsListKeys"}))
    ran = shared("export", *words, "--include-keys", "--out", shared.folder / row)
    assert ran.code == 0
    assert "no keys are in what was exported" in one_line(ran.err, "Warning:")


def test_a_changed_account_is_found(shared):
    assert shared.export().code == 0
    path = shared.last / "data" / "account.json"
    path.write_text(path.read_text().replace("westeurope", "eastus"))
    assert shared.verified() == 4


@posix("shell")
def test_a_command_that_prints_the_key_runs_once(azure, tmp_path):
    script, log = tmp_path / "key.sh", tmp_path / "log"
    script.write_text(f"#!/bin/sh\necho asked >> '{log}'\necho {azure.sim.training_key}\n")
    script.chmod(0o700)

    ran = azure("export", "account", "--key-command", str(script), "--out", tmp_path / "out", CV_GDPR_TRAINING_KEY="")

    assert ran.code == 0, ran.err
    assert log.read_text() == "asked\n"


def test_a_list_names_the_resource_and_asks_for_no_keys(shared):
    ran = shared("list", "account", "--json")
    assert ran.code == 0, ran.err
    assert [(row["row"], row["held"], row["verdict"]) for row in ran.json["rows"]] == [("account", 1, "complete")]
    assert ran.json["resource"] == shared.sim.resource_id
    assert {call.operation for call in shared.sim.resource_manager_calls} == {"AccountsGet"}
