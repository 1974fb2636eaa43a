"""One body for each row of the table; its name is `test_` and the row's, and it runs on every backend."""

import re
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from inspect import signature
from io import BytesIO
from typing import Any

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr.errors import NotAuthorised, NotFound, ServiceError
from cv_gdpr.links import without_query
from cv_gdpr.service.client import Connection, Service
from cv_gdpr.table import account, readers
from cv_gdpr.table.categories import ROWS, category
from cv_gdpr.table.findings import WORKSPACE, Absence, Detail, Finding, Item, Tally
from cv_gdpr.verbatim import Json
from tests.contract.ground import Ground
from tests.contract.prepare import (
    DOMAIN,
    IN_WORKSPACE,
    METADATA,
    PLATFORM,
    PREDICTIONS,
    TAGS,
    UPLOADED,
    Limits,
    throw_away,
)

MISSING = "00000000-0000-4000-8000-000000000000"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")
NAIVE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?")
PICTURE = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


# --- the rows -----------------------------------------------------------------------------------------------------


def test_account(ground: Ground) -> None:
    """Account information is answered, or its absence is reported; a wrong key differs from both."""
    (finding,) = account.account(ground.resource)
    assert (finding.row, finding.id) == ("account", "account")
    if isinstance(finding, Absence):
        assert re.fullmatch(r"GetAccountInfo answers 4(00|01|03|04|10) here", finding.reason)
    else:
        assert finding.record["Keys"]
        assert all(key.startswith("sha256:") for key in _leaves(finding.record["Keys"]))
    with ground.stranger() as stranger, pytest.raises(NotAuthorised) as refused:
        stranger.call("get_projects")
    assert refused.value.status == 401
    assert re.match(r"GetProjects: the service answered 401: .", refused.value.message)
    _assert_asked(ground, "account", {"Accounts-Get", *account.BESIDE})  # see test_resource.py


def test_iterations(ground: Ground) -> None:
    """The one training is listed and given alone, and the workspace is not among the iterations."""
    ground.needs("trained")
    listed, given = _apart(readers.iterations(ground.project), Detail, Item)
    (entry,), (item,) = listed, given
    lasting = ("id", "name", "status", "created", "projectId", "domainId", "classificationType")
    assert [entry.record[key] for key in lasting] == [item.record[key] for key in lasting]
    record = item.record
    assert (record["status"], record["projectId"], record["domainId"]) == ("Completed", ground.project.id, DOMAIN)
    assert UUID.fullmatch(item.id)
    assert all(ZONED.fullmatch(record[key]) for key in ("created", "lastModified", "trainedAt"))
    assert record["exportable"] is True
    assert PLATFORM in record["exportableTo"]
    assert bool(record["publishName"]) == ground.prepared.published
    _assert_missing(ground, "NotFoundIteration", "get_iteration", ground.project.id, MISSING)
    _assert_asked(ground, "iterations")


def test_performance(ground: Ground) -> None:
    """A completed iteration has figures for each tag, and for as many images as it counts."""
    ground.needs("trained")
    (item,), details, (tally,) = _apart(readers.performance(ground.project), Item, Detail, Tally)
    assert item.id == ground.iteration["id"]
    assert {each["name"] for each in item.record["perTagPerformance"]} == set(TAGS)
    for figures in (item.record, *item.record["perTagPerformance"]):
        assert all(0 <= figures[key] <= 1 for key in ("precision", "recall", "averagePrecision"))
    assert tally.agrees
    assert tally.listed == len(details) > 0
    for detail in details:
        _assert_image(detail.record)
        assert "originalImageUri" not in detail.record
        _assert_guesses(detail.record)
        assert ground.fetch(detail.record["imageUri"]).startswith(PICTURE)
    _assert_missing(ground, "NotFoundIteration", "get_iteration_performance", ground.project.id, MISSING)
    _assert_asked(ground, "performance")


def test_projects(ground: Ground) -> None:
    """The project is found by its name, listed as its own record says, and one that is not there is a 404."""
    (listed,) = readers.project_list(ground.resource)
    (item,) = readers.project(ground.project)
    lasting = ("id", "name", "created", "drModeEnabled", "status")
    assert [listed.record[key] for key in lasting] == [item.record[key] for key in lasting]
    record = item.record
    assert UUID.fullmatch(item.id)
    assert (record["name"], record["status"], record["drModeEnabled"]) == (ground.prepared.name, "Succeeded", False)
    assert (record["settings"]["domainId"], record["settings"]["classificationType"]) == (DOMAIN, "Multiclass")
    assert ZONED.fullmatch(record["created"])
    assert ZONED.fullmatch(record["lastModified"])
    _assert_missing(ground, "NotFoundProject", "get_project", MISSING)
    _assert_asked(ground, "projects")


def test_tags(ground: Ground) -> None:
    """The workspace's tags count its images, and the iteration's count those it was trained on."""
    items, details = _apart(readers.tags(ground.project), Item, Detail)
    assert [item.record for item in items] == [detail.record for detail in details]
    assert _image_counts(items, WORKSPACE) == IN_WORKSPACE
    assert all(UUID.fullmatch(item.id) and item.record["type"] == "Regular" for item in items)
    _assert_missing(ground, "NotFoundTag", "get_tag", ground.project.id, MISSING)
    _assert_asked(ground, "tags")
    ground.needs("trained")
    assert _image_counts(items, ground.iteration) == dict.fromkeys(TAGS, UPLOADED)


def test_images(ground: Ground) -> None:
    """All images of the workspace are listed and arrive, and one deleted there lives on in the iteration."""
    items, tallies = _apart(readers.images(ground.project), Item, Tally)
    assert [tally.iteration for tally in tallies] == list(ground.project.places)
    assert all(tally.agrees for tally in tallies)
    workspace = {item.id: item for item in items if item.iteration is WORKSPACE}
    assert len(workspace) == tallies[0].listed == sum(IN_WORKSPACE.values()) + 1
    for item in items:
        _assert_image(item.record)
        assert item.record["resizedImageUri"]
        assert _original(item).uri
    for item in workspace.values():
        assert ground.fetch(_original(item).uri).startswith(PICTURE)
    tagged = [item.record for item in workspace.values() if "tags" in item.record]
    _assert_labels(tagged, [item.record for item in workspace.values() if "tags" not in item.record])
    _assert_paging(ground, [record["id"] for record in tagged])
    _assert_unsigned_refused(ground, _original(next(iter(workspace.values()))).uri)
    # GetArtifact serves only resources in a virtual network, where links are relative paths.
    _assert_asked(ground, "images", {"GetArtifact"})
    ground.needs("trained")
    trained = [item for item in items if item.iteration == ground.iteration]
    assert _labels(item.record for item in trained) == dict.fromkeys(TAGS, UPLOADED)
    (deleted,) = (item for item in trained if item.id not in workspace)
    assert ground.fetch(_original(deleted).uri).startswith(PICTURE)


def test_exports(ground: Ground) -> None:
    """The exported model is listed as done, and is a whole zip file."""
    ground.needs("exported")
    (item,) = readers.exports(ground.project)
    assert item.id.startswith(f"{ground.iteration['id']}/{PLATFORM}")
    assert (item.record["platform"], item.record["status"]) == (PLATFORM, "Done")
    (blob,) = item.blobs
    assert (blob.uri, blob.suffix) == (item.record["downloadUri"], ".zip")
    with zipfile.ZipFile(BytesIO(ground.fetch(blob.uri))) as model:
        assert model.testzip() is None
        assert model.namelist()
    _assert_missing(ground, "NotFoundIteration", "get_exports", ground.project.id, MISSING)
    _assert_asked(ground, "exports")


def test_predictions(ground: Ground) -> None:
    """Every stored prediction is given once, with its image, and page by page as well as at once."""
    ground.needs("predicted")
    items = list(readers.predictions(ground.project))
    assert len({item.id for item in items}) == len(items) == PREDICTIONS
    for item in items:
        owner = (ground.project.id, ground.iteration["id"], DOMAIN)
        assert tuple(item.record[key] for key in ("project", "iteration", "domain")) == owner
        assert UUID.fullmatch(item.id)
        assert ZONED.fullmatch(item.record["created"])
        _assert_guesses(item.record)
        assert ground.fetch(_original(item).uri).startswith(PICTURE)
    assert _one_by_one(ground) == [[item.id] for item in items]
    _assert_asked(ground, "predictions")


# --- what the bodies share ----------------------------------------------------------------------------------------


def _apart(findings: Any, *kinds: type) -> list[list[Any]]:
    """Sort findings by their kind; none may be of another."""
    found: list[Finding] = list(findings)
    assert {type(each) for each in found} <= set(kinds), found
    return [[each for each in found if type(each) is kind] for kind in kinds]


def _leaves(value: Any) -> list[Any]:
    return [leaf for part in value.values() for leaf in _leaves(part)] if isinstance(value, dict) else [value]


def _assert_asked(ground: Ground, row: str, unless: set[str] = frozenset()) -> None:
    """The operations that the table names for a row are those that were called."""
    assert set(category(row).exported_by) - unless <= set(ground.service.calls)


def _assert_missing(ground: Ground, code: str, operation: str, *arguments: str) -> None:
    with pytest.raises(NotFound) as missing:
        ground.service.call(operation, *arguments)
    assert (missing.value.status, missing.value.code, missing.value.transient) == (404, code, False)
    assert missing.value.request_id


def _assert_image(record: Json) -> None:
    assert UUID.fullmatch(record["id"])
    assert NAIVE.fullmatch(record["created"])
    assert datetime.fromisoformat(record["created"]).tzinfo is None
    assert record["width"] > 0
    assert record["height"] > 0


def _assert_labels(tagged: list[Json], untagged: list[Json]) -> None:
    """Labels are there where given; where not, their keys are absent, not null."""
    assert _labels(tagged) == IN_WORKSPACE
    assert all(UUID.fullmatch(label["tagId"]) for record in tagged for label in record["tags"])
    assert [record["metadata"] for record in tagged if "metadata" in record] == [METADATA]
    (bare,) = untagged
    assert not {"tags", "regions", "metadata"} & bare.keys()


def _labels(records: Iterable[Json]) -> Counter[str]:
    """How many images bear each tag."""
    return Counter(label["tagName"] for record in records for label in record.get("tags", ()))


def _assert_paging(ground: Ground, ids: list[str]) -> None:
    """Pages of four, oldest first, hold what one page holds."""
    pages = [
        ground.service.call("get_tagged_images", ground.project.id, order_by="Oldest", take=4, skip=skip)
        for skip in range(0, len(ids) + 4, 4)
    ]
    assert [len(page) for page in pages] == [4, 4, 1, 0]
    assert sorted(record["id"] for page in pages for record in page) == sorted(ids)
    created = [record["created"] for page in pages for record in page]
    assert created == sorted(created)


def _assert_unsigned_refused(ground: Ground, uri: str) -> None:
    """A link without its signature opens nothing, and is not tried again."""
    if "://" not in uri:
        return  # a relative path, as in a virtual network, is not a link
    with pytest.raises(ServiceError) as refused:
        ground.fetch(without_query(uri))
    assert refused.value.status in {401, 403, 404, 409}


def _original(item: Item) -> Any:
    """The blob of the original: the first, and where one blob serves as resized and original the only."""
    assert item.blobs
    assert item.blobs[0].uri == item.record["originalImageUri"]
    return item.blobs[0]


def _image_counts(items: list[Item], place: Json | None) -> dict[str, int]:
    return {item.record["name"]: item.record["imageCount"] for item in items if item.iteration == place}


def _assert_guesses(record: Json) -> None:
    assert {guess["tagName"] for guess in record["predictions"]} <= set(TAGS)
    assert record["predictions"]
    assert all(0 <= guess["probability"] <= 1 and UUID.fullmatch(guess["tagId"]) for guess in record["predictions"])


def _one_by_one(ground: Ground) -> list[list[str]]:
    """The ids of the stored predictions, in pages of one, by giving each token back until none continues."""
    token: Json = {"maxCount": 1, "orderBy": "Oldest"}
    pages: list[list[str]] = []
    for _ in range(PREDICTIONS + 1):
        answer = ground.service.call("query_predictions", ground.project.id, token)
        pages.append([record["id"] for record in answer["results"]])
        token = answer["token"]
        if not token["continuation"]:
            break
    return [page for page in pages if page]


# --- the suite itself ---------------------------------------------------------------------------------------------


def test_every_row_has_its_body() -> None:
    """Every row of the table has a body here, and every body a row."""
    own = vars(sys.modules[__name__]).items()
    bodies = {name for name, body in own if name.startswith("test_") and "ground" in signature(body).parameters}
    assert bodies == {f"test_{row}" for row in ROWS}


@pytest.mark.parametrize("resource", ["", "/a/prediction/resource"], ids=["unpublished", "published"])
def test_throw_away_project_goes_after_a_failure(resource: str) -> None:
    """The project made in a real resource is removed even when a body fails, published or not."""
    with Simulator() as simulator, Service(Connection(simulator.endpoint, simulator.training_key, 0, 2)) as service:
        with pytest.raises(_BodyFailed):
            _fail_with_a_project(service, resource)
        assert service.call("get_projects") == []


class _BodyFailed(Exception):
    pass


def _fail_with_a_project(service: Service, resource: str) -> None:
    with throw_away(service, Limits(), resource) as prepared:
        (project,) = service.call("get_projects")
        assert project["name"] == prepared.name
        assert prepared.published == bool(resource)
        raise _BodyFailed
