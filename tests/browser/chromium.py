"""Chromium through Playwright: it opens pages from the disk, offline, and notes each error and each request."""

import importlib.util
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VARIABLE = "CHROMIUM"  # a path; where it is set, a missing browser is an error and skips nothing
_PACKAGES = ("playwright", "axe_playwright_python", "pypdf")
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # it would look for Google's hosts at each start
    "--disable-component-update",
    "--disable-sync",
)
LARGE, PHONE = (1280, 800), (390, 844)  # CSS pixels


def executable() -> str | None:
    """Return the path of Chromium: as the variable says, else the first one on the PATH."""
    return os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, NAMES)), None)


def needed() -> None:
    """Skip a module of tests where there is no browser; all of them are skipped here, so pytest shows one line."""
    missing = [one for one in _PACKAGES if importlib.util.find_spec(one) is None] + [None] * (executable() is None)
    if missing and not os.environ.get(VARIABLE):
        install = "pip install 'cv-gdpr[browser]', and Chromium (Debian: apt-get install chromium)"
        pytest.skip(f"the tests in a browser need {install}", allow_module_level=True)


@contextmanager
def started(path: str) -> Iterator[Any]:
    """Run a browser, and yield it."""
    from playwright.sync_api import sync_playwright

    root = hasattr(os, "geteuid") and os.geteuid() == 0  # Chromium's sandbox refuses root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, chromium_sandbox=not root, args=_FLAGS)
        yield browser
        browser.close()


class Visitor:
    """Opens pages. `problems` has each console error, script error, policy violation and request to a network."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self.problems: list[str] = []

    def open(self, path: Path | str, *, size: tuple[int, int] = LARGE, **settings: Any) -> Any:
        """Return the page of a file (or of a file:// address), complete; `settings` are those of a browser context."""
        shape = {"width": size[0], "height": size[1]}
        context = self._browser.new_context(viewport=shape, offline=True, **settings)
        self._contexts.append(context)
        self._watch(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(path.resolve().as_uri() if isinstance(path, Path) else path)
        return page

    def _watch(self, context: Any) -> None:
        context.on("console", lambda one: self._note("console", one.text) if one.type in {"error", "warning"} else None)
        context.on("weberror", lambda one: self._note("script", str(one.error)))
        context.on("request", lambda one: self._note("request", "" if _is_local(one.url) else one.url))
        context.on("requestfailed", lambda one: self._note("not loaded", f"{one.url} {one.failure}"))

    def _note(self, kind: str, text: str) -> None:
        if text:
            self.problems.append(f"{kind}: {text}")

    def close(self) -> None:
        """Close all pages."""
        while self._contexts:
            self._contexts.pop().close()


def _is_local(url: str) -> bool:
    return url.startswith(("file://", "data:", "blob:", "about:"))


def barriers(page: Any) -> list[str]:
    """Return what axe-core finds serious or critical in a page: impact, rule, an element."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [_in_words(one) for one in found if one["impact"] in {"serious", "critical"}]


def _in_words(violation: dict[str, Any]) -> str:
    first = violation["nodes"][0]["html"][:200]
    return f"{violation['impact']} {violation['id']}: {len(violation['nodes'])} elements, such as {first}"


def printed(page: Any, **settings: Any) -> list[str]:
    """Return the text of each page of the PDF that printing on A4 makes."""
    from pypdf import PdfReader

    content = page.pdf(**{"format": "A4", "prefer_css_page_size": True} | settings)
    return [one.extract_text().strip() for one in PdfReader(io.BytesIO(content)).pages]
