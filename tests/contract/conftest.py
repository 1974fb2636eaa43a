"""The backends: each body runs on the simulator, on its cassette and, with --live, on a real resource."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr.cli.connecting import ENDPOINT_VARIABLES, KEY_VARIABLES
from cv_gdpr.service.client import Connection, Service
from tests.contract.ground import Ground, ground_on
from tests.contract.prepare import LIVE, Limits, Prepared, prepare, throw_away
from tests.contract.tapes import ENDPOINT, PASSED, STORAGE, cassette_of, playing, recording

NAME = "cv-gdpr contract"
PREDICTION_RESOURCE = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/contract/prediction"
PREDICTION_VARIABLE = "VISION_PREDICTION_RESOURCE_ID"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every body that stands on a ground once for each backend asked for."""
    if "ground" not in metafunc.fixturenames:
        return
    config = metafunc.config
    if config.getoption("--record", default=False):
        backends = ["recording"]
    elif config.getoption("--live", default=False):
        backends = ["simulator", "cassette", "azure"]
        _live_connection()
    else:
        backends = ["simulator", "cassette"]
    metafunc.parametrize("ground", backends, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember whether a body passed: only then is its cassette kept, or asked whether all of it was played."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """The prepared project on the backend that the parameter names."""
    row = request.node.originalname.removeprefix("test_")
    if request.param == "azure":
        prepared = request.getfixturevalue("azure_project")
        with ground_on(_live_connection(), prepared, tmp_path) as made:
            yield made
    elif request.param == "cassette":
        with playing(cassette_of(row)) as cassette, _cassette_ground(tmp_path) as made:
            yield made
        if request.node.stash[PASSED]:
            assert cassette.all_played, f"{cassette_of(row).name} holds more than the body asks for: record it anew"
    elif request.param == "recording":
        tape = tmp_path / "tape.yaml"
        with _simulator_ground(tmp_path, tape) as made:
            yield made
        if request.node.stash[PASSED]:
            cassette_of(row).write_text(tape.read_text())
    else:
        with _simulator_ground(tmp_path) as made:
            yield made


@contextmanager
def _cassette_ground(folder: Path) -> Iterator[Ground]:
    prepared = Prepared(NAME, published=True)
    with ground_on(Connection(ENDPOINT, "no-key-is-needed", 0, 2), prepared, folder, taped=True) as made:
        yield made


@contextmanager
def _simulator_ground(folder: Path, tape: Path | None = None) -> Iterator[Ground]:
    with Simulator() as simulator:
        connection = Connection(simulator.endpoint, simulator.training_key, 0, 2)
        with Service(connection) as service:
            prepared = prepare(service, NAME, Limits(), PREDICTION_RESOURCE)
        assert prepared == Prepared(NAME, published=True), "the simulator must make every part"
        if tape is None:
            with ground_on(connection, prepared, folder) as made:
                yield made
        else:
            hosts = {simulator.endpoint: ENDPOINT, simulator.blob_host: STORAGE}
            with recording(tape, hosts), ground_on(connection, prepared, folder, taped=True) as made:
                yield made


@pytest.fixture(scope="session")
def azure_project() -> Iterator[Prepared]:
    """The throw-away project in the real resource, one for all rows, removed in the end."""
    resource = os.environ.get(PREDICTION_VARIABLE, "")
    with Service(_live_connection()) as service, throw_away(service, LIVE, resource) as prepared:
        yield prepared


def _live_connection() -> Connection:
    values = [
        next((value for name in names if (value := os.environ.get(name, "").strip())), "")
        for names in (ENDPOINT_VARIABLES, KEY_VARIABLES)
    ]
    if not all(values):
        raise pytest.UsageError(f"--live needs {ENDPOINT_VARIABLES[0]} and {KEY_VARIABLES[0]}")
    endpoint, key = values
    return Connection(endpoint, key)
