"""Which unit tests need POSIX: those about links, pipes, owners, and folders that are made durable."""

import os

collect_ignore = (
    []
    if os.name == "posix"
    else ["test_bag.py", "test_folder.py", "test_journal.py", "test_layout.py", "test_ownership.py", "test_reading.py"]
    + ["test_verify_bag.py", "test_verify_summary.py", "test_writing.py"]
)
