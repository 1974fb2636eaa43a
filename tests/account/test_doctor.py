"""`cv-gdpr doctor` about the Azure resource: as whom, whether it is found, its kind, its keys, its locks."""

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.records import Lock
from tests.account.azure import asked, one_line

NAMES = ("Resource Manager", "Azure resource", "keys", "locks of the resource")


def checks(ran):
    """Return name -> check of the connection."""
    (one,) = ran.json["connections"]
    return {check["name"]: check for check in one["checks"]}


def test_it_finds_the_resource_and_changes_nothing(shared):
    ran = shared("doctor", "--json")
    assert ran.code == 0, ran.err
    found = checks(ran)
    assert [found[name]["state"] for name in NAMES] == ["ok"] * 4
    assert f"signed in as Microsoft Entra ID: object {shared.sim.options.principal}" in found[NAMES[0]]["found"]
    assert found[NAMES[1]]["found"] == "simulated, CustomVision.Training, in westeurope"
    assert found[NAMES[3]]["found"] == "none"
    assert {call.method for call in shared.sim.resource_manager_calls} == {"GET"}
    assert "AccountsListKeys" not in asked(shared.sim)
    assert not list(shared.folder.iterdir())


def test_keys_that_are_switched_off_and_locks_are_named(shared, change):
    change(local_auth=False, locks=(Lock("keep"),))
    found = checks(shared("doctor", "--json", "--auth", "entra", CV_GDPR_TRAINING_KEY=""))
    assert (found["keys"]["state"], found["keys"]["hint"]) == ("warning", "sign in with --auth entra")
    assert found[NAMES[3]]["found"] == "keep: delete account is refused"


@pytest.mark.parametrize("lacking", ["CV_GDPR_ENDPOINT", "CV_GDPR_TRAINING_KEY"])
def test_the_row_account_needs_no_key(shared, lacking):
    ran = shared("doctor", "--json", **{"CV_GDPR_TRAINING_KEY": "", lacking: ""})
    assert ran.code == 0, ran.err
    found = checks(ran)
    assert found["Azure resource"]["state"] == "ok"
    assert found["training API"]["state"] == "warning"
    assert f"not set: {lacking}" in found["training API"]["found"]
    assert found["service"]["state"] == "unknown"


def test_it_looks_where_the_training_api_fails(shared):
    ran = shared("doctor", "--json", CV_GDPR_ENDPOINT=f"{shared.sim.endpoint}/customvision/v3.0")
    assert ran.code == 2
    assert checks(ran)["Azure resource"]["state"] == "ok"


FAILING = {
    # case: (variables, fault, exit code, words)
    "no such resource": ({"CV_GDPR_RESOURCE_ID": "IDx"}, None, 2, "ResourceNotFound"),
    "another resource": ({"CV_GDPR_RESOURCE_ID": "ID-Prediction"}, None, 2, "is another resource than the one"),
    "no right": ({}, Fault("AccountsGet", status=403, times=None), 5, "Resource Manager answered 403"),
    "no identity": ({"IDENTITY_HEADER": "wrong"}, None, 5, "sign-in with Microsoft Entra ID failed"),
    "not an id": ({"CV_GDPR_RESOURCE_ID": "x"}, None, 2, "not one of an Azure AI services account"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_failure_is_a_finding(shared, case):
    variables, fault, code, words = FAILING[case]
    if fault:
        shared.sim.fault(fault)
    named = {name: value.replace("ID", shared.sim.resource_id) for name, value in variables.items()}
    ran = shared("doctor", "--json", **named)
    assert ran.code == code, ran.err
    assert words in one_line(ran.err, "Error:")


def test_without_a_resource_id_it_is_not_asked(shared):
    ran = shared("doctor", "--json", CV_GDPR_RESOURCE_ID="")
    assert not checks(ran).keys() & set(NAMES[:2])
    assert asked(shared.sim) == []
