"""Deletes the Azure resource itself, and purges it; proved by get, list and the list of deleted resources.

It uses the same ledger, evidence and certificate as the erasure of what the resource holds. There a resource stands in
place of a project: its id names the place, its name the item.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from cv_gdpr.delete.execute import Erased, begun, openings, sealed_result
from cv_gdpr.delete.failures import quoted
from cv_gdpr.delete.marks import canonical
from cv_gdpr.delete.plan import Plan, ProjectPlan
from cv_gdpr.delete.run import Terms
from cv_gdpr.delete.waiting import Deadline
from cv_gdpr.errors import NotFound, ServiceError, UsageError
from cv_gdpr.evidence import seals
from cv_gdpr.evidence.account import deleted_resource
from cv_gdpr.evidence.clock import now
from cv_gdpr.evidence.document import close
from cv_gdpr.evidence.events import RECOVERABLE, Answered, Calling, Left, Looked, Opened, Recoverable
from cv_gdpr.evidence.ledger import Ledger, sealed
from cv_gdpr.evidence.records import TOOL, ByHand, DeletedResource, HeldProject, SearchedScope, as_json
from cv_gdpr.evidence.sentences import RECOVERABLE_UNTIL, RECOVERY_UNKNOWN
from cv_gdpr.languages import message
from cv_gdpr.service.azure_resource import CHECK_ID, AnotherResource, AzureResource, purge_date
from cv_gdpr.service.resource_manager import PREDICTION, TRAINING, Reply, ResourceId, properties_of
from cv_gdpr.table.categories import ACCOUNT, EXPORTS, IMAGES, ITERATIONS, PREDICTIONS
from cv_gdpr.verbatim import Json

_STATED = message('gone with the account: "Deleted upon account deletion" (Microsoft)')
_KINDS = (TRAINING, PREDICTION)
Sending: TypeAlias = Callable[[], Reply]
Looking: TypeAlias = Callable[[], bool]
Made: TypeAlias = dict[str, str]


class AccountPlan(NamedTuple):
    """A resource to delete: what Resource Manager says of it, and what dies with it, as far as it could be read."""

    place: ResourceId
    account: Json
    live: bool  # False: it is deleted already, and can still be recovered
    locks: list[str]
    siblings: list[str]
    purge: bool
    contents: Plan | None  # of its projects; None: `unread` says why
    unread: str = ""
    export: str = ""  # the folder that --require-export found to hold it

    @property
    def kind(self) -> str:
        """Its kind, as CustomVision.Training."""
        return str(self.account.get("kind") or "")

    @property
    def location(self) -> str:
        """The region that it is in."""
        return str(self.account.get("location") or "")

    @property
    def deleting(self) -> bool:
        """Whether its deletion is under way already."""
        return properties_of(self.account).get("provisioningState") == "Deleting"

    @property
    def rows(self) -> dict[str, list[str]]:
        """The items of the plan: the resource if it is live, and what is recoverable of it if it is purged."""
        rows = {ACCOUNT: [self.place.name]} if self.live else {}
        return rows | ({RECOVERABLE: [self.place.name]} if self.purge else {})


def plan_account(azure: AzureResource, *, purge: bool, resumed: Made | None = None) -> AccountPlan:
    """Return the plan of a resource, without its contents; `resumed` is the resource of the earlier run, if any.

    Raise UsageError for a resource that other services use too, for another one than that of the earlier run, and
    without such a run for one that is not there any more; ServiceError.
    """
    account, live = _account(azure, resumed=resumed is not None)
    if account and resumed is not None and not _is_same(resumed, _made(account)):
        raise UsageError(
            f"{azure.place.name} is another resource than the one that this erasure began with",
            "nothing was deleted; the ledger says what the earlier run did; name another --evidence to delete this one",
        )
    if account and account.get("kind") not in _KINDS:
        raise UsageError(
            f"{azure.place.name} is of kind {account.get('kind')}: what other services keep in it would go, too",
            f"only resources of kind {' and '.join(_KINDS)} are deleted here; delete the projects with delete --all",
        )
    if not (live or purge or resumed is not None):
        raise UsageError(f"{azure.place.name} is deleted already, and can still be recovered", "--purge ends that")
    return AccountPlan(
        place=azure.place,
        account=account,
        live=live,
        locks=_locks(azure) if live else [],
        siblings=_siblings(azure),
        purge=purge,
        contents=None,
    )


def _account(azure: AzureResource, *, resumed: bool) -> tuple[Json, bool]:
    """Return the resource, and whether it is live rather than recoverable; of a resumed run it may be empty."""
    try:
        return _live(azure), True
    except NotFound:
        if deleted := _recoverable(azure):
            return deleted, False
        if resumed:
            return {}, False
        raise UsageError(
            f"there is no resource {azure.place.name}, and none of that name can be recovered", CHECK_ID
        ) from None


def _live(azure: AzureResource) -> Json:
    try:
        return azure.account()
    except AnotherResource as error:
        raise UsageError(error.message, error.hint) from None


def _recoverable(azure: AzureResource) -> Json | None:
    try:
        return azure.recoverable()
    except AnotherResource as error:
        raise UsageError(error.message, error.hint) from None


def check_unchanged(azure: AzureResource, plan: AccountPlan) -> None:
    """Look at the resource again; raise UsageError if another of its name has replaced it since the plan."""
    try:
        again = _live(azure)
    except NotFound:
        return  # it is deleted: the run records that
    if not _is_same(_made(again), _made(plan.account)) or again.get("kind") != plan.kind:
        raise UsageError(
            f"{plan.place.name} was created anew since the plan was shown", "nothing was deleted; run the command again"
        )


def begun_with(path: Path, place: ResourceId) -> Made:
    """Return what tells the resource that an unfinished run planned to delete from a later one of the same name."""
    return next((run.resource for run in openings(path, str(place)) if run.resource), {})


def _made(account: Json) -> Made:
    """Return what tells a resource from a later one of the same name."""
    own, system = properties_of(account), account.get("systemData")
    created = system.get("createdAt") if isinstance(system, dict) else None
    known = {"internalId": own.get("internalId"), "dateCreated": own.get("dateCreated"), "createdAt": created}
    return {name: value for name, value in known.items() if isinstance(value, str)}


def _is_same(one: Made, other: Made) -> bool:
    """Return whether two records describe one resource: they have something in common, and nothing differs."""
    common = one.keys() & other.keys()
    return bool(common) and all(one[name] == other[name] for name in common)


def _locks(azure: AzureResource) -> list[str]:
    """Return the names and levels of the locks; one line that says so where they may not be read."""
    try:
        found = azure.manager.locks(azure.place)
    except ServiceError as error:
        return [f"could not be read: {quoted(error)}"]
    return [f"{one.get('name')} ({_level(one)})" for one in found]


def _level(lock: Json) -> str:
    return str(properties_of(lock).get("level", "of an unknown level"))


def _siblings(azure: AzureResource) -> list[str]:
    try:
        return [f"{one.get('name')} ({one.get('kind')})" for one in azure.siblings()]
    except ServiceError as error:
        return [f"could not be read: {quoted(error)}"]


# --- execution ----------------------------------------------------------------------------------------------------


def erase_account(azure: AzureResource, plan: AccountPlan, path: Path, terms: Terms, deadline: Deadline) -> Erased:
    """Delete the resource, purge it if that is planned, look for it again, and write evidence at `path`.

    Raise UsageError, before anything is sent, if one of the files exists and cannot be resumed; LedgerLost.
    """
    with begun(path, str(plan.place), terms) as ledger:
        close(ledger, _AccountErasure(azure, plan, ledger, terms, deadline).run())
        return sealed_result(ledger, path, terms)


@dataclass
class _AccountErasure:
    azure: AzureResource
    plan: AccountPlan
    ledger: Ledger
    terms: Terms
    deadline: Deadline

    def run(self) -> list[ByHand]:
        """Delete, purge and look; return what remains for a person, and what Microsoft states."""
        earlier = self._planned_before()
        seals.begin(self.ledger, self.terms.stated(self._opening(), self.ledger.events), self.terms.seals)
        place, manager = self.plan.place, self.azure.manager
        if self.plan.live and not self.plan.deleting:
            self._send(ACCOUNT, lambda: manager.delete(place))
        deleted = self._look(ACCOUNT, self.azure.is_gone) if self.plan.live or earlier else True
        if self.plan.purge and deleted:
            self._purge()
        elif self.plan.purge:
            self._leave_unpurged(message("the resource is still there"))
        return self._words(deleted=deleted)

    def _planned_before(self) -> bool:
        """Return whether an earlier run of this command, which was cut off, planned to delete the resource."""
        runs = (event for event in self.ledger.events if isinstance(event, Opened))
        return any(ACCOUNT in rows for run in runs for rows in run.planned.values())

    def _purge(self) -> None:
        """Purge what Azure lists as recoverable: of what it does not list yet it purges nothing, and answers 204."""
        try:
            found = self._awaited()
        except ServiceError as error:
            self._leave_unpurged(quoted(error))
            return
        if found and not self._is_planned(found):
            self._leave_unpurged(message("Azure lists another deleted resource of its name"))
        elif found or self._purged_before():
            if found:
                self._send(RECOVERABLE, lambda: self.azure.manager.purge(self.plan.place, str(found.get("location"))))
            self._look(RECOVERABLE, lambda: self._recoverable() is None)
        else:
            self._leave_unpurged(message("Azure did not list it among the deleted resources in time"))

    def _awaited(self) -> Json | None:
        """Return the entry of the deleted resource once Azure shows it; None if it does not, or a purge was sent."""
        round_ = 0
        while not (found := self._recoverable()) and not self._purged_before() and self.deadline.pause(round_):
            round_ += 1
        return found

    def _is_planned(self, found: Json) -> bool:
        begun = (event.resource for event in self.ledger.events if isinstance(event, Opened))
        return any(_is_same(one, _made(found)) for one in begun)

    def _purged_before(self) -> bool:
        """Return whether an earlier run sent the purge, and no answer refused it."""
        of_purge = [
            one for one in self.ledger.events if isinstance(one, (Calling, Answered)) and one.row == RECOVERABLE
        ]
        return bool(of_purge) and (isinstance(of_purge[-1], Calling) or of_purge[-1].accepted)

    def _leave_unpurged(self, why: str) -> None:
        self.terms.say(f"{self.plan.place.name} was not purged: {why}")
        place = self.plan.place
        self.ledger.write(Left(project=str(place), row=RECOVERABLE, ids=[place.name], reason=why, again=True))

    def _opening(self) -> Opened:
        plan = self.plan
        scope = SearchedScope(projects="all", rows=[ACCOUNT], not_searched={}, selectors=[], salt=None)
        return Opened(
            tool=TOOL,
            endpoint=str(plan.place),
            asked=sealed(self.terms.asked, secrets.token_hex(16)),
            listed_from=_to_the_second(now()),
            plan_hash=_hash(plan),
            scope=scope,
            planned={str(plan.place): plan.rows},
            projects=[],
            protected=[],
            unmatched=[],
            signed_in_as=self.azure.manager.who,
            account=resource_of(plan),
            resource=_made(plan.account),
        )

    def _send(self, row: str, send: Sending) -> None:
        where, ids = str(self.plan.place), [self.plan.place.name]
        self.ledger.write(Calling(project=where, row=row, ids=ids))
        try:
            reply = send()
        except ServiceError as error:
            self.terms.say(error.message if not error.hint else f"{error.message}; {error.hint}")
            answered = Answered(
                project=where, row=row, ids=ids, status=error.status, request_id=error.request_id, reason=quoted(error)
            )
        else:
            answered = Answered(project=where, row=row, ids=ids, status=reply.status, request_id=reply.request_id)
        self.ledger.write(answered)

    def _look(self, row: str, is_gone: Looking) -> bool:
        """Look until it is gone or no time is left; record what was seen, unless it could not be looked for."""
        where, ids = str(self.plan.place), [self.plan.place.name]
        round_ = 0
        try:
            while not (gone := is_gone()) and self._may_go(row) and self.deadline.pause(round_):
                round_ += 1
        except ServiceError as error:
            self.terms.say(f"could not look for it: {error.message}")
            return False
        self.ledger.write(Looked(project=where, row=row, gone=ids if gone else [], there=[] if gone else ids))
        return gone

    def _may_go(self, row: str) -> bool:
        """Return whether waiting helps: the last request was accepted, or an earlier one is being carried out."""
        if row == ACCOUNT and self.plan.deleting:
            return True
        answers = [event for event in self.ledger.events if isinstance(event, Answered) and event.row == row]
        return bool(answers) and answers[-1].accepted

    def _recoverable(self) -> Json | None:
        return self.azure.recoverable(str(self.plan.account.get("location") or ""))

    def _is_purged(self) -> bool:
        """Return whether the last look for the recoverable resource, after its purge, found nothing."""
        looks = [event for event in self.ledger.events if isinstance(event, Looked) and event.row == RECOVERABLE]
        return bool(looks) and bool(looks[-1].gone)

    def _held_models(self) -> bool:
        """Return whether the resource is of the kind that holds exported models, as the first run saw it."""
        planned = deleted_resource(self.ledger.events)
        return bool(planned and planned.kind == TRAINING)

    def _words(self, *, deleted: bool) -> list[ByHand]:
        if not deleted:
            return []
        words = [ByHand(row=EXPORTS, words=_STATED)] if self._held_models() else []
        try:
            found = self._recoverable()
        except ServiceError as error:
            return [*words, ByHand(row=ACCOUNT, words=RECOVERY_UNKNOWN % {"reason": quoted(error)})]
        if not found and self._is_purged():
            return [*words, ByHand(row=ACCOUNT, words=message("purged: it can no longer be recovered"))]
        if not found:
            unknown = message(
                "Azure does not list it among the deleted resources: whether it can be recovered is unknown"
            )
            return [*words, ByHand(row=ACCOUNT, words=unknown)]
        until = purge_date(found)
        self.ledger.write(Recoverable(project=str(self.plan.place), until=until))
        return [*words, ByHand(row=ACCOUNT, words=RECOVERABLE_UNTIL % {"time": until})]


def resource_of(plan: AccountPlan) -> DeletedResource:
    """Return what the evidence says of the resource and of what it holds: ids and numbers."""
    contents = plan.contents
    return DeletedResource(
        id=str(plan.place),
        kind=plan.kind,
        location=plan.location,
        siblings=plan.siblings,
        projects=_projects_in(plan),
        failed=contents.failed if contents else [],
        unread=plan.unread,
    )


def _projects_in(plan: AccountPlan) -> list[HeldProject] | None:
    if plan.kind == PREDICTION:
        return []  # it has none of its own
    return None if plan.contents is None else [held_in(project) for project in plan.contents.projects]


def held_in(project: ProjectPlan) -> HeldProject:
    """Return what a project of the resource holds, in numbers."""
    return HeldProject(
        id=project.id,
        images=len(project.rows.get(IMAGES, {})),
        iterations=len(project.rows.get(ITERATIONS, {})),
        exported_models=project.exported_models,
        stored_predictions=len(project.rows.get(PREDICTIONS, {})),
    )


def _hash(plan: AccountPlan) -> str:
    return hashlib.sha256(canonical([as_json(resource_of(plan)), plan.rows])).hexdigest()


def _to_the_second(time: str) -> str:
    return f"{time[:19]}Z"
