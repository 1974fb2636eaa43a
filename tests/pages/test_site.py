"""The site that Sphinx makes of docs/: every link leads somewhere, and a page loads nothing from elsewhere."""

import re
import subprocess
import sys

import pytest

from tests.pages.blocks import PAGES, ROOT

pytestmark = pytest.mark.slow  # the generator is in the extra dev alone
LOADED = re.compile(
    r"<(?:script|img|iframe|link|source|video|audio)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"|@import[^;]*|url\(([^)]+)\)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site; return its folder."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs/site", ".", folder]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return folder


def test_every_page_is_on_the_site(site):
    built = {path.relative_to(site).with_suffix(".md").as_posix() for path in site.rglob("*.html")}
    assert set(PAGES) <= built
    assert (site / "index.html").exists()


def test_a_page_loads_nothing_from_elsewhere(site):
    loaded = [
        (str(path.relative_to(site)), found)
        for path in site.rglob("*")
        if path.suffix in {".html", ".css"}
        for found in (one[1] or one[2] or one[0] for one in LOADED.finditer(path.read_text("utf-8")))
    ]
    assert loaded
    assert [one for one in loaded if "//" in one[1] and not one[1].strip("'\"").startswith("data:")] == []
