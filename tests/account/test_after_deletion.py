"""After `delete account`: the resource is looked for again, and an earlier export follows."""

import copy
import json
import shutil

import pytest

from custom_vision_simulator import Fault
from tests.redact.redacting import content, told

NOT_HERE = {"CV_GDPR_RESOURCE_ID": ""}


@pytest.fixture
def deleted(azure):
    """Return an export of a resource, and the evidence of its deletion."""
    azure.sim.fill(images=3, image_bytes=64, iterations=1, predictions=1)
    bag = azure.folder / "bag"
    assert azure("export", "--all", "--out", bag).code == 0
    accounts = azure.accounts
    live = copy.deepcopy(accounts.live)
    assert azure.delete().code == 0
    return azure, bag, azure.last, live


@pytest.mark.slow
def test_a_deleted_resource_is_looked_for_again(deleted):
    azure, _, evidence, live = deleted
    ran = azure("recheck", evidence)
    assert ran.code == 0, ran.err
    assert "still gone" in ran.out

    azure.sim.fault(Fault("AccountsList", status=500, times=None))
    assert azure("recheck", evidence, CV_GDPR_RECHECK_PATIENCE="0.1").code == 3
    azure.sim.clear_faults()

    azure.accounts.live.update(live)  # recovered, or made anew with the same id
    ran = azure("recheck", evidence, "--evidence", "after.json")
    assert ran.code == 4
    assert f"There again: account {azure.sim.options.account_name}" in ran.err
    assert azure("verify", "after.json").code == 0

    assert "--resource-id" in azure("recheck", evidence, **NOT_HERE).err
    other = azure.sim.resource_id + "2"
    ran = azure("recheck", evidence, CV_GDPR_RESOURCE_ID=other)
    assert ran.code == 2
    assert "of another resource" in ran.err


@pytest.mark.slow
def test_an_export_of_it_keeps_nothing(deleted):
    azure, bag, evidence, _ = deleted
    name = azure.sim.options.account_name.encode()
    assert name in content(bag)
    ran = azure("redact", evidence, bag, "--json")
    assert ran.code == 0, ran.err
    less = bag.with_name("bag-redacted")
    assert ran.json["bags"][0]["taken"]["projects"] == 1
    assert ran.json["bags"][0]["taken"]["account"] == 1
    assert sorted(path.name for path in (less / "data").iterdir()) == ["export.json"]
    assert name not in content(less)
    assert {"project": None, "row": "account", "ids": [name.decode()]} in told(less)[0]["items"]
    assert azure("verify", less).code == 0
    summary = json.loads((less / "data" / "export.json").read_text())
    assert {count["held"] for count in summary["rows"].values()} == {0}
    shutil.copy(bag / "data" / "account.json", less / "data" / "account.json")
    assert "says that it was taken out" in azure("verify", less).out


@pytest.mark.slow
def test_an_export_without_the_resource_is_refused(deleted):
    azure, bag, evidence, _ = deleted
    alone = azure.folder / "alone"
    shutil.copytree(bag, alone)
    azure.accounts.live.update(deleted[3])
    shutil.rmtree(alone)
    assert azure("export", "projects", "--all", "--out", alone).code == 0
    ran = azure("redact", evidence, alone)
    assert ran.code == 2
    assert "does not say which Azure resource" in ran.err
    assert "remove the whole folder" in ran.err
