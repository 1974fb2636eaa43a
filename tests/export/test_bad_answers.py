"""Exports from a failing service: the right exit code, the service's own message, never success with items missing."""

import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import assert_one_error, image_record, stock

QUICK = {"CV_GDPR_EXPORT_PATIENCE": "0.1"}
EVERY_LISTING = [
    "GetProjects",
    "GetProject",
    "GetIterations",
    "GetIteration",
    "GetIterationPerformance",
    "GetImagePerformances",
    "GetImagePerformanceCount",
    "GetTags",
    "GetTag",
    "GetTaggedImages",
    "GetUntaggedImages",
    "GetImageCount",
    "GetUntaggedImageCount",
    "GetExports",
    "QueryPredictions",
]


def run(cli, out, code, **more):
    """Export everything, and expect this exit code and no bag."""
    ran = cli("export", "--all", "--out", out, **more)
    assert_one_error(ran, code)
    assert not (out / "bagit.txt").exists()
    return ran


@pytest.mark.parametrize("operation", EVERY_LISTING)
def test_html_instead_of_json(sim, cli, tmp_path, operation):
    stock(sim)
    sim.fault(Fault(operation, status=200, body="<html><body>Sign in</body></html>", times=None))
    ran = run(cli, tmp_path / "out", 1 if operation == "GetProjects" else 3)
    assert operation in ran.err
    assert "text/html" in ran.err


@pytest.mark.parametrize(
    "body", [b"null", b"{}", b"[null]", b"[1]", b'[{"id": 5}]', b'[{"id": ""}]', b'"text"', b"3", b""]
)
@pytest.mark.parametrize("operation", ["GetProjects", "GetTaggedImages"])
def test_another_value_instead_of_a_list(sim, cli, tmp_path, operation, body):
    stock(sim)
    sim.fault(Fault(operation, status=200, body=body, content_type="application/json", times=None))
    run(cli, tmp_path / "out", 1 if operation == "GetProjects" else 3)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        *((name, body) for name in ("GetProject", "GetIteration", "GetTag") for body in (b"null", b"[]", b"{}")),
        *((name, body) for name in ("GetIterations", "GetTags") for body in (b"null", b"{}", b"[null]")),
        ("GetIterationPerformance", b"[]"),
        ("GetImageCount", b"null"),
        ("GetUntaggedImageCount", b"null"),
        ("GetImageCount", b"true"),
        ("GetImageCount", b"3.0"),
        ("GetImageCount", b'"3"'),
        ("GetExports", b"{}"),
        ("GetExports", b"[[]]"),
        ("QueryPredictions", b"[]"),
        ("QueryPredictions", b"{}"),
        ("QueryPredictions", b'{"results": []}'),
        ("QueryPredictions", b'{"results": {}, "token": "x"}'),
        ("QueryPredictions", b'{"results": "ab", "token": {}}'),
        ("QueryPredictions", b'{"results": [null], "token": {}}'),
        ("GetTaggedImages", b'[{"id": "x"'),
        ("GetTaggedImages", b'[{"id": "?sig=AbCdEfGhIjKlMnOpQrStUvWxYz01234567890"}]'),
        ("GetTaggedImages", b'[{"id": "b%3D?\\"sig="}]'),
        ("GetTaggedImages", b"\xff\xfe"),
        ("GetTaggedImages", b"[" * 100_000),
    ],
)
def test_json_of_the_wrong_shape(sim, cli, tmp_path, operation, body):
    stock(sim)
    sim.fault(Fault(operation, status=200, body=body, content_type="application/json", times=None))
    run(cli, tmp_path / "out", 3)


# The exit codes if the first call fails, and if a later one does.
CODES = {400: (1, 3), 401: (5, 5), 403: (5, 3), 404: (5, 3), 409: (1, 3), 500: (1, 3)}
BODIES = [b"null", b"[]", b"\xff", b'{"error": null}', "<html>no</html>"]


@pytest.mark.parametrize(
    ("status", "body"), [*((status, b"") for status in CODES), *((401 + n % 4, body) for n, body in enumerate(BODIES))]
)
def test_an_error_with_an_uninformative_body(sim, cli, tmp_path, status, body):
    stock(sim)
    first, later = CODES.get(status, (1, 3))
    sim.fault(Fault("GetProjects", status=status, body=body, times=None))
    assert str(status) in run(cli, tmp_path / "first", first, **QUICK).err
    sim.clear_faults()
    sim.fault(Fault("GetTaggedImages", status=status, body=body, times=None))
    assert str(status) in run(cli, tmp_path / "later", later, **QUICK).err


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"code": "BadRequestInvalid", "message": "What is this?"}, ["BadRequestInvalid", "What is this?"]),
        ({"error": {"code": "InvalidRequest", "message": "Not so"}}, ["InvalidRequest", "Not so"]),
        ({"statusCode": 400, "message": "Token is missing"}, ["400", "Token is missing"]),
        ({"Code": "BadRequestOld", "Message": "Old words"}, ["BadRequestOld", "Old words"]),
        (b"plain words", ["plain words"]),
        ({"code": "X", "message": "see https://x/y?sv=1&sig=SECRET now"}, ["see https://x/y now"]),
        ({"code": "X", "message": "\x1b[2J\r\nhidden"}, ["hidden"]),
    ],
)
def test_the_services_own_words_are_quoted_with_the_request_id(sim, cli, tmp_path, body, words):
    stock(sim)
    sim.fault(Fault("GetProjects", status=400, body=body, headers={"apim-request-id": "the-request"}))
    ran = run(cli, tmp_path / "out", 1)
    assert all(word in ran.err for word in words)
    assert "the-request" in ran.err
    assert "SECRET" not in ran.err
    assert "\x1b" not in ran.err


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        *((operation, {"status": 500}) for operation in EVERY_LISTING),
        *(("*", fault) for fault in ({"status": 429}, {"drop": True})),
    ],
)
def test_a_lasting_fault_is_not_a_success(sim, cli, tmp_path, operation, fault):
    stock(sim)
    sim.fault(Fault(operation, times=None, **fault))
    ran = cli("export", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0.01")
    lost_connection = not fault.get("status")
    assert_one_error(ran, ran.code)
    assert ran.code in ({1, 5} if lost_connection else {1, 3})
    assert not (tmp_path / "out" / "bagit.txt").exists()


def test_an_unexpected_field_type_gives_no_traceback(sim, cli, tmp_path):
    stock(sim)
    odd = image_record(originalImageUri=[1], resizedImageUri={"a": 1}, tags="x", regions=5, metadata=[1])
    sim.fault(Fault("GetTaggedImages", times=None, body=[odd]))
    ran = cli("export", "images", "--all", "--tag", "tag 1", "--out", tmp_path / "out", **QUICK)
    assert_one_error(ran, ran.code)
    assert ran.code in {1, 3}
