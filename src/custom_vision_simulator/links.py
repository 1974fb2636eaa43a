"""Signed links to blobs: issued with an expiry, checked when a request uses them."""

from __future__ import annotations

import secrets
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from hmac import compare_digest

from custom_vision_simulator.records import Options

Linker = Callable[[str], str]
WHOLE_SECONDS_FROM = 60.0


class Links:
    """Issues and checks the links of one simulator, with a secret of its own."""

    def __init__(self, options: Options) -> None:
        """Take the lifetime of links and the VNET switch from the options."""
        self._options = options
        self._secret = secrets.token_bytes(32)
        self.base = ""

    def linker(self) -> Linker:
        """Return a function from blob path to link; all its links expire at the same moment.

        With the VNET feature a link is the relative path itself (published contract v3.3 and later).
        """
        if self._options.vnet:
            return str
        expiry = self._expiry()
        tail = f"&se={expiry.replace(':', '%3A')}&sp=r"
        base, head, sign = self.base, "?sv=2017-04-17&sr=b&sig=", self._signature
        return lambda path: f"{base}{path}{head}{_escaped(sign(path, expiry))}{tail}"

    def refusal(self, path: str, query: Mapping[str, str]) -> str | None:
        """Return why a link is refused, or None when its signature is right and it has not expired."""
        expiry = query.get("se", "")
        if not compare_digest(query.get("sig", "").encode(), self._signature(path, expiry).encode()):
            return "Signature did not match."
        if datetime.fromisoformat(expiry) < datetime.now(UTC):
            return f"Signature not valid in the specified time frame: Expiry [{expiry}]"
        return None

    def _expiry(self) -> str:
        # The service writes whole seconds; the short lifetimes of tests need milliseconds.
        life = self._options.link_life
        unit = "seconds" if life >= WHOLE_SECONDS_FROM else "milliseconds"
        moment = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=life)
        return moment.isoformat(timespec=unit) + "Z"

    def _signature(self, path: str, expiry: str) -> str:
        digest = blake2b(f"{path}\n{expiry}".encode(), key=self._secret, digest_size=32).digest()
        return b2a_base64(digest, newline=False).decode()


def _escaped(signature: str) -> str:
    return signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
