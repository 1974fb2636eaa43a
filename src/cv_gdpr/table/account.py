"""Reads the row account: the Azure resource through Resource Manager, and GetAccountInfo where it still answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cv_gdpr.errors import Forbidden, ServiceError, Stops, with_hint
from cv_gdpr.languages import message
from cv_gdpr.masking import without_keys
from cv_gdpr.service.causes import KEYS_OFF
from cv_gdpr.table.findings import Absence, Detail, Finding, Item, Unread

if TYPE_CHECKING:
    from cv_gdpr.service.azure_resource import AzureResource, Wanted
    from cv_gdpr.table.readers import Resource
    from cv_gdpr.verbatim import Json

_ROW = "account"
_WITHOUT_IT = frozenset({401, 403, 404, 410})  # the statuses by which the service says that it has no GetAccountInfo
_USAGES, _DEPLOYMENTS, _SIBLINGS = "account-usages.jsonl", "account-deployments.jsonl", "account-siblings.jsonl"
_KEYS, _INFO, ABSENT = "account-keys.json", "account-info.json", "account-absent.jsonl"
FILES = (_USAGES, _DEPLOYMENTS, _SIBLINGS, _KEYS, _INFO, ABSENT)
"""The files beside account.json: details of the resource, and what the identity may not read of them."""

WITH_KEYS = (_KEYS, _INFO)
"""The files with keys, as fingerprints or in clear."""

BESIDE = ("Accounts-ListUsages", "Deployments-List", "Accounts-List", "Accounts-ListKeys")
"""What Resource Manager is asked beside Accounts-Get."""


def account(resource: Resource) -> Iterator[Finding]:
    """Accounts-Get with its usages, deployments, keys and siblings; without Resource Manager, GetAccountInfo alone."""
    if resource.azure is None:
        yield from _account_info(resource)
        return
    azure, manager = resource.azure, resource.azure.manager
    yield Item(_ROW, str(azure.place), azure.required(), "account.json")
    yield from _each(_USAGES, lambda: manager.usages(azure.place))
    yield from _each(_DEPLOYMENTS, lambda: manager.deployments(azure.place))
    yield from _if_allowed(_SIBLINGS, azure.siblings)
    yield from _if_allowed(_KEYS, lambda: [_keys(azure, clear=resource.include_keys)])
    if resource.service.has_key and not isinstance(info := _info(resource), int):
        yield Detail(_ROW, info, _INFO)


@contextmanager
def resource_of(wanted: Wanted | None, rows: Sequence[str]) -> Iterator[AzureResource | None]:
    """Yield the Azure resource if it is named and the row account is among `rows`.

    Raise UsageError if the extra is not installed, or for a resource that is not there where nothing else is asked.
    """
    if wanted is None or _ROW not in rows:
        yield None
        return
    from cv_gdpr.service.azure_resource import AzureResource, naming_it

    with AzureResource(wanted) as azure:
        if list(rows) == [_ROW]:
            with suppress(ServiceError), naming_it():  # the row names any other error
                azure.required()
        yield azure


_WITH = message("%(sentence)s. %(more)s")
_ANSWERS = message("GetAccountInfo answers %(answer)s here")
_NEEDS_EXTRA = message('%(sentence)s (needs the extra "cv-gdpr[azure]")')
PATTERNS = (_NEEDS_EXTRA, _ANSWERS)


def by_hand(reason: str, instructions: str) -> str:
    """Return why the row cannot be read, and what a person must do."""
    from cv_gdpr.service.signin import has_extra

    words = _WITH % {"sentence": reason, "more": instructions}
    return words if has_extra() else _NEEDS_EXTRA % {"sentence": words}


def _account_info(resource: Resource) -> Iterator[Finding]:
    """GetAccountInfo, which the service removed with API v2.0: its absence is expected."""
    if not resource.service.has_key:
        yield Absence(_ROW, _ROW, message("GetAccountInfo needs a training key"))
        return
    info = _info(resource)
    if isinstance(info, int):
        yield Absence(_ROW, _ROW, _ANSWERS % {"answer": info})
    else:
        yield Item(_ROW, _ROW, info, "account.json")


def _info(resource: Resource) -> Json | int:
    """Return what GetAccountInfo answers, or the status by which the service says that it no longer has it."""
    try:
        info: Json = resource.service.account_info()
    except ServiceError as error:
        if error.status not in _WITHOUT_IT or error.transient:
            raise  # it may still be there
        return error.status
    return info if resource.include_keys else without_keys(info)


def _each(file: str, read: Callable[[], list[Json]]) -> Iterator[Finding]:
    """Yield what is read; an error costs itself."""
    try:
        for record in read():
            yield Detail(_ROW, record, file)
    except ServiceError as error:
        if error.stops > Stops.LISTING:
            raise
        yield Unread(_ROW, error, file)


def _if_allowed(file: str, read: Callable[[], list[Json]]) -> Iterator[Finding]:
    """Yield what is read, or that it is absent where the identity may not read it.

    The export is complete without the keys, and without the siblings, which a role at the resource alone does not show.
    """
    for finding in _each(file, read):
        if isinstance(finding, Unread) and _lasts(finding.error):
            yield Absence(_ROW, file, with_hint(finding.error))
        else:
            yield finding


def _lasts(error: ServiceError) -> bool:
    """Return whether the same request would be refused again: for the role, a lock, or keys that are switched off."""
    switched_off = error.status == 400 and KEYS_OFF in error.message
    return isinstance(error, Forbidden) or switched_off or error.code == "ScopeLocked"


def _keys(azure: AzureResource, *, clear: bool) -> Json:
    keys = azure.manager.keys(azure.place)
    return keys if clear else without_keys(keys, secret=True)
