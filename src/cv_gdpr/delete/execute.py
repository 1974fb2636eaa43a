"""Executes a plan: deletes project by project, looks for everything in the plan again, writes the evidence."""

import dataclasses
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from msgspec.structs import replace

from cv_gdpr.delete.failures import ends_project, ends_run, quoted
from cv_gdpr.delete.guards import protected_among
from cv_gdpr.delete.marks import mark
from cv_gdpr.delete.plan import Plan, ProjectPlan, copies_outside
from cv_gdpr.delete.project import ProjectErasure, Why
from cv_gdpr.delete.proof import Proof
from cv_gdpr.delete.run import Run, Terms
from cv_gdpr.delete.waiting import Deadline
from cv_gdpr.errors import CvGdprError, Forbidden, ServiceError, Unexpected, UsageError, unexpected, worst
from cv_gdpr.evidence import files, seals
from cv_gdpr.evidence.checking import check_chain
from cv_gdpr.evidence.document import close
from cv_gdpr.evidence.events import Answered, Failed, Held, Opened, Stopped
from cv_gdpr.evidence.ledger import Ledger, sealed
from cv_gdpr.evidence.outcomes import DELETED, GONE
from cv_gdpr.evidence.records import TOOL, ByHand, Evidence, Item, Planned, PlannedProject
from cv_gdpr.evidence.sentences import NOT_LOOKED_AT
from cv_gdpr.languages import message
from cv_gdpr.service.client import Service
from cv_gdpr.table.categories import ITERATIONS
from cv_gdpr.table.inventory import projects_in
from cv_gdpr.table.scope import Scope
from cv_gdpr.verbatim import Json


@dataclass(frozen=True)
class Erased:
    """The result of an erasure: its evidence, the path of that, and the error that stopped it, if one did."""

    evidence: Evidence
    path: Path
    stopped_by: CvGdprError | None = None
    completed: bool = False  # an earlier run deleted; only its files were completed
    deleted_before: int = 0  # items of the runs that this one resumes, gone before its plan was made
    lacking: tuple[str, ...] = ()  # why a signature or time-stamp that was asked for is not there

    @property
    def exit_code(self) -> int:
        """What the evidence says; 3 where everything is done, and a signature or time-stamp is lacking."""
        return worst((self.evidence.exit_code, 3 if self.lacking else 0))

    @property
    def outside_the_api(self) -> list[ByHand]:
        """What no operation deletes, with the containers and queues that the projects' settings name."""
        copies = copies_outside({one.id: one.copies_outside for one in self.evidence.projects})
        return [*copies, *self.evidence.outside_the_api]

    @property
    def left(self) -> list[Item]:
        """The items of the plan that are not proved to be gone."""
        return [one for one in self.evidence.items if one.state not in {DELETED, GONE}]


def erase(service: Service, plan: Plan, path: Path, outside: list[ByHand], terms: Terms) -> Erased:
    """Execute a plan and write evidence at `path`, with ledger, certificate and hashes beside it.

    Raise UsageError, before anything is sent, if one of the files exists and cannot be resumed; LedgerLost if the
    ledger is removed or changed during the run.
    """
    with begun(path, plan.endpoint, terms) as ledger:
        erasure = Erasure(service, plan, ledger, terms)
        erasure.run()
        stopped_by = erasure.stopped_by
        stopped = stopped_by.exit_code if stopped_by else 0
        close(ledger, outside, stopped, refused=bool(stopped_by and not stopped_by.retryable))
        erased = sealed_result(ledger, path, terms, stopped_by)
        return dataclasses.replace(erased, deleted_before=_deleted_before(erased.evidence, plan))


def _deleted_before(evidence: Evidence, plan: Plan) -> int:
    """Return how many deleted items the plan no longer names, since an earlier run of the same command deleted them."""
    planned = {
        (project.id, row, one) for project in plan.projects for row, ids in project.planned().items() for one in ids
    }
    deleted = {(one.project, one.row, one.id) for one in evidence.items if one.state == DELETED}
    return len(deleted - planned)


def sealed_result(ledger: Ledger, path: Path, terms: Terms, stopped_by: CvGdprError | None = None) -> Erased:
    """Write the files of a closed ledger, time-stamp and sign them, and return the result."""
    evidence, lacking = seals.write(path, ledger.chain(), terms.seals)
    return Erased(evidence, path, stopped_by, lacking=tuple(lacking))


@contextmanager
def begun(path: Path, endpoint: str, terms: Terms) -> Iterator[Ledger]:
    """Yield the ledger of a run with evidence at `path`, begun or resumed; at the end, check that it is still there.

    Raise UsageError if one of the files exists and cannot be resumed; LedgerLost.
    """
    files.check_name(path)
    with Ledger(files.ledger_of(path), endpoint) as ledger:
        ledger.require(terms.asked)
        seals.refuse_less(ledger.events, terms.seals)
        ledger.keep_time()  # before the files of a stopped run are withdrawn
        if ledger.closed and not ledger.finished:
            files.withdraw(path, ledger.chain())
        files.check_free(path)
        if not ledger.events:
            files.check_unstamped(path)
        ledger.begin(terms.asked)
        yield ledger
        ledger.check()  # it may have been removed in the meantime


def openings(path: Path, endpoint: str) -> list[Opened]:
    """Return how each run so far of an unfinished erasure began; raise UsageError for a ledger of another endpoint."""
    with Ledger(files.ledger_of(path), endpoint) as ledger:
        return [event for event in ledger.events if isinstance(event, Opened)]


def earlier_run(path: Path, endpoint: str, asked: str, sealing: seals.Seals = seals.NO_SEALS) -> Erased | bool:
    """Return whether to resume the run of that ledger; or, if the run ended, complete its files and return its result.

    Send no call. Raise UsageError for finished evidence, the ledger of another command, or a foreign file in the
    place of one of its files; StorageError.
    """
    files.check_name(path)
    if not os.path.lexists(files.ledger_of(path)):
        files.check_free(path)
        return False
    with Ledger(files.ledger_of(path), endpoint) as ledger:
        ledger.require(asked)
        seals.refuse_less(ledger.events, sealing)
        if not ledger.closed:
            files.check_free(path)
            return bool(ledger.events)
        chain = ledger.chain()
        if differences := check_chain(ledger.path, chain):
            raise UsageError(f"{differences[0]}; no evidence can be completed from it", "name another --evidence")
        missing, foreign = files.in_the_way(path, chain)
        if foreign:
            raise UsageError(
                f"{foreign[0]} is in the way: it differs from the ledger of this erasure",
                "move it away; the same command then completes the evidence from the ledger",
            )
        if not missing and not ledger.finished:
            return True
        if not missing:
            raise UsageError(
                f"{path} is the evidence of a finished erasure; this run deleted nothing",
                "verify it with cv-gdpr verify, sign or time-stamp it with cv-gdpr certify; "
                "name another --evidence for a new erasure",
            )
        evidence, lacking = seals.write(path, chain, sealing)
        return Erased(evidence, path, completed=True, lacking=tuple(lacking))


@dataclass
class Erasure:
    """A plan under execution."""

    service: Service
    plan: Plan
    ledger: Ledger
    terms: Terms
    stopped_by: CvGdprError | None = None
    refused: dict[str, Forbidden] = field(default_factory=dict)  # the projects whose deletions a 403 ended
    bug: Unexpected | None = None  # at one project

    def run(self) -> None:
        """Delete what is in the plan and look for it again; the ledger records every step. Raise StorageError."""
        before = [event.planned for event in self.ledger.events if isinstance(event, Opened)]
        concerned = [one for one in self.plan.projects if one.total]
        opened = opening(self.plan, self.terms.asked, self.service.sign_in.who, saved=self.terms.from_file)
        opened = self.terms.stated(opened, self.ledger.events)
        seals.begin(self.ledger, opened, self.terms.seals)
        for one in concerned:
            if one.held:  # cannot be listed once the images are gone
                self.ledger.write(Held(project=one.id, iterations=one.held))
        self.terms.sent.begin(sum(len(ids) for rows in opened.planned.values() for ids in rows.values()))
        not_now = self._not_now(concerned)
        tried = {one.id for one in concerned} - not_now.keys()
        for one in concerned:
            if self.stopped_by is None:
                self._guarded(one.id, ProjectErasure(self._run(), one, not_now.get(one.id)).run)
        if self.stopped_by is None and tried and self._only_refusals(tried):
            self.stopped_by = next(iter(self.refused.values()))
        merged = _merged_plans([*before, opened.planned])
        self.terms.looked.begin(sum(len(ids) for rows in merged.values() for ids in rows.values()))
        for project, rows in merged.items():
            self._guarded(project, Proof(self._run(), project, rows).run)
        self.stopped_by = self.stopped_by or self.bug

    def _only_refusals(self, tried: set[str]) -> bool:
        """Return whether each project refused everything, so that the same command can do no more."""
        if tried - self.refused.keys() or any(one.again for one in self.plan.failed):
            return False
        statuses: set[int] = set()
        for event in self.ledger.events:
            if isinstance(event, Opened):
                statuses.clear()
            elif isinstance(event, Answered):
                statuses.add(event.status)
        return statuses <= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}  # 401: a role that the call needs

    def _run(self) -> Run:
        """Return what one step works with; its time to wait begins now."""
        deadline = Deadline(self.service.stop, self.terms.wait)
        return Run(self.service, self.plan, self.ledger, self.terms, deadline)

    def _not_now(self, concerned: list[ProjectPlan]) -> dict[str, Why]:
        """Return the projects in which nothing is deleted, with the reason: they are no longer what was shown."""
        reasons: dict[str, Why] = {}
        if not concerned or not (self.terms.protect or self.terms.from_file or self.terms.confirmed):
            return reasons  # they were listed just now
        try:
            entries = projects_in(self.service, Scope())
        except ServiceError as error:
            if ends_project(error):
                self.stopped_by = error
            why = Why(NOT_LOOKED_AT % {"reason": quoted(error)}, again=True)
            return dict.fromkeys((one.id for one in concerned), why)
        protected = protected_among(entries, self.terms.protect, known=False)
        now = {entry["id"]: entry for entry in entries}
        for one in concerned:
            if one.id in protected:
                reasons[one.id] = Why(message("its project is protected now"), again=False)
            elif one.id not in now:
                reasons[one.id] = Why(message("its project is not listed any more"), again=False)
            elif _is_another(one, now[one.id]):
                words = message("its project changed after it was planned; make a new plan")
                reasons[one.id] = Why(words, again=not self.terms.from_file)
        return reasons

    def _guarded(self, project: str, step: Callable[[], None]) -> None:
        """Run a step of one project: only an error that stops more than a project ends the run.

        After a bug of ours the other projects go on, and the evidence is written; the exit code is 1.
        """
        try:
            step()
        except ServiceError as error:
            if ends_run(error):
                self.stopped_by = self.stopped_by or error
                self.ledger.write(Stopped(project=project, reason=quoted(error)))
            else:
                if isinstance(error, Forbidden):
                    self.refused[project] = error
                self.ledger.write(Failed(project=project, reason=quoted(error)))
                self.terms.say(f"project {project}: {error.message}")
        except Exception as error:  # noqa: BLE001 - `unexpected` raises all but bugs
            self.bug = self.bug or unexpected(error)
            self.ledger.write(Failed(project=project, reason=self.bug.kind))


def opening(plan: Plan, asked: str, who: str = "", *, saved: bool = False) -> Opened:
    """Return the ledger's first event of a run, with everything that the evidence needs from the plan.

    `asked` identifies this command, `who` is signed in. `saved`: it executes a saved plan, and so never reads a
    failed project again.
    """
    return Opened(
        tool=TOOL,
        endpoint=plan.endpoint,
        asked=sealed(asked, secrets.token_hex(16)),
        listed_from=plan.created,
        plan_hash=plan.hash,
        scope=plan.scope,
        planned={one.id: one.planned() for one in plan.projects if one.total},
        projects=[in_evidence(project) for project in plan.projects],
        protected=plan.protected,
        unmatched=plan.unmatched,
        failed=[replace(one, again=one.again and not saved) for one in plan.failed],
        signed_in_as=who,
        reference=plan.reference,
    )


def in_evidence(project: ProjectPlan) -> PlannedProject:
    """Return what the evidence says about a planned project, besides its items."""
    counted = bool(project.rows.get(ITERATIONS))  # otherwise the exported models were not listed
    return PlannedProject(
        id=project.id,
        whole=project.whole,
        images_only_in_iterations=project.only_in_iterations,
        exported_models=project.exported_models if counted else None,
        iterations_trained_on_them=project.iterations_holding,
        unpublished=sorted(project.published),
        copies_outside=project.copies_outside,
        published_holding=project.published_holding,
        kept=project.kept,
        kept_published=project.kept_published,
        kept_for_images=project.kept_for_images,
        predictions_not_searched=project.predictions_not_searched,
        copies_of=project.copies_of,
        copies_left=project.copies_left,
    )


def _is_another(plan: ProjectPlan, entry: Json) -> bool:
    """Return whether a project differs from what was shown: any change if all of it is deleted, otherwise its name."""
    return (mark(entry) != plan.mark) if plan.whole else str(entry.get("name")) != plan.name


def _merged_plans(plans: list[Planned]) -> Planned:
    """Return everything that this run and the runs before it planned: the proof looks for all of it."""
    merged: dict[str, dict[str, dict[str, None]]] = {}
    for plan in plans:
        for project, rows in plan.items():
            for row, ids in rows.items():
                merged.setdefault(project, {}).setdefault(row, {}).update(dict.fromkeys(ids))
    return {project: {row: list(ids) for row, ids in rows.items()} for project, rows in merged.items()}
