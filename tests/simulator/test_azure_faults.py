"""The faults of Resource Manager and of the managed identity, as the real libraries meet them."""

import json
from itertools import product

import pytest
from azure.core.exceptions import AzureError

from custom_vision_simulator import Fault, Simulator
from custom_vision_simulator.accounts import Accounts
from custom_vision_simulator.catalogue import CATALOGUE, faults
from custom_vision_simulator.faults import ARM, ARM_OPERATIONS, IDENTITY
from custom_vision_simulator.host import Incoming, parse_query
from custom_vision_simulator.identity import Tokens
from custom_vision_simulator.resource_manager import ARM_ROUTES, ResourceManager
from tests.simulator.azure_libraries import AT_ONCE, GROUP, NAME, PLACE, PLAIN, manager

LIES = {"arm-lying-delete", "arm-lying-purge", "arm-empty"}  # the library takes an empty 200 for an answer
ENDLESS = {"arm-hung", "identity-hung", "arm-operation-endless"}
OF_ACCOUNTS = [name for name, entry in CATALOGUE.items() if entry.faults[0].route in {ARM, IDENTITY} | ARM_OPERATIONS]


@pytest.fixture
def opened():
    """Yield a simulator and its client."""
    with Simulator() as sim, manager(sim) as client:
        yield sim, client


def everything(client):
    """List the keys, delete the account and purge it."""
    client.accounts.list_keys(GROUP, NAME, **PLAIN)
    client.accounts.begin_delete(GROUP, NAME, **AT_ONCE).result()
    client.deleted_accounts.begin_purge(PLACE, GROUP, NAME, **AT_ONCE).result()


@pytest.mark.parametrize("name", sorted(set(OF_ACCOUNTS) - LIES - ENDLESS))
def test_a_named_fault_is_an_error_of_the_library(opened, name):
    sim, client = opened
    for fault in faults(name):
        sim.fault(fault)
    with pytest.raises((AzureError, ValueError)):
        everything(client)
    assert sim.faults.fired(sim.faults[0])


@pytest.mark.parametrize("name", sorted(LIES))
def test_lies_end_well_and_leave_the_account(opened, name):
    sim, client = opened
    (fault,) = faults(name)
    sim.fault(fault)
    everything(client)
    assert sim.faults.fired(fault)
    sim.clear_faults()
    left = client.deleted_accounts.list(**PLAIN) if name == "arm-lying-purge" else client.accounts.list(**PLAIN)
    assert NAME in {each.name for each in left}


def test_faults_of_one_host_spare_the_others(opened):
    sim, client = opened
    for route in ("API", "Blob", "GetProjects"):
        sim.fault(Fault(route, status=500, times=None))
    everything(client)
    assert {each.status for each in sim.resource_manager_calls} == {200, 202}
    assert {each.status for each in sim.identity_calls} == {200}


def test_an_answer_that_never_ends_can_be_left(opened):
    sim, client = opened
    client.accounts.begin_delete(GROUP, NAME, **AT_ONCE)
    sim.fault(faults("arm-operation-endless")[0])
    poller = client.deleted_accounts.begin_purge(PLACE, GROUP, NAME, **PLAIN, polling_interval=0.01)
    poller.wait(0.2)
    assert not poller.done()
    sim.clear_faults()
    poller.result()


@pytest.mark.parametrize("route", ARM_ROUTES, ids=lambda each: each.name)
def test_no_request_is_a_500(route):
    """Any path, query and body of any operation is answered below 500."""
    sim = Simulator()
    accounts, tokens = Accounts(sim.options, sim.store), Tokens(sim.options)
    accounts.open("http://simulated")
    host = ResourceManager(sim.store, accounts, tokens)
    headers = {"Authorization": f"Bearer {tokens.issue('https://management.azure.com')[0]}"}
    known = {"subscription": sim.subscription, "group": GROUP, "location": PLACE, "account": NAME, "operation": "x"}
    queries = ("", "api-version=2025-09-01", "api-version=2025-09-01&operationResultResponseType=%FF")
    bodies = (b"", b"{", b"[]", b"\xff", b'{"properties": 1, "kind": {}}', b'{"properties": {"restore": true}}')
    for last, query, body in product((NAME, "%00", "%FF", "-"), queries, bodies):
        path = "/" + "/".join(route.segments).format(**known | {"account": last})
        answer = host.answer(Incoming(route.method, path, parse_query(query), headers, body, ()))
        assert answer.status < 500, (path, query, body)
        if answer.status >= 400:
            assert json.loads(answer.body)["error"]["code"]
