"""The files of an erasure: NAME.json, and beside it NAME.jsonl (ledger), NAME.html (certificate), NAME.sha256 (hashes).

Where it is time-stamped, NAME.begin.tsr and NAME.tsr, where it is signed, NAME.sha256.sig, and where it is both,
NAME.sha256.sig.tsr, over the signature: see `seals`. A plan that another person approved lies beside it with that
person's signature, NAME.plan.json and NAME.plan.json.sig: see `approval`. Further certificates,
NAME.certificate.LANG.html, come from `certify`: see `papers`. All others are derived from the ledger alone, so that
none is lost if a run is killed after the ledger's last line.
"""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from cv_gdpr.archive.ownership import open_own
from cv_gdpr.archive.writing import open_new, read_all, remove_unfinished, storing, write_new
from cv_gdpr.errors import CvGdprError, StorageError, UsageError
from cv_gdpr.evidence.document import document_of
from cv_gdpr.evidence.ledger import Chain, Ledger, rescued_of
from cv_gdpr.evidence.records import Evidence, as_json
from cv_gdpr.evidence.shape import Shape, shape_in
from cv_gdpr.languages import LANGUAGES
from cv_gdpr.platforms.files import reason_of
from cv_gdpr.platforms.shells import quoted

LONGEST = 1 << 32  # bytes: a certificate with an annex has some 500 for each item
_OF_OTHERS = (".begin", ".plan", *(f".certificate.{code}" for code in LANGUAGES))  # ends of names beside evidence


def ledger_of(evidence: Path) -> Path:
    """Return the path of the ledger that belongs to an evidence file."""
    return evidence.with_suffix(".jsonl")


def certificate_of(evidence: Path) -> Path:
    """Return the path of the certificate that belongs to an evidence file."""
    return evidence.with_suffix(".html")


def paper_of(evidence: Path, code: str) -> Path:
    """Return the path of a further certificate, which `certify` makes in one of LANGUAGES."""
    return evidence.with_suffix(f".certificate.{code}.html")


def papers_at(evidence: Path) -> list[Path]:
    """Return the further certificates that are there."""
    return [paper for paper in (paper_of(evidence, code) for code in LANGUAGES) if os.path.lexists(paper)]


def hashes_of(evidence: Path) -> Path:
    """Return the path of the list of hashes that belongs to an evidence file."""
    return evidence.with_suffix(".sha256")


def begin_token_of(evidence: Path) -> Path:
    """Return the path of the time-stamp over the first line of the ledger."""
    return evidence.with_suffix(".begin.tsr")


def token_of(evidence: Path) -> Path:
    """Return the path of the time-stamp over the evidence."""
    return evidence.with_suffix(".tsr")


def signature_of(evidence: Path) -> Path:
    """Return the path of the signature of the list of hashes."""
    return evidence.with_suffix(".sha256.sig")


def signed_at_of(evidence: Path) -> Path:
    """Return the path of the time-stamp over the signature; the list of hashes cannot name it."""
    return evidence.with_suffix(".sha256.sig.tsr")


def plan_of(evidence: Path) -> Path:
    """Return the path of the plan that another person approved."""
    return evidence.with_suffix(".plan.json")


def approval_of(evidence: Path) -> Path:
    """Return the path of the signature with which that person approved the plan."""
    return evidence.with_suffix(".plan.json.sig")


def approval_at(evidence: Path) -> list[Path]:
    """Return what is there of a plan with its approval: a plan without one does not belong to the evidence."""
    return [place for place in (plan_of(evidence), approval_of(evidence)) if approval_of(evidence).is_file()]


def check_name(evidence: Path) -> None:
    """Raise UsageError if evidence cannot have this path."""
    if evidence.suffix != ".json":
        raise UsageError(
            f"--evidence {evidence} does not end in .json",
            "beside NAME.json come NAME.jsonl (the ledger), NAME.html (the certificate) and NAME.sha256 (the hashes)",
        )
    if evidence.stem.endswith(_OF_OTHERS):
        hint = "NAME.begin, NAME.plan and NAME.certificate.LANG are names of files beside the evidence NAME.json"
        raise UsageError(f"--evidence {evidence} would be taken for a file of other evidence", hint)
    if not evidence.absolute().parent.is_dir():
        raise UsageError(f"--evidence {evidence}: its folder does not exist")
    ledger = ledger_of(evidence)
    beside = certificate_of(evidence), begin_token_of(evidence), signed_at_of(evidence), paper_of(evidence, "en")
    for place in (evidence, ledger, *beside, rescued_of(ledger)):
        try:
            place.lstat()
        except FileNotFoundError:
            pass
        except OSError as error:  # for example, the name is too long
            raise UsageError(f"--evidence {place}: {error.strerror}") from error


def check_free(evidence: Path) -> None:
    """Raise UsageError if one of the files that are written after the last deletion already exists."""
    for place in written_last(evidence):
        if os.path.lexists(place):
            raise UsageError(f"{place} exists", "name another file with --evidence: nothing is overwritten")


def check_unstamped(evidence: Path) -> None:
    """Raise UsageError if there is a time-stamp of another ledger's first line."""
    if os.path.lexists(begin_token_of(evidence)):
        raise UsageError(f"{begin_token_of(evidence)} exists", "name another file with --evidence")


def written_last(evidence: Path) -> tuple[Path, ...]:
    """Return the paths of what is written after the last deletion, or later by `certify`, in this order."""
    papers = (paper_of(evidence, code) for code in LANGUAGES)
    signed = hashes_of(evidence), signature_of(evidence), signed_at_of(evidence)
    return evidence, certificate_of(evidence), token_of(evidence), *papers, *signed


def refuse_unreadable(evidence: Path) -> None:
    """Raise UsageError if something in the place of one of the files is not a file, or too long to be read at once."""
    for place in all_of(evidence):
        try:
            found = place.stat() if os.path.lexists(place) else None
        except OSError as error:  # a link to nothing
            raise UsageError(f"{place}: {reason_of(error, place)}") from error
        if found and not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{place} is not a file")
        if found and found.st_size > LONGEST:
            raise UsageError(f"{place} is longer than {LONGEST >> 30} GiB")


def all_of(evidence: Path) -> tuple[Path, ...]:
    """Return the paths of everything that may lie beside evidence, and its own."""
    first = ledger_of(evidence), begin_token_of(evidence), plan_of(evidence), approval_of(evidence)
    return *first, *written_last(evidence)


def endings() -> tuple[str, ...]:
    """Return what the names of all these files end in, a longer one before one that it ends in itself."""
    names = (place.name.removeprefix("x") for place in all_of(Path("x.json")))
    return tuple(sorted(names, key=len, reverse=True))


def unused(folder: Path) -> Path:
    """Reserve an unused name by creating its ledger, and return the evidence's path; raise StorageError."""
    stem = f"cv-gdpr-erasure-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for number in range(1, 1000):
        evidence = folder / f"{stem}{f'-{number}' if number > 1 else ''}.json"
        if any(map(os.path.lexists, (begin_token_of(evidence), *written_last(evidence)))):
            continue
        try:
            with storing(evidence):
                os.close(open_new(ledger_of(evidence)))
        except StorageError as error:
            if not isinstance(error.__cause__, FileExistsError):
                raise
        else:
            return evidence
    raise StorageError(f"{folder} has a thousand erasures of this second", "name the evidence with --evidence")


def unfinished(endpoint: str, asked: str) -> Path | None:
    """Return the evidence's path of an interrupted run of the same command in the current folder, or None.

    Only runs without --evidence are found, whose names `unused` chose.
    """
    for path in sorted(Path().glob("cv-gdpr-erasure-*.jsonl")):
        try:
            if not _begins_with(path, endpoint) or path.with_suffix(".json").exists():
                continue  # a run that is just starting has reserved the name, or the run has ended
            with Ledger(path, endpoint) as ledger:
                ledger.require(asked)
                if ledger.events and not ledger.closed:
                    return path.with_suffix(".json")
        except (CvGdprError, OSError):  # in use, of another command, or not a ledger: not resumable by this run
            continue
    return None


def _begins_with(ledger: Path, endpoint: str) -> bool:
    """Return whether the first line names this endpoint; the lock stays free, for the run of another one beside it."""
    with ledger.open("rb") as file:
        line = file.readline(1 << 24)
    return json.dumps(endpoint).encode() in line


def texts(evidence: Path, chain: Chain) -> dict[Path, bytes]:
    """Return the path and content of the three files derived from a closed ledger, the list of hashes last."""
    made = documents(evidence, chain)
    return made | {hashes_of(evidence): hash_list(evidence, chain, made)}


def documents(evidence: Path, chain: Chain) -> dict[Path, bytes]:
    """Return the path and content of the evidence and of the certificate."""
    document = document_of(chain, ledger_of(evidence).name)
    content = file_of(document)
    return {evidence: content, certificate_of(evidence): page_of(document, content=content)}


def hash_list(
    evidence: Path, chain: Chain, made: dict[Path, bytes], coming: Mapping[Path, bytes] = MappingProxyType({})
) -> bytes:
    """Return the content of NAME.sha256; it lists the time-stamps and further certificates that are there.

    Those in `coming` are about to be written.
    """
    hashes = {place: hashlib.sha256(content).hexdigest() for place, content in made.items()}
    hashes[ledger_of(evidence)] = chain.sha256
    there = {*tokens_at(evidence), *approval_at(evidence), *papers_at(evidence), *coming}
    tokens = begin_token_of(evidence), token_of(evidence), plan_of(evidence), approval_of(evidence)
    for place in (*tokens, *(paper_of(evidence, code) for code in LANGUAGES)):
        if place in there:
            with storing(place):
                content = coming[place] if place in coming else place.read_bytes()
            hashes[place] = hashlib.sha256(content).hexdigest()
    return b"".join(map(hash_line, hashes.values(), hashes))


def tokens_at(evidence: Path) -> list[Path]:
    """Return the time-stamps that are there."""
    return [token for token in (begin_token_of(evidence), token_of(evidence)) if token.is_file()]


def file_of(document: Evidence) -> bytes:
    """Return the content of NAME.json."""
    return (json.dumps(as_json(document), indent=2) + "\n").encode()


def page_of(document: Evidence, shape: Shape | None = None, content: bytes | None = None) -> bytes:
    """Return the content of NAME.html, or of a further certificate of this shape; `content` is that of NAME.json."""
    from cv_gdpr.evidence.certificate import certificate

    return certificate(document, shape, content).encode(errors="xmlcharrefreplace")


def hash_line(sha256: str, place: Path) -> bytes:
    """Return a file's line as sha256sum writes it; a leading backslash says that the name is escaped."""
    name = place.name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if name == place.name else chr(92)}{sha256}  ".encode() + os.fsencode(name) + b"\n"


def in_the_way(evidence: Path, chain: Chain) -> tuple[list[Path], list[Path]]:
    """Return which of the three files are missing, and which names another file has taken; raise UsageError.

    Also remove temporary files of a killed run; the caller must hold the ledger's lock.
    """
    missing, foreign = [], []
    for place, content in texts(evidence, chain).items():
        with storing(place):
            remove_unfinished(place)
        if not os.path.lexists(place):
            missing.append(place)
        elif not _is_ours(place, content):
            foreign.append(place)
    return missing, foreign


def withdraw(evidence: Path, chain: Chain) -> None:
    """Remove the files of a stopped run, since the run that resumes it writes new ones from the ledger.

    The time-stamp over the ledger's first line stays.

    Raise UsageError if another file is in their place, and StorageError.
    """
    _, foreign = in_the_way(evidence, chain)
    foreign += [paper for paper in papers_at(evidence) if not (paper.is_file() and shape_in(paper.read_bytes()))]
    if foreign:
        raise UsageError(f"{foreign[0]} differs from the ledger of this erasure", "move it away, and try again")
    for place in filter(os.path.lexists, reversed(written_last(evidence))):
        with storing(place):
            place.unlink(missing_ok=True)


def _is_ours(place: Path, content: bytes) -> bool:
    try:
        handle = open_own(place)
    except (OSError, UsageError):
        return False
    try:
        return read_all(handle) == content
    finally:
        os.close(handle)


def write(evidence: Path, chain: Chain, stamp: Callable[[bytes], None] = lambda _: None) -> Evidence:
    """Write those of the three files that are missing, durably, and return the evidence; raise StorageError.

    `stamp` is called with the content of the evidence before the list of hashes is made, which lists the time-stamp.
    """
    made = documents(evidence, chain)
    for place, content in made.items():
        _complete(evidence, place, content)
    stamp(made[evidence])
    _complete(evidence, hashes_of(evidence), hash_list(evidence, chain, made))
    return document_of(chain, ledger_of(evidence).name)


def _complete(evidence: Path, place: Path, content: bytes) -> None:
    """Write one of the files unless it is there; raise StorageError if another one is in its place."""
    hint = f"the ledger is complete: the same command with --evidence {quoted(str(evidence))} writes the other files"
    if os.path.lexists(place) and _is_ours(place, content):
        return
    try:
        with storing(place):
            write_new(place, content)
    except StorageError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise StorageError(
                f"{place} appeared during the run and is not overwritten", f"move it away; {hint}"
            ) from error
        raise StorageError(error.message, hint) from error
