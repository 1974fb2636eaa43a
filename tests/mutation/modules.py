"""Which tests stand nearest to each module that is mutated."""

MODULES: dict[str, tuple[str, ...]] = {
    "masking": ("tests/unit/test_masking.py", "tests/unit/test_redact.py"),
    "service/paging": ("tests/unit/test_pages.py", "tests/unit/test_paging.py"),
    "archive/journal": ("tests/unit/test_journal.py",),
    "archive/layout": ("tests/unit/test_layout.py",),
    "archive/names": ("tests/unit/test_names.py",),
    "archive/reading": ("tests/unit/test_reading.py",),
    "archive/writing": ("tests/unit/test_writing.py",),
    "archive/ownership": ("tests/unit/test_ownership.py",),
    "archive/summary": ("tests/unit/test_summary.py",),
    "archive/folder": ("tests/unit/test_folder.py",),
    "archive/bag": ("tests/unit/test_bag.py",),
    "verify/bag": ("tests/unit/test_verify_bag.py",),
    "verify/summary": ("tests/unit/test_verify_summary.py",),
    "verify/facts": ("tests/unit/test_facts.py",),
    "delete/marks": ("tests/unit/test_marks.py",),
    "delete/along": ("tests/unit/test_along.py",),
}
