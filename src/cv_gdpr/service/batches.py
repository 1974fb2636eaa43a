"""Batches of ids: sent together, and halved while the service refuses them."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from cv_gdpr.errors import AnswerTooLong, ServiceError, Stops
from cv_gdpr.watching import ASKED

Found = TypeVar("Found")
REFUSED = frozenset({400, 404, 413, 414, 431})  # one bad id, or a gateway's limit on the length, may fail a whole batch
_WHATEVER_THE_IDS = frozenset({"NotFoundProject", "BadRequestCustomerManagedKeyRevoked"})
_ENOUGH = 4  # single ids refused before any success: the service refuses the operation itself


def halves(ids: list[str]) -> tuple[list[str], list[str]]:
    """Return the two halves of a batch."""
    return ids[: len(ids) // 2], ids[len(ids) // 2 :]


def may_pass_in_parts(error: ServiceError) -> bool:
    """Return whether a smaller batch may succeed where this one failed.

    A gateway may also drop the connection of a request that is too long for it, without an answer.
    """
    if isinstance(error, AnswerTooLong):
        return True
    if not error.status:
        return error.dropped
    return error.status in REFUSED and error.code not in _WHATEVER_THE_IDS


def in_parts(
    send: Callable[[list[str]], Found], ids: list[str], most: int, enough: int | None = None
) -> Iterator[Found]:
    """Yield what `send` returns for the ids, at most `most` a call; skip an id that is refused by itself.

    End after `enough` such ids if no call succeeded before. Raise ServiceError for any other failure.

    A deletion (`enough` is None) also skips a single id without an answer, unless the service is not reachable any more
    or breaks off every call of the operation.
    """
    answered, refused = False, 0
    waiting = [ids[start : start + most] for start in range(0, len(ids), most)]
    while waiting and (answered or enough is None or refused < enough):
        batch = waiting.pop(0)
        try:
            found = send(batch)
        except ServiceError as error:
            alone = len(batch) == 1
            refused += alone
            always = not answered and refused >= _ENOUGH
            lost = not error.status and (error.stops > Stops.LISTING or enough is not None or always)
            if not may_pass_in_parts(error) or (alone and lost):
                raise
            waiting[:0] = () if alone else halves(batch)
        else:
            answered = True
            yield found


def asked_in_parts(ask: Callable[[list[str]], Iterable[Found]], ids: list[str], most: int) -> Iterator[Found]:
    """Yield what `ask` returns for the ids, at most `most` ids a call; skip an id that is refused by itself.

    Raise ServiceError for any other failure. A refused id proves nothing; the caller decides what it means.
    """

    def counted(batch: list[str]) -> Iterable[Found]:
        found = ask(batch)
        ASKED.add(len(batch))
        return found

    ASKED.expect(len(ids))
    for found in in_parts(counted, ids, most, _ENOUGH):
        yield from found
