"""The options of `cv-gdpr delete`, and what a run takes from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from cv_gdpr.cli import options as shared
from cv_gdpr.cli.option_types import FilePath, OnePerLine, Seconds
from cv_gdpr.cli.parameters import only_typed, option, together

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.evidence.records import LanguageCode


class DeleteOptions(NamedTuple):
    """How to plan, confirm and prove an erasure."""

    dry_run: bool
    save_plan: Path | None
    plan_file: Path | None
    yes: bool
    max_delete: int | None
    protect: tuple[str, ...]
    require_export: Path | None
    evidence: Path | None
    wait: float
    confirm: str | None
    purge: bool
    with_iterations: bool
    with_copies_from: Path | None
    reference: str | None
    operator: str | None
    sign_with: Path | None
    timestamp_from: str | None
    approved_by: Path | None
    lang: LanguageCode | None
    annex: bool


_PATH = FilePath()
with_options = together(
    shared.scope_options,
    shared.selector_options,
    only_typed(
        "--with-iterations",
        is_flag=True,
        help="Also the iterations whose training set holds a selected image: unpublished first, then deleted.",
    ),
    option("--dry-run", is_flag=True, help="Show the plan and exit; nothing is deleted."),
    option("--save-plan", type=_PATH, metavar="FILE", help="Also write the plan to FILE, for --plan."),
    only_typed(
        "--plan",
        "plan_file",
        type=_PATH,
        metavar="FILE",
        help="Delete exactly what this saved plan lists; anything newer stays.",
    ),
    option(
        "--approved-by",
        type=_PATH,
        metavar="SIGNERS",
        help="Execute the saved plan only if another person of this list (allowed signers of OpenSSH) signed it: "
        "FILE.sig beside it.",
    ),
    only_typed("--yes", is_flag=True, help="Delete without asking; for scripts."),
    only_typed(
        "--confirm",
        metavar="NAME",
        help="With --yes, for the row account: the name of the resource, as a person would type it.",
    ),
    only_typed(
        "--purge", is_flag=True, help="For the row account: also end the 48 hours in which it can be recovered."
    ),
    option(
        "--max-delete",
        type=click.IntRange(0),
        metavar="N",
        help="Refuse a plan of more than N items, counting those that are deleted along with them.",
    ),
    option(
        "--protect",
        multiple=True,
        type=OnePerLine(),
        metavar="P",
        help="Never change this project (name or id); repeats. Also set by CV_GDPR_PROTECT, one per line.",
    ),
    option(
        "--require-export",
        type=_PATH,
        metavar="DIR",
        help="Refuse unless the export in DIR verifies and holds everything in the plan as it is now.",
    ),
    option(
        "--evidence",
        type=_PATH,
        metavar="NAME.json",
        help="Write the evidence here, with the ledger (NAME.jsonl), certificate (NAME.html) and hashes "
        "(NAME.sha256) beside it. Default: cv-gdpr-erasure-<UTC time>.json.",
    ),
    shared.record_options,
    shared.seal_options,
    shared.certificate_options,
    option(
        "--wait",
        type=Seconds(),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for slow deletions and for iterations in training.",
    ),
    shared.connection_options,
    shared.output_options,
)
