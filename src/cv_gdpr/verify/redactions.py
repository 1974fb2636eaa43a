"""What was taken out of an export after erasures (redactions.jsonl): the fewer records are then no differences.

The file lies beside bag-info.txt, since it tells about the bag; the tag manifest names it. What the service counted
and listed stays as it was exported; each line says how many records of a list were taken out since, and which ids.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from msgspec import Meta, ValidationError, convert

from cv_gdpr.archive.bag import WORKSPACE
from cv_gdpr.archive.bag_info import REDACTED
from cv_gdpr.archive.json_files import InvalidContent, value_of
from cv_gdpr.archive.names import identity, same_id
from cv_gdpr.evidence.records import Count, Record, Sha256, Time
from cv_gdpr.table.categories import ACCOUNT, PROJECTS
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.result import Verification

REDACTIONS = "redactions.jsonl"
FORMAT: Final = "cv-gdpr-redaction/1"


class Named(Record, frozen=True, kw_only=True):
    """A file and its hash."""

    file: str
    sha256: Sha256


class TakenIds(Record, frozen=True, kw_only=True):
    """The items of a row that were taken out."""

    project: Annotated[str | None, Meta(description="null: the Azure resource itself")]
    row: str
    ids: list[str]


class TakenRecords(Record, frozen=True, kw_only=True):
    """How many records were taken out of a list that is still there."""

    project: str
    iteration: Annotated[str | None, Meta(description="null: the list of the project itself")]
    file: str
    records: Count


class Redaction(Record, frozen=True, kw_only=True):
    """A line of redactions.jsonl: what one run of `redact` took out of the bag, and by which evidence."""

    format: Literal["cv-gdpr-redaction/1"]
    tool: str
    at: Time
    evidence: Named
    reference: str
    operator: str
    before: Annotated[Sha256, Meta(description="Of the bag's tagmanifest-sha256.txt before it")]
    signatures: Annotated[list[Named], Meta(description="Signatures of the bag before, which were dropped")]
    items: list[TakenIds]
    records: list[TakenRecords]
    files: Annotated[Count, Meta(description="How many files were taken out")]
    bytes: Annotated[Count, Meta(description="Their size")]


class Redactions:
    """All that was taken out of a bag."""

    def __init__(self, lines: Iterable[Redaction] = ()) -> None:
        self.runs = 0
        self.ids: defaultdict[tuple[str | None, str], set[str]] = defaultdict(set)
        self.records: Counter[tuple[str, str, str]] = Counter()
        for line in lines:
            self.add(line)

    def add(self, line: Redaction) -> None:
        """Note what one run took out."""
        self.runs += 1
        for one in line.items:
            self.ids[one.project, one.row].update(map(same_id, one.ids))
        for taken in line.records:
            place = identity(taken.iteration) if taken.iteration else WORKSPACE
            self.records[taken.project, place, taken.file] += taken.records

    @property
    def items(self) -> int:
        """How many items were taken out."""
        return sum(map(len, self.ids.values()))

    @property
    def account(self) -> bool:
        """Whether the Azure resource itself was taken out."""
        return any(row == ACCOUNT for _, row in self.ids)

    @property
    def stated(self) -> Json | None:
        """What export.json says of them; None without any."""
        return {"items": self.items, "redactions": self.runs} if self.runs else None

    def of(self, project: str, row: str) -> set[str]:
        """Return the ids of a row of a project that were taken out, as `same_id` spells them."""
        return self.ids.get((project, row), set())

    def taken(self, project: str, place: str, file: str) -> int:
        """Return how many records were taken out of a list."""
        return self.records[project, place, file]


def read_redactions(result: Verification, summary: Json) -> Redactions:
    """Return what was taken out; note a difference where a line is invalid, or export.json says something else."""
    found = Redactions()
    if result.bag.has(REDACTIONS):
        with result.noting(REDACTIONS):
            for line in result.bag.lines(REDACTIONS):
                found.add(redaction_in(line))
    if summary.get(REDACTED) != found.stated:
        result.differ(REDACTIONS, "export.json says something else about what was taken out")
    for project in summary["projects"]:
        if found.of(project["id"], PROJECTS):
            result.differ(REDACTIONS, f"says that project {project['id']} was taken out, but export.json names it")
    result.redacted = found.items
    return found


def redaction_in(line: bytes) -> Redaction:
    """Return what a line says; raise InvalidContent for one that cv-gdpr does not write."""
    try:
        return convert(value_of(line), Redaction)
    except (ValidationError, UnicodeError) as error:
        raise InvalidContent(f"a line that cv-gdpr does not write: {error}") from None
