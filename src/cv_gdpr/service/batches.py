"""Batches of ids: sent together, and halved while the service refuses them."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from cv_gdpr.errors import ServiceError

Found = TypeVar("Found")
REFUSED = frozenset({400, 404, 413, 414, 431})  # one bad id, or a gateway's limit on the length, may fail a whole batch
_ENOUGH = 4  # single ids refused before any success: the service refuses the operation itself


def halves(ids: list[str]) -> tuple[list[str], list[str]]:
    """Return the two halves of a batch."""
    return ids[: len(ids) // 2], ids[len(ids) // 2 :]


def may_pass_in_parts(error: ServiceError) -> bool:
    """Return whether a smaller batch may succeed where this one was refused."""
    return error.status in REFUSED and error.code != "NotFoundProject"


def asked_in_parts(ask: Callable[[list[str]], Iterable[Found]], ids: list[str], most: int) -> Iterator[Found]:
    """Yield what `ask` returns for the ids, at most `most` ids a call; skip an id that is refused by itself.

    Raise ServiceError for any other failure. A refused id proves nothing; the caller decides what it means.
    """
    answered, refused = False, 0
    waiting = [ids[start : start + most] for start in range(0, len(ids), most)]
    while waiting and (answered or refused < _ENOUGH):
        batch = waiting.pop(0)
        try:
            yield from ask(batch)
            answered = True
        except ServiceError as error:
            if not may_pass_in_parts(error):
                raise
            refused += len(batch) == 1
            waiting[:0] = halves(batch) if len(batch) > 1 else ()
