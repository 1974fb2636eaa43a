"""The use case of an erasure: a plan executed, children before parents, and everything in it looked for again."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cv_gdpr import deleters
from cv_gdpr.along import what_goes_along
from cv_gdpr.batches import halves, may_pass_in_parts
from cv_gdpr.categories import Category
from cv_gdpr.errors import (
    CvGdprError,
    Interrupted,
    NotAuthorised,
    NotFound,
    ServiceError,
    Unreachable,
    Unsteady,
    UsageError,
)
from cv_gdpr.findings import Json, Scope
from cv_gdpr.inventory import projects_in
from cv_gdpr.listing import identified
from cv_gdpr.marks import mark
from cv_gdpr.plan import BY_API, Plan, ProjectPlan, current_marks, protected_among
from cv_gdpr.proof import Proof
from cv_gdpr.readers import Project, renewed_images
from cv_gdpr.report import papers
from cv_gdpr.report.checking import check_chain
from cv_gdpr.report.evidence import close, opening
from cv_gdpr.report.ledger import Ledger
from cv_gdpr.service.client import Service

Found = TypeVar("Found")
_BUSY = frozenset({"Training", "Staging", "Exporting"})
_DISPUTED = "selected as an iteration has it, but not as it is today: name it by its id, or delete the iteration"
_READ_ONLY = "ForbiddenDRModeEnabled"  # a 403 of one project, not of the key


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
    check_evidence_path(path)
    with Ledger(papers.ledger_of(path), plan.endpoint) as ledger:
        ledger.begin(terms.asked)
        erasure = Erasure(service, plan, ledger, terms)
        erasure.run()
        close(ledger, outside, erasure.stopped_by.exit_code if erasure.stopped_by else 0)
        return Erased(papers.write(path, ledger.chain()), path, erasure.stopped_by)


def check_evidence_path(path: Path) -> None:
    """Raise UsageError if evidence is there already, or cannot be written there."""
    papers.check_name(path)
    papers.check_free(path)


def earlier_run(path: Path, endpoint: str, asked: str) -> Erased | bool:
    """Say whether a run was cut off there that is to be resumed; complete the papers of one whose ledger is closed.

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
                self._guarded(one.id, _ProjectErasure(self, one, not_now.get(one.id, "")).run)
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
            return {one.id: f"its project could not be looked at again: {_quoted(error)}" for one in concerned}
        protected = protected_among(entries, self.terms.protect, known=False)
        now = {entry["id"]: entry for entry in entries}
        for one in concerned:
            if one.id in protected:
                reasons[one.id] = "its project is protected now"
            elif one.id in now and _is_another(one, now[one.id]):
                reasons[one.id] = "its project changed after it was planned; make a new plan"
        return reasons

    def _guarded(self, project: str, step: Callable[[], None]) -> None:
        """Run one project's step: a failure of the service stops the rest only if it is of authorisation."""
        self._deadline = time.monotonic() + self.terms.wait
        try:
            step()
        except (NotAuthorised, Unreachable) as error:
            self.stopped_by = self.stopped_by or error
            self.ledger.write("stopped", project=project, reason=_quoted(error))
        except ServiceError as error:
            self.ledger.write("failed", project=project, reason=_quoted(error))
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


def _quoted(error: ServiceError) -> str:
    """Give an error for the evidence: of the service's words the code alone, for its message may name a tag."""
    if not error.status:
        return error.message
    code = f" {error.code}" if re.fullmatch(r"\w{1,80}", error.code, re.ASCII) else ""
    return f"the service answered {error.status}{code}"


def _united(plans: list[dict[str, dict[str, list[str]]]]) -> dict[str, dict[str, list[str]]]:
    """Give all that this run and those that were cut off before it planned: each is to be looked for."""
    united: dict[str, dict[str, dict[str, None]]] = {}
    for plan in plans:
        for project, rows in plan.items():
            for row, ids in rows.items():
                united.setdefault(project, {}).setdefault(row, {}).update(dict.fromkeys(ids))
    return {project: {row: list(ids) for row, ids in rows.items()} for project, rows in united.items()}


@dataclass
class _ProjectErasure:
    """The deletions of one project; `not_now` is the reason why nothing of it goes, or empty."""

    erasure: Erasure
    plan: ProjectPlan
    not_now: str = ""
    rows: dict[str, list[str]] = field(default_factory=dict)  # what is still to be deleted
    left: dict[str, list[str]] = field(default_factory=dict)  # what is not to be deleted after all

    def run(self) -> None:
        self.rows = {row: list(ids) for row, ids in self.plan.rows.items()}
        if self.not_now:
            for kind, all_of_it in self.plan.planned().items():
                self._leave(kind, all_of_it, self.not_now)
            return
        try:
            project = self.erasure.project(self.plan.id)
            if self.erasure.terms.from_file:
                self._leave_what_changed(project)
            elif self.erasure.plan.scope.get("selectors"):
                self._leave_images_that_changed(project)
                self._leave_tags_that_changed(project)
            if self.erasure.terms.from_file or self.erasure.terms.confirmed:
                self._leave_what_would_take_more(project)
            self._leave("images", self.plan.disputed, _DISPUTED)
            self._wait_for_training()
        except NotFound:
            return  # the project is gone; the proof will say so
        self._unpublish(project)
        for row in sorted(BY_API, key=lambda row: row.deleter.turn if row.deleter else 0):
            if row.name == "projects":
                self._delete_project(project, row)
            elif row.deleter:
                if row.name == "tags":
                    self._leave_tags_still_needed()
                ids = self.rows.get(row.name, [])
                for start in range(0, len(ids), row.deleter.batch):
                    self._send(project, row.name, row.deleter.call, ids[start : start + row.deleter.batch])

    def _leave_what_changed(self, project: Project) -> None:
        """Leave what is not as a saved plan has it: the project itself was compared already."""
        current = current_marks(project, self.plan)
        if "projects" in self.plan.rows:
            current["projects"] = dict(self.plan.rows["projects"])
        for row, ids in self.plan.rows.items():
            now = current.get(row, {})
            changed = [one for one, then in ids.items() if one in now and now[one] != then]
            vanished = [one for one in ids if one not in now]
            self._leave(row, changed, "it changed after it was planned; make a new plan")
            if vanished:
                self.erasure.ledger.write("vanished", project=self.plan.id, row=row, ids=vanished)
                self.rows[row] = [one for one in self.rows[row] if one not in set(vanished)]

    def _leave_images_that_changed(self, project: Project) -> None:
        """Look at the selected images once more, where each was found: a person may have taken a while to confirm."""
        planned = self.plan.rows.get("images", {})
        by_place: dict[str, list[str]] = {}
        for identity in self.rows.get("images", []):
            by_place.setdefault(self.plan.places.get(identity, ""), []).append(identity)
        for place, ids in by_place.items():
            iteration = {"id": place} if place else None
            now = {item.id: mark(item.record) for item in renewed_images(project, iteration, ids)}
            unseen = [one for one in ids if one not in now]
            changed = [one for one in ids if one in now and now[one] != planned[one]]
            self._leave("images", unseen, "the service did not show it again before it was to be deleted")
            self._leave("images", changed, "it changed after it was planned; run the command again")

    def _leave_tags_that_changed(self, project: Project) -> None:
        """Look at the selected tags once more: one that has another name by now is not what was selected."""
        planned = self.plan.rows.get("tags", {})
        if planned:
            records = identified(project.service.call("get_tags", project.id))
            now = {tag["id"]: mark(tag) for tag in records}
            changed = [one for one, then in planned.items() if one in now and now[one] != then]
            self._leave("tags", changed, "it changed after it was planned; run the command again")

    def _leave_what_would_take_more(self, project: Project) -> None:
        """Leave iterations and tags with which more would go by now than was shown."""
        iterations, tags = self.rows.get("iterations", []), self.rows.get("tags", [])
        if "images" in self.plan.rows:
            return  # every image is in the plan by itself
        now = what_goes_along(project, set(iterations), set(tags))
        more = now.along.keys() - self.plan.along.get("images", {}).keys()
        taking = [one for one in iterations if not more.isdisjoint(now.held.get(one, []))]
        self._leave("iterations", taking, "it holds images that live nowhere else by now; make a new plan")
        bearing = (loss.tags for one, loss in now.losing.items() if one not in self.plan.losing_tags)
        borne = frozenset[str]().union(*bearing)
        self._leave("tags", [one for one in tags if one in borne], "more images bear it by now; make a new plan")

    def _leave(self, row: str, ids: list[str], reason: str, *, with_project: bool = True) -> None:
        if ids:
            self.erasure.ledger.write("left", project=self.plan.id, row=row, ids=ids, reason=reason)
            going = set(ids)
            self.rows[row] = [one for one in self.rows.get(row, []) if one not in going]
            if with_project:
                self.left.setdefault(row, []).extend(ids)

    def _leave_tags_still_needed(self) -> None:
        """Leave tags while images that bear them are there: without them a second run could not know those again."""
        tags = self.rows.get("tags", [])
        if self.plan.whole and self._refused("images"):
            self._leave("tags", tags, "images that may bear it are still there", with_project=False)
        elif tags and not self.plan.whole:
            selected_by_them = {row: self.rows[row] for row in ("images", "predictions") if self.rows.get(row)}
            if any(Proof(self.erasure, self.plan.id, selected_by_them).remaining(thorough=True).values()):
                self._leave("tags", tags, "what it selects is still there, and to be found again by it")
            elif self.erasure.plan.scope.get("selectors") and "images" in self.plan.rows:
                borne = [tag for tag in tags if self._is_borne(tag)]
                self._leave("tags", borne, "images bear it that are not in the plan")

    def _is_borne(self, tag: str) -> bool:
        """Say whether images of the workspace bear a tag that a data subject was selected by."""
        count: int = self.erasure.service.call("get_tagged_image_count", self.plan.id, tag_ids=[tag])
        return count > 0

    def _refused(self, row: str) -> bool:
        """Say whether the service would not delete some thing of this row in this run, its last answer counting."""
        last: dict[str, int] = {}
        for event in self.erasure.ledger.events:
            if event["event"] == "opened":
                last.clear()
            elif event["event"] == "answered" and (event["project"], event["row"]) == (self.plan.id, row):
                last |= dict.fromkeys(event["ids"], event["status"])
        return any(status >= 300 or not status for status in last.values() if status != 404)

    def _wait_for_training(self) -> None:
        """Wait for iterations in training: no operation cancels one, and none is known to delete it meanwhile."""
        wanted = set(self.rows.get("iterations", []))
        for round_ in range(10_000):
            project = self.erasure.project(self.plan.id)
            busy = [one["id"] for one in project.iterations if one["id"] in wanted and one.get("status") in _BUSY]
            if not busy:
                return
            if not self.erasure.pause(round_):
                self._leave("iterations", busy, "in training: not deletable yet")
                return

    def _unpublish(self, project: Project) -> None:
        for iteration in self.plan.published:
            if iteration in self.rows.get("iterations", []):
                self._send(project, "publications", deleters.publications, [iteration])

    def _delete_project(self, project: Project, row: Category) -> None:
        if not self.plan.whole or not self.rows.get("projects"):
            return
        try:
            current = self.erasure.settled(lambda: current_marks(self.erasure.project(self.plan.id), self.plan))
        except NotFound:
            if Proof(self.erasure, self.plan.id, {}).project_is_gone():
                return
            raise
        planned = self.plan.rows
        added = sum(len(now.keys() - planned.get(kind, {}).keys()) for kind, now in current.items())
        if added:
            self._leave("projects", [self.plan.id], f"it holds {added} things that are not in the plan")
        elif any(one in current.get(kind, {}) for kind, ids in self.left.items() for one in ids):
            self._leave("projects", [self.plan.id], "something in it was left")
        elif row.deleter:
            self._send(project, "projects", row.deleter.call, [self.plan.id])

    def _send(self, project: Project, row: str, call: Callable[[Project, list[str]], Any], ids: list[str]) -> None:
        """Send one call, its intent in the ledger before and its answer after; halve a batch that one id fails."""
        if not ids:
            return
        known: Json = {"project": self.plan.id, "row": row, "ids": ids}
        self.erasure.ledger.write("calling", **known)
        try:
            answer = call(project, ids)
        except ServiceError as error:
            gone = {"status": error.status, "requestId": error.request_id, "reason": _quoted(error)}
            earlier = {"earlierTry": True} if error.lost else {}
            self.erasure.ledger.write("answered", **known, **gone, **earlier)
            if isinstance(error, (NotAuthorised, Unreachable)) and error.code != _READ_ONLY:
                raise
            if not isinstance(error, NotFound):
                self.erasure.terms.say(error.message)
            if may_pass_in_parts(error) and len(ids) > 1:
                for half in halves(ids):
                    self._send(project, row, call, half)
            return
        self.erasure.ledger.write("answered", **known, status=answer.status, requestId=answer.request_id)
