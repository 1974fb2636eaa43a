"""Completes the files of an erasure from its ledger, time-stamps and signs them: later, elsewhere, by someone else."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from cv_gdpr.archive.new_folder import new_folder, refuse_taken, write_text
from cv_gdpr.archive.replacing import finish_replacing, marker_of, replace_all
from cv_gdpr.archive.writing import remove_unfinished, storing
from cv_gdpr.errors import NotSealed, NotVerified, UsageError
from cv_gdpr.evidence import files, seals
from cv_gdpr.evidence.checking import check_chain, compare
from cv_gdpr.evidence.ledger import Chain, Ledger, chained
from cv_gdpr.evidence.papers import NO_PAPER, Paper, wanted_pages
from cv_gdpr.evidence.seals import Seals
from cv_gdpr.evidence.vouching import Vouching, vouched
from cv_gdpr.sealing.checking import NONE, Anchors, is_of_another, refuse_another_key, refuse_to_part
from cv_gdpr.sealing.tokens import token_of

NAMES_EACH = "cv-gdpr verify names every difference"
_SAME_KEY = "give --sign as well, with the same key"
_ITS_TIME = "give --timestamp URL as well: the new one needs a time of its own"


class Certified(NamedTuple):
    """The files that were written, why a signature or time-stamp is lacking, and what now vouches for the evidence."""

    written: list[Path]
    lacking: list[str]
    vouching: Vouching


def certify(path: Path, wanted: Seals, asked: Paper = NO_PAPER) -> Certified:
    """Complete the evidence at `path`, then time-stamp and sign it, as far as that is wanted and not done.

    `asked` is a further certificate, which the list of hashes names. Raise NotVerified if anything differs, also
    afterwards; UsageError for what is not a file or too long to read, and if another key signed it or is to sign it;
    StorageError.
    """
    files.refuse_unreadable(path)
    ledger = files.ledger_of(path)
    if not ledger.is_file():
        raise NotVerified(f"{ledger} is missing: without its ledger, evidence proves nothing")
    with Ledger(ledger, _endpoint(ledger)) as opened:
        _finish(path)
        before, chain = _there(path), opened.chain()
        wanted = wanted.after(chain.events[-1])
        _complete(path, chain)
        found = _agreeing(path, signs=wanted.signer is not None)
        _refuse_another_key(path, found, wanted)
        content = path.read_bytes()  # once: whatever is written is about what was checked
        token, lacking = _token(content, wanted, found)
        pages = _pages(path, content, asked, wanted, found, token=token)
        if found.signed.proof != NONE and not wanted.signer and pages:
            raise UsageError("a certificate changes the list of hashes, which is signed", _SAME_KEY)
        if token or pages:
            new = pages | ({files.token_of(path): token} if token else {})
            lacking = _add(path, chain, content, new, wanted, lacking)
        else:
            lacking += seals.sign(path, wanted, answers=not lacking)
        written = [place for place, state in _there(path).items() if before.get(place) != state]
        after = vouched(path, Anchors())
        if after.contradictions:
            raise NotVerified(f"{path} was changed meanwhile: {after.contradictions[0]}", NAMES_EACH)
    return Certified(written, lacking, after)


def copy_to(out: Path, evidence: Path) -> Path:
    """Copy evidence and all beside it into a new folder, and return its path there.

    Raise UsageError if the name is taken, or something is not a file or too long to read; StorageError.
    """
    refuse_taken(out)
    files.refuse_unreadable(evidence)
    with new_folder(out) as folder:
        for place in filter(Path.is_file, files.all_of(evidence)):
            write_text(folder / place.name, place.read_bytes())
    return out / evidence.name


def remove_copy(evidence: Path, *, folder: bool) -> None:
    """Remove evidence with all beside it, and its `folder` if nothing else is in it."""
    for place in files.all_of(evidence):
        place.unlink(missing_ok=True)
    if folder:
        with suppress(OSError):
            evidence.parent.rmdir()


def _endpoint(ledger: Path) -> str:
    """Return the endpoint that a ledger names; raise NotVerified if it is not that of a run that has ended."""
    chain = chained(ledger.read_bytes())
    if differences := check_chain(ledger, chain):
        raise NotVerified(differences[0], f"{NAMES_EACH}; an interrupted run is resumed first")
    return chain.events[0].endpoint  # type: ignore[union-attr]  # check_chain: the first event begins a run


def _there(path: Path) -> dict[Path, tuple[int, int]]:
    """Return the files that are there, with what tells a file from one that replaced it."""
    there = (place for place in files.written_last(path) if place.is_file())
    return {place: (place.stat().st_ino, place.stat().st_mtime_ns) for place in there}


def _finish(path: Path) -> None:
    """Finish what a killed run was replacing, and remove its other temporary files; the caller holds the ledger's lock.

    Raise NotVerified if the marker of what it was replacing was altered, StorageError.
    """
    with storing(path):
        try:
            finish_replacing(path, files.all_of(path))
        except ValueError as error:
            raise NotVerified(f"{marker_of(path)} is not what certify wrote", "remove it") from error
    for place in files.all_of(path):
        with storing(place):
            remove_unfinished(place)


def _complete(path: Path, chain: Chain) -> None:
    """Write what is missing of the files that follow from the ledger; raise NotVerified if one differs."""
    if all(place.is_file() for place in (path, files.certificate_of(path), files.hashes_of(path))):
        return
    _, foreign = files.in_the_way(path, chain)
    if foreign:
        raise NotVerified(f"{foreign[0]} differs from the ledger", "move it away: it is then made from the ledger")
    files.write(path, chain)


def _agreeing(path: Path, *, signs: bool) -> Vouching:
    """Return what vouches for evidence; raise NotVerified if anything differs, but for what is lacking.

    Raise UsageError if it `signs` and something cannot be compared: a signature attests each word of these files.
    """
    found, compared = vouched(path, Anchors()), compare(path)
    if differences := [*compared.differences, *found.contradictions]:
        raise NotVerified(f"{path} does not verify: {differences[0]}", NAMES_EACH)
    if signs and compared.uncompared:
        raise UsageError(f"{path} is not signed: {compared.uncompared[0]}", "sign with the version that compares it")
    return found


def _refuse_another_key(path: Path, found: Vouching, wanted: Seals) -> None:
    signs, place = wanted.signer, files.signature_of(path)
    if signs and found.promised_key and signs.fingerprint != found.promised_key:
        words = f"the ledger says that the key {found.promised_key} signs, not {signs.fingerprint}"
        raise UsageError(words, "sign with that one")
    refuse_another_key(place, found.signed, signs)
    if wanted.authority and found.existed.proof == NONE and found.signed.proof != NONE and not signs:
        words = "a time-stamp changes the list of hashes, which is signed"
        raise UsageError(words, _SAME_KEY)


def _token(content: bytes, wanted: Seals, found: Vouching) -> tuple[bytes, list[str]]:
    """Return a time-stamp over the evidence, empty if it has one or none is wanted; and why it is lacking."""
    if not wanted.authority or found.existed.proof != NONE:
        return b"", []
    try:
        return wanted.authority.stamp(content), []
    except NotSealed as error:
        return b"", [error.message]


def _pages(  # noqa: PLR0913 - what a page says
    path: Path, content: bytes, asked: Paper, wanted: Seals, found: Vouching, *, token: bytes
) -> dict[Path, bytes]:
    """Return the further certificates to write, with what will vouch for the evidence then."""
    after = found.seals
    if wanted.signer:
        after = replace(after, signer=wanted.signer.fingerprint)
    if token and wanted.authority:
        shown = token_of(token, content).shown
        after = replace(after, existed=shown, authority=wanted.authority.name)
    return wanted_pages(path, content, asked, found.seals, after)


def _add(  # noqa: PLR0913, PLR0917 - what is added to what
    path: Path, chain: Chain, content: bytes, new: dict[Path, bytes], wanted: Seals, lacking: list[str]
) -> list[str]:
    """Add a time-stamp and certificates, and sign the list of hashes that names them; return what is lacking.

    Nothing that is there is replaced before all that is new is made: a key that does not sign costs nothing, nor does
    an authority that does not answer where the signature before is time-stamped. `lacking` is what it did not give yet.
    """
    made = {path: content, files.certificate_of(path): files.certificate_of(path).read_bytes()}
    hashes = files.hash_list(path, chain, made, new)
    place, token = files.signature_of(path), files.signed_at_of(path)
    try:
        signature = wanted.signer.sign(hashes) if wanted.signer else b""
    except NotSealed as error:
        return [*lacking, error.message]
    if signature and not os.path.lexists(place):
        refuse_to_part(token, signature)
    loses = bool(signature) and is_of_another(token, signature)
    if loses and not wanted.authority:
        raise UsageError(f"a new signature replaces one that is time-stamped: {token}", _ITS_TIME)
    sealed = {place: signature} if signature else {}
    try:
        if wanted.authority and signature and not lacking:
            sealed[token] = wanted.authority.stamp(signature)
    except NotSealed as error:
        lacking = [*lacking, error.message]
    if not (loses and lacking):
        with storing(path):
            replace_all(path, new | {files.hashes_of(path): hashes} | sealed)
    return lacking
