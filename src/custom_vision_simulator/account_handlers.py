"""The operations of Resource Manager on accounts, deleted accounts, deployments and locks."""

from __future__ import annotations

from custom_vision_simulator.account_asks import AccountAsk
from custom_vision_simulator.account_shapes import (
    account_shape,
    deleted_shape,
    lock_shape,
    operation_path,
    operation_shape,
    usages_shape,
)
from custom_vision_simulator.accounts import Operation
from custom_vision_simulator.answers import Answer, ArmError, empty, json_answer

ANYWHERE = ("resource", "group", "subscription")
RESTORE_FIRST = (
    "An existing resource with ID '{}' has been soft-deleted. To restore the resource, you must specify 'restore' to "
    "be 'true' in the property. If you don't want to restore existing resource, please purge it first."
)


def get(ask: AccountAsk) -> Answer:
    """Answer a resource (recorded)."""
    return json_answer(account_shape(ask.account, ask.options))


def list_all(ask: AccountAsk) -> Answer:
    """Answer all resources of the subscription or of its only group, without a next page (recorded)."""
    return json_answer({"value": [account_shape(each, ask.options) for each in ask.accounts.live.values()]})


def list_keys(ask: AccountAsk) -> Answer:
    """Answer the two keys (recorded); 400 where keys are switched off (reported), 409 under a lock against writing."""
    account = ask.account
    ask.check_unlocked("write", ANYWHERE, ("ReadOnly",))
    if not ask.options.local_auth:
        raise ArmError(400, "BadRequest", "Failed to list key. disableLocalAuth is set to be true")
    first, second = ask.accounts.keys(account)
    return json_answer({"key1": first, "key2": second})


def list_usages(ask: AccountAsk) -> Answer:
    """Answer the usages."""
    return json_answer(usages_shape(ask.account, ask.store))


def list_deployments(ask: AccountAsk) -> Answer:
    """Answer that there are none: models of Custom Vision are not deployed here ([infer])."""
    _ = ask.account
    return json_answer({"value": []})


def list_locks(ask: AccountAsk) -> Answer:
    """Answer the locks at the resource and above it (documented for Get-AzResourceLock)."""
    _ = ask.account
    return json_answer({"value": [lock_shape(each, ask.options, ask.resource_id) for each in ask.options.locks]})


def create(ask: AccountAsk) -> Answer:
    """Create or recover a resource; 409 for a name that a deleted one has (wording: azure-cli#18146)."""
    wanted = ask.json()
    properties = wanted.get("properties")
    restore = isinstance(properties, dict) and properties.get("restore") is True
    buried = ask.accounts.deleted.get(ask.name.lower())
    if buried and not restore:
        raise ArmError(409, "FlagMustBeSetForRestore", RESTORE_FIRST.format(ask.resource_id))
    found = ask.accounts.live.get(ask.name.lower())
    account = found or buried or ask.accounts.made(ask.name, str(wanted.get("kind", "")))
    ask.accounts.add(account)
    return json_answer(account_shape(account, ask.options), 200 if found else 201)


def delete(ask: AccountAsk) -> Answer:
    """Delete a resource: 200 when it is gone at once (recorded twice), else 202; 204 for a missing one (recorded)."""
    account = ask.accounts.live.get(ask.name.lower())
    if account is None:
        return empty(204)
    ask.check_unlocked("delete", ANYWHERE, ("CanNotDelete", "ReadOnly"))
    if account.state == "Deleting":
        message = f"Account {ask.resource_id} in state {account.state}"
        raise ArmError(409, "AccountProvisioningStateInvalid", message)
    operation = ask.accounts.delete(account)
    return _accepted(ask, operation) if operation else empty(200)


def get_deleted(ask: AccountAsk) -> Answer:
    """Answer a deleted resource; 404 for another one (wording: [infer])."""
    if ask.deleted is None:
        raise ArmError(404, "ResourceNotFound", f"The deleted resource '{ask.name}' was not found.")
    return json_answer(deleted_shape(ask.deleted, ask.accounts))


def list_deleted(ask: AccountAsk) -> Answer:
    """Answer all deleted resources of the subscription (recorded)."""
    return json_answer({"value": [deleted_shape(each, ask.accounts) for each in ask.accounts.deleted.values()]})


def purge(ask: AccountAsk) -> Answer:
    """Begin to purge a deleted resource: 202 (recorded); 204 for a missing one (published contract)."""
    account = ask.deleted
    if account is None:
        return empty(204)
    ask.check_unlocked("delete", ("subscription",), ("CanNotDelete", "ReadOnly"))
    return _accepted(ask, ask.accounts.purge(account))


def get_operation(ask: AccountAsk) -> Answer:
    """Answer the state of an operation (recorded); at the address of Location 202 while it runs, then 200 ([infer])."""
    operation = ask.operation
    if ask.query.get("operationResultResponseType", "").lower() != "location":
        return json_answer(operation_shape(operation, ask.options))
    return _accepted(ask, operation) if operation.ended is None else empty(200)


def _accepted(ask: AccountAsk, operation: Operation) -> Answer:
    """Return the 202 with both addresses to poll, and no Retry-After (recorded: purge)."""
    polled = f"{ask.base}{operation_path(operation, ask.options)}?api-version=2017-04-18"
    ticket = f"t={int(operation.started.timestamp() * 1e7)}"
    headers = {
        "Azure-AsyncOperation": f"{polled}&{ticket}",
        "Location": f"{polled}&operationResultResponseType=Location&{ticket}",
    }
    return Answer(202, headers=headers)
