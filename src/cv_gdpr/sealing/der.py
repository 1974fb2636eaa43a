"""The parts of a time-stamp's DER that rfc3161-client does not read: the order of certificates, and which one signs."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

_SET, _CERTIFICATES, _SIGNED = 0x31, 0xA0, 0xA0
_SIGNING_CERTIFICATE = {
    bytes.fromhex("060b2a864886f70d010910020c"): ("sha1",),  # RFC 2634
    bytes.fromhex("060b2a864886f70d010910022f"): ("sha256", "sha384", "sha512"),  # RFC 5035
}


class _Part(NamedTuple):
    """A value: its tag, where it begins, where its content begins, and where it ends."""

    tag: int
    begin: int
    content: int
    end: int


def with_sorted_certificates(answer: bytes) -> bytes:
    """Return an authority's answer with its certificates in the order of DER, as the parser demands.

    OpenSSL writes them as the authority lists them. The signature does not cover them. What cannot be read is returned
    as it is.
    """
    try:
        bag = next(one for one in _signed_data(answer) if one.tag == _CERTIFICATES)
        certificates = [answer[one.begin : one.end] for one in _parts(answer, bag)]
    except (StopIteration, IndexError, ValueError):
        return answer
    return answer[: bag.content] + b"".join(sorted(certificates)) + answer[bag.end :]


def names_its_certificate(answer: bytes, known: list[bytes]) -> bool:
    """Return whether the signature covers the hash of a certificate, of the answer or `known`: RFC 3161, 2.4.1."""
    try:
        data = list(_signed_data(answer))
        own = [answer[p.begin : p.end] for one in data if one.tag == _CERTIFICATES for p in _parts(answer, one)]
        signers = [one for one in data if one.tag == _SET][-1]
        signer = next(_parts(answer, signers))
        attributes = next(one for one in _parts(answer, signer) if one.tag == _SIGNED)
        texts = [answer[one.content : one.end] for one in _parts(answer, attributes)]
    except (StopIteration, IndexError, ValueError):
        return False
    return any(
        hashlib.new(name, certificate, usedforsecurity=False).digest() in text
        for text in texts
        for oid, names in _SIGNING_CERTIFICATE.items()
        if text.startswith(oid)
        for name in names
        for certificate in (*own, *known)
    )


def _signed_data(answer: bytes) -> Iterator[_Part]:
    """Yield the parts of the SignedData in a TimeStampResp; raise ValueError or IndexError for anything else."""
    whole = _part(answer, 0)
    _, info = _parts(answer, whole)
    _, explicit = _parts(answer, info)
    return _parts(answer, next(_parts(answer, explicit)))


def _parts(data: bytes, of: _Part) -> Iterator[_Part]:
    at = of.content
    while at < of.end:
        part = _part(data, at)
        yield part
        at = part.end


def _part(data: bytes, at: int) -> _Part:
    """Return the value that begins at a position; raise IndexError if it does not end within the data."""
    length, content = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, content = int.from_bytes(data[content : content + size], "big"), content + size
    if content + length > len(data):
        raise IndexError
    return _Part(data[at], at, content, content + length)
