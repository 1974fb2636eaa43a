"""The host of Azure Resource Manager: its checks (version, token, scope, rights, locks) and the routes of accounts."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from custom_vision_simulator import account_handlers as handlers
from custom_vision_simulator.account_asks import AccountAsk
from custom_vision_simulator.accounts import PROVIDER, Accounts
from custom_vision_simulator.answers import Answer, ArmError
from custom_vision_simulator.host import Incoming
from custom_vision_simulator.identity import Tokens
from custom_vision_simulator.routes import matched
from custom_vision_simulator.store import Store, now

UNKNOWN = "UnknownResource"
AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
)
_OTHER_CLOUDS = {"https://management.usgovcloudapi.net", "https://management.chinacloudapi.cn"}
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_HEADERS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Cache": "CONFIG_NOCACHE",
}
_CHALLENGE = 'Bearer authorization_uri="https://login.windows.net/", error="invalid_token", error_description="{}"'

MISSING = "Authentication failed. The 'Authorization' header is missing."
WRONG_AUDIENCE = (
    "The access token has been obtained for wrong audience or resource '{}'. It should exactly match with one of the "
    "allowed audiences {}."
)
EXPIRED = "The access token expiry UTC time '{}' is earlier than current UTC time '{}'."
NOT_ALLOWED = (
    "The client '{client}' with object id '{principal}' does not have authorization to perform action '{action}' over "
    "scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
)


@dataclass(frozen=True, slots=True)
class ArmRoute:
    """An operation of Resource Manager: its name in the management library, method, path, Azure's action, handler."""

    name: str
    method: str
    segments: tuple[str, ...]
    action: str
    handler: Callable[[AccountAsk], Answer]


_SUBSCRIPTION = f"/subscriptions/{{subscription}}/providers/{PROVIDER}"
_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}/accounts"
_ACCOUNT = _GROUP + "/{account}"
_DELETED = _SUBSCRIPTION + "/locations/{location}/resourceGroups/{group}/deletedAccounts/{account}"
_RESULT = _SUBSCRIPTION + "/locations/{location}/operationResults/{operation}"
_READ = "accounts/read"
_DELETED_ACTION = "locations/resourceGroups/deletedAccounts"
_TABLE = (
    ("AccountsGet", "GET", _ACCOUNT, _READ, handlers.get),
    ("AccountsList", "GET", _SUBSCRIPTION + "/accounts", _READ, handlers.list_all),
    ("AccountsListByResourceGroup", "GET", _GROUP, _READ, handlers.list_all),
    ("AccountsListKeys", "POST", _ACCOUNT + "/listKeys", "accounts/listKeys/action", handlers.list_keys),
    ("AccountsListUsages", "GET", _ACCOUNT + "/usages", "accounts/usages/read", handlers.list_usages),
    ("AccountsCreate", "PUT", _ACCOUNT, "accounts/write", handlers.create),
    ("AccountsDelete", "DELETE", _ACCOUNT, "accounts/delete", handlers.delete),
    ("DeploymentsList", "GET", _ACCOUNT + "/deployments", "accounts/deployments/read", handlers.list_deployments),
    ("DeletedAccountsGet", "GET", _DELETED, f"{_DELETED_ACTION}/read", handlers.get_deleted),
    (
        "DeletedAccountsList",
        "GET",
        _SUBSCRIPTION + "/deletedAccounts",
        "deletedAccounts/read",
        handlers.list_deleted,
    ),
    ("DeletedAccountsPurge", "DELETE", _DELETED, f"{_DELETED_ACTION}/delete", handlers.purge),
    (
        "LocksList",
        "GET",
        _ACCOUNT + "/providers/Microsoft.Authorization/locks",
        "Microsoft.Authorization/locks/read",
        handlers.list_locks,
    ),
    ("OperationResultsGet", "GET", _RESULT, "locations/operationResults/read", handlers.get_operation),
)


def _action(text: str) -> str:
    return text if text.startswith("Microsoft.") else f"{PROVIDER}/{text}"


ARM_ROUTES = [
    ArmRoute(name, method, tuple(path.strip("/").split("/")), _action(action), handler)
    for name, method, path, action, handler in _TABLE
]


def find_arm_route(method: str, path: str) -> tuple[ArmRoute, dict[str, str]] | None:
    """Return the route and the decoded path parameters of a request, whose path may be in any case; or None."""
    segments = [unquote(each) for each in re.sub("/+", "/", path).strip("/").split("/")]
    for route in ARM_ROUTES:
        if route.method == method and len(route.segments) == len(segments):
            ids = matched(route.segments, segments)
            if ids is not None:
                return route, ids
    return None


class ResourceManager:
    """Answers requests to Resource Manager."""

    def __init__(self, store: Store, accounts: Accounts, tokens: Tokens) -> None:
        """Take the state and what reads the tokens."""
        self._store = store
        self._accounts = accounts
        self._options = accounts.options
        self._tokens = tokens

    def name_of(self, method: str, path: str) -> str:
        """Return the operation's name in the management library, or UNKNOWN."""
        found = find_arm_route(method, path)
        return found[0].name if found else UNKNOWN

    def answer(self, incoming: Incoming) -> Answer:
        """Check a request and run its operation."""
        try:
            _check_version(incoming.query)
            self._check_token(incoming.headers)
            return self._carried_out(incoming)
        except _Unauthenticated as error:
            challenge = {"WWW-Authenticate": _CHALLENGE.format(error.message)}
            answer = error.answer()
            return Answer(answer.status, answer.body, answer.content_type, challenge)
        except ArmError as error:
            return error.answer()

    def finish(self, answer: Answer) -> Answer:
        """Return the answer with the headers that Resource Manager puts on every answer.

        Recorded, but for the three ids: documented, and removed from the recordings.
        """
        ident, region = str(uuid.uuid4()), self._options.location.upper()
        common = {
            **_HEADERS,
            "x-ms-request-id": ident,
            "x-ms-correlation-request-id": ident,
            "x-ms-routing-request-id": f"{region}:{now():%Y%m%dT%H%M%SZ}:{ident}",
        }
        return Answer(answer.status, answer.body, answer.content_type, {**common, **answer.headers})

    def latency(self) -> float:
        """Return the seconds to wait before each answer."""
        return self._options.resource_manager_latency

    def _carried_out(self, incoming: Incoming) -> Answer:
        if (found := find_arm_route(incoming.method, incoming.path)) is None:
            raise _unknown(incoming)
        route, ids = found
        self._check_scope(ids)
        self._check_rights(route, incoming.path)
        with self._store.lock:
            self._store.settle()
            self._accounts.expire()
            base = f"http://{incoming.headers.get('Host', '')}"
            return route.handler(AccountAsk(self._store, self._accounts, ids, incoming.query, incoming.body, base))

    def _check_token(self, headers: Mapping[str, str]) -> None:
        """Raise Resource Manager's 401s, in words that users reported (Azure-Sentinel#11922 has the last two)."""
        if not (authorization := headers.get("Authorization")):
            raise _Unauthenticated(401, "AuthenticationFailed", MISSING)
        claims = self._tokens.read(authorization)
        if claims is None:
            raise _Unauthenticated(401, "InvalidAuthenticationToken", "The access token is invalid.")
        if claims.audience not in AUDIENCES and claims.audience.rstrip("/") not in _OTHER_CLOUDS:
            wrong = WRONG_AUDIENCE.format(claims.audience, ",".join(f"'{each}'" for each in AUDIENCES))
            raise _Unauthenticated(401, "InvalidAuthenticationTokenAudience", wrong)
        if claims.expired:
            ended = _american(datetime.fromtimestamp(claims.expires, UTC))
            raise _Unauthenticated(401, "ExpiredAuthenticationToken", EXPIRED.format(ended, _american(now())))

    def _check_scope(self, ids: Mapping[str, str]) -> None:
        subscription, group = ids["subscription"], ids.get("group", self._options.resource_group)
        if subscription.lower() != self._options.subscription.lower():
            raise ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
        if group.lower() != self._options.resource_group.lower():
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")

    def _check_rights(self, route: ArmRoute, path: str) -> None:
        if not self._options.denied.isdisjoint({route.name, route.action}):
            named = {"client": self._options.client_id, "principal": self._options.principal}
            scope = path.removesuffix("/listKeys").partition("/providers/Microsoft.Authorization")[0]
            raise ArmError(403, "AuthorizationFailed", NOT_ALLOWED.format(**named, action=route.action, scope=scope))


class _Unauthenticated(ArmError):
    """A 401, which carries a challenge."""


def _check_version(query: Mapping[str, str]) -> None:
    """Raise the 400 for a missing version, which comes before every other check (MicrosoftDocs/feedback#2279)."""
    if not (version := query.get("api-version")):
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise ArmError(400, "MissingApiVersionParameter", message)
    if not _VERSION.fullmatch(version):
        raise ArmError(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")


def _unknown(incoming: Incoming) -> ArmError:
    """Return the 404 for a path that is not simulated ([infer])."""
    namespace = f"in the namespace '{PROVIDER}' for api version '{incoming.query['api-version']}'"
    kind = incoming.path.strip("/").rpartition("/")[2]
    return ArmError(404, "InvalidResourceType", f"The resource type '{kind}' could not be found {namespace}.")


def _american(moment: datetime) -> str:
    """Return a time in the form of Resource Manager's messages: 3/17/2025 5:31:31 PM."""
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:{moment:%M:%S %p}"
