"""The certificate of an erasure: the evidence as a printable page for a person to sign and file.

Its fields are those of the certificate of sanitization in NIST SP 800-88 that apply to data in a cloud service. The
customer does not hold the storage media, so there is no serial number, and neither Clear nor Purge is claimed.
"""

from html import escape
from html.parser import HTMLParser
from typing import Any

from cv_gdpr.verbatim import Json

_STYLE = """
body { font: 11pt/1.4 Georgia, serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #111; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; } th, td { border: 1px solid #999; padding: .25rem .5rem; }
th { text-align: left; vertical-align: top; font-weight: normal; background: #f2f2f2; width: 32%; }
td { overflow-wrap: anywhere; } .items { font: 8pt/1.3 monospace; } .sign td { height: 2.2rem; }
.verdict { font-size: 1.2rem; font-weight: bold; } @page { margin: 18mm; } tr { break-inside: avoid; }
"""
_MARKUP = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "th", "td"),
    *("doctype html", "lang=en", "charset=utf-8", "class=verdict", "class=items", "class=sign"),
}
_STAYING = "models that remain were trained on these images and keep what they learned from them"
_SIGNED = ("Name", "Title", "Organisation", "Date and place", "Signature")


def certificate(evidence: Json) -> str:
    """Return the certificate as an HTML page without scripts, links or external files."""
    parts = [
        f"<h1>{_title(evidence)}</h1>",
        "<p>Azure Custom Vision, by deletion through the service's training API</p>",
        f"<p class='verdict'>{escape(str(evidence['verdict']))}</p>",
        _pairs(_facts(evidence)),
        "<h2>Results for the items in the plan</h2>",
        _pairs([(state, str(count)) for state, count in sorted(evidence["counts"].items())] or [("nothing", "0")]),
        _residue(evidence),
        "<h2>Projects</h2>",
        _projects(evidence),
        "<h2>Not deletable through the API</h2>",
        _pairs([(str(one["row"]), str(one["words"])) for one in evidence["outsideTheApi"]] or [("nothing", "-")]),
        "<h2>What Microsoft states about retention after deletion</h2>",
        _pairs([(one["what"], f"{one['statement']} ({one['source']})") for one in evidence["retention"]]),
        "<h2>Erasure done by</h2>",
        _form(),
        "<h2>Erasure verified by</h2>",
        _form(),
        "<h2>All items in the plan</h2>",
        _items(evidence["items"]),
    ]
    body = "\n".join(parts)
    return (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{_title(evidence)}</title>"
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _title(evidence: Json) -> str:
    return "Certificate of erasure" if evidence["exitCode"] == 0 else "Record of an erasure that is not complete"


def _verification(evidence: Json) -> str:
    """Return how the erasure was verified, with the number of items that were not verified or not deleted."""
    unproved, left = (evidence["counts"].get(state, 0) for state in ("not verified", "left"))
    if unproved:
        return f"incomplete: {unproved} items in the plan could not be looked for again after the last deletion"
    if left:
        return f"each item with a deletion request was looked for again afterwards; for {left} no request was sent"
    return "full: each item in the plan was looked for again after the last deletion"


def _runs(evidence: Json) -> str:
    runs = (f"{one['started']}: {one['things']} items, plan {one['planHash']}" for one in evidence["runs"])
    return "; ".join(runs)


def _facts(evidence: Json) -> list[tuple[str, str]]:
    ledger = evidence["ledger"]
    selectors = evidence["scope"].get("selectors") or []
    return [
        ("Media source", str(evidence["endpoint"])),
        ("Media type", "cloud service; its media are the provider's"),
        ("Scope", _scope(evidence["scope"])),
        ("Not searched", "; ".join(f"{row}: {why}" for row, why in _left_out(evidence).items()) or "-"),
        ("Selected by", ", ".join(f"{one['selector']} (salted SHA-256 {one['sha256']})" for one in selectors) or "-"),
        ("Salt of those hashes (SHA-256 of the salt followed by the value)", str(evidence["scope"].get("salt") or "-")),
        ("Method type", str(evidence["method"]["type"])),
        ("Method used", str(evidence["method"]["used"])),
        ("About the method", str(evidence["method"]["note"])),
        ("Tool used, with version", str(evidence["tool"])),
        ("Verification method", _verification(evidence)),
        ("Started, finished (UTC)", f"{evidence['started']}, {evidence['finished']}"),
        ("Plan (SHA-256)", str(evidence["planHash"])),
        ("Runs (each later run resumes the one before)", _runs(evidence)),
        ("Ledger", f"{ledger['file']}, {ledger['lines']} lines, last line's SHA-256 {ledger['last']}"),
        ("Protected projects, left out", ", ".join(evidence["protected"]) or "none"),
        ("Requested, but not found", ", ".join(evidence["notFound"]) or "none"),
    ]


def _left_out(evidence: Json) -> Json:
    left_out: Json = evidence["scope"].get("notSearched") or {}
    return left_out


def _scope(scope: Json) -> str:
    rows = scope["rows"] if isinstance(scope["rows"], str) else ", ".join(scope["rows"])
    return f"{scope['projects']} projects; {rows}"


def _pairs(pairs: list[tuple[Any, Any]]) -> str:
    rows = "".join(f"<tr><th>{escape(str(name))}</th><td>{escape(str(value))}</td></tr>" for name, value in pairs)
    return f"<table>{rows}</table>"


def _residue(evidence: Json) -> str:
    if not evidence["residue"]:
        return ""
    return "<h2>Residue: deleted according to the service, but still there</h2>" + _items(evidence["residue"])


def _projects(evidence: Json) -> str:
    projects = []
    for project in evidence["projects"]:
        words = [f"the project itself: {project['state']}" if project["whole"] else "part of its data"]
        words.append(f"images only in iterations: {project['imagesOnlyInIterations']}")
        if project["exportedModels"] is not None:
            words.append(f"exported models that remain: {project['exportedModels']}")
        if project["unpublished"]:
            words.append(f"unpublished: {', '.join(project['unpublished'])}")
        if project["iterationsTrainedOnThem"]:
            words.append(f"{_STAYING}: iterations {', '.join(project['iterationsTrainedOnThem'])}")
        projects.append((project["id"], "; ".join(words)))
    return _pairs(projects or [("none", "-")])


def _items(items: list[Json]) -> str:
    fields = ("project", "row", "id", "state", "status", "requestId", "at", "reason")
    head = "".join(f"<td>{name}</td>" for name in fields)
    rows = "".join("<tr>" + "".join(f"<td>{escape(str(one[name]))}</td>" for name in fields) + "</tr>" for one in items)
    return f"<table class='items'><tr>{head}</tr>{rows}</table>"


def _form() -> str:
    rows = "".join(f"<tr><th>{name}</th><td></td></tr>" for name in _SIGNED)
    return f"<table class='sign'>{rows}</table>"


class _ForeignMarkup(HTMLParser):
    """Collects all markup that a certificate never has: scripts, links, pictures, event handlers, comments."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
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
        if self.cdata_elem and data != _STYLE:
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
