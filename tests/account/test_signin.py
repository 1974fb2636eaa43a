"""Sign-in with Microsoft Entra ID: as whom, for which cloud, with which role, and what is refused."""

import subprocess
import sys
import time

import pytest

from custom_vision_simulator import Fault, Options, Simulator
from cv_gdpr.extras import install
from cv_gdpr.service.azure_resource import AzureResource, Wanted
from cv_gdpr.service.clouds import CLOUDS, cloud_named
from cv_gdpr.service.resource_manager import Address, resource_id_of
from cv_gdpr.service.signin import with_entra
from tests.account.azure import Azure, identity_of, one_line
from tests.delete.erasing import environment
from tests.waited import waits

ENTRA = ("--auth", "entra")
NO_KEY = {"CV_GDPR_TRAINING_KEY": "", "CV_GDPR_RESOURCE_ID": ""}
NO_KEY_BUT_RESOURCE = {"CV_GDPR_TRAINING_KEY": ""}
BARE = {"CV_GDPR_TRAINING_KEY": "", "CV_GDPR_ENDPOINT": ""}
ERASED = ("--yes", "--json", "--wait", "0.4")


def who(sim):
    """Return how plan and evidence name the simulator's identity."""
    ids = sim.options
    return f"Microsoft Entra ID: object {ids.principal}, application {ids.client_id}, tenant {ids.tenant}"


@pytest.fixture
def entra(azure):
    """A command with --auth entra, without a key and without Resource Manager."""
    return lambda *words, **variables: azure(*words, *ENTRA, **(NO_KEY | variables))


@pytest.mark.slow
def test_export_and_erasure_end_to_end(azure, entra):
    sim = azure.sim
    sim.fill(images=3, image_bytes=64, iterations=1, predictions=1)
    out, evidence = azure.folder / "bag", azure.folder / "e.json"

    ran = entra("export", "--all", "--out", out)
    assert ran.code == 0, ran.err
    plan = entra("delete", "--all", "--dry-run", "--json")
    assert plan.json["signedInAs"] == who(sim)
    ran = entra("delete", "--all", "--require-export", out, "--evidence", evidence, *ERASED)
    assert ran.code == 0, ran.err

    assert azure("verify", out).code == azure("verify", evidence).code == 0
    assert [run["signedInAs"] for run in azure.__class__(sim, azure.folder, [evidence]).evidence["runs"]] == [who(sim)]
    assert who(sim) in evidence.with_suffix(".html").read_text()
    assert not sim.store.projects
    assert all("Training-Key" not in call.headers for call in sim.calls)
    assert all(call.headers["Authorization"].startswith("Bearer ") for call in sim.calls)
    tokens = {call.headers["Authorization"].removeprefix("Bearer ") for call in sim.calls}
    written = [path.read_bytes() for path in azure.folder.rglob("*") if path.is_file()]
    assert not any(token.encode() in content for token in tokens for content in written)


def test_the_blob_host_never_sees_a_token(azure, entra):
    azure.sim.fill(images=3, image_bytes=64)
    assert entra("export", "images", "--all", "--out", azure.folder / "bag").code == 0
    assert azure.sim.blob_requests
    secrets = {"authorization", "training-key"}
    assert not [one for one in azure.sim.blob_requests if secrets & {name.lower() for name in one.headers}]


def test_a_token_is_renewed_before_it_ends(tmp_path):
    with Simulator(Options(token_life=2, api_latency=0.15)) as sim:
        sim.fill(projects=4, images=2, image_bytes=64, iterations=2)
        ran = Azure(sim, tmp_path)("export", "tags", "--all", *ENTRA, "--out", tmp_path / "bag", **NO_KEY)
        assert ran.code == 0, ran.err
        assert len(sim.identity_calls) > 1


def test_a_valid_token_is_fetched_once(sim):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in identity_of(sim).items():
            patch.setenv(name, value)
        sign_in = with_entra(CLOUDS[0], sim.endpoint)
        assert len({sign_in.token() for _ in range(3)}) == 1
        assert len(sim.identity_calls) == 1
        first = sign_in.token()
        sign_in.refused()
        assert sign_in.token() != first
        assert len(sim.identity_calls) == 2


def test_azure_is_waited_for(sim, monkeypatch):
    for name, value in identity_of(sim).items():
        monkeypatch.setenv(name, value)
    busy = {"Retry-After": "0"}
    sim.fault(Fault("Identity", status=500, headers=busy, times=1))
    sim.fault(Fault("AccountsGet", status=503, headers=busy, times=2))
    place = resource_id_of(sim.resource_id)
    address = Address(CLOUDS[0], sim.resource_manager, patience=0.1)
    with waits() as said, AzureResource(Wanted(address, place.subscription, place)) as azure:
        azure.account()
    manager = [words for words in said if "Manager" in words]
    sign_in = [words for words in said if words not in manager]
    ends = ("", ", try 2, 503", ", try 3, 503")
    assert manager == [f"waiting for Azure Resource Manager (Accounts-Get{end})" for end in ends]
    assert sign_in == [f"waiting for Microsoft Entra ID (sign-in{end})" for end in ("", ", try 2, 500")]


def test_a_refused_token_is_replaced_once(azure, entra):
    azure.sim.fill(images=1, image_bytes=64)
    refusal = {"statusCode": 401, "message": "Unauthorized. Access token is missing, invalid, or have expired."}
    azure.sim.fault(Fault("GetTags", status=401, body=refusal))
    patient = {"CV_GDPR_EXPORT_PATIENCE": "2"}
    assert entra("export", "tags", "--all", "--out", azure.folder / "bag", **patient).code == 0
    assert len({call.headers["Authorization"] for call in azure.sim.calls}) == 2
    azure.sim.fault(Fault("GetTags", status=401, body=refusal, times=None))
    azure.sim.calls.clear()
    assert entra("export", "tags", "--all", "--out", azure.folder / "other", **patient).code == 5
    assert [call.operation for call in azure.sim.calls].count("GetTags") == 2


@pytest.mark.slow
@pytest.mark.parametrize("verbosity", ["-q", "-v", "-vv"])
def test_the_libraries_log_only_with_vv(shared, verbosity):
    settings = environment(shared.sim) | identity_of(shared.sim) | {"IDENTITY_HEADER": "wrong"}
    words = ("export", "tags", "--all", *ENTRA, verbosity)
    ran = subprocess.run(
        [sys.executable, "-m", "cv_gdpr", *words], env=settings, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 5
    of_libraries = [line for line in ran.stderr.splitlines() if not line.startswith(("Error: ", "Hint: "))]
    assert bool(of_libraries) == (verbosity == "-vv")


@pytest.mark.parametrize("name", ["usgov", "china"])
def test_a_cloud_has_its_own_audience(shared, name):
    ran = shared("delete", "--all", "--dry-run", *ENTRA, "--cloud", name, **NO_KEY)
    assert ran.code == 0, ran.err
    (asked,) = shared.sim.identity_calls
    assert asked.query["resource"] == cloud_named(name).audience


def test_resource_manager_refuses_another_cloud_s_token(shared):
    shared.sim.fault(Fault("AccountsGet", status=401, times=None))
    ran = shared.export("--cloud", "china")
    assert ran.code == 5
    assert "--cloud" in one_line(ran.err, "Hint:")


EXPIRED = {"error": {"code": "ExpiredAuthenticationToken", "message": "The access token expiry UTC time is earlier."}}


def test_resource_manager_gets_one_new_token(shared):
    shared.sim.fault(Fault("AccountsListUsages", status=401, body=EXPIRED))
    shared.sim.fault(Fault("AccountsList", status=401, body=EXPIRED))
    ran = shared.export()
    assert ran.code == 0, ran.err
    assert len({call.headers["Authorization"] for call in shared.sim.resource_manager_calls}) == 3
    assert len(shared.file("account-siblings.jsonl")) == 1


def test_resource_manager_refuses_a_new_token_too(shared):
    shared.sim.fault(Fault("AccountsListUsages", status=401, times=None, body=EXPIRED))
    assert shared.export().code == 3
    assert [call.operation for call in shared.sim.resource_manager_calls].count("AccountsListUsages") == 2


def test_a_deletion_refused_for_its_token_is_sent_again(azure):
    azure.sim.fault(Fault("AccountsDelete", status=401, body=EXPIRED))
    ran = azure.delete()
    assert ran.code == 0, ran.err
    assert [call.status for call in azure.sim.resource_manager_calls if call.operation == "AccountsDelete"] == [
        401,
        200,
    ]
    assert azure.states()["account"] == "deleted"


REFUSED = {
    # case: (fault, exit code, words in the hint)
    "a wrong audience": (
        Fault("API", status=401, times=None, body={"statusCode": 401, "message": "Unauthorized. Access token is "
              "missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or have expired."}),
        "another cloud (--cloud) or another tenant",
    ),
    "no role": (
        Fault("API", status=401, times=None, body={"error": {"code": "PermissionDenied", "message": "Principal does "
              "not have access to API/Operation."}}),
        "Custom Vision Reader to export",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_token_names_its_cause(shared, case):
    fault, words = REFUSED[case]
    shared.sim.fault(fault)
    ran = shared("export", "tags", "--all", *ENTRA, "--out", shared.folder / "bag", **NO_KEY)
    assert ran.code == 5
    assert words in one_line(ran.err, "Hint:")
    assert "Training-Key" not in ran.err


def test_without_an_identity_one_line_says_so(shared):
    began = time.monotonic()
    ran = shared("export", "--all", *ENTRA, **(NO_KEY | {"IDENTITY_HEADER": "wrong"}))
    assert ran.code == 5
    error = one_line(ran.err, "Error:")
    assert error.startswith("Error: sign-in with Microsoft Entra ID failed: ")
    assert len(error) < 500
    assert "az login" in one_line(ran.err, "Hint:")
    assert time.monotonic() - began < 20
    assert shared.sim.calls == []
    assert not list(shared.folder.iterdir())


USAGE = {
    # case: (arguments, variables, words of the error, words of the hint)
    "the endpoint of a region": (
        ("--endpoint", "https://westeurope.api.cognitive.microsoft.com"),
        {},
        "does not work with the endpoint of a region",
        "custom subdomain",
    ),
    "a key file": (("--key-file", "key"), {}, "--auth entra and --key-file contradict each other", "one of them"),
    "a wrong sign-in": (
        (),
        {"AZURE_TOKEN_CREDENTIALS": "Nonsense"},
        "azure-identity refuses its settings",
        "",
    ),
}


@pytest.mark.parametrize("case", USAGE)
def test_what_contradicts_entra_is_refused(shared, case):
    arguments, variables, words, hint = USAGE[case]
    ran = shared("export", "--all", *ENTRA, *arguments, **(NO_KEY | variables))
    assert ran.code == 2
    assert words in one_line(ran.err, "Error:")
    assert hint in ran.err
    assert shared.sim.calls == []


@pytest.mark.parametrize("words", [("export", "account"), ("delete", "account", "--dry-run"), ("doctor",)])
def test_certificates_that_cannot_be_used_are_named(shared, words):
    ran = shared(*words, REQUESTS_CA_BUNDLE="/nowhere.pem", CV_GDPR_RESOURCE_MANAGER="https://127.0.0.1:1", **BARE)
    assert ran.code == 2
    assert "REQUESTS_CA_BUNDLE names /nowhere.pem, which cannot be used" in one_line(ran.err, "Error:")


ADDRESSES = [
    "https://127.0.0.1:99999",
    "https://a b",
    f"https://{'a' * 70}.com",
    "https://u:p@x",
    "http://x",
    "x",
    "https://x/?q",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_resource_manager_needs_an_address(shared, address):
    ran = shared("export", "account", "--resource-manager", address)
    assert ran.code == 2
    assert one_line(ran.err, "Error:").startswith("Error: the address of Resource Manager ")
    assert shared.sim.identity_calls == []


def test_two_subscriptions_are_refused(shared):
    named = ("--resource-id", shared.sim.resource_id, "--subscription", "5ca1ab1e-0000-4000-8000-00000000ffff")
    ran = shared("export", "account", *named)
    assert ran.code == 2
    assert "--subscription is another one than that of the resource id" in one_line(ran.err, "Error:")
    assert shared.sim.identity_calls == []


def test_entra_is_never_chosen_by_itself(shared):
    ran = shared("export", "--all", **NO_KEY)
    assert ran.code == 2
    assert "not set: CV_GDPR_TRAINING_KEY" in ran.err
    assert shared.sim.identity_calls == []


WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, *_):
        if name.split('.')[:2] in (['azure', 'identity'], ['azure', 'mgmt']):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
from cv_gdpr.__main__ import main
sys.argv[0] = 'cv-gdpr'
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("export", "tags", "--all", "--auth", "entra"), "sign-in with Microsoft Entra ID needs the extra azure"),
        (("export", "account"), "needs the extra azure"),
        (("delete", "account", "--dry-run"), "needs the extra azure"),
    ],
)
def test_without_the_extra_a_line_installs_it(shared, words, message):
    sim = shared.sim
    settings = environment(sim) | {"CV_GDPR_RESOURCE_ID": sim.resource_id}
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], env=settings, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2, ran.stderr
    assert message in one_line(ran.stderr, "Error:")
    assert one_line(ran.stderr, "Hint:") == f"Hint: {install('azure')}"


@pytest.mark.slow
def test_without_the_extra_the_demo_says_how(shared):
    words = ("demo", "--json", "--out", shared.folder / "demo")
    ran = subprocess.run([sys.executable, "-c", WITHOUT, *words], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    words = "the demo simulates it where the extra azure is installed"
    assert f'"account": "{words}' in ran.stdout
    assert f"Exported-Account: {words}" in (shared.folder / "demo" / "bag-info.txt").read_text()
    assert "--resource-id" not in (shared.folder / "demo" / "data" / "export.json").read_text()


ROLES = {
    # role: (export of tags, deletion of predictions, deletion of tags)
    "Reader": (0, 5, 5),
    "Deployment": (0, 0, 5),
    "Labeler": (0, 5, 0),
    "Contributor": (0, 0, 0),
    "None": (5, 5, 5),
}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_its_part(azure, entra, role):
    azure.sim.fill(images=3, image_bytes=64, predictions=1)
    azure.sim.options.role = role
    exported = entra("export", "tags", "--all", "--out", azure.folder / "bag")
    codes = [exported.code]
    for row in ("predictions", "tags"):
        ran = entra("delete", row, "--all", "--evidence", azure.folder / f"{row}.json", *ERASED)
        codes.append(ran.code)
        assert ran.code == 0 or "PermissionDenied" in ran.err
    assert tuple(codes) == ROLES[role]


def test_keys_that_are_switched_off_name_entra(shared, change):
    change(local_auth=False)
    ran = shared("export", "tags", "--all", "--out", shared.folder / "bag", CV_GDPR_RESOURCE_ID="")
    assert ran.code == 5
    assert "--auth entra" in one_line(ran.err, "Hint:")
    ran = shared("export", "tags", "--all", *ENTRA, "--out", shared.folder / "other", **NO_KEY)
    assert ran.code == 0, ran.err


NO_TOKENS = {
    # case: the fields of the identity endpoint's answer that are of another form
    "a number": {"access_token": 4711},
    "null": {"access_token": None},
    "a line break": {"access_token": "eyJh\nX-Header: 1"},
    "not ASCII": {"access_token": "schl\u00fcssel"},
    "empty": {"access_token": ""},
    "an end that is a word": {"expires_on": "soon"},
    "no end": {"expires_on": None},
    "an end that is a list": {"expires_on": []},
}


@pytest.mark.parametrize("case", NO_TOKENS)
@pytest.mark.parametrize("command", [("export", "account"), ("delete", "account", "--dry-run"), ("doctor",)])
def test_what_is_not_a_token_gets_one_clear_line(shared, command, case):
    fields = NO_TOKENS[case]
    normal = {"access_token": "a.b.c", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"}
    shared.sim.fault(Fault("Identity", times=None, body=normal | fields, status=200))
    ran = shared(*command, **NO_KEY_BUT_RESOURCE)
    assert ran.code in {3, 5}
    assert "unexpected" not in ran.out + ran.err
    assert "sign-in with Microsoft Entra ID failed" in ran.out + ran.err
    token = str(fields.get("access_token", "-"))
    assert len(token) < 5 or token[:5] not in ran.out + ran.err


def test_sign_in_does_not_wait_for_a_long_retry_after(shared):
    shared.sim.fault(Fault("Identity", status=429, times=2, headers={"Retry-After": "600"}))
    begun = time.monotonic()
    ran = shared("doctor")
    assert ran.code == 0, ran.out + ran.err
    assert time.monotonic() - begun < 60
