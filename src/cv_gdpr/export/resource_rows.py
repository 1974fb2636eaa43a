"""The export of the rows that belong to the resource itself: the account, the list of projects."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cv_gdpr.archive.folder import Folder
from cv_gdpr.errors import NotAuthorised, ServiceError, Stops, Unreachable, may_change, with_hint
from cv_gdpr.export.result import RowCount, missing_entry
from cv_gdpr.table.account import ABSENT, by_hand
from cv_gdpr.table.categories import Category
from cv_gdpr.table.findings import Absence, Detail, Finding, Item, Unread
from cv_gdpr.table.readers import Resource
from cv_gdpr.verbatim import Json


@dataclass
class RowsOfResource:
    """The export of rows that no project holds; `absent` says why a file of them is not there."""

    resource: Resource
    folder: Folder
    by_hand: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    counts: defaultdict[str, RowCount] = field(default_factory=lambda: defaultdict(RowCount))
    missing: list[Json] = field(default_factory=list)
    may_change: bool = False  # something that is missing may come with another try
    refused: NotAuthorised | Unreachable | None = None

    def run(self, rows: Sequence[Category]) -> None:
        """Export these rows; note in `by_hand` what only a person can export."""
        for row in rows:
            if row.read_resource:
                self._run_row(row, row.read_resource(self.resource))

    def _run_row(self, row: Category, findings: Iterator[Finding]) -> None:
        details: defaultdict[str, list[Json]] = defaultdict(list)
        try:
            for finding in findings:
                self._accept(row, finding, details)
        except ServiceError as error:
            if error.stops > Stops.LISTING:
                raise
            self._miss(row, error, row.files[0].name)
        for file, records in details.items():
            self.counts[row.name].bytes += self._write(file, records)

    def _accept(self, row: Category, finding: Finding, details: defaultdict[str, list[Json]]) -> None:
        if isinstance(finding, Absence) and finding.id == row.name:
            self.by_hand[row.name] = by_hand(finding.reason, row.export_by_hand)
        elif isinstance(finding, Absence):
            self.absent[finding.id] = finding.reason
            details[ABSENT].append({"file": finding.id, "reason": finding.reason})
        elif isinstance(finding, Unread):
            self._miss(row, finding.error, finding.file)
        elif isinstance(finding, Item):
            size = self.folder.write_json(finding.file, finding.record)
            self.counts[row.name].add(RowCount(1, 1, size))
        elif isinstance(finding, Detail):
            details[finding.file].append(finding.record)

    def _write(self, file: str, records: list[Json]) -> int:
        if file.endswith(".json"):
            return self.folder.write_json(file, records[0])
        with self.folder.lines(file) as lines:
            return sum(lines.write(record) for record in records)

    def _miss(self, row: Category, error: ServiceError, file: str) -> None:
        if isinstance(error, NotAuthorised) or (isinstance(error, Unreachable) and not error.status):
            self.refused = error
        self.may_change = self.may_change or may_change(error)
        self.missing.append(missing_entry(row.name, with_hint(error), file=file))
