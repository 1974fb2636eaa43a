"""What is said after Ctrl-C: what a command has done until then, and whether running it again resumes it."""

from cv_gdpr.errors import Interrupted

_NOTHING = "nothing was written; the same command starts again"
_AT_FIRST = {
    "delete": "nothing was deleted: no deletion was sent",
    "recheck": "nothing was changed; the same command looks again",
    "certify": "the evidence itself is unchanged; the same command adds what is missing beside it",
    "simulate": "the simulated service was not started",
}
"""By command, until it says otherwise; all others write nothing, or write into a folder without its final name."""


class _Now:
    """What is true of this run at this moment."""

    hint = _NOTHING


def expect_interruption(command: str) -> None:
    """Begin a run of a command."""
    _Now.hint = _AT_FIRST.get(command, _NOTHING)


def if_interrupted(hint: str) -> None:
    """From now on, this is what to say."""
    _Now.hint = hint


def interrupted() -> Interrupted:
    """Return the error for an interruption that the command itself does not handle."""
    return Interrupted("interrupted", _Now.hint)
