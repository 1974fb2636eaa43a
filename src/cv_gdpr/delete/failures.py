"""Whether a failed call ends an erasure or only its item, and how the evidence quotes the answer."""

import re

from cv_gdpr.errors import CvGdprError, Forbidden, MalformedAnswer, ServiceError, Unexpected
from cv_gdpr.evidence.sentences import ANSWERED, UNREADABLE
from cv_gdpr.table.inventory import is_of_one_project


def quoted(error: CvGdprError) -> str:
    """Return an error for the evidence: only the service's code, since its message may name a tag."""
    if isinstance(error, Unexpected):
        return error.kind
    if not isinstance(error, ServiceError):
        return error.message
    if isinstance(error, MalformedAnswer) and error.status:
        return UNREADABLE % {"number": error.status}
    if not error.status:
        return error.message
    code = f" {error.code}" if re.fullmatch(r"\w{1,80}", error.code, re.ASCII) else ""
    return ANSWERED % {"answer": f"{error.status}{code}"}


def ends_run(error: ServiceError) -> bool:
    """Return whether an error ends the run: every other call would fail, too."""
    return not is_of_one_project(error)


def ends_project(error: ServiceError) -> bool:
    """Return whether an error ends the deletions of a project: who may not delete one item may not delete the next."""
    return isinstance(error, Forbidden) or ends_run(error)
