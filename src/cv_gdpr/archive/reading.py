"""Files that are only read: what the system says when it cannot, as an error of one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cv_gdpr.errors import Unreadable
from cv_gdpr.platforms.files import reason_of


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an OSError about a file into Unreadable, which names the file in the system's error, or else `path`."""
    try:
        yield
    except OSError as error:
        raise Unreadable(f"{error.filename or path} cannot be read: {reason_of(error, path)}") from error
