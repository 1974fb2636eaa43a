"""The use case of an erasure: a plan executed, children before parents, and everything in it looked for again."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from cv_gdpr.errors import (
    CvGdprError,
    Interrupted,
    NotAuthorised,
    ServiceError,
    Unreachable,
    Unsteady,
    UsageError,
)
from cv_gdpr.findings import Json, Scope
from cv_gdpr.inventory import projects_in
from cv_gdpr.marks import mark
from cv_gdpr.plan import Plan, ProjectPlan, protected_among
from cv_gdpr.project_erasure import ProjectErasure, quoted
from cv_gdpr.proof import Proof
from cv_gdpr.readers import Project
from cv_gdpr.report import papers
from cv_gdpr.report.checking import check_chain
from cv_gdpr.report.evidence import close, opening
from cv_gdpr.report.ledger import Ledger
from cv_gdpr.service.client import Service

Found = TypeVar("Found")


@dataclass(frozen=True)
class Erased:
    """What an erasure came to: its evidence, where that lies, and what stopped it if it was refused."""

    evidence: Json
    path: Path
    stopped_by: CvGdprError | None = None
    completed: bool = False  # an earlier run did it; its papers alone were completed


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


def erase(service: Service, plan: Plan, path: Path, outside: list[Json], terms: Terms) -> Erased:
    """Execute a plan, prove it, and write evidence at `path`, with ledger, certificate and hashes beside it.

    Raises UsageError, before anything is sent, if one of the files is there already and cannot be resumed; LedgerLost
    if somebody takes the ledger away.
    """
    papers.check_name(path)
    with Ledger(papers.ledger_of(path), plan.endpoint) as ledger:
        ledger.require(terms.asked)
        if ledger.closed and not ledger.finished:
            papers.withdraw(path, ledger.chain())
        papers.check_free(path)
        ledger.begin(terms.asked)
        erasure = Erasure(service, plan, ledger, terms)
        erasure.run()
        close(ledger, outside, erasure.stopped_by.exit_code if erasure.stopped_by else 0)
        erased = Erased(papers.write(path, ledger.chain()), path, erasure.stopped_by)
        ledger.check()  # it may have been taken away meanwhile
        return erased


def earlier_run(path: Path, endpoint: str, asked: str) -> Erased | bool:
    """Say whether a run was cut off or stopped there that is to be resumed; complete the papers of one that ended.

    Asks the service nothing. Raises UsageError if nothing is missing, if it is the ledger of another command, or if
    something is in the way; StorageError.
    """
    papers.check_name(path)
    if not os.path.lexists(papers.ledger_of(path)):
        papers.check_free(path)
        return False
    with Ledger(papers.ledger_of(path), endpoint) as ledger:
        ledger.require(asked)
        if not ledger.closed:
            papers.check_free(path)
            return bool(ledger.events)
        chain = ledger.chain()
        if differences := check_chain(ledger.path, chain):
            raise UsageError(f"{differences[0]}; no evidence can be completed from it", "name another --evidence")
        missing, foreign = papers.in_the_way(path, chain)
        if foreign:
            raise UsageError(
                f"{foreign[0]} is in the way: it is not what the ledger of this erasure tells",
                "move it away; the same command then completes the evidence from the ledger",
            )
        if not missing and not ledger.finished:
            return True
        if not missing:
            raise UsageError(
                f"{path} is the evidence of a finished erasure; nothing was sent",
                "verify it with cv-gdpr verify; name another --evidence for a new erasure",
            )
        return Erased(papers.write(path, chain), path, completed=True)


@dataclass
class Erasure:
    """A plan under execution."""

    service: Service
    plan: Plan
    ledger: Ledger
    terms: Terms
    stopped_by: CvGdprError | None = None
    _deadline: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Delete what is in the plan and look for it again; the ledger tells what came of it. Raises StorageError."""
        before = [event["planned"] for event in self.ledger.events if event["event"] == "opened"]
        concerned = [one for one in self.plan.projects if one.total]
        planned = {one.id: one.planned() for one in concerned}
        self.ledger.write("opened", **opening(self.plan.body() | {"hash": self.plan.hash}, planned, self.terms.asked))
        for one in concerned:
            if one.held:  # once the images are gone, nobody can tell any more
                self.ledger.write("held", project=one.id, iterations=one.held)
        not_now = self._not_now(concerned)
        for one in concerned:
            if self.stopped_by is None:
                self._guarded(one.id, ProjectErasure(self, one, not_now.get(one.id, "")).run)
        for project, rows in _united([*before, planned]).items():
            self._guarded(project, Proof(self, project, rows).run)

    def _not_now(self, concerned: list[ProjectPlan]) -> dict[str, str]:
        """Return the projects in which all is left, with the reason: what they are now is not what was shown."""
        reasons: dict[str, str] = {}
        if not concerned or not (self.terms.protect or self.terms.from_file or self.terms.confirmed):
            return reasons  # it was listed just now
        try:
            entries = projects_in(self.service, Scope())
        except ServiceError as error:
            if isinstance(error, (NotAuthorised, Unreachable)):
                self.stopped_by = error
            return {one.id: f"its project could not be looked at again: {quoted(error)}" for one in concerned}
        protected = protected_among(entries, self.terms.protect, known=False)
        now = {entry["id"]: entry for entry in entries}
        for one in concerned:
            if one.id in protected:
                reasons[one.id] = "its project is protected now"
            elif one.id not in now:
                reasons[one.id] = "its project is not listed any more"
            elif _is_another(one, now[one.id]):
                reasons[one.id] = "its project changed after it was planned; make a new plan"
        return reasons

    def _guarded(self, project: str, step: Callable[[], None]) -> None:
        """Run one project's step: a failure of the service stops the rest only if it is of authorisation."""
        self._deadline = time.monotonic() + self.terms.wait
        try:
            step()
        except (NotAuthorised, Unreachable) as error:
            self.stopped_by = self.stopped_by or error
            self.ledger.write("stopped", project=project, reason=quoted(error))
        except ServiceError as error:
            self.ledger.write("failed", project=project, reason=quoted(error))
            self.terms.say(f"project {project}: {error.message}")

    def pause(self, round_: int) -> bool:
        """Wait a little before looking again; give False when there is no time left."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            return False
        self.service.stop.wait(min(0.25 * 1.6**round_, 15.0, left))
        if self.service.stop.is_set():
            raise Interrupted("interrupted")
        return True

    def settled(self, look: Callable[[], Found]) -> Found:
        """Give what `look` finds once the counts agree: they do not while asynchronous deletions go on."""
        for round_ in range(10_000):
            try:
                return look()
            except Unsteady:
                if not self.pause(round_):
                    raise
        raise AssertionError  # `pause` ends it long before

    def project(self, identity: str) -> Project:
        """Give a project to be read afresh and deleted from."""
        return Project(self.service, {"id": identity}, details=False)

    def entry(self, identity: str) -> Json | None:
        """Give a project's entry in GetProjects as it is now, None if it is not listed."""
        return next((one for one in projects_in(self.service, Scope()) if one["id"] == identity), None)


def _is_another(plan: ProjectPlan, entry: Json) -> bool:
    """Say whether a project is not what was shown: where all of it goes, any change counts, else its name."""
    return (mark(entry) != plan.mark) if plan.whole else str(entry.get("name")) != plan.name


def _united(plans: list[dict[str, dict[str, list[str]]]]) -> dict[str, dict[str, list[str]]]:
    """Give all that this run and those that were cut off before it planned: each is to be looked for."""
    united: dict[str, dict[str, dict[str, None]]] = {}
    for plan in plans:
        for project, rows in plan.items():
            for row, ids in rows.items():
                united.setdefault(project, {}).setdefault(row, {}).update(dict.fromkeys(ids))
    return {project: {row: list(ids) for row, ids in rows.items()} for project, rows in united.items()}
