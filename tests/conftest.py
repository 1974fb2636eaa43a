"""What all tests share: a simulated service, the command line as a function, and no network but loopback."""

import contextlib
import io
import ipaddress
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cv_gdpr.cli import main
from cv_gdpr.simulator import Simulator


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that --json promises."""
        return json.loads(self.out)


class CommandLine:
    """Runs `cv-gdpr` in this process, pointed at a simulator by the usual variables."""

    def __init__(self, endpoint: str, training_key: str) -> None:
        self.variables = {
            "CV_GDPR_ENDPOINT": endpoint,
            "CV_GDPR_TRAINING_KEY": training_key,
            "CV_GDPR_EXPORT_CALLS_PER_SECOND": "0",
            "CV_GDPR_EXPORT_PATIENCE": "2",
            "CV_GDPR_DELETE_CALLS_PER_SECOND": "0",
            "CV_GDPR_DELETE_PATIENCE": "2",
        }

    def __call__(self, *arguments: str | Path, stdin: str = "", **variables: str) -> Ran:
        """Run a command; `variables` are set (or, if empty, unset in effect) for it alone."""
        out, err = io.StringIO(), io.StringIO()
        with (
            _environment(self.variables | variables),
            _standard_input(stdin),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main([str(argument) for argument in arguments])
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("CV_GDPR", "VISION_TRAINING"))]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@contextlib.contextmanager
def _standard_input(text: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(text))
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """An empty simulated service."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def cli(sim: Simulator) -> CommandLine:
    """The command line, pointed at `sim`."""
    return CommandLine(sim.endpoint, sim.training_key)


@pytest.fixture(autouse=True, scope="session")
def _loopback_only(request: pytest.FixtureRequest) -> Iterator[None]:
    """Refuse every connection that would leave this machine (unless --live asks for Azure)."""
    if request.config.getoption("--live", default=False):
        yield
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test wants to leave this machine: {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield
