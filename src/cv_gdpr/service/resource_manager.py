"""The Azure resource itself, through Azure Resource Manager and Microsoft's own library for it.

Facts: Accounts - Get, - List, - List Keys, - List Usages, - Delete, Deleted Accounts - List, - Purge of
Microsoft.CognitiveServices (Azure's REST reference, API 2025-09-01); a deleted resource can be recovered for 48 hours
(Microsoft's page on recovering and purging resources).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from cv_gdpr.errors import (
    Forbidden,
    MalformedAnswer,
    NotAuthorised,
    NotFound,
    ServiceError,
    Stops,
    Unreachable,
    UsageError,
)
from cv_gdpr.extras import install
from cv_gdpr.links import is_loopback
from cv_gdpr.masking import RUN, masked
from cv_gdpr.service.answers import proper_code, proper_id
from cv_gdpr.service.call_log import Sent
from cv_gdpr.service.clouds import Cloud
from cv_gdpr.service.signin import EntraSignIn, default_credential
from cv_gdpr.verbatim import Json, json_value
from cv_gdpr.watching import tried_again, waiting_for

if TYPE_CHECKING:
    from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

Answered = TypeVar("Answered")
TRAINING, PREDICTION = "CustomVision.Training", "CustomVision.Prediction"
_ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.CognitiveServices/accounts/([^/]+)/?",
    re.IGNORECASE,
)
_LOCKS = "providers/Microsoft.Authorization/locks?api-version=2020-05-01"
_MESSAGE_MOST = 600  # characters
_READER = "Reader, or Cognitive Services Custom Vision Reader, at the resource"
_ROLES = {
    "Accounts-Delete": "Contributor at the resource",
    "Accounts-ListKeys": "Contributor at the resource",
    "Accounts-List": "Reader at the subscription",
    "DeletedAccounts-Get": "Reader at the subscription",
    "DeletedAccounts-List": "Reader at the subscription",
    "DeletedAccounts-Purge": "Contributor at the subscription",
}
_LOCKED = "a lock protects the resource or its group: remove the lock first (Azure portal, Locks), or leave it"
_SIGN_IN = "sign in again: az login, or check the managed identity; and --cloud"
_MALFORMED = "answered with a body that is not what its contract says"
_ON_THE_WAY = "probably a proxy or a sign-in page on the way answered; check --resource-manager and --cloud"
# What the library raises for a body that it cannot read.
_OF_WRONG_TYPES = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
_RETRIES = 4


class ResourceId(NamedTuple):
    """Where a resource is: its subscription, its resource group, its name."""

    subscription: str
    group: str
    name: str

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.CognitiveServices/accounts/{self.name}"
        )


def role_for(operation: str) -> str:
    """Return the least role of Azure that allows an operation, and where."""
    return _ROLES.get(operation, _READER)


def resource_id_of(text: str) -> ResourceId:
    """Return the parts of a resource's id, as the portal shows it; raise UsageError."""
    found = _ID.fullmatch(text.strip())
    if not found:
        raise UsageError(
            "the resource id is not one of an Azure AI services account",
            "it looks like /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.CognitiveServices/accounts/NAME: "
            "the Azure portal shows it under Properties",
        )
    return ResourceId(*found.groups())


class Reply(NamedTuple):
    """The answer to a request that changes something: its status and Resource Manager's request id."""

    status: int
    request_id: str


@dataclass(frozen=True)
class Address:
    """Where Resource Manager is, and in which cloud to sign in.

    `silence` is how many seconds an answer may send nothing, `patience` about how many a failing call is retried.
    """

    cloud: Cloud
    url: str
    silence: float = 60.0
    patience: float = 120.0

    @property
    def scope(self) -> str:
        """The scope of tokens for Resource Manager."""
        return f"{self.cloud.resource_manager}/.default"

    @property
    def enforce_https(self) -> bool:
        """Whether tokens go over https alone: everywhere but to this machine."""
        return not (self.url.startswith("http://") and is_loopback(urlsplit(self.url).hostname or ""))


class ResourceManager:
    """Resource Manager as seen by one signed-in identity, in one subscription."""

    def __init__(self, address: Address, subscription: str) -> None:
        self._address = address
        self.subscription = subscription
        self._sign_in = EntraSignIn(address.cloud, address.scope, default_credential(address.cloud))
        self._client = _client(address, subscription, self._sign_in)
        self._was_good = False  # whether a call succeeded with this sign-in

    @property
    def who(self) -> str:
        """The ids of the identity that is signed in; raise SignInFailed."""
        return self._sign_in.who

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def account(self, place: ResourceId) -> Json:
        """Return Accounts-Get as sent; raise NotFound, ServiceError."""
        return self._read("Accounts-Get", self._client.accounts.get, place.group, place.name)

    def accounts(self) -> list[Json]:
        """Return all Azure AI services accounts of the subscription; raise ServiceError."""
        return self._listed("Accounts-List", self._client.accounts.list)

    def usages(self, place: ResourceId) -> list[Json]:
        """Return the quotas of the resource and what is used of them; raise ServiceError."""
        found = self._read("Accounts-ListUsages", self._client.accounts.list_usages, place.group, place.name)
        return _records(found)

    def deployments(self, place: ResourceId) -> list[Json]:
        """Return the deployments at the resource; raise ServiceError."""
        return self._listed("Deployments-List", self._client.deployments.list, place.group, place.name)

    def keys(self, place: ResourceId) -> Json:
        """Return the two keys of the resource; raise Forbidden where the identity may not list them."""
        found = self._read("Accounts-ListKeys", self._client.accounts.list_keys, place.group, place.name)
        for key in found.values():
            if isinstance(key, str):
                RUN.know_key(key)
        return found

    def locks(self, place: ResourceId) -> list[Json]:
        """Return the locks on the resource, its group and its subscription; raise ServiceError."""
        from azure.core.rest import HttpRequest

        def ask(**options: Any) -> None:
            response = self._client._send_request(HttpRequest("GET", f"{place}/{_LOCKS}"), **options)
            response.raise_for_status()

        return _records(self._read("Locks-List", ask))

    def delete(self, place: ResourceId) -> Reply:
        """Request the deletion of the resource, which may take minutes; raise ServiceError."""
        return self._change("Accounts-Delete", self._client.accounts.begin_delete, place.group, place.name)

    def deleted(self, place: ResourceId, location: str) -> Json | None:
        """Return the entry of a deleted resource that can still be recovered, or None; raise ServiceError."""
        try:
            return self._read(
                "DeletedAccounts-Get", self._client.deleted_accounts.get, location, place.group, place.name
            )
        except NotFound:
            return None

    def deleted_accounts(self) -> list[Json]:
        """Return all deleted resources of the subscription that can still be recovered; raise ServiceError."""
        return self._listed("DeletedAccounts-List", self._client.deleted_accounts.list)

    def purge(self, place: ResourceId, location: str) -> Reply:
        """Request the end of the time in which a deleted resource can be recovered; raise ServiceError."""
        return self._change(
            "DeletedAccounts-Purge", self._client.deleted_accounts.begin_purge, location, place.group, place.name
        )

    # --- calls --------------------------------------------------------------------------------------------------

    def _options(self, name: str, hook: Callable[[Any], None]) -> dict[str, Any]:
        sent = Sent(name)
        sent.begins()

        def heard(response: Any) -> None:
            sent.ends(response.http_response.status_code, _request_id(response.http_response))
            sent.begins()  # the next page
            hook(response)

        return {"raw_response_hook": heard, "enforce_https": self._address.enforce_https}

    def _read(self, name: str, call: Callable[..., Any], *arguments: str) -> Json:
        bodies: list[str] = []  # of each try
        self._call(name, lambda: call(*arguments, **self._options(name, lambda one: bodies.append(_text(one)))))
        return _document(name, bodies[-1])

    def _listed(self, name: str, call: Callable[..., Iterable[Any]], *arguments: str) -> list[Json]:
        pages: list[Json] = []
        links: set[str] = set()

        def keep(response: Any) -> None:  # before the library asks for the next page
            if response.http_response.status_code != 200:
                return  # the library raises, or tries again
            pages.append(_document(name, _text(response)))
            self._check_next_link(name, pages[-1].get("nextLink"), links)

        def read() -> None:
            pages.clear()  # of an earlier try
            links.clear()
            list(call(*arguments, **self._options(name, keep)))

        self._call(name, read)
        return [record for page in pages for record in _records(page)]

    def _check_next_link(self, name: str, link: Any, seen: set[str]) -> None:
        """Raise MalformedAnswer for a next page at another host, which would get the token, or one seen before."""
        if not link:
            return
        own = urlsplit(self._address.url)
        parts = urlsplit(link) if isinstance(link, str) else urlsplit("")
        if (parts.scheme.lower(), parts.netloc.lower()) != (own.scheme.lower(), own.netloc.lower()) or link in seen:
            raise MalformedAnswer(
                f"{name}: the link to the next page leads to another host, or in a circle", _ON_THE_WAY
            )
        seen.add(link)

    def _change(self, name: str, call: Callable[..., Any], *arguments: str) -> Reply:
        replies: list[Reply] = []  # of each try

        def note(response: Any) -> None:
            answer = response.http_response
            replies.append(Reply(answer.status_code, _request_id(answer)))

        self._call(name, lambda: call(*arguments, polling=False, **self._options(name, note)))
        return replies[-1]

    def _call(self, name: str, send: Callable[[], Answered]) -> Answered:
        """Return what a call returns; a token that is refused after good calls is fetched anew, once."""
        try:
            found = self._once(name, send)
        except NotAuthorised as error:
            if error.status != 401 or not self._was_good:
                raise
            self._sign_in.refused()
            self._was_good = False
            found = self._once(name, send)
        self._was_good = True
        return found

    @staticmethod
    def _once(name: str, send: Callable[[], Answered]) -> Answered:
        from azure.core.exceptions import AzureError

        try:
            with waiting_for(name, "Azure Resource Manager"):
                return send()
        except AzureError as error:
            raise _translated(name, error) from None
        except _OF_WRONG_TYPES:
            raise MalformedAnswer(f"{name}: Resource Manager {_MALFORMED}", _ON_THE_WAY) from None


def _client(address: Address, subscription: str, sign_in: EntraSignIn) -> "CognitiveServicesManagementClient":
    try:
        from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
    except ImportError:
        raise UsageError("Azure Resource Manager needs the extra azure", install("azure")) from None
    return CognitiveServicesManagementClient(
        sign_in,
        subscription,
        address.url,
        credential_scopes=[address.scope],
        read_timeout=address.silence,
        permit_redirects=False,
        retry_policy=_retries(address.patience),
    )


def _retries(patience: float) -> Any:
    """Return azure-core's own retries, within a time: its default is ten, and as long as Retry-After asks for."""
    from azure.core.pipeline.policies import RetryPolicy

    class Retries(RetryPolicy):  # type: ignore[misc]  # azure-core is not followed by mypy
        def get_retry_after(self, response: Any) -> float | None:
            asked: float | None = super().get_retry_after(response)
            return asked and min(asked, patience)

        def sleep(self, settings: Any, transport: Any, response: Any = None) -> None:
            tried_again(response.http_response.status_code if response else 0)
            super().sleep(settings, transport, response)

    return Retries(retry_total=_RETRIES, retry_backoff_max=patience / _RETRIES)


def _request_id(response: Any) -> str:
    return proper_id(response.headers.get("x-ms-request-id", ""))


def _text(response: Any) -> str:
    text: str = response.http_response.text()
    return text


def _document(name: str, body: str) -> Json:
    try:
        found = json_value(body)
    except (ValueError, RecursionError):
        raise MalformedAnswer(f"{name}: Resource Manager {_MALFORMED}", _ON_THE_WAY) from None
    if not isinstance(found, dict):
        raise MalformedAnswer(f"{name}: Resource Manager answered with JSON that is not an object", _ON_THE_WAY)
    return found


def _records(document: Json) -> list[Json]:
    value = document.get("value")
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise MalformedAnswer("Resource Manager answered with a list that holds no records")
    return value


def properties_of(record: Json) -> Json:
    """Return the properties of a record of Resource Manager; empty if it has none."""
    properties = record.get("properties")
    return properties if isinstance(properties, dict) else {}


def _translated(name: str, error: Any) -> ServiceError:
    """Return our error for one of azure-core's; its message is Resource Manager's own, shortened and masked."""
    response = getattr(error, "response", None)
    status = int(getattr(response, "status_code", 0) or 0)
    told = getattr(error, "error", None)
    code = proper_code(str(getattr(told, "code", "") or ""))
    said = " ".join(masked(str(getattr(told, "message", "") or error.message)).split())[:_MESSAGE_MOST]
    request_id = _request_id(response) if response is not None else ""
    known: dict[str, Any] = {"status": status, "code": code, "request_id": request_id}
    tail = f" (request id {request_id})" if request_id else ""
    if not status:
        return _without_answer(name, said, error)
    text = f"{name}: Resource Manager answered {status}: {f'{code} ' if code else ''}{said}{tail}"
    if status == 401:
        return _of_this_row(NotAuthorised(text, _SIGN_IN, **known))
    if status == 403:
        return Forbidden(text, f"the identity needs the role {role_for(name)}", **known)
    if status == 404:
        return NotFound(text, **known)
    return ServiceError(text, _LOCKED if code == "ScopeLocked" else None, **known)


def _without_answer(name: str, said: str, error: Any) -> ServiceError:
    from azure.core.exceptions import ClientAuthenticationError, DecodeError, IncompleteReadError

    if isinstance(error, ClientAuthenticationError):
        return _of_this_row(NotAuthorised(f"{name}: sign-in with Microsoft Entra ID failed: {said}", _SIGN_IN))
    if isinstance(error, DecodeError) and not isinstance(error, IncompleteReadError):
        return MalformedAnswer(f"{name}: Resource Manager {_MALFORMED}", _ON_THE_WAY)
    where = "check --resource-manager and --cloud"
    return _of_this_row(Unreachable(f"{name}: Resource Manager could not be reached: {said}", where))


def _of_this_row(error: ServiceError) -> ServiceError:
    """Return the error of Resource Manager as one that stops no call to the training API, which is another service."""
    error.stops = Stops.LISTING
    return error
