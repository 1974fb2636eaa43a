"""A browser for these tests; each test fails on errors and requests of the pages that it opened."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Visitor, executable, started
from tests.browser.sites import export, filled, report
from tests.commandline import CommandLine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a browser."""
    for item in items:
        if item.path.parent.name == "browser" and "watched" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """One browser for all tests here: beside others in the package's process, its event loop would be in their way."""
    with started(executable() or "chromium") as browser:
        yield browser


@pytest.fixture
def watched(browser: Any) -> Iterator[Visitor]:
    """Opens pages, and leaves what went wrong in `problems`."""
    visitor = Visitor(browser)
    yield visitor
    visitor.close()


@pytest.fixture
def visitor(watched: Visitor) -> Iterator[Visitor]:
    """Opens pages, and fails the test if anything went wrong in one."""
    yield watched
    assert watched.problems == []


@pytest.fixture(scope="package")
def run() -> CommandLine:
    """The command line; no service is there."""
    return CommandLine("http://127.0.0.1:9", "0" * 32)


@pytest.fixture(scope="package")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Exports of a service with three projects: `all` of it, and `one` person's pictures, found by metadata."""
    folder = tmp_path_factory.mktemp("bags")
    with filled() as cli:
        one = ("--metadata", "subject=collins", "--reference", "DSAR 2026-017")
        yield {"all": export(cli, folder / "all"), "one": export(cli, folder / "one", *one)}


@pytest.fixture(scope="package")
def site(bags: dict[str, Path], run: CommandLine) -> Path:
    """The site of everything."""
    return report(run, bags["all"])


@pytest.fixture(scope="package")
def cover(bags: dict[str, Path], run: CommandLine) -> Path:
    """The site of one person's pictures."""
    return report(run, bags["one"], "--contact", "Privacy office, privacy@example.com")
