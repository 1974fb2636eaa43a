"""What every handler of Resource Manager receives: the request's parameters, the state, and checks on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from custom_vision_simulator.account_shapes import account_id, lock_scope
from custom_vision_simulator.accounts import PROVIDER, Account, Accounts, Operation
from custom_vision_simulator.answers import ArmError
from custom_vision_simulator.records import Lock, Options
from custom_vision_simulator.store import Store

HELP = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"


@dataclass(frozen=True, slots=True)
class AccountAsk:
    """One request to Resource Manager; `ids` are the path parameters, `base` the address that was called."""

    store: Store
    accounts: Accounts
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    base: str

    @property
    def options(self) -> Options:
        """Return the options of the simulator."""
        return self.accounts.options

    @property
    def name(self) -> str:
        """Return the name of the resource in the path, as the path writes it."""
        return self.ids["account"]

    @property
    def resource_id(self) -> str:
        """Return the id of the resource in the path."""
        return account_id(self.options, self.name)

    @property
    def account(self) -> Account:
        """Return the live resource in the path; raise 404 ResourceNotFound (wording: users' reports)."""
        if (found := self.accounts.live.get(self.name.lower())) is None:
            what = f"The Resource '{PROVIDER}/accounts/{self.name}' under resource group '{self.ids['group']}'"
            raise ArmError(404, "ResourceNotFound", f"{what} was not found. {HELP}")
        return found

    @property
    def deleted(self) -> Account | None:
        """Return the deleted resource in the path, or None."""
        here = self.ids["location"].replace(" ", "").lower() == self.options.location.lower()
        return self.accounts.deleted.get(self.name.lower()) if here else None

    @property
    def operation(self) -> Operation:
        """Return the operation in the path; raise 404 ([infer])."""
        if (found := self.accounts.operations.get(self.ids["operation"])) is None:
            raise ArmError(404, "OperationNotFound", f"The operation '{self.ids['operation']}' was not found.")
        return found

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body; raise 400 for another one (code: users' reports)."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ArmError(
                400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."
            )
        return value

    def check_unlocked(self, doing: str, scopes: tuple[str, ...], levels: tuple[str, ...]) -> None:
        """Raise 409 ScopeLocked when a lock of those scopes and levels is set (wording: azure-cli#20232)."""
        found = [each for each in self.options.locks if each.scope in scopes and each.level in levels]
        if found:
            raise ArmError(409, "ScopeLocked", self._locked(doing, found))

    def _locked(self, doing: str, locks: list[Lock]) -> str:
        where = ",".join(f"'{lock_scope(each, self.options, self.resource_id)}'" for each in locks)
        locked = f"cannot perform {doing} operation because following scope(s) are locked: {where}"
        return f"The scope '{self.resource_id}' {locked}. Please remove the lock and try again."
