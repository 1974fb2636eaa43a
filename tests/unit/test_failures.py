"""What a failed call means for an erasure, and how its evidence quotes it."""

import pytest

from cv_gdpr.delete.failures import ends_project, ends_run, quoted
from cv_gdpr.errors import (
    Forbidden,
    MalformedAnswer,
    NotAuthorised,
    NotFound,
    ServiceError,
    Stops,
    Unreachable,
    Unsteady,
)

NAMED = "the tag alice"


def of_one_project():
    """Return an error that stops the work on one project."""
    error = ServiceError("x", status=400)
    error.stops = Stops.PROJECT
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ServiceError(NAMED, status=409, code="Conflict_1"), "the service answered 409 Conflict_1"),
        (ServiceError(NAMED, status=500), "the service answered 500"),
        (ServiceError(NAMED, status=400, code="alice is"), "the service answered 400"),
        (ServiceError(NAMED, status=400, code="Ä"), "the service answered 400"),
        (ServiceError(NAMED, status=400, code="x" * 80), f"the service answered 400 {'x' * 80}"),
        (ServiceError(NAMED, status=400, code="x" * 81), "the service answered 400"),
        (ServiceError(NAMED, status=400, code="x\n"), "the service answered 400"),
        (Unreachable("no answer", code="x"), "no answer"),
        (MalformedAnswer(NAMED, status=200), "the service answered 200 with a body that cannot be read"),
        (MalformedAnswer("an id that is not a UUID"), "an id that is not a UUID"),
    ],
)
def test_an_error_is_quoted_by_its_code(error, words):
    assert quoted(error) == words


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (NotAuthorised("x", status=401), True),
        (NotAuthorised("x", status=403), True),
        (Forbidden("x", status=403, code="Forbidden"), False),
        (Forbidden("x", status=403, code="ForbiddenDRModeEnabled"), False),
        (Unreachable("x"), True),
        (NotFound("x", status=404), False),
        (Unsteady("x"), False),
        (ServiceError("x", status=500), False),
        (of_one_project(), False),
    ],
    ids=lambda one: type(one).__name__,
)
def test_which_errors_end_the_run(error, ends):
    assert ends_run(error) is ends


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (NotAuthorised("x", status=401), True),
        (Forbidden("x", status=403), True),
        (Unreachable("x"), True),
        (NotFound("x", status=404), False),
        (ServiceError("x", status=500), False),
    ],
    ids=lambda one: type(one).__name__,
)
def test_which_errors_end_a_projects_deletions(error, ends):
    assert ends_project(error) is ends
