"""Resource Manager as azure-mgmt-cognitiveservices sees it: each route and each refusal."""

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

from custom_vision_simulator import Lock, Options, Simulator
from custom_vision_simulator.faults import ARM_OPERATIONS
from custom_vision_simulator.resource_manager import ARM_ROUTES, UNKNOWN
from tests.simulator.azure_libraries import (
    AT_ONCE,
    COGNITIVE,
    GROUP,
    MANAGEMENT,
    NAME,
    PLACE,
    PLAIN,
    VERSION,
    identity,
    manager,
    refused,
    send,
)

ACCOUNT = (
    f"/subscriptions/{Options().subscription}/resourceGroups/{GROUP}/providers/Microsoft.CognitiveServices/accounts"
)


@pytest.fixture(scope="module")
def shared():
    """Yield a simulator with a project and two neighbours of the training resource, and its management client."""
    with Simulator(Options(multi_service=True)) as sim:
        sim.fill(images=3)
        with manager(sim) as client:
            yield sim, client


def test_the_account_is_shown_whole(shared):
    sim, client = shared
    account = client.accounts.get(GROUP, NAME, **PLAIN)
    assert (account.id, account.kind, account.location) == (sim.resource_id, "CustomVision.Training", PLACE)
    assert (account.properties.endpoint, account.properties.custom_sub_domain_name) == (f"{sim.endpoint}/", NAME)
    assert (account.tags, account.sku.name) == ({"team": "vision"}, "S0")
    assert account.system_data.created_by == "jane.doe@example.com"
    (rule,) = account.properties.call_rate_limit.rules
    assert (rule.count, rule.renewal_period, rule.match_patterns[0].path) == (10, 1, "*")
    assert account.properties.disable_local_auth is None


def test_the_lists_have_all_kinds(shared):
    _, client = shared
    kinds = {"CustomVision.Training", "CustomVision.Prediction", "CognitiveServices"}
    assert {each.kind for each in client.accounts.list(**PLAIN)} == kinds
    assert {each.kind for each in client.accounts.list_by_resource_group(GROUP, **PLAIN)} == kinds
    assert list(client.deleted_accounts.list(**PLAIN)) == []
    assert list(client.deployments.list(GROUP, NAME, **PLAIN)) == []


def test_the_training_key_is_the_first_of_two(shared):
    sim, client = shared
    keys = client.accounts.list_keys(GROUP, NAME, **PLAIN)
    assert keys.key1 == sim.training_key
    assert keys.key2 not in {None, keys.key1}
    assert client.accounts.list_keys(GROUP, f"{NAME}-Prediction", **PLAIN).key1 != keys.key1


def test_the_usages_count_projects_and_images(shared):
    _, client = shared
    usages = client.accounts.list_usages(GROUP, NAME, **PLAIN).value
    counted = {each.name.value: (each.current_value, each.limit) for each in usages}
    assert counted == {"CustomVision.Training.Projects": (1, 100), "CustomVision.Training.Images": (3, 100_000)}
    assert client.accounts.list_usages(GROUP, f"{NAME}-Prediction", **PLAIN).value == []


def test_paths_and_locations_in_any_case(shared):
    sim, client = shared
    assert client.accounts.get(GROUP.upper(), NAME.upper(), **PLAIN).id == sim.resource_id
    assert send(client, "GET", f"{sim.resource_id.lower()}?{VERSION}").json()["id"] == sim.resource_id


def test_the_headers_of_every_answer(shared):
    sim, client = shared
    answer = send(client, "GET", f"{sim.resource_id}?{VERSION}")
    ident = answer.headers["x-ms-request-id"]
    assert answer.headers["x-ms-correlation-request-id"] == ident
    assert answer.headers["x-ms-routing-request-id"].startswith("WESTEUROPE:")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert send(client, "GET", "/nothing").headers["x-ms-request-id"] != ident


def test_locks_at_and_above_the_resource(shared, changed):
    sim, client = shared
    changed(locks=(Lock("keep", notes="ask Jane"), Lock("all", "ReadOnly", scope="subscription")))
    found = send(client, "GET", f"{sim.resource_id}/providers/Microsoft.Authorization/locks?{VERSION}").json()["value"]
    assert [each["properties"] for each in found] == [
        {"level": "CanNotDelete", "notes": "ask Jane"},
        {"level": "ReadOnly"},
    ]
    assert found[0]["id"] == f"{sim.resource_id}/providers/Microsoft.Authorization/locks/keep"
    assert found[1]["id"].startswith(f"/subscriptions/{sim.subscription}/providers/")


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        (f"{ACCOUNT}/{NAME}", 400, "MissingApiVersionParameter"),
        (f"{ACCOUNT}/{NAME}?api-version=", 400, "MissingApiVersionParameter"),
        (f"{ACCOUNT}/{NAME}?api-version=latest", 400, "InvalidApiVersionParameter"),
        (f"{ACCOUNT}/nobody?{VERSION}", 404, "ResourceNotFound"),
        (f"{ACCOUNT}/nobody/usages?{VERSION}", 404, "ResourceNotFound"),
        (f"{ACCOUNT}/nobody/deployments?{VERSION}", 404, "ResourceNotFound"),
        (f"{ACCOUNT}/nobody/providers/Microsoft.Authorization/locks?{VERSION}", 404, "ResourceNotFound"),
        (f"{ACCOUNT.replace(GROUP, 'other')}/{NAME}?{VERSION}", 404, "ResourceGroupNotFound"),
        (f"{ACCOUNT.replace('5ca1ab1e', '00000000')}/{NAME}?{VERSION}", 404, "SubscriptionNotFound"),
        (f"{ACCOUNT}/{NAME}/secrets?{VERSION}", 404, "InvalidResourceType"),
    ],
)
def test_refused_addresses(shared, url, status, code):
    _, client = shared
    answer = send(client, "GET", url)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]


def test_a_missing_account_is_an_error_of_the_library(shared):
    _, client = shared
    with pytest.raises(ResourceNotFoundError, match="under resource group 'simulated-group' was not found"):
        client.accounts.get(GROUP, "nobody", **PLAIN)
    with pytest.raises(ResourceNotFoundError):
        client.deleted_accounts.get(PLACE, GROUP, NAME, **PLAIN)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "AuthenticationFailed"),
        ("Bearer nonsense", "InvalidAuthenticationToken"),
        ("Basic nonsense", "InvalidAuthenticationToken"),
        ("Bearer a.b.\xfc", "InvalidAuthenticationToken"),
    ],
)
def test_without_a_token_of_its_own(shared, authorization, code):
    sim, _ = shared
    headers = {"Authorization": authorization.encode("latin-1")} if authorization else {}
    answer = requests.get(f"{sim.resource_manager}{ACCOUNT}/{NAME}?{VERSION}", headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")


def test_a_token_of_another_simulator_is_refused(shared):
    sim, _ = shared
    with Simulator() as other, identity(other) as stranger:
        token = stranger.get_token(MANAGEMENT).token
    answer = requests.get(
        f"{sim.resource_manager}{ACCOUNT}/{NAME}?{VERSION}", headers={"Authorization": f"Bearer {token}"}, timeout=5
    )
    assert answer.json()["error"]["message"] == "The access token is invalid."


def test_a_token_for_another_service_is_refused(shared):
    sim, _ = shared
    with manager(sim, COGNITIVE) as client, pytest.raises(ClientAuthenticationError) as caught:
        client.accounts.get(GROUP, NAME, **PLAIN)
    assert "obtained for wrong audience or resource 'https://cognitiveservices.azure.com'" in str(caught.value)


@pytest.mark.parametrize("host", ["azure.com", "usgovcloudapi.net", "chinacloudapi.cn"])
def test_the_audiences_of_three_clouds(shared, host):
    sim, _ = shared
    with manager(sim, f"https://management.{host}/.default") as client:
        assert client.accounts.get(GROUP, NAME, **PLAIN).name == NAME


def test_an_ended_token_is_refused(shared, changed):
    sim, _ = shared
    changed(token_life=0)
    said = r"expiry UTC time '.*[AP]M' is earlier than current UTC"
    with manager(sim) as client, pytest.raises(ClientAuthenticationError, match=said):
        client.accounts.get(GROUP, NAME, **PLAIN)


def test_the_library_refuses_plain_http_by_itself(shared):
    sim, client = shared
    before = len(sim.resource_manager_calls)
    with pytest.raises(Exception, match="Bearer token authentication is not permitted for non-TLS"):
        client.accounts.get(GROUP, NAME, retry_total=0)
    assert len(sim.resource_manager_calls) == before


RIGHTS = [
    ("AccountsGet", "accounts/read", lambda client: client.accounts.get(GROUP, NAME, **PLAIN)),
    ("AccountsList", "accounts/read", lambda client: list(client.accounts.list(**PLAIN))),
    ("AccountsListKeys", "accounts/listKeys/action", lambda client: client.accounts.list_keys(GROUP, NAME, **PLAIN)),
    ("AccountsListUsages", "accounts/usages/read", lambda client: client.accounts.list_usages(GROUP, NAME, **PLAIN)),
    ("AccountsDelete", "accounts/delete", lambda client: client.accounts.begin_delete(GROUP, NAME, **AT_ONCE)),
    ("DeletedAccountsList", "deletedAccounts/read", lambda client: list(client.deleted_accounts.list(**PLAIN))),
    (
        "DeletedAccountsPurge",
        "locations/resourceGroups/deletedAccounts/delete",
        lambda client: client.deleted_accounts.begin_purge(PLACE, GROUP, NAME, **AT_ONCE),
    ),
]


@pytest.mark.parametrize(("operation", "action", "call"), RIGHTS, ids=[each[0] for each in RIGHTS])
def test_a_missing_right_is_named(shared, changed, operation, action, call):
    """Options.denied takes the operation of the library or Azure's action."""
    sim, client = shared
    full = f"Microsoft.CognitiveServices/{action}"
    for denied in (operation, full):
        changed(denied=frozenset({denied}))
        with pytest.raises(HttpResponseError) as caught:
            call(client)
        assert (caught.value.status_code, caught.value.error.code) == (403, "AuthorizationFailed")
        assert f"with object id '{sim.options.principal}' does not have" in caught.value.error.message
        assert f"perform action '{full}' over scope '/subscriptions/{sim.subscription}/" in caught.value.error.message


@pytest.mark.parametrize("scope", ["resource", "group", "subscription"])
@pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
def test_a_lock_prevents_the_deletion(shared, changed, scope, level):
    sim, client = shared
    changed(locks=(Lock("keep", level, scope=scope),))
    with pytest.raises(HttpResponseError, match="cannot perform delete operation because following scope") as caught:
        client.accounts.begin_delete(GROUP, NAME, **AT_ONCE)
    assert (caught.value.status_code, caught.value.error.code) == (409, "ScopeLocked")
    assert client.accounts.get(GROUP, NAME, **PLAIN).id == sim.resource_id


def test_a_lock_against_writing_hides_the_keys(shared, changed):
    _, client = shared
    changed(locks=(Lock("frozen", "ReadOnly", scope="group"),))
    assert refused(client.accounts.list_keys, GROUP, NAME)[:2] == (409, "ScopeLocked")


def test_keys_that_are_switched_off_cannot_be_listed(shared, changed):
    _, client = shared
    changed(local_auth=False)
    said = (400, "BadRequest", "Failed to list key. disableLocalAuth is set to be true")
    assert refused(client.accounts.list_keys, GROUP, NAME) == said
    assert client.accounts.get(GROUP, NAME, **PLAIN).properties.disable_local_auth is True


@pytest.mark.parametrize("kind", ["CognitiveServices", "AIServices"])
def test_a_multi_service_resource_has_no_neighbour(kind):
    with Simulator(Options(account_kind=kind, custom_subdomain=False)) as sim, manager(sim) as client:
        (account,) = client.accounts.list(**PLAIN)
    assert (account.kind, account.properties.custom_sub_domain_name) == (kind, None)


def test_each_operation_has_a_route():
    assert {route.name for route in ARM_ROUTES} | {UNKNOWN} == ARM_OPERATIONS


def test_nothing_listens_before_it_is_asked_for():
    with Simulator() as sim:
        assert len(sim._runners) == 2
        assert sim.resource_manager == sim.resource_manager
        assert sim.identity_endpoint != sim.resource_manager
        assert len(sim._runners) == 4
        address = sim.resource_manager
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=5)
    with pytest.raises(RuntimeError, match="not running"):
        _ = Simulator().resource_manager


def test_a_port_that_is_taken(shared):
    sim, _ = shared
    taken = int(sim.resource_manager.rpartition(":")[2])
    with Simulator(Options(resource_manager_port=taken)) as second, pytest.raises(OSError, match=r"in use|10013|10048"):
        _ = second.resource_manager
