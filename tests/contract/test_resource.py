"""The Azure resource through Resource Manager: read on every backend, deleted on the simulator and its cassette alone.

Azure's own libraries sign in and ask. With the cassette the simulator's identity signs in: a recording holds no token.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from custom_vision_simulator import Options, Simulator
from custom_vision_simulator.records import Lock
from cv_gdpr.errors import Forbidden, NotFound, ServiceError
from cv_gdpr.service.azure_resource import AzureResource, Wanted
from cv_gdpr.service.client import Connection, Service
from cv_gdpr.service.clouds import cloud_named
from cv_gdpr.service.resource_manager import PREDICTION, TRAINING, Address, ResourceId, resource_id_of
from cv_gdpr.table.account import account
from cv_gdpr.table.findings import Absence, Detail, Item
from cv_gdpr.table.readers import Resource
from tests.account.azure import identity_of
from tests.contract.tapes import ENDPOINT, MANAGER, PASSED, cassette_of, playing, recording

LIVE_VARIABLE = "CV_GDPR_RESOURCE_ID"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Manager(NamedTuple):
    """Resource Manager on a backend; `change` sets options of the simulator, where there is one that answers."""

    azure: AzureResource
    change: Callable[..., None]

    @property
    def missing(self) -> ResourceId:
        """The place of a resource that is not there."""
        return self.azure.place._replace(name="cv-gdpr-missing")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the bodies on the backends asked for; nothing is deleted in Azure."""
    if "manager" not in metafunc.fixturenames:
        return
    config = metafunc.config
    backends = ["simulator", "cassette"]
    if config.getoption("--record", default=False):
        backends = ["recording"]
    elif config.getoption("--live", default=False) and metafunc.function is test_resource_read:
        backends += ["azure"]
    metafunc.parametrize("manager", backends, indirect=True)


@pytest.fixture
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """Resource Manager on the backend that the parameter names."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")
    if request.param == "azure":
        with _live() as made:
            yield made
        return
    with Simulator(Options(second_key="5" * 32)) as sim, pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for variable, value in identity_of(sim).items():
            patch.setenv(variable, value)
        tape, cassette = tmp_path / "tape.yaml", None
        if request.param == "cassette":
            cassette = stack.enter_context(playing(cassette_of(name), sim.identity_endpoint))
        elif request.param == "recording":
            hosts = {sim.endpoint: ENDPOINT, sim.resource_manager: MANAGER}
            keys = {sim.training_key: "KEY-1", sim.options.second_key: "KEY-2"}
            stack.enter_context(recording(tape, hosts | keys, sim.identity_endpoint))
        azure = stack.enter_context(AzureResource(_wanted(sim, taped=cassette is not None)))
        yield Manager(azure, lambda **options: vars(sim.options).update(options))
        if cassette is not None and request.node.stash[PASSED]:
            assert cassette.all_played, f"{name}.yaml holds more than the body asks for: record it anew"
    if request.param == "recording" and request.node.stash[PASSED]:
        cassette_of(name).write_text(tape.read_text())


def _wanted(sim: Simulator, *, taped: bool) -> Wanted:
    place = resource_id_of(sim.resource_id)
    address = Address(cloud_named("public"), MANAGER if taped else sim.resource_manager, patience=0.1)
    return Wanted(address, place.subscription, place, ENDPOINT if taped else sim.endpoint)


@contextmanager
def _live() -> Iterator[Manager]:
    if not (named := os.environ.get(LIVE_VARIABLE, "").strip()):
        pytest.skip(f"not proven here: {LIVE_VARIABLE} is not set")
    cloud, place = cloud_named(os.environ.get("CV_GDPR_CLOUD") or "public"), resource_id_of(named)
    with AzureResource(Wanted(Address(cloud, cloud.resource_manager), place.subscription, place)) as azure:
        yield Manager(azure, lambda **_: None)


def test_resource_read(manager: Manager) -> None:
    """The resource is read with usages, deployments, siblings and keys; what is not there is a 404, not an error."""
    azure = manager.azure
    assert azure.manager.who.startswith("Microsoft Entra ID: object ")
    with Service(Connection(azure.wanted.endpoint or ENDPOINT, "", 0, 2, unsigned=True)) as service:
        findings = list(account(Resource(service, [], azure=azure)))
    item = findings[0]
    assert isinstance(item, Item)
    assert str(item.record["id"]).lower() == str(azure.place).lower()
    assert item.record["kind"] in {TRAINING, PREDICTION, "CognitiveServices", "AIServices"}
    assert item.record["properties"]["endpoint"].startswith("http")
    assert all(type(one) in {Detail, Absence} for one in findings[1:])
    for detail in (one for one in findings if isinstance(one, Detail) and one.file == "account-keys.json"):
        assert all(str(key).startswith("sha256:") for key in detail.record.values())
    assert all(isinstance(lock["properties"], dict) for lock in azure.manager.locks(azure.place))
    with pytest.raises(NotFound) as missing:
        azure.manager.account(manager.missing)
    assert (missing.value.status, missing.value.code) == (404, "ResourceNotFound")
    assert missing.value.request_id
    assert azure.manager.deleted(manager.missing, item.record["location"]) is None
    if item.record["kind"] != PREDICTION:
        _assert_signs_in(azure, item.record["properties"]["endpoint"])


def _assert_signs_in(azure: AzureResource, endpoint: str) -> None:
    """The training API takes a token in place of the key, and lists projects for it."""
    with Service(Connection(endpoint, "", 0, 2, entra=azure.wanted.address.cloud)) as service:
        assert isinstance(service.call("get_projects"), list)
        assert service.sign_in.who == azure.manager.who


def _refused(kind: type[ServiceError], call: Callable[..., Any], *values: Any) -> tuple[int, str]:
    with pytest.raises(kind) as refused:
        call(*values)
    assert refused.value.request_id
    return refused.value.status, refused.value.code


def test_resource_deleted(manager: Manager) -> None:
    """A lock and a missing right refuse; then it is deleted, listed as recoverable, and purged."""
    azure, change = manager.azure, manager.change
    place, asked = azure.place, azure.manager
    location = azure.account()["location"]

    change(locks=(Lock("keep"),), denied=frozenset({"DeletedAccountsPurge"}))
    assert [lock["name"] for lock in asked.locks(place)] == ["keep"]
    assert _refused(ServiceError, asked.delete, place) == (409, "ScopeLocked")
    change(locks=())
    assert asked.delete(place).status == 200
    _refused(NotFound, asked.account, place)
    assert str(place).lower() not in {one["id"].lower() for one in asked.accounts()}
    deleted = asked.deleted(place, location)
    assert deleted is not None
    assert TIME.fullmatch(deleted["properties"]["scheduledPurgeDate"])
    assert [one["name"] for one in asked.deleted_accounts()] == [place.name]

    assert _refused(Forbidden, asked.purge, place, location) == (403, "AuthorizationFailed")
    change(denied=frozenset())
    assert asked.purge(place, location).status == 202
    assert asked.deleted(place, location) is None
    assert asked.deleted_accounts() == []
