"""What one step of an erasure works with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cv_gdpr.delete.plan import Plan
from cv_gdpr.delete.waiting import Deadline
from cv_gdpr.evidence.ledger import Ledger
from cv_gdpr.service.client import Service


@dataclass(frozen=True)
class Terms:
    """How an erasure is done. `asked` tells this command from others: only the same one resumes a ledger.

    `protect` are names and ids of projects, looked up again before the first deletion; `wait` is how many seconds
    asynchronous deletions and trainings are waited for.
    """

    asked: str = ""
    protect: tuple[str, ...] = ()
    wait: float = 600.0
    from_file: bool = False  # the plan was made earlier: what changed since then is left
    confirmed: bool = False  # a person was asked, which may have taken a while
    say: Callable[[str], None] = lambda _: None


class Run(NamedTuple):
    """An erasure as its steps see it; `deadline` ends the waiting of one step."""

    service: Service
    plan: Plan
    ledger: Ledger
    terms: Terms
    deadline: Deadline
