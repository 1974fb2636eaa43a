"""How often and how fast calls are sent: --patience alone decides, not the SDK's own retries."""

import re
import time
from itertools import pairwise

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.catalogue import faults
from tests.export.exporting import assert_one_error, stock

pytestmark = pytest.mark.slow


def asked(sim, operation):
    """Return the times at which an operation was called."""
    return [call.when for call in sim.calls if call.operation == operation]


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        *(
            ("GetTags", fault)
            for fault in ({"status": 500}, {"status": 503}, {"status": 408}, {"drop": True}, {"cut": 0})
        ),
        *(("QueryPredictions", fault) for fault in ({"status": 500}, {"drop": True})),
    ],
)
def test_without_patience_each_call_is_sent_once(sim, cli, tmp_path, operation, fault):
    stock(sim)
    sim.fault(Fault(operation, times=None, **fault))
    ran = cli("export", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0")
    assert_one_error(ran, 3)
    places = 5 if operation == "GetTags" else 1  # the workspace, two iterations twice
    assert len(asked(sim, operation)) == places


def test_the_sdk_ignores_retry_after_without_patience(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("GetTags", status=429, times=None, headers={"Retry-After": "1"}))
    assert cli("export", "tags", "--all", "-q", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0.5").code == 3
    assert len(asked(sim, "GetTags")) == 3  # once for the workspace, once for each iteration


def test_patience_limits_the_retries(sim, cli, tmp_path):
    sim.fill(images=1, iterations=0)
    sim.fault(Fault("GetTags", status=500, times=None))
    assert cli("export", "tags", "--all", "-q", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="1").code == 3
    tries = asked(sim, "GetTags")
    assert 2 <= len(tries) <= 6
    gaps = [after - before for before, after in pairwise(tries)]
    assert all(gap >= 0.09 for gap in gaps)


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 500, "body": b""}])
def test_patience_with_a_down_service_is_used_up_once(sim, cli, tmp_path, fault):
    sim.fill(projects=12, images=1, image_bytes=60)
    sim.fault(Fault("*", times=None, after=1, **fault))

    ran = cli("export", "--all", "-q", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="1")

    assert ran.code == 3
    assert len(sim.calls) < 12 * 9 + 25  # a call for each list of each project, and the first retries


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 302}], ids=str)
def test_a_service_that_goes_down_ends_the_run(sim, cli, tmp_path, fault):
    sim.fill(projects=12, images=1, image_bytes=60)
    sim.fault(Fault("*", times=None, after=10, **fault))

    ran = cli("export", "--all", "-q", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0.3")

    assert_one_error(ran, 5)
    assert len(sim.calls) < 12 * 4  # fewer than a call for each list


@pytest.mark.parametrize("after", [8, 20])
def test_patience_starts_again_after_an_answer(sim, cli, tmp_path, after):
    stock(sim)
    for number in range(3):
        sim.fault(Fault("*", status=503, times=2, after=after * (number + 1)))

    assert cli("export", "--all", "-q", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="3").code == 0


@pytest.mark.parametrize(
    ("headers", "message"), [({"Retry-After": "1"}, ""), ({}, "Please retry after 1 second. To increase your rate")]
)
def test_the_service_says_how_long_to_wait(sim, cli, tmp_path, headers, message):
    stock(sim)
    body = {"error": {"code": "429", "message": message}}
    sim.fault(Fault("GetProject", status=429, headers=headers, body=body))
    assert cli("export", "projects", "--all", "--out", tmp_path / "out").code == 0
    first, second = asked(sim, "GetProject")
    assert second - first >= 1


def test_two_errors_and_then_an_answer_is_a_success(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("GetProject", status=500, times=2))
    assert cli("export", "projects", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="10").code == 0
    assert len(asked(sim, "GetProject")) == 3


@pytest.mark.parametrize("name", ["dropped", "cut-at-once", "hung", "trickling-head", "error-503"])
def test_a_failed_first_call_is_tried_again(sim, cli, tmp_path, name):
    stock(sim)
    for fault in faults(name, times=1):
        sim.fault(fault)
    ran = cli("export", "projects", "--all", "-q", "--read-timeout", "0.3", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert len(asked(sim, "GetProjects")) == 2


def test_an_endpoint_without_a_server_is_not_tried_again(cli, tmp_path):
    started = time.monotonic()
    ran = cli("export", "--all", "--patience", "20", "--out", tmp_path / "out", CV_GDPR_ENDPOINT="http://127.0.0.1:9")
    assert_one_error(ran, 5)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_a_permanent_error_is_not_tried_again(sim, cli, tmp_path, status):
    stock(sim)
    sim.fault(Fault("GetProject", status=status, times=None))
    assert cli("export", "projects", "--all", "--out", tmp_path / "out").code != 0
    assert len(asked(sim, "GetProject")) == 1


def test_one_401_after_good_calls_is_tried_again(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("GetTags", status=401))
    ran = cli("export", "--all", "-q", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err


def test_a_key_refused_from_now_on_says_since_when(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("API", status=401, times=None, after=12))
    ran = cli("export", "--all", "--json", "--out", tmp_path / "out")
    assert_one_error(ran, 5)
    error = ran.json
    assert re.search(r"401.*; refused since 20\d\d-\d\d-\d\d \d\d:\d\d UTC, after \d+ good calls$", error["message"])
    assert "probably the key was regenerated" in error["hint"]
    refused = [call for call in sim.calls if call.status == 401]
    assert 2 <= len(refused) <= 20  # each call of those under way is sent twice at most


def test_a_key_that_was_never_good_is_not_tried_again(sim, cli, tmp_path):
    stock(sim)
    ran = cli("export", "--all", "--out", tmp_path / "out", CV_GDPR_TRAINING_KEY="0123456789abcdef")
    assert ran.code == 5
    assert len(sim.calls) == 1
    assert "refused since" not in ran.err


def test_a_quota_renewed_within_patience_is_waited_for(sim, cli, tmp_path):
    stock(sim)
    body = {"statusCode": 403, "message": "Out of call volume quota. Quota will be replenished in 00:00:01."}
    sim.fault(Fault("GetProject", status=403, body=body))
    assert cli("export", "projects", "--all", "-q", "--out", tmp_path / "out").code == 0
    first, second = asked(sim, "GetProject")
    assert second - first >= 1


def test_no_second_holds_more_calls_than_allowed(sim, cli, tmp_path):
    sim.fill(projects=3, images=1)
    sim.options.calls_per_second = 23  # on a busy machine some arrive late
    words = ("--calls-per-second", "20", "--patience", "0")
    ran = cli("export", "--all", *words, "--json", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert all(call.status != 429 for call in sim.calls)
    moments = [call.when for call in sim.calls]
    assert max(moments) - min(moments) >= (len(moments) - 1) // 10 / 2 - 0.1
    assert sum(ran.json["calls"].values()) == len(moments)


def test_only_the_service_gets_the_key_and_the_tools_name(sim, cli, tmp_path):
    stock(sim)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert all("cv-gdpr/" in call.headers["User-Agent"] for call in sim.calls)
    assert all(call.training_key_ok for call in sim.calls)
    assert not any("Training-Key" in call.headers for call in sim.blob_requests)
    assert not any(sim.training_key in str(call.headers) + str(call.query) for call in sim.blob_requests)


def test_passwords_from_netrc_are_not_sent(sim, cli, tmp_path):
    stock(sim)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\ndefault login anybody password secret\n")
    netrc.chmod(0o600)
    assert cli("export", "--all", "-q", "--out", tmp_path / "out", NETRC=str(netrc)).code == 0
    assert not any("Authorization" in call.headers for call in [*sim.calls, *sim.blob_requests])
