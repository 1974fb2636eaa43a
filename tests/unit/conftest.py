"""What the unit tests share: folders in memory."""

import tempfile
from pathlib import Path

import pytest

from tests.platforms import WINDOWS
from tests.unit.listing import MEMORY


@pytest.fixture
def tmp_path():
    """A folder in memory: a disk that others keep busy may take seconds to make a file durable."""
    # Windows removes no file that is open, as that of an export that a test did not close.
    with tempfile.TemporaryDirectory(dir=MEMORY, ignore_cleanup_errors=WINDOWS) as name:
        yield Path(name)
