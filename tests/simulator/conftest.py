"""Fixtures: a running simulator and the official, unpatched SDK client that talks to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.cognitiveservices.vision.customvision.training import CustomVisionTrainingClient
from msrest.authentication import ApiKeyCredentials

from custom_vision_simulator import Simulator

ClientOf = Callable[[Simulator], CustomVisionTrainingClient]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Yield an empty simulator with the default options."""
    with Simulator() as running:
        yield running


@pytest.fixture
def client_of() -> Iterator[ClientOf]:
    """Yield a function that creates SDK clients of a simulator; close them in the end."""
    made: list[CustomVisionTrainingClient] = []

    def make(running: Simulator) -> CustomVisionTrainingClient:
        credentials = ApiKeyCredentials(in_headers={"Training-Key": running.training_key})
        made.append(CustomVisionTrainingClient(running.endpoint, credentials))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def client(sim: Simulator, client_of: ClientOf) -> CustomVisionTrainingClient:
    """Return an SDK client of the default simulator."""
    return client_of(sim)


@pytest.fixture
def changed(shared: tuple[Simulator, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that changes options of a module's shared simulator for one test."""
    sim, _ = shared

    def change(**options: Any) -> None:
        for name, value in options.items():
            monkeypatch.setattr(sim.options, name, value)

    return change
