"""What the unit tests share: folders in memory; and which of them need POSIX (links, pipes, owners, durability)."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.unit.listing import MEMORY

_POSIX = "bag evidence_files folder journal json_files layout ledger ownership plan verify_bag verify_summary writing"

collect_ignore = [] if os.name == "posix" else [f"test_{name}.py" for name in _POSIX.split()]


@pytest.fixture
def tmp_path():
    """A folder in memory: a disk that others keep busy may take seconds to make a file durable."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)
