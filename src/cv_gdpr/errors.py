"""The errors that end a run, each with the exit code that the command line promises.

CvGdprError (1)
├── UsageError (2)            wrong options or input, or no terminal to confirm on
│   ├── NotSealed (2)         a signature or time-stamp is not available
│   ├── Unreadable (2)        a file to verify cannot be read
│   └── Busy (2)              another run is writing to the same folder or file
├── ServiceError (1)          the service answered with an error
│   ├── NotAuthorised (5)     401, or a 403 that concerns every call
│   │   ├── Forbidden (5)     a 403 of one call, or a 401 for a role that one call needs
│   │   └── SignInFailed (5)  no token of Microsoft Entra ID
│   ├── Unreachable (5)       no answer, or no Custom Vision service there
│   ├── NoAnswer (1)          one call gets no answer, while the service answers others
│   ├── NotFound (1)          404
│   ├── Doubtful (1)          bytes to compare with those of a second try
│   ├── MalformedAnswer (1)   a success whose body is not what the contract says
│   └── Unsteady (1)          counts and listing do not agree: the data changes meanwhile
├── StorageError (1)          the local folder cannot be written or read
├── Unexpected (1)            a bug, met at one project
├── ProcessEnded (1)          the download process ended unexpectedly
├── NotVerified (4)           an export that differs from what it says of itself
├── LedgerLost (4)            the ledger of an erasure was removed or changed while it was written
└── Interrupted (130)         Ctrl-C; the same command resumes

The codes 3 (done in part) and otherwise 4 (a difference) belong to results, which say more than an error: see
`ExportResult`, `Verification`, and the evidence of an erasure.
"""

from collections.abc import Iterable
from enum import IntEnum

_WORST_LAST = "032514"  # exit codes
_LASTING = frozenset({403, 404, 410})  # statuses that say the same however often a call is sent


class Stops(IntEnum):
    """What an error stops: the work of that size that met it. All that is larger goes on.

    A blob comes from another host: of the errors that a download meets, only RUN stops more than its item.
    """

    ITEM = 1
    LISTING = 2
    PROJECT = 3
    SERVICE = 4  # everything that calls the service
    RUN = 5


class Lines(str):
    """A text of several lines that quotes nothing, so that its line breaks may be printed."""

    __slots__ = ()


class CvGdprError(Exception):
    """A failure: one line for the user (`message`) and, where possible, a line that says what to do (`hint`).

    `retryable`: the same command may do more if it is run again, with nothing changed by a person.
    """

    exit_code = 1
    stops = Stops.ITEM
    retryable = False

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(CvGdprError):
    """Wrong options or input. `near`: similar existing values; they are data of others, so for a terminal only."""

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None, *, near: Iterable[str] = ()) -> None:
        super().__init__(message, hint)
        self.near = tuple(near)


class NotSealed(UsageError):
    """A signature or time-stamp is not available: before the first deletion, that ends the run."""

    retryable = True


class Unreadable(UsageError):
    """A file to verify cannot be read, so that nothing is known of it."""


class Busy(UsageError):
    """Another run is writing to the same folder or file: waiting helps."""

    retryable = True


class ServiceError(CvGdprError):
    """The service answered with an error.

    `unclear`: the call may have taken effect nevertheless; `lost`: an earlier try of the same call may have;
    `dropped`: the connection broke without an answer.

    `status` is the HTTP status (0 when there was no answer), `code` the service's own code, `request_id` its
    request id; `transient` says whether a retry may help, `retry_after` is the least number of seconds before it.
    """

    stops = Stops.LISTING
    retryable = True
    unclear = False
    lost = False
    dropped = False

    def __init__(  # noqa: PLR0913 - a record of what the service said
        self,
        message: str,
        hint: str | None = None,
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.transient = transient
        self.retry_after = retry_after


def may_change(error: CvGdprError) -> bool:
    """Return whether a later try may end otherwise: not after 403, 404 or 410, unless a quota is used up."""
    if isinstance(error, NotAuthorised):
        return error.retryable  # for a quota
    return error.retryable and not (isinstance(error, ServiceError) and error.status in _LASTING)


def without_text(error: ServiceError) -> str:
    """Return operation, status and code of an error, without the service's own text, which may name other people."""
    if not error.status or isinstance(error, MalformedAnswer):  # the words are ours
        return error.message
    operation, colon, _ = error.message.partition(": ")
    code = f": {error.code}" if error.code else ""
    return f"{operation + colon if operation.isalnum() else ''}the service answered {error.status}{code}"


def with_hint(error: CvGdprError) -> str:
    """Return the message of an error, and what to do about it."""
    return f"{error.message}; {error.hint}" if error.hint else error.message


class NotAuthorised(ServiceError):
    """The service refuses the key, or every call (401, or a 403 whose cause concerns all calls)."""

    exit_code = 5
    stops = Stops.RUN
    retryable = False


class Forbidden(NotAuthorised):
    """The service refuses one call, and may allow others: a 403, or a 401 for a role that the call needs."""

    stops = Stops.LISTING


class SignInFailed(NotAuthorised):
    """Microsoft Entra ID gave no token, so that nothing was sent to the service."""


class Unreachable(ServiceError):
    """The endpoint does not answer, or is not a Custom Vision service."""

    exit_code = 5
    stops = Stops.SERVICE


class NoAnswer(ServiceError):
    """One call gets no answer that can be read, while the service answers others."""


class NotFound(ServiceError):
    """The requested item does not exist (404)."""

    retryable = False


class MalformedAnswer(ServiceError):
    """A success whose body is not the JSON of the published contract."""


class AnswerTooLong(MalformedAnswer):
    """An answer larger than the limit: asking for fewer records may help."""


class Doubtful(ServiceError):
    """Bytes that are empty or differ from their Content-MD5; kept if a second try brings the same bytes."""


class Unsteady(ServiceError):
    """A listing that does not agree with the counts around it."""


class StorageError(CvGdprError):
    """The local folder cannot be written or read."""

    stops = Stops.RUN


class ProcessEnded(CvGdprError):
    """The download process ended unexpectedly: it was killed, or failed on a bug of ours."""

    stops = Stops.RUN
    retryable = True


class NotVerified(CvGdprError):
    """An export that differs from what it says of itself: nothing is concluded from it."""

    exit_code = 4
    stops = Stops.RUN


class LedgerLost(CvGdprError):
    """The ledger of an erasure was removed, replaced or changed while it was written: nothing more is deleted."""

    exit_code = 4
    stops = Stops.RUN


class Interrupted(CvGdprError):
    """The run was stopped from outside."""

    exit_code = 130
    stops = Stops.RUN
    retryable = True


REPORT_IT = "run it with -vv for the traceback, and please report it"


class Unexpected(CvGdprError):
    """An error that no other class names, so a bug, met at one project: the other projects go on.

    `kind` says which one without quoting it: the message may hold data.
    """

    stops = Stops.PROJECT

    def __init__(self, error: Exception) -> None:
        self.kind = f"unexpected {type(error).__name__}"
        super().__init__(f"{self.kind}: {error}", REPORT_IT)


def unexpected(error: Exception) -> Unexpected:
    """Return our error for a bug that one project met; re-raise our errors and the system's, which say what they stop.

    With -vv the traceback is shown.
    """
    if isinstance(error, (CvGdprError, OSError)) or shortage(error):
        raise error
    import logging

    logging.getLogger("cv_gdpr").debug("an unexpected error at one project", exc_info=error)
    return Unexpected(error)


def shortage(error: BaseException) -> tuple[str, str] | None:
    """Return the message and hint for an error due to a lack of memory or threads, else None."""
    from cv_gdpr.platforms.processes import by_ulimit

    limit = "raise the limit of this process or container"
    if isinstance(error, MemoryError):
        return "there is not enough memory", f"free some, or {limit}{by_ulimit('-v')}"
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "the system lets this process start no more threads", f"{limit}{by_ulimit('-u')}"
    return None


def worst(codes: Iterable[int]) -> int:
    """Return the exit code that counts of several: a signal's, then 4, 1, 5, 2, 3, and 0 if there is no other."""
    return max(codes, key=lambda code: code if code > 128 else _WORST_LAST.find(f"{code:d}"), default=0)


def similar(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the known words which are like a mistyped one; an empty text if none is."""
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), list(known))
    return f"similar: {', '.join(near)}" if near else ""
