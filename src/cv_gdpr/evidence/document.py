"""The evidence of an erasure: one JSON document, derived from the ledger's events alone."""

from collections.abc import Iterable, Iterator

from msgspec.structs import asdict, replace

from cv_gdpr.evidence.account import deleted_resource, method_used, verdict_on_resource
from cv_gdpr.evidence.events import PUBLICATIONS, Answered, Closed, Event, Held, Opened
from cv_gdpr.evidence.ledger import Chain, Ledger
from cv_gdpr.evidence.outcomes import (
    DELETED,
    FAILED,
    GONE,
    LEFT,
    RESIDUE,
    UNPROVED,
    Outcome,
    counted,
    items_of,
    outcomes_of,
)
from cv_gdpr.evidence.records import (
    FORMAT,
    TOOL,
    ByHand,
    Evidence,
    Head,
    LedgerEnd,
    Method,
    PlannedProject,
    Project,
    Retention,
    Run,
    SearchedScope,
)
from cv_gdpr.evidence.verdicts import NEW_PICTURES, verdict, verdict_of_recheck
from cv_gdpr.languages import message
from cv_gdpr.table.categories import ITERATIONS, PROJECTS

METHOD = Method(
    type=message("deletion by API request; not media sanitisation"),
    used=message("the delete operations of the Custom Vision Training API v3.4-preview"),
    note=message(
        "Neither Clear nor Purge of NIST SP 800-88 is claimed (Rev. 2 replaced Rev. 1 on 26 September 2025): "
        "only Microsoft can state how the service clears its media."
    ),
)
METHOD_OF_RECHECK = Method(
    type=message("recheck of an erasure; this run deleted nothing"),
    used=message("the listings and look-ups by id with which an erasure proves that an item is gone"),
    note=NEW_PICTURES,
)
PRIVACY = "https://learn.microsoft.com/legal/cognitive-services/custom-vision/custom-vision-data-privacy-security"
RETENTION = (
    Retention(
        what=message("projects, images, tags and iterations"),
        statement=message("Microsoft removes them from its systems within 30 days after they were deleted"),
        source=PRIVACY,
    ),
    Retention(
        what=message("images sent for prediction"),
        statement=message("kept for 30 days after the prediction, then removed if they were not used for training"),
        source=PRIVACY,
    ),
    Retention(
        what=message("the Azure resource"),
        statement=message("after its deletion it stays recoverable for 48 hours, unless it is purged"),
        source="https://learn.microsoft.com/azure/ai-services/recover-purge-resources",
    ),
)
DATED = {PRIVACY: "2021-07-07"}
"""The date that a page of Microsoft bears whose statements are cited."""
DAYS = {RETENTION[0].statement: 30, RETENTION[1].statement: 30, RETENTION[2].statement: 2}
"""How many days after the end of a run each statement speaks of."""


def exit_code(outcomes: list[Outcome], stopped: int, *, in_part: bool) -> int:
    """Return the exit code: `stopped` if a run was stopped, 4 for residue, 3 if part was not done, otherwise 0.

    `in_part`: something that was asked for was not found, read or searched.
    """
    states = {outcome.state for outcome in outcomes}
    if any(one.rechecked and one.state == RESIDUE for one in outcomes):
        return 4  # it is there again, whatever stopped the run afterwards
    if stopped:
        return stopped
    if RESIDUE in states:
        return 4
    return 3 if states & {FAILED, LEFT, UNPROVED} or in_part else 0


def retryable(outcomes: list[Outcome], closed: Closed) -> bool:
    """Return whether the same command may delete more: residue may disappear later, and a failure may pass.

    An item that was left may need a new plan or a person instead; its ledger event says which.
    """
    if closed.stopped:
        return not closed.refused
    unread = any(project.again for project in closed.document.failed)
    return unread or any(outcome.may_change for outcome in outcomes)


def close(ledger: Ledger, outside: list[ByHand], stopped: int = 0, *, refused: bool = False) -> None:
    """Write the ledger's last event; the evidence is derived from it and the events before it.

    `outside` is what the API cannot delete, `stopped` the exit code of the error that stopped the run, or 0, and
    `refused` whether the same command would be stopped again. Raise StorageError and LedgerLost.
    """
    document = head(ledger.events, outside, stopped, ledger.clock.tell())
    ledger.write(Closed(stopped=stopped, refused=refused, document=document))


def head(events: list[Event], outside: list[ByHand], stopped: int, finished: str) -> Head:
    """Return the part of the evidence that is not about single items, from the events before the last one."""
    outcomes = outcomes_of(events)
    runs = [event for event in events if isinstance(event, Opened)]
    opened = replace(runs[-1], scope=_scope([run.scope for run in runs]))
    not_found = _not_found(opened, outcomes)
    projects = _projects(events, outcomes)
    lacking = bool(not_found) and not opened.scope.missing_ok
    in_part = lacking or bool(opened.failed) or any(project.is_in_part for project in projects)
    in_part = in_part or bool(opened.recheck_of and not outcomes)  # evidence that proves nothing gone
    code = exit_code(outcomes, stopped, in_part=in_part)
    return Head(
        format=FORMAT,
        tool=TOOL,
        endpoint=opened.endpoint,
        started=events[0].at,
        finished=finished,
        verdict=_verdict(code, outcomes, events, opened),
        exit_code=code,
        method=_method(events, opened),
        scope=opened.scope,
        plan_hash=opened.plan_hash,
        runs=[_run(run) for run in runs],
        projects=projects,
        protected=opened.protected,
        not_found=not_found,
        outside_the_api=outside,
        retention=list(RETENTION),
        failed=opened.failed,
        reference=opened.reference,
        operator=opened.operator,
        recheck_of=opened.recheck_of,
        rechecked=opened.rechecked,
        resource=deleted_resource(events),
    )


def _verdict(code: int, outcomes: list[Outcome], events: list[Event], opened: Opened) -> str:
    if opened.recheck_of:
        return verdict_of_recheck(code, outcomes)
    return verdict_on_resource(code, outcomes, events) if deleted_resource(events) else verdict(code, outcomes, opened)


def _method(events: list[Event], opened: Opened) -> Method:
    if opened.recheck_of:
        return METHOD_OF_RECHECK
    return replace(METHOD, used=method_used(events)) if deleted_resource(events) else METHOD


def _not_found(opened: Opened, outcomes: list[Outcome]) -> list[str]:
    """Return the selector values that no run found: ids as they are, other values by the beginning of their hash."""
    found = {outcome.id for outcome in outcomes}  # by this run, or by an interrupted one before it
    ids = [value for value in opened.unmatched if value.rpartition(" ")[2] not in found]
    return ids + [one.short for one in opened.scope.absent]


def _run(opened: Opened) -> Run:
    """Return a run's start, plan hash and number of items; a resumed run plans what the runs before it left."""
    items = sum(len(ids) for rows in opened.planned.values() for ids in rows.values())
    return Run(
        started=opened.at,
        plan_hash=opened.plan_hash,
        items=items,
        signed_in_as=opened.signed_in_as,
        signer=opened.signer,
        authority=opened.authority,
        approved_by=opened.approved_by,
    )


def _scope(scopes: list[SearchedScope]) -> SearchedScope:
    """Return the last run's scope, with each selector marked as matched if it matched in any run."""
    last = scopes[-1]
    if not last.selectors:
        return last
    of_runs = zip(*(scope.selectors for scope in scopes), strict=True)
    matched = [_matched([one.matched for one in same]) for same in of_runs]
    selectors = [replace(one, matched=did) for one, did in zip(last.selectors, matched, strict=True)]
    return replace(last, selectors=selectors)


def _matched(runs: list[bool | None]) -> bool | None:
    """Return whether a value matched in any run; None if the last one could not tell."""
    return True if any(runs) else runs[-1]


def _projects(events: list[Event], outcomes: list[Outcome]) -> list[Project]:
    """Return the projects of all runs; the last run may not have found those that an earlier one deleted."""
    states = {(outcome.row, outcome.id): outcome.state for outcome in outcomes}
    gone = {identity for (row, identity), state in states.items() if row == ITERATIONS and state in {DELETED, GONE}}
    unpublished = gone | _accepted(events, PUBLICATIONS)
    projects = []
    for planned in _planned_projects(events):
        holding = {*planned.iterations_trained_on_them, *_holding(events, planned.id)} - gone
        project = replace(
            planned,
            iterations_trained_on_them=sorted(holding),
            published_holding={one: name for one, name in planned.published_holding.items() if one in holding},
            unpublished=[one for one in planned.unpublished if one in unpublished],
        )
        projects.append(Project(**asdict(project), state=states.get((PROJECTS, planned.id))))
    return projects


def _planned_projects(events: list[Event]) -> Iterable[PlannedProject]:
    """Return each project that a run planned, with all that the runs know of it."""
    projects: dict[str, PlannedProject] = {}
    for event in events:
        if isinstance(event, Opened):
            for project in event.projects:
                projects[project.id] = _merged(projects.get(project.id, project), project)
    return projects.values()


def _merged(old: PlannedProject, new: PlannedProject) -> PlannedProject:
    counts = [count for count in (old.exported_models, new.exported_models) if count is not None]
    return PlannedProject(
        id=new.id,
        whole=old.whole or new.whole,
        images_only_in_iterations=max(old.images_only_in_iterations, new.images_only_in_iterations),
        exported_models=max(counts, default=None),
        iterations_trained_on_them=sorted({*old.iterations_trained_on_them, *new.iterations_trained_on_them}),
        unpublished=sorted({*old.unpublished, *new.unpublished}),
        copies_outside=old.copies_outside | new.copies_outside,
        published_holding=old.published_holding | new.published_holding,
        kept=sorted({*old.kept, *new.kept}),
        kept_published=new.kept_published,
        kept_for_images=new.kept_for_images,
        predictions_not_searched=new.predictions_not_searched,
        copies_of=old.copies_of | new.copies_of,
        copies_left=new.copies_left,
    )


def _accepted(events: list[Event], row: str) -> set[str]:
    """Return the ids for which the service accepted a deletion of that row."""
    answers = (event for event in events if isinstance(event, Answered) and event.row == row)
    return {one for event in answers if event.accepted for one in event.ids}


def _holding(events: list[Event], project: str) -> Iterator[str]:
    """Yield the iterations that held deleted images, from the ledger: after the deletion the service cannot tell."""
    for event in events:
        if isinstance(event, Held) and event.project == project:
            yield from (iteration for iteration, ids in event.iterations.items() if ids)


def document_of(chain: Chain, ledger: str) -> Evidence:
    """Return the evidence that follows from a closed ledger; `ledger` is its file name."""
    (closed,) = (event for event in chain.events[-1:] if isinstance(event, Closed))
    outcomes = outcomes_of(chain.events)
    *_, opened = (event for event in chain.events if isinstance(event, Opened))
    return Evidence(
        **asdict(replace(closed.document, format=FORMAT)),
        language=opened.language,
        annex=opened.annex,
        listed_from=opened.listed_from,
        retryable=retryable(outcomes, closed),
        counts=counted(outcomes),
        items=items_of(outcomes),
        residue=items_of(outcome for outcome in outcomes if outcome.state == RESIDUE),
        ledger=LedgerEnd(file=ledger, lines=len(chain.events), last=chain.last),
    )
