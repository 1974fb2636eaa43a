"""The signature and the time-stamp of an export: both are over its tag manifest, which covers all the rest.

They lie beside the tag manifest and are not listed in it, as BagIt (RFC 8493, section 2.2.4) allows.
"""

import os
from pathlib import Path
from typing import NamedTuple

from cv_gdpr.archive.writing import storing, write_new
from cv_gdpr.errors import NotSealed
from cv_gdpr.sealing.authority import Authority
from cv_gdpr.sealing.checking import (
    NONE,
    WRONG,
    Anchors,
    Signed,
    Stamped,
    dated_signature_on,
    refuse_to_part,
    stamp_on,
)
from cv_gdpr.sealing.ssh import Signer

TAG_MANIFEST = "tagmanifest-sha256.txt"
SIGNATURE = f"{TAG_MANIFEST}.sig"
TOKEN = f"{TAG_MANIFEST}.tsr"
SIGNED_AT = f"{SIGNATURE}.tsr"


class BagVouching(NamedTuple):
    """Who signed an export, since when it exists, and what differs."""

    signed: Signed
    existed: Stamped
    differences: list[str]


def seal(folder: Path, signer: Signer | None, authority: Authority | None) -> list[str]:
    """Time-stamp and sign a finished bag, unless that is done; return why something is lacking.

    Raise UsageError for the time-stamp of another signature than the one that will be written; StorageError.
    """
    lacking: list[str] = []
    wanted = (
        (TAG_MANIFEST, TOKEN, authority and authority.stamp),
        (TAG_MANIFEST, SIGNATURE, signer and signer.sign),
        (SIGNATURE, SIGNED_AT, authority and authority.stamp),
    )
    for of, name, make in wanted:
        place = folder / name
        if lacking and name == SIGNED_AT:
            break  # the authority did not answer, or there is no new signature
        if make and (folder / of).is_file() and not os.path.lexists(place):
            try:
                made = make((folder / of).read_bytes())
            except NotSealed as error:
                lacking.append(error.message)
                continue
            if name == SIGNATURE:
                refuse_to_part(folder / SIGNED_AT, made)
            with storing(place):
                write_new(place, made)
    return lacking


def vouched(folder: Path, anchors: Anchors) -> BagVouching:
    """Return what the signature and the time-stamp of a bag prove."""
    manifest = folder / TAG_MANIFEST
    content = manifest.read_bytes() if manifest.is_file() else b""
    existed = stamp_on(content, folder / TOKEN, anchors)
    signed, dated = dated_signature_on(content, folder / SIGNATURE, anchors)
    lacking = [
        (SIGNATURE, signed.proof, signed.why, anchors.signers is not None, "not signed"),
        (TOKEN, existed.proof, existed.why, anchors.authorities is not None, "not time-stamped"),
        (SIGNED_AT, dated.proof, dated.why, False, ""),
    ]
    differences = [f"{name}: {why}" for name, proof, why, _, _ in lacking if proof == WRONG]
    differences += [f"{name}: missing: {words}" for name, proof, _, asked, words in lacking if proof == NONE and asked]
    return BagVouching(signed, existed, differences)
