"""The documentation site: Sphinx reads the same pages that are read in the repository. Build: see CONTRIBUTING.md.

Sphinx, MyST and Furo are pinned in pyproject.toml (extra docs). The pages stay plain Markdown, so the navigation stands
here and not on a page. Nothing is loaded from elsewhere: Furo brings its styles, and a test reads the built pages.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "cv-gdpr"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/*.md", "docs/recipes/*.md"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
myst_links_external_new_tab = False
highlight_language = "none"
html_theme = "furo"
html_title = "cv-gdpr"
html_copy_source = False
html_show_sourcelink = False
html_extra_path = ["index.html"]  # forwards to README.html

NAVIGATION = {
    "Start": ["docs/getting-started", "docs/list", "docs/profiles", "docs/account", "docs/terminal", "docs/platforms"],
    "Requests of people": [
        "docs/access-request",
        "docs/erasure-request",
        "docs/one-person",
        "docs/find",
        "docs/report",
        "docs/languages",
        "docs/after-erasure",
    ],
    "Leaving the service": ["docs/leaving", "docs/convert"],
    "Every night": ["docs/every-night", "docs/recipes/README", "docs/scale", "docs/performance"],
    "Reference": [
        "docs/data-table",
        "docs/export",
        "docs/formats",
        "docs/erasure",
        "docs/evidence",
        "docs/commands",
        "docs/json",
        "docs/security-model",
    ],
    "Contributing": ["CONTRIBUTING", "docs/architecture", "docs/contract-suite", "SECURITY", "CHANGELOG"],
}
_COG = re.compile(r"^<!-- \[\[\[cog.*?\]\]\] -->\n|^<!-- \[\[\[end\]\]\] -->\n?", re.MULTILINE | re.DOTALL)


def _as_a_site(_app: "Sphinx", name: str, content: list[str]) -> None:
    """Take the instructions of cog out of a page, and add the navigation to the first one."""
    text = _COG.sub("", content[0])
    if name == root_doc:
        for caption, pages in NAVIGATION.items():
            text += "\n\n```{toctree}\n:hidden:\n:caption: " + caption + "\n\n" + "\n".join(pages) + "\n```\n"
    content[0] = text


def setup(app: "Sphinx") -> None:
    """Connect the change of pages to Sphinx."""
    app.connect("source-read", _as_a_site)
