"""Renders the pages: templates with a strict Content-Security-Policy, every text of the service escaped."""

import re
from base64 import b64encode
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cv_gdpr.evidence.sentences import translated
from cv_gdpr.languages import Language, install, isolated, message, short, shown

if TYPE_CHECKING:
    from jinja2 import Environment

_IMAGES = "'self'"
"""Where pictures may come from. Opened from the disk, Chromium 156 shows those that lie below the page's own folder or
beside it, and refuses them under 'none'; Firefox 153 shows them under either. A scheme (file:) would allow more."""
STATES = (
    *(message("Completed"), message("Training"), message("Failed"), message("New"), message("Staging")),
    *(message("Exporting"), message("Done")),
)
"""The states of iterations and of exported models that were seen or documented; the service may send others."""
_REMEMBERED = 4096  # dates and numbers
_TEXT = re.compile(r'\b_\("([^"\\]*)"\)')  # a text without arguments


def weight(text: str) -> int:
    """Return how many bytes a text takes on a page."""
    from markupsafe import escape

    return len(escape(shown(text)).encode(errors="backslashreplace"))


class Pages:
    """Templates in one language. The one style stands in every page, the one script only where a template asks for it.

    Both are named in the policy by their hashes: anything else that a page should ever hold does not run.
    """

    def __init__(self, language: Language) -> None:
        self.language = language

    def render(self, template: str, **values: Any) -> str:
        """Return a page."""
        return self._environment.get_template(template).render(**values)

    @cached_property
    def _environment(self) -> "Environment":
        from jinja2 import Environment, FunctionLoader, StrictUndefined

        environment = Environment(
            loader=FunctionLoader(lambda name: with_texts(_packaged(name), self.language)),
            auto_reload=False,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        install(environment, self.language)
        for name in ("date", "number", "percent"):  # Babel takes longer for a number than Jinja for a page
            environment.filters[name] = lru_cache(_REMEMBERED)(environment.filters[name])
        style, script = _packaged("report.css"), _packaged("report.js")
        environment.filters["shown"] = shown  # where an element cannot stand: a title, an attribute, SVG
        environment.filters["isolated"] = isolated
        environment.filters["short"] = short
        environment.filters["state"] = lambda text: self.language.gettext(text) if text in STATES else text
        environment.filters["translated"] = lambda text: translated(text, self.language)
        environment.filters["trusted_json"] = _trusted
        environment.globals.update(
            style=_trusted(style),
            script=_trusted(script),
            policy=_policy(style),
            policy_with_script=_policy(style, script),
        )
        return environment


def with_texts(template: str, language: Language) -> str:
    """Return a template in which each `_("…")` is its translation.

    Jinja then joins it with the markup around it when it compiles the template. Looking it up took a quarter of the
    time of a page, and there is one for each picture.
    """
    return _TEXT.sub(lambda found: _literal(language.gettext(found[1]) % {}), template)


def _literal(text: str) -> str:
    quoted = text.replace("\\", r"\\").replace('"', r"\"")
    return f'("{quoted}"|safe)'  # unescaped, as Jinja treats the texts of a catalogue


def _policy(style: str, script: str = "") -> str:
    """Return the policy of a page: only pictures are loaded, only what has one of these hashes is used."""
    parts = ["default-src 'none'", f"img-src {_IMAGES}", f"style-src {_hash(style)}"]
    parts += [f"script-src {_hash(script)}"] if script else []
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _trusted(text: str) -> str:
    """Return our own style or script as markup, or JSON in which `script_safe` left nothing that ends its element."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704


def _packaged(name: str) -> str:
    return files("cv_gdpr.report").joinpath("templates", name).read_text("utf-8").rstrip("\n")
