"""The printable page of an erasure: the evidence as a certificate that a person signs and files.

Its fields are those of a certificate of sanitization (NIST SP 800-88) that apply to data which a cloud service holds.
No medium is in anybody's hands: there is no serial number, and neither Clear nor Purge is claimed.
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
_STAYING = "models that stay and were trained on these images, of which they keep what they learned"
_SIGNED = ("Name", "Title", "Organisation", "Date and place", "Signature")


def certificate(evidence: Json) -> str:
    """Give the page as HTML: no scripts, nothing loaded from elsewhere."""
    parts = [
        f"<h1>{_title(evidence)}</h1>",
        "<p>Azure Custom Vision, by deletion through the service's training API</p>",
        f"<p class='verdict'>{escape(str(evidence['verdict']))}</p>",
        _pairs(_facts(evidence)),
        "<h2>What became of the things in the plan</h2>",
        _pairs([(state, str(count)) for state, count in sorted(evidence["counts"].items())] or [("nothing", "0")]),
        _residue(evidence),
        "<h2>Projects</h2>",
        _projects(evidence),
        "<h2>What no operation of the API deletes</h2>",
        _pairs([(str(one["row"]), str(one["words"])) for one in evidence["outsideTheApi"]] or [("nothing", "-")]),
        "<h2>What Microsoft states about the time after deletion</h2>",
        _pairs([(one["what"], f"{one['statement']} ({one['source']})") for one in evidence["retention"]]),
        "<h2>Erasure done by</h2>",
        _form(),
        "<h2>Erasure verified by</h2>",
        _form(),
        "<h2>Every thing in the plan</h2>",
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
    """Say how it was verified; where not all could be looked for, how much was not."""
    unproved, left = (evidence["counts"].get(state, 0) for state in ("not verified", "left"))
    if unproved:
        return f"not carried out for {unproved} things in the plan, which nobody could look for after the last deletion"
    if left:
        return f"each thing that a deletion was sent for was looked for again after that; for {left} none was sent"
    return "full: each thing in the plan was looked for again after the last deletion"


def _runs(evidence: Json) -> str:
    told = (f"{one['started']}: {one['things']} things, plan {one['planHash']}" for one in evidence["runs"])
    return "; ".join(told)


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
        ("Runs (a later one resumes what was left)", _runs(evidence)),
        ("Ledger", f"{ledger['file']}, {ledger['lines']} lines, last line's SHA-256 {ledger['last']}"),
        ("Projects protected and left out", ", ".join(evidence["protected"]) or "none"),
        ("Asked for, but found nowhere", ", ".join(evidence["notFound"]) or "none"),
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
    told = []
    for project in evidence["projects"]:
        words = [f"the project itself: {project['state']}" if project["whole"] else "part of its data"]
        words.append(f"images only in iterations: {project['imagesOnlyInIterations']}")
        if project["exportedModels"] is not None:
            words.append(f"exported models that stay: {project['exportedModels']}")
        if project["unpublished"]:
            words.append(f"unpublished: {', '.join(project['unpublished'])}")
        if project["iterationsTrainedOnThem"]:
            words.append(f"{_STAYING}: iterations {', '.join(project['iterationsTrainedOnThem'])}")
        told.append((project["id"], "; ".join(words)))
    return _pairs(told or [("none", "-")])


def _items(items: list[Json]) -> str:
    fields = ("project", "row", "id", "state", "status", "requestId", "at", "reason")
    head = "".join(f"<td>{name}</td>" for name in fields)
    rows = "".join("<tr>" + "".join(f"<td>{escape(str(one[name]))}</td>" for name in fields) + "</tr>" for one in items)
    return f"<table class='items'><tr>{head}</tr>{rows}</table>"


def _form() -> str:
    rows = "".join(f"<tr><th>{name}</th><td></td></tr>" for name in _SIGNED)
    return f"<table class='sign'>{rows}</table>"


class _Foreign(HTMLParser):
    """Collects the markup of a page that no certificate holds: a script, a link, a picture, an event handler."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element or an attribute that is not the certificate's."""
        self.tags += 1
        self._note(tag, *(f"{name}={value}" for name, value in attrs))

    def handle_endtag(self, tag: str) -> None:
        """Count it."""
        self.tags += 1
        self._note(tag)

    def handle_decl(self, decl: str) -> None:
        """Note a declaration."""
        self.tags += 1
        self._note(decl)

    def handle_comment(self, data: str) -> None:
        """Note a comment: old browsers run some."""
        self._note(f"a comment {data}")

    def handle_pi(self, data: str) -> None:
        """Note a processing instruction."""
        self._note(f"an instruction {data}")

    def unknown_decl(self, data: str) -> None:
        """Note whatever else begins with <!."""
        self._note(data)

    def handle_data(self, data: str) -> None:
        """Note a style sheet other than the certificate's: it may hide words, or load a picture."""
        if self.cdata_elem and data != _STYLE:
            self._note("a foreign style")

    def _note(self, *seen: str) -> None:
        self.found += [one for one in seen if one not in _MARKUP]


def foreign_markup(page: str) -> list[str]:
    """Give what a page holds beside the markup of a certificate."""
    parser = _Foreign()
    parser.feed(page)
    parser.close()
    odd = [] if page.count("<") == parser.tags else ["a < that begins no tag"]  # a browser may see one there
    return parser.found + odd
