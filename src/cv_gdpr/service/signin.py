"""Who asks the service: the holder of a training key, or an identity of Microsoft Entra ID."""

import binascii
import json
import logging
import threading
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import requests
from msrest.authentication import ApiKeyCredentials, Authentication, BasicTokenAuthentication

from cv_gdpr.errors import SignInFailed, UsageError
from cv_gdpr.extras import install
from cv_gdpr.masking import RUN, fingerprint, masked
from cv_gdpr.service.checks import TRANSIENT
from cv_gdpr.service.clouds import Cloud
from cv_gdpr.service.environment import authorities
from cv_gdpr.watching import tried_again, waiting_for

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

_RENEW_BEFORE = 300  # seconds before a token ends
_LONGEST_WAIT = 2.0  # seconds between two tries
_WAITS = ("retry-after", "retry-after-ms", "x-ms-retry-after-ms")
# What an identity endpoint's malformed answer makes azure-identity raise, and settings that contradict each other.
_OF_WRONG_TYPES = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
_MESSAGE_MOST = 400  # characters of azure-identity's message, which lists every way that it tried
_HOW = (
    "run az login, or set what DefaultAzureCredential reads: a managed identity (IDENTITY_ENDPOINT), a workload "
    "identity, or AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET"
)
# Azure AI services take tokens on a resource's own subdomain only ("Please provide a custom subdomain for token
# authentication, otherwise API key is required").
_REGIONAL = (".api.cognitive.microsoft.com", ".api.cognitive.microsoft.us", ".api.cognitive.azure.us")
_REGIONAL_CHINA = ".api.cognitive.azure.cn"


class SignIn(Protocol):
    """A way to sign in: what the SDK needs for it, and who that is, for plan and evidence."""

    @property
    def who(self) -> str:
        """Who asks, without a secret and without a name."""

    def authentication(self) -> Authentication:
        """Return what signs each request of the SDK."""

    def refused(self) -> None:
        """Note that the service refused it: a token is fetched anew."""


@dataclass(frozen=True, repr=False)
class KeySignIn:
    """Sign-in with a training key."""

    key: str

    @property
    def who(self) -> str:
        """The fingerprint of the key."""
        return f"the holder of a training key (sha256:{fingerprint(self.key)})"

    def authentication(self) -> Authentication:
        """Return what sends the key with each request."""
        return ApiKeyCredentials(in_headers={"Training-Key": self.key})

    def refused(self) -> None:
        """Do nothing: there is no other key."""


class NoSignIn(NamedTuple):
    """No sign-in: nothing is asked of the training API."""

    who: str = "nobody at the training API"

    def authentication(self) -> Authentication:
        """Return what adds nothing to a request."""
        return Authentication()

    def refused(self) -> None:
        """Do nothing."""


class _Token(NamedTuple):
    """An access token, and when it ends as a Unix time."""

    text: str
    ends: float


@dataclass(repr=False)
class EntraSignIn:
    """Sign-in with Microsoft Entra ID, by azure-identity's DefaultAzureCredential; safe to use from several threads."""

    cloud: Cloud
    scope: str
    credential: "CheckedCredential"
    _token: _Token | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def who(self) -> str:
        """The ids of the identity, its application and its tenant; raise SignInFailed."""
        claims = _claims(self.token())
        parts = (("object", "oid"), ("application", "appid"), ("tenant", "tid"))
        known = ", ".join(f"{word} {claims[name]}" for word, name in parts if isinstance(claims.get(name), str))
        return f"Microsoft Entra ID: {masked(known) or 'an identity that its token does not name'}"

    def authentication(self) -> Authentication:
        """Return what sends a valid token with each request."""
        return _BearerAuthentication(self)

    def refused(self) -> None:
        """Forget the token, so that the next request fetches one anew; a credential repeats the one that it keeps."""
        with self._lock:
            self._token = None
            self.credential = default_credential(self.cloud)

    def token(self) -> str:
        """Return a token that is valid for at least five minutes; raise SignInFailed."""
        with self._lock:
            if self._token is None or self._token.ends - time.time() < _RENEW_BEFORE:
                self._token = self._fetch()
            return self._token.text

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """Return an access token of the credential in use, as azure-core's policies ask for it; raise SignInFailed."""
        return self.credential.get_token(*scopes, **options)

    def _fetch(self) -> _Token:
        found = self.credential.get_token(self.scope)
        return _Token(found.token, found.expires_on)


class _BearerAuthentication(BasicTokenAuthentication):  # type: ignore[misc]  # msrest has no types
    """msrest's own token authentication, with a token that is renewed; msrest asks for it before each request."""

    def __init__(self, sign_in: EntraSignIn) -> None:
        super().__init__({})
        self._sign_in = sign_in

    def signed_session(self, session: requests.Session | None = None) -> requests.Session:
        """Return the session with a valid token in its headers; raise SignInFailed."""
        self.token = {"access_token": self._sign_in.token()}
        signed: requests.Session = super().signed_session(session)
        return signed


class CheckedCredential:
    """A credential whose tokens can stand in a header and never in a message; it fails with SignInFailed."""

    def __init__(self, credential: "TokenCredential") -> None:
        self._credential = credential

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """Return an access token, as azure-core's policies ask for it; raise SignInFailed."""
        from azure.core.exceptions import AzureError

        try:
            with waiting_for("sign-in", "Microsoft Entra ID"):
                found = self._credential.get_token(*scopes, **options)
        except AzureError as error:
            raise _failed(" ".join(masked(str(error)).split())[:_MESSAGE_MOST]) from None
        except _OF_WRONG_TYPES as error:
            raise _failed(f"azure-identity cannot use its settings, or the answer ({type(error).__name__})") from None
        if isinstance(found.token, str):
            RUN.know_key(found.token)
        if not _is_token(found.token) or not isinstance(found.expires_on, (int, float)):
            raise _failed("the identity endpoint answered with something that is not a token")
        return found


def _failed(words: str) -> SignInFailed:
    return SignInFailed(f"sign-in with Microsoft Entra ID failed: {words}", _HOW)


def _is_token(text: Any) -> bool:
    """Return whether a value can be a bearer token: visible ASCII characters."""
    return isinstance(text, str) and bool(text) and text.isascii() and text.isprintable() and " " not in text


def with_entra(cloud: Cloud, endpoint: str) -> EntraSignIn:
    """Return the sign-in to a resource with Microsoft Entra ID.

    Raise UsageError for the endpoint of a region, which takes no tokens, and where azure-identity is not installed.
    """
    if is_regional(endpoint):
        raise UsageError(
            "--auth entra does not work with the endpoint of a region",
            "use the resource's own endpoint, https://NAME.cognitiveservices.azure.com; a resource without one needs a "
            "custom subdomain first (Azure portal, or az cognitiveservices account update --custom-domain NAME)",
        )
    return EntraSignIn(cloud, f"{cloud.audience}/.default", default_credential(cloud))


def is_regional(endpoint: str) -> bool:
    """Return whether an endpoint is that of a region, which all its resources share."""
    return (urlsplit(endpoint).hostname or "").endswith((*_REGIONAL, _REGIONAL_CHINA))


def default_credential(cloud: Cloud) -> CheckedCredential:
    """Return azure-identity's DefaultAzureCredential for a cloud, within a time and checked.

    azure-core's own retries take minutes, and as long as the answer asks for. Raise UsageError if the extra is not
    installed, and for certificates that cannot be used: of those, Microsoft's libraries raise no error of their own.
    """
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise UsageError("sign-in with Microsoft Entra ID needs the extra azure", install("azure")) from None
    authorities()
    _silence_libraries()
    try:
        credential = DefaultAzureCredential(
            authority=cloud.authority,
            retry_total=3,
            retry_backoff_max=_LONGEST_WAIT,
            read_timeout=30.0,
            raw_response_hook=_shorten_wait,
        )
    except ValueError as error:  # of a variable such as AZURE_TOKEN_CREDENTIALS
        raise UsageError(f"azure-identity refuses its settings: {masked(str(error))}") from None
    return CheckedCredential(credential)


def _silence_libraries() -> None:
    """Leave out what Microsoft's libraries log, unless -vv asks for everything: the error says it in one line."""
    wanted = logging.getLogger("cv_gdpr").isEnabledFor(logging.DEBUG)
    for name in ("azure", "msal"):
        logging.getLogger(name).setLevel(logging.NOTSET if wanted else logging.CRITICAL + 1)


def _shorten_wait(response: Any) -> None:
    """Take a wait out of an answer that is longer than sign-in may take; the retry policy then uses its own."""
    if (status := response.http_response.status_code) in TRANSIENT:
        tried_again(status)
    headers = response.http_response.headers
    for name in [name for name in headers if name.lower() in _WAITS]:
        del headers[name]


def has_extra() -> bool:
    """Return whether the libraries of the extra azure are installed, without importing them."""
    try:
        return bool(find_spec("azure.identity") and find_spec("azure.mgmt.cognitiveservices"))
    except ModuleNotFoundError:  # a package above them
        return False


def _claims(token: str) -> dict[str, Any]:
    """Return what an access token says of its bearer, unchecked; empty for one of another form."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(binascii.a2b_base64(parts[1].translate(_URL_SAFE) + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


_URL_SAFE = str.maketrans("-_", "+/")
