"""Small pictures for the pages, made by Pillow."""

from importlib.util import find_spec

from cv_gdpr.errors import UsageError, install


def check_extra() -> None:
    """Raise UsageError without the extra."""
    if find_spec("PIL") is None:
        raise UsageError("a report needs the extra report, which is not installed", install("report"))
