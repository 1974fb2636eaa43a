"""Which unit tests need POSIX: those about links, pipes, owners, and folders that are made durable."""

import os

_POSIX = "bag folder journal layout ownership reading verify_bag verify_summary writing"

collect_ignore = [] if os.name == "posix" else [f"test_{name}.py" for name in _POSIX.split()]
