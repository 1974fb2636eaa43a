"""Fixtures for all tests: a simulated service, the command line as a function, and no network except loopback."""

import ipaddress
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from custom_vision_simulator import Simulator
from tests.commandline import CommandLine
from tests.contract.options import pytest_addoption  # noqa: F401 - the options of tests/contract
from tests.platforms import WINDOWS, mend_windows, skip_where_lacking

# Each export starts a process, which without cached bytecode would compile all modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads would take the cores from the other workers
sys.dont_write_bytecode = False

_MEMORY = "/dev/shm"  # noqa: S108 - making and syncing many small files on a disk is what tests with many bags wait for
_ROOM = 1 << 30  # bytes: a container often has only 64 MB
if os.path.isdir(_MEMORY) and shutil.disk_usage(_MEMORY).free > _ROOM:  # noqa: PTH112
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", _MEMORY)  # where pytest makes the folders of tests


_SLOW = ("endurance", "environment", "test_resume.py", "test_estimate.py", "test_what_to_do.py")
_NIGHTLY = (
    *("endurance/test_fault_matrix.py", "endurance/test_cut_off.py", "pages/test_pages.py"),
    *("environment/test_file_names.py", "environment/test_odd_inputs.py", "find/test_detail.py"),
    *("endurance/test_download_process.py", "endurance/test_hostile_answers.py", "endurance/test_moving_target.py"),
    *("endurance/test_stored_predictions.py", "endurance/test_links.py", "endurance/test_catalogue.py"),
    *("endurance/test_echoes.py", "environment/test_terminals.py", "export/test_one_failure.py"),
    *("export/test_patience.py", "verify/test_memory.py", "delete/test_resume.py", "account/test_resume.py"),
    *("delete/test_second_look.py", "delete/test_with_copies.py", "profiles/test_all_profiles.py"),
    *("face/test_terminal.py", "delete/test_failures.py", "export/test_resume.py"),
    *("pages/test_recipes.py", "face/test_examples.py", "simulator/test_simulate_command.py"),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that mostly wait, kill and start processes as slow, and the longest of these as nightly."""
    for item in items:
        if not {item.path.name, item.path.parent.name}.isdisjoint(_SLOW):
            item.add_marker("slow")
        if item.get_closest_marker("slow") and f"{item.path.parent.name}/{item.path.name}" in _NIGHTLY:
            item.add_marker("nightly")
        skip_where_lacking(item)


settings.register_profile("untimed", deadline=None)  # a slow machine must not fail a test
settings.load_profile("untimed")

mend_windows()

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a job in the background: what it starts would ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


if WINDOWS:

    @pytest.fixture
    def tmp_path() -> Iterator[Path]:
        """A folder with a short path: programs that tests start may take 259 characters alone."""
        place = _MEMORY if os.path.isdir(_MEMORY) else None  # noqa: PTH112
        with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as name:
            yield Path(name)


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
    """Refuse every connection that is not to loopback, unless --live allows Azure."""
    if request.config.getoption("--live", default=False):
        yield
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test tried to connect to another machine: {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.delenv(name, raising=False)  # this machine's authorities: each command would read them, for 50 ms
        yield
