"""What a ledger says that it sent, though no line before it planned that; evidence would not show it."""

from collections.abc import Iterator

from cv_gdpr.evidence.events import PUBLICATIONS, Answered, Calling, Opened
from cv_gdpr.evidence.ledger import Chain


def unplanned_in(chain: Chain) -> Iterator[str]:
    """Yield each line that deletes what was not planned, or anything in a recheck, or answers what was not sent."""
    planned, sent = set[tuple[str, str, str]](), set[tuple[str, str, str]]()
    is_recheck = False
    for event in chain.events:
        if isinstance(event, Opened):
            planned |= _planned_by(event)
            is_recheck = event.recheck_of is not None
        elif isinstance(event, Calling):
            if is_recheck or (event.row != PUBLICATIONS and not _things(event) <= planned):
                yield f"line {event.n}: {'a recheck deletes' if is_recheck else 'deletes what no line before it plans'}"
            sent |= _things(event)
        elif isinstance(event, Answered) and not _things(event) <= sent:
            yield f"line {event.n}: answers a deletion that no line before it sends"


def _planned_by(opened: Opened) -> set[tuple[str, str, str]]:
    return {(project, row, one) for project, rows in opened.planned.items() for row, ids in rows.items() for one in ids}


def _things(event: Calling | Answered) -> set[tuple[str, str, str]]:
    return {(event.project, event.row, one) for one in event.ids}
