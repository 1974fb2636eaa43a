"""The result of an export: counts of each row, what is missing, export.json, and the other lines of bag-info.txt."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from cv_gdpr import __version__
from cv_gdpr.archive.bag_info import FINISHED, OF_SELECTED, PROFILE, STARTED, bag_info_of
from cv_gdpr.archive.journal import Reused
from cv_gdpr.errors import Unexpected
from cv_gdpr.masking import masked
from cv_gdpr.table.categories import PREDICTIONS
from cv_gdpr.table.inventory import predictions_verdict, rows_of_selected
from cv_gdpr.table.outside import CopiesOutside
from cv_gdpr.table.scope import Scope
from cv_gdpr.verbatim import Json

Verdict: TypeAlias = Literal["complete", "incomplete", "not searched", "not exported"]


@dataclass
class RowCount:
    """The counts of one row: items that the service holds, items exported completely, bytes written."""

    held: int = 0
    exported: int = 0
    bytes: int = 0

    def add(self, other: "RowCount") -> None:
        """Add another project's count of the same row."""
        self.held += other.held
        self.exported += other.exported
        self.bytes += other.bytes


@dataclass(frozen=True)
class ExportResult:
    """The result of an export. `missing` names each item that was not exported, `by_hand` what no API call exports.

    `absent` says why a file about the account is not there.
    `flagged` names each file that is kept as the service stores it though it is unusual: empty, or not as its MD5 says.
    """

    folder: Path
    rows: dict[str, RowCount]
    projects: list[Json]
    missing: list[Json]
    flagged: list[Json]
    by_hand: dict[str, str]
    absent: dict[str, str]
    copies_outside: list[CopiesOutside]
    unmatched: list[str]
    not_searched: dict[str, str]
    calls: Counter[str]
    seconds: float
    predictions_not_searched: dict[str, int | None] = field(default_factory=dict)  # by project; None: not counted
    searches_copies: bool = False  # stored predictions were searched for copies, as far as the bag of these goes
    copies: dict[str, str] = field(default_factory=dict)  # id of a copy -> id of the original
    doubtful: dict[str, str] = field(default_factory=dict)  # what may be a copy and was not selected -> the original
    copies_from: str | None = None  # when the export began whose copies were selected
    near: list[str] = field(default_factory=list)  # values similar to the unmatched ones: for a terminal only
    reused: dict[str, Reused] = field(default_factory=dict)  # by when the earlier export began
    damaged: list[Json] = field(default_factory=list)  # what of earlier exports was not taken, and why
    trusted: list[Json] = field(default_factory=list)  # lists of iterations that were not read again
    missing_ok: bool = False  # a selector may match nothing
    resource: str = ""  # the id of the Azure resource, where it was exported
    undecided: list[str] = field(default_factory=list)  # matched nothing, but not everything could be listed
    bug: Unexpected | None = None  # met at one project
    accepted: bool = False  # the folder is a bag even where items are missing
    selectors: list[Json] = field(default_factory=list)  # each value as a hash, and whether it matched
    salt: str = ""  # of those hashes
    reference: str = ""
    operator: str = ""
    may_change: bool = False  # something that is missing may come with another try
    there: int = 0  # files that were there before this run

    @property
    def exit_code(self) -> int:
        """0 if everything requested was exported, 3 if part of it is missing, 1 if that is due to a bug."""
        if self.bug:
            return self.bug.exit_code
        lacking = self.unmatched and not self.missing_ok
        return 3 if self.missing or lacking or self.predictions_not_searched or self.doubtful else 0

    @property
    def retryable(self) -> bool:
        """Whether the same command may do more: it tries again what is missing, if the service may answer otherwise."""
        return self.may_change and not (self.accepted and not self.bug)

    def verdict(self, row: str) -> Verdict:
        """Return the result for a row in a few words."""
        if row in self.by_hand:
            return "not exported"
        if any(entry["row"] == row for entry in self.missing):
            return "incomplete"
        if row == PREDICTIONS and self.predictions_not_searched:
            return predictions_verdict(self.rows[row].held, in_part=self.searches_copies)
        return "complete"


def resuming(out: Path) -> str:
    """Return the words that say how to resume an export."""
    return f"the same command with --out {out} resumes it"


def missing_entry(  # noqa: PLR0913 - the fields of an entry
    row: str,
    reason: str,
    *,
    project: str | None = None,
    iteration: Json | None = None,
    file: str = "",
    identity: str = "",
    source: str = "",
) -> Json:
    """Return an entry of missing.jsonl; what does not apply is null."""
    return {
        "project": project,
        "row": row,
        "iteration": iteration["id"] if iteration else None,
        "file": file or None,
        "id": identity or None,
        "source": source or None,
        "reason": masked(reason),
    }


def summary(result: ExportResult, endpoint: str, scope: Scope) -> Json:
    """Return the content of data/export.json: what was requested, and how many items of each row were exported."""
    return {
        "tool": f"cv-gdpr {__version__}",
        "endpoint": endpoint,
        **({"resource": result.resource} if result.resource else {}),
        **({"reused": reused_by_export(result.reused)} if result.reused else {}),
        **({"trusted": result.trusted} if result.trusted else {}),
        "scope": "all projects" if not scope.projects else "projects named",
        "rows": {row: {"held": count.held, "exported": count.exported} for row, count in result.rows.items()},
        "selectors": result.selectors,
        **({OF_SELECTED: about} if (about := rows_of_selected(scope)) else {}),
        "salt": result.salt if scope.selection else None,
        "before": scope.selection.before or None,
        "notSearched": result.not_searched,
        "copies": result.copies,
        "predictionsNotSearched": result.predictions_not_searched,
        "projects": result.projects,
        "byHand": result.by_hand,
        "copiesOutside": [one._asdict() for one in result.copies_outside],
    } | {name: text for name, text in (("reference", result.reference), ("operator", result.operator)) if text}


def reused_by_export(reused: dict[str, Reused]) -> list[Json]:
    """Return how much was taken from each earlier export, the oldest first."""
    return [{"began": began, "files": one.files, "bytes": one.bytes} for began, one in sorted(reused.items())]


def bag_info(document: Json, started: datetime) -> list[tuple[str, str]]:
    """Return the lines of bag-info.txt; `document` is export.json, `started` when the export began."""
    now = datetime.now(UTC)
    return [
        PROFILE,
        ("Bagging-Date", f"{now:%Y-%m-%d}"),
        ("External-Description", "Export of what an Azure Custom Vision resource holds"),
        ("Source-Api-Version", "3.4-preview"),
        (STARTED, f"{started:%Y-%m-%dT%H:%M:%SZ}"),
        (FINISHED, f"{now:%Y-%m-%dT%H:%M:%SZ}"),
        *bag_info_of(document),
    ]
