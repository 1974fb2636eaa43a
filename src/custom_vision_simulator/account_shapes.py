"""What Resource Manager shows of a resource, its usages, its locks and a long-running operation.

The shapes are those of recorded sessions with other kinds of resource (the tests of Azure's command line, API versions
2023-05-01 and 2026-05-15-preview); what stands in them for Custom Vision is [infer] unless a docstring says more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from custom_vision_simulator.accounts import MULTI_SERVICE, PREDICTION, PROVIDER, TRAINING, Account, Accounts, Operation
from custom_vision_simulator.records import Lock, Options
from custom_vision_simulator.store import Store

Shape = dict[str, Any]
CREATOR = "jane.doe@example.com"
_RATE = 10  # calls a second, "other API calls" of Microsoft's limits page of 01/22/2025
_ENDPOINTS = {
    TRAINING: ("Custom Vision Training",),
    PREDICTION: ("Custom Vision Prediction",),
    MULTI_SERVICE: ("Computer Vision", "Custom Vision Training", "Custom Vision Prediction", "Language", "Speech"),
}


def account_id(options: Options, name: str) -> str:
    """Return the id of a resource."""
    return f"{group_id(options)}/providers/{PROVIDER}/accounts/{name}"


def group_id(options: Options) -> str:
    """Return the id of the resource group."""
    return f"/subscriptions/{options.subscription}/resourceGroups/{options.resource_group}"


def deleted_id(options: Options, name: str) -> str:
    """Return the id of a deleted resource (recorded)."""
    place = f"{PROVIDER}/locations/{options.location}/resourceGroups/{options.resource_group}"
    return f"/subscriptions/{options.subscription}/providers/{place}/deletedAccounts/{name}"


def account_shape(account: Account, options: Options) -> Shape:
    """Return a live resource as Accounts-Get does."""
    return _body(account_id(options, account.name), "accounts", account, options)


def deleted_shape(account: Account, accounts: Accounts) -> Shape:
    """Return a deleted resource: with another id and type, and with the dates of its deletion and purge (recorded)."""
    options = accounts.options
    shape = _body(deleted_id(options, account.name), "deletedAccounts", account, options)
    dates = {
        "deletionDate": utc(account.deleted or account.created),
        "scheduledPurgeDate": utc(accounts.purge_date(account)),
    }
    shape["properties"] = shape["properties"] | dates
    return shape


def _body(ident: str, kind: str, account: Account, options: Options) -> Shape:
    author = {"By": CREATOR, "ByType": "User", "At": utc(account.created)}
    dated = {f"{prefix}{what}": value for prefix in ("created", "lastModified") for what, value in author.items()}
    return {
        "id": ident,
        "name": account.name,
        "type": f"{PROVIDER}/{kind}",
        "etag": f'"{account.internal_id[:8]}-0000-0d00-0000-{account.internal_id[8:16]}0000"',
        "location": options.location,
        "sku": {"name": account.sku},
        "kind": account.kind,
        "tags": account.tags,
        "properties": _properties(account, options),
        "systemData": dated,
    }


def _properties(account: Account, options: Options) -> Shape:
    properties = {
        "endpoint": account.endpoint,
        "internalId": account.internal_id,
        "dateCreated": utc(account.created),
        "callRateLimit": {"rules": [_rule("default", options)]},
        "isMigrated": False,
        "customSubDomainName": _subdomain(account) if options.custom_subdomain else None,
        "privateEndpointConnections": [],
        "publicNetworkAccess": "Enabled",
        "disableLocalAuth": None if options.local_auth else True,
        "capabilities": [{"name": "VirtualNetworks"}, {"name": "CustomerManagedKey"}],
        "endpoints": dict.fromkeys(_ENDPOINTS.get(account.kind, (account.kind,)), account.endpoint),
        "provisioningState": account.state,
    }
    return {name: value for name, value in properties.items() if value is not None}


def _subdomain(account: Account) -> str:
    """Return the first part of an endpoint in Azure; the simulator's own address has the resource's name instead."""
    host = urlsplit(account.endpoint).hostname or ""
    return host.partition(".")[0] if host.endswith(".azure.com") else account.name


def _rule(key: str, options: Options) -> Shape:
    count = options.calls_per_second or _RATE
    patterns = [{"path": "*", "method": "*"}]
    return {"key": key, "renewalPeriod": 1, "count": count, "matchPatterns": patterns}


def usages_shape(account: Account, store: Store) -> Shape:
    """Return the usages of a resource; the names are made up, the limits those of S0 (limits page of 01/22/2025)."""
    if account.kind != TRAINING:
        return {"value": []}
    projects = list(store.projects.values())
    images = sum(len(project.workspace.images) for project in projects)
    return {"value": [_usage("Projects", len(projects), 100), _usage("Images", images, 100_000)]}


def _usage(name: str, current: int, limit: int) -> Shape:
    full = f"{TRAINING}.{name}"
    named = {"name": {"value": full, "localizedValue": full}, "status": "Included"}
    period = {"nextResetTime": "0001-01-01T00:00:00Z", "quotaPeriod": "30.00:00:00", "unit": "Count"}
    return named | {"currentValue": float(current), "limit": float(limit)} | period


def lock_shape(lock: Lock, options: Options, resource_id: str) -> Shape:
    """Return a lock with the id that it has at its scope (published contract of Microsoft.Authorization 2016-09-01)."""
    at = lock_scope(lock, options, resource_id)
    properties = {"level": lock.level} | ({"notes": lock.notes} if lock.notes else {})
    kind = "Microsoft.Authorization/locks"
    return {"properties": properties, "id": f"{at}/providers/{kind}/{lock.name}", "type": kind, "name": lock.name}


def lock_scope(lock: Lock, options: Options, resource_id: str) -> str:
    """Return the id of what a lock was set on."""
    scopes = {"group": group_id(options), "subscription": f"/subscriptions/{options.subscription}"}
    return scopes.get(lock.scope, resource_id)


def operation_path(operation: Operation, options: Options) -> str:
    """Return the address at which an operation is polled, without its query (recorded)."""
    place = f"{PROVIDER}/locations/{options.location}/operationResults"
    return f"/subscriptions/{options.subscription}/providers/{place}/{operation.id}"


def operation_shape(operation: Operation, options: Options) -> Shape:
    """Return the state of an operation: "Creating" was recorded while it runs, "Deleting" is [infer]."""
    shape = {"id": operation_path(operation, options), "name": operation.id, "status": operation.doing}
    shape["startTime"] = _second(operation.started)
    if operation.ended is None:
        return shape
    return shape | {"status": "Succeeded", "endTime": _second(operation.ended)}


def utc(moment: datetime) -> str:
    """Return a date as Resource Manager writes it: 2025-10-28T14:48:53.619600Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
