"""What the signature and the time-stamp of a file prove, with or without an anchor of trust."""

import os
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from cv_gdpr.archive.reading import reading
from cv_gdpr.errors import UsageError
from cv_gdpr.sealing import ssh, tokens

Proof: TypeAlias = Literal["proven", "not proven", "wrong", "none"]
PROVEN: Final = "proven"
UNPROVEN: Final = "not proven"
WRONG: Final = "wrong"
NONE: Final = "none"
_LONGEST = 1 << 20  # bytes of a signature or token that are read


class Anchors(NamedTuple):
    """Whom a verification trusts: allowed signers, and authorities; None: nothing is asked for."""

    signers: ssh.Signers | None = None
    authorities: tokens.Authorities | None = None


class Signed(NamedTuple):
    """What a signature proves: by whom (if that is known), with which key, and why it proves nothing."""

    proof: Proof
    by: str = ""
    key: str = ""
    why: str = ""
    at: datetime | None = None  # it was signed before this time, as a time-stamp over the signature proves

    @property
    def words(self) -> str:
        """The same for a person."""
        if self.proof == PROVEN:
            known = f"not later than {self.at:%Y-%m-%dT%H:%M:%SZ}" if self.at else "at an unknown time; it is valid now"
            return f"signed by {self.by} with the key {self.key}, {known}"
        if self.proof == NONE:
            return "not signed: proves that nobody altered it by accident"
        if self.key:
            return f"signed with the key {self.key}; --signer FILE proves whose it is"
        return f"signed, but that is not checked: {self.why}"


class Stamped(NamedTuple):
    """What a time-stamp proves: since when something exists; and why it proves nothing."""

    proof: Proof
    time: datetime | None = None
    why: str = ""

    @property
    def shown(self) -> str:
        """The time in UTC, to the second; empty where it is unknown."""
        return f"{self.time:%Y-%m-%dT%H:%M:%SZ}" if self.time else ""

    @property
    def words(self) -> str:
        """The same for a person."""
        if self.proof == PROVEN:
            return f"existed at {self.shown}, as the time-stamp proves"
        if self.proof == NONE:
            return "not time-stamped: its dates are those of the machine that wrote it"
        if self.time:
            return f"a time-stamp says that it existed at {self.shown}; --tsa-certificate FILE proves it"
        return f"time-stamped, but that is not checked: {self.why}"


def signature_on(content: bytes, file: Path, anchors: Anchors, at: datetime | None) -> Signed:
    """Return what the signature in `file` proves of `content`; `at` is when it existed, if that is proven.

    The key must be valid then; without a proven time, now: anyone who holds an ended key could date a signature back.

    Raise NotSealed if it must be checked and this machine has no ssh-keygen.
    """
    signature = _held_in(file)
    if signature is None:
        return Signed(NONE)
    if anchors.signers is None and not ssh.is_there():
        return Signed(UNPROVEN, why="this machine has no ssh-keygen")
    try:
        key = ssh.fingerprint_of(signature, content)
        if anchors.signers is None:
            return Signed(UNPROVEN, key=key)
        who = anchors.signers.who(signature, content, at)
    except ssh.Wrong as error:
        return Signed(WRONG, why=str(error))
    return Signed(PROVEN, who.principal, who.key, at=at)


def stamp_on(content: bytes, file: Path, anchors: Anchors) -> Stamped:
    """Return what the time-stamp in `file` proves of `content`."""
    answer = _held_in(file)
    if answer is None:
        return Stamped(NONE)
    if not tokens.is_there():
        return Stamped(UNPROVEN, why="the extra cv-gdpr[evidence] is not installed")
    try:
        token = tokens.token_of(answer, content)
    except tokens.Invalid as error:
        return Stamped(WRONG, why=str(error))
    if anchors.authorities is None:
        return Stamped(UNPROVEN, token.time)
    if token.is_by(anchors.authorities):
        return Stamped(PROVEN, token.time)
    return Stamped(WRONG, token.time, "no authority of --tsa-certificate signed it, or its certificate had ended")


def dated_signature_on(content: bytes, file: Path, anchors: Anchors) -> tuple[Signed, Stamped]:
    """Return what a signature proves, and the time-stamp over the signature itself: it alone says when it was made.

    Raise NotSealed as `signature_on` does.
    """
    signature, token = _held_in(file), file.with_name(f"{file.name}.tsr")
    dated = Stamped(NONE) if signature is None else stamp_on(signature, token, anchors)
    return signature_on(content, file, anchors, dated.time if dated.proof == PROVEN else None), dated


def refuse_another_key(place: Path, signed: Signed, signer: ssh.Signer | None) -> None:
    """Raise UsageError if the signature in `place` was made with another key than that of `signer`."""
    if signer and signed.key and signer.fingerprint != signed.key:
        raise UsageError(f"{place} is a signature with the key {signed.key}", "move it away to sign with another one")


def refuse_to_part(token: Path, signature: bytes) -> None:
    """Raise UsageError if the time-stamp in `token` is of another signature than the one that will be written."""
    if is_of_another(token, signature):
        words = f"{token} is the time-stamp of a signature that is not there any more"
        raise UsageError(words, "move it away, to where that signature is")


def is_of_another(token: Path, signature: bytes) -> bool:
    """Return whether there is a time-stamp, and it is not known to be over this signature."""
    return os.path.lexists(token) and stamp_on(signature, token, Anchors()).time is None


def _held_in(file: Path) -> bytes | None:
    """Return the content of a signature or token; None if there is none. What is not a file holds nothing.

    Raise Unreadable.
    """
    with reading(file):
        if not file.is_file():
            return b"" if file.is_symlink() or file.exists() else None
        with file.open("rb") as opened:
            return opened.read(_LONGEST)
