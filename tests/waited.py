"""What a terminal would say that is waited for, if each call took long."""

from collections.abc import Iterator
from contextlib import contextmanager

from cv_gdpr.watching import _under_way, show_by


@contextmanager
def waits() -> Iterator[list[str]]:
    """Yield the words of each call, as it begins and at each further try; afterwards none is under way."""
    said: list[str] = []

    def note() -> None:
        said.extend(call.words for call in tuple(_under_way.values()) if not call.waits and call.words not in said)

    show_by(lambda *_: None, calling=note)
    try:
        yield said
    finally:
        show_by(None)
    assert not _under_way
