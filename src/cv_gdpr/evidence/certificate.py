"""The certificate of an erasure: the evidence as a printable page for a person to sign and file.

Its fields are those of the certificate of sanitization in NIST SP 800-88 that apply to data in a cloud service. The
customer does not hold the storage media, so there is no serial number, and neither Clear nor Purge is claimed.
"""

from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import TYPE_CHECKING

from cv_gdpr.evidence.events import RECOVERABLE
from cv_gdpr.evidence.records import Evidence, State
from cv_gdpr.evidence.sentences import translated
from cv_gdpr.languages import LANGUAGES, install, language, message, sentence, tag_of
from cv_gdpr.table.categories import CATEGORIES

if TYPE_CHECKING:
    from jinja2 import Template

_OTHER_ROWS = {RECOVERABLE: message("What Azure keeps of the deleted resource")}
STATES: dict[State, str] = {
    "deleted": message("deleted"),
    "gone already": message("gone already"),
    "residue": message("residue"),
    "failed": message("failed"),
    "left": message("left"),
    "not verified": message("not verified"),
}
_MARKUP = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "th", "td"),
    *("doctype html", "charset=utf-8", "class=verdict", "class=prevails", "class=items", "class=sign"),
    *(f"lang={tag_of(code)}" for code in LANGUAGES),
}


def certificate(evidence: Evidence) -> str:
    """Return the certificate as an HTML page without scripts, links or external files."""
    return _template(evidence.language).render(evidence=evidence)


@cache
def _template(code: str) -> "Template":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_packaged), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    chosen = language(code)
    install(environment, chosen)
    environment.filters["translated"] = lambda text: translated(text, chosen)
    environment.filters["sentence"] = sentence
    environment.filters["row_name"] = lambda name: chosen.gettext(_row_name(name))
    return environment.get_template("certificate.html.jinja")


def _row_name(name: str) -> str:
    """Return the published table's words for a row; of what is not a row of it, ours."""
    return _OTHER_ROWS.get(name) or next((row.data for row in CATEGORIES if row.name == name), name)


def _packaged(name: str) -> str:
    return files("cv_gdpr.evidence").joinpath(name).read_text("utf-8")


def _style() -> str:
    return _packaged("certificate.css")


class _ForeignMarkup(HTMLParser):
    """Collects all markup that a certificate never has: scripts, links, pictures, event handlers, comments."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._style = f"\n{_style()}"
        self.tags = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element or attribute that a certificate never has."""
        self.tags += 1
        self._note(tag, *(f"{name}={value}" for name, value in attrs))

    def handle_endtag(self, tag: str) -> None:
        """Note an end tag in the same way."""
        self.tags += 1
        self._note(tag)

    def handle_decl(self, decl: str) -> None:
        """Note a declaration."""
        self.tags += 1
        self._note(decl)

    def handle_comment(self, data: str) -> None:
        """Note a comment: old browsers execute conditional ones."""
        self._note(f"a comment {data}")

    def handle_pi(self, data: str) -> None:
        """Note a processing instruction."""
        self._note(f"an instruction {data}")

    def unknown_decl(self, data: str) -> None:
        """Note any other markup that begins with <!."""
        self._note(data)

    def handle_data(self, data: str) -> None:
        """Note a style sheet other than the certificate's: it may hide text or load a picture."""
        if self.cdata_elem and data != self._style:
            self._note("a foreign style")

    def _note(self, *seen: str) -> None:
        self.found += [one for one in seen if one not in _MARKUP]


def foreign_markup(page: str) -> list[str]:
    """Return all markup in a page that a certificate never has."""
    parser = _ForeignMarkup()
    parser.feed(page)
    parser.close()
    stray = [] if page.count("<") == parser.tags else ["a < outside a tag"]  # a browser may read it as a tag
    return parser.found + stray
