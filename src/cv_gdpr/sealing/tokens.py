"""Time-stamps of RFC 3161: what a token says, and whether an authority that is trusted says it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.errors import UsageError
from cv_gdpr.extras import install
from cv_gdpr.platforms.files import reason_of

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

TOLERANCE = timedelta(minutes=5)
"""How far two clocks may be apart."""
LONGEST = 1 << 16  # bytes of a token; with a chain of certificates it takes some 6 KB
_NEEDS = "time-stamps need the package rfc3161-client"
_GRANTED = 0


def is_there() -> bool:
    """Return whether the extra is installed."""
    from importlib.util import find_spec

    return find_spec("rfc3161_client") is not None


def require() -> None:
    """Raise UsageError if the extra is not installed."""
    if not is_there():
        raise UsageError(_NEEDS, install("evidence"))


class Invalid(ValueError):
    """A token that is not one, or not of this content; the message says why."""


class Token(NamedTuple):
    """A token over some content: when the content existed, according to the authority, and the nonce of the request."""

    response: "TimeStampResponse"
    content: bytes
    time: datetime
    nonce: int | None
    answer: bytes

    @property
    def shown(self) -> str:
        """The time as evidence writes times, to the second."""
        return f"{self.time:%Y-%m-%dT%H:%M:%SZ}"

    def is_by(self, authorities: "Authorities") -> bool:
        """Return whether a certificate of these authorities signed it, and was valid then."""
        from cryptography.hazmat.primitives.serialization import Encoding
        from rfc3161_client import VerificationError, VerifierBuilder

        from cv_gdpr.sealing.der import names_its_certificate

        known = [one.public_bytes(Encoding.DER) for one in (*authorities.roots, *authorities.between)]
        if not names_its_certificate(self.answer, known):
            return False  # OpenSSL refuses it, too
        verifier = VerifierBuilder(roots=authorities.roots, intermediates=authorities.between).build()
        try:
            return bool(verifier.verify_message(self.response, self.content))
        except (VerificationError, ValueError):
            return False


def token_of(answer: bytes, content: bytes) -> Token:
    """Return the token in an authority's answer; raise Invalid unless it is one over `content`."""
    from rfc3161_client import decode_timestamp_response

    from cv_gdpr.sealing.der import with_sorted_certificates

    try:
        response = decode_timestamp_response(with_sorted_certificates(answer))
        refused = response.status != _GRANTED
        words = "; ".join(response.status_string)[:200] if refused else ""
        about = None if refused else response.tst_info
        time, nonce = (about.gen_time, about.nonce) if about else (None, None)
    except ValueError as error:
        raise Invalid(f"not a time-stamp of RFC 3161 ({_reason(error)})") from error
    if time is None:
        raise Invalid(f"the authority refused it{f': {words}' if words else ''}")
    if not _is_about(response, content):
        raise Invalid("it is a time-stamp of something else")
    return Token(response, content, time.astimezone(UTC), nonce, answer)


def _reason(error: ValueError) -> str:
    """Return what the parser says, in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _is_about(response: "TimeStampResponse", content: bytes) -> bool:
    import hashlib

    about = response.tst_info.message_imprint
    algorithm = _ALGORITHMS.get(about.hash_algorithm.dotted_string)
    return algorithm is not None and hashlib.new(algorithm, content).digest() == about.message


_ALGORITHMS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


class Authorities(NamedTuple):
    """The certificates that are trusted to time-stamp: roots, and what may stand between them and an authority."""

    roots: "list[Certificate]"
    between: "list[Certificate]"


def authorities_in(path: Path) -> Authorities:
    """Return the certificates in a PEM file; raise UsageError if none of them is a root."""
    require()
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise UsageError(f"--tsa-certificate {path}: {reason_of(error, path)}") from error
    except ValueError as error:
        raise UsageError(f"--tsa-certificate {path} holds no certificates", "name a PEM file") from error
    roots = [one for one in found if one.issuer == one.subject]
    if not roots:
        words = f"--tsa-certificate {path} holds no root: no certificate in it is its own issuer"
        raise UsageError(words, "append the certificate of the authority's root to the file")
    return Authorities(roots, [one for one in found if one not in roots])
