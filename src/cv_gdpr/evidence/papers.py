"""Further certificates, which `certify` makes beside that of the run: in another language, with names, with an annex.

They say what vouches for the evidence when they are made, so they are made again when that changes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from cv_gdpr.errors import NotVerified
from cv_gdpr.evidence.files import page_of, paper_of, papers_at
from cv_gdpr.evidence.proven import read
from cv_gdpr.evidence.records import TOOL, Evidence, LanguageCode
from cv_gdpr.evidence.shape import Shape, shape_in


class Paper(NamedTuple):
    """What a further certificate is asked to be; None: as the one before it, or else as the evidence says.

    Names are added to those of the one before it; empty: it shows none.
    """

    language: LanguageCode | None = None
    names: Mapping[str, str] | None = None
    annex: bool | None = None

    @property
    def is_asked_for(self) -> bool:
        """Whether anything of it was asked for."""
        return any(one is not None for one in self)


NO_PAPER = Paper()


def projects_in(evidence: Evidence) -> set[str]:
    """Return the ids of all projects that evidence names."""
    ids = {one.id for one in evidence.projects} | {one.project for one in evidence.items}
    ids |= {one.project for one in evidence.failed}
    if evidence.resource:
        ids |= {one.id for one in evidence.resource.projects or ()} | {one.project for one in evidence.resource.failed}
    return ids | set(evidence.protected)


def wanted_pages(path: Path, content: bytes, asked: Paper, before: Shape, seals: Shape) -> dict[Path, bytes]:
    """Return the further certificates to write: those asked for, and those whose seals changed.

    `content` is that of the evidence at `path`. `before` and `seals` say who signs and since when it exists. If a seal
    is new that no page names, one is made.
    """
    evidence = read(content)
    there = {paper: _shape(paper) for paper in papers_at(path)}
    shapes = dict(there) if seals != before else {}
    if asked.is_asked_for or (not there and _is_unknown(evidence, before, seals)):
        paper = paper_of(path, asked.language or evidence.language)
        shapes[paper] = _asked(evidence, asked, there.get(paper))
    pages = {paper: page_of(evidence, _sealed(shape, seals), content) for paper, shape in shapes.items()}
    return {paper: page for paper, page in pages.items() if not (paper in there and paper.read_bytes() == page)}


def _asked(evidence: Evidence, asked: Paper, before: Shape | None) -> Shape:
    """Return the shape of a page that is asked for: what nobody mentions stays as it was in the one `before`."""
    was = before or Shape(language=asked.language or evidence.language, annex=evidence.annex)
    known = projects_in(evidence) if asked.names else set()
    named = {id_: name for id_, name in (asked.names or {}).items() if id_ in known}
    names = {} if asked.names is not None and not asked.names else was.names | named
    return replace(was, annex=was.annex if asked.annex is None else asked.annex, names=names)


def _is_unknown(evidence: Evidence, before: Shape, seals: Shape) -> bool:
    """Return whether a seal is new, and the certificate of the run does not say that it was to come."""
    promised = evidence.runs[-1]
    signer = seals.signer not in {before.signer, promised.signer}
    return signer or (seals.existed != before.existed and not promised.authority)


def _sealed(shape: Shape, seals: Shape) -> Shape:
    return replace(
        shape,
        tool=TOOL,
        signer=seals.signer,
        authority=seals.authority or shape.authority,
        begun=seals.begun,
        existed=seals.existed,
    )


def _shape(paper: Path) -> Shape:
    """Return the shape of a page that was checked; raise NotVerified if it holds none."""
    shape = shape_in(paper.read_bytes())
    if shape is None:
        raise NotVerified(f"{paper} is not a certificate of cv-gdpr", "move it away, and try again")
    return shape
