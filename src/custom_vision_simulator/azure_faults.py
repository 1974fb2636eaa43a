"""The named faults of Resource Manager, of the managed identity and of access to the Training API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from custom_vision_simulator.access import NO_KEYS, NO_ROLE
from custom_vision_simulator.faults import API, ARM, IDENTITY, Fault
from custom_vision_simulator.resource_manager import NOT_ALLOWED

E = TypeVar("E")
_HUNG = 600.0  # seconds
_PAGE = "<html><body>Sign in</body></html>"
_FIREWALL = "Access denied due to Virtual Network/Firewall rules."
_PRIVATE = "Public access is disabled. Please configure private endpoint."
_ACTION = "Microsoft.CognitiveServices/{}"
_LOCKED = (
    "The scope '/subscriptions/simulated' cannot perform delete operation because following scope(s) are locked: "
    "'/subscriptions/simulated'. Please remove the lock and try again."
)

_LOCK = {
    "properties": {"level": "CanNotDelete"},
    "id": "/subscriptions/simulated/providers/Microsoft.Authorization/locks/simulated",
    "type": "Microsoft.Authorization/locks",
    "name": "simulated",
}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _forbidden(action: str) -> dict[str, Any]:
    named = {"client": "simulated", "principal": "simulated", "scope": "/subscriptions/simulated"}
    return _error("AuthorizationFailed", NOT_ALLOWED.format(**named, action=_ACTION.format(action)))


def entries(at: Callable[..., E]) -> Iterator[E]:
    """Yield the entries that `at` makes of a route, a name, a sentence and what the fault does."""
    yield from _access(at)
    yield from _identity(at)
    yield from _manager(at)


def _access(at: Callable[..., E]) -> Iterator[E]:
    """Yield refusals of the Training API, in words that were reported for other services of the same gateway."""
    off = _error("AuthenticationTypeDisabled", NO_KEYS)
    yield at(API, "keys-off", "Calls are answered 403: keys are switched off.", status=403, body=off)
    role = _error("PermissionDenied", NO_ROLE)
    yield at(API, "no-role", "Calls are answered 401: the identity has no role.", status=401, body=role)
    rules = _error("403", _FIREWALL)
    yield at(API, "firewall", "Calls are answered 403: a network rule.", status=403, body=rules)
    private = _error("403", _PRIVATE)
    yield at(API, "private", "Calls are answered 403: public access is off.", status=403, body=private)


def _identity(at: Callable[..., E]) -> Iterator[E]:
    said = {"statusCode": 500, "message": "No managed identity found for specified ClientId/ResourceId/PrincipalId."}
    yield at(IDENTITY, "identity-missing", "No token: there is no such identity.", status=500, body=said)
    yield at(IDENTITY, "identity-page", "An HTML page instead of a token.", status=200, body=_PAGE)
    yield at(IDENTITY, "identity-dropped", "The connection is closed without a token.", drop=True)
    yield at(IDENTITY, "identity-hung", "Each token is issued after ten minutes.", delay=_HUNG)


def _manager(at: Callable[..., E]) -> Iterator[E]:
    soon, seconds = _error("TooManyRequests", "The request is being throttled."), {"Retry-After": "1"}
    failed = _error("InternalServerError", "Encountered internal server error. Please retry later.")
    down = _error("ServerTimeout", "The request timed out. Please retry later.")
    yield at(ARM, "arm-throttled", "Answered 429 with Retry-After: 1.", status=429, body=soon, headers=seconds)
    yield at(ARM, "arm-500", "Answered 500.", status=500, body=failed)
    yield at(ARM, "arm-503", "Answered 503.", status=503, body=down)
    yield at(ARM, "arm-504", "Answered 504 with an HTML page.", status=504, body=_PAGE)
    yield at(ARM, "arm-page", "An HTML page instead of JSON.", status=200, body=_PAGE)
    yield at(ARM, "arm-empty", "An empty answer instead of JSON.", status=200, body=b"")
    yield at(ARM, "arm-broken-json", "The JSON breaks off.", status=200, body=b'{"id": "x')
    yield at(ARM, "arm-dropped", "The connection is closed without an answer.", drop=True)
    yield at(ARM, "arm-cut", "The body of an answer breaks off after ten bytes.", cut=10)
    yield at(ARM, "arm-hung", "Each call is answered after ten minutes.", delay=_HUNG)
    yield at(ARM, "arm-forbidden", "Answered 403: no right.", status=403, body=_forbidden("accounts/read"))
    yield from _accounts(at)


def _accounts(at: Callable[..., E]) -> Iterator[E]:
    keys, purge = _forbidden("accounts/listKeys/action"), "locations/resourceGroups/deletedAccounts/delete"
    yield at("AccountsListKeys", "arm-keys-forbidden", "The keys may not be listed: 403.", status=403, body=keys)
    delete = _forbidden("accounts/delete")
    yield at("AccountsDelete", "arm-delete-forbidden", "The account may not be deleted: 403.", status=403, body=delete)
    locked = _error("ScopeLocked", _LOCKED)
    yield at(
        "AccountsDelete",
        "arm-locked",
        "A lock, which is listed, prevents the deletion: 409.",
        beside=(Fault("LocksList", times=None, status=200, body={"value": [_LOCK]}),),
        status=409,
        body=locked,
    )
    yield at("AccountsDelete", "arm-lying-delete", "Answered 200, but nothing is deleted.", status=200, body=b"")
    yield at("AccountsDelete", "arm-delete-dropped", "Deleted, then dropped without an answer.", drop=True, done=True)
    denied = _forbidden(purge)
    yield at("DeletedAccountsPurge", "arm-purge-forbidden", "It may not be purged: 403.", status=403, body=denied)
    yield at("DeletedAccountsPurge", "arm-lying-purge", "Answered 204, but nothing is purged.", status=204, body=b"")
    ended = {"status": "Failed"} | _error("InternalServerError", "The operation failed.")
    yield at("OperationResultsGet", "arm-operation-failed", "What was accepted fails later.", body=ended)
    running = {"status": "Deleting"}
    yield at("OperationResultsGet", "arm-operation-endless", "What was accepted never ends.", body=running)
