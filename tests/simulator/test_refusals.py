"""Requests that the service refuses: each is a 400 in its shape, and none is a 500."""

import json
import re
from itertools import product

import pytest
import requests

from custom_vision_simulator import Simulator
from custom_vision_simulator.access import Access
from custom_vision_simulator.accounts import Accounts
from custom_vision_simulator.api_host import Api
from custom_vision_simulator.host import Incoming, parse_query
from custom_vision_simulator.identity import Tokens
from custom_vision_simulator.links import Links
from custom_vision_simulator.routes import ROUTES

BASE = "/customvision/v3.4-preview/training"
ID = "00000000-0000-4000-8000-000000000000"
FORM = "multipart/form-data; boundary=x"
BODIES = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b'{"name": "\xff"}',
    "a number": b"1",
    "a long number": b"1" * 5000,
    "a list": b"[]",
    "null": b"null",
    "NaN": b'{"threshold": NaN}',
    "an endless number": b'{"threshold": 1e999}',
    "lists of null": json.dumps({"images": [None], "tags": [None], "regions": [None], "tagIds": [None]}).encode(),
    "lists of numbers": json.dumps({"images": [1], "tags": [1], "regions": [1], "tagIds": [1]}).encode(),
    "empty entries": json.dumps({"images": [{}], "tags": [{}], "regions": [{}]}).encode(),
    "objects": json.dumps(
        {key: {} for key in ["name", "description", "type", "settings", "images", "tags", "tagIds", "url", "metadata"]}
    ).encode(),
    "numbers": json.dumps(
        dict.fromkeys(["name", "settings", "images", "tags", "tagIds", "url", "continuation", "startTime", "id"], 7)
    ).encode(),
    "continuation": b'{"continuation": "e30="}',
    "continuation of another kind": b'{"continuation": "WzEsIDIsIDNd"}',
    "half a surrogate": b'{"name": "\\ud800", "images": [{"url": "http://\\ud800", "contents": "\\ud800"}]}',
}
QUERIES = [
    "",
    f"iterationId={ID}&imageIds={ID}&tagIds={ID}&regionIds={ID}&ids={ID}&name=x&token=x&path=x&publishName=x",
    "iterationId=x&imageIds=x&tagIds=x&regionIds=x&ids=x&take=x&skip=-1&orderBy=x&allImages=x&store=x&type=x",
    f"take={'9' * 5000}&skip={'1' * 8}&orderBy=%FF&$filter=metadata%3D&domainId=%00&classificationType=&token=http://[",
]


@pytest.fixture(scope="module")
def filled():
    """Yield a simulator and the root of the API with one project, iteration and prediction."""
    with Simulator() as sim:
        (project,) = sim.fill(images=3, untagged=1, iterations=1, predictions=1)
        yield sim, project


def send(sim, method, path, **more):
    """Send a request with the right key."""
    headers = {"Training-Key": sim.training_key, **more.pop("headers", {})}
    return requests.request(method, sim.endpoint + path, headers=headers, timeout=5, **more)


def paths(route, sim, project):
    """Return the route's path with ids that exist, that do not, and that are not UUIDs."""
    held = sim.store.projects[project]
    known = {
        "projectId": project,
        "iterationId": next(iter(held.iterations), ID),
        "tagId": next(iter(held.workspace.tags), ID),
        "imageId": next(iter(held.workspace.images), ID),
        "domainId": held.settings["domainId"],
    }
    template = "/" + "/".join(route.segments)
    return [re.sub(r"\{(\w+)\}", lambda found, ids=ids: ids(found[1]), template) for ids in (known.get, _any, _other)]


def _any(_name):
    return ID


def _other(_name):
    return "x%00"


@pytest.mark.parametrize("route", ROUTES, ids=lambda each: each.name)
def test_no_request_is_a_500(route):
    """Any path, query and body of any operation is answered below 500, an error with a code and a message.

    The operations are called without HTTP, which takes milliseconds; an exception would be a 500.
    """
    sim = Simulator()
    (project,) = sim.fill(images=3, untagged=1, iterations=1, predictions=1)
    access = Access(sim.options, Accounts(sim.options, sim.store), Tokens(sim.options))
    api = Api(sim.store, sim.options, Links(sim.options), access)
    bodies = BODIES.values() if route.method in {"POST", "PATCH"} else [b""]
    key = {"Training-Key": sim.training_key}
    for path, query, body in product(paths(route, sim, project), QUERIES, bodies):
        answer = api.answer(Incoming(route.method, path, parse_query(query), key, body, ()))
        assert answer.status < 500, (path, query, body)
        if answer.status >= 400:
            assert {"code", "message"} <= json.loads(answer.body).keys() or b'{"error":' in answer.body


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/images?orderBy=Sideways", "BadRequest"),
        ("GET", "/images?orderBy=", "BadRequest"),
        ("GET", "/images?taggingStatus=Maybe", "BadRequest"),
        ("GET", "/images?take=-1", "BadRequest"),
        ("GET", "/images?tagIds=cat", "BadRequestInvalidIds"),
        ("GET", "/images?iterationId=latest", "BadRequestInvalidIds"),
        ("GET", f"/images/id?imageIds={ID},x", "BadRequestInvalidIds"),
        ("GET", "/tags/cat", "BadRequestInvalidIds"),
        ("GET", "/iterations/1", "BadRequestInvalidIds"),
        ("DELETE", "/images", "BadRequestInvalidIds"),
        ("DELETE", f"/images?imageIds={ID}&allImages=true", "BadRequestInvalidIds"),
        ("DELETE", "/images?allImages=perhaps", "BadRequest"),
        ("DELETE", "/predictions?ids=x", "BadRequestInvalidIds"),
        ("POST", "/tags?name=new&type=Odd", "BadRequestTagType"),
        ("POST", "/train?trainingType=Odd", "BadRequest"),
        ("POST", "/images/suggested", "BadRequestRequiredParamIsNull"),
    ],
)
def test_refused_parameters(filled, method, path, code):
    sim, project = filled
    answer = send(sim, method, f"{BASE}/projects/{project}{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "BadRequestProjectName"),
        ("name=p&domainId=x", "BadRequestProjectUnknownDomain"),
        (f"name=p&domainId={ID}", "BadRequestProjectUnknownDomain"),
        ("name=p&classificationType=Odd", "BadRequestProjectUnknownClassification"),
        ("name=p&targetExportPlatforms=ONNX,Odd", "BadRequestProjectUnsupportedExportPlatform"),
    ],
)
def test_refused_projects(filled, query, code):
    sim, _ = filled
    answer = send(sim, "POST", f"{BASE}/projects?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/images/files", [], "The body is not an object"),
        ("/images/files", {"images": {}}, "The body: images is not a list"),
        ("/images/files", {"images": [{"contents": 1}]}, "The body: images[0]: contents is not a string"),
        ("/images/urls", {"images": [{}]}, "The body: images[0]: url is required"),
        ("/images/predictions", {"images": [{"id": "x"}]}, "The body: images[0]: id is not a UUID"),
        ("/images/tags", {"tags": [{"imageId": ID}]}, "The body: tags[0]: tagId is required"),
        ("/images/regions", {"regions": [None]}, "The body: regions[0] is required"),
        (f"/images/metadata?imageIds={ID}", {"a": 1}, "The body is not an object of strings"),
        ("/predictions/query", {"maxCount": "all"}, "The body: maxCount is not a whole number"),
        ("/predictions/query", {"tags": [{"id": ID, "minThreshold": 2}]}, "number from 0 to 1"),
        ("/predictions/query", {"orderBy": "Odd"}, "orderBy: Odd is not one of Newest, Oldest, Suggested"),
        ("/predictions/query", {"startTime": "yesterday"}, "Not a time"),
        ("/predictions/query", {"continuation": "x"}, "Unknown continuation"),
    ],
)
def test_refused_bodies(filled, path, body, message):
    sim, project = filled
    answer = send(sim, "POST", f"{BASE}/projects/{project}{path}", json=body)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "multipart/form-data"}, b"--x\r\n\r\na\r\n--x--"),
        ({"Content-Type": "multipart/form-data; boundary="}, b"--x\r\n\r\na\r\n--x--"),
        ({"Content-Type": f"multipart/form-data; boundary={'x' * 99}"}, b"--x\r\n\r\na\r\n--x--"),
        ({"Content-Type": FORM}, b""),
        ({"Content-Type": FORM}, b"no form"),
        ({"Content-Type": FORM}, b"--x\r\nContent-Disposition: form-data; name=a; name*0=b; \xff\r\n\r\na\r\n--x--"),
        ({"Content-Type": FORM}, b"--x\r\n" + b"A: " + b"a" * 200_000 + b"\r\n\r\na\r\n--x--"),
        ({"Content-Encoding": "gzip"}, b"not gzip"),
        ({"Content-Encoding": "deflate"}, b"not deflate"),
    ],
)
def test_unreadable_forms_are_400(filled, headers, body):
    """A form without its boundary, a broken form, and a broken content coding."""
    sim, project = filled
    answer = send(sim, "POST", f"{BASE}/projects/{project}/images", headers=headers, data=body)
    assert answer.status_code == 400
    assert "code" in answer.json()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/images?orderBy=OLDEST&taggingStatus=tagged"),
        ("DELETE", "/images?allImages=TRUE"),
        ("POST", "/tags?name=a&type=REGULAR"),
        ("POST", "/train?trainingType=regular&forceTrain=True"),
        ("POST", "/iterations/{iteration}/export?platform=tensorflow&flavor=tensorflowlite"),
        ("GET", "/images?iterationId={bare}"),
    ],
)
def test_words_and_ids_in_any_case(client_of, method, path):
    """Enumerations in any case (Microsoft's cvsutils writes platforms in lower case), ids without dashes."""
    with Simulator() as sim:
        (project,) = sim.fill(images=3, iterations=1)
        (iteration,) = client_of(sim).get_iterations(project)
        path = path.format(iteration=iteration.id.upper(), bare=iteration.id.replace("-", ""))
        answer = send(sim, method, f"{BASE}/projects/{project.upper()}{path}")
        assert answer.status_code in {200, 202}, answer.text


def test_words_are_kept_as_the_service_spells_them(client):
    project = client.create_project("p", classification_type="MULTICLASS", target_export_platforms=["onnx"])
    assert project.settings.classification_type == "Multiclass"
    assert project.settings.target_export_platforms == ["ONNX"]
