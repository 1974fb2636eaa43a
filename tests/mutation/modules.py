"""Which tests stand nearest to each module that is mutated."""

_EVIDENCE = ("tests/delete/test_evidence.py", "tests/delete/test_evidence_files.py", "tests/delete/test_tampering.py")
_PLANS = ("tests/delete/test_plan.py", "tests/delete/test_confirm.py", "tests/delete/test_selectors.py")
_ERASURES = ("tests/delete/test_wire.py", "tests/delete/test_failures.py", "tests/delete/test_second_look.py")
_VERIFY = ("tests/verify/test_contradictions.py", "tests/verify/test_tampering.py", "tests/verify/test_verify.py")

MODULES: dict[str, tuple[str, ...]] = {
    "masking": ("tests/unit/test_masking.py", "tests/unit/test_redact.py"),
    "service/paging": ("tests/unit/test_pages.py", "tests/unit/test_paging.py"),
    "archive/journal": ("tests/unit/test_journal.py",),
    "archive/layout": ("tests/unit/test_layout.py",),
    "archive/names": ("tests/unit/test_names.py",),
    "archive/json_files": ("tests/unit/test_json_files.py",),
    "archive/writing": ("tests/unit/test_writing.py",),
    "archive/ownership": ("tests/unit/test_ownership.py",),
    "archive/bag_info": ("tests/unit/test_bag_info.py",),
    "archive/folder": ("tests/unit/test_folder.py",),
    "archive/bag": ("tests/unit/test_bag.py",),
    "verify/bag": ("tests/unit/test_verify_bag.py",),
    "verify/summary": ("tests/unit/test_verify_summary.py",),
    "verify/facts": ("tests/unit/test_facts.py",),
    "delete/marks": ("tests/unit/test_marks.py",),
    "delete/dependents": ("tests/unit/test_dependents.py",),
    # Each of these tests erases or exports: take a sample, or an evening.
    "verify/contents": _VERIFY,
    "verify/project": _VERIFY,
    **{f"evidence/{name}": _EVIDENCE for name in ("ledger", "outcomes", "document", "certificate", "checking")},
    **{f"evidence/{name}": _EVIDENCE for name in ("events", "files", "records")},
    **{f"delete/{name}": _PLANS for name in ("plan", "planning")},
    **{f"delete/{name}": _ERASURES for name in ("project", "execute", "proof", "waiting")},
    **{f"delete/{name}": ("tests/delete/test_require_export.py",) for name in ("required_export", "guards")},
}
