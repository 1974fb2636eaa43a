"""Fixtures of the tests about the Azure resource."""

from collections.abc import Iterator
from typing import Any

import pytest

from custom_vision_simulator import Simulator
from tests.account.azure import Azure


@pytest.fixture
def azure(sim: Simulator, tmp_path, monkeypatch) -> Azure:
    """The command line with Resource Manager and a managed identity, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Azure(sim, tmp_path)


@pytest.fixture(scope="module")
def world() -> Iterator[Simulator]:
    """A simulator with one project, for the tests of a module that change nothing."""
    with Simulator() as simulator:
        simulator.fill(images=2, image_bytes=64, iterations=1, predictions=1)
        yield simulator


@pytest.fixture
def shared(world: Simulator, tmp_path, monkeypatch) -> Iterator[Azure]:
    """The command line with that simulator, its logs empty and its faults cleared."""
    monkeypatch.chdir(tmp_path)
    for log in (world.calls, world.blob_requests, world.resource_manager_calls, world.identity_calls):
        log.clear()
    yield Azure(world, tmp_path)
    world.clear_faults()


@pytest.fixture
def change(world: Simulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that changes options of the shared simulator for one test."""

    def set_options(**options: Any) -> None:
        for name, value in options.items():
            monkeypatch.setattr(world.options, name, value)

    return set_options
