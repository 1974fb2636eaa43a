"""An account is deleted, recovered and purged through azure-mgmt-cognitiveservices, and with it what it holds."""

import time
from datetime import timedelta

import pytest
import requests
from azure.core.exceptions import ResourceNotFoundError

from custom_vision_simulator import Lock, Options, Simulator
from tests.simulator.azure_libraries import AT_ONCE, GROUP, NAME, PLACE, PLAIN, VERSION, manager, refused, send


@pytest.fixture
def own():
    """Return a function that starts a simulator with options, and its client."""
    opened = []

    def start(**options):
        sim = Simulator(Options(**options)).__enter__()
        context = manager(sim)
        opened.append((sim, context))
        return sim, context.__enter__()

    yield start
    for sim, context in opened:
        context.__exit__(None, None, None)
        sim.stop()


def test_a_deleted_account_can_be_recovered_for_48_hours(own):
    sim, client = own()
    (project,) = sim.fill(images=1)
    client.accounts.begin_delete(GROUP, NAME, **AT_ONCE).result()
    with pytest.raises(ResourceNotFoundError):
        client.accounts.get(GROUP, NAME, **PLAIN)
    assert [each.name for each in client.accounts.list(**PLAIN)] == [f"{NAME}-Prediction"]
    (listed,) = client.deleted_accounts.list(**PLAIN)
    found = client.deleted_accounts.get(PLACE, GROUP, NAME, **PLAIN)
    assert (listed.id, listed.type) == (found.id, "Microsoft.CognitiveServices/deletedAccounts")
    dates = [found.properties.deletion_date, found.properties.scheduled_purge_date]
    deleted, purged = (time.strptime(each[:19], "%Y-%m-%dT%H:%M:%S") for each in dates)
    assert timedelta(seconds=time.mktime(purged) - time.mktime(deleted)) == timedelta(hours=48)
    assert project in sim.store.projects


def test_its_key_is_refused_from_then_on(own):
    sim, client = own()
    projects = f"{sim.endpoint}/customvision/v3.4-preview/training/projects"
    key = {"Training-Key": sim.training_key}
    assert requests.get(projects, headers=key, timeout=5).status_code == 200
    client.accounts.begin_delete(GROUP, NAME, **AT_ONCE)
    assert requests.get(projects, headers=key, timeout=5).status_code == 401


def test_a_purge_is_accepted_and_polled(own):
    sim, client = own(purge_seconds=0.2)
    sim.fill(images=1)
    client.accounts.begin_delete(GROUP, NAME, **AT_ONCE)
    began = time.monotonic()
    poller = client.deleted_accounts.begin_purge(PLACE, GROUP, NAME, **PLAIN, polling_interval=0.05)
    assert len(list(client.deleted_accounts.list(**PLAIN))) == 1
    poller.result()
    assert time.monotonic() - began >= 0.2
    assert poller.status() == "Succeeded"
    assert list(client.deleted_accounts.list(**PLAIN)) == []
    assert sim.store.projects == {}
    polls = [each for each in sim.resource_manager_calls if each.operation == "OperationResultsGet"]
    assert len(polls) > 1
    assert polls[0].query.keys() >= {"api-version", "t"}


def test_a_deletion_that_takes_its_time(own):
    sim, client = own(account_delete_seconds=0.2)
    poller = client.accounts.begin_delete(GROUP, NAME, **PLAIN, polling_interval=0.05)
    assert client.accounts.get(GROUP, NAME, **PLAIN).properties.provisioning_state == "Deleting"
    second = client.accounts.begin_delete
    assert refused(second, GROUP, NAME, polling_interval=0)[:2] == (409, "AccountProvisioningStateInvalid")
    poller.result()
    assert poller.status() == "Succeeded"
    assert [each.name for each in client.deleted_accounts.list(**PLAIN)] == [NAME]
    statuses = [each.status for each in sim.resource_manager_calls if each.operation == "AccountsDelete"]
    assert statuses == [202, 409]


def test_the_location_header_alone_leads_to_the_end(own):
    sim, client = own(account_delete_seconds=0.1)
    accepted = send(client, "DELETE", f"{sim.resource_id}?{VERSION}")
    assert "Retry-After" not in accepted.headers
    assert send(client, "GET", accepted.headers["Location"]).status_code == 202
    sim.store.finish()
    assert send(client, "GET", accepted.headers["Location"]).status_code == 200
    assert send(client, "GET", accepted.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
    unknown = accepted.headers["Location"].replace("operationResults/", "operationResults/x")
    assert send(client, "GET", unknown).status_code == 404


def test_deleting_and_purging_what_is_missing_is_204(own):
    sim, client = own()
    client.accounts.begin_delete(GROUP, "nobody", **AT_ONCE).result()
    client.deleted_accounts.begin_purge(PLACE, GROUP, "nobody", **AT_ONCE).result()
    client.deleted_accounts.begin_purge("northeurope", GROUP, NAME, **AT_ONCE).result()
    assert [each.status for each in sim.resource_manager_calls] == [204, 204, 204]


def test_only_a_lock_of_the_subscription_prevents_a_purge(own):
    sim, client = own()
    client.accounts.begin_delete(GROUP, NAME, **AT_ONCE)
    sim.options.locks = (Lock("keep", scope="subscription"),)
    assert refused(client.deleted_accounts.begin_purge, PLACE, GROUP, NAME)[:2] == (409, "ScopeLocked")
    sim.options.locks = (Lock("keep", scope="group"),)
    client.deleted_accounts.begin_purge(PLACE, GROUP, NAME, **AT_ONCE).result()
    assert list(client.deleted_accounts.list(**PLAIN)) == []


def test_the_name_stays_taken_until_the_purge(own):
    sim, client = own()
    wanted = {"kind": "CustomVision.Training", "location": PLACE, "sku": {"name": "S0"}, "properties": {}}
    client.accounts.begin_delete(GROUP, NAME, **AT_ONCE)
    taken = send(client, "PUT", f"{sim.resource_id}?{VERSION}", wanted)
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "FlagMustBeSetForRestore")
    client.deleted_accounts.begin_purge(PLACE, GROUP, NAME, **AT_ONCE).result()
    assert send(client, "PUT", f"{sim.resource_id}?{VERSION}", wanted).status_code == 201
    assert send(client, "PUT", f"{sim.resource_id}?{VERSION}", wanted).status_code == 200
    assert send(client, "PUT", f"{sim.resource_id}?{VERSION}", []).status_code == 400


def test_a_recovered_account_has_its_projects(own):
    sim, client = own()
    (project,) = sim.fill(images=1)
    client.accounts.begin_delete(GROUP, NAME, **AT_ONCE)
    assert send(client, "PUT", f"{sim.resource_id}?{VERSION}", {"properties": {"restore": True}}).status_code == 201
    assert client.accounts.get(GROUP, NAME, **PLAIN).kind == "CustomVision.Training"
    assert list(client.deleted_accounts.list(**PLAIN)) == []
    answer = requests.get(
        f"{sim.endpoint}/customvision/v3.4-preview/training/projects",
        headers={"Training-Key": sim.options.second_key},
        timeout=5,
    )
    assert [each["id"] for each in answer.json()] == [project]


def test_a_deleted_account_is_purged_by_itself(own):
    sim, client = own(recoverable_seconds=0)
    sim.fill(images=1)
    client.accounts.begin_delete(GROUP, NAME, **AT_ONCE)
    assert list(client.deleted_accounts.list(**PLAIN)) == []
    assert sim.store.projects == {}
