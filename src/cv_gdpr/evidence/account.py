"""What the evidence says of the deletion of an Azure resource, derived from the ledger's events alone."""

from cv_gdpr.evidence.events import RECOVERABLE, Calling, Event, Opened, Recoverable
from cv_gdpr.evidence.outcomes import DELETED, GONE, RESIDUE, UNPROVED, Outcome
from cv_gdpr.evidence.records import DeletedResource, State
from cv_gdpr.table.categories import ACCOUNT

_OPERATIONS = {ACCOUNT: "Accounts - Delete", RECOVERABLE: "Deleted Accounts - Purge"}
_ITSELF = "the Azure resource, with all that it held"
_PREFIXES = {3: "done in part: ", 4: "residue: "}


def deleted_resource(events: list[Event]) -> DeletedResource | None:
    """Return the Azure resource as the first run planned to delete it: a later one may find it gone."""
    return next((event.account for event in events if isinstance(event, Opened) and event.account), None)


def method_used(events: list[Event]) -> str:
    """Return the operations that were called, in words."""
    rows = {event.row for event in events if isinstance(event, Calling)}
    called = [words for row, words in _OPERATIONS.items() if row in rows]
    return f"{' and '.join(called)} of Azure Resource Manager" if called else "no operation: nothing was sent"


def verdict_on_resource(code: int, outcomes: list[Outcome], events: list[Event]) -> str:
    """Return in words what was proved of the resource: deleted, purged, and until when it can be recovered."""
    states = {one.row: one.state for one in outcomes}
    return _PREFIXES.get(code, "") + _words(states, _recovery(events))


def _words(states: dict[str, State], recovery: str) -> str:
    account, purged = states.get(ACCOUNT), states.get(RECOVERABLE)
    is_purged = purged in {DELETED, GONE}
    if account is None:
        words = "the deleted Azure resource"
        return f"purged: {words}; it cannot be recovered" if is_purged else f"{words} is not purged: {recovery}"
    if account == RESIDUE:
        return "the deletion was accepted, but the Azure resource is still there"
    if account == UNPROVED:
        return "whether the Azure resource is gone could not be looked for"
    if account not in {DELETED, GONE}:
        return "the Azure resource was not deleted"
    done = "deleted" if account == DELETED else "gone already"
    if is_purged:
        return f"{done} and purged: {_ITSELF}; it cannot be recovered"
    return f"{done}{', but not purged' if purged else ''}: {_ITSELF}; {recovery}"


def _recovery(events: list[Event]) -> str:
    found = [event for event in events if isinstance(event, Recoverable)]
    return f"recoverable until {found[-1].until}" if found else "whether it can be recovered is unknown"
