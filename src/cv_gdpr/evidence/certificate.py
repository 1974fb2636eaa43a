"""The certificate of an erasure: the evidence as a printable page for a person to sign and file.

Its fields are those of the certificate of sanitization in NIST SP 800-88 that apply to data in a cloud service. The
customer does not hold the storage media, so there is no serial number, and neither Clear nor Purge is claimed.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.evidence import summary
from cv_gdpr.evidence.document import DATED, DAYS, RETENTION
from cv_gdpr.evidence.outcomes import DELETED, GONE
from cv_gdpr.evidence.records import Evidence, Retention, State
from cv_gdpr.evidence.sentences import translated
from cv_gdpr.evidence.shape import META, Shape, of_run, written
from cv_gdpr.languages import LANGUAGES, Language, install, isolated, language, message, sentence, short, tag_of

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

STATES: dict[State, str] = {
    "deleted": message("deleted"),
    "gone already": message("gone already"),
    "residue": message("residue"),
    "failed": message("failed"),
    "left": message("left"),
    "not verified": message("not verified"),
}
_MORE = message("%(ids)s and %(number)s more")
_ONLY = message("This covers only: %(rows)s. Nothing else was asked for.")
_CLASSES = (
    *("verdict", "prevails", "about", "about small", "small"),
    *("counts", "number", "sum", "sign", "end", "line", "annex", "items"),
)
_MARKUP = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "ul", "li", "table", "tr", "th", "td", "div"),
    *("thead", "tbody", "span", "bdi", "doctype html", "charset=utf-8", f"name={META}"),
    *(f"class={name}" for name in _CLASSES),
    *(f"lang={tag_of(code)}" for code in LANGUAGES),
}


class Term(NamedTuple):
    """A statement on retention, the day that it speaks of, and the day that its page bears; empty if unknown."""

    stated: Retention
    until: str
    dated: str


def certificate(evidence: Evidence, shape: Shape | None = None, content: bytes | None = None) -> str:
    """Return the certificate as an HTML page without scripts, links or external files.

    `shape`: one that `certify` makes, in a shape of its own, which the page then holds. `content`: the file of the
    evidence, where that is known.
    """
    own = shape or of_run(evidence.language, evidence.runs, annex=evidence.annex)
    own_language, name = language(own.language), evidence.ledger.file.removesuffix(".jsonl")
    return _template(own.language).render(
        evidence=evidence,
        shape=own,
        meta=written(own) if shape else "",
        said=summary.summary_of(evidence),
        asked=summary.asked_by(evidence.scope),
        title=summary.title_of(evidence),
        search=summary.kind_of_search(evidence),
        not_found=[own_language.gettext(words) % {"value": value} for words, value in summary.not_found(evidence)],
        not_searched=summary.not_searched(evidence.scope),
        not_asked=summary.not_asked(evidence),
        only=_only(evidence, own_language),
        verdict_in_english=translated(evidence.verdict, language("en")),
        only_in_english=_only(evidence, language("en")),
        terms=_terms(evidence),
        name=name,
        sha256=hashlib.sha256(content or _file_of(evidence)).hexdigest(),
    )


def _file_of(evidence: Evidence) -> bytes:
    from cv_gdpr.evidence.files import file_of

    return file_of(evidence)


def _only(evidence: Evidence, chosen: Language) -> str:
    """Return what the erasure was limited to, if rows were named; otherwise an empty text."""
    if not summary.not_asked(evidence):
        return ""
    rows = ", ".join(chosen.gettext(summary.row_name(row)) for row in evidence.scope.rows)
    return chosen.gettext(_ONLY) % {"rows": rows}


def _terms(evidence: Evidence) -> list[Term]:
    """Return what Microsoft states of such data; of the Azure resource only where that was deleted.

    The days count from the erasure; of what it deleted, only if it found something gone.
    """
    of_deleted, about_resource = RETENTION[0], RETENTION[-1].what
    erased = evidence.rechecked.finished if evidence.rechecked else evidence.finished
    ended = datetime.fromisoformat(erased)
    counted = {} if evidence.recheck_of and not evidence.rechecked else dict(DAYS)
    if not any(one.state in {DELETED, GONE} for one in evidence.items):
        counted.pop(of_deleted.statement, None)
    return [
        Term(one, f"{ended + timedelta(days=days):%Y-%m-%d}" if days else "", DATED.get(one.source, ""))
        for one in evidence.retention
        if evidence.resource or one.what != about_resource
        for days in (counted.get(one.statement, 0),)
    ]


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
    environment.filters["row_name"] = lambda name: chosen.gettext(summary.row_name(name))
    environment.filters["some"] = lambda ids: _some(ids, chosen)
    environment.filters["isolated"] = isolated
    environment.filters["short"] = short
    environment.globals.update(KINDS=summary.KINDS, REMAINS=summary.REMAINS, META=META)
    bounds = {
        "most_projects": summary.MOST_PROJECTS,
        "most_reasons": summary.MOST_REASONS,
        "most_ids": summary.MOST_IDS,
    }
    environment.globals.update(bounds)
    return environment.get_template("certificate.html.jinja")


def _some(ids: Sequence[str], chosen: Language) -> "Markup":
    """Return the first ids, and how many more there are."""
    from markupsafe import escape

    first, more = escape(", ").join(map(isolated, ids[: summary.MOST_IDS])), len(ids) - summary.MOST_IDS
    return escape(chosen.gettext(_MORE)) % {"ids": first, "number": chosen.number(more)} if more > 0 else first


def _packaged(name: str) -> str:
    return files("cv_gdpr.evidence").joinpath(name).read_text("utf-8")


def _style() -> str:
    return _packaged("certificate.css")


_FOREIGN_STYLE = "a foreign style"
_LOADING = re.compile(r"url|src|image|import|\\", re.IGNORECASE)  # all that loads has one of these in CSS


def may_differ(markup: str) -> bool:
    """Return whether another version may have foreign markup such as this: a style sheet, or names of its classes."""
    return markup == _FOREIGN_STYLE or markup.startswith("class=")


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
        holds_shape = tag == "meta" and ("name", META) in attrs  # `verify` reads it, and makes the page again
        own = [(name, value) for name, value in attrs if not (holds_shape and name == "content")]
        self._note(tag, *(f"{name}={value}" for name, value in own))

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
            self._note("a style sheet that may load a file" if _LOADING.search(data) else _FOREIGN_STYLE)

    def _note(self, *seen: str) -> None:
        self.found += [one for one in seen if one not in _MARKUP]


def foreign_markup(page: str) -> list[str]:
    """Return all markup in a page that a certificate never has."""
    parser = _ForeignMarkup()
    parser.feed(page)
    parser.close()
    stray = [] if page.count("<") == parser.tags else ["a < outside a tag"]  # a browser may read it as a tag
    return parser.found + stray
