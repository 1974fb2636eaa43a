"""The Azure resource behind an endpoint: named by its id, or found in a subscription by the endpoint."""

from functools import cached_property
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from cv_gdpr.errors import MalformedAnswer, NotFound, ServiceError
from cv_gdpr.service.resource_manager import PREDICTION, TRAINING, Address, ResourceId, ResourceManager
from cv_gdpr.verbatim import Json


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
        host = _host(self.wanted.endpoint or "")
        places = [_place(one) for one in self.manager.accounts() if host in _hosts(one)]
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
        host = _host(self.wanted.endpoint or "")
        if host and host not in _hosts(account):
            raise AnotherResource(
                f"Accounts-Get: {self.place.name} is another resource than the one with the endpoint {host}",
                "check --resource-id and --endpoint",
            )
        if str(_place(account)).lower() != str(self.place).lower():
            raise MalformedAnswer(f"Accounts-Get: the answer describes another resource than {self.place.name}")
        return account

    def siblings(self) -> list[Json]:
        """Return the other Custom Vision resources of the subscription: training and prediction are two resources."""
        return [
            one
            for one in self.manager.accounts()
            if one.get("kind") in {TRAINING, PREDICTION} and str(_place(one)).lower() != str(self.place).lower()
        ]


def _place(account: Json) -> ResourceId:
    from cv_gdpr.errors import UsageError
    from cv_gdpr.service.resource_manager import resource_id_of

    try:
        return resource_id_of(str(account.get("id")))
    except UsageError:
        raise MalformedAnswer("Resource Manager listed a resource without a valid id") from None


def _hosts(account: Json) -> set[str]:
    """Return the hosts and ports at which a resource answers."""
    properties = account.get("properties")
    if not isinstance(properties, dict):
        return set()
    named = properties.get("endpoints")
    addresses = [properties.get("endpoint"), *(named.values() if isinstance(named, dict) else ())]
    return {_host(one) for one in addresses if isinstance(one, str)} - {""}


def _host(address: str) -> str:
    """Return host and port of an address in lower case; empty for none."""
    try:
        return urlsplit(address.strip()).netloc.lower()
    except ValueError:
        return ""
