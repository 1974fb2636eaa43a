"""Sign-in without keys: the managed identity through azure-identity, its tokens at the Training API, and its roles."""

import json
import time
from base64 import urlsafe_b64decode

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training import CustomVisionTrainingClient
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential
from msrest.authentication import BasicTokenAuthentication

from custom_vision_simulator import Simulator
from custom_vision_simulator.access import ROLES
from custom_vision_simulator.routes import BASE, ROUTES
from tests.simulator.azure_libraries import COGNITIVE, MANAGEMENT, identity

PROJECTS = f"{BASE}/projects"
DENIED = "Access denied due to invalid subscription key or wrong API endpoint."


@pytest.fixture(scope="module")
def shared():
    """Yield a simulator and the credential of its managed identity."""
    with Simulator() as sim, identity(sim) as credential:
        yield sim, credential


def bearer(sim, audience="https://cognitiveservices.azure.com"):
    """Return the header with a new token of the simulator's identity."""
    query = {"resource": audience, "api-version": "2019-08-01"}
    answer = requests.get(
        sim.identity_endpoint, params=query, headers={"X-IDENTITY-HEADER": sim.identity_header}, timeout=5
    )
    return {"Authorization": f"{answer.json()['token_type']} {answer.json()['access_token']}"}


def ask(sim, headers, method="GET", path=PROJECTS):
    """Return the answer of the Training API."""
    return requests.request(method, sim.endpoint + path, headers=headers, timeout=5)


def claims_of(token):
    """Return the claims of a JWT, as a program reads them to say who signed in."""
    head, body, signature = token.split(".")
    assert head
    assert signature
    return json.loads(urlsafe_b64decode(body + "=="))


def test_azure_identity_takes_a_token_that_says_who_signed_in(shared):
    sim, credential = shared
    token = credential.get_token(COGNITIVE)
    claims = claims_of(token.token)
    assert (claims["oid"], claims["appid"]) == (sim.options.principal, sim.options.client_id)
    assert (claims["tid"], claims["aud"]) == (sim.options.tenant, "https://cognitiveservices.azure.com")
    assert claims["exp"] - token.expires_on in range(-2, 3)
    assert claims["exp"] == claims["iat"] + 86_400


def test_a_managed_identity_credential_alone(shared):
    sim, _ = shared
    before = len(sim.identity_calls)
    with ManagedIdentityCredential() as credential:
        credential.get_token(MANAGEMENT)
    (call,) = sim.identity_calls[before:]
    assert (call.operation, call.query["resource"]) == ("Identity", "https://management.azure.com")


def test_the_sdk_signs_in_with_a_token(shared):
    sim, credential = shared
    token = {"access_token": credential.get_token(COGNITIVE).token}
    with CustomVisionTrainingClient(sim.endpoint, BasicTokenAuthentication(token)) as client:
        assert client.get_projects() == []
    assert "Training-Key" not in sim.calls[-1].headers


@pytest.mark.parametrize("cloud", ["com", "us", "cn", "com/"])
def test_the_audiences_of_three_clouds(shared, cloud):
    sim, _ = shared
    assert ask(sim, bearer(sim, f"https://cognitiveservices.azure.{cloud}")).status_code == 200


def test_short_tokens_are_renewed(shared, changed):
    _, credential = shared
    changed(token_life=2)
    first, second = (credential.get_token("https://cognitiveservices.azure.us/.default") for _ in range(2))
    assert first.token != second.token
    assert first.expires_on <= time.time() + 3


@pytest.mark.parametrize("why", ["audience", "ended", "foreign", "empty"])
def test_a_wrong_token_is_401_in_the_services_words(shared, changed, why):
    sim, _ = shared
    if why == "ended":
        changed(token_life=0)
    headers = bearer(
        sim, "https://management.azure.com/" if why == "audience" else "https://cognitiveservices.azure.com"
    )
    if why in {"foreign", "empty"}:
        headers = {"Authorization": "Bearer a.b.c" if why == "foreign" else "Bearer"}
    answer = ask(sim, headers)
    assert answer.status_code == 401
    assert answer.json()["message"].startswith("Unauthorized. Access token is missing, invalid, audience is incorrect")


def test_a_regional_endpoint_takes_no_token(shared, changed):
    sim, _ = shared
    changed(custom_subdomain=False)
    answer = ask(sim, bearer(sim))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert answer.json()["error"]["message"].startswith("Please provide a custom subdomain for token authentication")
    assert ask(sim, {"Training-Key": sim.training_key}).status_code == 200


def test_keys_that_are_switched_off_are_403(shared, changed):
    sim, _ = shared
    changed(local_auth=False)
    answer = ask(sim, {"Training-Key": sim.training_key})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthenticationTypeDisabled")
    assert answer.json()["error"]["message"] == "Key based authentication is disabled for this resource."
    assert ask(sim, bearer(sim)).status_code == 200


def test_both_keys_are_accepted_and_no_others(shared):
    sim, _ = shared
    for key in (sim.training_key, sim.options.second_key):
        assert ask(sim, {"Training-Key": key}).status_code == 200
    for headers in ({}, {"Training-Key": ""}, {"Training-Key": "other"}):
        answer = ask(sim, headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "401")
        assert answer.json()["error"]["message"].startswith(DENIED)


ALLOWED = {
    "GetProjects": {"Contributor", "Trainer", "Deployment", "Labeler", "Reader"},
    "GetImages": {"Contributor", "Trainer", "Deployment", "Labeler", "Reader"},
    "QueryPredictions": {"Contributor", "Trainer", "Deployment", "Labeler", "Reader"},
    "QuerySuggestedImages": {"Contributor", "Trainer", "Labeler"},
    "DeletePrediction": {"Contributor", "Trainer", "Deployment"},
    "UnpublishIteration": {"Contributor", "Trainer", "Deployment"},
    "ExportIteration": {"Contributor", "Trainer", "Deployment"},
    "DeleteImages": {"Contributor", "Trainer", "Labeler"},
    "DeleteTag": {"Contributor", "Trainer", "Labeler"},
    "DeleteIteration": {"Contributor", "Trainer"},
    "DeleteProject": {"Contributor"},
    "ExportProject": {"Contributor"},
}


def test_the_roles_allow_what_microsofts_page_says():
    assert {operation: {name for name in ROLES if operation in ROLES[name]} for operation in ALLOWED} == ALLOWED
    assert set().union(*ROLES.values()) == {route.name for route in ROUTES}


@pytest.mark.parametrize("role", ["Reader", "None"])
def test_a_missing_role_is_401_permission_denied(shared, changed, role):
    """Reported for other services of the gateway: a 401, though the identity is known."""
    sim, _ = shared
    missing = f"{PROJECTS}/{sim.subscription}"
    assert ask(sim, bearer(sim), "DELETE", missing).status_code == 404
    changed(role=role)
    answer = ask(sim, bearer(sim), "DELETE", missing)
    said = {"code": "PermissionDenied", "message": "Principal does not have access to API/Operation."}
    assert (answer.status_code, answer.json()) == (401, {"error": said})
    assert ask(sim, bearer(sim)).status_code == (200 if role == "Reader" else 401)
    assert ask(sim, {"Training-Key": sim.training_key}, "DELETE", missing).status_code == 404


@pytest.mark.parametrize(
    ("path", "header", "query", "status"),
    [
        ("", None, "api-version=2019-08-01&resource=https://vault.azure.net", 401),
        ("", "wrong", "api-version=2019-08-01&resource=https://vault.azure.net", 401),
        ("", "right", "resource=https://vault.azure.net", 400),
        ("", "right", "api-version=2017-09-01&resource=https://vault.azure.net", 400),
        ("", "right", "api-version=2019-08-01", 400),
        ("", "right", "api-version=2019-08-01&resource=vault", 400),
        ("/more", "right", "api-version=2019-08-01&resource=https://vault.azure.net", 404),
        ("/", "right", "api-version=2019-08-01&resource=https://vault.azure.net", 200),
    ],
)
def test_requests_for_tokens_are_checked(shared, path, header, query, status):
    sim, _ = shared
    headers = {"X-IDENTITY-HEADER": sim.identity_header if header == "right" else header} if header else {}
    answer = requests.get(f"{sim.identity_endpoint}{path}?{query}", headers=headers, timeout=5)
    assert answer.status_code == status
    assert answer.json().get("statusCode", 200) == status


def test_a_refused_identity_is_an_error_of_the_library(shared, changed):
    _, credential = shared
    changed(identity_header="another")
    with pytest.raises(ClientAuthenticationError):
        credential.get_token("https://vault.azure.net/.default")
