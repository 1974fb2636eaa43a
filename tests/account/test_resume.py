"""A run about the Azure resource that was killed, and the same command again."""

import json
import subprocess
import sys

import pytest

from custom_vision_simulator import Fault
from tests.account.azure import identity_of, manager_of, one_line
from tests.delete.erasing import environment
from tests.endurance.enduring import until


def killed(azure, operation, *words, seen=1):
    """Run a command until Resource Manager is asked for an operation, and kill it."""
    sim = azure.sim
    variables = environment(sim) | identity_of(sim) | manager_of(sim)
    with subprocess.Popen([sys.executable, "-m", "cv_gdpr", *map(str, words)], env=variables) as process:
        try:
            until(lambda: [one.operation for one in sim.resource_manager_calls].count(operation) >= seen)
        finally:
            process.kill()
    sim.clear_faults()


def deletion(azure, *more):
    """Return the words of a deletion with the evidence e.json."""
    name = azure.sim.options.account_name
    return ("delete", "account", *more, "--yes", "--confirm", name, "--evidence", azure.folder / "e.json")


def gone(azure, *, recoverable):
    """Assert that the evidence proves the deletion."""
    azure.runs.append(azure.folder / "e.json")
    assert set(azure.states().values()) <= {"deleted", "gone already"}
    assert azure.verified() == 0
    assert "simulated" not in azure.accounts.live
    assert ("simulated" in azure.accounts.deleted) == recoverable
    events = [json.loads(line)["event"] for line in azure.last.with_suffix(".jsonl").read_text().splitlines()]
    assert events.count("opened") == 2


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("purge", [True, False])
def test_killed_before_the_deletion_was_answered(azure, purge, carried_out):
    azure.sim.fault(Fault("AccountsDelete", delay=30))
    words = deletion(azure, *["--purge"] * purge)
    killed(azure, "AccountsDelete", *words)
    if carried_out:
        azure.accounts.delete(azure.accounts.live["simulated"])

    ran = azure(*words)

    assert ran.code == 0, ran.err
    gone(azure, recoverable=not purge)
    assert azure.states()["account"] == "deleted"


def test_killed_while_the_deletion_goes_on(azure):
    azure.sim.options.account_delete_seconds = 3.0
    killed(azure, "AccountsGet", *deletion(azure), seen=3)  # the third is the look after the request
    assert azure.accounts.live["simulated"].state == "Deleting"

    ran = azure(*deletion(azure), "--wait", "20")

    assert ran.code == 0, ran.err
    gone(azure, recoverable=True)
    assert [one.operation for one in azure.sim.resource_manager_calls].count("AccountsDelete") == 1


@pytest.mark.parametrize("carried_out", [True, False])
def test_killed_before_the_purge_was_answered(azure, carried_out):
    azure.sim.fault(Fault("DeletedAccountsPurge", delay=30))
    killed(azure, "DeletedAccountsPurge", *deletion(azure, "--purge"))
    if carried_out:
        azure.accounts.purge(azure.accounts.deleted["simulated"])
        azure.sim.store.finish()

    ran = azure(*deletion(azure, "--purge"))

    assert ran.code == 0, ran.err
    gone(azure, recoverable=False)
    assert azure.states() == {"account": "deleted", "recoverable account": "deleted"}


def created_anew(azure, *, deleted):
    """Put another resource in place of the one that a run deleted and purged; delete that too, on request."""
    accounts = azure.accounts
    accounts.deleted.pop("simulated", None)
    new = accounts.made("simulated", "CustomVision.Training")
    new.endpoint = f"{azure.sim.endpoint}/"
    accounts.add(new)
    if deleted:
        accounts.delete(new)


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("operation", ["DeletedAccountsPurge", "AccountsList"])
def test_a_resource_created_anew_is_not_the_one_to_resume(azure, operation, deleted):
    azure.sim.fault(Fault(operation, delay=30, after=operation == "AccountsList"))
    killed(azure, operation, *deletion(azure, "--purge"), seen=1 + (operation == "AccountsList"))
    created_anew(azure, deleted=deleted)
    before = len([one for one in azure.sim.resource_manager_calls if one.method == "DELETE"])
    ledger = (azure.folder / "e.jsonl").read_bytes()

    ran = azure(*deletion(azure, "--purge"))

    assert ran.code == 2, ran.err
    assert "is another resource than the one that this erasure began with" in one_line(ran.err, "Error:")
    assert len([one for one in azure.sim.resource_manager_calls if one.method == "DELETE"]) == before
    assert ("simulated" in azure.accounts.live) != deleted
    assert (azure.folder / "e.jsonl").read_bytes() == ledger


def test_another_command_does_not_resume(azure):
    azure.sim.fault(Fault("AccountsDelete", delay=30))
    killed(azure, "AccountsDelete", *deletion(azure))
    ran = azure(*deletion(azure, "--purge"))
    assert ran.code == 2
    assert "simulated" in azure.accounts.live


def test_without_a_name_the_run_is_found_again(azure):
    azure.sim.fault(Fault("AccountsDelete", delay=30))
    words = deletion(azure)[:-2]
    killed(azure, "AccountsDelete", *words)
    ran = azure(*words, "--json")
    assert ran.code == 0, ran.err
    assert len(list(azure.folder.glob("*.jsonl"))) == 1


def test_a_killed_export_is_finished(azure):
    azure.sim.fault(Fault("DeploymentsList", delay=30))
    words = ("export", "account", "--out", azure.folder / "bag")
    killed(azure, "DeploymentsList", *words)
    assert not (azure.folder / "bag" / "bagit.txt").exists()
    ran = azure(*words)
    assert ran.code == 0, ran.err
    assert azure("verify", azure.folder / "bag").code == 0
