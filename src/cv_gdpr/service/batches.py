"""Batches of ids: asked for together, and halved while the service refuses them."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from cv_gdpr.errors import ServiceError

Found = TypeVar("Found")
REFUSED = frozenset({400, 404, 413, 414, 431})  # one bad id, or a gateway's limit on the length, may fail a whole batch
_ENOUGH = 4  # ids refused one by one, while none was ever answered: the service refuses the question itself


def halves(ids: list[str]) -> tuple[list[str], list[str]]:
    """Return the two halves of a batch."""
    return ids[: len(ids) // 2], ids[len(ids) // 2 :]


def may_pass_in_parts(error: ServiceError) -> bool:
    """Say whether a smaller batch may be answered where this one was refused."""
    return error.status in REFUSED and error.code != "NotFoundProject"


def asked_in_parts(ask: Callable[[list[str]], Iterable[Found]], ids: list[str], most: int) -> Iterator[Found]:
    """Yield what `ask` finds for the ids, at most so many a call; an id that is refused by itself is not found.

    Raises ServiceError for any other failure. What a refused id means is the caller's to decide: nothing was proved.
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
