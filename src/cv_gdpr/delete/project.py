"""Deletes the planned items of one project in the order of DELETION_ORDER; leaves what changed since the plan."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cv_gdpr.delete.dependents import dependents_of
from cv_gdpr.delete.failures import ends_project, ends_run, quoted
from cv_gdpr.delete.look import Look
from cv_gdpr.delete.marks import mark
from cv_gdpr.delete.plan import ProjectPlan
from cv_gdpr.delete.planning import current_marks
from cv_gdpr.delete.proof import Proof
from cv_gdpr.delete.run import Run
from cv_gdpr.delete.waiting import Deadline
from cv_gdpr.errors import NotFound, ServiceError
from cv_gdpr.evidence.events import PUBLICATIONS, Answered, Calling, Left, Opened, Vanished
from cv_gdpr.evidence.sentences import CHANGED, MORE_IN_IT
from cv_gdpr.languages import message
from cv_gdpr.service.batches import in_parts, may_pass_in_parts
from cv_gdpr.service.paging import identified
from cv_gdpr.table import deleters
from cv_gdpr.table.categories import BY_API, IMAGES, ITERATIONS, PROJECTS, TAGS, Category, in_deletion_order
from cv_gdpr.table.inventory import project_of
from cv_gdpr.table.labels import word
from cv_gdpr.table.readers import Project, renewed_images

_SELECTED_BY_TAG = [row.name for row in BY_API if "--tag" in row.selectors and row.name != TAGS]
_BUSY = frozenset({"Training", "Staging", "Exporting"})


class Why(NamedTuple):
    """Why an item is not deleted, and whether the same command may delete it later."""

    words: str
    again: bool


_DISPUTED = Why(
    message("only an iteration's copy of it was selected: name its id, or delete the iteration"),
    again=False,
)
_UNSEEN = Why(message("the service did not return it again before its deletion"), again=True)
_CHANGED = Why(CHANGED, again=True)
_CHANGED_SINCE_SAVED = Why(message("it changed after it was planned; make a new plan"), again=False)
_IN_TRAINING = Why(message("in training: not deletable yet"), again=True)
_MAY_BEAR_IT = Why(message("images that may have it are still there"), again=True)
_STILL_NEEDED = Why(message("what it selects is still there, and only this tag finds it"), again=True)
_BORNE = Why(message("images with it are not in the plan"), again=False)
_LEFT_INSIDE = message("something in it was left")
_NEWLY_ALONE = message("it now holds images that exist nowhere else; make a new plan")
_MORE_BEAR_IT = message("more images have it now; make a new plan")
_PUBLISHED = "BadRequestIterationIsPublished"
_NOT_PUBLISHED = "BadRequestIterationNotPublished"


@dataclass
class ProjectErasure:
    """The deletions of one project; `not_now` is the reason why nothing of it is deleted, if there is one."""

    erasure: Run
    plan: ProjectPlan
    not_now: Why | None = None
    rows: dict[str, list[str]] = field(default_factory=dict)  # still to delete
    left: dict[str, list[str]] = field(default_factory=dict)  # left in place
    all_again: bool = True  # whether the same command may delete all of those later
    unclear: set[str] = field(default_factory=set)  # a call without an answer may have deleted these

    def run(self) -> None:
        """Delete the planned items of the project, children before parents; raise ServiceError."""
        self.rows = {row: list(ids) for row, ids in self.plan.rows.items()}
        if self.not_now:
            for kind, all_of_it in self.plan.planned().items():
                self._leave_in_place(kind, all_of_it, self.not_now)
            return
        try:
            project = project_of(self.erasure.service, self.plan.id)
            if self.erasure.terms.from_file:
                self._leave_what_changed(project)
            elif self.erasure.plan.scope.selectors:
                self._leave_images_that_changed(project)
                self._leave_tags_that_changed(project)
            self._leave_in_place(IMAGES, self.plan.disputed, _DISPUTED)
            waited = self._wait_for_training()
            if waited or self.erasure.terms.from_file or self.erasure.terms.confirmed:
                self._leave_what_would_take_more(project)
        except NotFound:
            return  # the project is gone; the proof records it
        self._unpublish(project)
        for row in in_deletion_order():
            if row.name == PROJECTS:
                self._delete_project(project, row)
            elif row.deleter:
                if row.name == TAGS:
                    self._leave_tags_still_needed()
                self._send(project, row.name, row.deleter.call, self.rows.get(row.name, []), row.deleter.batch)

    def _leave_what_changed(self, project: Project) -> None:
        """Leave what changed since a saved plan; the project itself was compared before."""
        current = current_marks(project, self.plan, names=self.erasure.plan.by_tag)
        if PROJECTS in self.plan.rows:
            current[PROJECTS] = dict(self.plan.rows[PROJECTS])
        for row, ids in self.plan.rows.items():
            now = current.get(row, {})
            changed = [one for one, then in ids.items() if one in now and now[one] != then]
            vanished = [one for one in ids if one not in now]
            self._leave_in_place(row, changed, _CHANGED_SINCE_SAVED)
            if vanished:
                self.erasure.ledger.write(Vanished(project=self.plan.id, row=row, ids=vanished))
                self.rows[row] = [one for one in self.rows[row] if one not in set(vanished)]

    def _leave_images_that_changed(self, project: Project) -> None:
        """Look up the selected images again, each where it was found: the confirmation may have taken a while."""
        planned = self.plan.rows.get(IMAGES, {})
        by_place: dict[str, list[str]] = {}
        for identity in self.rows.get(IMAGES, []):
            by_place.setdefault(self.plan.places.get(identity, ""), []).append(identity)
        for place, ids in by_place.items():
            iteration = {"id": place} if place else None
            names = self.erasure.plan.by_tag
            now = {item.id: mark(item.record, names=names) for item in renewed_images(project, iteration, ids)}
            unseen = [one for one in ids if one not in now]
            changed = [one for one in ids if one in now and now[one] != planned[one]]
            self._leave_in_place(IMAGES, unseen, _UNSEEN)
            self._leave_in_place(IMAGES, changed, _CHANGED)

    def _leave_tags_that_changed(self, project: Project) -> None:
        """Look up the selected tags again: one with another name is not what was selected."""
        planned = self.plan.rows.get(TAGS, {})
        if planned:
            records = identified(project.service.call("get_tags", project.id))
            now = {tag["id"]: mark(tag) for tag in records}
            changed = [one for one, then in planned.items() if one in now and now[one] != then]
            self._leave_in_place(TAGS, [one for one in planned if one not in now], _UNSEEN)
            self._leave_in_place(TAGS, changed, _CHANGED)

    def _leave_what_would_take_more(self, project: Project) -> None:
        """Leave iterations and tags whose deletion would now take more with it than was shown."""
        iterations, tags = self.rows.get(ITERATIONS, []), self.rows.get(TAGS, [])
        planned = self.plan.rows.get(IMAGES, {}).keys() | self.plan.along.get(IMAGES, {}).keys()
        if IMAGES in self.plan.rows:
            tags = []  # the plan names every image that has them
            if self.plan.whole or not iterations:
                return
        now = dependents_of(project, set(iterations), set(tags))
        more = now.images.keys() - planned
        taking = [one for one in iterations if not more.isdisjoint(now.held.get(one, []))]
        self._leave_in_place(ITERATIONS, taking, self._new_plan(_NEWLY_ALONE))
        losing = self.plan.losing_tags
        grown = sum(loss.regions for loss in now.losing.values()) > self.plan.losing_regions
        bearing = (
            loss.tags for one, loss in now.losing.items() if one not in losing or (grown and losing[one] != loss.mark)
        )
        borne = frozenset[str]().union(*bearing)
        self._leave_in_place(TAGS, [one for one in tags if one in borne], self._new_plan(_MORE_BEAR_IT))

    def _new_plan(self, words: str) -> Why:
        """Return a reason that a new plan resolves: the same command makes one, unless it executes a saved plan."""
        return Why(words, again=not self.erasure.terms.from_file)

    def _leave_in_place(self, row: str, ids: list[str], why: Why, *, with_project: bool = True) -> None:
        if ids:
            left = Left(project=self.plan.id, row=row, ids=ids, reason=why.words, again=why.again)
            self.erasure.ledger.write(left)
            going = set(ids)
            self.rows[row] = [one for one in self.rows.get(row, []) if one not in going]
            self.all_again = self.all_again and why.again
            if with_project:
                self.left.setdefault(row, []).extend(ids)

    def _leave_tags_still_needed(self) -> None:
        """Leave tags while items that they selected remain: without the tags a second run could not find those."""
        tags = self.rows.get(TAGS, [])
        if self.plan.whole and self._refused(IMAGES):
            self._leave_in_place(TAGS, tags, _MAY_BEAR_IT, with_project=False)
        elif tags and not self.plan.whole:
            selected_by_them = {row: self.rows[row] for row in _SELECTED_BY_TAG if self.rows.get(row)}
            if any(Proof(self.erasure, self.plan.id, selected_by_them).remaining(thorough=True).values()):
                self._leave_in_place(TAGS, tags, _STILL_NEEDED)
            elif self.erasure.plan.scope.selectors and IMAGES in self.plan.rows:
                borne = [tag for tag in tags if self._is_on_images(tag)]
                self._leave_in_place(TAGS, borne, _BORNE)

    def _is_on_images(self, tag: str) -> bool:
        """Return whether images of the workspace have the tag."""
        count: int = self.erasure.service.call("get_tagged_image_count", self.plan.id, tag_ids=[tag])
        return count > 0

    def _refused(self, row: str) -> bool:
        """Return whether the service refused to delete an item of this row in this run; its last answer counts."""
        last: dict[str, int] = {}
        for event in self.erasure.ledger.events:
            if isinstance(event, Opened):
                last.clear()
            elif isinstance(event, Answered) and (event.project, event.row) == (self.plan.id, row):
                last |= dict.fromkeys(event.ids, event.status)
        return any(status >= 300 or not status for status in last.values() if status != 404)

    def _wait_for_training(self) -> bool:
        """Wait for iterations in training, which no operation cancels or is known to delete.

        Return whether there were any: much may have changed in the meantime.
        """
        round_ = 0
        while busy := self._in_training():
            if not self.erasure.deadline.pause(round_):
                self._leave_in_place(ITERATIONS, busy, _IN_TRAINING)
                return True
            round_ += 1
        return round_ > 0

    def _in_training(self) -> list[str]:
        wanted = set(self.rows.get(ITERATIONS, []))
        project = project_of(self.erasure.service, self.plan.id)
        return [one["id"] for one in project.iterations if one["id"] in wanted and word(one, "status") in _BUSY]

    def _unpublish(self, project: Project) -> None:
        for iteration in self.plan.published:
            if iteration in self.rows.get(ITERATIONS, []):
                self._send(project, PUBLICATIONS, deleters.publications, [iteration])
        if unpublished := self._unpublished():
            self._wait_for_unpublishing(unpublished)

    def _unpublished(self) -> set[str]:
        """Return the planned iterations that the service accepted to unpublish, in this run or in one before it."""
        accepted = {
            one
            for event in self.erasure.ledger.events
            if isinstance(event, Answered) and (event.project, event.row) == (self.plan.id, PUBLICATIONS)
            if event.accepted or _NOT_PUBLISHED in event.reason
            for one in event.ids
        }
        return accepted & self.plan.published.keys()

    def _wait_for_unpublishing(self, iterations: set[str]) -> None:
        """Wait until the iterations are no longer published, or `--wait` is over.

        It may take effect seconds after its answer. Until then neither iterations nor project can be deleted, and
        nothing else is: the images would be gone, and the models trained on them would still answer.
        """
        deadline = Deadline(self.erasure.service.stop, self.erasure.terms.wait)
        round_ = 0
        while any(self._is_published(one) for one in iterations) and deadline.pause(round_):
            round_ += 1

    def _is_published(self, iteration: str) -> bool:
        try:
            record = self.erasure.service.call("get_iteration", self.plan.id, iteration)
        except NotFound:
            return False
        except ServiceError as error:
            if ends_run(error):
                raise
            return True  # it may be: nobody knows
        return bool(record.get("publishName"))

    def _may_be_unpublished_soon(self, error: ServiceError, row: str, ids: list[str]) -> bool:
        """Return whether a deletion was refused for a publication whose end the service accepted."""
        if error.code != _PUBLISHED:
            return False
        published = set(self.plan.published) if row == PROJECTS else set(ids)
        return bool(published) and published <= self._unpublished()

    def _marks_now(self) -> dict[str, dict[str, str]]:
        return current_marks(project_of(self.erasure.service, self.plan.id), self.plan, names=self.erasure.plan.by_tag)

    def _delete_project(self, project: Project, row: Category) -> None:
        if not self.plan.whole or not self.rows.get(PROJECTS):
            return
        try:
            current = self.erasure.deadline.settled(self._marks_now)
        except NotFound:
            if Look(self.erasure.service, self.plan.id).project_is_gone():
                return
            raise
        planned = self.plan.rows
        added = sum(len(now.keys() - planned.get(kind, {}).keys()) for kind, now in current.items())
        if added:
            why = Why(MORE_IN_IT % {"number": added}, again=not self.erasure.terms.from_file)
            self._leave_in_place(PROJECTS, [self.plan.id], why)
        elif any(one in current.get(kind, {}) for kind, ids in self.left.items() for one in ids):
            self._leave_in_place(PROJECTS, [self.plan.id], Why(_LEFT_INSIDE, again=self.all_again))
        elif row.deleter:
            self._send(project, PROJECTS, row.deleter.call, [self.plan.id])

    def _send(
        self, project: Project, row: str, call: Callable[[Project, list[str]], Any], ids: list[str], most: int = 1
    ) -> None:
        """Delete ids, at most `most` a call; halve a batch that may pass in parts. Raise what ends the project."""

        def send(batch: list[str]) -> None:
            round_ = 0
            while failed := self._try(project, row, call, batch):
                if not self._may_be_unpublished_soon(failed, row, batch) or not self.erasure.deadline.pause(round_):
                    break
                round_ += 1
            if failed and (ends_project(failed) or may_pass_in_parts(failed)):
                raise failed

        deque(in_parts(send, ids, most), maxlen=0)

    def _try(
        self, project: Project, row: str, call: Callable[[Project, list[str]], Any], ids: list[str]
    ) -> ServiceError | None:
        """Send one call, recorded in the ledger before and after; return its failure."""
        self.erasure.ledger.write(Calling(project=self.plan.id, row=row, ids=ids))
        try:
            answer = call(project, ids)
        except ServiceError as error:
            self._record(row, ids, error)
            return error
        self.erasure.terms.sent.add(len(ids))
        self.erasure.ledger.write(
            Answered(project=self.plan.id, row=row, ids=ids, status=answer.status, request_id=answer.request_id)
        )
        return None

    def _record(self, row: str, ids: list[str], error: ServiceError) -> None:
        """Record the failure of a call; a call of more ids before it may have deleted them without an answer."""
        self.erasure.ledger.write(
            Answered(
                project=self.plan.id,
                row=row,
                ids=ids,
                status=error.status,
                request_id=error.request_id,
                reason=quoted(error),
                earlier_try=error.lost or not self.unclear.isdisjoint(ids),
            )
        )
        if error.unclear or error.lost:
            self.unclear.update(ids)
        if not (ends_project(error) or isinstance(error, NotFound)):  # those are named once, for the project
            self.erasure.terms.say(error.message)
