"""The evidence of an erasure: one JSON document, derived from the ledger's events alone."""

import secrets
from typing import Any

from cv_gdpr import __version__
from cv_gdpr.evidence.ledger import Chain, Ledger, now, sealed
from cv_gdpr.evidence.outcomes import (
    DELETED,
    FAILED,
    GONE,
    LEFT,
    RESIDUE,
    UNPROVED,
    Outcome,
    as_json,
    counted,
    outcomes_of,
)
from cv_gdpr.verbatim import Json

FORMAT = "cv-gdpr evidence 1"
TOOL = f"cv-gdpr {__version__}"
FIELDS: dict[str, tuple[str, ...]] = {
    FORMAT: (
        "format",
        "tool",
        "endpoint",
        "started",
        "finished",
        "verdict",
        "exitCode",
        "method",
        "scope",
        "planHash",
        "runs",
        "counts",
        "projects",
        "protected",
        "notFound",
        "items",
        "residue",
        "outsideTheApi",
        "retention",
        "ledger",
    )
}
"""The fields of the evidence in each format, in order."""

METHOD: Json = {
    "type": "deletion by API request; not media sanitisation",
    "used": "the delete operations of the Custom Vision Training API v3.4-preview",
    "note": "Neither Clear nor Purge of NIST SP 800-88 is claimed (Rev. 2 replaced Rev. 1 on 26 September 2025): "
    "only Microsoft can state how the service clears its media.",
}
_PRIVACY = "https://learn.microsoft.com/legal/cognitive-services/custom-vision/custom-vision-data-privacy-security"
RETENTION: tuple[Json, ...] = (
    {
        "what": "projects, images, tags and iterations",
        "statement": "Microsoft removes them from its systems within 30 days after they were deleted",
        "source": _PRIVACY,
    },
    {
        "what": "images sent for prediction",
        "statement": "kept for 30 days after the prediction, then removed if they were not used for training",
        "source": _PRIVACY,
    },
    {
        "what": "the Azure resource",
        "statement": "after its deletion it stays recoverable for 48 hours, unless it is purged",
        "source": "https://learn.microsoft.com/azure/ai-services/recover-purge-resources",
    },
)
_NO_OTHER = "Not a statement that no other picture of the person exists."


def opening(plan: Json, planned: Json, asked: str) -> Json:
    """Return the first event of a run, which holds everything that the evidence needs from the plan.

    `plan` is the plan's JSON with its `hash`, `planned` its ids (project -> row -> ids), and `asked` a text that
    identifies the command.
    """
    return {
        "tool": TOOL,
        "endpoint": plan["endpoint"],
        "asked": sealed(asked, secrets.token_hex(16)),
        "listedFrom": plan["created"],
        "planHash": plan["hash"],
        "scope": plan["scope"],
        "planned": planned,
        "projects": [_project(project) for project in plan["projects"]],
        "protected": plan["protected"],
        "unmatched": plan["unmatched"],
    }


def _project(project: Json) -> Json:
    """Return what the evidence says about a planned project, besides its items."""
    kept = ("id", "whole", "only_in_iterations", "exported_models", "iterations_holding", "published")
    names = ("id", "whole", "imagesOnlyInIterations", "exportedModels", "iterationsTrainedOnThem", "unpublished")
    shown = {name: project[field] for name, field in zip(names, kept, strict=True)}
    if not project["rows"].get("iterations"):
        shown["exportedModels"] = None  # not counted, as no iteration was planned
    return shown | {"unpublished": sorted(shown["unpublished"])}


def exit_code(outcomes: list[Outcome], stopped: int, unmatched: list[str]) -> int:
    """Return the exit code: `stopped` if a run was stopped, 4 for residue, 3 if part was not done, otherwise 0."""
    states = {outcome.state for outcome in outcomes}
    if stopped:
        return stopped
    if RESIDUE in states:
        return 4
    return 3 if states & {FAILED, LEFT, UNPROVED} or unmatched else 0


def verdict(code: int, outcomes: list[Outcome], opened: Json) -> str:
    """Return in words what was proved, and no more; items stored after the listing began may not be in the plan."""
    selected, before = bool(opened["scope"].get("selectors")), f"stored before {opened['listedFrom']}"
    if code == 3 and not outcomes:
        return "found nowhere: what was asked for"
    if code:
        words = {3: "done in part", 4: "residue: deleted according to the service, but still there"}
        return words.get(code, "not carried out in full: refused or not reachable")
    if not outcomes and selected:
        return f"nothing to delete: these selectors matched nothing {before}. {_NO_OTHER}"
    if not outcomes:
        return f"nothing to delete: nothing in scope, {before}, was there"
    done = "gone already" if all(outcome.state == GONE for outcome in outcomes) else "erased"
    if selected:
        return f"{done}: what these selectors matched, {before}. {_NO_OTHER}"
    return f"{done}: everything in the plan, {before}. Not a statement about what was stored since."


def close(ledger: Ledger, outside: list[Json], stopped: int = 0) -> None:
    """Write the ledger's last event; the evidence is derived from it and the events before it.

    `outside` is what the API cannot delete, `stopped` the exit code of the error that stopped the run, or 0. Raise
    StorageError and LedgerLost.
    """
    ledger.write("closed", stopped=stopped, document=head(ledger.events, outside, stopped, now()))


def head(events: list[Json], outside: list[Json], stopped: int, finished: str) -> Json:
    """Return the part of the evidence that is not about single items, from the events before the last one."""
    outcomes = outcomes_of(events)
    runs = [event for event in events if event["event"] == "opened"]
    opened = runs[-1] | {"scope": _scope([run["scope"] for run in runs])}
    found = {outcome.id for outcome in outcomes}  # by this run, or by an interrupted one before it
    not_found = [value for value in opened["unmatched"] if value.rpartition(" ")[2] not in found]
    code = exit_code(outcomes, stopped, not_found)
    return {
        "format": FORMAT,
        "tool": TOOL,
        "endpoint": opened["endpoint"],
        "started": events[0]["at"],
        "finished": finished,
        "verdict": verdict(code, outcomes, opened),
        "exitCode": code,
        "method": METHOD,
        "scope": opened["scope"],
        "planHash": opened["planHash"],
        "runs": [_run(run) for run in runs],
        "projects": _projects(events, outcomes),
        "protected": opened["protected"],
        "notFound": not_found,
        "outsideTheApi": outside,
        "retention": list(RETENTION),
    }


def _run(opened: Json) -> Json:
    """Return a run's start, plan hash and number of items; a resumed run plans what the runs before it left."""
    things = sum(len(ids) for rows in opened["planned"].values() for ids in rows.values())
    return {"started": opened["at"], "planHash": opened["planHash"], "things": things}


def _scope(scopes: list[Json]) -> Json:
    """Return the last run's scope, with each selector marked as matched if it matched in any run."""
    last = scopes[-1]
    if not last["selectors"]:
        return last
    matched = [
        any(one["matched"] for one in of_runs)
        for of_runs in zip(*(scope["selectors"] for scope in scopes), strict=True)
    ]
    selectors = [one | {"matched": did} for one, did in zip(last["selectors"], matched, strict=True)]
    return last | {"selectors": selectors}


def _projects(events: list[Json], outcomes: list[Outcome]) -> list[Json]:
    """Return the projects of all runs; the last run may not have found those that an earlier one deleted."""
    projects: dict[str, Json] = {}
    for event in events:
        if event["event"] == "opened":
            for project in event["projects"]:
                known = projects.setdefault(project["id"], project)
                projects[project["id"]] = {name: _wider(known[name], value) for name, value in project.items()}
    states = {(outcome.row, outcome.id): outcome.state for outcome in outcomes}
    gone = {identity for (row, identity), state in states.items() if row == "iterations" and state in {DELETED, GONE}}
    unpublished = gone | _accepted(events, "publications")
    for identity, project in projects.items():
        holding = {*project["iterationsTrainedOnThem"], *_holding(events, identity)} - gone
        project["iterationsTrainedOnThem"] = sorted(holding)
        project["unpublished"] = [one for one in project["unpublished"] if one in unpublished]
        project["state"] = states.get(("projects", identity))
    return list(projects.values())


def _wider(old: Any, new: Any) -> Any:
    if isinstance(new, list):
        return sorted({*old, *new})
    return max((value for value in (old, new) if value is not None), default=None)


def _accepted(events: list[Json], row: str) -> set[str]:
    """Return the ids for which the service accepted a deletion of that row."""
    accepted = [event for event in events if event["event"] == "answered" and event["row"] == row]
    return {one for event in accepted if 200 <= event["status"] < 300 for one in event["ids"]}


def _holding(events: list[Json], project: str) -> set[str]:
    """Return the iterations that held deleted images, from the ledger: after the deletion the service cannot tell."""
    held = [event for event in events if event["event"] == "held" and event["project"] == project]
    return {iteration for event in held for iteration, ids in event["iterations"].items() if ids}


def document_of(chain: Chain, ledger: str) -> Json:
    """Return the evidence that follows from a closed ledger; `ledger` is its file name."""
    outcomes = outcomes_of(chain.events)
    document: Json = chain.events[-1]["document"] | {
        "counts": counted(outcomes),
        "items": as_json(outcomes),
        "residue": as_json(outcome for outcome in outcomes if outcome.state == RESIDUE),
        "ledger": {"file": ledger, "lines": len(chain.events), "last": chain.last},
    }
    return {name: document[name] for name in FIELDS[document["format"]]}
