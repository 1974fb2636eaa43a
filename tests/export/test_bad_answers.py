"""Exports from a failing service: the right exit code, the service's own message, never success with items missing."""

import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import assert_one_error, assert_open, image_record, stock

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


def reasons(sim, cli, out, faults, **more):
    """Export one project for each (operation, fault), which that project alone meets; return what was said of each."""
    projects = sim.fill(projects=len(faults), images=2, untagged=1, tags=1, iterations=1, predictions=1, image_bytes=64)
    for project, (operation, fault) in zip(projects, faults, strict=True):
        sim.fault(Fault(operation, match=project, times=None, **fault))
    run(cli, out, 3, **more)
    missing = assert_open(out)
    said = [" ".join(one["reason"] for one in missing if one["project"] == project) for project in projects]
    assert [fault for fault, reason in zip(faults, said, strict=True) if not reason] == []
    return said


@pytest.mark.slow
def test_html_instead_of_json(sim, cli, tmp_path):
    page = {"status": 200, "body": "<html><body>Sign in</body></html>"}
    said = reasons(sim, cli, tmp_path / "out", [(operation, page) for operation in EVERY_LISTING[1:]])
    for operation, reason in zip(EVERY_LISTING[1:], said, strict=True):
        assert operation in reason
        assert "text/html" in reason


def test_html_instead_of_projects(sim, cli, tmp_path):
    sim.fault(Fault("GetProjects", status=200, body="<html><body>Sign in</body></html>", times=None))
    ran = run(cli, tmp_path / "out", 1)
    assert "GetProjects" in ran.err
    assert "text/html" in ran.err


NO_LISTS = [b"null", b"{}", b"[null]", b"[1]", b'[{"id": 5}]', b'[{"id": ""}]', b'"text"', b"3", b""]
JSON = {"status": 200, "content_type": "application/json"}


@pytest.mark.parametrize("body", NO_LISTS)
def test_another_value_instead_of_projects(sim, cli, tmp_path, body):
    sim.fault(Fault("GetProjects", body=body, times=None, **JSON))
    run(cli, tmp_path / "out", 1)


OF_THE_WRONG_SHAPE = [
    *(("GetTaggedImages", body) for body in NO_LISTS),
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
]


@pytest.mark.slow
def test_json_of_the_wrong_shape(sim, cli, tmp_path):
    reasons(sim, cli, tmp_path / "out", [(name, JSON | {"body": body}) for name, body in OF_THE_WRONG_SHAPE])


# The exit codes if the first call fails, and if a later one does.
CODES = {400: (1, 3), 401: (5, 5), 403: (5, 3), 404: (5, 3), 409: (1, 3), 500: (1, 3)}
BODIES = [b"null", b"[]", b"\xff", b'{"error": null}', "<html>no</html>"]


ERRORS = [*((status, b"") for status in CODES), *((401 + n % 4, body) for n, body in enumerate(BODIES))]


@pytest.mark.parametrize(("status", "body"), ERRORS)
def test_a_first_error_with_an_uninformative_body(sim, cli, tmp_path, status, body):
    sim.fault(Fault("GetProjects", status=status, body=body, times=None))
    assert str(status) in run(cli, tmp_path / "out", CODES.get(status, (1, 3))[0], **QUICK).err


@pytest.mark.parametrize("body", [body for status, body in ERRORS if CODES.get(status, (1, 3))[1] == 5])
def test_a_refused_key_with_an_uninformative_body(sim, cli, tmp_path, body):
    stock(sim)
    sim.fault(Fault("GetTaggedImages", status=401, body=body, times=None))
    assert "401" in run(cli, tmp_path / "out", 5, **QUICK).err


@pytest.mark.slow
def test_a_later_error_with_an_uninformative_body(sim, cli, tmp_path):
    later = [(status, body) for status, body in ERRORS if CODES.get(status, (1, 3))[1] == 3]
    faults = [("GetTaggedImages", {"status": status, "body": body}) for status, body in later]
    for (status, _), reason in zip(later, reasons(sim, cli, tmp_path / "out", faults, **QUICK), strict=True):
        assert str(status) in reason


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


LITTLE = {"CV_GDPR_EXPORT_PATIENCE": "0.01"}


@pytest.mark.slow
def test_a_lasting_fault_of_a_listing_is_not_a_success(sim, cli, tmp_path):
    reasons(sim, cli, tmp_path / "out", [(operation, {"status": 500}) for operation in EVERY_LISTING[1:]], **LITTLE)


@pytest.mark.parametrize(
    ("operation", "fault"),
    [("GetProjects", {"status": 500}), ("*", {"status": 429}), ("*", {"drop": True})],
)
def test_a_lasting_fault_is_not_a_success(sim, cli, tmp_path, operation, fault):
    stock(sim)
    sim.fault(Fault(operation, times=None, **fault))
    ran = cli("export", "--all", "--out", tmp_path / "out", **LITTLE)
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
