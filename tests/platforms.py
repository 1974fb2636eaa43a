"""Marks of tests that Windows, or Wine in its place, cannot run; docs/platforms.md lists them with their reasons."""

import sys

import pytest

WINDOWS = sys.platform == "win32"


def posix(reason: str) -> pytest.MarkDecorator:
    """Mark a test that needs what Windows lacks; `reason` says what."""
    return pytest.mark.posix(reason)


def skip_where_lacking(item: pytest.Item) -> None:
    """Skip a test whose system lacks what it needs."""
    for mark in item.iter_markers("posix"):
        if WINDOWS:
            item.add_marker(pytest.mark.skip(reason=f"not on Windows: {mark.args[0]}"))
