"""The use case of an erasure: a plan executed, children before parents, and everything in it looked for again."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cv_gdpr import __version__, deleters
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
from cv_gdpr.listing import PAGE
from cv_gdpr.plan import BY_API, Plan, ProjectPlan, current_marks, mark
from cv_gdpr.proof import SPLIT, Proof
from cv_gdpr.readers import Project, renewed_images
from cv_gdpr.report import evidence as evidence_of
from cv_gdpr.report.certificate import certificate
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
    stopped_by: CvGdprError | None


def erase(  # noqa: PLR0913 - what an erasure needs to know
    service: Service,
    plan: Plan,
    path: Path,
    *,
    outside: list[Json],
    wait: float = 600.0,
    from_file: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Erased:
    """Execute a plan, prove it, and write evidence at `path`, with its ledger and its printable page beside it.

    Raises UsageError, before anything is sent, if one of the three is there already and cannot be gone on with.
    """
    check_evidence_path(path)
    with Ledger(evidence_of.ledger_of(path), plan.endpoint) as ledger:
        erasure = Erasure(service, plan, ledger, wait, from_file, say)
        erasure.run()
        refused = erasure.stopped_by.exit_code if erasure.stopped_by else 0
        document = evidence_of.make(ledger, plan.body() | {"hash": plan.hash}, outside, refused)
    evidence_of.write(path, json.dumps(document, indent=2) + "\n")
    evidence_of.write(evidence_of.certificate_of(path), certificate(document))
    return Erased(document, path, erasure.stopped_by)


def check_evidence_path(path: Path) -> None:
    """Raise UsageError if evidence is there already, or cannot be written there."""
    if not path.name:
        raise UsageError(f"--evidence {path} names no file", "name a new file, NAME.json")
    if path.suffix == ".jsonl":
        raise UsageError("--evidence names a JSON file; its ledger gets .jsonl by itself")
    for place in (path, evidence_of.certificate_of(path)):
        if place.exists() or place.is_symlink():
            raise UsageError(f"{place} exists", "name another file with --evidence: nothing is overwritten")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--evidence {path}: there is no such folder")


@dataclass
class Erasure:
    """A plan under execution. `wait` is how many seconds asynchronous deletions and trainings are waited for."""

    service: Service
    plan: Plan
    ledger: Ledger
    wait: float
    from_file: bool = False  # the plan was made earlier: what changed since then is left
    say: Callable[[str], None] = lambda _: None
    stopped_by: CvGdprError | None = None
    _deadline: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Delete what is in the plan and look for it again; the ledger tells what came of it. Raises StorageError."""
        before = [event["planned"] for event in self.ledger.events if event["event"] == "opened"]
        concerned = [one for one in self.plan.projects if one.total]
        planned = {one.id: {row: list(ids) for row, ids in one.rows.items() if ids} for one in concerned}
        self.ledger.write(
            "opened",
            tool=f"cv-gdpr {__version__}",
            endpoint=self.plan.endpoint,
            planHash=self.plan.hash,
            scope=self.plan.scope,
            planned=planned,
        )
        for one in concerned:
            if self.stopped_by is None:
                self._guarded(one.id, _ProjectErasure(self, one).run)
        for project, rows in _united([*before, planned]).items():
            self._guarded(project, Proof(self, project, rows).run)

    def _guarded(self, project: str, step: Callable[[], None]) -> None:
        """Run one project's step: a failure of the service stops the rest only if it is of authorisation."""
        self._deadline = time.monotonic() + self.wait
        try:
            step()
        except (NotAuthorised, Unreachable) as error:
            self.stopped_by = self.stopped_by or error
            self.ledger.write("stopped", project=project, reason=_quoted(error))
        except ServiceError as error:
            self.ledger.write("failed", project=project, reason=_quoted(error))
            self.say(f"project {project}: {error.message}")

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
    """The deletions of one project."""

    erasure: Erasure
    plan: ProjectPlan
    rows: dict[str, list[str]] = field(default_factory=dict)  # what is still to be deleted
    left: dict[str, list[str]] = field(default_factory=dict)  # what is not to be deleted after all

    def run(self) -> None:
        self.rows = {row: list(ids) for row, ids in self.plan.rows.items()}
        try:
            project = self.erasure.project(self.plan.id)
            if self.erasure.from_file:
                self._leave_what_changed(project)
            elif self.erasure.plan.scope.get("selectors"):
                self._leave_images_that_changed(project)
            self._leave("images", self.plan.disputed, _DISPUTED)
            self._leave_what_trains()
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
        current = current_marks(project, self.plan)
        if "projects" in current:
            entry = self.erasure.entry(self.plan.id)
            current["projects"] = {self.plan.id: mark(entry)} if entry else {}
        for row, ids in self.plan.rows.items():
            now = current.get(row, {})
            changed = [one for one, then in ids.items() if one in now and now[one] != then]
            vanished = [one for one in ids if one not in now]
            self._leave(row, changed, "it changed after it was planned; make a new plan")
            if vanished:
                self.erasure.ledger.write("vanished", project=self.plan.id, row=row, ids=vanished)
                self.rows[row] = [one for one in self.rows[row] if one not in set(vanished)]

    def _leave_images_that_changed(self, project: Project) -> None:
        """Look at the selected images once more: a person may have taken a while to confirm."""
        ids = self.rows.get("images", [])
        planned = self.plan.rows.get("images", {})
        for start in range(0, len(ids), PAGE):
            try:
                now = list(renewed_images(project, None, ids[start : start + PAGE]))
            except ServiceError as error:
                if error.status not in SPLIT:
                    raise
                return  # it refuses the question; the marks of a saved plan would be compared by listing
            changed = [item.id for item in now if item.id in planned and mark(item.record) != planned[item.id]]
            self._leave("images", changed, "it changed after it was planned; run the command again")

    def _leave(self, row: str, ids: list[str], reason: str, *, with_project: bool = True) -> None:
        if ids:
            self.erasure.ledger.write("left", project=self.plan.id, row=row, ids=ids, reason=reason)
            self.rows[row] = [one for one in self.rows[row] if one not in set(ids)]
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
        """Say whether a call of this row got no success."""
        last = {
            tuple(event["ids"]): event["status"]
            for event in self.erasure.ledger.events
            if event["event"] == "answered" and (event["project"], event["row"]) == (self.plan.id, row)
        }
        return any(status >= 300 or not status for status in last.values() if status != 404)

    def _leave_what_trains(self) -> None:
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
            self.erasure.ledger.write("answered", **known, **gone)
            if isinstance(error, (NotAuthorised, Unreachable)) and error.code != _READ_ONLY:
                raise
            if not isinstance(error, NotFound):
                self.erasure.say(error.message)
            if error.status in SPLIT and len(ids) > 1:
                for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
                    self._send(project, row, call, half)
            return
        self.erasure.ledger.write("answered", **known, status=answer.status, requestId=answer.request_id)
