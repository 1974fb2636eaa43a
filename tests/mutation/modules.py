"""Which tests stand nearest to each module that is mutated."""

_PAPERS = ("tests/delete/test_evidence.py", "tests/delete/test_papers.py", "tests/delete/test_tampering.py")
_PLANS = ("tests/delete/test_plan.py", "tests/delete/test_confirm.py", "tests/delete/test_selectors.py")
_ERASURES = ("tests/delete/test_wire.py", "tests/delete/test_failures.py", "tests/delete/test_second_look.py")
_VERIFY = ("tests/verify/test_contradictions.py", "tests/verify/test_tampering.py", "tests/verify/test_verify.py")

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
    "delete/guards": ("tests/unit/test_guards.py",),
    "delete/holding": ("tests/unit/test_guards.py",),
    "delete/plan": ("tests/unit/test_plan.py",),
    "delete/planning": ("tests/delete/test_planning.py",),
    "delete/proof": ("tests/delete/test_proof.py",),
    "delete/waiting": ("tests/unit/test_waiting.py",),
    "delete/failures": ("tests/unit/test_failures.py",),
    "evidence/certificate": ("tests/unit/test_certificate.py",),
    "evidence/checking": ("tests/unit/test_checking.py",),
    "evidence/document": ("tests/unit/test_document.py",),
    "evidence/events": ("tests/unit/test_events.py",),
    "evidence/ledger": ("tests/unit/test_ledger.py",),
    "evidence/outcomes": ("tests/unit/test_outcomes.py",),
    "evidence/papers": ("tests/unit/test_papers.py",),
    "evidence/records": ("tests/unit/test_events.py",),
    # Each of these tests erases or exports: take a sample, or an evening.
    "verify/project": _VERIFY,
    **{f"delete/{name}": _ERASURES for name in ("project", "execute")},
}
