"""The JSON documents of `doctor` and of `--all-profiles`, as records; imported on use."""

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from cv_gdpr.cli.failure import Document, ExitCode, Part, Retryable
from cv_gdpr.doctor import State
from cv_gdpr.masking import masked

if TYPE_CHECKING:
    from cv_gdpr.cli.doctor import Examined
    from cv_gdpr.doctor import Check


class ProfileResult(Part, kw_only=True, frozen=True):
    """How the command ended for one profile."""

    profile: str
    exit_code: ExitCode
    retryable: Retryable
    result: Annotated[
        dict[str, Any] | None, Meta(description="The document that the command prints for it; null: it printed none.")
    ]
    finished_before: Annotated[
        str | None, Meta(description="The export that an earlier run of the same command finished; null: it ran now.")
    ] = None


class ProfilesDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-profiles/1"):
    """What `list`, `export` and `delete` print with `--all-profiles`: the result of each profile, in their order.

    The exit code is the worst of all: a signal, 4, 1, 5, 2, 3, 0.
    """

    profiles: list[ProfileResult]


class CheckResult(Part, kw_only=True, frozen=True):
    """A check of `doctor`: its name, and what it found."""

    name: str
    state: State
    found: str
    hint: str | None


class ConnectionChecks(Part, kw_only=True, frozen=True):
    """The checks of one connection; the `profile` is null where options and environment name it."""

    profile: str | None
    checks: list[CheckResult]


class DoctorDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-doctor/1"):
    """What `doctor` prints: what it found about each connection and about this machine. It holds no key."""

    connections: list[ConnectionChecks]
    machine: list[CheckResult]
    versions: dict[str, str]


def of_doctor(
    examined: "list[Examined]", machine: "list[Check]", versions: dict[str, str], exit_code: int
) -> DoctorDocument:
    """Return the document of a doctor's checks."""
    found = [*machine, *(check for one in examined for check in one.checks)]
    return DoctorDocument(
        exit_code=exit_code,
        retryable=any(check.retryable for check in found),
        connections=[ConnectionChecks(profile=one.profile, checks=_of_checks(one.checks)) for one in examined],
        machine=_of_checks(machine),
        versions=versions,
    )


def _of_checks(checks: "list[Check]") -> list[CheckResult]:
    return [
        CheckResult(name=one.name, state=one.state, found=masked(one.words), hint=one.hint and str(one.hint))
        for one in checks
    ]
