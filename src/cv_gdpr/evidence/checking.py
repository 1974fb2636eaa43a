"""`verify FILE`: checks that the files of an erasure agree: evidence, ledger, certificate, list of hashes."""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import convert

from cv_gdpr.errors import UsageError
from cv_gdpr.evidence.certificate import foreign_markup
from cv_gdpr.evidence.document import document_of, head
from cv_gdpr.evidence.events import Closed, Opened
from cv_gdpr.evidence.files import (
    approval_at,
    certificate_of,
    file_of,
    hash_line,
    hashes_of,
    ledger_of,
    page_of,
    paper_of,
    papers_at,
    tokens_at,
)
from cv_gdpr.evidence.ledger import Chain, chained
from cv_gdpr.evidence.records import FIRST_FORMAT, FORMAT, TOOL, Evidence, as_json, field_names
from cv_gdpr.evidence.shape import shape_in
from cv_gdpr.platforms.files import reason_of
from cv_gdpr.verbatim import Json

_BEGINNING = b'{"n":1,"at":"'  # of a ledger
_WORDS = {"tool", "verdict", "method", "retention"}  # may be worded differently by another version of cv-gdpr


def check(path: Path) -> list[str]:
    """Check evidence with the files beside it, or a ledger alone; return each difference.

    For a certificate or a list of hashes, check the evidence beside it. Raise UsageError for any other file.
    """
    if path.suffix == ".jsonl":
        return _check_ledger_alone(path)
    if path.suffix in {".html", ".sha256"}:
        return _check_beside(path)
    return _check_evidence(path)


def _check_ledger_alone(path: Path) -> list[str]:
    content = _bytes(path)
    chain = chained(content)
    evidence = path.with_suffix(".json")
    if content and not _is_ledger(content) and not evidence.exists():
        raise UsageError(f"{path} is not a ledger of cv-gdpr")
    return check_chain(path, chain) or _listed(evidence, [path])


def _is_ledger(content: bytes) -> bool:
    """Return whether a ledger of cv-gdpr may have had this content, even if it was altered or cut off."""
    begins = content[: len(_BEGINNING)]
    cut_off = b"\n" not in content and begins == _BEGINNING[: len(begins)]
    return b'"previous"' in content or (cut_off and bool(content))


def _check_beside(path: Path) -> list[str]:
    evidence = path.with_suffix(".json")
    if not (evidence.exists() or ledger_of(evidence).exists()):
        raise UsageError(f"{path} is not evidence of cv-gdpr: neither {evidence.name} nor its ledger is beside it")
    if not evidence.is_file():
        return [f"{evidence.name}: the evidence is missing"]
    return _check_evidence(evidence)


def _check_evidence(path: Path) -> list[str]:
    read = _read(path, _bytes(path))
    differences, ledger = list(read.differences), ledger_of(path)
    if ledger.is_file():
        chain = chained(_bytes(ledger))
        differences += check_chain(ledger, chain) or _compare_with_ledger(ledger, read, chain)
    else:
        differences.append(f"{ledger.name}: the ledger is missing")
    papers = papers_at(path)
    differences += _check_certificate(certificate_of(path), read.evidence)
    differences += [difference for paper in papers for difference in _check_paper(paper, read.evidence)]
    files = [path, ledger, certificate_of(path), *tokens_at(path), *approval_at(path), *papers]
    return differences + _listed(path, files, required=True)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {reason_of(error, path)}") from error


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
    if chain.broken:
        return [f"{path.name}: {chain.broken}"]
    if chain.torn:
        return [f"{path.name}: its last line is incomplete: the run was interrupted"]
    if not chain.events or not isinstance(chain.events[0], Opened):
        return [f"{path.name}: not a ledger of cv-gdpr"]
    closed = chain.events[-1]
    if not isinstance(closed, Closed):
        return [f"{path.name}: it was never closed: the run was interrupted"]
    return [
        f"{path.name}: its last event contradicts the events before it: {name}" for name in _contradicted(chain, closed)
    ]


def _contradicted(chain: Chain, closed: Closed) -> list[str]:
    """Return the fields of the ledger's last event that contradict the events before it."""
    stated = closed.document
    opened = [event for event in chain.events if isinstance(event, Opened)][-1]
    if stated.tool != opened.tool:
        return ["a tool that did not write it"]
    try:
        again = head(chain.events[:-1], stated.outside_the_api, closed.stopped, stated.finished)
    except ValueError:  # a forged ledger: its runs had different selectors
        return ["a value that cv-gdpr does not write"]
    free = set() if stated.tool == TOOL else _WORDS
    if stated.format == FIRST_FORMAT:
        free = free | {"format"}
    derived, written = as_json(again), as_json(stated)
    names = derived.keys() | written.keys()  # an empty list of failed projects is not written
    return sorted(name for name in names if name not in free and derived.get(name) != written.get(name))


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


def _check_certificate(path: Path, evidence: Evidence | None) -> list[str]:
    """Compare the certificate with one made again from the evidence; for another version, only check its markup."""
    if not path.is_file():
        return [f"{path.name}: the certificate is missing"]
    content = _bytes(path)
    if differences := _check_markup(path, content, evidence):
        return differences
    same = evidence and (evidence.tool != TOOL or content == page_of(evidence))  # else only its listed hash counts
    return [] if same else [f"{path.name}: differs from the certificate of this evidence"]


def _check_paper(path: Path, evidence: Evidence | None) -> list[str]:
    """Compare a further certificate with one made again from the evidence, in the shape that it holds, likewise."""
    if not path.is_file():
        return [f"{path.name}: not a file"]  # a pipe would be read for ever
    content = _bytes(path)
    if differences := _check_markup(path, content, evidence):
        return differences
    shape = shape_in(content)
    if shape and path != paper_of(path.with_name(f"{path.name.rsplit('.certificate.', 1)[0]}.json"), shape.language):
        return [f"{path.name}: is in another language than its name says: {shape.language}"]
    same = evidence and shape and (shape.tool != TOOL or content == page_of(evidence, shape))
    return [] if same else [f"{path.name}: differs from the certificate of this evidence"]


def _check_markup(path: Path, content: bytes, evidence: Evidence | None) -> list[str]:
    if foreign := foreign_markup(content.decode(errors="replace")):
        return [f"{path.name}: holds foreign markup: {foreign[0][:80]}"]
    return [] if evidence else [f"{path.name}: cannot be checked: the evidence is invalid"]


def _listed(evidence: Path, files: list[Path], *, required: bool = False) -> list[str]:
    """Check files against the list of hashes; one that is not `required` may be missing."""
    path = hashes_of(evidence)
    if not path.is_file():
        return [f"{path.name}: the list of hashes is missing"] if required else []
    lines = _bytes(path).split(b"\n")
    there = [file for file in files if file.is_file()]
    hashed = {hash_line(hashlib.sha256(_bytes(file)).hexdigest(), file)[:-1]: file for file in there}
    differences = [f"{file.name}: its hash is not in {path.name}" for line, file in hashed.items() if line not in lines]
    names = [line.partition(b"  ")[2] for line in lines[:-1]]
    known = {b"", *(os.fsencode(file.name) for file in files), *(line.partition(b"  ")[2] for line in hashed)}
    missing = [name for name in names if name not in known]
    if required and missing:
        return [*differences, *(f"{os.fsdecode(name)}: missing, though {path.name} lists it" for name in missing)]
    if required and (len(lines) != len(files) + 1 or lines[-1]):
        differences.append(f"{path.name}: not a list of these {len(files)} files as sha256sum writes it")
    return differences
