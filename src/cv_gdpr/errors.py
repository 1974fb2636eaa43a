"""Every way in which a run can end badly, each with the exit code that the command line promises.

CvGdprError (1)
├── UsageError (2)            wrong options or input, or nobody there to confirm
├── ServiceError (1)          the service answered with an error
│   ├── NotAuthorised (5)     401 or 403
│   ├── Unreachable (5)       no answer, or no Custom Vision service there
│   ├── NotFound (1)          404
│   ├── MalformedAnswer (1)   a success whose body is not what the contract says
│   └── Unsteady (1)          counts and listing do not agree: somebody changes things meanwhile
├── StorageError (1)          the local folder cannot be written or read
├── ProcessEnded (1)          the process that downloads ended before its time
├── LedgerLost (4)            somebody removed or changed the ledger of an erasure while it was written
└── Interrupted (130)         Ctrl-C; the same command resumes

The codes 3 (done in part) and else 4 (a difference) belong to results, which have more to say than an error: see
`ExportResult`, `Verification`, and the evidence of an erasure.
"""

from collections.abc import Iterable
from enum import IntEnum


class Stops(IntEnum):
    """How much an error stops; what is narrower than that does not go on either, what is wider does.

    A blob lies on another host: of the errors that its download meets, only RUN stops more than the blob.
    """

    ITEM = 1
    LISTING = 2
    PROJECT = 3
    SERVICE = 4
    """Everything that asks the service."""
    RUN = 5


class CvGdprError(Exception):
    """A failure with one line for the user (`message`) and, where there is one, a line saying what to do.

    `retryable` says whether the same command may do more when it is run again as it is.
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
    """Wrong options or input. `near`: what else was to be found; of others' data, so for a terminal only."""

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None, *, near: Iterable[str] = ()) -> None:
        super().__init__(message, hint)
        self.near = tuple(near)


class ServiceError(CvGdprError):
    """The service answered with an error.

    `unclear` says that the call may have done what was asked, `lost` that an earlier try of the same call may have.

    `status` is the HTTP status (0 when there was no answer), `code` the service's own code, `request_id` its
    request id; `transient` says whether asking again may help, `retry_after` after how many seconds at least.
    """

    stops = Stops.LISTING
    retryable = True
    unclear = False
    lost = False

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


class NotAuthorised(ServiceError):
    """The service refuses the key (401) or what the key asks for (403): so it will the next time."""

    exit_code = 5
    stops = Stops.RUN
    retryable = False


class Unreachable(ServiceError):
    """Nothing, or no Custom Vision service, answers at the endpoint."""

    exit_code = 5
    stops = Stops.SERVICE


class NotFound(ServiceError):
    """The service says that the thing asked for does not exist (404)."""

    retryable = False


class MalformedAnswer(ServiceError):
    """A success whose body is not the JSON that the published contract promises."""

    stops = Stops.PROJECT


class Unsteady(ServiceError):
    """A listing that does not agree with the counts around it."""


class StorageError(CvGdprError):
    """The local folder cannot be written or read: a person must see to the disk first."""

    stops = Stops.RUN


class ProcessEnded(CvGdprError):
    """The process that downloads ended before its time: killed, or by a mistake of ours."""

    stops = Stops.RUN
    retryable = True


class LedgerLost(CvGdprError):
    """Somebody removed, replaced or changed the ledger of an erasure while it was written: nothing more is deleted."""

    exit_code = 4
    stops = Stops.RUN


class Interrupted(CvGdprError):
    """The run was stopped from outside."""

    exit_code = 130
    stops = Stops.RUN
    retryable = True


def shortage(error: BaseException) -> tuple[str, str] | None:
    """Give the message and the hint for an error that tells of what this machine lacks; None for any other."""
    if isinstance(error, MemoryError):
        return "there is not enough memory", "free some, or raise the limit of this process or container (ulimit -v)"
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "the system lets this process start no more threads", "raise the limit (ulimit -u, or the container's)"
    return None
