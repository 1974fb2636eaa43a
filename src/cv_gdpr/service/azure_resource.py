"""The Azure resource behind an endpoint: named by its id, or found in a subscription by the endpoint."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import NamedTuple, Self

from cv_gdpr.errors import MalformedAnswer, NotFound, ServiceError, UsageError
from cv_gdpr.links import host_of
from cv_gdpr.service.resource_manager import (
    PREDICTION,
    TRAINING,
    Address,
    ResourceId,
    ResourceManager,
    properties_of,
    resource_id_of,
)
from cv_gdpr.service.signin import is_regional
from cv_gdpr.verbatim import Json

_DELETED = re.compile(
    r"^(/subscriptions/[^/]+)/providers/Microsoft\.CognitiveServices/locations/[^/]+/resourceGroups/([^/]+)/deletedAccounts/",
    re.IGNORECASE,
)
"""How the id of a deleted resource begins (azure-cli's recording of list-deleted)."""


CHECK_ID = "check --resource-id"


class Wanted(NamedTuple):
    """Which resource is meant: one of that id, or the one of a subscription that has the endpoint."""

    address: Address
    subscription: str
    place: ResourceId | None = None
    endpoint: str | None = None


class AnotherResource(ServiceError):
    """The resource id and the endpoint name two resources."""

    retryable = False


class AzureResource:
    """A resource, looked for when it is first asked for; a context manager."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.manager = ResourceManager(wanted.address, wanted.subscription)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.manager.close()

    @cached_property
    def place(self) -> ResourceId:
        """Where the resource is; raise NotFound if no resource of the subscription has the endpoint, ServiceError."""
        if self.wanted.place:
            return self.wanted.place
        host = host_of(self.wanted.endpoint or "")
        places = [_place(one) for one in self.manager.accounts() if host in _hosts(one)]
        if not places:
            places = [_place(one) for one in self.manager.deleted_accounts() if host in _hosts(one)]
        if len(places) != 1:
            found = "no resource" if not places else f"{len(places)} resources"
            raise NotFound(
                f"Accounts-List: {found} of subscription {self.wanted.subscription} with the endpoint {host}",
                "name the resource: --resource-id, as the Azure portal shows it under Properties",
            )
        return places[0]

    def account(self) -> Json:
        """Return Accounts-Get as sent; raise ServiceError, AnotherResource if it has another endpoint."""
        account = self.manager.account(self.place)
        self._check_endpoint(account, "Accounts-Get")
        if not self._is_this(account):
            raise MalformedAnswer(f"Accounts-Get: the answer describes another resource than {self.place.name}")
        return account

    def required(self) -> Json:
        """Return Accounts-Get as sent; raise NotFound, which says so if it is deleted, or what `account` raises."""
        try:
            return self.account()
        except NotFound as error:
            if words := self.deleted_words():
                raise NotFound(words, "the Azure portal recovers it, delete account --purge ends that") from None
            check = CHECK_ID if self.wanted.place else "check --subscription"
            raise NotFound(error.message, error.hint or check, status=error.status) from None

    def deleted_words(self) -> str:
        """Return that the resource is deleted, and until when it can be recovered; empty if Azure does not say so."""
        with suppress(ServiceError):
            if found := self.recoverable():
                return f"{self.place.name} is deleted; it can be recovered until {purge_date(found)}"
        return ""

    def deletion(self) -> str:
        """Return that the resource is deleted, in words; empty if it is there, or if that is unknown."""
        try:
            self.account()
        except NotFound:
            return self.deleted_words()
        except ServiceError:
            pass
        return ""

    def siblings(self) -> list[Json]:
        """Return the other Custom Vision resources of the subscription: training and prediction are two resources."""
        return [
            one
            for one in self.manager.accounts()
            if one.get("kind") in {TRAINING, PREDICTION} and not self._is_this(one)
        ]

    def is_gone(self) -> bool:
        """Return whether neither Accounts-Get nor Accounts-List has the resource; raise ServiceError."""
        with suppress(NotFound):
            self.manager.account(self.place)
            return False
        return not any(map(self._is_this, self.manager.accounts()))

    def recoverable(self, location: str = "") -> Json | None:
        """Return the entry of the deleted resource, by itself or in the list of all; None if neither has it.

        Without a location only the list is asked. Raise ServiceError, AnotherResource if it names another endpoint.
        """
        found = self.manager.deleted(self.place, location) if location else None
        if not found:
            found = next((one for one in self.manager.deleted_accounts() if _is_at(one, self.place)), None)
        if found:
            self._check_endpoint(found, "DeletedAccounts-Get")
        return found

    def holds_what(self, key: str, endpoint: str) -> bool:
        """Return whether what the training API shows at an endpoint, with this key, is what this resource holds.

        The endpoint of a region is that of all its resources: there the key decides. Raise ServiceError.
        """
        if not is_regional(endpoint):
            return True  # the endpoint was compared with the resource's own
        return bool(key) and key in self.manager.keys(self.place).values()

    def _check_endpoint(self, account: Json, operation: str) -> None:
        """Raise AnotherResource if a resource names endpoints, and the one in use is not among them."""
        host, own = host_of(self.wanted.endpoint or ""), _hosts(account)
        if host and (own or operation == "Accounts-Get") and host not in own:
            raise AnotherResource(
                f"{operation}: {self.place.name} is another resource than the one with the endpoint {host}",
                "check --resource-id and --endpoint",
            )

    def _is_this(self, account: Json) -> bool:
        """Return whether a record describes this resource; raise MalformedAnswer if its id cannot be read."""
        return str(_place(account)).lower() == str(self.place).lower()


@contextmanager
def naming_it() -> Iterator[None]:
    """Raise UsageError for a resource that is not there, or is not the one with the endpoint: its name is wrong."""
    try:
        yield
    except (NotFound, AnotherResource) as error:
        raise UsageError(error.message, error.hint) from None


def purge_date(deleted: Json) -> str:
    """Return until when a deleted resource can be recovered."""
    return str(properties_of(deleted).get("scheduledPurgeDate") or "48 hours after its deletion")


def _is_at(deleted: Json, place: ResourceId) -> bool:
    """Return whether a deleted resource was at a place: the id of its entry names group and name in other words."""
    identity = str(deleted.get("id")).lower()
    return f"/resourcegroups/{place.group}/".lower() in identity and identity.endswith(f"/{place.name}".lower())


def _place(account: Json) -> ResourceId:
    """Return where a live or deleted resource is or was; raise MalformedAnswer if its id cannot be read."""
    identity = _DELETED.sub(
        r"\1/resourceGroups/\2/providers/Microsoft.CognitiveServices/accounts/", str(account.get("id"))
    )
    try:
        return resource_id_of(identity)
    except UsageError:
        raise MalformedAnswer("Resource Manager listed a resource without a valid id") from None


def _hosts(account: Json) -> set[str]:
    """Return the hosts and ports at which a resource answers."""
    properties = properties_of(account)
    named = properties.get("endpoints")
    addresses = [properties.get("endpoint"), *(named.values() if isinstance(named, dict) else ())]
    return {host_of(one) for one in addresses if isinstance(one, str)} - {""}
