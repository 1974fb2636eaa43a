"""`verify FILE`: checks that the files of an erasure agree: evidence, ledger, certificate, list of hashes.

What another version of cv-gdpr wrote may be worded differently. Where it is, this version cannot tell its words from
those of a forger, who only has to name another version: they are `uncompared`, and only a signature vouches for them.
"""

import hashlib
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import convert

from cv_gdpr.archive.reading import reading
from cv_gdpr.archive.replacing import marker_of
from cv_gdpr.errors import Unreadable, UsageError
from cv_gdpr.evidence.account import deleted_resource
from cv_gdpr.evidence.by_hand import by_hand_in
from cv_gdpr.evidence.certificate import foreign_markup, may_differ
from cv_gdpr.evidence.document import document_of, head
from cv_gdpr.evidence.events import Closed, Opened
from cv_gdpr.evidence.files import (
    LONGEST,
    approval_at,
    certificate_of,
    file_of,
    hash_line,
    hashes_of,
    ledger_of,
    page_of,
    paper_of,
    papers_at,
    plan_of,
    tokens_at,
)
from cv_gdpr.evidence.ledger import Chain, chained
from cv_gdpr.evidence.records import FIRST_FORMAT, FORMAT, TOOL, ByHand, Evidence, Head, as_json, field_names
from cv_gdpr.evidence.shape import shape_in
from cv_gdpr.evidence.times import impossible_in
from cv_gdpr.evidence.unplanned import unplanned_in
from cv_gdpr.verbatim import Json

_BEGINNING = b'{"n":1,"at":"'  # of a ledger
_WORDS = {"verdict", "method", "retention", "outsideTheApi"}  # may be worded differently by another version of cv-gdpr
_NUMBER = "[0-9]{1,9}"
_SUFFIXES = rf"((a|b|rc){_NUMBER})?(\.post{_NUMBER})?(\.dev{_NUMBER})?(\+[a-z0-9.]{{1,32}})?"
_VERSION = re.compile(rf"cv-gdpr {_NUMBER}(\.{_NUMBER}){{0,4}}{_SUFFIXES}")  # PEP 440
_STYLE = re.compile(rb"<style>[^<]*</style>")


class Compared(NamedTuple):
    """Where the files of an erasure differ, and which of them hold words that this version cannot compare."""

    differences: list[str]
    uncompared: list[str]


def check(path: Path) -> list[str]:
    """Return each difference that `compare` finds; raise UsageError as it does."""
    return compare(path).differences


def compare(path: Path) -> Compared:
    """Check evidence with the files beside it, or a ledger alone.

    For a certificate or a list of hashes, check the evidence beside it. Raise UsageError for any other file.
    """
    if path.suffix == ".jsonl":
        return _check_ledger_alone(path)
    if path.suffix in {".html", ".sha256"}:
        return _check_beside(path)
    return _check_evidence(path)


def _check_ledger_alone(path: Path) -> Compared:
    content = _bytes(path)
    chain = chained(content)
    evidence = path.with_suffix(".json")
    if content and not _is_ledger(content) and not evidence.exists():
        raise UsageError(f"{path} is not a ledger of cv-gdpr")
    found = compare_chain(path, chain)
    return found._replace(differences=found.differences or _listed(evidence, [path]))


def _is_ledger(content: bytes) -> bool:
    """Return whether a ledger of cv-gdpr may have had this content, even if it was altered or cut off."""
    begins = content[: len(_BEGINNING)]
    cut_off = b"\n" not in content and begins == _BEGINNING[: len(begins)]
    return b'"previous"' in content or (cut_off and bool(content))


def _check_beside(path: Path) -> Compared:
    evidence = path.with_suffix(".json")
    if not (evidence.exists() or ledger_of(evidence).exists()):
        raise UsageError(f"{path} is not evidence of cv-gdpr: neither {evidence.name} nor its ledger is beside it")
    if not evidence.is_file():
        return Compared([f"{evidence.name}: the evidence is missing"], [])
    return _check_evidence(evidence)


def _check_evidence(path: Path) -> Compared:
    read, ledger, papers = _read(path, _bytes(path)), ledger_of(path), papers_at(path)
    found = [
        Compared(read.differences, []),
        _check_against_ledger(ledger, read),
        _check_certificate(certificate_of(path), read.evidence),
        *(_check_paper(paper, read.evidence) for paper in papers),
    ]
    if marker_of(path).exists():
        found.insert(0, Compared([f"{path.name}: certify was stopped while it replaced files; run it again"], []))
    files = [path, ledger, certificate_of(path), *tokens_at(path), *approval_at(path), *papers]
    found.append(Compared(_listed(path, files, required=True), []))
    return Compared(*([one for compared in found for one in compared[of]] for of in (0, 1)))


def _check_against_ledger(ledger: Path, read: "_Read") -> Compared:
    if not ledger.is_file():
        there = os.path.lexists(ledger)
        return Compared([f"{ledger.name}: {'it is not a file' if there else 'the ledger is missing'}"], [])
    chain = chained(_bytes(ledger))
    found = compare_chain(ledger, chain)
    return found._replace(differences=found.differences or _compare_with_ledger(ledger, read, chain))


def _bytes(path: Path) -> bytes:
    with reading(path):
        if path.exists() and not path.is_file():
            raise Unreadable(f"{path} is not a file")  # a pipe would be read for ever
        if path.stat().st_size > LONGEST:
            raise Unreadable(f"{path} is longer than {LONGEST >> 30} GiB")
        return path.read_bytes()


class _Read(NamedTuple):
    """Evidence as read: its bytes, its fields, its record if every field is valid, and the differences so far."""

    content: bytes
    fields: Json
    evidence: Evidence | None
    differences: list[str]


def _read(path: Path, content: bytes) -> _Read:
    """Return the evidence in a file; without a ledger beside it, raise UsageError unless it is evidence."""
    try:
        fields, differences = _fields(path, content)
    except _Unreadable as why:
        if not _has_ledger(path):
            raise UsageError(f"{path} {why}") from why
        return _Read(content, {}, None, [f"{path.name} {why}"])
    try:
        return _Read(content, fields, convert(fields, Evidence), differences)
    except (ValueError, RecursionError) as error:  # ValidationError, or UnicodeError for a lone surrogate
        return _Read(content, fields, None, differences or [f"{path.name}: invalid: {error}"])


class _Unreadable(ValueError):
    """A file that is not evidence of this format; the message says why."""


def _has_ledger(evidence: Path) -> bool:
    ledger = ledger_of(evidence)
    return ledger.is_file() and _is_ledger(_bytes(ledger))


def _fields(path: Path, content: bytes) -> tuple[Json, list[str]]:
    """Return the fields and the differences in their keys; raise _Unreadable unless it is evidence of this format."""
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> Json:
        several = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        twice.extend(f"{name}: occurs twice in one object of {path.name}" for name in several)
        return dict(pairs)

    try:
        evidence: Any = json.loads(content, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise _Unreadable("is not JSON") from error
    if not isinstance(evidence, dict) or evidence.get("format") != FORMAT:
        raise _Unreadable("is not evidence of cv-gdpr")
    known = field_names(Evidence)
    unknown = [f"{name}: not a field of {FORMAT}" for name in evidence if name not in known]
    return evidence, sorted(twice) + unknown + [f"{name}: missing" for name in known if name not in evidence]


def check_chain(path: Path, chain: Chain) -> list[str]:
    """Check a ledger by itself; return each difference."""
    return compare_chain(path, chain).differences


def compare_chain(path: Path, chain: Chain) -> Compared:
    """Check a ledger by itself."""
    if why := _not_whole(chain):
        return Compared([f"{path.name}: {why}"], [])
    runs = [event for event in chain.events if isinstance(event, Opened)]
    contradicted, worded = _compare_end(chain, runs[-1])
    unknown = (run for run in runs if not _is_version(run.tool))
    differences = [
        *(f"line {run.n} names a version that cv-gdpr cannot have: {run.tool}" for run in unknown),
        *(f"its last event contradicts the events before it: {name}" for name in contradicted),
        *unplanned_in(chain),
        *impossible_in(chain),
    ]
    uncompared = [_of_another(runs[-1].tool, f"{', '.join(worded)} in {path.name}")] if worded else []
    return Compared([f"{path.name}: {one}" for one in differences], uncompared)


def resumed_by(ledger: Path) -> str:
    """Return which command, delete or recheck, resumes the interrupted run of this ledger; empty if none does."""
    chain = chained(_bytes(ledger))
    runs = [event for event in chain.events if isinstance(event, Opened)]
    if not runs or chain.broken or not _not_whole(chain) or os.path.lexists(ledger.with_suffix(".json")):
        return ""
    return "recheck" if runs[-1].recheck_of else "delete"


def _not_whole(chain: Chain) -> str:
    """Return why a ledger is not that of a run that has ended; an empty text if it is."""
    if chain.broken:
        return chain.broken
    if chain.torn:
        return "its last line is incomplete: the run was interrupted"
    if not chain.events or not isinstance(chain.events[0], Opened):
        return "not a ledger of cv-gdpr"
    return "" if isinstance(chain.events[-1], Closed) else "it was never closed: the run was interrupted"


def _is_version(tool: str) -> bool:
    return _VERSION.fullmatch(tool) is not None


def _of_another(tool: str, what: str) -> str:
    """Return that something by another version could not be compared."""
    package = tool.replace(" ", "==")
    return f"{what}: by {tool}, otherwise than {TOOL} writes it: pip install {package} compares it"


def _compare_end(chain: Chain, opened: Opened) -> tuple[list[str], list[str]]:
    """Return the fields of the ledger's last event that contradict the events before it; and those that another
    version, if one wrote it, may have worded as they are."""
    closed = chain.events[-1]
    if not isinstance(closed, Closed):
        raise TypeError  # `_not_whole` says so
    stated = closed.document
    if stated.tool != opened.tool:
        return ["a tool that did not write it"], []
    try:
        again = head(chain.events[:-1], _by_hand(chain, opened, stated), closed.stopped, stated.finished)
    except ValueError:  # a forged ledger: its runs had different selectors
        return ["a value that cv-gdpr does not write"], []
    free = {"tool", "format"} if stated.format == FIRST_FORMAT else {"tool"}
    derived, written = as_json(again), as_json(stated)
    names = (derived.keys() | written.keys()) - free  # an empty list of failed projects is not written
    differing = {name for name in names if derived.get(name) != written.get(name)}
    worded = set() if stated.tool == TOOL else differing & _WORDS
    return sorted(differing - worded), sorted(worded)


def _by_hand(chain: Chain, opened: Opened, stated: Head) -> list[ByHand]:
    """Return what a person must still do; for an Azure resource as it is stated: Azure was asked for that."""
    if deleted_resource(chain.events):
        return stated.outside_the_api
    return [] if opened.recheck_of else by_hand_in(opened.scope)


def _same(one: Any, other: Any) -> bool:
    """Return whether two values have the same JSON text; in Python, True == 1 and 1 == 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _compare_with_ledger(ledger: Path, read: _Read, chain: Chain) -> list[str]:
    """Derive the evidence from the ledger again, and return each difference."""
    if not read.fields:
        return []  # the evidence cannot be read: that is the difference
    document = document_of(chain, ledger.name)
    derived = as_json(document)
    differing = [name for name in derived if not _same(read.fields.get(name), derived[name])]
    if not differing and read.content != file_of(document):
        return ["the evidence is not formatted as cv-gdpr writes it"]
    words = {"ledger": f"names another ledger, or another last line of it, than {ledger.name}: was it renamed?"}
    return [f"{name}: {words.get(name, 'differs from the ledger')}" for name in differing]


def _check_certificate(path: Path, evidence: Evidence | None) -> Compared:
    """Compare the certificate with one made again from the evidence."""
    if not path.is_file():
        return Compared([f"{path.name}: the certificate is missing"], [])
    return _check_page(path, page_of(evidence), evidence.tool) if evidence else _check_page(path, None, TOOL)


def _check_paper(path: Path, evidence: Evidence | None) -> Compared:
    """Compare a further certificate with one made again from the evidence, in the shape that it holds."""
    if not path.is_file():
        return Compared([f"{path.name}: not a file"], [])  # a pipe would be read for ever
    shape = shape_in(_bytes(path))
    if shape is None or evidence is None:
        return _check_page(path, None if evidence is None else b"", TOOL)
    if path != paper_of(path.with_name(f"{path.name.rsplit('.certificate.', 1)[0]}.json"), shape.language):
        return Compared([f"{path.name}: is in another language than its name says: {shape.language}"], [])
    if not _is_version(shape.tool):
        return Compared([f"{path.name}: names a version that cv-gdpr cannot have: {shape.tool}"], [])
    return _check_page(path, page_of(evidence, shape), shape.tool)


def _check_page(path: Path, made: bytes | None, tool: str) -> Compared:
    """Compare a certificate with what this version makes (None: the evidence is invalid); `tool` made the page."""
    content = _bytes(path)
    foreign = [one for one in foreign_markup(content.decode(errors="replace")) if tool == TOOL or not may_differ(one)]
    if foreign:
        return Compared([f"{path.name}: holds foreign markup: {foreign[0][:80]}"], [])
    if made is None:
        return Compared([f"{path.name}: cannot be checked: the evidence is invalid"], [])
    if content == made:
        return Compared([], [])
    if tool == TOOL:
        return Compared([f"{path.name}: differs from the certificate of this evidence"], [])
    only_style = _STYLE.sub(b"", content) == _STYLE.sub(b"", made)
    what = f"the style sheet of {path.name}, which may hide text" if only_style else path.name
    return Compared([], [_of_another(tool, what)])


def _listed(evidence: Path, files: list[Path], *, required: bool = False) -> list[str]:
    """Check files against the list of hashes; one that is not `required` may be missing."""
    path = hashes_of(evidence)
    if not path.is_file():
        return [f"{path.name}: the list of hashes is missing"] if required else []
    lines = _bytes(path).split(b"\n")
    names = [line.partition(b"  ")[2] for line in lines[:-1]]
    plan = plan_of(evidence)
    if plan not in files and plan.is_file() and os.fsencode(plan.name) in names:  # its signature alone is gone
        files = [*files, plan]
    there = [file for file in files if file.is_file()]
    hashed = {hash_line(hashlib.sha256(_bytes(file)).hexdigest(), file)[:-1]: file for file in there}
    differences = [f"{file.name}: its hash is not in {path.name}" for line, file in hashed.items() if line not in lines]
    known = {b"", *(os.fsencode(file.name) for file in files), *(line.partition(b"  ")[2] for line in hashed)}
    missing = [name for name in names if name not in known]
    if required and missing:
        why = f"{path.name} lists it, and no such file of this erasure is here"
        return [*differences, *(f"{os.fsdecode(name)}: {why}" for name in missing)]
    if required and (len(lines) != len(files) + 1 or lines[-1]):
        differences.append(f"{path.name}: not a list of these {len(files)} files as sha256sum writes it")
    return differences
