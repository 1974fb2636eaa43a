"""How a certificate is made of evidence: its language, its annex, the names it shows, and what it says of seals.

The certificate of a run, NAME.html, follows from the ledger alone. `certify` makes further ones beside it, one for
each language: NAME.certificate.LANG.html. Such a page holds its own shape, so that `verify` can make it again.
"""

import html
import json
import re
from typing import Annotated

from msgspec import Meta, convert, field

from cv_gdpr.evidence.records import LanguageCode, Record, Run, as_json

META = "cv-gdpr-certificate"
UNREAD = "unread"
"""A signature or time-stamp that is there, and that this machine could not read."""
_LINE = re.compile(rf'<meta name="{META}" content="([^"<>]*)">')


class Shape(Record, frozen=True, kw_only=True):
    """How a certificate was made. What it says of seals is true once they are beside it."""

    tool: Annotated[str, Meta(description="The version that made the page; only that one makes the same again")] = ""
    language: LanguageCode = "en"
    annex: Annotated[bool, Meta(description="Whether it lists every id")] = False
    names: Annotated[dict[str, str], Meta(description="Project id -> name")] = field(default_factory=dict)
    signer: Annotated[str, Meta(description="The fingerprint of the key that signs the list of hashes")] = ""
    authority: Annotated[str, Meta(description="Who time-stamps")] = ""
    begun: Annotated[str, Meta(description="The time in NAME.begin.tsr")] = ""
    existed: Annotated[str, Meta(description="The time in NAME.tsr")] = ""


def of_run(language: LanguageCode, runs: list[Run], *, annex: bool) -> Shape:
    """Return the shape of the certificate that follows from the ledger: it knows who was to sign and time-stamp."""
    return Shape(language=language, annex=annex, signer=runs[-1].signer, authority=runs[-1].authority)


def written(shape: Shape) -> str:
    """Return a shape as a page holds it: JSON."""
    return json.dumps(as_json(shape), ensure_ascii=True, separators=(",", ":"))


def shape_in(page: bytes) -> Shape | None:
    """Return the shape that a page holds; None if it holds none, or one that cv-gdpr does not write."""
    found = _LINE.search(page.decode(errors="replace"))
    try:
        return convert(json.loads(html.unescape(found[1])), Shape) if found else None
    except (ValueError, RecursionError):
        return None
