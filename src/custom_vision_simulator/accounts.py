"""The Azure resources of the simulated subscription: live, deleted but recoverable, or purged."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from custom_vision_simulator.records import Options
from custom_vision_simulator.store import Effect, Store, new_id, now

PROVIDER = "Microsoft.CognitiveServices"
TRAINING, PREDICTION, MULTI_SERVICE = "CustomVision.Training", "CustomVision.Prediction", "CognitiveServices"


@dataclass
class Account:
    """An Azure resource of kind CustomVision.Training, CustomVision.Prediction or another one."""

    name: str
    kind: str
    endpoint: str
    keys: tuple[str, str]
    tags: dict[str, str] = field(default_factory=dict)
    sku: str = "S0"
    created: datetime = field(default_factory=now)
    internal_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    deleted: datetime | None = None
    state: str = "Succeeded"


@dataclass
class Operation:
    """A change that Resource Manager has accepted; `ended` is None while it runs."""

    doing: str
    started: datetime
    ended: datetime | None = None
    id: str = field(default_factory=new_id)


class Accounts:
    """The resources by lower-case name; the store's lock guards them, and its clock carries out what is accepted."""

    def __init__(self, options: Options, store: Store) -> None:
        """Take the options and the store of the projects, which go when the training resource is purged."""
        self.options = options
        self.live: dict[str, Account] = {}
        self.deleted: dict[str, Account] = {}
        self.operations: dict[str, Operation] = {}
        self._store = store
        self._opened = False

    def open(self, endpoint: str) -> None:
        """Add the training resource, which has that endpoint, and its neighbours; do nothing the second time.

        Azure's portal makes both resources at once and names the second NAME-Prediction.
        """
        if self._opened:
            return
        self._opened = True
        options = self.options
        keys = (options.training_key, options.second_key)
        self._add(Account(options.account_name, options.account_kind, f"{endpoint}/", keys, options.account_tags))
        if options.account_kind == TRAINING:
            self._add(self.made(f"{options.account_name}-Prediction", PREDICTION))
        if options.multi_service:
            self._add(self.made(f"{options.account_name}-Multi", MULTI_SERVICE))

    def made(self, name: str, kind: str) -> Account:
        """Return a new resource that nothing on this machine serves."""
        return Account(
            name, kind, f"https://{name.lower()}.cognitiveservices.azure.com/", (uuid.uuid4().hex, uuid.uuid4().hex)
        )

    def _add(self, account: Account) -> None:
        self.live[account.name.lower()] = account

    def add(self, account: Account) -> None:
        """Add a resource, or recover a deleted one."""
        self.deleted.pop(account.name.lower(), None)
        account.deleted, account.state = None, "Succeeded"
        self._add(account)

    def serves_training(self) -> bool:
        """Return whether the resource of the Training API exists; before `open`, it does."""
        return not self._opened or self.options.account_name.lower() in self.live

    def keys(self, account: Account) -> tuple[str, str]:
        """Return the two keys of a resource; those of the training resource may change while it runs."""
        if account.name.lower() == self.options.account_name.lower():
            return self.options.training_key, self.options.second_key
        return account.keys

    def delete(self, account: Account) -> Operation | None:
        """Delete a resource so that it can be recovered; return the operation when that takes its time."""
        seconds = self.options.account_delete_seconds
        if not seconds:
            self._bury(account)
            return None
        account.state = "Deleting"
        return self._accepted(seconds, lambda: self._bury(account))

    def purge(self, account: Account) -> Operation:
        """Begin to remove a deleted resource for good; return the operation."""
        return self._accepted(self.options.purge_seconds, lambda: self._forget(account))

    def purge_date(self, account: Account) -> datetime:
        """Return when a deleted resource is purged by itself: 48 hours after its deletion (recorded)."""
        return (account.deleted or account.created) + timedelta(seconds=self.options.recoverable_seconds)

    def expire(self) -> None:
        """Purge every deleted resource whose time has come."""
        for account in [each for each in self.deleted.values() if self.purge_date(each) <= now()]:
            self._forget(account)

    def _bury(self, account: Account) -> None:
        if self.live.pop(account.name.lower(), None) is None:
            return
        account.deleted, account.state = now(), "Succeeded"
        self.deleted[account.name.lower()] = account

    def _forget(self, account: Account) -> None:
        if self.deleted.pop(account.name.lower(), None) is None:
            return
        if account.name.lower() == self.options.account_name.lower():
            self._store.projects.clear()

    def _accepted(self, seconds: float, effect: Effect) -> Operation:
        operation = Operation("Deleting", now())
        self.operations[operation.id] = operation

        def carry_out() -> None:
            effect()
            operation.ended = now()

        self._store.later(seconds, carry_out)
        return operation
