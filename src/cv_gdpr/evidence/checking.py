"""The check of an erasure's files against each other: evidence, ledger, certificate, list of hashes."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import ValidationError, convert

from cv_gdpr.errors import UsageError
from cv_gdpr.evidence.certificate import foreign_markup
from cv_gdpr.evidence.document import document_of, head
from cv_gdpr.evidence.events import Closed, Opened
from cv_gdpr.evidence.ledger import Chain, chained
from cv_gdpr.evidence.papers import certificate_of, file_of, hash_line, hashes_of, ledger_of, page_of
from cv_gdpr.evidence.records import FIRST_FORMAT, FORMAT, TOOL, Evidence, as_json, field_names
from cv_gdpr.verbatim import Json

_WORDS = {"tool", "verdict", "method", "retention"}  # which another version of the same format may choose differently


def check(path: Path) -> list[str]:
    """Check evidence with all that lies beside it, or a ledger alone; give each difference.

    A certificate or a list of hashes stands for the evidence beside it. Raises UsageError for any other file.
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
    if not chain.events and content and b'"previous"' not in content and not evidence.exists():
        raise UsageError(f"{path} is not a ledger of cv-gdpr")
    return check_chain(path, chain) or _listed(evidence, [path])


def _check_beside(path: Path) -> list[str]:
    evidence = path.with_suffix(".json")
    if not (evidence.exists() or ledger_of(evidence).exists()):
        raise UsageError(f"{path} is not evidence of cv-gdpr: neither {evidence.name} nor its ledger lies beside it")
    if not evidence.is_file():
        return [f"{evidence.name}: the evidence is missing"]
    return _check_evidence(evidence)


def _check_evidence(path: Path) -> list[str]:
    read = _read(path, _bytes(path))
    differences, ledger = list(read.differences), ledger_of(path)
    if ledger.is_file():
        chain = chained(_bytes(ledger))
        differences += check_chain(ledger, chain) or _told(ledger, read, chain)
    else:
        differences.append(f"{ledger.name}: the ledger is missing")
    differences += _check_certificate(certificate_of(path), read.evidence)
    return differences + _listed(path, [path, ledger, certificate_of(path)], required=True)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


class _Read(NamedTuple):
    """Evidence as read: its bytes, its JSON, its record unless some value does not fit, and what is wrong with it."""

    content: bytes
    told: Json
    evidence: Evidence | None
    differences: list[str]


def _read(path: Path, content: bytes) -> _Read:
    """Return the evidence in a file; raise UsageError unless it is evidence of this format."""
    told, differences = _document(path, content)
    try:
        return _Read(content, told, convert(told, Evidence), differences)
    except (ValidationError, RecursionError) as error:
        return _Read(content, told, None, differences or [f"{path.name}: not evidence as cv-gdpr writes it: {error}"])


def _document(path: Path, content: bytes) -> tuple[Json, list[str]]:
    """Return a file's JSON and what is wrong with its keys; raise UsageError unless it names this format."""
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> Json:
        several = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        twice.extend(f"{name}: stands twice in one object of {path.name}" for name in several)
        return dict(pairs)

    try:
        evidence: Any = json.loads(content, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is neither a folder nor JSON") from error
    if not isinstance(evidence, dict) or evidence.get("format") != FORMAT:
        raise UsageError(f"{path} is not evidence of cv-gdpr")
    known = field_names(Evidence)
    unknown = [f"{name}: no field of {FORMAT}" for name in evidence if name not in known]
    return evidence, sorted(twice) + unknown + [f"{name}: missing" for name in known if name not in evidence]


def check_chain(path: Path, chain: Chain) -> list[str]:
    """Check a ledger by itself; give each difference."""
    if chain.broken:
        return [f"{path.name}: {chain.broken}"]
    if chain.torn:
        return [f"{path.name}: its end is torn, as by a run that was cut off"]
    if not chain.events or not isinstance(chain.events[0], Opened):
        return [f"{path.name}: not a ledger of cv-gdpr"]
    closed = chain.events[-1]
    if not isinstance(closed, Closed):
        return [f"{path.name}: it was never closed: the run was cut off"]
    return [f"{path.name}: its end does not fit its beginning: {name}" for name in _contradicted(chain, closed)]


def _contradicted(chain: Chain, closed: Closed) -> list[str]:
    """Return the fields of the ledger's last event that are not what the events before it tell."""
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
    is_told, was_told = as_json(again), as_json(stated)
    return sorted(name for name in is_told if name not in free and is_told[name] != was_told[name])


def _same(one: Any, other: Any) -> bool:
    """Compare as written: for Python, True is 1 and 1 is 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _told(ledger: Path, read: _Read, chain: Chain) -> list[str]:
    """Return what the evidence says otherwise than its ledger."""
    document = document_of(chain, ledger.name)
    told = as_json(document)
    differences = [f"{name}: not what the ledger tells" for name in told if not _same(read.told.get(name), told[name])]
    if not differences and read.content != file_of(document):
        return ["the evidence is not written as cv-gdpr writes it"]
    return differences


def _check_certificate(path: Path, evidence: Evidence | None) -> list[str]:
    """Compare with the page that this version makes of the evidence; of another version's, only that it is harmless."""
    if not path.is_file():
        return [f"{path.name}: the certificate is missing"]
    content = _bytes(path)
    if foreign := foreign_markup(content.decode(errors="replace")):
        return [f"{path.name}: holds what no certificate holds: {foreign[0][:80]}"]
    if evidence is None:
        return [f"{path.name}: no certificate can be made of this evidence to compare it with"]
    same = evidence.tool != TOOL or content == page_of(evidence)  # another version's: its hash in the list alone speaks
    return [] if same else [f"{path.name}: not the certificate of this evidence"]


def _listed(evidence: Path, files: list[Path], *, required: bool = False) -> list[str]:
    """Check files against the list of hashes; one that is not `required` may be missing."""
    path = hashes_of(evidence)
    if not path.is_file():
        return [f"{path.name}: the list of hashes is missing"] if required else []
    lines = _bytes(path).split(b"\n")
    there = [file for file in files if file.is_file()]
    due = {hash_line(hashlib.sha256(_bytes(file)).hexdigest(), file)[:-1]: file for file in there}
    differences = [f"{file.name}: not what {path.name} says" for line, file in due.items() if line not in lines]
    if required and (len(lines) != len(files) + 1 or lines[-1]):
        differences.append(f"{path.name}: not a list of these {len(files)} files as sha256sum writes it")
    return differences
