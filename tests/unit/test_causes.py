"""Each refusal of the service, of a proxy or of a wrong setting: its message, its hint, its exit code."""

import re
import time
from email.utils import formatdate

import pytest
import requests
from msrest.exceptions import ClientRequestError

from custom_vision_simulator import Fault, Simulator
from cv_gdpr.errors import CvGdprError, UsageError
from cv_gdpr.service.answers import translate
from cv_gdpr.service.causes import Refusal, concerns_every_call
from cv_gdpr.service.checks import retry_after
from cv_gdpr.service.client import Connection, Service
from cv_gdpr.service.endpoint import checked_endpoint
from tests.environment.test_proxies import proxy

HTML = "<html><body>Blocked by policy</body></html>"
MOMENT = r"20\d\d-\d\d-\d\d \d\d:\d\d UTC"


def gateway(code, message):
    """Return an error body as the gateway writes it."""
    return {"error": {"code": code, "message": message}}


def management(status, message):
    """Return an error body as Azure API Management writes it."""
    return {"statusCode": status, "message": message}


# name: (status, headers, body), what the message quotes, what the hint says (a pattern), exit code
REFUSALS = {
    "wrong key": (
        (401, {}, gateway("401", "Access denied due to invalid subscription key or wrong API endpoint. Make sure")),
        "401 Access denied due to invalid subscription key or wrong API endpoint",
        r"the key is the training resource's own \(not the prediction resource's\)",
        5,
    ),
    "no words": ((401, {}, b""), "the service answered 401 with an empty error body", "check the endpoint and", 5),
    "keys switched off": (
        (403, {}, gateway("AuthenticationTypeDisabled", "Key based authentication is disabled for this resource.")),
        "403: AuthenticationTypeDisabled Key based authentication is disabled for this resource.",
        r"keys are switched off .*\(disableLocalAuth\).* Microsoft Entra ID",
        5,
    ),
    "firewall": (
        (403, {}, gateway("403", "Access denied due to Virtual Network/Firewall rules.")),
        "Access denied due to Virtual Network/Firewall rules.",
        "allow the public address of this machine .*Networking page, Firewall",
        5,
    ),
    "private endpoint": (
        (403, {}, gateway("403", "Public access is disabled. Please configure private endpoint.")),
        "Public access is disabled. Please configure private endpoint.",
        "inside the network of the resource's private endpoint, or allow public access",
        5,
    ),
    "role": (
        (401, {}, gateway("PermissionDenied", "Principal does not have access to API/Operation.")),
        "PermissionDenied Principal does not have access to API/Operation.",
        "Custom Vision Reader to export, .*Custom Vision Contributor to delete",
        5,
    ),
    "key removed on the way": (
        (401, {}, management(401, "Unauthorized. Access token is missing, invalid, audience is incorrect, or expired")),
        "Access token is missing",
        "probably the key did not arrive: .*header Training-Key",
        5,
    ),
    "regional endpoint": (
        (400, {}, gateway("BadRequest", "Please provide a custom subdomain for token authentication")),
        "BadRequest Please provide a custom subdomain",
        "https://NAME.cognitiveservices.azure.com, not the one of its region",
        1,
    ),
    "quota for days": (
        (403, {}, management(403, "Out of call volume quota. Quota will be replenished in 5.03:23:11.")),
        "403 Out of call volume quota. Quota will be replenished in 5.03:23:11.",
        f"the quota of calls is used up until {MOMENT}: run the command again then",
        5,
    ),
    "quota, moment in the header": (
        (403, {"Retry-After": "442991"}, management(403, "Out of call volume quota.")),
        "Out of call volume quota.",
        f"the quota of calls is used up until {MOMENT}",
        5,
    ),
    "quota without a time": (
        (403, {}, gateway("403", "Quota exceeded.")),
        "Quota exceeded.",
        "used up: run the command again when it is renewed",
        5,
    ),
    "rate": (
        (429, {}, management(429, "Rate limit is exceeded. Try again in 26 seconds.")),
        "429 Rate limit is exceeded. Try again in 26 seconds.",
        r"\(it asks for 26 s\); --patience retries for longer, --calls-per-second asks less often",
        1,
    ),
    "days": ((503, {"Retry-After": "259200"}, b""), "answered 503", f"it asks to wait until {MOMENT}", 1),
    "wrong Retry-After": (
        (503, {"Retry-After": "99999999999"}, b""),
        "answered 503",
        "^it may answer later; --patience retries for longer$",
        1,
    ),
    "page": ((403, {}, HTML), "the service answered 403: an HTML page", "^probably a proxy or firewall on the way", 5),
    "other refusal": (
        (403, {}, {"code": "Forbidden", "message": "Not today"}),
        "403: Forbidden Not today",
        "the key is known, but not allowed to do this: probably",
        5,
    ),
    "a name that sounds like the network": (
        (403, {}, {"code": "Forbidden", "message": "Project 'x virtual network x' is locked"}),
        "403: Forbidden Project 'x virtual network x' is locked",
        "the key is known, but not allowed to do this: probably",
        5,
    ),
    "role for a data action": (
        (403, {}, gateway("PermissionDenied", "The principal `x` lacks the required data action `y`")),
        "lacks the required data action",
        "Custom Vision Reader to export, .*Custom Vision Contributor to delete",
        5,
    ),
    "read-only project": (
        (403, {}, {"code": "ForbiddenDRModeEnabled", "message": "The project is in disaster recovery mode"}),
        "ForbiddenDRModeEnabled",
        r"read-only \(disaster recovery mode\)",
        5,
    ),
    "revoked customer key": (
        (400, {}, {"code": "BadRequestCustomerManagedKeyRevoked", "message": "Key revoked"}),
        "BadRequestCustomerManagedKeyRevoked Key revoked",
        "probably the resource's own key in Azure Key Vault was revoked",
        1,
    ),
    "proxy for http": ((407, {}, b""), "a proxy requires authentication", "user and password", 5),
}


NETWORK = "Access denied due to Virtual Network/Firewall rules."
PERMISSION = "Principal does not have access to API/Operation."


@pytest.mark.parametrize(
    ("status", "code", "words", "everywhere"),
    [
        (403, "403", NETWORK, True),
        (403, "403", f"Project '{NETWORK}' is locked", False),
        (403, "Forbidden", "", False),
        (403, "AuthenticationTypeDisabled", "", True),
        (403, "", "Out of call volume quota. Quota will be replenished in 00:00:01.", True),
        (403, "403", "project image quota exceeded", False),
        (403, "403", "Quota exceeded.", True),
        (403, "403", "Access denied due to invalid subscription key or wrong API endpoint.", True),
        (401, "PermissionDenied", PERMISSION, False),
        (401, "PermissionDenied", "", False),
        (403, "403", PERMISSION, False),
        (401, "", "", True),
        (401, "401", "Access denied due to invalid subscription key or wrong API endpoint.", True),
        (401, "", "Please provide a custom subdomain for token authentication", True),
    ],
)
def test_which_refusals_concern_every_call(status, code, words, everywhere):
    assert concerns_every_call(Refusal(status, code, words)) is everywhere


@pytest.fixture(scope="module")
def resource():
    """An empty resource, for all rows of the tables."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def service(resource):
    """One client for all rows: loading the certificates takes longer than a call."""
    with Service(Connection(resource.endpoint, resource.training_key, 0, 0)) as client:
        yield client


def refusal(service):
    """Return the error of a call."""
    with pytest.raises(CvGdprError) as caught:
        service.call("get_projects")
    return caught.value


def failure(endpoint):
    """Return the error of the first call to an endpoint that is not there."""
    with pytest.raises(CvGdprError) as caught, Service(Connection(endpoint, "0123456789abcdef", 0, 0)) as service:
        service.call("get_projects")
    return caught.value


@pytest.mark.parametrize("name", REFUSALS)
def test_each_refusal_names_its_cause(resource, service, name):
    (status, headers, body), quoted, hint, code = REFUSALS[name]
    resource.clear_faults()
    resource.fault(Fault("*", status=status, headers=headers, body=body, times=None))
    error = refusal(service)
    assert quoted in error.message
    assert error.message.startswith("GetProjects: ") or status == 407
    assert re.search(hint, error.hint), error.hint
    assert error.exit_code == code


def test_the_key_in_a_refusal_is_not_shown(resource, service):
    resource.clear_faults()
    words = f"Access denied for {resource.training_key} and ?sv=1&sig=abcdefgh123%3D"
    resource.fault(Fault("*", status=403, body=gateway("403", words), times=None))
    error = refusal(service)
    assert "Access denied for" in error.message
    assert resource.training_key not in error.message + error.hint
    assert "abcdefgh123" not in error.message


@pytest.mark.parametrize(
    ("older", "message", "code"),
    [
        (200, "Resource not found .*; the endpoint serves version 3.3 of the API, but not version 3.4", 5),
        (404, "^GetProjects: the service answered 404: 404 Resource not found", 1),
        (401, "^GetProjects: the service answered 404: 404 Resource not found", 1),
    ],
)
def test_an_older_version_of_the_api_is_named(resource, service, older, message, code):
    resource.clear_faults()
    resource.fault(
        Fault("*", status=404, match="/v3.4-preview/", body=gateway("404", "Resource not found"), times=None)
    )
    resource.fault(Fault("*", status=older, match="/v3.3/", body=[] if older == 200 else {}, times=None))
    error = refusal(service)
    assert re.search(message, error.message), error.message
    assert error.exit_code == code
    assert code == 1 or "cv-gdpr needs version 3.4-preview: probably" in error.hint


@pytest.mark.parametrize(
    ("endpoint", "message", "hint"),
    [
        ("https://n.example.org/customvision/v3.0/Training/", "/customvision/v3.0/Training/ is too much", "leave that"),
        ("https://n.example.org/CustomVision", "/CustomVision is too much", "leave that"),
        ("https://gate.example.org/cv/customvision/v3.3/training", ": /customvision/v3.3/training is", "leave that"),
        ("https://n.cognitiveservices.azure.com/vision/v3.2/", "/vision/v3.2/ is too much", "leave that"),
        ("https://westus2.api.cognitive.microsoft.com/x", ": /x is too much", "leave that"),
        ("https://n.cognitiveservices.azure.us/customvision/v3.0/Training?a=b", "/customvision/v3.0/Training", "NAME"),
        ("https://www.customvision.ai/projects#/settings", "address of a web portal", "Keys and Endpoint"),
    ],
)
def test_too_much_behind_an_endpoint_is_named(endpoint, message, hint):
    with pytest.raises(UsageError) as caught:
        checked_endpoint(endpoint)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("path", ["", "/", "/gateway/cv", "/v1"])
def test_a_gateways_own_path_stays_in_an_endpoint(path):
    assert checked_endpoint(f"https://gate.example.org{path}") == f"https://gate.example.org{path.rstrip('/')}"


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (403, "does not connect to n.example.org: Tunnel connection failed: 403 No", "have n.example.org allowed at"),
        (407, "requires authentication: Tunnel connection failed: 407 No", "user and password"),
        (502, "does not connect to n.example.org: Tunnel connection failed: 502 No", "the proxy may not reach it"),
        (0, "could not be used: [", "user and password"),
    ],
)
def test_a_proxy_that_refuses_is_named(monkeypatch, status, message, hint):
    with proxy(status) as address:
        monkeypatch.setenv("HTTPS_PROXY", address)
        error = failure("https://n.example.org")
    assert f"the proxy that HTTPS_PROXY names {message}" in error.message
    assert error.exit_code == 5
    if status:
        assert hint in error.hint
    assert "s3cr3tW0rd" not in error.message + error.hint


# What PySocks 1.7.1 raises, as requests 2.34 passes it on.
SOCKS = {
    "0x02: Connection not allowed by ruleset": "have n.example.org allowed at the proxy",
    "0x05: Connection refused": "check its address, user and password",
    "All offered SOCKS5 authentication methods were rejected": "check its address, user and password",
    "[Errno 111] Connection refused": "check its address, user and password",
}


@pytest.mark.parametrize("reason", SOCKS)
def test_a_socks_proxy_that_fails_is_named(monkeypatch, tmp_path, reason):
    (tmp_path / "socks.py").write_text("")  # as if PySocks were installed
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ALL_PROXY", "socks5h://proxy.example.org:1080")
    request = requests.Request("GET", "https://n.example.org/x").prepare()
    failed = requests.ConnectionError(request=request)
    failed.__cause__ = OSError(reason)
    error = translate(ClientRequestError("Error occurred in request", failed))
    assert error.message.startswith("the service could not be reached through the proxy that ALL_PROXY names: ")
    assert error.exit_code == 5
    assert SOCKS[reason] in error.hint


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        ("socks5h://h:1080", "HTTPS_PROXY names a SOCKS proxy, which needs PySocks", "pip install pysocks"),
        ("socks://h:1080/", "HTTPS_PROXY names a SOCKS proxy without its version", "socks5h://"),
        ("ftp://h:1080", "HTTPS_PROXY does not hold the address of a proxy", "http://HOST:PORT"),
    ],
)
def test_a_wrong_proxy_setting_is_a_usage_error(monkeypatch, address, message, hint):
    monkeypatch.setenv("HTTPS_PROXY", address)
    error = failure("https://n.example.org")
    assert (error.message, error.exit_code) == (message, 2)
    assert hint in error.hint


NOW = formatdate(1_800_000_000, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"Retry-After": "1"}, "", 1),
        ({"Retry-After": " 0 "}, "", 0),
        ({"Retry-After": "1.5"}, "", 1.5),
        ({"Retry-After": "1, 7"}, "", 7),
        ({"Retry-After": "259200"}, "", 259_200),
        ({"Retry-After": formatdate(1_800_000_090, usegmt=True), "Date": NOW}, "", 90),
        ({"Retry-After": formatdate(time.time() - 5, usegmt=True)}, "", None),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT", "Date": NOW}, "", None),
        ({"Retry-After": "Fri, 99 Foo 12345"}, "", None),
        ({"Retry-After": "-1"}, "", None),
        ({"Retry-After": "soon"}, "", None),
        ({"Retry-After": "NaN"}, "", None),
        ({"Retry-After": "9" * 400}, "", None),
        ({"Retry-After": "99999999999"}, "", None),
        ({"Retry-After": "soon"}, "Please retry after 2 seconds.", 2),
        ({}, "Please retry after 1 second. To increase your rate limit switch to a paid tier.", 1),
        ({}, "Rate limit is exceeded. Try again in 26 seconds.", 26),
        ({}, "Out of call volume quota. Quota will be replenished in 03:30:56.", 12_656),
        ({}, "Out of call volume quota. Quota will be replenished in 5.03:23:11.", 444_191),
        ({}, "Out of call volume quota. Quota will be replenished in 2.12 days.", 183_168),
        ({}, "Out of call volume quota. Quota will be replenished in 99.00:00:00.", None),
        ({}, "retry after lunch", None),
        ({}, "", None),
    ],
)
def test_how_long_an_answer_asks_to_wait(headers, message, seconds):
    found = retry_after(headers, message)
    assert found == (None if seconds is None else pytest.approx(seconds))
