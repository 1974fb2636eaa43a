"""What each step of an erasure is given: the service, the plan, the ledger, its limits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from cv_gdpr.delete.plan import Plan
from cv_gdpr.delete.waiting import Deadline
from cv_gdpr.evidence.events import Event, Opened, operator_in, reference_in
from cv_gdpr.evidence.ledger import Ledger
from cv_gdpr.evidence.records import LanguageCode
from cv_gdpr.evidence.seals import NO_SEALS, Seals
from cv_gdpr.service.client import Service
from cv_gdpr.watching import Count


@dataclass(frozen=True)
class Terms:
    """How an erasure is carried out. `asked` identifies the command: only the same one resumes a ledger.

    `protect` are names and ids of projects, looked up again before the first deletion; `wait` is the time in seconds
    to wait for asynchronous deletions and trainings.
    """

    asked: str = ""
    protect: tuple[str, ...] = ()
    wait: float = 600.0
    from_file: bool = False  # the plan was saved earlier: what changed since is left
    confirmed: bool = False  # a person confirmed, which may have taken a while
    reference: str = ""  # of the people behind it, kept in the evidence
    operator: str = ""  # where one of these two is empty, the run that this one resumes states it
    seals: Seals = NO_SEALS  # who signs and time-stamps the evidence, who approved the plan
    language: LanguageCode | None = None  # of the certificate; None: that of the run before, or English
    annex: bool = False  # of the certificate
    say: Callable[[str], None] = lambda _: None
    sent: Count = field(default_factory=lambda: Count("items sent for deletion"))
    looked: Count = field(default_factory=lambda: Count("items looked for again"))

    def stated(self, opened: Opened, before: Iterable[Event]) -> Opened:
        """Return the first event of a run with what its command states; what that leaves out, the runs before it do.

        `before` are the events of a ledger that this run resumes.
        """
        runs = [event for event in before if isinstance(event, Opened)]
        return replace(
            opened,
            reference=self.reference or reference_in(runs) or opened.reference,
            operator=self.operator or operator_in(runs),
            language=self.language or (runs[-1].language if runs else opened.language),
            annex=self.annex or any(run.annex for run in runs),
        )


class Run(NamedTuple):
    """An erasure as its steps see it; `deadline` ends the waiting of one step."""

    service: Service
    plan: Plan
    ledger: Ledger
    terms: Terms
    deadline: Deadline
