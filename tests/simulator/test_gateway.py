"""The gateway (keys, routes, rates), the faults, the record of calls and the life cycle."""

import socket
import threading
import time

import pytest
import requests
from azure.cognitiveservices.vision.customvision.training import CustomVisionTrainingClient
from azure.cognitiveservices.vision.customvision.training.models import CustomVisionErrorException
from msrest.authentication import ApiKeyCredentials
from msrest.exceptions import ClientRequestError

from custom_vision_simulator import Fault, Options, Simulator

BASE = "/customvision/v3.4-preview/training"


def get(sim, path, **more):
    """Get an API path with the right key."""
    return requests.get(sim.endpoint + path, headers={"Training-Key": sim.training_key}, timeout=5, **more)


def pipelined(sim, path, count):
    """Return the texts of the answers to that many requests, sent at once so that they fall into one second."""
    host, _, port = sim.endpoint.removeprefix("http://").partition(":")
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nTraining-Key: {sim.training_key}\r\n"
    with socket.create_connection((host, int(port)), timeout=5) as opened, opened.makefile("rb") as answers:
        opened.sendall(f"{head}\r\n".encode() * (count - 1) + f"{head}Connection: close\r\n\r\n".encode())
        return answers.read().decode()


def test_wrong_key_is_401_of_the_gateway(sim):
    """A wrong key is a 401 in the gateway's shape."""
    credentials = ApiKeyCredentials(in_headers={"Training-Key": "wrong"})
    with (
        CustomVisionTrainingClient(sim.endpoint, credentials) as client,
        pytest.raises(CustomVisionErrorException) as caught,
    ):
        client.get_projects()
    assert caught.value.response.status_code == 401
    assert caught.value.response.json()["error"]["code"] == "401"
    assert caught.value.error.code is None
    assert [each.training_key_ok for each in sim.calls] == [False]


def test_unknown_routes_are_404_of_the_gateway(sim):
    """Unknown paths and versions are a 404 in the gateway's shape."""
    for path in ("/", f"{BASE}/nothing", "/customvision/v3.3/training/projects"):
        answer = get(sim, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "404")
    assert {each.operation for each in sim.calls} == {"Unknown"}


def test_doubled_slashes_and_response_headers(sim):
    """Doubled slashes count as one, and headers are those of the service."""
    answer = get(sim, f"/{BASE}/projects")
    assert answer.json() == []
    assert answer.headers["Request-Id"] == answer.headers["apim-request-id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Strict-Transport-Security" in answer.headers
    assert "Server" not in answer.headers


@pytest.mark.parametrize("retry_after", [True, False])
def test_rate_limit(retry_after):
    """Calls beyond the rate are 429, with Retry-After only when asked for."""
    with Simulator(Options(calls_per_second=3, retry_after=retry_after)) as sim:
        text = pipelined(sim, f"{BASE}/projects", 5)
        assert [each.status for each in sim.calls] == [200, 200, 200, 429, 429]
        assert text.count('{"error":{"code":"429","message":"Requests to the GetProjects Operation') == 2
        assert text.count("Retry-After: 1") == (2 if retry_after else 0)


def test_account_info_only_when_asked_for(sim):
    """GetAccountInfo is answered only with its option."""
    path = "/customvision/v1.2/Training/account"
    assert get(sim, path).status_code == 404
    with Simulator(Options(account_info=True)) as old:
        old.fill(projects=2, images=1)
        account = get(old, path).json()
        assert account["Quotas"]["Projects"]["Used"] == 2
        assert old.calls[0].operation == "GetAccountInfo"


def test_calls_are_recorded(sim, client):
    """Calls are recorded."""
    (project,) = sim.fill(images=1)
    client.get_tagged_images(project, take=7)
    (call,) = sim.calls
    assert (call.operation, call.method, call.status) == ("GetTaggedImages", "GET", 200)
    assert call.query == {"take": "7", "skip": "0"}
    assert call.path.endswith("/images/tagged")
    assert call.training_key_ok
    assert call.when <= time.monotonic()


def test_a_fault_fires_after_and_times(sim):
    """A fault skips `after` requests, then fires `times` times."""
    fault = Fault("GetProjects", status=500, after=1, times=2)
    sim.fault(fault)
    sim.fault(Fault("GetDomains", status=503, times=None))
    codes = [get(sim, f"{BASE}/projects").status_code for _ in range(5)]
    assert codes == [200, 500, 500, 200, 200]
    assert sim.faults.fired(fault) == 2
    assert [get(sim, f"{BASE}/domains").status_code for _ in range(3)] == [503] * 3
    sim.clear_faults()
    assert get(sim, f"{BASE}/domains").status_code == 200


def test_what_a_fault_answers(sim):
    """A fault answers its status with no, an empty, a text or a JSON body."""
    bodies = (None, b"", "<html>", {"a": 1})
    for body in bodies:
        sim.fault(Fault("*", status=418, body=body, headers={"Retry-After": "9"}))
    answers = [get(sim, f"{BASE}/projects") for _ in bodies]
    assert {each.status_code for each in answers} == {418}
    assert answers[0].json() == {"code": "ErrorUnknown", "message": "Simulated fault"}
    assert (answers[1].content, answers[1].headers["Content-Length"]) == (b"", "0")
    assert answers[2].text == "<html>"
    assert answers[3].json() == {"a": 1}
    assert answers[3].headers["Retry-After"] == "9"


def test_an_empty_error_body_breaks_the_sdk(sim, client):
    """An empty error body breaks the SDK, as with the real service."""
    sim.fault(Fault("GetProjects", status=400, body=b""))
    with pytest.raises(TypeError):
        client.get_projects()


def test_match_delay_and_headers_on_the_normal_answer(sim):
    """`match`, `delay` and `headers` apply to the normal answer."""
    sim.fault(Fault("GetProjects", match="a=b", delay=0.2, headers={"X-More": "1"}, content_type="text/plain"))
    plain = get(sim, f"{BASE}/projects")
    assert "X-More" not in plain.headers
    began = time.monotonic()
    dressed = get(sim, f"{BASE}/projects?a=b")
    assert time.monotonic() - began >= 0.2
    assert (dressed.json(), dressed.headers["X-More"]) == ([], "1")
    assert dressed.headers["Content-Type"] == "text/plain"


def test_drops(sim):
    """A drop closes the connection without an answer."""
    sim.fault(Fault("*", drop=True))
    with pytest.raises(requests.ConnectionError):
        get(sim, f"{BASE}/projects")
    assert sim.calls[0].status == 0


@pytest.mark.parametrize("cut", [0, 100])
def test_cuts_send_true_headers(sim, client, cut):
    """Cuts send true headers."""
    (project,) = sim.fill(images=1)
    uri = client.get_images(project)[0].original_image_uri
    sim.fault(Fault("Blob", cut=cut))
    with requests.get(uri, stream=True, timeout=5) as answer:
        assert answer.headers["Content-Length"] == "20000"
        assert len(answer.raw.read(cut)) == cut
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(answer.iter_content(64))
    assert len(requests.get(uri, timeout=5).content) == 20_000


def test_an_operation_runs_though_its_answer_is_lost(sim, client):
    """With `done` an operation runs although its answer is lost."""
    first, second = sim.fill(projects=2, images=1)
    sim.fault(Fault("DeleteProject", status=400, done=True))
    with pytest.raises(CustomVisionErrorException):
        client.delete_project(first)
    assert first not in sim.store.projects
    client.config.retry_policy.policy.total = 0
    sim.fault(Fault("DeleteProject", drop=True, done=True))
    with pytest.raises(ClientRequestError):
        client.delete_project(second)
    assert second not in sim.store.projects


def test_lies(sim, client):
    """A lying DELETE answers as usual and changes nothing."""
    (project,) = sim.fill(images=2)
    sim.fault(Fault("*", lie=True, times=2))
    assert client.delete_images(project, all_images=True, raw=True).response.status_code == 202
    assert client.delete_project(project, raw=True).response.status_code == 204
    assert client.get_image_count(project) == 2


def test_reading_does_not_use_up_a_lie(sim, client):
    """Reading does not use up a lie meant for any operation."""
    (project,) = sim.fill(images=2)
    sim.fault(Fault("*", lie=True))
    assert client.get_project(project).id == project
    client.delete_project(project)
    assert client.get_project(project).id == project
    client.delete_project(project)
    assert client.get_projects() == []


def test_latency():
    """The latency passes before the answer."""
    with Simulator(Options(api_latency=0.2)) as sim:
        began = time.monotonic()
        get(sim, f"{BASE}/projects")
        assert time.monotonic() - began >= 0.2


def test_many_connections_at_once(sim):
    """Many connections at once."""
    port = int(sim.endpoint.rpartition(":")[2])
    opened = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(300)]
    for each in opened:
        each.sendall(f"GET {BASE}/projects HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    heads = [each.recv(20) for each in opened]
    for each in opened:
        each.close()
    assert heads == [b"HTTP/1.1 401 Unautho"] * 300


def test_life_cycle():
    """The ports are taken by start and free again after stop."""
    sim = Simulator(Options(training_key="mine"))
    sim.stop()
    sim.start()
    assert sim.training_key == "mine"
    assert sim.endpoint != sim.blob_host
    port = int(sim.endpoint.rpartition(":")[2])
    with pytest.raises(RuntimeError):
        sim.start()
    with pytest.raises(OSError, match=r"in use|10013|10048"):
        Simulator(Options(port=port)).start()
    get(sim, f"{BASE}/projects")
    sim.stop()
    assert "simulator" not in {each.name for each in threading.enumerate()}
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=5)
    with Simulator(Options(port=port)) as again:
        assert again.endpoint.endswith(f":{port}")


def test_stopping_does_not_wait_for_a_slow_answer():
    """Stopping does not wait for a slow answer."""
    with Simulator() as sim:
        sim.fault(Fault("*", delay=30))
        caught = []

        def ask():
            try:
                get(sim, f"{BASE}/projects")
            except requests.ConnectionError as error:
                caught.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        while not sim.calls:
            time.sleep(0.01)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    asking.join(timeout=5)
    assert len(caught) == 1


def test_filling_is_repeatable():
    """Filling is repeatable."""
    first, second, other = Simulator(), Simulator(), Simulator()
    assert first.fill(projects=2, images=3) == second.fill(projects=2, images=3)
    assert other.fill(images=3, seed=1) != first.fill(images=3)
    assert len(first.store.projects) == 3
