"""What the evidence says of the deletion of an Azure resource, derived from the ledger's events alone."""

from cv_gdpr.evidence.events import RECOVERABLE, Calling, Event, Opened, Recoverable
from cv_gdpr.evidence.outcomes import DELETED, GONE, RESIDUE, UNPROVED, Outcome
from cv_gdpr.evidence.records import DeletedResource, State
from cv_gdpr.languages import message
from cv_gdpr.table.categories import ACCOUNT

_NO_OPERATION = message("no operation: nothing was sent")
_DELETED = message("Accounts - Delete of Azure Resource Manager")
_PURGED = message("Deleted Accounts - Purge of Azure Resource Manager")
_BOTH = message("Accounts - Delete and Deleted Accounts - Purge of Azure Resource Manager")

_PREFIXED = {3: message("done in part: %(sentence)s"), 4: message("residue: %(sentence)s")}
_ONLY_PURGED = message("purged: the deleted Azure resource; it cannot be recovered")
_NOT_PURGED = message("the deleted Azure resource is not purged: %(sentence)s")
_ENDS: dict[State, str] = {
    RESIDUE: message("the deletion was accepted, but the Azure resource is still there"),
    UNPROVED: message("whether the Azure resource is gone could not be looked for"),
}
_STAYS = message("the Azure resource was not deleted")
_WITH_PURGE = {
    DELETED: message("deleted and purged: the Azure resource, with all that it held; it cannot be recovered"),
    GONE: message("gone already and purged: the Azure resource, with all that it held; it cannot be recovered"),
}
_WITHOUT_PURGE = {
    DELETED: message("deleted, but not purged: the Azure resource, with all that it held; %(sentence)s"),
    GONE: message("gone already, but not purged: the Azure resource, with all that it held; %(sentence)s"),
}
_ALONE = {
    DELETED: message("deleted: the Azure resource, with all that it held; %(sentence)s"),
    GONE: message("gone already: the Azure resource, with all that it held; %(sentence)s"),
}
_UNTIL = message("recoverable until %(time)s")
_UNKNOWN = message("whether it can be recovered is unknown")

PATTERNS = (_UNTIL, _NOT_PURGED, *_WITHOUT_PURGE.values(), *_ALONE.values(), *_PREFIXED.values())
"""The sentences of this module with something in them: `%(sentence)s` is one of its sentences, too."""


def deleted_resource(events: list[Event]) -> DeletedResource | None:
    """Return the Azure resource as the first run planned to delete it: a later one may find it gone."""
    return next((event.account for event in events if isinstance(event, Opened) and event.account), None)


def method_used(events: list[Event]) -> str:
    """Return the operations that were called, in words."""
    rows = {event.row for event in events if isinstance(event, Calling)}
    if ACCOUNT in rows:
        return _BOTH if RECOVERABLE in rows else _DELETED
    return _PURGED if RECOVERABLE in rows else _NO_OPERATION


def verdict_on_resource(code: int, outcomes: list[Outcome], events: list[Event]) -> str:
    """Return in words what was proved of the resource: deleted, purged, and until when it can be recovered."""
    states = {one.row: one.state for one in outcomes}
    return _PREFIXED.get(code, "%(sentence)s") % {"sentence": _words(states, _recovery(events))}


def _words(states: dict[str, State], recovery: str) -> str:
    account, purged = states.get(ACCOUNT), states.get(RECOVERABLE)
    is_purged = purged in {DELETED, GONE}
    if account is None:
        return _ONLY_PURGED if is_purged else _NOT_PURGED % {"sentence": recovery}
    if account not in {DELETED, GONE}:
        return _ENDS.get(account, _STAYS)
    if is_purged:
        return _WITH_PURGE[account]
    return (_WITHOUT_PURGE if purged else _ALONE)[account] % {"sentence": recovery}


def _recovery(events: list[Event]) -> str:
    found = [event for event in events if isinstance(event, Recoverable)]
    return _UNTIL % {"time": found[-1].until} if found else _UNKNOWN
