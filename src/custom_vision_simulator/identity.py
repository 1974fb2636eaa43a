"""Microsoft Entra ID: the managed identity endpoint of App Service, and the tokens that it issues.

The protocol is documented (App Service, REST endpoint reference, api-version 2019-08-01); azure-identity speaks it when
IDENTITY_ENDPOINT and IDENTITY_HEADER are set.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from custom_vision_simulator.answers import Answer, json_answer
from custom_vision_simulator.faults import IDENTITY
from custom_vision_simulator.host import Incoming
from custom_vision_simulator.records import Options

PATH = "/msi/token"
VERSION = "2019-08-01"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: for which service, until when (seconds since 1970), and who signed in."""

    audience: str
    expires: float
    principal: str
    client_id: str

    @property
    def expired(self) -> bool:
        """Return whether the token has ended."""
        return self.expires <= time.time()


class Tokens:
    """Issues and reads the tokens of one simulator; it trusts its own signatures alone."""

    def __init__(self, options: Options) -> None:
        """Take the options, which say who signs in and how long a token lives."""
        self._options = options
        self._secret = secrets.token_bytes(32)

    def issue(self, audience: str) -> tuple[str, int]:
        """Return a JWT for that audience and when it expires, in seconds since 1970."""
        begins, options = int(time.time()), self._options
        expires = int(begins + options.token_life)
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{options.tenant}/",
            "iat": begins,
            "nbf": begins,
            "exp": expires,
            "appid": options.client_id,
            "idtyp": "app",
            "oid": options.principal,
            "sub": options.principal,
            "tid": options.tenant,
            "jti": secrets.token_urlsafe(8),
            "ver": "1.0",
        }
        signed = f"{_part({'typ': 'JWT', 'alg': 'HS256'})}.{_part(claims)}"
        return f"{signed}.{self._signature(signed)}", expires

    def read(self, authorization: str) -> Claims | None:
        """Return the claims of an Authorization header, expired or not; None without a token of this simulator."""
        scheme, _, token = authorization.partition(" ")
        signed, _, signature = token.strip().rpartition(".")
        known = signature.isascii() and signed.isascii() and hmac.compare_digest(self._signature(signed), signature)
        if scheme.lower() != "bearer" or not known:
            return None
        claims = _claims(signed)
        return Claims(claims["aud"], claims["exp"], claims["oid"], claims["appid"])

    def _signature(self, signed: str) -> str:
        return _base64(hmac.digest(self._secret, signed.encode(), sha256))


def _part(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _claims(signed: str) -> dict[str, Any]:
    text = signed.partition(".")[2]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return claims


class IdentityHost:
    """Answers requests for tokens."""

    def __init__(self, options: Options, tokens: Tokens) -> None:
        """Take the options and what issues the tokens."""
        self._options = options
        self._tokens = tokens

    def name_of(self, method: str, path: str) -> str:
        """Return IDENTITY, the operation name of every request to this host."""
        del method, path
        return IDENTITY

    def answer(self, incoming: Incoming) -> Answer:
        """Return a token for the resource in the query; 400, 401 or 404 for a wrong request (wording: [infer])."""
        if incoming.method != "GET" or incoming.path.rstrip("/").lower() != PATH:
            return _refusal(404, "Resource not found")
        if incoming.headers.get("X-IDENTITY-HEADER") != self._options.identity_header:
            return _refusal(401, "X-IDENTITY-HEADER is missing or wrong")
        if incoming.query.get("api-version") != VERSION:
            return _refusal(400, f"api-version must be {VERSION}")
        if not (resource := incoming.query.get("resource", "")).startswith("https://"):
            return _refusal(400, "resource must be the address of a service")
        return self._issued(resource)

    def finish(self, answer: Answer) -> Answer:
        """Return the answer as it is."""
        return answer

    def latency(self) -> float:
        """Return the seconds to wait before each answer."""
        return self._options.identity_latency

    def _issued(self, resource: str) -> Answer:
        token, expires = self._tokens.issue(resource)
        return json_answer(
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": self._options.client_id,
            }
        )


def _refusal(status: int, message: str) -> Answer:
    return json_answer({"statusCode": status, "message": message}, status)
