"""Completes the files of an erasure from its ledger, time-stamps and signs them: later, elsewhere, by someone else."""

from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from cv_gdpr.archive.writing import remove_unfinished, replace_all, storing
from cv_gdpr.errors import NotSealed, NotVerified, UsageError
from cv_gdpr.evidence import files, seals
from cv_gdpr.evidence.checking import check_chain, compare
from cv_gdpr.evidence.ledger import Chain, Ledger, chained
from cv_gdpr.evidence.papers import NO_PAPER, Paper, wanted_pages
from cv_gdpr.evidence.proven import read
from cv_gdpr.evidence.records import Evidence
from cv_gdpr.evidence.seals import Seals
from cv_gdpr.evidence.vouching import Vouching, vouched
from cv_gdpr.sealing.checking import NONE, Anchors, refuse_another_key
from cv_gdpr.sealing.tokens import token_of

_SAME_KEY = "give --sign as well, with the same key"


class Certified(NamedTuple):
    """The files that were written, why a signature or time-stamp is lacking, and what now vouches for the evidence."""

    written: list[Path]
    lacking: list[str]
    vouching: Vouching


def certify(path: Path, wanted: Seals, asked: Paper = NO_PAPER) -> Certified:
    """Complete the evidence at `path`, then time-stamp and sign it, as far as that is wanted and not done.

    `asked` is a further certificate, which the list of hashes names. Raise NotVerified if anything differs, UsageError
    if another key signed it or is to sign it, StorageError.
    """
    ledger = files.ledger_of(path)
    if not ledger.is_file():
        raise NotVerified(f"{ledger} is missing: without its ledger, evidence proves nothing")
    with Ledger(ledger, _endpoint(ledger)) as opened:
        _remove_unfinished(path)
        before, chain = _there(path), opened.chain()
        wanted = wanted.after(chain.events[-1])
        _complete(path, chain)
        found = _agreeing(path, signs=wanted.signer is not None)
        _refuse_another_key(path, found, wanted)
        evidence = read(path.read_bytes())
        token, lacking = _token(path, wanted, found)
        pages = _pages(path, evidence, asked, wanted, found, token=token)
        if found.signed.proof != NONE and not wanted.signer and pages:
            raise UsageError("a certificate changes the list of hashes, which is signed", _SAME_KEY)
        if token or pages:
            new = pages | ({files.token_of(path): token} if token else {})
            lacking += _add(path, chain, new, wanted if not lacking else wanted._replace(authority=None))
        else:
            lacking += seals.sign(path, wanted, answers=not lacking)
        written = [place for place, state in _there(path).items() if before.get(place) != state]
    return Certified(written, lacking, vouched(path, Anchors()))


def _endpoint(ledger: Path) -> str:
    """Return the endpoint that a ledger names; raise NotVerified if it is not that of a run that has ended."""
    chain = chained(ledger.read_bytes())
    if differences := check_chain(ledger, chain):
        raise NotVerified(differences[0], "cv-gdpr verify names every difference; an interrupted run is resumed first")
    return chain.events[0].endpoint  # type: ignore[union-attr]  # check_chain: the first event begins a run


def _there(path: Path) -> dict[Path, tuple[int, int]]:
    """Return the files that are there, with what tells a file from one that replaced it."""
    there = (place for place in files.written_last(path) if place.is_file())
    return {place: (place.stat().st_ino, place.stat().st_mtime_ns) for place in there}


def _remove_unfinished(path: Path) -> None:
    """Remove the temporary files that a killed run left; the caller holds the ledger's lock."""
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
        raise NotVerified(f"{path} does not verify: {differences[0]}", "cv-gdpr verify names every difference")
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


def _token(path: Path, wanted: Seals, found: Vouching) -> tuple[bytes, list[str]]:
    """Return a time-stamp over the evidence, empty if it has one or none is wanted; and why it is lacking."""
    if not wanted.authority or found.existed.proof != NONE:
        return b"", []
    try:
        return wanted.authority.stamp(path.read_bytes()), []
    except NotSealed as error:
        return b"", [error.message]


def _pages(  # noqa: PLR0913 - what a page says
    path: Path, evidence: Evidence, asked: Paper, wanted: Seals, found: Vouching, *, token: bytes
) -> dict[Path, bytes]:
    """Return the further certificates to write, with what will vouch for the evidence then."""
    after = found.seals
    if wanted.signer:
        after = replace(after, signer=wanted.signer.fingerprint)
    if token and wanted.authority:
        shown = token_of(token, path.read_bytes()).shown
        after = replace(after, existed=shown, authority=wanted.authority.name)
    return wanted_pages(path, evidence, asked, found.seals, after)


def _add(path: Path, chain: Chain, new: dict[Path, bytes], wanted: Seals) -> list[str]:
    """Add a time-stamp and certificates, and sign the list of hashes that names them; return what is lacking.

    Nothing that is there is replaced before all that is new is made: a key that does not sign costs nothing.
    """
    made = {place: place.read_bytes() for place in (path, files.certificate_of(path))}
    hashes, lacking = files.hash_list(path, chain, made, new), list[str]()
    place, token = files.signature_of(path), files.signed_at_of(path)
    try:
        signature = wanted.signer.sign(hashes) if wanted.signer else b""
    except NotSealed as error:
        return [error.message]
    sealed = {place: signature} if signature else {}
    try:
        if wanted.authority and signature:
            sealed[token] = wanted.authority.stamp(signature)
    except NotSealed as error:
        lacking.append(error.message)
    with storing(path):
        replace_all(new | {files.hashes_of(path): hashes} | sealed)
        if token not in sealed:
            token.unlink(missing_ok=True)  # it is over the signature before
    return lacking
